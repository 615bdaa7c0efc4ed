// See ldap_query.h.
#include "lookups/ldap_query.h"

#include <fmt/format.h>

#include "core/base/strings.h"
#include "lang/list.h"

namespace remex::lookups {

namespace {

/// Bytes that URL quoting leaves alone besides letters and digits.
constexpr std::string_view kUrlPlain = "!$'-._()*+";

std::string url_quoted(std::string_view s) {
  std::string out;
  for (const char c : s) {
    if (is_alnum(c) || kUrlPlain.find(c) != std::string_view::npos)
      out += c;
    else
      out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return out;
}

std::string url_unquoted(std::string_view s) {
  std::string out;
  for (std::size_t i = 0; i < s.size(); ++i) {
    if (s[i] == '%' && i + 2 < s.size() + 0U) {
      if (const auto byte = hex_decode(s.substr(i + 1, 2))) {
        out += *byte;
        i += 2;
        continue;
      }
    }
    out += s[i];
  }
  return out;
}

/// A value up to a blank, or in double quotes with backslash escapes.
std::string take_value(std::string_view& s) {
  std::string out;
  if (!s.starts_with('"')) {
    std::size_t n = 0;
    while (n < s.size() && !is_space(s[n])) ++n;
    out = s.substr(0, n);
    s.remove_prefix(n);
    return out;
  }
  s.remove_prefix(1);
  while (!s.empty() && s.front() != '"') {
    char c = s.front();
    s.remove_prefix(1);
    if (c == '\\' && !s.empty()) {
      c = s.front();
      s.remove_prefix(1);
      if (c == 'n') c = '\n';
      if (c == 'r') c = '\r';
      if (c == 't') c = '\t';
    }
    out += c;
  }
  if (!s.empty()) s.remove_prefix(1);
  return out;
}

Status take_number(std::string_view name, const std::string& value, int& out) {
  const auto n = parse_uint(value);
  if (!n || *n > 1000000)
    return defer(fmt::format("malformed parameter {}={} for LDAP lookup", name, printable(value)));
  out = static_cast<int>(*n);
  return {};
}

Status apply(std::string_view name, std::string value, LdapQuery& q) {
  if (iequals(name, "USER")) {
    q.user = url_unquoted(value);
    q.has_user = true;
    return {};
  }
  if (iequals(name, "PASS")) {
    q.password = std::move(value);
    q.has_password = true;
    return {};
  }
  if (iequals(name, "SERVERS")) {
    q.servers = lang::split_list(value);
    return {};
  }
  if (iequals(name, "SIZE")) return take_number(name, value, q.size_limit);
  if (iequals(name, "TIME")) return take_number(name, value, q.time_limit);
  if (iequals(name, "NETTIME") || iequals(name, "CONNECT")) return take_number(name, value, q.net_timeout);
  if (iequals(name, "REFERRALS")) {
    if (!iequals(value, "follow") && !iequals(value, "nofollow"))
      return defer("LDAP option REFERRALS is not \"follow\" or \"nofollow\"");
    q.follow_referrals = iequals(value, "follow");
    return {};
  }
  if (iequals(name, "DEREFERENCE")) {
    constexpr std::string_view kWords[] = {"never", "searching", "finding", "always"};  // by LDAP_DEREF_* number
    for (int i = 0; i < 4; ++i)
      if (iequals(value, kWords[i])) q.dereference = i;
    if (q.dereference) return {};
  }
  return defer(fmt::format("unknown parameter {}={} precedes LDAP URL", printable(name), printable(value)));
}

bool at_url(std::string_view s) {
  return istarts_with(s, "ldap:") || istarts_with(s, "ldaps:") || istarts_with(s, "ldapi:");
}

}  // namespace

Result<LdapQuery> parse_ldap_query(std::string_view text) {
  LdapQuery out;
  std::string_view rest = trim(text);
  while (!at_url(rest)) {
    const std::size_t equals = rest.find('=');
    if (rest.empty() || equals == std::string_view::npos) return defer("no URL in LDAP lookup");
    const std::string_view name = trim(rest.substr(0, equals));
    rest = trim_left(rest.substr(equals + 1));
    std::string value = take_value(rest);
    REMEX_CHECK(apply(name, std::move(value), out));
    rest = trim_left(rest);
  }
  if (rest.find('\0') != std::string_view::npos) return defer("a NUL character in an LDAP URL");
  out.url.assign(rest);
  return out;
}

std::string quote_ldap(std::string_view s) {
  std::string out;
  for (const char c : s) {
    if (c == '*' || c == '(' || c == ')' || c == '\\' || c == '\0')
      out += fmt::format("%5C{:02X}", static_cast<unsigned char>(c));
    else
      out += url_quoted({&c, 1});
  }
  return out;
}

std::string quote_ldap_dn(std::string_view s) {
  std::string escaped;
  std::size_t begin = 0;
  std::size_t end = s.size();
  while (begin < end && (s[begin] == ' ' || s[begin] == '#')) (escaped += '\\') += s[begin++];
  while (end > begin && s[end - 1] == ' ') --end;
  for (const char c : s.substr(begin, end - begin)) {
    if (c == '\0') {
      escaped += "\\00";
      continue;
    }
    if (std::string_view(",+\"\\<>;").find(c) != std::string_view::npos) escaped += '\\';
    escaped += c;
  }
  for (std::size_t i = end; i < s.size(); ++i) escaped += "\\ ";
  return url_quoted(escaped);
}

std::string ldap_values(const std::vector<std::string>& values, bool in_quotes) {
  std::string out;
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (i > 0) out += ',';
    for (const char c : values[i]) {
      if (c == ',')
        out += ",,";
      else if (in_quotes && c == '\n')
        out += "\\n";
      else {
        if (in_quotes && (c == '"' || c == '\\')) out += '\\';
        out += c;
      }
    }
  }
  return out;
}

}  // namespace remex::lookups
