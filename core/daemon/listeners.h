// Addresses and ports to listen on, from local_interfaces, daemon_smtp_ports, tls_on_connect_ports or -oX.
#pragma once

#include <memory>
#include <string>
#include <vector>

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

/// "25", "smtp", "submissions" → port; 0 when unknown.
std::uint16_t port_number(const std::string& text);
/// `override_list` is -oX's argument (ports only, or interfaces with ports); empty = the configuration's. Error names
/// the item.
Result<std::vector<ListenAddress>> listen_addresses(const lang::Config& config, const std::string& override_list);

}  // namespace remex::daemon
