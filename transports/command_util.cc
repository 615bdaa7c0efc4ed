// Commands of transports: splitting into words, expansion word by word, environment, transport_filter, shadow
// transports and batches. No shell is ever involved unless an option asks for it.
#include <fmt/core.h>
#include <unistd.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "core/base/clock.h"
#include "core/base/strings.h"
#include "core/mail/message.h"
#include "lang/config.h"
#include "transports/internal.h"

namespace remex::transports {
namespace {

constexpr std::size_t kMaxWords = 1000;

using Word = CommandWord;

/// One of kCommandVariables: the compiler sees that it is.
struct VariableName {
  std::string_view text;
  // NOLINTNEXTLINE(google-explicit-constructor): a name is one of those
  consteval VariableName(const char* name) : text(name) {
    if (std::find(std::begin(kCommandVariables), std::end(kCommandVariables), text) == std::end(kCommandVariables))
      throw "add it to kCommandVariables";
  }
};

/// One word, and the rest of the line behind it. Kind failed: a quote is left open.
Result<Word> next_word(std::string_view& s) {
  Word w;
  const char quote = s.front();
  if (quote == '"' || quote == '\'') {
    w.quoted = true;
    std::size_t i = 1;
    for (; i < s.size() && s[i] != quote; ++i) {
      if (quote == '"' && s[i] == '\\' && i + 1 < s.size()) {
        ++i;
        const char c = s[i];
        w.text += c == 'n' ? '\n' : c == 't' ? '\t' : c == 'r' ? '\r' : c;
      } else {
        w.text += s[i];
      }
    }
    if (i >= s.size()) return fail("missing closing quote in a command");
    s.remove_prefix(i + 1);
    return w;
  }
  std::size_t i = 0;
  while (i < s.size() && !is_space(s[i])) ++i;
  w.text = s.substr(0, i);
  s.remove_prefix(i);
  return w;
}

}  // namespace

Result<std::vector<CommandWord>> split_command_words(std::string_view line) {
  std::vector<Word> words;
  for (line = trim_left(line); !line.empty(); line = trim_left(line)) {
    REMEX_TRY(Word w, next_word(line));
    words.push_back(std::move(w));
    if (words.size() > kMaxWords) return fail("too many arguments in a command");
  }
  if (words.empty()) return fail("empty command");
  return words;
}

namespace {

/// A word of an option.
Result<std::string> expand_word(DeliverContext& ctx, const std::string& word, const lang::Expansion& command,
                                const CommandTrouble& trouble) {
  const std::string_view what = trouble.what;
  if (word.find('$') == std::string::npos && word.find('\\') == std::string::npos) return word;
  const lang::CompileContext compile{ctx.config.registries.get(), nullptr, std::string(what)};
  auto e = lang::Expansion::compile(lang::SourceText(word, command.pos()), compile);
  auto text = e ? e->eval(ctx.scope) : Result<Text>(std::unexpected(e.error()));
  if (!text) {
    std::string why = fmt::format("Expansion of \"{}\" from command \"{}\" in {} failed: {}", word,
                                  command.source_text(), what, text.error().text);
    return std::unexpected(Error{trouble.panic ? ErrorKind::config : ErrorKind::defer, std::move(why), trouble.number});
  }
  if (text->is_tainted()) return defer(fmt::format("Tainted arg '{}' for {} failed", printable(text->view()), what));
  if (text->view().find('\0') != std::string_view::npos) return defer(fmt::format("NUL in an argument of {}", what));
  return text->str();
}

const routers::Addr& original(const routers::Addr& a) {
  return (a.is_pipe || a.is_file || a.is_directory) && a.parent != nullptr ? *a.parent : a;
}

}  // namespace

namespace {

/// Expands a piece of a filter's command; the scope has what the filter had matched, and what it may not do.
Result<std::string> expand_for_filter(DeliverContext& ctx, const routers::Addr& a, const std::string& text,
                                      std::size_t number, std::string_view transport) {
  const lang::CompileContext compile{ctx.config.registries.get(), nullptr, {}};
  auto e = lang::Expansion::compile(lang::SourceText(text), compile);
  auto value = e ? e->eval(ctx.scope) : Result<Text>(std::unexpected(e.error()));
  if (!value)
    return defer(fmt::format("Expansion of \"{}\" from command \"{}\" in {} transport failed: {}", text,
                             printable(a.special.view()), transport, value.error().text));
  if (value->is_tainted())
    return fail(
        fmt::format("Tainted arg {} for {} transport command: '{}'", number, transport, printable(value->view())));
  if (value->view().find('\0') != std::string_view::npos) return fail("NUL in an argument of a command");
  return value->str();
}

class FilterValues {
 public:
  FilterValues(lang::Scope& scope, const routers::CommandValues& values)
      : scope_(scope), captures_(scope), confined_(scope, confinement_of(values.of_user, values.forbidden)) {
    scope.captures = values.captures;
    scope.extra["thisaddress"] = values.this_address;
  }
  ~FilterValues() { scope_.extra.erase("thisaddress"); }
  FilterValues(const FilterValues&) = delete;
  FilterValues& operator=(const FilterValues&) = delete;

 private:
  lang::Scope& scope_;
  lang::SavedCaptures captures_;
  lang::ConfinedScope confined_;
};

}  // namespace

lang::Confinement confinement_of(bool of_user, std::uint32_t forbidden) {
  constexpr Millis kTime{1000};  // nobody else is served meanwhile
  lang::Confinement c;
  c.forbidden = forbidden;
  c.pure = of_user;
  if (of_user) c.until = monotonic_now() + kTime;
  return c;
}

Result<std::vector<std::string>> filter_command(DeliverContext& ctx, const routers::Addr& a,
                                                std::string_view transport) {
  auto words = split_command_words(a.special.view());
  if (!words) return fail(words.error().text);
  const FilterValues values(ctx.scope, *a.command_values);
  std::vector<std::string> out;
  for (const Word& w : *words) {
    REMEX_TRY(std::string text, expand_for_filter(ctx, a, w.text, out.size(), transport));
    out.push_back(std::move(text));
  }
  return out;
}

Result<std::string> filter_shell_line(DeliverContext& ctx, const routers::Addr& a, std::string_view transport) {
  const FilterValues values(ctx.scope, *a.command_values);
  return expand_for_filter(ctx, a, a.special.str(), 0, transport);
}

Result<std::vector<std::string>> split_command(std::string_view line) {
  REMEX_TRY(const std::vector<Word> words, split_command_words(line));
  std::vector<std::string> out;
  out.reserve(words.size());
  for (const Word& w : words) out.push_back(w.text);
  return out;
}

Result<std::vector<std::string>> command_words(DeliverContext& ctx, const lang::Expansion& command,
                                               const CommandTrouble& trouble, std::span<routers::Addr* const> batch) {
  const std::string_view what = trouble.what;
  auto words = split_command_words(command.source_text());
  if (!words) return defer(fmt::format("{}: {}", what, words.error().text));
  std::vector<std::string> out;
  for (const Word& w : *words) {
    if (w.is_pipe_addresses()) {
      for (const routers::Addr* a : batch) {
        const routers::Addr& o = original(*a);
        out.push_back(fmt::format("{}@{}", o.state.cased_local_part, o.state.domain));
      }
      continue;
    }
    if (w.is_address_pipe() && batch.front()->is_pipe) {
      auto inner = batch.front()->command_values ? filter_command(ctx, *batch.front(), what)
                                                 : split_command(batch.front()->special.view());
      if (!inner) return defer(inner.error().text);
      out.insert(out.end(), inner->begin(), inner->end());
      continue;
    }
    REMEX_TRY(std::string text, expand_word(ctx, w.text, command, trouble));
    out.push_back(std::move(text));
  }
  return out;
}

std::vector<std::string> command_environment(DeliverContext& ctx, const routers::Addr& a, const std::string& home,
                                             std::string_view path) {
  const routers::Addr& o = original(a);
  const auto& main = ctx.config.main;
  std::vector<std::string> env;
  const auto put = [&env](VariableName name, std::string_view value) {
    if (value.find('\0') == std::string_view::npos) env.push_back(fmt::format("{}={}", name.text, value));
  };
  const std::string& local = o.state.local_part;
  put("LOCAL_PART", local);
  put("LOGNAME", local);
  put("USER", local);
  put("LOCAL_PART_PREFIX", o.state.prefix);
  put("LOCAL_PART_SUFFIX", o.state.suffix);
  put("DOMAIN", o.state.domain);
  put("HOME", home);
  if (!a.hosts.empty()) put("HOST", a.hosts.front().name);
  put("MESSAGE_ID", ctx.job.envelope.id);
  put("PATH", path);
  put("RECIPIENT", fmt::format("{}{}{}@{}", o.state.prefix, local, o.state.suffix, o.state.domain));
  put("QUALIFY_DOMAIN", main.qualify_domain.empty() ? main.primary_hostname : main.qualify_domain);
  put("SENDER", ctx.job.envelope.sender);
  put("SHELL", kCommandShell);
  if (!main.timezone.empty()) put("TZ", main.timezone);
  return env;
}

Status apply_filter(DeliverContext& ctx, const lang::DriverInstance& t, const Identity& id,
                    std::span<routers::Addr* const> batch, MessageText& m) {
  const TransportGeneric& g = generic(t);
  if (!g.transport_filter.is_set()) return {};
  const std::string what = fmt::format("{} transport filter", t.name);
  const TransportDef* filtered = find_transport_def(t.def);
  const bool local = filtered != nullptr && filtered->is_local;
  REMEX_TRY(const std::vector<std::string> words,
            command_words(ctx, g.transport_filter, {local ? "transport filter" : what, -1, local}, batch));
  if (words.empty() || words[0].empty()) return {};  // expanded to nothing: no filter this time
  if (!words[0].starts_with('/')) return defer(fmt::format("{}: \"{}\" is not an absolute path", what, words[0]));
  io::Fields f = courier_request("command", id, t);
  for (std::size_t i = 0; i < words.size(); ++i) f[fmt::format("arg{}", i)] = words[i];
  const auto env = command_environment(ctx, *batch.front(), batch.front()->home_directory.str());
  for (std::size_t i = 0; i < env.size(); ++i) f[fmt::format("env{}", i)] = env[i];
  f["directory"] = "/";
  f["filter"] = "1";
  f["timeout"] = std::to_string(g.transport_filter_timeout);
  f["max_output"] =
      std::to_string(std::min<std::uint64_t>(m.size() * 2 + (64 << 20), 3ULL << 30));  // an answer: < 4 GiB
  MessageText plain;
  plain.head = m.head;
  plain.body = m.body;
  REMEX_TRY(io::Fields answer, ask_courier(ctx, f, Seconds(g.transport_filter_timeout + 30), &plain));
  if (answer.contains("error")) return defer(fmt::format("{}: {}", what, answer["error"]));
  if (answer.contains("exec_error")) return defer(fmt::format("{}: {}: {}", what, words[0], answer["exec_error"]));
  if (answer.contains("timed_out")) return fail(ErrorKind::timed_out, fmt::format("{} timed out", what));
  if (answer.contains("too_much")) return defer(fmt::format("{} produced too much output", what));
  if (answer.contains("signal")) return defer(fmt::format("{} was ended by signal {}", what, answer["signal"]));
  if (answer["exit"] != "0")
    return std::unexpected(Error{local ? ErrorKind::config : ErrorKind::defer,
                                 fmt::format("transport filter process failed ({})", answer["exit"]), kFilterFailed});
  // Header section and body are told apart again: signatures and dot escapes need to know.
  std::string out = std::move(answer["output"]);
  const auto gap = out.starts_with('\n') ? 0 : out.find("\n\n");
  const std::size_t end = gap == std::string::npos ? out.size() : gap + (gap == 0 ? 1 : 2);
  m.head = out.substr(0, end);
  m.body = mail::Body::from_string(out.substr(end));
  return {};
}

int limited_batch(const lang::DriverInstance& t, std::int64_t batch_max) {
  static constexpr std::string_view kName = "local_part", kOfSender = "sender_address_";
  for (const auto& g : t.given) {
    const auto text = g.value.text();
    for (std::size_t at = text.find(kName); at != std::string::npos; at = text.find(kName, at + 1))
      if (!std::string_view(text).substr(0, at).ends_with(kOfSender)) return 1;
  }
  return static_cast<int>(std::clamp<std::int64_t>(batch_max, 1, 10000));
}

void run_shadow(DeliverContext& ctx, const lang::DriverInstance& t, std::span<routers::Addr* const> batch,
                std::vector<AddrResult>& results) {
  const TransportGeneric& g = generic(t);
  if (g.shadow_transport.empty() || ctx.is_shadow) return;
  if (g.shadow_condition.is_set()) {
    auto v = g.shadow_condition.eval(ctx.scope);
    if (!v && v.error().kind != ErrorKind::forced_fail && ctx.scope.services != nullptr)
      ctx.scope.services->log(
          lang::LogTarget::main_log | lang::LogTarget::panic_log,
          fmt::format("{} failed to expand condition \"{}\" for {} transport: {}", ctx.job.envelope.id,
                      g.shadow_condition.source_text(), t.name, v.error().text));
    if (!v || !lang::is_loosely_true(v->view())) return;
  }
  std::vector<routers::Addr*> done;
  for (std::size_t i = 0; i < batch.size() && i < results.size(); ++i)
    if (results[i].fate == Fate::delivered) done.push_back(batch[i]);
  const lang::DriverInstance* shadow = ctx.config.find_transport(g.shadow_transport);
  const TransportDef* def = shadow != nullptr ? find_transport_def(shadow->def) : nullptr;
  if (done.empty() || def == nullptr || def->deliver == nullptr || shadow == &t) return;
  lang::AddressState* const saved = ctx.scope.address;
  ctx.scope.address = &done.front()->state;
  // Nobody settles what a shadow wrote: it is durable by itself.
  std::vector<AddrResult> copies;
  {
    struct Guard {
      DeliverContext& ctx;
      bool settle_later;
      std::string name;
      ~Guard() {
        ctx.settle_later = settle_later, ctx.is_shadow = false;
        if (ctx.scope.delivery != nullptr) ctx.scope.delivery->transport_name = name;
      }
    } const guard{ctx, std::exchange(ctx.settle_later, false), t.name};
    if (ctx.scope.delivery != nullptr) ctx.scope.delivery->transport_name = shadow->name;
    ctx.is_shadow = true;
    copies = def->deliver(ctx, *shadow, done);
  }
  for (const AddrResult& r : copies)
    if (r.fate != Fate::delivered)
      for (AddrResult& main : results)
        if (main.fate == Fate::delivered) main.shadow = fmt::format("{} ({})", shadow->name, r.message);
  for (AddrResult& main : results)
    if (main.fate == Fate::delivered && main.shadow.empty()) main.shadow = shadow->name;
  ctx.scope.address = saved;
}

}  // namespace remex::transports
