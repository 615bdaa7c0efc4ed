// The header of the PROXY protocol, versions 1 and 2, as a load balancer sends it before the client's first octet
// (haproxy.org, doc/proxy-protocol.txt): who the client is. Used by the session for hosts_proxy. No I/O: the caller
// reads no more than is asked for, since what follows the header may be a TLS handshake.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/base/result.h"
#include "core/io/stream.h"

namespace remex::smtp {

struct ProxyHeader {
  bool proxied = false;                ///< false: the proxy speaks for itself (LOCAL, UNKNOWN), no addresses
  io::Endpoint client, destination{};  ///< who connected to the proxy, and where
};

class ProxyHeaderParser {
 public:
  /// Octets after the fixed part of a version 2 header; what follows the addresses (TLVs) is passed over.
  static constexpr std::size_t kMaxLength = 4096;

  /// How many octets can be read without going past the header; 0: it is complete.
  std::size_t wanted() const;
  /// Takes octets, at most wanted(). Kind failed: this is no such header; the text says why, printable.
  Status feed(std::string_view octets);
  /// When wanted() is 0.
  const ProxyHeader& header() const { return header_; }

 private:
  enum class Part : std::uint8_t { prefix, line, fixed, addresses, rest, done };
  Status prefix();
  Status line();
  Status fixed();
  Status addresses();

  Part part_ = Part::prefix;
  std::string seen_;      ///< of the header so far, without what is passed over; at most 107 octets
  std::size_t left_ = 0;  ///< octets of version 2 that are still to come
  ProxyHeader header_;
};

}  // namespace remex::smtp
