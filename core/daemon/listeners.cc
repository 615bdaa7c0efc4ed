// See listeners.h. An item of local_interfaces is "ip", "ip.port", "[ip]:port" or "[ip]"; 0.0.0.0 and ::0 are all
// addresses.

#include "core/daemon/listeners.h"

#include <fmt/core.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <iterator>
#include <optional>

#include "core/base/strings.h"
#include "core/io/shared_listener.h"
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
    // The manual, 13.3: each kind of item replaces the option that it is for.
    std::vector<std::string> new_ports, new_interfaces;
    for (std::string& item : lang::split_list(override_list))
      (item.find_first_of(".:[") == std::string::npos ? new_ports : new_interfaces).push_back(std::move(item));
    if (!new_ports.empty()) ports = std::move(new_ports);
    if (!new_interfaces.empty()) interfaces = std::move(new_interfaces);
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

namespace {

int socket_option(int fd, int level, int name) {
  int value = 0;
  socklen_t size = sizeof value;
  return ::getsockopt(fd, level, name, &value, &size) == 0 ? value : -1;
}

/// Takes the addresses that a socket serves out of `wanted`; the first of them. Nothing: there is none.
std::optional<ListenAddress> take(const BoundListener& socket, std::vector<ListenAddress>& wanted) {
  const io::Endpoint& at = socket.address.at;
  const auto served = [&](const ListenAddress& a) {
    return a.at.port == at.port && (a.at.ip == at.ip || (socket.both_families && a.at.ip == "0.0.0.0"));
  };
  const auto found = std::find_if(wanted.begin(), wanted.end(), served);
  if (found == wanted.end()) return std::nullopt;
  ListenAddress first = *found;
  std::erase_if(wanted, served);
  return first;
}

}  // namespace

Result<std::vector<BoundListener>> adopt_listeners(const std::vector<InheritedSocket>& sockets,
                                                   std::vector<ListenAddress>& wanted) {
  std::vector<BoundListener> out;
  out.reserve(sockets.size());
  for (const InheritedSocket& s : sockets) out.push_back({{}, io::Listener::adopt(s.fd), false, true});
  for (std::size_t i = 0; i < out.size(); ++i) {
    const int fd = sockets[i].fd;
    const std::string name = sockets[i].name.empty() ? fmt::format("number {}", i + 1) : printable(sockets[i].name);
    const int family = socket_option(fd, SOL_SOCKET, SO_DOMAIN);
    if (socket_option(fd, SOL_SOCKET, SO_ACCEPTCONN) != 1 || socket_option(fd, SOL_SOCKET, SO_TYPE) != SOCK_STREAM ||
        (family != AF_INET && family != AF_INET6))
      return fail(ErrorKind::config,
                  fmt::format("the service manager's socket {} is no listening TCP socket (ListenStream=)", name));
    out[i].address.at = out[i].listener->local();
    const io::Endpoint& at = out[i].address.at;
    out[i].both_families = at.ip == "::" && socket_option(fd, IPPROTO_IPV6, IPV6_V6ONLY) == 0;
    const auto address = take(out[i], wanted);
    if (!address)
      return fail(ErrorKind::config,
                  fmt::format("the service manager's socket {} is bound to [{}]:{}, which is not listened on; see "
                              "local_interfaces and daemon_smtp_ports",
                              name, at.ip, at.port));
    out[i].address.tls_on_connect = address->tls_on_connect;
  }
  return out;
}

std::string address_text(const io::Endpoint& at) { return fmt::format("[{}]:{}", at.ip, at.port); }

bool lacks_ipv6(const ListenAddress& a, const Error& why) {
  return a.at.ip == "::" && (why.sys_errno == EAFNOSUPPORT || why.sys_errno == EADDRNOTAVAIL);
}

Result<bool> change_listeners(std::vector<BoundListener>& listeners, std::vector<ListenAddress> wanted, int backlog) {
  std::vector<std::pair<BoundListener*, bool>> staying;  // with what is to become of tls_on_connect
  std::vector<const BoundListener*> going;
  for (BoundListener& l : listeners) {
    if (const auto address = take(l, wanted))
      staying.emplace_back(&l, address->tls_on_connect);
    else if (l.inherited)
      return fail(fmt::format("the socket at {} is the service manager's: change its unit, and start the daemon again",
                              address_text(l.address.at)));
    else
      going.push_back(&l);
  }
  // One that goes may be in the way of one that comes: 127.0.0.1 and 0.0.0.0. A worker that leaves has it still open.
  for (const BoundListener* l : going) io::share_port(*l->listener, true);
  std::vector<BoundListener> opened;
  for (const ListenAddress& a : wanted) {
    auto l = going.empty() ? io::Listener::tcp(a.at, backlog) : io::listen_shared(a.at, backlog);
    if (!l && lacks_ipv6(a, l.error())) continue;
    if (!l) {
      for (const BoundListener* old : going) io::share_port(*old->listener, false);
      return std::unexpected(std::move(l.error()));
    }
    io::share_port(**l, false);
    opened.push_back({a, std::move(*l)});
  }
  bool changed = !opened.empty() || !going.empty();
  for (const auto& [l, tls] : staying) {
    changed = changed || l->address.tls_on_connect != tls;
    l->address.tls_on_connect = tls;
  }
  std::erase_if(listeners, [&](const auto& l) { return std::find(going.begin(), going.end(), &l) != going.end(); });
  std::move(opened.begin(), opened.end(), std::back_inserter(listeners));
  return changed;
}

std::string listening_text(const std::vector<BoundListener>& listeners) {
  std::string parts[2];
  for (const bool tls : {false, true}) {
    for (std::size_t i = 0; i < listeners.size(); ++i) {
      const auto& a = listeners[i].address;
      if (a.tls_on_connect != tls) continue;
      const auto port = listeners[i].listener->local().port;
      const bool any = a.at.ip == "0.0.0.0" || a.at.ip == "::";
      const auto sister = [&](std::size_t k) {
        const auto& b = listeners[k].address;
        return b.tls_on_connect == tls && b.at.ip != a.at.ip && (b.at.ip == "0.0.0.0" || b.at.ip == "::") &&
               listeners[k].listener->local().port == port;
      };
      bool both = listeners[i].both_families, told = false;
      for (std::size_t k = 0; any && k < listeners.size(); ++k) {
        if (k == i || !sister(k)) continue;
        both = true;
        told = told || k < i;
      }
      if (told) continue;
      if (any) {
        const char* family = both ? "IPv6 and IPv4" : a.at.ip == "::" ? "IPv6" : "IPv4";
        parts[tls ? 1 : 0] += fmt::format(" port {} ({})", port, family);
        continue;
      }
      // The ports of one address stand together.
      std::vector<std::string> ports;
      bool first = true;
      for (std::size_t k = 0; k < listeners.size(); ++k) {
        const auto& b = listeners[k].address;
        if (b.tls_on_connect != tls || b.at.ip != a.at.ip) continue;
        first = first && k >= i;
        ports.push_back(std::to_string(listeners[k].listener->local().port));
      }
      if (first)
        parts[tls ? 1 : 0] += ports.size() == 1 ? fmt::format(" [{}]:{}", a.at.ip, ports[0])
                                                : fmt::format(" [{}]:{{{}}}", a.at.ip, join(ports, ","));
    }
  }
  std::string out;
  if (!parts[0].empty()) out = "SMTP on" + parts[0];
  if (!parts[1].empty()) out += (out.empty() ? "" : " and for ") + ("SMTPS on" + parts[1]);
  return out;
}

}  // namespace remex::daemon
