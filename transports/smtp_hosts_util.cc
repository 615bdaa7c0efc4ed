// Host lists of the smtp transport itself (hosts, fallback_hosts) and names that were not looked up while routing.
#include <fmt/format.h>

#include <algorithm>
#include <random>
#include <set>

#include "core/base/strings.h"
#include "core/mail/address.h"
#include "routers/host_text.h"
#include "routers/local_host.h"
#include "transports/smtp_options_util.h"

namespace remex::transports {
namespace {

std::mt19937& rng() {
  static std::mt19937 engine{std::random_device{}()};
  return engine;
}

Result<std::vector<std::string>> addresses_of(DeliverContext& ctx, const SmtpOptions& o, const std::string& name,
                                              bool& secure) {
  secure = false;
  if (mail::is_ip_address(name)) return std::vector<std::string>{name};
  if (ctx.scope.services == nullptr) return defer("no resolver");
  dns::Resolver& resolver = ctx.scope.services->resolver();
  const bool ipv6 = !ctx.config.main.disable_ipv6;
  auto found = dns::lookup_host(resolver, name, true, ipv6, o.gethostbyname);
  if (!o.gethostbyname && (found.outcome == dns::Outcome::no_name || found.outcome == dns::Outcome::no_data))
    found = dns::lookup_host(resolver, name, true, ipv6, true);
  if (found.outcome == dns::Outcome::try_again)
    return defer(
        fmt::format("host lookup for {} did not complete ({})", name, found.why.empty() ? "DNS timeout?" : found.why));
  if (found.outcome != dns::Outcome::found) return std::vector<std::string>{};
  secure = found.secure;
  if (!secure && o.dnssec_require_domains.is_set()) {
    REMEX_TRY(const auto must, o.dnssec_require_domains.match(ctx.scope, Text(name)));
    if (must.matched) return defer(fmt::format("the address of {} is not DNSSEC-validated", name));
  }
  return found.ips;
}

}  // namespace

Result<std::vector<routers::HostItem>> resolve_items(DeliverContext& ctx, const SmtpOptions& o,
                                                     const std::vector<routers::HostItem>& items, bool refuse_local) {
  std::vector<routers::HostItem> out;
  std::string again;
  for (const routers::HostItem& item : items) {
    std::vector<std::string> ips;
    bool secure = item.mx_secure;
    if (!item.ip.empty()) {
      ips.push_back(item.ip);
    } else {
      auto found = addresses_of(ctx, o, item.name, secure);
      if (!found) {
        again = found.error().text;
        continue;
      }
      ips = std::move(*found);
    }
    for (const std::string& ip : ips) {
      if (refuse_local && !o.allow_localhost && routers::is_local_ip(ctx.config, ip))
        return defer(fmt::format("{} is the local host (allow_localhost is not set)", item.name));
      routers::HostItem host = item;
      host.ip = ip;
      host.mx_secure = secure;
      out.push_back(std::move(host));
    }
  }
  if (out.empty() && !again.empty()) return defer(again);
  if (out.empty() && !items.empty())
    return fail(ErrorKind::not_found, fmt::format("lookup of host \"{}\" failed", items[0].name));
  return out;
}

Result<DestinationRule> destination_rule(DeliverContext& ctx, const lang::DriverInstance& t,
                                         const std::vector<routers::HostItem>& hosts) {
  const auto& o = static_cast<const SmtpOptions&>(*t.options);
  DestinationRule rule;
  if (!o.destination_max_connections.is_set() && !o.destination_rate.is_set()) return rule;
  if (hosts.empty()) return rule;
  const auto expand = [&](const lang::Expansion& e, std::string_view what) -> Result<std::string> {
    if (!e.is_set()) return std::string();
    auto v = e.eval(ctx.scope);
    if (v) return std::string(trim(v->view()));
    if (v.error().kind == ErrorKind::forced_fail) return std::string();
    return defer(fmt::format("failed to expand {} in {} transport: {}", what, t.name, v.error().text));
  };
  // The same whatever order equal hosts came in, and the same for all domains of one provider. All the names: a
  // stranger who puts another's host beside his own in his MX records shares nothing with it. No host name has a plus
  // sign.
  std::set<std::string> names;
  for (const routers::HostItem& h : hosts)
    if (h.mx == hosts.front().mx) names.insert(to_lower(h.name));
  const std::string first = *names.begin();
  if (ctx.scope.delivery != nullptr) {
    ctx.scope.delivery->host = first;
    ctx.scope.delivery->host_address = hosts.front().ip;
  }
  REMEX_TRY(const std::string most, expand(o.destination_max_connections, "destination_max_connections"));
  REMEX_TRY(const std::string rate, expand(o.destination_rate, "destination_rate"));
  REMEX_TRY(rule.name, expand(o.destination_name, "destination_name"));
  rule.name = rule.name.empty() ? fmt::format("{}", fmt::join(names, "+")) : to_lower(rule.name.substr(0, 255));
  const auto n = most.empty() ? std::optional<std::uint64_t>(0) : parse_uint(most);
  if (!n || *n > static_cast<std::uint64_t>(DestinationLimits::kMaxConnections))
    return defer(fmt::format("destination_max_connections of the {} transport: \"{}\" is not a number of connections",
                             t.name, printable(most)));
  rule.connections = static_cast<std::int64_t>(*n);
  auto parsed = parse_message_rate(rate);
  if (!parsed) return defer(fmt::format("destination_rate of the {} transport: {}", t.name, parsed.error().text));
  rule.rate = *parsed;
  return rule;
}

void shuffle_places(std::vector<routers::HostItem>& items) {
  for (auto from = items.begin(); from != items.end();) {
    const auto to = std::find_if(from, items.end(), [&](const routers::HostItem& h) { return h.place != from->place; });
    std::shuffle(from, to, rng());
    from = to;
  }
}

Result<std::vector<routers::HostItem>> resolve_hosts(DeliverContext& ctx, const SmtpOptions& o, const std::string& list,
                                                     bool randomize) {
  std::vector<routers::HostItem> items;
  int place = 0;
  for (const std::string& text : lang::split_list(list)) {
    if (text == "+") ++place;
    if (text.empty() || text == "+") continue;
    bool mx = false;
    auto item = routers::parse_host_item(text, mx);
    if (!item) return defer(item.error().text);
    if (mx) return defer(fmt::format("{}: /MX is only known to manualroute", text));
    item->place = place;
    items.push_back(std::move(*item));
  }
  if (randomize) shuffle_places(items);
  return resolve_items(ctx, o, items, true);
}

}  // namespace remex::transports
