// Entry point: command line, configuration, mode.

#include <fcntl.h>
#include <fmt/core.h>
#include <unistd.h>

#include <cerrno>
#include <clocale>
#include <csignal>
#include <cstdio>
#include <exception>

#include "core/cli/features.h"
#include "core/cli/modes.h"
#include "core/cli/submit_client.h"
#include "core/cli/utilities.h"
#include "core/hooks/hooks.h"

namespace {

using namespace remex;
using namespace remex::cli;

/// What the caller may not do without being an admin user; null when it is permitted.
const char* needs_admin(const Options& o, const lang::Config& config) {
  const auto& m = config.main;
  const char* what = nullptr;
  switch (o.mode) {
    case Mode::message:
      if (o.message_action == "rm") break;  // everybody may remove what is his own
      what = m.prod_requires_admin || !o.message_action.empty() ? "-M" : nullptr;
      break;
    case Mode::operate: what = "remex queue"; break;
    case Mode::queue_run: what = m.prod_requires_admin ? "-q" : nullptr; break;
    case Mode::smtp_test: what = m.commandline_checks_require_admin ? "-bh" : nullptr; break;
    case Mode::route_test: what = m.commandline_checks_require_admin ? "-bt" : nullptr; break;
    case Mode::expand: what = m.commandline_checks_require_admin ? "-be" : nullptr; break;
    default: break;
  }
  return what != nullptr && !find_caller(config).admin ? what : nullptr;
}

int dispatch(const Options& o) {
  switch (o.mode) {
    case Mode::help: return run_help(o);
    case Mode::check: return run_check(o);
    case Mode::inform: return run_inform(o);
    default: break;
  }
  // A configuration with secrets in it is not for everybody to read, and the daemon has its own.
  if (can_hand_over(o) && geteuid() != 0 && euidaccess(config_path(o).c_str(), R_OK) != 0 && errno == EACCES)
    return hand_over(o, lang::MainOptions().spool_directory);
  const bool show_warnings = o.mode == Mode::daemon || o.mode == Mode::version;
  if (o.mode == Mode::version && hooks::active()) {
    fmt::print("{}", version_text());  // also when the configuration is refused, as Exim does
    std::fflush(stdout);
  }
  auto config = load(o, show_warnings);
  if (!config) return 1;
  // A command ends with its process: the configuration's thousands of parts are not taken down one by one. A server
  // lets go of what it replaced.
  [[maybe_unused]] static const auto* const kept =
      o.mode != Mode::daemon ? new std::shared_ptr<const lang::Config>(config) : nullptr;
  apply_environment(*config);
  if (!o.syslog_tag.empty() && !find_caller(*config).admin)
    return complain(1, "you lack sufficient privilege to specify syslog process name");
  if (const char* why = needs_admin(o, *config); why != nullptr) {
    fmt::print(stderr, "{}: permission denied: {} is for admin users (root, exim_user, admin_groups)\n", o.program,
               why);
    return 1;
  }
  switch (o.mode) {
    case Mode::submit: return run_submit(o, config);
    case Mode::daemon: return run_daemon_mode(o, config);
    case Mode::queue_run: return run_queue(o, config);
    case Mode::smtp_stdin:
    case Mode::smtp_batch: return run_smtp_stdin(o, config);
    case Mode::smtp_test: return run_smtp_test(o, config);
    case Mode::route_test: return run_route_test(o, config);
    case Mode::verify:
    case Mode::verify_sender: return run_verify(o, config);
    case Mode::expand: return run_expand(o, config);
    case Mode::version: return run_version(o, config);
    case Mode::print_config: return run_print_config(o, config);
    case Mode::list_queue: return run_list_queue(o, config);
    case Mode::message: return run_message(o, config);
    case Mode::operate: return run_operate(o, config);
    case Mode::status: return run_status(o, config);
    case Mode::rewrite_test: return run_rewrite_test(o, config);
    case Mode::filter_test: return run_filter_test(o, config);
    case Mode::retry_test: return run_retry_test(o, config);
    case Mode::aliases: return run_bi_command(o, config);
    case Mode::write_log: return run_write_log(o, config);
    case Mode::help:
    case Mode::inform:
    case Mode::check: break;
  }
  return 1;
}

/// What a caller closed of standard input, output and error is /dev/null: else the next file or connection that is
/// opened gets the number, and what is printed goes into it. Nothing can be read from the input: no message is there,
/// rather than an empty one. False: that cannot be had.
bool fill_standard_descriptors() {
  int fd = 0;
  while (fd >= 0 && fd <= STDERR_FILENO) fd = open("/dev/null", O_WRONLY);
  if (fd < 0) return false;
  close(fd);
  return true;
}

}  // namespace

int main(int argc, char** argv) {
  if (!fill_standard_descriptors()) return 71;  // EX_OSERR; there may be nowhere to say so
  std::setlocale(LC_ALL, "C");
  std::signal(SIGPIPE, SIG_IGN);
  if (const auto allowed = hooks::enter(); !allowed) {
    fmt::print(stderr, "remex: {}\n", allowed.error().text);
    return 1;
  }
  if (argc > 0) {
    const std::string_view path = argv[0];
    if (const auto* utility = find_utility(path.substr(path.rfind('/') + 1)); utility != nullptr)
      return utility->run(std::vector<std::string>(argv + 1, argv + argc));
  }
  auto o = parse_command_line(argc, argv);
  if (!o) {
    fmt::print(stderr, "{}\n", o.error().text);
    return 1;
  }
  try {
    return dispatch(*o);
  } catch (const std::exception& e) {
    fmt::print(stderr, "remex: internal error: {}\n", e.what());
    return 70;  // EX_SOFTWARE
  }
}
