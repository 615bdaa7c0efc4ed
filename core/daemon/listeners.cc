// See listeners.h. An item of local_interfaces is "ip", "ip.port", "[ip]:port" or "[ip]"; 0.0.0.0 and ::0 are all
// addresses.

#include "core/daemon/listeners.h"

#include <fmt/core.h>
#include <netdb.h>

#include <algorithm>

#include "core/base/strings.h"
#include "core/mail/address.h"

namespace remex::daemon {

std::uint16_t port_number(const std::string& text) {
  if (const auto n = parse_uint(text); n && *n > 0 && *n < 65536) return static_cast<std::uint16_t>(*n);
  if (text == "smtp") return 25;
  if (text == "smtps" || text == "submissions" || text == "ssmtp") return 465;
  if (text == "submission") return 587;
  const servent* s = getservbyname(text.c_str(), "tcp");
  return s != nullptr ? ntohs(static_cast<std::uint16_t>(s->s_port)) : std::uint16_t{0};
}

namespace {

/// Splits an interface item; port 0 when it has none.
Result<io::Endpoint> parse_interface(std::string_view item) {
  io::Endpoint e;
  std::string_view port;
  if (item.starts_with("[")) {
    const auto close = item.find(']');
    if (close == std::string_view::npos) return fail(fmt::format("\"{}\": missing ]", item));
    e.ip = std::string(item.substr(1, close - 1));
    port = item.substr(close + 1);
    if (!port.empty() && (port.front() == ':' || port.front() == '.')) port.remove_prefix(1);
  } else if (mail::is_ip_address(item)) {
    e.ip = std::string(item);
  } else if (const auto dot = item.rfind('.');
             dot != std::string_view::npos && mail::is_ip_address(item.substr(0, dot))) {
    e.ip = std::string(item.substr(0, dot));
    port = item.substr(dot + 1);
  }
  if (e.ip == "::0") e.ip = "::";
  if (!mail::is_ip_address(e.ip)) return fail(fmt::format("\"{}\" is not an IP address (with an optional port)", item));
  if (!port.empty()) {
    e.port = port_number(std::string(port));
    if (e.port == 0) return fail(fmt::format("\"{}\" is not a port", port));
  }
  return e;
}

}  // namespace

Result<std::vector<ListenAddress>> listen_addresses(const lang::Config& config, const std::string& override_list) {
  const auto& m = config.main;
  std::vector<std::string> ports = m.daemon_smtp_ports, interfaces = m.local_interfaces;
  if (!override_list.empty()) {
    std::vector<std::string> items = lang::split_list(override_list);
    const bool only_ports = std::none_of(
        items.begin(), items.end(), [](const std::string& i) { return i.find_first_of(".:[") != std::string::npos; });
    (only_ports ? ports : interfaces) = items;
  }
  std::vector<std::uint16_t> tls_ports, plain_ports;
  for (const auto& p : m.tls_on_connect_ports)
    if (const auto n = port_number(p); n != 0) tls_ports.push_back(n);
  for (const auto& p : ports) {
    const auto n = port_number(p);
    if (n == 0) return fail(ErrorKind::config, fmt::format("daemon_smtp_ports: \"{}\" is not a port", p));
    plain_ports.push_back(n);
  }
  std::vector<ListenAddress> out;
  const auto add = [&](const std::string& ip, std::uint16_t port) {
    ListenAddress a;
    a.at = {ip, port};
    a.tls_on_connect = std::find(tls_ports.begin(), tls_ports.end(), port) != tls_ports.end();
    if (std::find(out.begin(), out.end(), a) == out.end()) out.push_back(a);
  };
  for (const auto& item : interfaces) {
    if (item.empty()) continue;
    auto e = parse_interface(item);
    if (!e) return fail(ErrorKind::config, fmt::format("local_interfaces: {}", e.error().text));
    if (m.disable_ipv6 && e->is_v6()) continue;
    if (e->port != 0)
      add(e->ip, e->port);
    else
      for (const auto port : plain_ports) add(e->ip, port);
  }
  if (out.empty()) return fail(ErrorKind::config, "no addresses to listen on (local_interfaces is empty)");
  return out;
}

}  // namespace remex::daemon
