// pipe: known to the configuration reader, so that its name and options are checked; using it is an error when the
// configuration is loaded, because the driver itself does not exist yet.
#include "transports/transport.h"

namespace remex::transports {
namespace {

using lang::OptionType;
using lang::State;

constexpr OptionDef kOptions[] = {
    {"allow_commands", OptionType::expanded_list, nullptr, "", "permitted command list", State::later, "*", "", 2},
    {"batch_id", OptionType::expanded, nullptr, "", "key splitting batches", State::later, "*", "", 3},
    {"batch_max", OptionType::integer, nullptr, "1", "addresses per run", State::later, "*", "", 2},
    {"check_string", OptionType::string, nullptr, "", "line start that triggers escaping", State::later, "*", "", 2},
    {"command", OptionType::expanded, nullptr, "", "command; split into arguments, each expanded", State::later, "*",
     "", 1},
    {"environment", OptionType::expanded_list, nullptr, "", "extra environment settings", State::later, "*", "", 2},
    {"escape_string", OptionType::string, nullptr, "", "replacement for check_string", State::later, "*", "", 2},
    {"force_command", OptionType::boolean, nullptr, "false", "use command even for redirected pipes", State::later, "*",
     "", 3},
    {"freeze_exec_fail", OptionType::boolean, nullptr, "false", "freeze if exec fails", State::later, "*", "", 3},
    {"freeze_signal", OptionType::boolean, nullptr, "false", "freeze if killed by signal", State::later, "*", "", 3},
    {"ignore_status", OptionType::boolean, nullptr, "false", "treat any exit code as success", State::later, "*", "",
     2},
    {"log_defer_output", OptionType::boolean, nullptr, "false", "log first output line on defer", State::later, "*", "",
     2},
    {"log_fail_output", OptionType::boolean, nullptr, "false", "log first output line on failure", State::later, "*",
     "", 2},
    {"log_output", OptionType::boolean, nullptr, "false", "log first output line always", State::later, "*", "", 1},
    {"max_output", OptionType::integer, nullptr, "20K", "kill command beyond this output", State::later, "*", "", 3},
    {"message_prefix", OptionType::expanded, nullptr, "mbox From line; unset under use_bsmtp",
     "text before message; mbox From line by default", State::later, "*", "", 1},
    {"message_suffix", OptionType::expanded, nullptr, "\\n; unset under use_bsmtp", "text after message", State::later,
     "*", "", 1},
    {"path", OptionType::expanded, nullptr, "/bin:/usr/bin", "pATH for command", State::later, "*", "", 1},
    {"permit_coredump", OptionType::boolean, nullptr, "false", "allow core dumps", State::later, "*", "", 4},
    {"pipe_as_creator", OptionType::boolean, nullptr, "false", "run as submitting uid", State::later, "*", "", 3},
    {"restrict_to_path", OptionType::boolean, nullptr, "false", "only slash-free commands found on path", State::later,
     "*", "", 3},
    {"return_fail_output", OptionType::boolean, nullptr, "false", "return output when command fails", State::later, "*",
     "", 1},
    {"return_output", OptionType::boolean, nullptr, "false", "any output fails delivery and is returned", State::later,
     "*", "", 1},
    {"temp_errors", OptionType::string_list, nullptr, "75:73 (EX_TEMPFAIL, EX_CANTCREAT)",
     "exit codes that defer, or *", State::later, "*", "", 1},
    {"timeout", OptionType::time, nullptr, "1h", "kill after; failure unless timeout_defer", State::later, "*", "", 2},
    {"timeout_defer", OptionType::boolean, nullptr, "false", "timeout defers", State::later, "*", "", 2},
    {"umask", OptionType::octal, nullptr, "022", "umask for command", State::later, "*", "", 2},
    {"use_bsmtp", OptionType::boolean, nullptr, "false", "write batch SMTP", State::later, "*", "", 2},
    {"use_classresources", OptionType::boolean, nullptr, "false", "bSD login class limits", State::later, "*", "", 4},
    {"use_crlf", OptionType::boolean, nullptr, "false", "write CRLF", State::later, "*", "", 3},
    {"use_shell", OptionType::boolean, nullptr, "false", "run via /bin/sh", State::later, "*", "", 2},
};

struct NoOptions : lang::DriverOptions {};

constexpr TransportDef defs[] = {
    {.driver = {.kind = lang::DriverKind::transport,
                .name = "pipe",
                .summary = "passes the message to a command",
                .doc = "Not available yet.",
                .options = kOptions,
                .make_options = +[]() -> std::unique_ptr<lang::DriverOptions> { return std::make_unique<NoOptions>(); },
                .state = State::later},
     .is_local = true},
};

}  // namespace
}  // namespace remex::transports

namespace remex::registry::transports {
extern const std::span<const TransportDef> pipe;
constinit const std::span<const TransportDef> pipe{remex::transports::defs};
}  // namespace remex::registry::transports
