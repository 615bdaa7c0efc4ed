// Addresses and ports to listen on, from local_interfaces, daemon_smtp_ports, tls_on_connect_ports or -oX.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/daemon/service_manager.h"
#include "core/io/stream.h"
#include "lang/config.h"

namespace remex::daemon {

struct ListenAddress {
  io::Endpoint at;
  bool tls_on_connect = false;
  bool operator==(const ListenAddress& o) const {
    return at.ip == o.at.ip && at.port == o.at.port && tls_on_connect == o.tls_on_connect;
  }
};

/// An address with its listening socket.
struct BoundListener {
  ListenAddress address;
  std::unique_ptr<io::Listener> listener;
  bool both_families = false;  ///< bound to ::, and takes IPv4, too
  bool inherited = false;      ///< the service manager's
};

/// "25", "smtp", "submissions" → port; 0 when unknown.
std::uint16_t port_number(const std::string& text);
/// `override_list` is -oX's argument (ports, interfaces, or both); empty = the configuration's. Error names
/// the item.
Result<std::vector<ListenAddress>> listen_addresses(const lang::Config& config, const std::string& override_list);
/// Takes the sockets of a service manager for the addresses they are bound to; those addresses are removed from
/// `wanted`. An IPv6 socket that also takes IPv4 serves 0.0.0.0, too. Error: one is no listening TCP socket, or bound
/// to no address of `wanted`; it is named. All descriptors are owned by this function and its result.
Result<std::vector<BoundListener>> adopt_listeners(const std::vector<InheritedSocket>& sockets,
                                                   std::vector<ListenAddress>& wanted);
/// Makes `listeners` serve these addresses and no others: opens what is missing, then closes what is not wanted. Those
/// that stay are not touched, so that nobody is refused. True: something is different now. Error: an address that
/// cannot be had, or a socket of the service manager's that would go; then all is as it was. Blocking calls, but no
/// waits.
Result<bool> change_listeners(std::vector<BoundListener>& listeners, std::vector<ListenAddress> wanted, int backlog);
/// "[127.0.0.1]:25".
std::string address_text(const io::Endpoint& at);
/// A host without IPv6 still serves IPv4: whether that is why this address could not be listened on.
bool lacks_ipv6(const ListenAddress& a, const Error& why);
/// "SMTP on port 25 (IPv6 and IPv4) [127.0.0.1]:26 and for SMTPS on port 465 (IPv4)", as Exim tells it.
std::string listening_text(const std::vector<BoundListener>& listeners);

}  // namespace remex::daemon
