// MTA-STS policies and their cache; see mta_sts.h. A record of the hints table "mta-sts" is, by domain: id, when
// fetched, when its max_age is over, when last asked for (epoch seconds), each on a line, then the policy as it came.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "core/base/clock.h"
#include "core/base/strings.h"
#include "core/dns/resolver.h"
#include "core/io/fiber.h"
#include "transports/mta_sts.h"

namespace remex::transports {
namespace {

constexpr const char* kTable = "mta-sts";
constexpr std::int64_t kRefresh = 86400;  ///< a policy is asked for again that often, long before it ends (3.3, 10.2)
constexpr std::int64_t kPause = 300;      ///< after a fetch that failed (3.3)
constexpr Millis kTime{30000};            ///< name lookups and the request together

struct Cached {
  std::string id;
  std::int64_t fetched = 0, expires = 0, asked = 0;
  std::string text;

  static Cached parse(const std::string& value) {
    Cached c;
    std::string_view rest = value;
    std::string_view head[4];
    for (auto& h : head) {
      const auto end = rest.find('\n');
      if (end == std::string_view::npos) return {};
      h = rest.substr(0, end);
      rest.remove_prefix(end + 1);
    }
    c.id = std::string(head[0]);
    c.fetched = parse_int(head[1]).value_or(0);
    c.expires = parse_int(head[2]).value_or(0);
    c.asked = parse_int(head[3]).value_or(0);
    c.text = std::string(rest);
    return c;
  }
  std::string str() const { return fmt::format("{}\n{}\n{}\n{}\n{}", id, fetched, expires, asked, text); }
};

bool is_host_name(std::string_view s) {
  return !s.empty() && s.size() <= 240 && s.find('.') != std::string_view::npos &&
         std::all_of(s.begin(), s.end(),
                     [](char c) { return is_digit(c) || (c >= 'a' && c <= 'z') || c == '-' || c == '.' || c == '_'; });
}

Result<MtaStsPolicy> fetch_policy(lang::Services& services, const std::string& domain, const std::string& ca,
                                  std::string& text) {
  const std::string host = "mta-sts." + domain;
  const auto found = dns::lookup_host(services.resolver(), host, true, true, false);
  if (found.outcome != dns::Outcome::found)
    return defer(fmt::format("{} has no address{}{}", host, found.why.empty() ? "" : ": ", found.why));
  REMEX_TRY(text, fetch_mta_sts(host, found.ips, ca));
  return parse_mta_sts_policy(text);
}

}  // namespace

Result<std::optional<MtaStsPolicy>> find_mta_sts(lang::Services& services, const std::string& given,
                                                 const std::string& ca) {
  const std::string domain = to_lower(given);
  if (!is_host_name(domain)) return std::optional<MtaStsPolicy>();
  const io::DeadlineScope deadline{kTime};
  const auto kept = services.get_hint(kTable, domain);
  Cached cache = kept && *kept ? Cached::parse(**kept) : Cached();
  const std::int64_t now = wall_seconds();
  const auto usable = [&]() -> std::optional<MtaStsPolicy> {
    if (cache.text.empty() || cache.expires <= now) return {};
    auto policy = parse_mta_sts_policy(cache.text);
    if (!policy || policy->mode == MtaStsPolicy::Mode::none) return {};
    return std::move(*policy);
  };
  const dns::Answer txt = services.resolver().query("_mta-sts." + domain, dns::Type::txt);
  std::vector<std::string> records;
  if (txt.outcome == dns::Outcome::found)
    for (const auto& r : txt.records) records.push_back(r.text);
  const auto id = mta_sts_id(records);
  if (!id) return usable();  // gone or unreadable: what is known holds until its time is over (5.1)
  const bool known = *id == cache.id && cache.expires > now && now - cache.fetched < kRefresh;
  const bool tried = *id == cache.id && now - cache.asked < kPause && now >= cache.asked;
  // Several deliveries find an unknown policy at once: one asks, the others go by what is kept.
  thread_local std::set<std::string> asking;
  if (known || tried) return usable();
  if (asking.contains(domain))
    if (auto before = usable()) return before;
  asking.insert(domain);
  std::string text;
  auto policy = fetch_policy(services, domain, ca, text);
  asking.erase(domain);
  if (!policy && policy.error().kind != ErrorKind::defer && policy.error().kind != ErrorKind::failed) {
    if (auto before = usable()) return before;
    return defer(fmt::format("MTA-STS: too many policies are being fetched to ask for that of {}", domain));
  }
  cache.id = *id;
  cache.asked = now;
  if (policy) {
    cache.fetched = now;
    cache.expires = now + policy->max_age;
    cache.text = text;
  } else {
    services.log(static_cast<int>(lang::LogTarget::main_log),
                 fmt::format("MTA-STS: the policy of {} cannot be fetched: {}; {}", domain, policy.error().text,
                             usable() ? "the one before stays in force" : "delivering as if there were none"));
  }
  (void)services.put_hint(kTable, domain, cache.str());
  return usable();
}

}  // namespace remex::transports
