// pipe: passes the message to a command as the user of the address. The command is the transport's, or a redirection's.
//
// Words are split before they are expanded, no shell unless use_shell; tainted words are refused. The command runs in a
// courier's child with a session of its own and is killed with all it started at the time limit.
#include <fmt/core.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <iterator>

#include "core/base/strings.h"
#include "lang/diagnostics.h"
#include "lang/word_match.h"
#include "transports/courier_work.h"
#include "transports/internal.h"
#include "transports/request_check.h"

namespace remex::transports {
namespace {

using lang::OptionType;
using lang::ref;
using lang::State;

struct PipeOptions : lang::DriverOptions {
  lang::Expansion allow_commands, batch_id, command, environment, message_prefix, message_suffix, path;
  bool force_command = false, freeze_exec_fail = false, freeze_signal = false, ignore_status = false,
       log_defer_output = false, log_fail_output = false, log_output = false, permit_coredump = false,
       pipe_as_creator = false, restrict_to_path = false, return_fail_output = false, return_output = false,
       timeout_defer = false, use_bsmtp = false, use_crlf = false, use_shell = false;
  std::int64_t batch_max = 1, max_output = 20 * 1024, timeout = 3600, umask = 022;
  std::string check_string, escape_string;
  std::vector<std::string> temp_errors{"75", "73"};
};
using O = PipeOptions;

constexpr OptionDef kOptions[] = {
    with_examples({"allow_commands", OptionType::expanded_list, ref<&O::allow_commands>, "",
                   "the commands that are permitted", State::works, "", "", 2},
                  {"/usr/bin/vacation : /usr/bin/procmail"}),
    with_examples({"batch_id", OptionType::expanded, ref<&O::batch_id>, "",
                   "only addresses for which it is the same share a run", State::works, "", "", 3},
                  {"$domain"}),
    with_examples(
        {"batch_max", OptionType::integer, ref<&O::batch_max>, "1", "addresses in one run", State::works, "", "", 2},
        {"10"}),
    with_examples({"check_string", OptionType::string, ref<&O::check_string>, "", "line start that is escaped",
                   State::works, "", "", 2},
                  {"From "}, {"."}),
    with_examples({"command", OptionType::expanded, ref<&O::command>, "",
                   "the command; split into words, each expanded by itself", State::works, "", "command"},
                  {"/usr/bin/procmail -d $local_part_data"}),
    with_examples({"environment", OptionType::expanded_list, ref<&O::environment>, "", "more variables for the command",
                   State::works, "", "", 2},
                  {"DOMAIN=$domain : LANG=C"}),
    with_examples({"escape_string", OptionType::string, ref<&O::escape_string>, "", "replacement for check_string",
                   State::works, "", "", 2},
                  {">From "}, {".."}),
    with_examples({"force_command", OptionType::boolean, ref<&O::force_command>, "false",
                   "use command for redirected pipes too", State::works, "", "", 3},
                  {"true"}),
    with_examples({"freeze_exec_fail", OptionType::boolean, ref<&O::freeze_exec_fail>, "false",
                   "freeze when the command cannot be run", State::works, "", "", 3},
                  {"true"}),
    with_examples({"freeze_signal", OptionType::boolean, ref<&O::freeze_signal>, "false",
                   "freeze when a signal ends the command", State::works, "", "", 3},
                  {"true"}),
    with_examples({"ignore_status", OptionType::boolean, ref<&O::ignore_status>, "false", "any exit status is success",
                   State::works, "", "", 2},
                  {"true"}),
    with_examples({"log_defer_output", OptionType::boolean, ref<&O::log_defer_output>, "false",
                   "log the first line on deferral", State::works, "", "", 2},
                  {"true"}),
    with_examples({"log_fail_output", OptionType::boolean, ref<&O::log_fail_output>, "false",
                   "log the first line on failure", State::works, "", "", 2},
                  {"true"}),
    with_examples({"log_output", OptionType::boolean, ref<&O::log_output>, "false", "log the first line always"},
                  {"true"}),
    with_examples({"max_output", OptionType::integer, ref<&O::max_output>, "20K",
                   "the command is killed when it writes more", State::works, "", "", 3},
                  {"4K"}),
    with_examples({"message_prefix", OptionType::expanded, ref<&O::message_prefix>,
                   "the From line, none with use_bsmtp", "text before the message"},
                  {"From $return_path $tod_bsdinbox\\n"}),
    with_examples({"message_suffix", OptionType::expanded, ref<&O::message_suffix>,
                   "an empty line, none with use_bsmtp", "text after the message"},
                  {"\\n.\\n"}),
    with_examples({"path", OptionType::expanded, ref<&O::path>, "/bin:/usr/bin", "PATH, also for finding the command"},
                  {"/usr/local/bin:/usr/bin"}),
    with_examples({"permit_coredump", OptionType::boolean, ref<&O::permit_coredump>, "false", "allow core dumps",
                   State::works, "", "", 4},
                  {"true"}),
    with_examples({"pipe_as_creator", OptionType::boolean, ref<&O::pipe_as_creator>, "false",
                   "run as who submitted the message", State::works, "", "", 3},
                  {"true"}),
    with_examples({"restrict_to_path", OptionType::boolean, ref<&O::restrict_to_path>, "false",
                   "only commands without a slash, found on path", State::works, "", "", 3},
                  {"true"}),
    with_examples({"return_fail_output", OptionType::boolean, ref<&O::return_fail_output>, "false",
                   "a failing command's output goes into the bounce"},
                  {"true"}),
    with_examples({"return_output", OptionType::boolean, ref<&O::return_output>, "false",
                   "output makes the delivery fail and goes into the bounce"},
                  {.input = "true", .setup = "driver = pipe\ncommand = /usr/bin/procmail"}),
    with_examples(
        {"temp_errors", OptionType::string_list, ref<&O::temp_errors>, "75:73", "exit statuses that defer, or *"},
        {"75 : 73 : 69"}, {"*"}),
    with_examples(
        {"timeout", OptionType::time, ref<&O::timeout>, "1h", "time limit; 0s is none", State::works, "", "", 2},
        {"10m"}),
    with_examples({"timeout_defer", OptionType::boolean, ref<&O::timeout_defer>, "false", "a timeout defers",
                   State::works, "", "", 2},
                  {"true"}),
    with_examples({"umask", OptionType::octal, ref<&O::umask>, "022", "umask of the command", State::works, "", "", 2},
                  {"077"}),
    with_examples(
        {"use_bsmtp", OptionType::boolean, ref<&O::use_bsmtp>, "false", "write batch SMTP", State::works, "", "", 2},
        {"true"}),
    {"use_classresources", OptionType::boolean, nullptr, "false", "login classes do not exist on Linux", State::later,
     "false", "", 4},
    with_examples(
        {"use_crlf", OptionType::boolean, ref<&O::use_crlf>, "false", "write CRLF line ends", State::works, "", "", 3},
        {"true"}),
    with_examples({"use_shell", OptionType::boolean, ref<&O::use_shell>, "false", "run through /bin/sh -c",
                   State::works, "", "", 2},
                  {"true"}),
};

void check(lang::DriverInstance& t, const lang::Config& config, lang::Diagnostics& diag) {
  check_generic(t, config, diag);
  auto& o = static_cast<PipeOptions&>(*t.options);
  const auto complain = [&](std::string_view option, const std::string& text) {
    const auto* given = t.find_given(option);
    diag.error("bad-option-value", given != nullptr ? given->pos : t.pos, static_cast<std::uint32_t>(option.size()),
               fmt::format("transport \"{}\": {}", t.name, text));
  };
  if (o.use_shell && (o.allow_commands.is_set() || o.restrict_to_path))
    complain("use_shell", fmt::format("use_shell cannot be set with allow_commands or restrict_to_path ({} is set)",
                                      o.allow_commands.is_set() ? "allow_commands" : "restrict_to_path"));
  if (o.log_output && o.log_fail_output)
    complain("log_fail_output", "log_output and log_fail_output exclude each other");
  if (o.return_output && o.return_fail_output)
    complain("return_fail_output", "return_output and return_fail_output exclude each other");
  for (const std::string& code : o.temp_errors)
    if (code != "*" && !parse_uint(code)) complain("temp_errors", fmt::format("\"{}\" is not an exit status", code));
  if (const std::string name = unsafe_variable(t); !name.empty())
    complain("environment",
             fmt::format("{} makes programs load or run something else: give it a constant value", name));
  if (o.command.is_set() && !o.use_shell)
    if (auto words = split_command(o.command.source_text()); !words) complain("command", words.error().text);
}

// ------------------------------------------------------------------ the command

struct Command {
  std::vector<std::string> words;
  std::string shown;     ///< for messages
  bool special = false;  ///< from a redirection
};

constexpr ExpansionTrouble kStringFailed{.words = "failed to expand string \"{0}\" for {1} transport", .panic = false};

Result<Command> redirected_command(const routers::Addr& a) {
  Command c;
  c.special = true;
  c.shown = a.special.str();
  auto words = split_command(a.special.view());
  if (!words) return fail(words.error().text);
  c.words = std::move(*words);
  return c;
}

Result<Command> shell_command(DeliverContext& ctx, const lang::DriverInstance& t, const PipeOptions& o,
                              const routers::Addr& a) {
  Command c;
  c.special = a.is_pipe && !o.force_command;
  std::string line = a.special.str();
  if (c.special && a.command_values) {
    REMEX_TRY(line, filter_shell_line(ctx, a, t.name));
  }
  if (!c.special) {
    REMEX_TRY(
        const Text text,
        expand_tainted(ctx, o.command, {.words = "Expansion of command \"{0}\" in {1} transport failed", .number = 0}));
    if (text.is_tainted())
      return defer(
          fmt::format("Tainted '{}' (command of the {} transport) not permitted", printable(text.view()), t.name));
    line = text.str();
  }
  c.shown = line;
  c.words = {std::string(kCommandShell), "-c", std::move(line)};
  return c;
}

/// Finds the program: allow_commands, restrict_to_path, then the path.
Status locate(DeliverContext& ctx, const lang::DriverInstance& t, const PipeOptions& o, const std::string& path,
              Command& c) {
  std::string& program = c.words[0];
  bool permitted = false;
  if (o.allow_commands.is_set()) {
    REMEX_TRY(const std::string list, expand_text(ctx, o.allow_commands, kStringFailed));
    const auto items = lang::split_list(list);
    permitted = std::find(items.begin(), items.end(), program) != items.end();
    if (!permitted && !o.restrict_to_path)
      return fail(fmt::format("\"{}\" command not permitted by {} transport", printable(program), t.name));
  }
  if (!permitted && o.restrict_to_path && program.find('/') != std::string::npos)
    return fail(fmt::format("\"/\" found in \"{}\" (command for {} transport) - failed for security reasons",
                            printable(program), t.name));
  if (program.starts_with('/')) return {};
  if (program.find('/') != std::string::npos)
    return fail(fmt::format("\"{}\" (command for {} transport) is neither absolute nor a plain name",
                            printable(program), t.name));
  for (std::string_view directory : split(path, ':')) {
    if (!directory.starts_with('/')) continue;
    std::string candidate = fmt::format("{}/{}", directory, program);
    if (::access(candidate.c_str(), X_OK) == 0) {
      program = std::move(candidate);
      return {};
    }
  }
  return fail(fmt::format("\"{}\" command not found for {} transport", printable(program), t.name));
}

Result<Command> find_command(DeliverContext& ctx, const lang::DriverInstance& t, const PipeOptions& o,
                             std::span<routers::Addr* const> batch, const std::string& path) {
  const routers::Addr& a = *batch.front();
  if (o.use_shell) return shell_command(ctx, t, o, a);
  Command c;
  if (a.is_pipe && !o.force_command) {
    if (a.command_values) {
      REMEX_TRY(c.words, filter_command(ctx, a, t.name));
      c.special = true;
      c.shown = a.special.str();
    } else {
      REMEX_TRY(c, redirected_command(a));
    }
  } else {
    if (!o.command.is_set()) return defer(fmt::format("{} transport: command is not set", t.name));
    REMEX_TRY(c.words, command_words(ctx, o.command, {fmt::format("{} transport", t.name), 0}, batch));
    c.shown = join(c.words, " ");
  }
  if (c.words.empty() || c.words[0].empty()) return defer(fmt::format("{} transport: the command is empty", t.name));
  REMEX_CHECK(locate(ctx, t, o, path, c));
  return c;
}

// ------------------------------------------------------------------ the outcome

/// What the sysexits.h statuses tell, and those of a shell whose command did not end by itself.
std::string meaning(std::int64_t status) {
  static constexpr std::string_view kMeanings[] = {"usage or syntax error",   "error in input data",
                                                   "input data missing",      "user nonexistent",
                                                   "host nonexistent",        "service or program unavailable",
                                                   "internal software error", "internal operating system error",
                                                   "system file missing",     "can't create output file",
                                                   "input/output error",      "temporary error",
                                                   "protocol error",          "permission denied",
                                                   "configuration error"};
  if (status == 127) return "unable to exec or command does not exist";
  if (status > 128) {
    const int number = static_cast<int>(status) - 128;
    return fmt::format("shell command ended by signal {} ({})", number, strsignal(number));
  }
  if (status < 64 || status > 78) return {};
  return std::string(kMeanings[status - 64]);
}

constexpr std::size_t kLoggedOutput = 900;  ///< of the first line

/// The reason why a command cannot be run now says nothing about tomorrow.
bool passes(int err) {
  static constexpr int kPassing[] = {EAGAIN, ENOMEM, EMFILE, ENFILE, ETXTBSY, EIO, ESTALE, ETIMEDOUT, EINTR};
  return std::find(std::begin(kPassing), std::end(kPassing), err) != std::end(kPassing);
}

void log_output(DeliverContext& ctx, const lang::DriverInstance& t, const routers::Addr& a, const std::string& output) {
  if (output.empty() || ctx.scope.services == nullptr) return;
  const std::string_view line = trim_right(std::string_view(output).substr(0, output.find('\n')));
  std::string first;
  for (const char c : line.substr(0, kLoggedOutput))
    first += is_printable(c) || c == '\t'
                 ? std::string(1, c)
                 : fmt::format("\\{:03o}", static_cast<unsigned>(static_cast<unsigned char>(c)));
  ctx.scope.services->log(
      static_cast<int>(lang::LogTarget::main_log),
      fmt::format("{} <{}>: {} transport output: {}", ctx.job.envelope.id, a.state.address, t.name, first));
}

AddrResult judge(DeliverContext& ctx, const lang::DriverInstance& t, const routers::Addr& a, const Command& c,
                 io::Fields& answer) {
  const auto& o = static_cast<const PipeOptions&>(*t.options);
  const std::string output = ctx.is_shadow ? std::string() : std::move(answer["output"]);  // a shadow's is ignored
  AddrResult r;
  const auto failed = [&](std::string text, bool with_output) {
    r = failed_result(std::move(text));
    r.local_trouble = true;
    if (with_output && !ctx.job.envelope.sender.empty()) r.output = output;
    return r;
  };
  if (answer.contains("timed_out")) {
    if (o.log_output || (o.timeout_defer ? o.log_defer_output : o.log_fail_output)) log_output(ctx, t, a, output);
    if (o.timeout_defer) return deferred_result("pipe delivery process timed out");
    return failed("pipe delivery process timed out", o.return_output || o.return_fail_output);
  }
  if (answer.contains("too_much"))
    return failed(
        fmt::format("Child process of {} transport (running command \"{}\") was terminated by signal 9 (Killed): "
                    "it produced too much output",
                    t.name, printable(c.shown)),
        o.return_output || o.return_fail_output);
  if (o.log_output) log_output(ctx, t, a, output);
  if (answer.contains("signal") && (!o.ignore_status || o.freeze_signal)) {
    const auto number = static_cast<int>(parse_int(answer["signal"]).value_or(0));
    std::string text =
        fmt::format("Child process of {} transport (running command \"{}\") was terminated by signal {} ({})", t.name,
                    printable(c.shown), number, strsignal(number));
    if (o.freeze_signal) {
      r = deferred_result(std::move(text), Trouble::Kind::command);
      r.freeze = true;
      return r;
    }
    if (o.log_fail_output) log_output(ctx, t, a, output);
    return failed(std::move(text), o.return_output || o.return_fail_output);
  }
  if (answer.contains("directory_error")) return deferred_result(answer["exec_error"]);  // a home that is not there now
  std::int64_t status = answer.contains("exec_error") ? 127 : parse_int(answer["exit"]).value_or(0);
  if (status == 127 && o.freeze_exec_fail) {  // a shell says it for the command that it was to run
    const std::string why = answer.contains("exec_error") ? ": " + answer["exec_error"] : std::string();
    r = deferred_result(fmt::format("pipe process failed to exec \"{}\"{}", printable(c.shown), why));
    r.freeze = true;
    return r;
  }
  if (answer.contains("exec_error") && passes(static_cast<int>(parse_int(answer["exec_errno"]).value_or(0))))
    return deferred_result(
        fmt::format("pipe process failed to exec \"{}\": {}", printable(c.words[0]), answer["exec_error"]));
  if (o.ignore_status) status = 0;
  if (status == 0) {
    if (o.return_output && !output.empty()) return failed("return message generated", true);
    r.fate = Fate::delivered;
    return r;
  }
  const std::string what = meaning(status);
  const std::string text =
      fmt::format("Child process of {} transport returned {}{} from command: {}", t.name, status,
                  what.empty() ? "" : fmt::format(" (could mean {})", what), printable(c.words[0]));
  const std::string code = std::to_string(status);
  const bool temporary = !(o.return_output && !output.empty()) &&
                         std::any_of(o.temp_errors.begin(), o.temp_errors.end(),
                                     [&](const std::string& e) { return e == "*" || trim(e) == code; });
  if (temporary) {
    if (o.log_defer_output) log_output(ctx, t, a, output);
    return deferred_result(text, Trouble::Kind::command);
  }
  if (o.log_fail_output) log_output(ctx, t, a, output);
  return failed(text, o.return_output || o.return_fail_output);
}

// ------------------------------------------------------------------ delivery

Result<MessageText> compose(DeliverContext& ctx, const lang::DriverInstance& t, const PipeOptions& o,
                            std::span<routers::Addr* const> batch) {
  REMEX_CHECK(return_path(ctx, t, *batch.front()));
  auto text = message_text(ctx, t, batch);
  if (!text && text.error().sys_errno == kHeadersFailed) text.error().text[0] = 'F';  // as Exim has it here
  REMEX_TRY(MessageText m, std::move(text));
  m.crlf = o.use_crlf;
  REMEX_TRY(m.prefix, expand_text(ctx, o.message_prefix, expansion_trouble("prefix", 0)));
  REMEX_TRY(m.suffix, expand_text(ctx, o.message_suffix, expansion_trouble("suffix", 0)));
  if (!o.use_bsmtp && t.find_given("message_prefix") == nullptr) m.prefix = from_line(ctx);
  if (!o.use_bsmtp && t.find_given("message_suffix") == nullptr) m.suffix = "\n";
  if (!o.check_string.empty() && !o.escape_string.empty()) m.check = o.check_string, m.escape = o.escape_string;
  if (o.use_bsmtp) REMEX_CHECK(make_bsmtp(ctx, t, batch, m));
  return m;
}

Result<Identity> identity(DeliverContext& ctx, const lang::DriverInstance& t, const PipeOptions& o,
                          const routers::Addr& a) {
  const mail::Envelope& env = ctx.job.envelope;
  if (!o.pipe_as_creator || generic(t).user.is_set() || env.caller_uid < 0) return find_identity(ctx, t, a);
  routers::Addr creator;
  creator.user = std::to_string(env.caller_uid);
  creator.group = std::to_string(env.caller_gid);
  return find_identity(ctx, t, creator);
}

Result<AddrResult> deliver_batch(DeliverContext& ctx, const lang::DriverInstance& t,
                                 std::span<routers::Addr* const> batch) {
  const auto& o = static_cast<const PipeOptions&>(*t.options);
  routers::Addr& a = *batch.front();
  REMEX_TRY(const std::string home, home_directory(ctx, t, a));
  REMEX_TRY(const std::string directory, current_directory(ctx, t, a, home));
  REMEX_TRY(const Identity id, identity(ctx, t, o, a));
  std::string path(kCommandPath);
  if (o.path.is_set()) {
    REMEX_TRY(path, expand_text(ctx, o.path, kStringFailed));
  }
  REMEX_TRY(const Command c, find_command(ctx, t, o, batch, path));
  REMEX_TRY(MessageText m, compose(ctx, t, o, batch));
  if (Status filtered = apply_filter(ctx, t, id, batch, m); !filtered) {
    if (filtered.error().sys_errno == kFilterFailed) filtered.error().text[0] = 'T';  // as Exim has it here
    if (filtered.error().kind != ErrorKind::timed_out) return std::unexpected(filtered.error());
    AddrResult late = o.timeout_defer ? deferred_result("transport filter timeout while writing to pipe")
                                      : failed_result("transport filter timeout while writing to pipe");
    late.local_trouble = true;
    return late;
  }
  io::Fields f = courier_request("command", id, t);
  for (std::size_t i = 0; i < c.words.size(); ++i) f[fmt::format("arg{}", i)] = c.words[i];
  std::vector<std::string> env = command_environment(ctx, a, home, path);
  REMEX_TRY(const std::string more, expand_text(ctx, o.environment, kStringFailed));
  for (std::string& item : lang::split_list(more))
    if (item.find('=') != std::string::npos) env.push_back(std::move(item));
  for (std::size_t i = 0; i < env.size(); ++i) f[fmt::format("env{}", i)] = env[i];
  f["directory"] = directory;
  f["special"] = c.special ? "1" : "0";
  f["shell"] = o.use_shell ? "1" : "0";
  f["umask"] = std::to_string(o.umask);
  f["timeout"] = std::to_string(o.timeout);
  f["max_output"] = std::to_string(o.max_output);
  f["permit_coredump"] = o.permit_coredump ? "1" : "0";
  const Seconds limit(o.timeout > 0 ? o.timeout + 60 : 7 * 86400);
  REMEX_TRY(io::Fields answer, ask_courier(ctx, f, limit, &m));
  if (answer.contains("error")) return courier_failure(answer);
  return judge(ctx, t, a, c, answer);
}

std::vector<AddrResult> deliver(DeliverContext& ctx, const lang::DriverInstance& t,
                                std::span<routers::Addr* const> batch) {
  return deliver_as_one(ctx, t, batch, [&]() -> Result<AddrResult> {
    auto one = deliver_batch(ctx, t, batch);
    if (!one && one.error().kind == ErrorKind::failed) return failed_result(one.error().text);
    return one;
  });
}

/// May an address's own command be run? allow_commands and restrict_to_path, as far as they are constant.
Status check_special(const lang::DriverInstance& t, const PipeOptions& o, const std::string& program) {
  if (!o.allow_commands.is_set() && !o.restrict_to_path) return {};
  if (o.allow_commands.is_set()) {
    if (!o.allow_commands.is_constant()) return {};
    for (const std::string& item : lang::split_list(o.allow_commands.constant()))
      if (is_program(item, program, &o.path)) return {};
  }
  const std::string name = program.substr(program.rfind('/') + 1);
  if (o.restrict_to_path && is_program(name, program, &o.path)) return {};
  return fail(fmt::format("\"{}\" command not permitted by {} transport", printable(program), t.name));
}

Status may_ask(const lang::DriverInstance& t, const io::Fields& f, bool redirected) {
  REMEX_CHECK(check_op(t, f, {"command"}));
  const auto& o = static_cast<const PipeOptions&>(*t.options);
  if (text(f, "umask") != std::to_string(o.umask) || text(f, "permit_coredump") != (o.permit_coredump ? "1" : "0"))
    return fail(fmt::format("umask and core dumps are not what the {} transport says", t.name));
  const bool special = redirected && !o.force_command && text(f, "special") == "1";
  if (!o.use_shell) return special ? check_special(t, o, text(f, "arg0")) : check_command(t, o.command, f, &o.path);
  const std::vector<std::string> words = texts(f, "arg");
  if (words.size() != 3 || words[0] != kCommandShell || words[1] != "-c")
    return fail(fmt::format("the {} transport runs its commands through a shell", t.name));
  if (special || (o.command.is_set() && lang::word_pattern(o.command.source_text()).matches(words[2]))) return {};
  return fail(fmt::format("{} is not the command of the {} transport", printable(words[2]), t.name));
}

constexpr TransportDef defs[] = {
    {.driver = {.kind = lang::DriverKind::transport,
                .name = "pipe",
                .summary = "passes the message to a command",
                .doc = "The command gets the message on its standard input and runs as the user of the address, in its "
                       "home directory. Exit status 0 is success; temp_errors defer; others fail the address.",
                .options = kOptions,
                .make_options =
                    +[]() -> std::unique_ptr<lang::DriverOptions> { return std::make_unique<PipeOptions>(); },
                .check = check,
                .examples = {{R"(procmail:
  driver = pipe
  command = /usr/bin/procmail -d $local_part_data
  return_fail_output)"},
                             {R"(procmail:
  driver = pipe
  command = /usr/bin/procmail -d ${lc:$local_part_data)",
                              "", "E0301"}}},
     .is_local = true,
     .deliver = deliver,
     .batch_limit =
         +[](const lang::DriverInstance& t) {
           return limited_batch(t, static_cast<const PipeOptions&>(*t.options).batch_max);
         },
     .may_ask = may_ask},
};

}  // namespace
}  // namespace remex::transports

namespace remex::registry::transports {
extern const std::span<const TransportDef> pipe;
constinit const std::span<const TransportDef> pipe{remex::transports::defs};
}  // namespace remex::registry::transports
