// One function per mode; each returns the process's exit status. Shared helpers of the modes.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/cli/options.h"
#include "core/daemon/local_user.h"
#include "core/daemon/process.h"
#include "core/daemon/scheduler.h"
#include "lang/config.h"

namespace remex::cli {

/// -C, or /etc/remex/remex.conf.
std::string config_path(const Options& o);
/// The configuration as -L wants it: the log goes to the syslog under that name. `config` (or null) was just loaded and
/// nobody else has it.
std::shared_ptr<const lang::Config> with_syslog_tag(const Options& o, std::shared_ptr<const lang::Config> config);
/// Loads; on error prints all diagnostics to stderr and returns null. Warnings are printed when `warnings`.
std::shared_ptr<const lang::Config> load(const Options& o, bool warnings);

/// Cleans and fills the environment as keep_environment and add_environment say.
void apply_environment(const lang::Config& config);

using daemon::Caller;
using daemon::LocalScope;
/// Who called this command. Where the account database cannot be asked the process ends with EX_TEMPFAIL and a line on
/// standard error: any guess at a name or a right would be wrong.
Caller find_caller(const lang::Config& config);

/// Prints "remex: text" on stderr; returns the code, so that a mode can end with it.
int complain(int code, std::string_view text);

/// A process for a mode that works on the queue: root gives up its rights before it touches the spool. Runs `f` in the
/// event loop and returns its exit status.
int with_process(const Options& o, const std::shared_ptr<const lang::Config>& config, bool read_only,
                 const std::function<int(daemon::Process&)>& f);

/// The privileged helper of a mode that delivers or routes as root; null for everyone else, whose deliveries are done
/// by this process. Call it before loops and threads exist and before rights are dropped.
std::shared_ptr<io::Courier> start_courier(std::shared_ptr<const lang::Config> config);
/// The same for modes that only route; null also when no router of the configuration would ask it.
std::shared_ptr<io::Courier> start_routing_courier(std::shared_ptr<const lang::Config> config);

/// Debug sink for -d/-v: writes lines to stderr.
void enable_debug(const Options& o, daemon::Process& p);

int run_expand(const Options& o, std::shared_ptr<const lang::Config> config);
int run_route_test(const Options& o, std::shared_ptr<const lang::Config> config);
int run_rewrite_test(const Options& o, std::shared_ptr<const lang::Config> config);
/// "PATTERN  ERROR  STEPS; ": a rule as -brt shows it.
std::string retry_rule_text(const lang::RetryRule& rule);
int run_retry_test(const Options& o, std::shared_ptr<const lang::Config> config);
/// -bf, -bF
int run_filter_test(const Options& o, std::shared_ptr<const lang::Config> config);
int run_verify(const Options& o, std::shared_ptr<const lang::Config> config);
int run_smtp_stdin(const Options& o, std::shared_ptr<const lang::Config> config);
int run_smtp_test(const Options& o, std::shared_ptr<const lang::Config> config);
int run_submit(const Options& o, std::shared_ptr<const lang::Config> config);
int run_list_queue(const Options& o, std::shared_ptr<const lang::Config> config);
int run_queue(const Options& o, std::shared_ptr<const lang::Config> config);
int run_message(const Options& o, std::shared_ptr<const lang::Config> config);
/// remex queue, remex why, remex host.
int run_operate(const Options& o, std::shared_ptr<const lang::Config> config);
/// remex status.
int run_status(const Options& o, std::shared_ptr<const lang::Config> config);
int run_version(const Options& o, std::shared_ptr<const lang::Config> config);
int run_print_config(const Options& o, std::shared_ptr<const lang::Config> config);
int run_check(const Options& o);
/// -bI:.
int run_inform(const Options& o);
/// -z: one line of the main log.
int run_write_log(const Options& o, std::shared_ptr<const lang::Config> config);
/// -bi: runs bi_command. Returns only its failure, or 0 when there is none to run.
int run_bi_command(const Options& o, std::shared_ptr<const lang::Config> config);
int run_help(const Options& o);
/// What the -q options with times ask of the daemon. Error: one that the daemon cannot do.
Result<std::vector<daemon::QueueRunner>> queue_runners(const Options& o);
int run_daemon_mode(const Options& o, std::shared_ptr<const lang::Config> config);

}  // namespace remex::cli
