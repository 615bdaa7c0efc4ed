// The command line: Exim's options (and sendmail's where Exim takes them) as data.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "core/daemon/submit_request.h"

namespace remex::cli {

enum class Mode : std::uint8_t {
  submit,         ///< -bm, or nothing: a message on standard input
  daemon,         ///< -bd, -bdf, -q<time>
  queue_run,      ///< -q...
  smtp_stdin,     ///< -bs
  smtp_batch,     ///< -bS
  smtp_test,      ///< -bh
  route_test,     ///< -bt
  verify,         ///< -bv
  verify_sender,  ///< -bvs
  expand,         ///< -be
  version,        ///< -bV
  print_config,   ///< -bP
  list_queue,     ///< -bp...
  message,        ///< -M...
  operate,        ///< remex queue, remex why, remex host
  status,         ///< remex status
  aliases,        ///< -bi
  write_log,      ///< -z
  inform,         ///< -bI:
  rewrite_test,   ///< -brw
  retry_test,     ///< -brt
  filter_test,    ///< -bf, -bF
  check,          ///< remex check
  help,           ///< remex help, --help
};

/// With what is handed over when messages are.
struct Options : daemon::SubmitRequest {
  Mode mode = Mode::submit;
  std::string program;                        ///< base name of argv[0]
  std::string config_file;                    ///< -C
  std::map<std::string, std::string> macros;  ///< -D
  bool listen = false;                        ///< -bd, -bdf
  bool foreground = false;                    ///< -bdf
  /// One -q option with a time.
  struct PeriodicRun {
    std::int64_t interval = 0;  ///< seconds
    std::string queue_name, flags;
    bool two_stage = false, force = false, force_frozen = false, local = false, first_only = false;
  };
  std::vector<PeriodicRun> periodic;
  bool queue_force = false, queue_force_frozen = false, queue_local = false,
       queue_first_only = false;  ///< -qf -qff -ql -qi
  bool queue_run_once = false;    ///< a -q without a time
  std::string queue_target;       ///< -MG: where messages go
  /// -R, -S: which messages a queue run takes.
  struct Select {
    bool given = false, is_regex = false;
    std::string text;
  };
  Select select_recipient, select_sender;
  bool debug = false, verbose = false;                                         ///< -d, -v
  std::string filter_file, system_filter_file;                                 ///< -bf, -bF
  std::string filter_domain, filter_local_part, filter_prefix, filter_suffix;  ///< -bfd -bfl -bfp -bfs
  std::string bi_argument;                                                     ///< -oA
  bool terse = false;                                                          ///< -n: -bP shows values alone
  bool queue_two_stage = false;                                                ///< -qq
  bool listener_on_stdin = false;                                              ///< -bw
  std::int64_t idle_limit = 0;            ///< -bw TIME: ends after so long without a client, seconds
  std::string message_file;               ///< -bem: a message whose variables -be sees
  std::string message_id;                 ///< -Mset: the same of a message in the queue
  std::string log_text;                   ///< -z
  std::string syslog_tag;                 ///< -L
  std::string listen_override, pid_file;  ///< -oX, -oP
  std::string message_action;             ///< letters after -M
  std::string test_host;                  ///< -bh
  bool test_callouts = false;             ///< -bhc
  std::string markdown_dir;               ///< remex help --markdown DIR
  bool strict = false;                    ///< remex check --strict
  bool json = false;                      ///< remex check --json, remex help --json
  std::string explain;                    ///< remex check --explain CODE
  bool diagnostics_page = false;          ///< remex help --diagnostics
};

/// Error: text for stderr; exit status 1 (Exim's for a bad command line).
Result<Options> parse_command_line(int argc, char** argv);

}  // namespace remex::cli
