// See filter.h: recognition, one run from text to outcome, and the bytes for the courier.
#include "lang/filter/filter.h"

#include <fmt/format.h>

#include "core/base/strings.h"
#include "lang/confinement.h"
#include "lang/filter/exim_run.h"
#include "lang/filter/sieve.h"
#include "lang/node.h"

namespace remex::lang::filter {
namespace {

constexpr std::string_view kNames[] = {"n0", "n1", "n2", "n3", "n4", "n5", "n6", "n7", "n8", "n9"};

/// In the serving process others wait meanwhile. The other limit ends before the courier's does (routers/courier_work).
constexpr Millis kPureTime{100}, kRunTime{240000};

/// What a run sets for itself and takes back.
class Setting {
 public:
  Setting(Scope& scope, const Options& opt) : scope_(scope), captures_(scope), confined_(scope.confined) {
    confinement_.forbidden = opt.forbidden;
    confinement_.pure = opt.pure;
    if (!opt.testing) confinement_.until = monotonic_now() + (opt.pure ? kPureTime : kRunTime);
    scope.confined = &confinement_;
    for (const std::string_view n : kNames) scope.extra[std::string(n)] = "0";
    scope.extra["thisaddress"].clear();
    scope.extra.erase("headers_charset");
    if (!opt.system) scope.extra["recipients_hidden"] = "1";
  }
  ~Setting() {
    scope_.confined = confined_;
    scope_.extra.erase("headers_charset");
    scope_.extra.erase("recipients_hidden");
    scope_.extra["thisaddress"].clear();
  }
  Setting(const Setting&) = delete;
  Setting& operator=(const Setting&) = delete;

 private:
  Scope& scope_;
  SavedCaptures captures_;
  Confinement* confined_;
  Confinement confinement_;
};

class Writer {
 public:
  std::string out;
  Writer& number(std::int64_t n) {
    out += std::to_string(n);
    out += ' ';
    return *this;
  }
  Writer& text(std::string_view s) {
    number(static_cast<std::int64_t>(s.size()));
    out += s;
    return *this;
  }
};

class Reader {
 public:
  explicit Reader(std::string_view in) : in_(in) {}
  bool ok() const { return ok_; }
  std::int64_t number() {
    const std::size_t blank = in_.find(' ');
    const auto n = blank == std::string_view::npos ? std::nullopt : parse_int(in_.substr(0, blank));
    ok_ = ok_ && n.has_value();
    if (!ok_) return 0;
    in_.remove_prefix(blank + 1);
    return *n;
  }
  bool flag() { return number() != 0; }
  /// How many things follow: each takes at least two bytes.
  std::size_t count() {
    const std::int64_t n = number();
    ok_ = ok_ && n >= 0 && static_cast<std::uint64_t>(n) <= in_.size();
    return ok_ ? static_cast<std::size_t>(n) : 0;
  }
  std::string text() {
    const std::size_t n = count();
    std::string s(in_.substr(0, n));
    in_.remove_prefix(n);
    return s;
  }

 private:
  std::string_view in_;
  bool ok_ = true;
};

template <class F>
void each_text(Reply& r, F&& f) {
  for (std::string* s :
       {&r.to, &r.cc, &r.bcc, &r.from, &r.reply_to, &r.subject, &r.headers, &r.text, &r.file, &r.log, &r.once})
    f(*s);
}

}  // namespace

Kind detect(std::string_view text) {
  text = trim_left(text);
  if (!text.starts_with('#')) return Kind::none;
  text = trim_left(text.substr(1));
  for (const auto& [word, kind] : {std::pair("exim", Kind::exim), std::pair("sieve", Kind::sieve)})
    if (istarts_with(text, word) && istarts_with(trim_left(text.substr(std::string_view(word).size())), "filter"))
      return kind;
  return Kind::none;
}

Outcome run(std::string_view text, Scope& scope, const Options& options) {
  Outcome out;
  const Setting setting(scope, options);
  if (detect(text) == Kind::sieve) {
    run_sieve(text, scope, options, out);
    return out;
  }
  CompileContext compile;
  compile.registries = &registries_of(scope);
  const Permissions may{options.system, options.allow_fail, options.allow_defer, options.allow_freeze};
  auto program = parse_exim(text, may, compile);
  Status done = program ? Status{} : Status(std::unexpected(program.error()));
  if (program) done = Runner(scope, options, out).run(*program);
  if (!done && !out.needs_user) {
    out.verdict = Outcome::Verdict::error;
    out.text = done.error().text;
  }
  for (std::size_t i = 0; i < out.counters.size(); ++i)
    out.counters[i] = parse_int(scope.extra[std::string(kNames[i])]).value_or(0);
  return out;
}

std::string encode(const Outcome& o) {
  Writer w;
  w.number(static_cast<int>(o.verdict)).number(o.significant ? 1 : 0).number(o.needs_user ? 1 : 0).text(o.text);
  for (const std::int64_t n : o.counters) w.number(n);
  w.number(static_cast<std::int64_t>(o.edits.size()));
  for (const HeaderEdit& e : o.edits) w.number(e.remove ? 1 : 0).text(e.text);
  w.number(static_cast<std::int64_t>(o.actions.size()));
  for (const Action& a : o.actions) {
    w.number(static_cast<int>(a.kind)).text(a.target).number(a.mode).number(a.has_errors_to ? 1 : 0).text(a.errors_to);
    w.number(a.ignore_errors ? 1 : 0).number(a.bad ? 1 : 0).text(a.this_address);
    w.number(static_cast<std::int64_t>(a.captures.size()));
    for (const Text& t : a.captures) w.number(t.is_tainted() ? 1 : 0).text(t.view());
    if (a.kind != Action::Kind::reply) continue;
    Reply r = a.reply;
    each_text(r, [&w](std::string& s) { w.text(s); });
    w.number(r.file_expand ? 1 : 0)
        .number(r.return_message ? 1 : 0)
        .number(r.once_repeat)
        .number(r.make_directory ? 1 : 0);
  }
  return std::move(w.out);
}

Result<Outcome> decode_outcome(std::string_view bytes) {
  Reader r(bytes);
  Outcome o;
  const std::int64_t verdict = r.number();
  if (verdict < 0 || verdict > static_cast<int>(Outcome::Verdict::error)) return fail("bad verdict of a filter");
  o.verdict = static_cast<Outcome::Verdict>(verdict);
  o.significant = r.flag();
  o.needs_user = r.flag();
  o.text = r.text();
  for (std::int64_t& n : o.counters) n = r.number();
  for (std::size_t n = r.count(); n > 0 && r.ok(); --n) {
    HeaderEdit e;
    e.remove = r.flag();
    e.text = r.text();
    o.edits.push_back(std::move(e));
  }
  for (std::size_t n = r.count(); n > 0 && r.ok(); --n) {
    Action a;
    const std::int64_t kind = r.number();
    if (kind < 0 || kind > static_cast<int>(Action::Kind::reply)) return fail("bad action of a filter");
    a.kind = static_cast<Action::Kind>(kind);
    a.target = r.text();
    a.mode = r.number();
    a.has_errors_to = r.flag();
    a.errors_to = r.text();
    a.ignore_errors = r.flag();
    a.bad = r.flag();
    a.this_address = r.text();
    for (std::size_t k = r.count(); k > 0 && r.ok(); --k) {
      const bool tainted = r.flag();
      a.captures.emplace_back(r.text(), tainted ? Taint::tainted : Taint::clean);
    }
    if (a.kind == Action::Kind::reply) {
      each_text(a.reply, [&r](std::string& s) { s = r.text(); });
      a.reply.file_expand = r.flag();
      a.reply.return_message = r.flag();
      a.reply.once_repeat = r.number();
      a.reply.make_directory = r.flag();
    }
    o.actions.push_back(std::move(a));
  }
  if (!r.ok()) return fail("damaged answer of a filter");
  return o;
}

std::string encode(const Options& o) {
  Writer w;
  for (const bool b : {o.system, o.allow_fail, o.allow_defer, o.allow_freeze, o.forbid_logwrite, o.prepend_home,
                       o.has_useraddress, o.has_vacation, o.has_notify})
    w.number(b ? 1 : 0);
  w.number(o.forbidden);
  for (const std::string* s : {&o.inbox, &o.subaddress, &o.useraddress, &o.vacation_directory, &o.notify_owner})
    w.text(*s);
  return std::move(w.out);
}

Result<Options> decode_options(std::string_view bytes) {
  Reader r(bytes);
  Options o;
  for (bool* b : {&o.system, &o.allow_fail, &o.allow_defer, &o.allow_freeze, &o.forbid_logwrite, &o.prepend_home,
                  &o.has_useraddress, &o.has_vacation, &o.has_notify})
    *b = r.flag();
  o.forbidden = static_cast<std::uint32_t>(r.number());
  for (std::string* s : {&o.inbox, &o.subaddress, &o.useraddress, &o.vacation_directory, &o.notify_owner})
    *s = r.text();
  if (!r.ok()) return fail("damaged options of a filter");
  return o;
}

}  // namespace remex::lang::filter
