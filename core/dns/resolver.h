// Asynchronous validating resolver (libunbound on the loop). Parks the calling fiber.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"

namespace remex::dns {

enum class Type : std::uint16_t {
  a = 1,
  ns = 2,
  cname = 5,
  soa = 6,
  ptr = 12,
  mx = 15,
  txt = 16,
  aaaa = 28,
  srv = 33,
  tlsa = 52,
  any = 255
};

/// One record, decoded.
struct Record {
  Type type = Type::a;
  std::string name;  ///< owner, lower case, no final dot
  std::uint32_t ttl = 0;
  std::string text;  ///< A/AAAA: address; MX/NS/CNAME/PTR/SRV: target name without final dot; TXT: all strings joined
  std::vector<std::string> strings;    ///< TXT: each character-string
  std::uint16_t preference = 0;        ///< MX preference, SRV priority
  std::uint16_t weight = 0, port = 0;  ///< SRV
  std::string raw;                     ///< rdata octets
};

enum class Outcome : std::uint8_t {
  found,
  no_name,    ///< NXDOMAIN
  no_data,    ///< the name exists without such records
  try_again,  ///< time-out, SERVFAIL, bogus
};

struct Answer {
  Outcome outcome = Outcome::try_again;
  bool secure = false;          ///< DNSSEC-validated
  std::string canonical;        ///< final name after CNAMEs
  std::vector<Record> records;  ///< of the asked type only
  std::string why;              ///< for try_again: reason for the log
  std::uint32_t ttl = 0;
};

struct ResolverConfig {
  std::vector<std::string> resolvers;   ///< "[ip]:port" or "ip"; empty = /etc/resolv.conf
  std::string trust_anchor_file;        ///< empty: no validation
  std::vector<std::string> local_data;  ///< resource records in presentation form ("mail.example. A 192.0.2.1")
  std::uint32_t timeout_ms = 10000;     ///< per query, all retries included
};

class Resolver {
 public:
  static Result<std::shared_ptr<Resolver>> create(const ResolverConfig& cfg);
  /// Runs `program DIRECTORY NAME TYPE` for each query; its output is the answer in wire format and its exit status the
  /// outcome: 0 answer, 1 no such name, 2 try again, 4 no such data, 5 ask `otherwise`, any other a failure. For test
  /// mode (core/hooks).
  static std::shared_ptr<Resolver> of_program(std::string program, std::string directory,
                                              std::shared_ptr<Resolver> otherwise);
  virtual ~Resolver() = default;
  /// `name` without final dot is taken as absolute. Never fails: trouble is Outcome::try_again.
  virtual Answer query(std::string_view name, Type type) = 0;
};

/// "4.3.2.1.in-addr.arpa" / nibble form under ip6.arpa; empty for junk.
std::string reverse_name(std::string_view ip);

struct HostAddresses {
  Outcome outcome = Outcome::try_again;
  bool secure = false;
  std::vector<std::string> ips;
  std::string why;
};
/// A and AAAA of a name, /etc/hosts first when `use_hosts_file`. An IP address is itself.
HostAddresses lookup_host(Resolver& r, std::string_view name, bool ipv4, bool ipv6, bool use_hosts_file);

struct HostName {
  Outcome outcome = Outcome::try_again;
  std::string name;  ///< forward-confirmed
  std::vector<std::string> aliases;
  bool secure = false;
};
/// Reverse lookup with forward confirmation (RFC 1912 2.1): only names whose addresses include `ip`.
HostName lookup_address(Resolver& r, std::string_view ip, bool use_hosts_file);

}  // namespace remex::dns
