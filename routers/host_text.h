// The text of one host in a host list: "name", "name/mx", "name:port", "[ip]:port", "ip". Header only, shared by
// manualroute, fallback_hosts and the smtp transport.
#pragma once

#include <fmt/core.h>

#include <string_view>

#include "core/base/result.h"
#include "core/base/strings.h"
#include "core/mail/address.h"
#include "routers/address.h"

namespace remex::routers {

/// `mx` says that "/mx" was there. Kind failed for what is not a host.
inline Result<HostItem> parse_host_item(std::string_view item, bool& mx) {
  mx = false;
  HostItem host;
  std::string_view name = trim(item);
  std::string_view port;
  if (name.starts_with('[')) {
    const auto end = name.find(']');
    if (end == std::string_view::npos) return fail(fmt::format("\"{}\": ] is missing", printable(item)));
    std::string_view rest = name.substr(end + 1);
    if (!rest.empty() && rest.front() != ':') return fail(fmt::format("\"{}\" is not a host", printable(item)));
    if (!rest.empty()) port = rest.substr(1);
    name = name.substr(1, end - 1);
    if (!mail::is_ip_address(name)) return fail(fmt::format("\"{}\" is not an IP address", printable(name)));
  } else if (!mail::is_ip_address(name)) {
    if (const auto colon = name.rfind(':'); colon != std::string_view::npos) {
      port = name.substr(colon + 1);
      name = name.substr(0, colon);
      if (port.empty()) return fail(fmt::format("\"{}\": the port is missing", printable(item)));
    }
    if (iends_with(name, "/mx")) {
      mx = true;
      name.remove_suffix(3);
    }
  }
  if (!port.empty()) {
    const auto n = parse_uint(port);
    if (!n || *n == 0 || *n > 65535) return fail(fmt::format("\"{}\" is not a port number", printable(port)));
    host.port = static_cast<int>(*n);
  }
  if (name.ends_with('.')) name.remove_suffix(1);
  if (!mail::is_ip_address(name) && !mail::is_domain_name(name, true))
    return fail(fmt::format("\"{}\" is not a host name", printable(name)));
  host.name = std::string(name);
  return host;
}

}  // namespace remex::routers
