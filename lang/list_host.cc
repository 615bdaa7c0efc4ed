// Host list items: addresses and networks first-hand, names through DNS (forward-confirmed), lookups by name or
// address.
//
// A name that does not exist is `unknown`, a DNS time-out `defer`; list_scan decides what the list makes of them.
#include <arpa/inet.h>
#include <ifaddrs.h>
#include <unistd.h>

#include <algorithm>

#include <fmt/format.h>

#include "core/base/strings.h"
#include "core/dns/resolver.h"
#include "lang/client_name.h"
#include "lang/config.h"
#include "lang/list_internal.h"
#include "lang/list_trace.h"
#include "lang/scope.h"

namespace remex::lang {

std::optional<IpNet> IpNet::parse(std::string_view text, bool allow_mask) {
  IpNet net;
  const std::size_t slash = text.find('/');
  if (slash != std::string_view::npos && !allow_mask) return std::nullopt;
  const std::string address(text.substr(0, slash));
  if (::inet_pton(AF_INET, address.c_str(), net.bytes.data()) == 1) {
    net.bits = 32;
  } else if (::inet_pton(AF_INET6, address.c_str(), net.bytes.data()) == 1) {
    net.v6 = true;
    net.bits = 128;
  } else {
    return std::nullopt;
  }
  if (slash != std::string_view::npos) {
    const auto bits = parse_uint(text.substr(slash + 1));
    if (!bits || *bits > static_cast<std::uint64_t>(net.bits)) return std::nullopt;
    net.bits = static_cast<int>(*bits);
  }
  constexpr std::array<std::uint8_t, 12> kMapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  if (net.v6 && net.bits >= 96 && std::equal(kMapped.begin(), kMapped.end(), net.bytes.begin())) {
    std::copy(net.bytes.begin() + 12, net.bytes.end(), net.bytes.begin());
    std::fill(net.bytes.begin() + 4, net.bytes.end(), std::uint8_t{0});
    net.v6 = false;
    net.bits -= 96;
  }
  return net;
}

bool IpNet::contains(const IpNet& a) const {
  if (v6 != a.v6) return false;
  const auto whole = static_cast<std::size_t>(bits / 8);
  if (!std::equal(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(whole), a.bytes.begin())) return false;
  const int rest = bits % 8;
  if (rest == 0) return true;
  const auto m = static_cast<std::uint8_t>(0xff << (8 - rest));
  return (bytes[whole] & m) == (a.bytes[whole] & m);
}

void IpNet::mask(int to) {
  bits = std::min(to, v6 ? 128 : 32);
  for (int i = 0; i < 16; ++i) {
    const int keep = std::clamp(bits - i * 8, 0, 8);
    bytes[static_cast<std::size_t>(i)] &= static_cast<std::uint8_t>(0xff << (8 - keep));
  }
}

std::string IpNet::full_text(char sep) const {
  if (!v6) return fmt::format("{}.{}.{}.{}", bytes[0], bytes[1], bytes[2], bytes[3]);
  std::string out;
  for (std::size_t i = 0; i < 16; i += 2) {
    if (i > 0) out += sep;
    out += fmt::format("{:02x}{:02x}", bytes[i], bytes[i + 1]);
  }
  return out;
}

std::string primary_host_name(const Scope& scope) {
  if (scope.config != nullptr && !scope.config->main.primary_hostname.empty())
    return scope.config->main.primary_hostname;
  char name[256] = {};
  return ::gethostname(name, sizeof name - 1) == 0 ? std::string(name) : std::string("localhost");
}

bool is_local_ip(Scope& scope, const IpNet& ip) {
  if (!ip.v6 && ip.bytes[0] == 127) return true;
  const auto listed = [&ip](const std::vector<std::string>& list) {
    for (const std::string& text : list)
      if (const auto one = IpNet::parse(text, false); one && one->contains(ip)) return true;
    return false;
  };
  if (scope.config != nullptr) {
    const auto& main = scope.config->main;
    if (listed(main.extra_local_interfaces)) return true;
    if (main.local_interfaces_set) {
      const bool any = std::ranges::any_of(main.local_interfaces, [](const std::string& s) {
        return s == "::0" || s == "0.0.0.0" || s == "::" || s.starts_with("0.0.0.0");
      });
      if (!any) return listed(main.local_interfaces);
    }
  }
  ifaddrs* all = nullptr;
  if (::getifaddrs(&all) != 0) return false;
  bool found = false;
  for (const ifaddrs* i = all; i != nullptr && !found; i = i->ifa_next) {
    if (i->ifa_addr == nullptr) continue;
    char text[INET6_ADDRSTRLEN] = {};
    const int family = i->ifa_addr->sa_family;
    const void* raw = nullptr;
    if (family == AF_INET) raw = &reinterpret_cast<const sockaddr_in*>(i->ifa_addr)->sin_addr;
    if (family == AF_INET6) raw = &reinterpret_cast<const sockaddr_in6*>(i->ifa_addr)->sin6_addr;
    if (raw == nullptr || ::inet_ntop(family, raw, text, sizeof text) == nullptr) continue;
    const auto one = IpNet::parse(text, false);
    found = one && one->contains(ip);
  }
  ::freeifaddrs(all);
  return found;
}

namespace {

using Kind = HostAnswer::Kind;

HostAnswer plain_yes(const ListItem& item, const Subject& s) { return {Kind::yes, Text(item.text, s.list_taint), {}}; }

/// Learns the names of the subject; the session's own client is remembered for $sender_host_name.
HostAnswer need_names(Scope& scope, Subject& s) {
  const bool client = scope.from != nullptr && scope.from->host_address == s.text.view();
  if (!s.names_tried) {
    s.names_tried = true;
    if (client && !scope.from->host_name.empty()) {
      s.names.push_back(to_lower(scope.from->host_name));
      if (scope.session != nullptr)
        for (const std::string& a : scope.session->host_aliases) s.names.push_back(to_lower(a));
    } else if (client && scope.session != nullptr && scope.session->host_lookup_failed) {
      return {Kind::unknown, {}, {}};
    } else if (scope.services != nullptr) {
      const dns::HostName found = look_up_client(scope, s.ip_text);
      if (found.outcome == dns::Outcome::try_again) {
        s.names_tried = false;
        if (client && scope.session != nullptr) scope.session->host_lookup_deferred = true;
        return {Kind::defer, {}, fmt::format("host name for {} could not be looked up now", s.ip_text)};
      }
      if (!found.name.empty() && found.outcome == dns::Outcome::found) {
        s.names.push_back(to_lower(found.name));
        for (const std::string& a : found.aliases) s.names.push_back(to_lower(a));
      }
      if (client && scope.session != nullptr) {
        scope.session->host_lookup_done = true;
        scope.session->host_lookup_failed = s.names.empty();
        scope.session->host_aliases = found.aliases;
        scope.from->host_name = found.outcome == dns::Outcome::found ? found.name : std::string();
        scope.from->host_dnssec = found.secure;
        if (s.names.empty())
          scope.services->log(static_cast<int>(LogTarget::main_log),
                              fmt::format("no host name found for IP address {}", s.ip_text));
      }
    }
  }
  return s.names.empty() ? HostAnswer{Kind::unknown, {}, {}} : HostAnswer{Kind::yes, {}, {}};
}

HostAnswer ask_forward(Scope& scope, const ListItem& item, Subject& s) {
  if (s.ip_only) return {Kind::unknown, {}, {}};  // no names are looked up for match_ip
  if (!s.ip || scope.services == nullptr) return {};
  const std::string name = item.target == "@" ? primary_host_name(scope) : item.target;
  const auto found = dns::lookup_host(scope.services->resolver(), name, !s.ip->v6, s.ip->v6, true);
  if (found.outcome == dns::Outcome::try_again)
    return {Kind::defer, {}, fmt::format("addresses of {} could not be looked up now: {}", printable(name), found.why)};
  if (found.outcome == dns::Outcome::no_name || (found.outcome == dns::Outcome::no_data)) {
    // Only addresses of the other family is a plain "no"; no address at all is unknown.
    const auto other = dns::lookup_host(scope.services->resolver(), name, s.ip->v6, !s.ip->v6, true);
    if (other.outcome == dns::Outcome::found) return {};
    return {Kind::unknown, {}, {}};
  }
  for (const std::string& text : found.ips)
    if (const auto one = IpNet::parse(text, false); one && one->contains(*s.ip)) return plain_yes(item, s);
  return {};
}

Result<HostAnswer> ask_by_name(Scope& scope, const ListItem& item, Subject& s) {
  if (s.ip_only) return HostAnswer{Kind::unknown, {}, {}};
  if (!s.ip) return HostAnswer{};
  if (scope.trace != nullptr && !s.names_tried && (scope.from == nullptr || scope.from->host_name.empty()))
    trace_line(scope, fmt::format("sender host name required, to match against {}", printable(item.text)));
  if (HostAnswer names = need_names(scope, s); names.kind != Kind::yes) return names;
  for (const std::string& name : s.names) {
    if (item.kind == ItemKind::suffix) {
      if (name.ends_with(item.lower)) {
        set_captures(scope, {name, name.substr(0, name.size() - item.lower.size())}, Taint::tainted);
        return plain_yes(item, s);
      }
    } else if (item.kind == ItemKind::regex) {
      Regex::Spans spans;
      auto hit = item.regex->search(name, &spans);
      if (!hit) return defer(hit.error().text);
      if (*hit) {
        std::vector<std::string> values;
        for (const auto& [from, to] : spans)
          values.push_back(from == std::string::npos ? std::string() : name.substr(from, to - from));
        set_captures(scope, std::move(values), Taint::tainted);
        return plain_yes(item, s);
      }
    } else {
      REMEX_TRY(auto data, run_lookup(scope, *item.lookup, Text::tainted(name), Text(item.target, s.list_taint)));
      if (data) return HostAnswer{Kind::yes, std::move(*data), {}};
    }
  }
  return HostAnswer{};
}

Result<HostAnswer> ask_net_lookup(Scope& scope, const ListItem& item, const Subject& s) {
  if (!s.ip) return HostAnswer{};
  IpNet ip = *s.ip;
  const char sep = item.lookup->def->name == "iplsearch" ? ':' : '.';
  std::string key;
  if (item.net_bits >= 0) {
    ip.mask(item.net_bits);
    key = fmt::format("{}/{}", ip.full_text(sep), item.net_bits);
  } else {
    key = ip.full_text(sep);
  }
  REMEX_TRY(auto data, run_lookup(scope, *item.lookup, Text::tainted(key), Text(item.target, s.list_taint)));
  if (!data) return HostAnswer{};
  return HostAnswer{Kind::yes, std::move(*data), {}};
}

}  // namespace

Result<HostAnswer> ask_host_item(Scope& scope, const ListItem& item, Subject& s) {
  const auto when = [&](bool yes) { return yes ? plain_yes(item, s) : HostAnswer{}; };
  switch (item.kind) {
    case ItemKind::empty: return when(s.text.empty());
    case ItemKind::everything: return when(true);
    case ItemKind::ip: return when(s.ip && item.net.contains(*s.ip));
    case ItemKind::local_literal: return when(s.ip && is_local_ip(scope, *s.ip));
    case ItemKind::net_lookup: return ask_net_lookup(scope, item, s);
    case ItemKind::lookup:
      if (item.lookup->style() == LookupStyle::query) {
        REMEX_TRY(auto data, run_lookup(scope, *item.lookup, Text(item.target, s.list_taint), {}));
        return data ? HostAnswer{Kind::yes, std::move(*data), {}} : HostAnswer{};
      }
      return s.ip_only ? ask_net_lookup(scope, item, s) : ask_by_name(scope, item, s);
    case ItemKind::suffix:
    case ItemKind::regex: return ask_by_name(scope, item, s);
    case ItemKind::host_name: return ask_forward(scope, item, s);
    default: return HostAnswer{};
  }
}

Result<bool> ask_mx_item(Scope& scope, const ListItem& item, const std::string& domain) {
  if (scope.services == nullptr) return false;
  auto& resolver = scope.services->resolver();
  const dns::Answer mx = resolver.query(domain, dns::Type::mx);
  if (mx.outcome == dns::Outcome::try_again)
    return defer(fmt::format("MX records of {} could not be looked up now: {}", printable(domain), mx.why));
  if (mx.outcome != dns::Outcome::found || mx.records.empty()) return false;
  std::uint16_t best = 0xffff;
  for (const auto& r : mx.records) best = std::min(best, r.preference);
  bool primary = false, secondary = false;
  for (const auto& r : mx.records) {
    if (r.text.empty() || r.text == ".") continue;
    bool local = false;
    if (scope.config != nullptr && scope.config->main.hosts_treat_as_local.is_set()) {
      REMEX_TRY(auto as_local, scope.config->main.hosts_treat_as_local.match(scope, Text::tainted(r.text)));
      local = as_local.matched;
    }
    const auto hosts = dns::lookup_host(resolver, r.text, true, true, true);
    if (!local && hosts.outcome == dns::Outcome::try_again)
      return defer(fmt::format("addresses of {} could not be looked up now: {}", printable(r.text), hosts.why));
    for (const std::string& text : hosts.ips) {
      if (local) break;
      if (!item.target.empty()) {
        REMEX_TRY(auto ignored, match_list_text(scope, ListKind::host, Text(item.target), Text::tainted(text)));
        if (ignored.matched) continue;
      }
      const auto ip = IpNet::parse(text, false);
      local = ip && is_local_ip(scope, *ip);
    }
    if (local) (r.preference == best ? primary : secondary) = true;
  }
  switch (item.kind) {
    case ItemKind::mx_primary: return primary;
    case ItemKind::mx_secondary: return secondary && !primary;
    default: return primary || secondary;
  }
}

}  // namespace remex::lang
