// MTA-STS policies and their cache; see mta_sts.h. A record of the hints table "mta-sts" is, by domain: the policy's
// id, when fetched, when its max_age is over, when last asked for (epoch seconds) and for which id, each on a line (the
// last two on one), then the policy as it came.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <memory>

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
  std::string id;  ///< of `text`
  std::int64_t fetched = 0, expires = 0, asked = 0;
  std::string tried;  ///< the id that was in the DNS when the policy was last asked for
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
    const auto blank = head[3].find(' ');
    c.asked = parse_int(head[3].substr(0, blank)).value_or(0);
    c.tried = std::string(blank == std::string_view::npos ? head[0] : head[3].substr(blank + 1));
    c.text = std::string(rest);
    return c;
  }
  std::string str() const { return fmt::format("{}\n{}\n{}\n{} {}\n{}", id, fetched, expires, asked, tried, text); }

  /// The policy in force at `now`.
  std::optional<MtaStsPolicy> usable(std::int64_t now) const {
    if (text.empty() || expires <= now) return {};
    auto policy = parse_mta_sts_policy(text);
    if (!policy || policy->mode == MtaStsPolicy::Mode::none) return {};
    return std::move(*policy);
  }
  /// Nothing need be asked for at `now`: it is the policy of this id, or asking for that has just failed.
  bool settles(const std::string& current, std::int64_t now) const {
    return (current == id && expires > now && now - fetched < kRefresh) ||
           (current == tried && now - asked < kPause && now >= asked);
  }
};

/// "Could not look" is an error: a policy that is in force must not be taken for none.
Result<Cached> read_cache(lang::Services& services, const std::string& domain) {
  const auto kept = services.get_hint(kTable, domain);
  if (!kept) return defer(fmt::format("MTA-STS: what is known of {} cannot be read: {}", domain, kept.error().text));
  return *kept ? Cached::parse(**kept) : Cached();
}

/// Domains whose policies this loop is asking for; the event is set when that came to an end.
std::map<std::string, std::shared_ptr<io::Event>>& asking() {
  thread_local std::map<std::string, std::shared_ptr<io::Event>> domains;
  return domains;
}

class Asking {
 public:
  explicit Asking(std::string domain) : domain_(std::move(domain)) {
    asking()[domain_] = std::make_shared<io::Event>();
  }
  ~Asking() {
    const auto it = asking().find(domain_);
    it->second->set();
    asking().erase(it);
  }
  Asking(const Asking&) = delete;
  Asking& operator=(const Asking&) = delete;

 private:
  std::string domain_;
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

Error too_many(const std::string& domain) {
  return {ErrorKind::defer, fmt::format("MTA-STS: too many policies are being fetched to ask for that of {}", domain)};
}

/// Asks for the policy whose id is in the DNS, and writes down what came of it. Parks.
Result<std::optional<MtaStsPolicy>> ask(lang::Services& services, const std::string& domain, const std::string& id,
                                        const std::string& ca) {
  const Asking mark(domain);
  std::string text;
  const auto policy = fetch_policy(services, domain, ca, text);
  const std::int64_t now = wall_seconds();
  Cached cache;
  if (policy) {
    cache = {id, now, now + policy->max_age, now, id, text};
  } else {
    REMEX_TRY(cache, read_cache(services, domain));  // another process may have been luckier meanwhile
    const bool answered = policy.error().kind == ErrorKind::defer || policy.error().kind == ErrorKind::failed;
    auto before = cache.usable(now);
    if (cache.settles(id, now) || (!answered && before)) return before;
    if (!answered) return std::unexpected(too_many(domain));
    cache.tried = id;
    cache.asked = now;
    services.log(static_cast<int>(lang::LogTarget::main_log),
                 fmt::format("MTA-STS: the policy of {} cannot be fetched: {}; {}", domain, policy.error().text,
                             before ? "the one before stays in force" : "delivering as if there were none"));
  }
  (void)services.put_hint(kTable, domain, cache.str());
  return cache.usable(now);
}

}  // namespace

Result<std::optional<MtaStsPolicy>> find_mta_sts(lang::Services& services, const std::string& given,
                                                 const std::string& ca) {
  const std::string domain = to_lower(given);
  if (!is_host_name(domain)) return std::optional<MtaStsPolicy>();
  const io::DeadlineScope deadline{kTime};
  const dns::Answer txt = services.resolver().query("_mta-sts." + domain, dns::Type::txt);
  std::vector<std::string> records;
  if (txt.outcome == dns::Outcome::found)
    for (const auto& r : txt.records) records.push_back(r.text);
  const auto id = mta_sts_id(records);
  for (;;) {
    REMEX_TRY(const Cached cache, read_cache(services, domain));
    const std::int64_t now = wall_seconds();
    // Gone or unreadable: what is known holds until its time is over (5.1).
    if (!id || cache.settles(*id, now)) return cache.usable(now);
    // Several deliveries find an unknown policy at once: one asks, the others wait for what it learns.
    const auto other = asking().find(domain);
    if (other == asking().end()) return ask(services, domain, *id, ca);
    const auto done = other->second;
    if (const Status waited = done->wait(); waited) continue;
    if (auto before = cache.usable(now)) return before;
    return std::unexpected(too_many(domain));
  }
}

}  // namespace remex::transports
