// Which addresses are this machine's: for `self` while routing and allow_localhost in the smtp transport. Header only,
// so that routers and transports share it without linking to each other.
#pragma once

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <netinet/in.h>

#include <algorithm>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/clock.h"
#include "core/mail/address.h"
#include "lang/config.h"

namespace remex::routers {
namespace detail {

/// Addresses of all interfaces, asked again every 30 seconds.
inline std::vector<std::string> interface_addresses() {
  static std::mutex mutex;
  static std::vector<std::string> cached;
  static Instant when{};
  const std::lock_guard lock(mutex);
  const Instant now = monotonic_now();
  if (!cached.empty() && now - when < Seconds(30)) return cached;
  std::vector<std::string> found;
  ifaddrs* list = nullptr;
  if (getifaddrs(&list) == 0) {
    for (const ifaddrs* i = list; i != nullptr; i = i->ifa_next) {
      if (i->ifa_addr == nullptr) continue;
      char buf[INET6_ADDRSTRLEN] = {};
      if (i->ifa_addr->sa_family == AF_INET) {
        sockaddr_in a{};
        std::copy_n(reinterpret_cast<const char*>(i->ifa_addr), sizeof a, reinterpret_cast<char*>(&a));
        inet_ntop(AF_INET, &a.sin_addr, buf, sizeof buf);
      } else if (i->ifa_addr->sa_family == AF_INET6) {
        sockaddr_in6 a{};
        std::copy_n(reinterpret_cast<const char*>(i->ifa_addr), sizeof a, reinterpret_cast<char*>(&a));
        inet_ntop(AF_INET6, &a.sin6_addr, buf, sizeof buf);
      }
      if (buf[0] != '\0') found.emplace_back(buf);
    }
    freeifaddrs(list);
  }
  cached = found;
  when = now;
  return found;
}

/// The address of a local_interfaces item: "ip", "[ip]:port" or "ip.port".
inline std::string_view interface_item_ip(std::string_view item) {
  if (item.starts_with('[')) return item.substr(1, item.find(']') - 1);
  if (mail::is_ip_address(item)) return item;
  return item.substr(0, item.rfind('.'));
}

/// One textual form per address.
inline std::string canonical_ip(std::string_view ip) {
  std::string text(ip);
  unsigned char raw[16];
  char out[INET6_ADDRSTRLEN] = {};
  if (inet_pton(AF_INET6, text.c_str(), raw) == 1) {
    static constexpr unsigned char kMapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    if (std::equal(kMapped, kMapped + 12, raw)) {
      inet_ntop(AF_INET, raw + 12, out, sizeof out);
    } else {
      inet_ntop(AF_INET6, raw, out, sizeof out);
    }
    return out;
  }
  return text;
}

inline bool in_loopback(std::string_view ip) {
  return ip.starts_with("127.") || ip == "::1" || ip == "0.0.0.0" || ip == "::";
}

}  // namespace detail

/// True for an address of this machine: local_interfaces and extra_local_interfaces, where a wildcard stands for all
/// interfaces, and the loopback networks. Ports play no part.
inline bool is_local_ip(const lang::Config& config, std::string_view ip_text) {
  const std::string ip = detail::canonical_ip(ip_text);
  if (detail::in_loopback(ip)) return true;
  const bool v6 = ip.find(':') != std::string::npos;
  bool all = false;
  for (const auto* list : {&config.main.local_interfaces, &config.main.extra_local_interfaces})
    for (const std::string& item : *list) {
      const std::string local = detail::canonical_ip(detail::interface_item_ip(item));
      if (local == ip) return true;
      if (v6 ? (local == "::" || local == "::0") : local == "0.0.0.0") all = true;
    }
  if (!all) return false;
  for (const std::string& local : detail::interface_addresses())
    if (local == ip) return true;
  return false;
}

}  // namespace remex::routers
