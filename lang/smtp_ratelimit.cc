// See smtp_ratelimit.h; the manual, "smtp_ratelimit_mail".

#include "lang/smtp_ratelimit.h"

#include <fmt/core.h>

#include <algorithm>
#include <cstdlib>
#include <string>
#include <utility>

#include "core/base/strings.h"

namespace remex::lang {

double RateLimit::delay_ms(std::int64_t count) const {
  if (count <= threshold) return 0;
  double delay = initial_ms;
  for (std::int64_t n = threshold + 1; n < count && delay < max_ms; ++n) delay *= factor;
  return std::min(delay, max_ms);
}

Result<RateLimit> parse_rate_limit(std::string_view text) {
  const auto parts = split(text, ',');
  const auto bad = [&] { return fail(fmt::format("\"{}\" is not threshold,delay,factor,maximum", printable(text))); };
  if (parts.size() != 4) return bad();
  // "0.5s": intervals here may have a fraction
  const auto interval_ms = [](std::string_view s, double& out) {
    char* end = nullptr;
    const std::string t(trim(s));
    out = std::strtod(t.c_str(), &end) * 1000;
    if (end == t.c_str() || !(out >= 0)) return false;
    static constexpr std::pair<char, double> kUnits[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}};
    for (const auto& [unit, scale] : kUnits)
      if (*end == unit && end[1] == '\0') return out *= scale, true;
    return *end == '\0';
  };
  RateLimit r;
  const auto threshold = parse_int(trim(parts[0]));
  char* end = nullptr;
  const std::string factor(trim(parts[2]));
  r.factor = std::strtod(factor.c_str(), &end);
  if (!threshold || *threshold < 0 || end == factor.c_str() || *end != '\0' || !(r.factor >= 1) ||
      !interval_ms(parts[1], r.initial_ms) || !interval_ms(parts[3], r.max_ms) || r.max_ms > 86400e3)
    return bad();
  r.threshold = *threshold;
  return r;
}

}  // namespace remex::lang
