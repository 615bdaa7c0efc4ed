// ratelimit = limit / period / options / key: exponentially smoothed rate of events per key, kept in the store's hints.
// Trouble with the hints makes the condition defer. Options: per_conn per_mail per_byte per_rcpt per_cmd, strict leaky
// readonly, count=N.

#include <fmt/core.h>

#include <cmath>
#include <cstdlib>

#include "acl/word.h"
#include "core/base/clock.h"
#include "core/base/strings.h"

namespace remex::acl {
namespace {

struct Spec {
  double limit = 0;
  std::string limit_text;  // as configured, for $sender_rate_limit
  std::int64_t period = 0;
  std::string mode = "per_mail";
  bool strict = false, readonly = false;
  double count = 1;
  std::string key;
};

std::string parse(std::string_view text, Spec& s) {
  std::vector<std::string> parts;
  for (std::string_view p : split(text, '/')) parts.emplace_back(trim(p));
  if (parts.size() < 2) return "\"ratelimit\" needs limit / period";
  char* end = nullptr;
  s.limit = std::strtod(parts[0].c_str(), &end);
  s.limit_text = parts[0];
  if (end == parts[0].c_str() || !std::isfinite(s.limit) || s.limit < 0) return "limit is not a number";
  if (*end == 'K' || *end == 'k')
    s.limit *= 1024, ++end;
  else if (*end == 'M' || *end == 'm')
    s.limit *= 1024.0 * 1024, ++end;
  else if (*end == 'G' || *end == 'g')
    s.limit *= 1024.0 * 1024 * 1024, ++end;
  if (*end != '\0') return "limit is not a number";
  if (!parse_interval(parts[1], s.period) || s.period <= 0) return "period is not a time";
  for (std::size_t i = 2; i < parts.size(); ++i) {
    const std::string& p = parts[i];
    if (p == "per_conn" || p == "per_mail" || p == "per_byte" || p == "per_rcpt" || p == "per_cmd")
      s.mode = p;
    else if (p == "strict")
      s.strict = true;
    else if (p == "leaky")
      s.strict = false;
    else if (p == "readonly" || p == "noupdate")
      s.readonly = true;
    else if (p.starts_with("count="))
      s.count = std::strtod(p.c_str() + 6, nullptr);
    else if (p.starts_with("unique=") || p == "per_addr")
      return fmt::format("option \"{}\" is known but this version cannot do it", p);
    else
      s.key += (s.key.empty() ? "" : "/") + p;
  }
  return {};
}

double amount(const Spec& s, const lang::Scope& scope) {
  if (s.mode == "per_byte") return scope.envelope != nullptr ? static_cast<double>(scope.envelope->size) * s.count : 0;
  if (s.mode == "per_rcpt" && scope.envelope != nullptr && scope.headers != nullptr)
    return static_cast<double>(scope.envelope->recipients.size()) * s.count;
  return s.count;
}

Answer run_ratelimit(Run& run, const Item& it) {
  auto v = it.value.eval(run.scope);
  if (!v)
    return v.error().kind == ErrorKind::forced_fail ? answer(!it.negated)
                                                    : trouble(v.error(), "failed to expand ratelimit");
  Spec s;
  Answer bad;
  bad.truth = Truth::error;
  bad.log_message = parse(v->view(), s);
  if (!bad.log_message.empty()) {
    bad.log_message = "error in \"ratelimit\": " + bad.log_message;
    return bad;
  }
  if (s.key.empty()) s.key = run.scope.from != nullptr ? run.scope.from->host_address : "";
  const std::string key = fmt::format("{}/{}/{}", format_interval(s.period), s.mode, s.key);
  auto old = run.scope.services->get_hint("ratelimit", key);
  if (!old) return trouble(old.error(), "ratelimit hints");
  const double now = static_cast<double>(wall_now().time_since_epoch().count()) / 1e6;
  const double units = amount(s, run.scope);
  double rate = units;
  if (*old) {
    // "time rate"; the smoothing of the manual: rate = (1-a)*count/interval*period + a*old, a = exp(-interval/period)
    char* end = nullptr;
    const double then = std::strtod((*old)->c_str(), &end);
    const double before = std::strtod(end, nullptr);
    const double interval = std::max(now - then, 1e-9);
    const double i_over_p = interval / static_cast<double>(s.period);
    const double a = std::exp(-i_over_p);
    rate = (1 - a) / i_over_p * units + a * before;
    if (units < 1e-12 && rate < 0) rate = 0;
  }
  const bool over = rate > s.limit;
  if (!s.readonly && (s.strict || !over)) {
    if (auto st = run.scope.services->put_hint("ratelimit", key, fmt::format("{:.6f} {:.6f}", now, rate)); !st)
      return trouble(st.error(), "ratelimit hints");
  }
  run.scope.extra["sender_rate"] = fmt::format("{:.1f}", rate);
  run.scope.extra["sender_rate_limit"] = s.limit_text;
  run.scope.extra["sender_rate_period"] = format_interval(s.period);
  return answer(over);
}

constexpr AclWordDef defs[] = {
    {.name = "ratelimit",
     .summary = "Measured rate is above a limit",
     .run = &run_ratelimit,
     .examples = {{"deny    message = too fast: $sender_rate in $sender_rate_period\n       "
                   " ratelimit = 0 / 1h / strict / jane\naccept",
                   "550 5.7.1 too fast: 1.0 in 1h"},
                  {"deny    ratelimit = many / 1h", "451 4.3.0 Temporary local problem - please try later"}}}};

}  // namespace
}  // namespace remex::acl

namespace remex::registry::acl_words {
extern const std::span<const acl::AclWordDef> ratelimit;
constinit const std::span<const acl::AclWordDef> ratelimit{acl::defs};
}  // namespace remex::registry::acl_words
