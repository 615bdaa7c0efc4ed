// remex status, exiwhat: what the processes of the daemon do.

#include <fmt/core.h>
#include <sysexits.h>

#include "core/cli/modes.h"
#include "core/cli/utilities.h"
#include "core/daemon/status.h"
#include "core/io/fiber.h"

namespace remex::cli {

namespace {
constexpr Millis kPatience{5'000};
}

int run_status(const Options& o, std::shared_ptr<const lang::Config> config) {
  if (!o.arguments.empty()) return complain(EX_USAGE, "status takes no arguments");
  return io::run_loop([&]() -> int {
    auto text = daemon::ask_status(config->main.spool_directory, kPatience);
    if (!text) return complain(EX_UNAVAILABLE, text.error().text);
    fmt::print("{}", *text);
    return EX_OK;
  });
}

int run_what(const std::vector<std::string>& args) {
  Options o;
  o.program = "exiwhat";
  for (std::size_t i = 0; i < args.size(); ++i) {
    if (args[i] == "-C" && i + 1 < args.size()) {
      o.config_file = args[++i];
    } else {
      fmt::print(stderr, "Usage: exiwhat [-C FILE]\n");
      return 1;
    }
  }
  auto config = load(o, false);
  return config ? run_status(o, std::move(config)) : 1;
}

}  // namespace remex::cli
