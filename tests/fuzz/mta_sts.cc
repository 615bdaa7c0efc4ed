// Fuzz target: what strangers publish for MTA-STS. The input is a policy file; its lines are also TXT records, and its
// first line a host name. Properties: no crash, limits hold, an accepted policy is complete, complaints are printable.
// links: transports
#include <cstdlib>

#include "core/base/strings.h"
#include "transports/mta_sts_policy.h"

using namespace remex;
using namespace remex::transports;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  std::vector<std::string> lines;
  for (const std::string_view line : split(text, '\n')) lines.emplace_back(line);
  if (const auto id = mta_sts_id(lines))
    if (id->empty() || id->size() > 32) std::abort();
  const auto policy = parse_mta_sts_policy(text);
  if (!policy) {
    for (const char c : policy.error().text)
      if (!is_printable(c)) std::abort();
    return 0;
  }
  if (policy->max_age < 0 || policy->max_age > 31557600 || policy->mx.size() > 100) std::abort();
  if (policy->mode != MtaStsPolicy::Mode::none && policy->mx.empty()) std::abort();
  (void)mta_sts_allows(*policy, lines.front());
  for (const std::string& mx : policy->mx) {
    const std::string host = mx.starts_with("*.") ? "a" + mx.substr(1) : mx;
    if (!mta_sts_allows(*policy, host)) std::abort();
  }
  return 0;
}
