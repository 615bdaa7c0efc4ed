// SPF and DMARC of the message in reception: the checks behind the conditions spf, spf_guess and dmarc_status, and the
// variables they set ($spf_*, $dmarc_*; kept in Scope::extra and, the one-word results, with the message).
#pragma once

#include <string>

#include "acl/acl.h"
#include "core/base/result.h"

namespace remex::acl {

/// Checks the envelope sender, or the HELO name of a null sender, once per message and kind; gives $spf_result. Error:
/// an option could not be expanded. Parks.
Result<std::string> check_spf_of(lang::Scope& scope, bool guess);

/// Remembers the domains of From: as the message came; before headers are rewritten.
void note_authors(lang::Scope& scope);

/// Evaluates DMARC once per message, after SPF; gives $dmarc_status. "off" without dmarc_tld_file, for local and
/// authenticated clients and with control = dmarc_disable_verify. Error (defer): the suffix list could not be read.
/// Parks.
Result<std::string> check_dmarc_of(lang::Scope& scope, const Effects& effects);

/// A condition's list of words: "!word" is true for every other result. The first item that decides counts.
bool result_is_in(const std::string& result, std::string_view list);

}  // namespace remex::acl
