// seen = [-]INTERVAL / options: was this key met within, or (with "-") before, that long ago? For greylisting and the
// like (manual 44.38). Options: key=KEY (default: the client's address), readonly, write, refresh=INTERVAL. Times are
// kept in the store's hints; trouble with them makes the condition defer.

#include <fmt/core.h>

#include <algorithm>

#include "acl/word.h"
#include "core/base/clock.h"
#include "core/base/strings.h"
#include "lang/diagnostics.h"

namespace remex::acl {
namespace {

constexpr std::size_t kMaxKey = 1024;

struct Spec {
  std::int64_t interval = 0, refresh = 10 * 24 * 3600;
  bool before = false;  ///< the interval had a minus sign
  enum class Update : std::uint8_t { as_needed, never, always } update = Update::as_needed;
  std::string key;
};

/// Empty, or what is wrong.
std::string parse(std::string_view text, Spec& s) {
  const auto parts = split(text, '/');
  std::string_view interval = trim(parts[0]);
  if (interval.starts_with('-')) {
    s.before = true;
    interval.remove_prefix(1);
  }
  if (!parse_interval(interval, s.interval)) return fmt::format("failed to parse '{}'", printable(text));
  for (std::size_t i = 1; i < parts.size(); ++i) {
    const std::string_view p = trim(parts[i]);
    if (p == "readonly") {
      s.update = Spec::Update::never;
    } else if (p == "write") {
      s.update = Spec::Update::always;
    } else if (p.starts_with("key=")) {
      s.key = p.substr(4);
    } else if (p.starts_with("refresh=")) {
      if (!parse_interval(p.substr(8), s.refresh)) return fmt::format("failed to parse '{}'", printable(text));
    } else {
      return fmt::format("unrecognised option '{}' in '{}'", printable(p), printable(text));
    }
  }
  if (s.key.size() > kMaxKey) return fmt::format("key is longer than {} octets", kMaxKey);
  return {};
}

Answer run_seen(Run& run, const Item& it) {
  auto v = run.value_of(it);
  if (!v)
    return v.error().kind == ErrorKind::forced_fail ? answer(!it.negated) : trouble(v.error(), "failed to expand seen");
  Spec s;
  if (run.scope.from != nullptr) s.key = run.scope.from->host_address;
  Answer bad;
  bad.truth = Truth::error;
  bad.log_message = parse(v->view(), s);
  if (!bad.log_message.empty()) return bad;
  auto old = run.scope.services->get_hint("seen", s.key);
  if (!old) return trouble(old.error(), "seen hints");
  const std::int64_t now = wall_seconds(), test = now - s.interval;
  const auto at = *old ? parse_int(**old) : std::nullopt;
  const bool truth = at.has_value() && (s.before ? *at <= test : *at > test);
  std::int64_t mark = 0;
  if (s.update == Spec::Update::always)
    mark = now;
  else if (s.update == Spec::Update::as_needed)
    // A record that proves its age is kept from ever looking unused, without becoming younger than the test needs.
    mark = !at || !s.before ? now : truth && *at <= now - s.refresh ? test : 0;
  if (mark != 0)
    if (auto st = run.scope.services->put_hint("seen", s.key, std::to_string(mark)); !st)
      return trouble(st.error(), "seen hints");
  return answer(truth);
}

void check_seen(Item& it, const lang::CompileContext& ctx) {
  if (!it.value.is_constant() || ctx.diagnostics == nullptr) return;
  Spec s;
  if (const std::string why = parse(it.value.constant(), s); !why.empty())
    ctx.diagnostics->error("acl-value", it.value.pos(), 1, fmt::format("{}: {}", ctx.where, why));
}

constexpr AclWordDef defs[] = {{.name = "seen",
                                .summary = "Key seen since or before an interval",
                                .compile = &check_seen,
                                .run = &run_seen,
                                .tier = 3,
                                .examples = {{"accept  seen = -5m / key=${sender_host_address}_$sender_address\ndefer  "
                                              " message = first seen now, try again",
                                              "451 4.3.0 first seen now, try again"},
                                             {"accept  seen = often", "", "E0507"}}}};

}  // namespace
}  // namespace remex::acl

namespace remex::registry::acl_words {
extern const std::span<const acl::AclWordDef> seen;
constinit const std::span<const acl::AclWordDef> seen{acl::defs};
}  // namespace remex::registry::acl_words
