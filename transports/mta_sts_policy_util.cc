// See mta_sts_policy.h.
#include "transports/mta_sts_policy.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/base/strings.h"

namespace remex::transports {
namespace {

constexpr std::size_t kMaxText = 64 * 1024, kMaxPatterns = 100, kMaxId = 32;
constexpr std::int64_t kMaxAge = 31557600;

bool is_alphanumeric(char c) { return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

std::string_view without_dot(std::string_view name) {
  if (name.ends_with('.')) name.remove_suffix(1);
  return name;
}

/// A domain of letters, digits and hyphens, perhaps behind "*.".
bool is_pattern(std::string_view s) {
  if (s.starts_with("*.")) s.remove_prefix(2);
  s = without_dot(s);
  if (s.empty() || s.size() > 253) return false;
  for (const std::string_view label : split(s, '.')) {
    if (label.empty() || label.size() > 63) return false;
    for (const char c : label)
      if (!is_alphanumeric(c) && c != '-' && c != '_') return false;
  }
  return true;
}

}  // namespace

std::optional<std::string> mta_sts_id(const std::vector<std::string>& records) {
  std::optional<std::string> id;
  int versions = 0;
  for (const std::string& text : records) {
    const auto fields = split(text, ';');
    if (trim_right(fields.front()) != "v=STSv1") continue;
    ++versions;
    for (std::size_t i = 1; i < fields.size(); ++i) {
      const std::string_view field = trim(fields[i]);
      if (!field.starts_with("id=")) continue;
      const std::string_view value = field.substr(3);
      if (id || value.empty() || value.size() > kMaxId || !std::all_of(value.begin(), value.end(), is_alphanumeric))
        return {};
      id = std::string(value);
    }
  }
  return versions == 1 ? id : std::nullopt;
}

Result<MtaStsPolicy> parse_mta_sts_policy(std::string_view text) {
  if (text.size() > kMaxText) return fail("the policy is larger than 64 KiB");
  MtaStsPolicy out;
  bool version = false, mode = false, age = false;
  for (std::string_view line : split(text, '\n')) {
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (trim(line).empty()) continue;
    const auto colon = line.find(':');
    if (colon == std::string_view::npos) return fail(fmt::format("\"{}\" is no field", printable(line.substr(0, 100))));
    const std::string_view name = trim(line.substr(0, colon)), value = trim(line.substr(colon + 1));
    const auto bad = [&] {
      return fail(fmt::format("\"{}\" is not a value of {}", printable(value.substr(0, 100)), printable(name)));
    };
    if (name == "version" && !version) {
      if (value != "STSv1") return bad();
      version = true;
    } else if (name == "mode" && !mode) {
      mode = true;
      if (value == "enforce")
        out.mode = MtaStsPolicy::Mode::enforce;
      else if (value == "testing")
        out.mode = MtaStsPolicy::Mode::testing;
      else if (value != "none")
        return bad();
    } else if (name == "max_age" && !age) {
      age = true;
      const auto n = value.size() <= 10 ? parse_uint(value) : std::nullopt;
      if (!n) return bad();
      out.max_age = std::min(static_cast<std::int64_t>(*n), kMaxAge);
    } else if (name == "mx") {
      if (!is_pattern(value)) return bad();
      if (out.mx.size() >= kMaxPatterns) return fail("the policy has more than 100 mx");
      out.mx.push_back(to_lower(without_dot(value)));
    }
  }
  if (!version) return fail("it has no version");
  if (!mode) return fail("it has no mode");
  if (!age) return fail("it has no max_age");
  if (out.mx.empty() && out.mode != MtaStsPolicy::Mode::none) return fail("it has no mx");
  return out;
}

bool mta_sts_allows(const MtaStsPolicy& policy, std::string_view host) {
  const std::string name = to_lower(without_dot(host));
  return std::any_of(policy.mx.begin(), policy.mx.end(), [&](const std::string& pattern) {
    if (!pattern.starts_with("*.")) return name == pattern;
    const auto dot = name.find('.');
    return dot != std::string::npos && dot > 0 &&
           std::string_view(name).substr(dot) == std::string_view(pattern).substr(1);
  });
}

}  // namespace remex::transports
