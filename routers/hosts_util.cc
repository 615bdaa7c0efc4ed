// Finding hosts for the routers that send to remote machines: addresses, MX records, this machine among them.
#include <fmt/core.h>

#include <algorithm>
#include <random>

#include "core/base/strings.h"
#include "core/hooks/hooks.h"
#include "core/mail/address.h"
#include "routers/host_text.h"
#include "routers/internal.h"
#include "routers/local_host.h"

namespace remex::routers {
namespace {

/// Hosts taken from one answer, and addresses of one list of hosts: every recipient carries the list.
constexpr std::size_t kMaxHosts = 100;

std::mt19937& rng() {
  static std::mt19937 engine{std::random_device{}()};
  return engine;
}

bool matches_list(RouteContext& ctx, const lang::MatchList& list, const std::string& name, std::string& error) {
  if (!list.is_set()) return false;
  auto m = list.match(ctx.scope, Text::tainted(name));
  if (!m) {
    if (m.error().kind != ErrorKind::forced_fail) error = m.error().text;
    return false;
  }
  return m->matched;
}

/// Takes the addresses ignore_target_hosts names out; kind defer when the list cannot be tested.
Result<bool> is_ignored(RouteContext& ctx, const RouterGeneric& g, const std::string& ip, const std::string& name) {
  if (!g.ignore_target_hosts.is_set()) return false;
  auto m = g.ignore_target_hosts.match_host(ctx.scope, ip, name);
  if (!m) {
    if (m.error().kind == ErrorKind::forced_fail) return false;
    return defer(fmt::format("ignore_target_hosts: {}", m.error().text));
  }
  return m->matched;
}

/// A main option that is a list of names. Kind defer, with the option's name: it cannot be tested now.
Result<bool> is_in(RouteContext& ctx, const lang::MatchList& list, const std::string& name, std::string_view option) {
  std::string error;
  const bool matched = matches_list(ctx, list, name, error);
  if (!error.empty()) return defer(fmt::format("{}: {}", option, error));
  return matched;
}

/// Kind defer: a list that says how to look cannot be tested.
Result<dns::HostAddresses> look_up(RouteContext& ctx, const std::string& given_name, const LookupOptions& opt) {
  auto ascii = mail::has_8bit(given_name) ? mail::domain_to_ascii(given_name) : Result<std::string>(given_name);
  if (!ascii) return dns::HostAddresses{.outcome = dns::Outcome::no_name, .why = ascii.error().text};
  const std::string& name = *ascii;
  dns::Resolver& resolver = ctx.scope.services->resolver();
  REMEX_TRY(const bool only_v4, is_in(ctx, ctx.config.main.dns_ipv4_lookup, name, "dns_ipv4_lookup"));
  const bool ipv6 = !opt.ipv4_only && !ctx.config.main.disable_ipv6 && !only_v4;
  if (opt.how == LookupHow::by_name) return dns::lookup_host(resolver, name, true, ipv6, true);
  dns::HostAddresses found = dns::lookup_host(resolver, name, true, ipv6, false);
  const bool absent = found.outcome == dns::Outcome::no_name || found.outcome == dns::Outcome::no_data;
  if (absent && opt.how == LookupHow::dns_then_files) return dns::lookup_host(resolver, name, true, ipv6, true);
  return found;
}

/// translate_ip_address for every address: an address, or a name whose addresses take its place.
Status translate_addresses(RouteContext& ctx, const RouterGeneric& g, const std::string& name,
                           std::vector<std::string>& ips) {
  std::vector<std::string> out;
  lang::DeliveryState* const before = ctx.scope.delivery;
  for (const std::string& ip : ips) {
    lang::DeliveryState state;
    state.host = name;
    state.host_address = ip;
    ctx.scope.delivery = &state;
    auto text = g.translate_ip_address.eval(ctx.scope);
    ctx.scope.delivery = before;
    if (!text && text.error().kind == ErrorKind::forced_fail) {
      out.push_back(ip);
      continue;
    }
    if (!text) return defer(fmt::format("translate_ip_address: {}", text.error().text));
    const std::string other(trim(text->view()));
    if (mail::is_ip_address(other)) {
      out.push_back(other);
      continue;
    }
    if (other.empty() || ctx.scope.services == nullptr) return defer("translate_ip_address: the result is empty");
    const auto found =
        dns::lookup_host(ctx.scope.services->resolver(), other, true, !ctx.config.main.disable_ipv6, true);
    if (found.outcome != dns::Outcome::found)
      return defer(fmt::format("translate_ip_address: host {} has no address", printable(other)));
    out.insert(out.end(), found.ips.begin(), found.ips.end());
  }
  ips = std::move(out);
  return {};
}

}  // namespace

Status demand_dnssec(RouteContext& ctx, const RouterGeneric& g, const std::string& domain, LookupOptions& lookup) {
  std::string error;
  lookup.dnssec = matches_list(ctx, g.dnssec_require_domains, domain, error);
  lookup.dnssec_known = true;
  if (!error.empty()) return defer("dnssec_require_domains: " + error);
  return {};
}

HostFindResult insecure(std::string_view what, const std::string& name) {
  return {HostFind::again,
          fmt::format("host lookup done insecurely: the {} of {} is not DNSSEC-validated", what, name)};
}

void cut_at_self(std::vector<HostItem>& hosts) {
  const auto self = std::find_if(hosts.begin(), hosts.end(), [](const HostItem& h) { return h.is_self; });
  if (self == hosts.end()) return;
  const HostItem me = std::move(*self);
  std::erase_if(hosts, [&](const HostItem& h) { return h.mx >= me.mx; });
  if (hosts.empty()) hosts.push_back(me);
}

bool may_have_better(const std::vector<HostItem>& hosts, int again_preference) {
  return again_preference >= 0 && !hosts.empty() && hosts.front().is_self && again_preference < hosts.front().mx;
}

HostFindResult find_addresses(RouteContext& ctx, const lang::DriverInstance& r, const HostItem& host,
                              const LookupOptions& opt, std::vector<HostItem>& out) {
  const RouterGeneric& g = generic(r);
  dns::HostAddresses found;
  if (mail::is_ip_address(host.name)) {
    found.outcome = dns::Outcome::found;
    found.ips.push_back(host.name);
  } else {
    if (ctx.scope.services == nullptr) return {HostFind::again, "no resolver"};
    auto looked = look_up(ctx, host.name, opt);
    if (!looked) return {HostFind::again, looked.error().text};
    found = std::move(*looked);
    std::string error;
    LookupOptions own = opt;
    if (!own.dnssec_known)
      if (Status st = demand_dnssec(ctx, g, host.name, own); !st) return {HostFind::again, st.error().text};
    if (found.outcome == dns::Outcome::found && !found.secure && own.dnssec) return insecure("address", host.name);
    if (found.outcome == dns::Outcome::try_again &&
        matches_list(ctx, ctx.config.main.dns_again_means_nonexist, host.name, error))
      found.outcome = dns::Outcome::no_name;
  }
  if (found.outcome == dns::Outcome::try_again)
    return {HostFind::again, fmt::format("host lookup for {} did not complete ({})", host.name,
                                         found.why.empty() ? "DNS timeout?" : found.why)};
  if (found.outcome != dns::Outcome::found || found.ips.empty())
    return {HostFind::not_found, fmt::format("lookup of host \"{}\" failed in {} router", host.name, r.name)};
  if (opt.ipv4_prefer)
    std::stable_partition(found.ips.begin(), found.ips.end(), [](const auto& ip) { return mail::is_ipv4(ip); });

  // This host taken for another one would send the message round in circles.
  const auto local_name = is_in(ctx, ctx.config.main.hosts_treat_as_local, host.name, "hosts_treat_as_local");
  if (!local_name) return {HostFind::again, local_name.error().text};
  std::size_t taken = 0;
  if (g.translate_ip_address.is_set())
    if (Status st = translate_addresses(ctx, g, host.name, found.ips); !st) return {HostFind::again, st.error().text};
  for (const std::string& ip : found.ips) {
    if (out.size() >= kMaxHosts) return {HostFind::found, {}};
    auto ignored = is_ignored(ctx, g, ip, host.name);
    if (!ignored) return {HostFind::again, ignored.error().text};
    if (*ignored) continue;
    HostItem item = host;
    item.ip = ip;
    item.is_self = *local_name || is_local_ip(ctx.config, ip);
    item.mx_secure = item.mx_secure && found.secure;
    out.push_back(std::move(item));
    ++taken;
  }
  if (taken == 0) return {HostFind::ignored, fmt::format("all addresses of {} are in ignore_target_hosts", host.name)};
  return {HostFind::found, {}};
}

HostFindResult find_mx_hosts(RouteContext& ctx, const lang::DriverInstance& r, const std::string& given_domain,
                             int port, const MxOptions& opt, std::vector<HostItem>& out, bool& null_mx) {
  const RouterGeneric& g = generic(r);
  // An internationalised domain is looked up in its A-label form (RFC 5890).
  auto ascii = mail::has_8bit(given_domain) ? mail::domain_to_ascii(given_domain) : Result<std::string>(given_domain);
  if (!ascii) return {HostFind::not_found, fmt::format("{}: {}", given_domain, ascii.error().text)};
  const std::string& domain = *ascii;
  null_mx = false;
  if (ctx.scope.services == nullptr) return {HostFind::again, "no resolver"};
  dns::Answer mx = ctx.scope.services->resolver().query(domain, dns::Type::mx);
  std::string error;
  if (mx.outcome == dns::Outcome::try_again) {
    if (opt.mx_fail_is_none) {
      mx.outcome = dns::Outcome::no_data;
    } else if (matches_list(ctx, ctx.config.main.dns_again_means_nonexist, domain, error)) {
      mx.outcome = dns::Outcome::no_name;
    } else {
      if (hooks::active()) return {HostFind::again, "host lookup did not complete"};  // nothing that varies
      return {HostFind::again, fmt::format("host lookup did not complete: {} MX: {}", domain, mx.why)};
    }
  }
  if (!error.empty()) return {HostFind::again, error};
  LookupOptions lookup = opt.lookup;
  if (Status st = demand_dnssec(ctx, g, domain, lookup); !st) return {HostFind::again, st.error().text};
  if (mx.outcome == dns::Outcome::found && !mx.secure && lookup.dnssec) return insecure("MX record", domain);
  if (mx.outcome == dns::Outcome::no_name) return {HostFind::not_found, fmt::format("{} does not exist", domain)};
  if (mx.outcome == dns::Outcome::no_data || mx.records.empty()) {
    if (!opt.fall_back_to_address || opt.check_secondary)
      return {HostFind::not_found, fmt::format("{} has no MX", domain)};
    HostItem item;
    item.name = domain;
    item.port = port;
    item.mx_secure = true;
    return find_addresses(ctx, r, item, lookup, out);
  }
  if (mx.records.size() == 1 && (mx.records[0].text.empty() || mx.records[0].text == ".")) {
    null_mx = true;
    return {HostFind::not_found, fmt::format("an MX or SRV record indicated no SMTP service: {}", domain)};
  }

  // RFC 5321 5.1: lowest preference first, random order among equals.
  std::shuffle(mx.records.begin(), mx.records.end(), rng());
  std::stable_sort(mx.records.begin(), mx.records.end(),
                   [](const dns::Record& a, const dns::Record& b) { return a.preference < b.preference; });
  if (mx.records.size() > kMaxHosts) mx.records.resize(kMaxHosts);
  std::vector<HostItem> hosts;
  std::string again;
  int again_preference = -1;
  bool any_ignored = false;
  for (const dns::Record& rec : mx.records) {
    if (rec.text.empty() || rec.text == ".") continue;
    const bool is_ip = mail::is_ip_address(rec.text);
    if (is_ip ? !ctx.config.main.allow_mx_to_ip : !mail::is_domain_name(rec.text, true)) continue;
    HostItem item;
    item.name = to_lower(rec.text);
    item.mx = rec.preference;
    item.port = port;
    item.mx_secure = mx.secure;
    lookup.how = LookupHow::dns_only;
    const HostFindResult one = find_addresses(ctx, r, item, lookup, hosts);
    if (one.outcome == HostFind::again && again_preference < 0) {
      again = one.message;
      again_preference = rec.preference;
    }
    if (one.outcome == HostFind::ignored) any_ignored = true;
    if (hosts.size() >= kMaxHosts) break;
  }
  const bool has_self = std::any_of(hosts.begin(), hosts.end(), [](const HostItem& h) { return h.is_self; });
  if (opt.check_secondary && !has_self)
    return {HostFind::not_found, fmt::format("{} is not a secondary MX domain of this host", domain)};
  cut_at_self(hosts);
  if (may_have_better(hosts, again_preference)) return {HostFind::again, again};
  if (hosts.empty()) {
    if (again_preference >= 0) return {HostFind::again, again};
    if (any_ignored) return {HostFind::ignored, fmt::format("all MX hosts of {} were ignored", domain)};
    return {HostFind::not_found, fmt::format("all relevant MX records of {} point to non-existent hosts", domain)};
  }
  for (HostItem& h : hosts) out.push_back(std::move(h));
  return {HostFind::found, {}};
}

RouteResult handle_self(RouteContext& ctx, const lang::DriverInstance& r, Addr& addr, const HostItem& host) {
  const RouterGeneric& g = generic(r);
  const std::string_view text =
      host.mx >= 0 ? "lowest numbered MX record points to local host" : "remote host address is the local host";
  if (g.self == "send") return accepted();
  if (g.self == "defer") return deferred(std::string(text));
  if (g.self == "fail") return failed(std::string(text));
  if (g.self == "pass") {
    addr.state.self_hostname = host.name;
    addr.message = text;  // said when no later router takes it
    return passed();
  }
  if (g.self == "fail_soft") return passed();
  if (g.self.starts_with("reroute:")) {
    const std::string domain(trim(std::string_view(g.self).substr(8)));
    const std::string local = mail::split_address(addr.state.address).local_part;
    addr.children.push_back(make_child(addr, local + "@" + domain));
    return {Outcome::rerouted, {}, {}, false, false};
  }
  if (ctx.mode == RouteMode::deliver && ctx.scope.services != nullptr)
    ctx.scope.services->log(static_cast<int>(lang::LogTarget::main_log),
                            fmt::format("{}: {}", text, addr.state.domain));
  return deferred(std::string(text), true);
}

std::vector<ListedHost> arrange_host_list(std::vector<std::string> items, bool randomize) {
  std::vector<ListedHost> out;
  int place = 0;
  for (auto group = items.begin(); group != items.end();) {
    const auto end = std::find(group, items.end(), "+");
    if (randomize) std::shuffle(group, end, rng());
    for (; group != end; ++group)
      if (!group->empty()) out.push_back({std::move(*group), randomize ? place : place++});
    if (group != items.end()) ++group, ++place;
  }
  return out;
}

}  // namespace remex::routers
