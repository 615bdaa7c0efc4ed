// Running ACLs: hooks, statements, messages. Every wait inside (lookups, DNS, delay) parks the session's fiber.

#include <fmt/core.h>

#include <fstream>
#include <map>
#include <sstream>

#include "acl/internal.h"
#include "core/base/strings.h"
#include "lang/diagnostics.h"
#include "lang/list_trace.h"

namespace remex::acl {

namespace {

constexpr std::string_view kHookNames[] = {
    "connect", "helo",    "mail", "rcpt", "predata", "data", "dkim",     "mime",     "not_smtp", "not_smtp_start",
    "quit",    "notquit", "vrfy", "expn", "etrn",    "auth", "mailauth", "starttls", "prdr",     "unknown"};

constexpr int kMaxDepth = 20;

/// Hooks whose ACL, when not configured, refuses.
bool default_denies(Hook h) { return h == Hook::rcpt || h == Hook::vrfy || h == Hook::expn || h == Hook::etrn; }

std::string expand_message(const lang::Expansion* e, lang::Scope& scope) {
  if (e == nullptr) return {};
  auto r = e->eval(scope);
  if (!r) {
    if (r.error().kind != ErrorKind::forced_fail)
      scope.services->log(lang::LogTarget::main_log | lang::LogTarget::panic_log,
                          fmt::format("failed to expand ACL message \"{}\": {}", e->source_text(), r.error().text));
    return {};
  }
  return std::move(*r).str();
}

struct StatementResult {
  bool held = true;      ///< all conditions true
  bool aborted = false;  ///< defer or error
  Answer answer;         ///< of the condition that decided; texts of earlier ones stay until replaced

  void clear() {
    held = true;
    aborted = false;
    answer.truth = Truth::yes;
    answer.user_message.clear();
    answer.log_message.clear();
    answer.details.clear();
    answer.discard = answer.drop = false;
  }
};

/// A condition without texts leaves those of the conditions before it.
void merge(Answer& into, Answer&& a) {
  into.truth = a.truth;
  if (!a.user_message.empty()) into.user_message = std::move(a.user_message);
  if (!a.log_message.empty()) into.log_message = std::move(a.log_message);
  if (!a.details.empty()) into.details = std::move(a.details);
  into.discard = a.discard;
  into.drop = into.drop || a.drop;
}

Answer run_item(Run& run, const Item& it) {
  if ((it.word->hooks & hook_bit(run.hook)) != 0 || run.hook == Hook::unknown) return it.word->run(run, it);
  Answer a;
  a.truth = Truth::error;
  a.log_message = fmt::format("cannot test {} {} in {} ACL", it.word->name,
                              it.word->kind == WordKind::condition ? "condition" : "modifier", to_string(run.hook));
  return a;
}

/// -bh: tells of a word before it acts; the condition itself is told when its value is known.
class WordTraced {
 public:
  WordTraced(Run& run, const Item& it) : run_(run) {
    lang::ListTrace* trace = run.scope.trace;
    if (trace == nullptr) return;
    const std::string_view name = it.word->name;
    if (name == "message" || name == "log_message") {
      lang::trace_line(run.scope,
                       fmt::format("{}: {}", name == "message" ? "  message" : "l_message", it.value.source_text()));
    } else if (name != "endpass") {
      const std::string& source = it.list.is_set() ? it.list.source_text() : it.value.source_text();
      check_.line = fmt::format("check {}{}{} = ", it.negated ? "!" : "", name,
                                it.variable.empty() ? std::string() : " " + it.variable);
      check_.column = check_.line.size() - 2;
      check_.source = source;
      trace->check = &check_;
    }
  }
  ~WordTraced() { lang::trace_check(run_.scope, check_.source); }
  WordTraced(const WordTraced&) = delete;
  WordTraced& operator=(const WordTraced&) = delete;

 private:
  Run& run_;
  lang::ListTrace::Check check_{};
};

/// -bh: "FILE LINE".
std::string place_of(const lang::Scope& scope, lang::Pos pos) {
  std::string at = scope.config->files ? scope.config->files->where(pos) : std::string();
  if (const auto colon = at.rfind(':'); colon != std::string::npos) at[colon] = ' ';
  return at;
}

std::string_view verdict_word(Verb v) {
  switch (v) {
    case Verb::accept: return "ACCEPT";
    case Verb::defer: return "DEFER";
    case Verb::deny: return "DENY";
    case Verb::discard: return "DISCARD";
    case Verb::drop: return "DROP";
    default: return "";
  }
}

/// -bh: how a statement ended.
void trace_statement(Run& run, const Statement& st, const StatementResult& r, const std::string& acl) {
  if (run.scope.trace == nullptr) return;
  const std::string_view how = r.aborted ? (r.answer.truth == Truth::defer ? "test deferred" : "test error")
                               : r.held  ? "test succeeded"
                                         : "test failed";
  lang::trace_line(run.scope, fmt::format("{}: condition {} in ACL \"{}\"", to_string(st.verb), how, acl));
  if (r.held || r.aborted || !run.endpass) return;
  if (st.verb == Verb::accept || st.verb == Verb::discard)
    lang::trace_line(run.scope, fmt::format("{}: endpass encountered - denying access", to_string(st.verb)));
}

/// -bh: the verdict of an ACL.
void trace_end(lang::Scope& scope, const std::string& acl, std::string_view verdict) {
  if (scope.trace != nullptr) lang::trace_line(scope, fmt::format("end of ACL \"{}\": {}", acl, verdict));
}

/// -bh: a recipient has named lists of its own to be remembered, a message those of its sender.
void forget_asked(lang::Scope& scope, Hook hook) {
  if (scope.trace == nullptr || (hook != Hook::rcpt && hook != Hook::mail)) return;
  std::erase_if(scope.trace->asked, [&](const std::string& key) {
    return hook == Hook::mail ? key.front() != 'h' : key.front() == 'd' || key.front() == 'l';
  });
}

/// `res` is clear.
void run_items(const Statement& st, Run& run, StatementResult& res) {
  for (const Item& it : st.items) {
    Answer a = [&] {
      const WordTraced traced(run, it);
      return run_item(run, it);
    }();
    if (run.debugging)
      run.scope.services->debug(fmt::format("{} {}{}: {}", to_string(st.verb), it.negated ? "!" : "", it.word->name,
                                            a.truth == Truth::yes  ? "yes"
                                            : a.truth == Truth::no ? "no"
                                                                   : "defer"));
    if (a.truth == Truth::defer || a.truth == Truth::error) {
      res.held = false;
      res.aborted = true;
      merge(res.answer, std::move(a));
      return;
    }
    if (it.word->kind != WordKind::condition) continue;
    const bool truth = (a.truth == Truth::yes) != it.negated;
    merge(res.answer, std::move(a));
    if (res.answer.discard) {
      if (st.verb == Verb::accept || st.verb == Verb::discard) return;
      res.held = false;
      res.aborted = true;
      res.answer.truth = Truth::error;
      res.answer.log_message = fmt::format(
          "nested ACL returned \"discard\" for \"{}\" command (only allowed with \"accept\" or \"discard\")",
          to_string(st.verb));
      return;
    }
    if (!truth) {
      res.held = false;
      return;
    }
  }
}

/// A code in front of a refusal's text must be of the verdict's class; a wrong one is replaced, and the operator told.
void mend_code(Verdict v, std::string& text, lang::Scope& scope) {
  const char digit = v == Verdict::defer ? '4' : '5';
  const bool has_code =
      text.size() > 3 && is_digit(text[0]) && is_digit(text[1]) && is_digit(text[2]) && text[3] == ' ';
  if (!has_code || text[0] == digit) return;
  scope.services->log(
      lang::LogTarget::main_log | lang::LogTarget::panic_log,
      fmt::format("configured error code starts with incorrect digit (expected {}) in \"{}\"", digit, printable(text)));
  text.replace(0, 3, v == Verdict::defer ? "451" : "550");
}

/// `why`: the condition that decided. Its texts give way to the modifiers, except that both appear in the log.
Outcome make_outcome(Verdict v, Run& run, const Answer& why) {
  Outcome o;
  o.verdict = v == Verdict::deny && why.drop ? Verdict::drop : v;
  if (!why.user_message.empty()) run.scope.acl_verify_message = why.user_message;
  o.user_message = expand_message(run.message, run.scope);
  o.log_message = expand_message(run.log_message, run.scope);
  if (v == Verdict::accept || v == Verdict::discard) {
    if (o.log_message.empty()) o.log_message = o.user_message;
    o.log_message.resize(std::min(o.log_message.find('\n'), o.log_message.size()));
    return o;
  }
  if (o.user_message.empty()) o.user_message = why.user_message;
  mend_code(v, o.user_message, run.scope);
  o.details = why.details;
  if (o.log_message.empty())
    o.log_message = why.log_message.empty() ? o.user_message : why.log_message;
  else if (!why.log_message.empty())
    o.log_message += ": " + why.log_message;
  o.log_message.resize(std::min(o.log_message.find('\n'), o.log_message.size()));
  o.log_targets = run.log_reject_target;
  return o;
}

/// A condition that could not be decided. The message modifiers are about decisions and are not used.
Outcome undecided(Run& run, Answer&& why) {
  Outcome o;
  o.verdict = Verdict::defer;
  if (why.truth == Truth::defer) {
    o.user_message = std::move(why.user_message);
    o.details = std::move(why.details);
  }
  o.log_message = std::move(why.log_message);
  o.log_targets = run.log_reject_target;
  return o;
}

/// warn: an old-style message adds a header; log_message writes a line (once per message and text).
void finish_warn(Run& run) {
  const std::string header = expand_message(run.message, run.scope);
  if (!header.empty()) {
    std::string line =
        header.find(':') == std::string::npos || is_space(header.front()) ? "X-ACL-Warn: " + header : header;
    run.effects.add_headers.push_back({std::move(line), mail::Where::at_end});
  }
  const std::string text = expand_message(run.log_message, run.scope);
  if (!text.empty()) {
    std::string& seen = run.scope.extra["acl_warnings_logged"];
    if (seen.find("\n" + text + "\n") != std::string::npos) return;
    if (seen.size() < 65536) seen += "\n" + text + "\n";
    run.scope.services->log(lang::LogTarget::main_log | lang::LogTarget::with_host, "Warning: " + text);
  }
}

/// ACL text named by a hook or the acl condition: a name, a file, or statements inline.
Result<std::shared_ptr<const Acl>> find_or_compile(lang::Scope& scope, const Text& what) {
  const std::string_view text = trim(what.view());
  if (what.is_tainted()) {  // also a name: a peer does not choose by which rules it is judged
    scope.services->log(lang::LogTarget::main_log | lang::LogTarget::panic_log,
                        fmt::format("attempt to use tainted ACL text \"{}\"", printable(text.substr(0, 100))));
    return fail(ErrorKind::taint, "internal configuration error");
  }
  if (text.find_first_of(" \t\n=/") == std::string_view::npos) {
    const lang::CompiledAcl* c = scope.config->find_acl(text);
    if (c != nullptr) return std::shared_ptr<const Acl>(std::shared_ptr<void>(), static_cast<const Acl*>(c));
  }
  std::string source(text), name = "inline";
  if (!text.empty() && text.front() == '/') {
    std::ifstream in{std::string(text)};
    if (!in) return defer(fmt::format("failed to open ACL file \"{}\": {}", text, strerror(errno)));
    std::ostringstream ss;
    ss << in.rdbuf();
    source = ss.str();
    name = std::string(text);
  }
  lang::SourceFiles files;
  lang::Diagnostics diag(files);
  lang::CompileContext ctx{scope.config->registries.get(), &diag, name};
  std::vector<lang::LogicalLine> lines;
  std::string joined;
  for (std::string_view l : split(source, '\n')) {
    l = trim(l);
    if (l.empty() || l.front() == '#') continue;
    if (l.back() == '\\') {
      joined += trim_right(l.substr(0, l.size() - 1));
      continue;
    }
    joined += l;
    lines.push_back({lang::SourceText(std::move(joined))});
    joined.clear();
  }
  if (!joined.empty()) lines.push_back({lang::SourceText(std::move(joined))});
  auto acl = compile_acl(name, lines, ctx);
  if (!acl) {
    const std::string first = diag.all().empty() ? "malformed" : diag.all().front().message;
    return fail(ErrorKind::config, fmt::format("error in ACL \"{}\": {}", printable(text.substr(0, 100)), first));
  }
  return acl;
}

Outcome trouble_outcome(lang::Scope& scope, const Error& why) {
  if (why.kind != ErrorKind::taint)  // which was logged where it was found
    scope.services->log(lang::LogTarget::main_log | lang::LogTarget::panic_log, why.text);
  Outcome o;
  o.verdict = Verdict::defer;
  o.log_message = why.text;
  return o;
}

}  // namespace

Result<Text> Run::value_of(const Item& it) {
  if (scope.trace == nullptr) return it.value.eval(scope);
  auto v = [&] {
    const lang::ExpansionTraced traced(scope);
    return it.value.eval(scope);
  }();
  if (v) lang::trace_check(scope, v->view());
  return v;
}

std::string_view to_string(Hook h) { return kHookNames[static_cast<std::size_t>(h)]; }

Outcome run_acl(const Acl& acl, Hook hook, lang::Scope& scope, Effects& effects, const std::function<void()>& flush) {
  Run run{hook, scope, effects, flush};
  run.debugging = scope.services->debugging();
  const lang::SavedCaptures saved(scope);
  if (run.debugging) scope.services->debug(fmt::format("using ACL \"{}\"", acl.name));
  if (scope.trace != nullptr) lang::trace_line(scope, fmt::format("using ACL \"{}\"", acl.name));
  StatementResult r;
  for (const Statement& st : acl.statements) {
    if (run.debugging) {
      const std::string at = scope.config->files ? scope.config->files->where(st.pos) : std::string();
      scope.services->debug(fmt::format("processing {} \"{}\" ({})", to_string(st.verb), acl.name, at));
    }
    if (scope.trace != nullptr)
      lang::trace_line(scope, fmt::format("processing \"{}\" ({})", to_string(st.verb), place_of(scope, st.pos)));
    run.message = run.log_message = nullptr;
    run.endpass = false;
    scope.acl_verify_message.clear();
    r.clear();
    run_items(st, run, r);
    trace_statement(run, st, r, acl.name);
    if (r.aborted) {
      if (st.verb == Verb::warn) {
        scope.services->log(lang::LogTarget::main_log | lang::LogTarget::with_host,
                            fmt::format("Warning: ACL \"warn\" statement skipped: condition test deferred{}{}",
                                        r.answer.log_message.empty() ? "" : ": ", r.answer.log_message));
        continue;
      }
      return undecided(run, std::move(r.answer));
    }
    // With endpass, message is the text of a denial only.
    if (run.endpass && r.held) run.message = nullptr;
    if (r.held && st.verb != Verb::require && st.verb != Verb::warn) trace_end(scope, acl.name, verdict_word(st.verb));
    if (!r.held && st.verb == Verb::require) trace_end(scope, acl.name, "not OK");
    if (r.answer.discard) return make_outcome(Verdict::discard, run, r.answer);
    switch (st.verb) {
      case Verb::accept:
        if (r.held) return make_outcome(Verdict::accept, run, r.answer);
        if (run.endpass) return make_outcome(Verdict::deny, run, r.answer);
        break;
      case Verb::discard:
        if (r.held) return make_outcome(Verdict::discard, run, r.answer);
        if (run.endpass) return make_outcome(Verdict::deny, run, r.answer);
        break;
      case Verb::defer:
        if (r.held) return make_outcome(Verdict::defer, run, r.answer);
        break;
      case Verb::deny:
        if (r.held) return make_outcome(Verdict::deny, run, r.answer);
        break;
      case Verb::drop:
        if (r.held) return make_outcome(Verdict::drop, run, r.answer);
        break;
      case Verb::require:
        if (!r.held) return make_outcome(Verdict::deny, run, r.answer);
        break;
      case Verb::warn:
        if (r.held) finish_warn(run);
        break;
    }
  }
  // The implicit deny at the end of every defined ACL has the words of the last statement's conditions, unless that is
  // a warning, and its modifiers when it would have accepted.
  trace_end(scope, acl.name, "implicit DENY");
  const Verb last = acl.statements.empty() ? Verb::warn : acl.statements.back().verb;
  if (last == Verb::warn) r.clear();
  if (last != Verb::accept && last != Verb::discard) run.message = run.log_message = nullptr;
  r.answer.drop = false;
  return make_outcome(Verdict::deny, run, r.answer);
}

Outcome run_named(Hook hook, const Text& what, const std::vector<Text>& args, lang::Scope& scope, Effects& effects) {
  Outcome trouble;
  trouble.verdict = Verdict::defer;
  if (scope.acl_depth >= kMaxDepth) {
    trouble.log_message = "ACL nested too deep: possible loop";
    return trouble;
  }
  auto acl = find_or_compile(scope, what);
  if (!acl) {
    trouble.log_message = acl.error().text;
    trouble.unusable = acl.error().kind != ErrorKind::defer;
    return trouble;
  }
  std::vector<Text> saved = std::move(scope.acl_args);
  scope.acl_args = args;
  ++scope.acl_depth;
  if (scope.trace != nullptr) ++scope.trace->depth;
  static const std::function<void()> no_flush;
  Outcome o = run_acl(**acl, hook, scope, effects, no_flush);
  if (scope.trace != nullptr) --scope.trace->depth;
  --scope.acl_depth;
  scope.acl_args = std::move(saved);
  return o;
}

Result<bool> as_expansion(Outcome&& o, const Text& name, Text& message) {
  message = Text(std::move(o.user_message));
  switch (o.verdict) {
    case Verdict::accept:
    case Verdict::discard: return true;
    case Verdict::deny: return false;
    case Verdict::drop: return fail(fmt::format("FAIL_DROP from acl \"{}\"", printable(name.view())));
    case Verdict::defer: break;
  }
  if (o.unusable) return fail(fmt::format("ERROR from acl \"{}\"", printable(name.view())));
  return fail(ErrorKind::forced_fail, fmt::format("DEFER from acl \"{}\"", printable(name.view())));
}

Outcome run_hook(Hook hook, const lang::Expansion& option, lang::Scope& scope, Effects& effects,
                 const std::function<void()>& flush) {
  Outcome o;
  o.verdict = default_denies(hook) ? Verdict::deny : Verdict::accept;
  forget_asked(scope, hook);
  if (!option.is_set()) {
    if (default_denies(hook)) lang::trace_line(scope, "ACL is NULL: implicit DENY");
    return o;
  }
  auto text = option.eval(scope);
  if (!text) {
    if (text.error().kind == ErrorKind::forced_fail) return o;
    o.verdict = Verdict::defer;
    o.log_message = fmt::format("failed to expand ACL string \"{}\": {}", option.source_text(), text.error().text);
    return o;
  }
  if (trim(text->view()).empty()) return o;
  auto acl = find_or_compile(scope, *text);
  if (!acl) return trouble_outcome(scope, acl.error());
  ++scope.acl_depth;
  o = run_acl(**acl, hook, scope, effects, flush);
  --scope.acl_depth;
  if (o.verdict == Verdict::discard && (kDiscardHooks & hook_bit(hook)) == 0)
    return trouble_outcome(scope, fail(fmt::format("\"discard\" verb not allowed in {} ACL", to_string(hook))).error());
  return o;
}

}  // namespace remex::acl
