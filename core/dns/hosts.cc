// Names and addresses: /etc/hosts, forward and reverse lookups on top of a Resolver.
#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <sstream>

#include "core/base/domain_name.h"
#include "core/base/strings.h"
#include "core/dns/hosts_file.h"
#include "core/dns/resolver.h"
#include "core/hooks/hooks.h"

namespace remex::dns {
namespace {

constexpr std::size_t kMaxAddresses = 256;
constexpr std::size_t kMaxReverseNames = 16;  // a stranger writes his own PTR records
constexpr std::size_t kMaxHostsLines = 100'000;

/// The canonical text of an IP address, empty for anything else.
std::string canonical_ip(std::string_view ip) {
  const std::string text(ip);
  char out[INET6_ADDRSTRLEN];
  in6_addr a{};
  for (const int family : {AF_INET, AF_INET6}) {
    if (::inet_pton(family, text.c_str(), &a) == 1 && ::inet_ntop(family, &a, out, sizeof out) != nullptr) return out;
  }
  return {};
}

bool is_v6(std::string_view ip) { return ip.find(':') != std::string_view::npos; }

/// Calls fn(ip, names) for each entry until it returns true.
template <class F>
void each_hosts_entry(F fn) {
  std::ifstream in("/etc/hosts");
  std::string line;
  for (std::size_t n = 0; n < kMaxHostsLines && std::getline(in, line); ++n) {
    std::istringstream words(line.substr(0, line.find('#')));
    std::string ip;
    std::string name;
    std::vector<std::string> names;
    if (!(words >> ip)) continue;
    while (words >> name) names.push_back(to_lower(name));
    ip = canonical_ip(ip);
    if (!ip.empty() && !names.empty() && fn(ip, names)) return;
  }
}

void add_records(const Answer& a, HostAddresses& out, bool& again) {
  if (a.outcome == Outcome::try_again) {
    again = true;
    out.why = a.why;
  }
  for (const Record& r : a.records) {
    if (out.ips.size() < kMaxAddresses) out.ips.push_back(r.text);
  }
}

}  // namespace

std::string reverse_name(std::string_view ip) {
  const std::string text(ip);
  in_addr v4{};
  if (::inet_pton(AF_INET, text.c_str(), &v4) == 1) {
    std::array<unsigned char, 4> b{};
    std::copy_n(reinterpret_cast<const unsigned char*>(&v4), 4, b.begin());
    return fmt::format("{}.{}.{}.{}.in-addr.arpa", b[3], b[2], b[1], b[0]);
  }
  in6_addr v6{};
  if (::inet_pton(AF_INET6, text.c_str(), &v6) != 1) return {};
  std::string out;
  for (int i = 15; i >= 0; --i) out += fmt::format("{:x}.{:x}.", v6.s6_addr[i] & 15, v6.s6_addr[i] >> 4);
  return out + "ip6.arpa";
}

HostAddresses lookup_host(Resolver& r, std::string_view name, bool ipv4, bool ipv6, bool use_hosts_file) {
  HostAddresses out;
  out.outcome = Outcome::found;
  if (std::string ip = canonical_ip(name); !ip.empty()) {
    out.ips.push_back(std::move(ip));
    return out;
  }
  if (hooks::hosts_from_dns() && iequals(name, "localhost")) {
    if (ipv6) out.ips.emplace_back("::1");
    if (ipv4) out.ips.emplace_back("127.0.0.1");
    return out;
  }
  if (use_hosts_file && !hooks::hosts_from_dns()) {
    const std::string wanted = to_lower(name.ends_with('.') ? name.substr(0, name.size() - 1) : name);
    each_hosts_entry([&](const std::string& ip, const std::vector<std::string>& names) {
      const bool family = is_v6(ip) ? ipv6 : ipv4;
      if (family && std::find(names.begin(), names.end(), wanted) != names.end()) out.ips.push_back(ip);
      return false;
    });
    if (!out.ips.empty()) return out;
  }
  bool again = false;
  bool exists = false;
  out.secure = true;
  for (const Type type : {Type::aaaa, Type::a}) {
    if (!(type == Type::a ? ipv4 : ipv6)) continue;
    const Answer a = r.query(name, type);
    add_records(a, out, again);
    exists = exists || a.outcome == Outcome::found || a.outcome == Outcome::no_data;
    if (a.outcome == Outcome::found) out.secure = out.secure && a.secure;
    if (a.outcome == Outcome::no_name) break;
  }
  if (!out.ips.empty()) return out;
  out.outcome = again ? Outcome::try_again : exists ? Outcome::no_data : Outcome::no_name;
  return out;
}

HostName find_in_hosts_file(std::string_view ip) {
  HostName out;
  out.outcome = Outcome::no_name;
  const std::string wanted = canonical_ip(ip);
  if (wanted.empty() || hooks::hosts_from_dns()) return out;
  each_hosts_entry([&](const std::string& entry, const std::vector<std::string>& names) {
    if (entry != wanted) return false;
    out.name = names.front();
    out.aliases.assign(names.begin() + 1, names.end());
    return true;
  });
  if (!out.name.empty()) out.outcome = Outcome::found;
  return out;
}

HostName lookup_address(Resolver& r, std::string_view ip, bool use_hosts_file) {
  HostName out;
  const std::string wanted = canonical_ip(ip);
  if (wanted.empty()) {
    out.outcome = Outcome::no_name;
    return out;
  }
  if (hooks::reverse_lookup_defers(wanted)) return out;
  if (use_hosts_file)
    if (HostName known = find_in_hosts_file(wanted); known.outcome == Outcome::found) return known;
  const Answer ptr = r.query(reverse_name(wanted), Type::ptr);
  out.outcome = ptr.outcome;
  if (ptr.outcome != Outcome::found) return out;
  out.secure = ptr.secure;
  bool again = false;
  std::size_t tried = 0;
  for (const Record& rec : ptr.records) {
    if (++tried > kMaxReverseNames) break;
    // Whoever has the address writes what he likes here, and the name goes into log lines, headers and lists.
    if (!is_domain_name(rec.text, true)) continue;
    const HostAddresses fwd = lookup_host(r, rec.text, !is_v6(wanted), is_v6(wanted), use_hosts_file);
    again = again || fwd.outcome == Outcome::try_again;
    if (std::find(fwd.ips.begin(), fwd.ips.end(), wanted) == fwd.ips.end()) continue;
    out.secure = out.secure && fwd.secure;
    if (out.name.empty()) {
      out.name = rec.text;
    } else {
      out.aliases.push_back(rec.text);
    }
  }
  if (out.name.empty()) out.outcome = again ? Outcome::try_again : Outcome::no_name;
  return out;
}

}  // namespace remex::dns
