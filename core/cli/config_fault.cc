// Where Exim says that a configuration is wrong, by mode.
#include "core/cli/config_fault.h"

#include <fmt/core.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <string>

#include "core/daemon/process.h"
#include "core/log/log.h"

namespace remex::cli {
namespace {

/// Modes that test something write no logs.
bool only_tests(Mode mode) {
  constexpr Mode kTests[] = {Mode::version,       Mode::expand,      Mode::route_test, Mode::verify,
                             Mode::verify_sender, Mode::filter_test, Mode::smtp_test};
  return std::find(std::begin(kTests), std::end(kTests), mode) != std::end(kTests);
}

/// The log as far as the configuration was read; nothing of it is a default that belongs to another installation.
log::LogConfig log_of(const lang::Config* refused) {
  log::LogConfig out;
  out.only_stderr = true;
  if (refused == nullptr) return out;
  const auto given = [&](std::string_view name) {
    return std::any_of(refused->main_given.begin(), refused->main_given.end(),
                       [&](const auto& g) { return g.def->name == name; });
  };
  auto made = daemon::log_config(*refused);
  if (!made) return out;
  made->only_stderr = !given("log_file_path") && !given("spool_directory");
  return *made;
}

}  // namespace

void tell_config_fault(const Options& o, std::string_view text, const lang::Config* refused) {
  if (o.mode == Mode::smtp_test) {
    fmt::print(stderr, "LOG: {}\n", text);
    return;
  }
  log::LogConfig config = log_of(refused);
  const bool told = o.verbose || o.debug || o.mode == Mode::print_config;
  if (told) fmt::print(stderr, "LOG: PANIC DIE\n  {}\n", text);
  const bool no_file = config.only_stderr || only_tests(o.mode);
  config.keep_line_breaks = true;
  config.only_stderr = false;
  config.to_stderr = !told;
  config.verbose = config.panic_to_stderr = false;
  if (no_file) config.file_path = "syslog", config.spool_directory.clear();
  if (geteuid() == 0 && refused != nullptr && !no_file)
    if (auto id = daemon::run_identity(*refused); id) (void)daemon::become(*id, *refused);
  if (auto log = log::Log::open(config); log) (*log)->write(no_file ? 0 : log::kPanic, "", text);
}

}  // namespace remex::cli
