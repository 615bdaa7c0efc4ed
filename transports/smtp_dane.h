// DANE for SMTP (RFC 7672, 7671, 6698): TLSA records of a host and whether a certificate chain fits one of them. Used
// by the smtp transport. Records are foreign bytes that DNSSEC has vouched for; certificates are foreign bytes.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/dns/resolver.h"

namespace remex::transports {

struct TlsaRecord {
  std::uint8_t usage = 0, selector = 0, matching = 0;
  std::string data;
};

/// What the DNS says about TLS at a host.
struct TlsaAnswer {
  enum class Kind : std::uint8_t {
    none,      ///< no DANE here: no records, or not validated
    usable,    ///< the certificate must fit one of `records`
    unusable,  ///< records, none of which means anything to SMTP: TLS without a verified name (RFC 7672 2.2)
    trouble,   ///< the DNS did not answer, or not truthfully: the host must not be used now
  } kind = Kind::none;
  std::vector<TlsaRecord> records;  ///< with usage 2 or 3, at most 50
  unsigned usages = 0;              ///< bit n: a record of usage n ($tls_out_tlsa_usage)
  std::string why;
};

/// "_25._tcp.host"; asks only, the caller knows that the host itself was found by DNSSEC. Parks.
TlsaAnswer find_tlsa(dns::Resolver& resolver, const std::string& host, int port);
/// One record's rdata; false: too short to be one.
bool parse_tlsa(std::string_view rdata, TlsaRecord& out);

/// `chain`: DER, the server's own certificate first. `names`: what the certificate may be for (records of usage 2).
/// Empty: it fits; else why not.
std::string dane_objection(std::span<const std::string> chain, std::span<const TlsaRecord> records,
                           std::span<const std::string> names);

}  // namespace remex::transports
