// Connections through SOCKS5 proxies (RFC 1928, 1929): the option socks_proxy of the smtp transport. What a proxy says
// is foreign bytes of fixed, small size.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/clock.h"
#include "core/io/stream.h"

namespace remex::transports {

struct SocksProxy {
  io::Endpoint at;
  bool authenticate = false;  ///< auth=name
  std::string name, password;
  Seconds timeout{5};
  std::int64_t priority = 1, weight = 1;
};

/// "192.0.2.1 port=1080 auth=name name=u pass=p : ..."; an empty list is no proxy.
Result<std::vector<SocksProxy>> parse_socks_proxies(std::string_view list);
/// Orders them for one connection: higher priority first, among equals by chance and weight. `random` gives 0..n-1.
std::vector<SocksProxy> order_proxies(std::vector<SocksProxy> proxies, std::uint32_t (*random)(std::uint32_t n));

/// The greeting, the login and CONNECT on a stream that is connected to the proxy. Parks.
Status socks_connect(io::Stream& stream, const SocksProxy& proxy, const io::Endpoint& to);
/// Tries the proxies in turn. Error: the last one's trouble, named. Parks.
Result<std::unique_ptr<io::Socket>> connect_through(const std::vector<SocksProxy>& proxies, const io::Endpoint& to,
                                                    const std::string& local_ip);

}  // namespace remex::transports
