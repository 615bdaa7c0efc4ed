// The text of an LDAP lookup: settings in front, then a URL. Used by the ldap types and ldapauth; has a fuzz target.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"

namespace remex::lookups {

struct LdapQuery {
  std::string user, password;  ///< user without URL quoting
  bool has_user = false, has_password = false;
  std::vector<std::string> servers;    ///< SERVERS=
  int size_limit = 0, time_limit = 0;  ///< 0 = none
  int net_timeout = 0;                 ///< seconds, 0 = lookup_timeout
  std::optional<int> dereference;      ///< LDAP_DEREF_*
  bool follow_referrals = true;
  std::string url;  ///< what follows the settings
};

/// Kind defer with a text for bad settings or when no ldap:, ldaps: or ldapi: URL follows.
Result<LdapQuery> parse_ldap_query(std::string_view text);

/// ${quote_ldap:}: for filters; RFC 4515, then URL quoting.
std::string quote_ldap(std::string_view s);
/// ${quote_ldap_dn:}: for distinguished names; RFC 4514, then URL quoting.
std::string quote_ldap_dn(std::string_view s);

/// One attribute of an entry as it stands in a result: commas in values doubled, values joined with a comma;
/// `in_quotes` escapes what would end them.
std::string ldap_values(const std::vector<std::string>& values, bool in_quotes);

}  // namespace remex::lookups
