// Hosts from SRV records (RFC 2782) for dnslookup's check_srv.
#include <fmt/core.h>

#include <algorithm>
#include <random>

#include "core/base/strings.h"
#include "core/mail/address.h"
#include "routers/internal.h"

namespace remex::routers {
namespace {

constexpr std::size_t kMaxRecords = 100;

/// RFC 2782 "Weight": records without weight have a small chance only.
void order_by_weight(std::vector<dns::Record>::iterator from, std::vector<dns::Record>::iterator to) {
  static std::mt19937 engine{std::random_device{}()};
  std::stable_partition(from, to, [](const dns::Record& r) { return r.weight == 0; });
  for (; to - from > 1; ++from) {
    std::uint64_t total = 0;
    for (auto it = from; it != to; ++it) total += it->weight;
    std::uint64_t ticket = std::uniform_int_distribution<std::uint64_t>(0, total)(engine);
    auto chosen = from;
    for (std::uint64_t sum = chosen->weight; sum < ticket && chosen + 1 != to; sum += chosen->weight) ++chosen;
    std::rotate(from, chosen, chosen + 1);
  }
}

}  // namespace

HostFindResult find_srv_hosts(RouteContext& ctx, const lang::DriverInstance& r, const std::string& given_domain,
                              const std::string& service, const MxOptions& opt, std::vector<HostItem>& out,
                              bool& no_service) {
  no_service = false;
  auto ascii = mail::has_8bit(given_domain) ? mail::domain_to_ascii(given_domain) : Result<std::string>(given_domain);
  if (!ascii) return {HostFind::not_found, fmt::format("{}: {}", given_domain, ascii.error().text)};
  const std::string& domain = *ascii;
  if (ctx.scope.services == nullptr) return {HostFind::again, "no resolver"};
  dns::Answer srv = ctx.scope.services->resolver().query(fmt::format("_{}._tcp.{}", service, domain), dns::Type::srv);
  if (srv.outcome == dns::Outcome::try_again && !opt.mx_fail_is_none)
    return {HostFind::again, fmt::format("host lookup did not complete: {} SRV: {}", domain, srv.why)};
  if (srv.outcome != dns::Outcome::found) return {HostFind::not_found, fmt::format("{} has no SRV", domain)};
  LookupOptions lookup = opt.lookup;
  lookup.how = LookupHow::dns_only;
  if (Status st = demand_dnssec(ctx, generic(r), domain, lookup); !st) return {HostFind::again, st.error().text};
  if (!srv.secure && lookup.dnssec) return insecure("SRV record", domain);
  auto& records = srv.records;
  if (records.size() == 1 && (records[0].text.empty() || records[0].text == ".")) {
    no_service = true;
    return {HostFind::not_found, fmt::format("an MX or SRV record indicated no SMTP service: {}", domain)};
  }
  if (records.size() > kMaxRecords) records.resize(kMaxRecords);
  std::stable_sort(records.begin(), records.end(),
                   [](const dns::Record& a, const dns::Record& b) { return a.preference < b.preference; });
  for (auto from = records.begin(); from != records.end();) {
    const auto to =
        std::find_if(from, records.end(), [&](const dns::Record& a) { return a.preference != from->preference; });
    order_by_weight(from, to);
    from = to;
  }
  std::vector<HostItem> hosts;
  std::string again;
  int again_preference = -1;
  bool any_ignored = false;
  for (const dns::Record& rec : records) {
    if (!mail::is_domain_name(rec.text, true)) continue;
    HostItem item;
    item.name = to_lower(rec.text);
    item.mx = rec.preference;
    item.port = rec.port;
    item.mx_secure = srv.secure;
    const HostFindResult one = find_addresses(ctx, r, item, lookup, hosts);
    if (one.outcome == HostFind::again && again_preference < 0) {
      again = one.message;
      again_preference = rec.preference;
    }
    if (one.outcome == HostFind::ignored) any_ignored = true;
  }
  cut_at_self(hosts);
  if (may_have_better(hosts, again_preference)) return {HostFind::again, again};
  if (hosts.empty()) {
    if (again_preference >= 0) return {HostFind::again, again};
    if (any_ignored) return {HostFind::ignored, fmt::format("all SRV hosts of {} were ignored", domain)};
    no_service = true;
    return {HostFind::not_found, fmt::format("all relevant SRV records of {} point to non-existent hosts", domain)};
  }
  for (HostItem& h : hosts) out.push_back(std::move(h));
  return {HostFind::found, {}};
}

}  // namespace remex::routers
