// condition, acl, continue, and the modifiers: message, log_message, logwrite, log_reject_target, set, delay, endpass,
// add_header, remove_header, control. Modifiers act when met; message and log_message are only remembered.

#include <fmt/core.h>

#include <optional>

#include "acl/word.h"
#include "core/base/clock.h"
#include "core/base/strings.h"
#include "core/io/fiber.h"
#include "lang/diagnostics.h"
#include "lang/list_trace.h"
#include "lang/operand.h"

namespace remex::acl {
namespace {

/// Expanded value, or nothing when the forced failure says "ignore this".
Result<std::optional<Text>> value_of(Run& run, const Item& it) {
  auto v = run.value_of(it);
  if (v) return std::optional<Text>(std::move(*v));
  if (v.error().kind == ErrorKind::forced_fail) return std::optional<Text>();
  return std::unexpected(std::move(v).error());
}

Answer condition(Run& run, const Item& it) {
  if (it.value.is_test() && run.scope.trace == nullptr) {
    auto truth = it.value.test(run.scope);
    if (truth) return answer(*truth);
    if (truth.error().kind == ErrorKind::forced_fail) return answer(!it.negated);
    return trouble(truth.error(), fmt::format("failed to expand condition \"{}\"", it.value.source_text()));
  }
  auto v = value_of(run, it);
  if (!v) return trouble(v.error(), fmt::format("failed to expand condition \"{}\"", it.value.source_text()));
  if (!*v) return answer(!it.negated);  // a forced failure is true, also when negated
  bool truth = false;
  if (!lang::parse_strict_bool((*v)->view(), truth)) {
    Answer a;
    a.truth = Truth::error;
    a.log_message = fmt::format("invalid \"condition\" value \"{}\"", printable((*v)->view()));
    return a;
  }
  return answer(truth);
}

Answer nested_acl(Run& run, const Item& it) {
  auto v = value_of(run, it);
  if (!v) return trouble(v.error(), "failed to expand acl condition");
  if (!*v) return answer(!it.negated);
  // "name arg1 arg2 ..." when the first word is the name of an ACL; else inline text or a file
  std::vector<Text> args;
  Text name = **v;
  const std::string_view text = trim((*v)->view());
  if (run.scope.config->find_acl(text.substr(0, text.find_first_of(" \t"))) != nullptr) {
    std::size_t i = 0;
    std::vector<std::string_view> words;
    while (i < text.size()) {
      const std::size_t start = text.find_first_not_of(" \t\n", i);
      if (start == std::string_view::npos) break;
      std::size_t end = text.find_first_of(" \t\n", start);
      if (end == std::string_view::npos) end = text.size();
      words.push_back(text.substr(start, end - start));
      i = end;
    }
    // The name is the administrator's when it is written there, whatever the arguments are.
    const std::string_view source = trim(it.value.source_text());
    const bool written = source.substr(0, source.find_first_of(" \t\n")).find('$') == std::string_view::npos;
    name = written ? Text::clean(words[0]) : (*v)->with(std::string(words[0]));
    for (std::size_t k = 1; k < words.size() && k < 10; ++k) args.push_back((*v)->with(std::string(words[k])));
  }
  Outcome o = run_named(run.hook, name, args, run.scope, run.effects);
  Answer a;
  a.user_message = std::move(o.user_message);
  a.log_message = std::move(o.log_message);
  a.details = std::move(o.details);
  switch (o.verdict) {
    case Verdict::accept: a.truth = Truth::yes; break;
    case Verdict::discard:
      a.truth = Truth::yes;
      a.discard = true;
      break;
    case Verdict::defer: a.truth = Truth::defer; break;
    case Verdict::deny: a.truth = Truth::no; break;
    case Verdict::drop:
      a.truth = Truth::no;
      a.drop = !it.negated;  // only when this is what denies
      break;
  }
  return a;
}

Answer continue_(Run& run, const Item& it) {
  auto v = value_of(run, it);
  if (!v) return trouble(v.error(), "failed to expand continue");
  return answer(true);
}

Answer message(Run& run, const Item& it) {
  run.message = &it.value;
  return answer(true);
}

Answer log_message(Run& run, const Item& it) {
  run.log_message = &it.value;
  return answer(true);
}

Answer endpass(Run& run, const Item&) {
  run.endpass = true;
  return answer(true);
}

/// The bit of a log's name; 0: it is none.
int log_bit(std::string_view name) {
  if (name == "main") return static_cast<int>(lang::LogTarget::main_log);
  if (name == "reject") return static_cast<int>(lang::LogTarget::reject_log);
  if (name == "panic") return static_cast<int>(lang::LogTarget::panic_log);
  return 0;
}

/// Names of logs, empty ones skipped. The error names the first that is none.
Result<int> log_bits(const std::vector<std::string>& names) {
  int bits = 0;
  for (const std::string& raw : names) {
    const std::string_view name = trim(raw);
    if (name.empty()) continue;
    const int bit = log_bit(name);
    if (bit == 0) return fail(fmt::format("unknown log name \"{}\"", printable(name)));
    bits |= bit;
  }
  return bits;
}

struct LogLine {
  int targets = static_cast<int>(lang::LogTarget::main_log);
  std::string_view text;
};

/// ":main,reject: text" chooses the logs.
Result<LogLine> read_logwrite(std::string_view text) {
  LogLine line;
  line.text = text;
  if (!text.starts_with(':')) return line;
  const std::size_t end = text.find(':', 1);
  if (end == std::string_view::npos) return fail(fmt::format("unknown log name in \"{}\"", printable(text)));
  REMEX_TRY(const int bits, log_bits(lang::split_list(text.substr(1, end - 1), ',')));
  if (bits != 0) line.targets = bits;
  line.text = trim_left(text.substr(end + 1));
  return line;
}

/// What is wrong with names of logs is told to the operator; the statement goes on.
void tell(Run& run, const Error& e, std::string_view word) {
  run.scope.services->log(lang::LogTarget::main_log | lang::LogTarget::panic_log,
                          fmt::format("{} in \"{}\" in {} ACL", e.text, word, to_string(run.hook)));
}

Answer logwrite(Run& run, const Item& it) {
  auto v = value_of(run, it);
  if (!v) return trouble(v.error(), "failed to expand logwrite");
  if (!*v) return answer(true);
  const auto line = read_logwrite((*v)->view());
  if (line)
    run.scope.services->log(line->targets, line->text);  // one line: the log escapes what is not printable
  else
    tell(run, line.error(), "logwrite");
  return answer(true);
}

Answer log_reject_target(Run& run, const Item& it) {
  auto v = value_of(run, it);
  if (!v) return trouble(v.error(), "failed to expand log_reject_target");
  if (!*v) return answer(true);
  const auto bits = log_bits(lang::split_list((*v)->view()));
  if (bits)
    run.log_reject_target = *bits;
  else
    tell(run, bits.error(), "log_reject_target");
  return answer(true);
}

void check_log_names(Item& it, const lang::CompileContext& ctx) {
  if (ctx.diagnostics == nullptr) return;
  const bool target = it.word->name == "log_reject_target";
  // The names of logwrite stand in front of whatever is inserted.
  std::string_view text = it.value.source_text();
  if (!target) {
    const std::size_t end = text.find(':', 1);
    if (!text.starts_with(':') || (end == std::string_view::npos && text.find('$') != std::string_view::npos)) return;
    text = text.substr(0, end == std::string_view::npos ? end : end + 1);
    if (text.find_first_of("$\\") != std::string_view::npos) return;
  } else if (!it.value.is_constant()) {
    return;
  }
  Status ok;
  if (target) {
    if (auto bits = log_bits(lang::split_list(it.value.constant())); !bits) ok = std::unexpected(bits.error());
  } else if (auto line = read_logwrite(text); !line) {
    ok = std::unexpected(line.error());
  }
  if (ok) return;
  ctx.diagnostics->error("acl-value", it.value.pos(), 1, fmt::format("{}: {}", ctx.where, ok.error().text),
                         "the logs are main, reject and panic");
}

Answer set(Run& run, const Item& it) {
  lang::ScratchText value;
  const Status done = [&] {
    const lang::ExpansionTraced traced(run.scope);
    return it.value.append_to(value.get(), run.scope);
  }();
  lang::trace_check(run.scope, value.get().view());
  if (!done) {
    if (done.error().kind == ErrorKind::forced_fail) return answer(true);
    return trouble(done.error(), fmt::format("failed to expand value of {}", it.variable));
  }
  if (it.variable_key.empty()) {  // dkim_verify_*
    if (run.scope.dkim != nullptr)
      (it.variable == "dkim_verify_status" ? run.scope.dkim->verify_status : run.scope.dkim->verify_reason) =
          value.get().str();
    return answer(true);
  }
  auto* vars = it.variable_key[0] == 'c' ? run.scope.acl_c : run.scope.acl_m;
  if (vars != nullptr) std::swap((*vars)[it.variable_key], value.get());  // each keeps the memory of the other
  return answer(true);
}

Answer delay(Run& run, const Item& it) {
  auto v = value_of(run, it);
  if (!v) return trouble(v.error(), "failed to expand delay");
  if (!*v || trim((*v)->view()).empty()) return answer(true);
  std::int64_t seconds = 0;
  if (!parse_interval(trim((*v)->view()), seconds)) {
    Answer a;
    a.truth = Truth::error;
    a.log_message = fmt::format("syntax error in argument \"{}\" for \"delay\" modifier", printable((*v)->view()));
    return a;
  }
  if (seconds <= 0) return answer(true);
  if (run.scope.testing) {
    lang::trace_line(run.scope, fmt::format("delay modifier requests {}-second delay", seconds));
    lang::trace_line(run.scope, "delay skipped in -bh checking mode");
    return answer(true);
  }
  if (run.flush && !run.effects.no_delay_flush) run.flush();
  // A client that leaves or a shutdown ends the wait; the session notices at its next read.
  (void)io::sleep_for(std::chrono::duration_cast<Millis>(Seconds(seconds)));
  return answer(true);
}

Answer add_header(Run& run, const Item& it) {
  auto v = value_of(run, it);
  if (!v) return trouble(v.error(), "failed to expand add_header");
  if (!*v) return answer(true);
  std::string_view text = (*v)->view();
  while (!text.empty() && text.front() == '\n') text.remove_prefix(1);
  mail::Where where = mail::Where::at_end;
  const auto prefix = [&](std::string_view p, mail::Where w) {
    if (!text.starts_with(p)) return;
    text = trim_left(text.substr(p.size()));
    where = w;
  };
  prefix(":at_start_rfc:", mail::Where::before_first_non_received);
  prefix(":after_received:", mail::Where::after_received);
  prefix(":at_start:", mail::Where::at_start);
  prefix(":at_end:", mail::Where::at_end);
  // Each line is a header unless it begins with a blank (continuation).
  std::string current;
  const auto flush_header = [&] {
    if (current.empty()) return;
    const std::size_t colon = current.find(':');
    const std::size_t blank = current.find_first_of(" \t\n");
    if (colon == std::string::npos || colon == 0 ||
        (blank != std::string::npos && blank < colon && current.find_first_not_of(" \t", blank) < colon))
      current = "X-ACL-Warn: " + current;
    if (!run.effects.add_header(current, where)) return current.clear();
    run.scope.headers_added += current + "\n";
    current.clear();
  };
  for (std::string_view line : split(text, '\n')) {
    if (line.empty()) continue;
    if (line.front() == ' ' || line.front() == '\t') {
      if (!current.empty()) current += '\n';
      current += line;
    } else {
      flush_header();
      current = line;
    }
  }
  flush_header();
  return answer(true);
}

Answer remove_header(Run& run, const Item& it) {
  auto v = value_of(run, it);
  if (!v) return trouble(v.error(), "failed to expand remove_header");
  if (!*v) return answer(true);
  for (std::string& name : lang::split_list((*v)->view()))
    if (!name.empty()) run.effects.remove_header(std::move(name));
  return answer(true);
}

/// Splits "name/options" or "name=value".
std::pair<std::string_view, std::string_view> control_parts(std::string_view text) {
  text = trim(text);
  std::size_t i = 0;
  while (i < text.size() && (is_alnum(text[i]) || text[i] == '_')) ++i;
  return {text.substr(0, i), text.substr(i)};
}

void compile_control(Item& it, const lang::CompileContext& ctx) {
  const std::string& src = it.value.source_text();
  const auto name = control_parts(src).first;
  if (name.empty() && src.find('$') != std::string::npos) return;
  const AclWordDef* c = find_control(name);
  if (ctx.diagnostics == nullptr) return;
  if (c == nullptr) {
    std::vector<std::string_view> names;
    for (const AclWordDef* w : all_words())
      if (w->kind == WordKind::control) names.push_back(w->name);
    const auto near = nearest(name, names);
    ctx.diagnostics->error("unknown-control", it.value.pos(),
                           static_cast<std::uint32_t>(std::max<std::size_t>(1, name.size())),
                           fmt::format("{}: \"{}\" is not a control", ctx.where, name),
                           near.empty() ? "" : fmt::format("did you mean \"{}\"?", near));
  } else if (c->state == lang::State::later) {
    ctx.diagnostics->error("not-supported", it.value.pos(), static_cast<std::uint32_t>(name.size()),
                           fmt::format("{}: control \"{}\" is known but this version cannot do it", ctx.where, name));
  }
}

Answer control(Run& run, const Item& it) {
  auto v = value_of(run, it);
  if (!v) return trouble(v.error(), "failed to expand control");
  if (!*v) return answer(true);
  const auto [name, argument] = control_parts((*v)->view());
  const AclWordDef* c = find_control(name);
  Answer a;
  a.truth = Truth::error;
  if (c == nullptr || c->control == nullptr) {
    a.log_message = fmt::format("syntax error in \"control={}\"", printable((*v)->view()));
    return a;
  }
  if ((c->hooks & hook_bit(run.hook)) == 0 && run.hook != Hook::unknown) {
    a.log_message = fmt::format("cannot use \"control={}\" in {} ACL", name, to_string(run.hook));
    return a;
  }
  a.log_message = c->control(run, argument);
  if (a.log_message.empty()) a.truth = Truth::yes;
  return a;
}

constexpr HookSet kHeaderHooks = hook_bit(Hook::mail) | hook_bit(Hook::rcpt) | hook_bit(Hook::predata) |
                                 hook_bit(Hook::data) | hook_bit(Hook::dkim) | hook_bit(Hook::mime) |
                                 hook_bit(Hook::prdr) | hook_bit(Hook::not_smtp) | hook_bit(Hook::not_smtp_start);

constexpr AclWordDef defs[] = {
    {.name = "condition",
     .summary = "Strict boolean of an expansion",
     .run = &condition,
     .examples = {{"deny    message = $local_part may not get mail from jane\n        condition = ${if "
                   "eq{$sender_address_local_part}{jane}}",
                   "550 5.7.1 joe may not get mail from jane"},
                  {"deny    condition = ${if eq{$local_part}{", "", "E0301"}}},
    {.name = "acl",
     .summary = "Runs another ACL: accept is true, deny false",
     .run = &nested_acl,
     .examples = {{"accept  acl = from_us", "550 5.7.1 Administrative prohibition"},
                  {"accept  acl = nowhere", "", "E0503"}}},
    {.name = "continue",
     .kind = WordKind::modifier,
     .summary = "Expanded for its side effects only",
     .run = &continue_,
     .tier = 3,
     .examples = {{"warn    continue = ${acl{set_m}}\ndeny    message = score $acl_m_score", "550 5.7.1 score 7"},
                  {"accept  !continue = ${acl{set_m}}", "", "E0508"}}},
    {.name = "message",
     .kind = WordKind::modifier,
     .summary = "Text of the SMTP reply, optional code in front; expanded at the verdict",
     .run = &message,
     .examples = {{"deny    message = 552 5.2.2 the mailbox of $local_part is full",
                   "552 5.2.2 the mailbox of joe is full"},
                  {"deny    !message = no", "", "E0508"}}},
    {.name = "log_message",
     .kind = WordKind::modifier,
     .summary = "Text for the log; expanded at the verdict",
     .run = &log_message,
     .examples = {{"deny    message = not now\n        log_message = refused $local_part by hand", "550 5.7.1 not now"},
                  {"deny    log_message = ${lc:$local_part", "", "E0301"}}},
    {.name = "endpass",
     .kind = WordKind::modifier,
     .value = ValueKind::none,
     .summary = "A later false condition of this accept denies",
     .run = &endpass,
     .examples = {{"accept  domains = +local_domains\n        endpass\n        message = unknown user\n        "
                   "local_parts = postmaster",
                   "550 5.7.1 unknown user"},
                  {"accept  endpass = yes", "", "E0507"}}},
    {.name = "logwrite",
     .kind = WordKind::modifier,
     .summary = "Writes a log line at once",
     .compile = &check_log_names,
     .run = &logwrite,
     .examples = {{"accept  logwrite = :main: mail for $local_part from $sender_host_address", "250 2.1.5 Accepted"},
                  {"accept  !logwrite = mail for $local_part", "", "E0508"}}},
    {.name = "log_reject_target",
     .kind = WordKind::modifier,
     .summary = "Which logs get rejection lines",
     .compile = &check_log_names,
     .run = &log_reject_target,
     .tier = 3,
     .examples = {{"deny    log_reject_target = main\n        message = not in the reject log",
                   "550 5.7.1 not in the reject log"},
                  {"deny    log_reject_target = rejcet", "", "E0507"}}},
    {.name = "set",
     .kind = WordKind::modifier,
     .summary = "Assigns acl_c or acl_m variables",
     .run = &set,
     .examples = {{"warn    set acl_m_count = ${eval:$rcpt_count*10}\ndeny    message = count $acl_m_count",
                   "550 5.7.1 count 10"},
                  {"warn    set acl_x = 1", "", "E0509"}}},
    {.name = "delay",
     .kind = WordKind::modifier,
     .summary = "Waits",
     .run = &delay,
     .examples = {{"accept  delay = 0s", "250 2.1.5 Accepted"},
                  {"accept  delay = a while", "451 4.3.0 Temporary local problem - please try later"}}},
    {.name = "add_header",
     .kind = WordKind::modifier,
     .hooks = kHeaderHooks,
     .summary = "Queues header lines",
     .run = &add_header,
     .examples = {{"warn    add_header = X-Checked: by $primary_hostname\ndeny    message = adding $headers_added",
                   "550 5.7.1 adding X-Checked: by mail.example.com"},
                  {"accept  !add_header = X-Checked: no", "", "E0508"}}},
    {.name = "remove_header",
     .kind = WordKind::modifier,
     .hooks = kHeaderHooks,
     .summary = "Queues header removals",
     .run = &remove_header,
     .examples = {{"accept  remove_header = X-Spam-Score : X-Spam-Report", "250 2.1.5 Accepted"},
                  {"accept  !remove_header = X-Spam-Score", "", "E0508"}}},
    {.name = "control",
     .kind = WordKind::modifier,
     .summary = "Sets a control",
     .compile = &compile_control,
     .run = &control,
     .examples = {{"accept  control = freeze", "250 2.1.5 Accepted"}, {"accept  control = freze", "", "E0510"}}},
};

}  // namespace
}  // namespace remex::acl

namespace remex::registry::acl_words {
extern const std::span<const acl::AclWordDef> basic;
constinit const std::span<const acl::AclWordDef> basic{acl::defs};
}  // namespace remex::registry::acl_words
