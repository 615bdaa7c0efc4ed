// MTA-STS (RFC 8461): the texts. The TXT record that names a policy and the policy itself, both written by strangers.
// No I/O.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"

namespace remex::transports {

struct MtaStsPolicy {
  enum class Mode : std::uint8_t { none, testing, enforce } mode = Mode::none;
  std::int64_t max_age = 0;     ///< seconds, at most 31557600
  std::vector<std::string> mx;  ///< patterns in lower case: "mx.example.net", "*.example.net"; at most 100
};

/// The id of "v=STSv1; id=...;" (3.1) among the TXT records of _mta-sts.DOMAIN; none unless exactly one record is of
/// this kind and well formed: then the domain has no policy.
std::optional<std::string> mta_sts_id(const std::vector<std::string>& records);

/// A policy file (3.2). Unknown fields are ignored, of a field given twice the first counts. The error says what is
/// wrong with it; it is printable.
Result<MtaStsPolicy> parse_mta_sts_policy(std::string_view text);

/// A pattern fits the host's name (4.1): "*" stands for exactly one label, the leftmost. Names are A-labels.
bool mta_sts_allows(const MtaStsPolicy& policy, std::string_view host);

}  // namespace remex::transports
