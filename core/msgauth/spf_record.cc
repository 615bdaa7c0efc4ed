// See spf_record.h. The grammar is RFC 7208 12; where it is ambiguous (a slash inside a domain) the prefix length is
// taken from the end, which the required last label makes unique.
#include "core/msgauth/spf_record.h"

#include <arpa/inet.h>
#include <fmt/core.h>

#include <algorithm>

#include "core/base/strings.h"

namespace remex::msgauth {
namespace {

constexpr std::string_view kDelimiters = ".-+,/_=";
constexpr std::string_view kLetters = "slodiphv", kExplanationLetters = "slodiphvcrt";

std::unexpected<Error> bad(std::string_view what, std::string_view text) {
  return fail(fmt::format("{} \"{}\"", what, printable(text.substr(0, 200))));
}

/// The octets after "%{" up to "}", taken apart.
struct Macro {
  char letter = 's';
  unsigned keep = 0;  ///< parts to keep from the right, 0 = all
  bool reverse = false;
  std::string_view delimiters = ".";
};

/// `at` is behind "%{"; moves behind "}". RFC 7208 7.1.
Result<Macro> parse_macro(std::string_view text, std::size_t& at, bool explanation) {
  const std::size_t end = text.find('}', at);
  if (end == std::string_view::npos || end == at) return bad("bad macro in", text);
  std::string_view body = text.substr(at, end - at);
  at = end + 1;
  Macro m;
  m.letter = body.front();
  if ((explanation ? kExplanationLetters : kLetters).find(ascii_lower(m.letter)) == std::string_view::npos)
    return bad("unknown macro letter in", text);
  body.remove_prefix(1);
  std::size_t digits = 0;
  while (digits < body.size() && is_digit(body[digits])) ++digits;
  if (digits > 0) {
    const auto n = parse_uint(body.substr(0, digits));
    if (digits > 4 || !n || *n == 0) return bad("bad number in macro of", text);
    m.keep = static_cast<unsigned>(*n);
    body.remove_prefix(digits);
  }
  if (!body.empty() && ascii_lower(body.front()) == 'r') {
    m.reverse = true;
    body.remove_prefix(1);
  }
  if (body.find_first_not_of(kDelimiters) != std::string_view::npos) return bad("bad macro in", text);
  if (!body.empty()) m.delimiters = body;
  return m;
}

/// Syntax only. `ends_in_macro`: the last thing is a macro expansion.
Status check_macros(std::string_view text, bool explanation, bool& ends_in_macro) {
  ends_in_macro = false;
  for (std::size_t at = 0; at < text.size();) {
    const char c = text[at++];
    ends_in_macro = false;
    if (c != '%') {
      if (c < 0x21 || c > 0x7e) {
        if (!(explanation && c == ' ')) return bad("character outside printable ASCII in", text);
      }
      continue;
    }
    if (at >= text.size()) return bad("lone % in", text);
    const char kind = text[at++];
    ends_in_macro = true;
    if (kind == '{') {
      REMEX_CHECK(parse_macro(text, at, explanation));
    } else if (kind != '%' && kind != '_' && kind != '-') {
      return bad("bad macro in", text);
    }
  }
  return {};
}

/// Letters, digits and inner dashes, not digits alone.
bool is_top_label(std::string_view s) {
  if (s.empty() || s.front() == '-' || s.back() == '-') return false;
  bool named = false;
  for (const char c : s) {
    if (!is_alnum(c) && c != '-') return false;
    named = named || !is_digit(c);
  }
  return named;
}

Status check_domain_spec(std::string_view spec) {
  bool ends_in_macro = false;
  REMEX_CHECK(check_macros(spec, false, ends_in_macro));
  if (ends_in_macro) {
    // "%%", "%_" and "%-" are no domain ends
    if (spec.ends_with('}')) return {};
    return bad("not a domain", spec);
  }
  if (spec.ends_with('.')) spec.remove_suffix(1);
  const std::size_t dot = spec.rfind('.');
  if (dot == std::string_view::npos || !is_top_label(spec.substr(dot + 1))) return bad("not a domain", spec);
  return {};
}

/// "0", or digits without a leading zero, at most `max`.
bool parse_prefix(std::string_view text, unsigned max, unsigned& out) {
  if (text.empty() || text.size() > 3 || (text.size() > 1 && text.front() == '0')) return false;
  const auto n = parse_uint(text);
  if (!n || *n > max) return false;
  out = static_cast<unsigned>(*n);
  return true;
}

/// Takes "/24", "//64" or "/24//64" off the end of `arg`. False: something like it that is no prefix length.
bool take_dual_prefix(std::string_view& arg, SpfMechanism& m) {
  std::size_t end = arg.size();
  while (end > 0 && is_digit(arg[end - 1])) --end;
  if (end == 0 || arg[end - 1] != '/') return true;
  const std::string_view digits = arg.substr(end);
  if (end >= 2 && arg[end - 2] == '/') {
    if (!parse_prefix(digits, 128, m.prefix6)) return false;
    arg = arg.substr(0, end - 2);
    end = arg.size();
    while (end > 0 && is_digit(arg[end - 1])) --end;
    if (end == 0 || end == arg.size() || arg[end - 1] != '/') return true;
  }
  if (!parse_prefix(arg.substr(end), 32, m.prefix4)) return false;
  arg = arg.substr(0, end - 1);
  return true;
}

Status parse_ip(std::string_view arg, std::string_view term, SpfMechanism& m) {
  const bool v6 = m.kind == SpfMechanismKind::ip6;
  if (!arg.starts_with(':')) return bad("address missing in", term);
  arg.remove_prefix(1);
  if (const std::size_t slash = arg.find('/'); slash != std::string_view::npos) {
    if (!parse_prefix(arg.substr(slash + 1), v6 ? 128 : 32, v6 ? m.prefix6 : m.prefix4))
      return bad("bad prefix length in", term);
    arg = arg.substr(0, slash);
  }
  unsigned char octets[16];
  const std::string address(arg);
  if (::inet_pton(v6 ? AF_INET6 : AF_INET, address.c_str(), octets) != 1) return bad("bad address in", term);
  m.address.assign(reinterpret_cast<const char*>(octets), v6 ? 16 : 4);
  return {};
}

struct Word {
  std::string_view name;
  SpfMechanismKind kind;
};
constexpr Word kWords[] = {{"all", SpfMechanismKind::all}, {"include", SpfMechanismKind::include},
                           {"a", SpfMechanismKind::a},     {"mx", SpfMechanismKind::mx},
                           {"ptr", SpfMechanismKind::ptr}, {"ip4", SpfMechanismKind::ip4},
                           {"ip6", SpfMechanismKind::ip6}, {"exists", SpfMechanismKind::exists}};

Result<SpfMechanism> parse_mechanism(std::string_view term) {
  SpfMechanism m;
  m.text = std::string(term);
  std::string_view rest = term;
  constexpr std::string_view kQualifiers = "+-~?";
  if (const std::size_t q = rest.empty() ? std::string_view::npos : kQualifiers.find(rest.front());
      q != std::string_view::npos) {
    m.qualifier = static_cast<SpfQualifier>(q);
    rest.remove_prefix(1);
  }
  const std::size_t end = std::min(rest.find_first_of(":/"), rest.size());
  const auto* word = std::find_if(std::begin(kWords), std::end(kWords),
                                  [&](const Word& w) { return iequals(w.name, rest.substr(0, end)); });
  if (word == std::end(kWords)) return bad("unknown mechanism", term);
  m.kind = word->kind;
  std::string_view arg = rest.substr(end);
  using enum SpfMechanismKind;
  if (m.kind == ip4 || m.kind == ip6) {
    REMEX_CHECK(parse_ip(arg, term, m));
    return m;
  }
  if (m.kind == all) {
    if (!arg.empty()) return bad("\"all\" takes no argument:", term);
    return m;
  }
  if ((m.kind == a || m.kind == mx) && !take_dual_prefix(arg, m)) return bad("bad prefix length in", term);
  if (arg.empty()) {
    if (m.kind == include || m.kind == exists) return bad("domain missing in", term);
    return m;
  }
  if (!arg.starts_with(':') || arg.size() == 1) return bad("bad argument in", term);
  arg.remove_prefix(1);
  REMEX_CHECK(check_domain_spec(arg));
  m.domain_spec = std::string(arg);
  return m;
}

/// Length of a modifier's name before "=", 0 when the term is none.
std::size_t modifier_name(std::string_view term) {
  if (term.empty() || !is_alpha(term.front())) return 0;
  std::size_t n = 1;
  while (n < term.size() && (is_alnum(term[n]) || std::string_view("-_.").find(term[n]) != std::string_view::npos)) ++n;
  return n < term.size() && term[n] == '=' ? n : 0;
}

Status parse_modifier(std::string_view term, std::size_t name, SpfRecord& r) {
  const std::string_view value = term.substr(name + 1);
  const bool redirect = iequals(term.substr(0, name), "redirect"), exp = iequals(term.substr(0, name), "exp");
  if (!redirect && !exp) {
    bool unused = false;
    return check_macros(value, false, unused);
  }
  std::string& place = redirect ? r.redirect : r.exp;
  if (!place.empty()) return bad("given twice:", term);
  REMEX_CHECK(check_domain_spec(value));
  place = std::string(value);
  return {};
}

std::string url_escaped(std::string_view s) {
  std::string out;
  for (const char c : s) {
    if (is_alnum(c) || std::string_view("-._~").find(c) != std::string_view::npos)
      out += c;
    else
      out += fmt::format("%{:02X}", static_cast<unsigned>(static_cast<unsigned char>(c)));
  }
  return out;
}

/// IPv4 as it is, IPv6 as 32 nibbles with dots between (RFC 7208 7.3).
std::string dotted(std::string_view ip) {
  const std::string octets = spf_address_octets(ip);
  if (octets.size() == 4) {
    char text[INET_ADDRSTRLEN];
    return ::inet_ntop(AF_INET, octets.data(), text, sizeof text) == nullptr ? std::string() : text;
  }
  std::string out;
  for (const char c : hex_encode(octets)) {
    if (!out.empty()) out += '.';
    out += c;
  }
  return out;
}

std::string macro_value(char letter, const SpfMacros& v) {
  const std::size_t at = v.sender.rfind('@');
  switch (letter) {
    case 's': return v.sender;
    case 'l': return v.sender.substr(0, at);
    case 'o': return at == std::string::npos ? v.sender : v.sender.substr(at + 1);
    case 'd': return v.domain;
    case 'i': return dotted(v.client_ip);
    case 'p': return v.validated_name ? v.validated_name() : "unknown";
    case 'h': return v.helo;
    case 'v': return spf_address_octets(v.client_ip).size() == 4 ? "in-addr" : "ip6";
    case 'c': return v.client_ip;
    case 'r': return v.receiver.empty() ? "unknown" : v.receiver;
    case 't': return std::to_string(v.now);
    default: return {};
  }
}

/// Splits at the delimiters, turns round, keeps the last parts, joins with dots (RFC 7208 7.1).
std::string transformed(const std::string& value, const Macro& m) {
  if (m.keep == 0 && !m.reverse && m.delimiters == ".") return value;
  std::vector<std::string> parts(1);
  for (const char c : value) {
    if (m.delimiters.find(c) != std::string_view::npos)
      parts.emplace_back();
    else
      parts.back() += c;
  }
  if (m.reverse) std::reverse(parts.begin(), parts.end());
  if (m.keep > 0 && parts.size() > m.keep)
    parts.erase(parts.begin(), parts.end() - static_cast<std::ptrdiff_t>(m.keep));
  return join(parts, ".");
}

constexpr std::size_t kMaxExpansion = 4096;

}  // namespace

std::string spf_address_octets(std::string_view ip) {
  const std::string text(ip);
  unsigned char o[16];
  if (::inet_pton(AF_INET, text.c_str(), o) == 1) return {reinterpret_cast<const char*>(o), 4};
  if (::inet_pton(AF_INET6, text.c_str(), o) != 1) return {};
  const std::string all(reinterpret_cast<const char*>(o), 16);
  static constexpr char kMapped[] = "\0\0\0\0\0\0\0\0\0\0\xff\xff";
  if (all.starts_with(std::string_view(kMapped, 12))) return all.substr(12);
  return all;
}

bool is_spf_record(std::string_view text) {
  return istarts_with(text, "v=spf1") && (text.size() == 6 || text[6] == ' ');
}

Result<SpfRecord> parse_spf_record(std::string_view text) {
  if (!is_spf_record(text)) return fail("no version \"v=spf1\"");
  if (text.size() > kMaxSpfRecord) return fail("the record is too long");
  SpfRecord r;
  text.remove_prefix(6);
  std::size_t terms = 0;
  for (std::string_view term : split(text, ' ')) {
    if (term.empty()) continue;
    if (++terms > kMaxSpfTerms) return fail("the record has too many terms");
    if (const std::size_t name = modifier_name(term); name > 0) {
      REMEX_CHECK(parse_modifier(term, name, r));
      continue;
    }
    REMEX_TRY(SpfMechanism m, parse_mechanism(term));
    r.mechanisms.push_back(std::move(m));
  }
  return r;
}

Result<std::string> expand_spf_macros(std::string_view text, const SpfMacros& values, bool explanation) {
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    const char c = text[at++];
    if (c != '%') {
      out += c;
    } else {
      if (at >= text.size()) return bad("lone % in", text);
      const char kind = text[at++];
      if (kind == '%') {
        out += '%';
      } else if (kind == '_') {
        out += ' ';
      } else if (kind == '-') {
        out += "%20";
      } else if (kind == '{') {
        REMEX_TRY(const Macro m, parse_macro(text, at, explanation));
        const std::string value = transformed(macro_value(ascii_lower(m.letter), values), m);
        out += ascii_lower(m.letter) == m.letter ? value : url_escaped(value);
      } else {
        return bad("bad macro in", text);
      }
    }
    if (out.size() > kMaxExpansion) return fail("a macro expansion is too long");
  }
  return out;
}

Result<std::string> expand_spf_domain(std::string_view spec, const SpfMacros& values) {
  REMEX_TRY(std::string name, expand_spf_macros(spec, values, false));
  if (name.ends_with('.')) name.pop_back();
  while (name.size() > 253) {
    const std::size_t dot = name.find('.');
    if (dot == std::string::npos) return fail("a domain is too long");
    name.erase(0, dot + 1);
  }
  return name;
}

}  // namespace remex::msgauth
