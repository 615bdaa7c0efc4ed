// Entry point: command line, configuration, mode.

#include <fmt/core.h>

#include <clocale>
#include <csignal>
#include <cstdio>
#include <exception>

#include "core/cli/modes.h"

namespace {

using namespace remex;
using namespace remex::cli;

int dispatch(const Options& o) {
  switch (o.mode) {
    case Mode::help: return run_help(o);
    case Mode::check: return run_check(o);
    case Mode::aliases: return 0;  // alias files are read as they are; there is nothing to rebuild
    default: break;
  }
  const bool show_warnings = o.mode == Mode::daemon || o.mode == Mode::version;
  auto config = load(o, show_warnings);
  if (!config) return 1;
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
    case Mode::rewrite_test:
    case Mode::retry_test: fmt::print(stderr, "{}: -brw and -brt are not supported by this version\n", o.program); return 1;
    case Mode::help:
    case Mode::check:
    case Mode::aliases: break;
  }
  return 1;
}

}  // namespace

int main(int argc, char** argv) {
  std::setlocale(LC_ALL, "C");
  std::signal(SIGPIPE, SIG_IGN);
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
