// See client_name.h.

#include "lang/client_name.h"

#include <algorithm>

#include <fmt/format.h>

#include "core/base/strings.h"
#include "core/dns/hosts_file.h"
#include "lang/config.h"
#include "lang/list_trace.h"

namespace remex::lang {

dns::HostName look_up_client(Scope& scope, std::string_view ip) {
  bool by_dns = true, by_file = true;
  if (scope.config != nullptr && !scope.config->main.host_lookup_order.empty()) {
    const auto& ways = scope.config->main.host_lookup_order;
    by_dns = std::find(ways.begin(), ways.end(), "bydns") != ways.end();
    by_file = std::find(ways.begin(), ways.end(), "byaddr") != ways.end();
  }
  if (scope.trace != nullptr) trace_line(scope, fmt::format("looking up host name for {}", ip));
  dns::HostName found =
      by_dns ? dns::lookup_address(scope.services->resolver(), ip, by_file) : dns::find_in_hosts_file(ip);
  if (found.outcome == dns::Outcome::found && scope.trace != nullptr) {
    trace_line(scope, fmt::format("IP address lookup yielded \"{}\"", printable(found.name)));
    trace_line(scope, fmt::format("checking addresses for {}", printable(found.name)));
    trace_line(scope, fmt::format("  {} OK", ip));
  }
  return found;
}

}  // namespace remex::lang
