// DMARC (RFC 7489): does the domain in From: stand behind this message, and what does it want done if not? Used by the
// ACL condition dmarc_status.
//
// Takes what SPF and DKIM found; asks the DNS for at most two records per author domain. Nothing here fails: DNS
// trouble is a status.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "core/dns/resolver.h"
#include "core/msgauth/dkim.h"
#include "core/msgauth/spf.h"

namespace remex::msgauth {

enum class DmarcPolicy : std::uint8_t { none, quarantine, reject };
std::string_view to_string(DmarcPolicy p);

/// A published record (RFC 7489 6.3).
struct DmarcRecord {
  DmarcPolicy policy = DmarcPolicy::none;
  std::optional<DmarcPolicy> subdomain_policy;
  bool strict_dkim = false, strict_spf = false;
  unsigned percent = 100;
  std::string rua, ruf;  ///< as published
};
/// Error: not a DMARC record, or one without a usable policy (then it counts as absent).
Result<DmarcRecord> parse_dmarc_record(std::string_view text);

/// What the condition dmarc_status compares with: to_string().
enum class DmarcStatus : std::uint8_t { accept, reject, quarantine, none, norecord, nofrom, temperror, off };
std::string_view to_string(DmarcStatus s);

struct DmarcQuery {
  std::vector<std::string> authors;  ///< domains of From:, lower case, at least one
  SpfResult spf = SpfResult::none;
  std::string spf_domain;  ///< lower case
  std::span<const DkimSignature> signatures;
  /// PublicSuffixes::organizational.
  std::function<std::string(std::string_view)> organizational;
  unsigned sample = 0;  ///< 0..99: the policy applies when it is below pct=
};

struct DmarcVerdict {
  DmarcStatus status = DmarcStatus::off;
  std::string text;                   ///< $dmarc_status_text
  std::string from_domain;            ///< the author domain the verdict is about
  std::string used_domain;            ///< where the record was found; the author domain when there is none
  std::optional<DmarcPolicy> policy;  ///< published for this domain
  bool spf_aligned = false, dkim_aligned = false;
  bool sampled_out = false;  ///< pct= spared this message: the next milder policy applies
};

/// With several author domains the one with the strictest outcome decides (6.6.1). Parks.
DmarcVerdict check_dmarc(dns::Resolver& resolver, const DmarcQuery& query);

/// Domains of the From: values, lower case, each once. Error: none, more than one field, not parsable, or more than
/// four different domains.
Result<std::vector<std::string>> author_domains(std::span<const std::string> from_values);

}  // namespace remex::msgauth
