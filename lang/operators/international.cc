// Internationalised names, character sets, xtext and header folding.
//
// Pure. Input that is not what its name says fails the expansion with a text that quotes it, never with foreign bytes
// as they are.
#include <fmt/format.h>

#include <memory>

#include "core/base/strings.h"
#include "core/mail/address.h"
#include "core/mail/idn2_api.h"
#include "lang/node.h"

namespace remex::lang {
namespace {

struct Free {
  void operator()(char* p) const { idn2_free(p); }
};
using IdnString = std::unique_ptr<char, Free>;

bool is_ascii(std::string_view s) {
  for (const char c : s) {
    if (static_cast<unsigned char>(c) > 127) return false;
  }
  return true;
}

Result<std::string> to_alabel(const std::string& s) {
  if (is_ascii(s)) return s;
  char* out = nullptr;
  const int rc = s.find('\0') != std::string::npos
                     ? IDN2_DISALLOWED
                     : idn2_to_ascii_8z(s.c_str(), &out, IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL);
  const IdnString owned(out);
  if (rc != IDN2_OK)
    return fail(fmt::format("error converting utf8 ({}) to alabel: {}", printable(s), idn2_strerror(rc)));
  return std::string(out);
}

Result<std::string> from_alabel(const std::string& s) {
  char* out = nullptr;
  const int rc = s.find('\0') != std::string::npos ? IDN2_DISALLOWED : idn2_to_unicode_8z8z(s.c_str(), &out, 0);
  const IdnString owned(out);
  if (rc != IDN2_OK)
    return fail(fmt::format("error converting alabel ({}) to utf8: {}", printable(s), idn2_strerror(rc)));
  return std::string(out);
}

Result<std::string> domain_to_alabel(Scope&, const Node&, std::string s) { return to_alabel(s); }
Result<std::string> domain_from_alabel(Scope&, const Node&, std::string s) { return from_alabel(std::string(trim(s))); }
Result<std::string> local_to_alabel(Scope&, const Node&, std::string s) { return to_alabel(s); }
Result<std::string> local_from_alabel(Scope&, const Node&, std::string s) {
  if (!s.starts_with("xn--"))
    return fail(fmt::format("error converting alabel ({}) to utf8: bad alabel prefix", printable(s)));
  return from_alabel(s);
}

// To ISO 8859-1; what is not in it becomes an underscore.
Result<std::string> from_utf8(Scope&, const Node&, std::string s) {
  std::string out;
  for (std::size_t i = 0; i < s.size();) {
    const auto c = static_cast<unsigned char>(s[i]);
    std::size_t n = 1;
    while (c >= 0xC0 && i + n < s.size() && (static_cast<unsigned char>(s[i + n]) & 0xC0U) == 0x80U) ++n;
    if (c < 0x80) {
      out += s[i];
    } else if (n == 2 && (c == 0xC2 || c == 0xC3)) {
      out += static_cast<char>((c & 3U) << 6U | (static_cast<unsigned char>(s[i + 1]) & 0x3FU));
    } else {
      out += '_';
    }
    i += n;
  }
  return out;
}

// RFC 3461 4: "+" and two upper-case hexadecimal digits.
Result<std::string> xtextd(Scope&, const Node&, std::string s) {
  std::string out;
  for (std::size_t i = 0; i < s.size(); ++i) {
    if (s[i] != '+') {
      out += s[i];
      continue;
    }
    const auto byte = i + 2 < s.size() ? hex_decode(std::string_view(s).substr(i + 1, 2)) : std::nullopt;
    if (!byte) return fail(fmt::format("\"{}\" is not xtext", printable(s)));
    out += *byte;
    i += 2;
  }
  return out;
}

// Folds at white space so that no line has more than `cols` bytes where that can be done, and none more than `limit` at
// all.
Result<std::string> headerwrap(Scope&, const Node& node, std::string s) {
  const std::size_t cols = node.numbers.empty() ? 80 : static_cast<std::size_t>(node.numbers[0]);
  const std::size_t limit = node.numbers.size() < 2 ? 998 : static_cast<std::size_t>(node.numbers[1]);
  if (cols < 2 || limit < 2) return fail("headerwrap: line lengths must be at least 2");
  std::string out;
  std::string_view rest = s;
  bool first = true;
  while (!rest.empty()) {
    const std::size_t newline = std::min(rest.find('\n'), rest.size());
    const std::size_t indent = first ? 0 : 1;  // continuation lines begin with the tab put in front of them
    const std::size_t room = std::min(cols, limit) - indent;
    std::size_t take = newline;
    bool hard = false;
    if (newline > room) {
      const std::size_t blank = rest.substr(0, room + 1).find_last_of(" \t");
      take = blank == std::string_view::npos || blank == 0 ? rest.find_first_of(" \t\n", 1) : blank;
      take = std::min(take, rest.size());
      if (take > limit - indent) {
        take = limit - indent;
        hard = true;
      }
    }
    if (!first) out += '\t';
    out.append(rest.substr(0, take));
    rest.remove_prefix(take);
    if (!hard) {
      while (!rest.empty() && (rest[0] == ' ' || rest[0] == '\t' || rest[0] == '\n')) rest.remove_prefix(1);
    }
    if (!rest.empty()) out += '\n';
    first = false;
  }
  return out;
}

constexpr Example kDomain[] = {{"${utf8_domain_to_alabel:b\\xc3\\xbccher.example}", "xn--bcher-kva.example"},
                               {"${utf8_domain_to_alabel:abc.example}", "abc.example"},
                               {"${utf8_domain_to_alabel:\\xff}", "", "error converting utf8 (\\377) to alabel"}};
constexpr Example kFromDomain[] = {{"${utf8_domain_from_alabel:xn--bcher-kva.example}",
                                    "b\xc3\xbc"
                                    "cher.example"}};
constexpr Example kLocal[] = {{"${utf8_localpart_to_alabel:b\\xc3\\xbccher}", "xn--bcher-kva"}};
constexpr Example kFromLocal[] = {{"${utf8_localpart_from_alabel:xn--bcher-kva}",
                                   "b\xc3\xbc"
                                   "cher"},
                                  {"${utf8_localpart_from_alabel:abc}", "", "bad alabel prefix"}};
constexpr Example kFromUtf8[] = {{"${from_utf8:caf\\xc3\\xa9}", "caf\xe9"}, {"${from_utf8:\\xe2\\x82\\xac}", "_"}};
constexpr Example kXtext[] = {{"${xtextd:a+2Bb+3D}", "a+b="}, {"${xtextd:a+2}", "", "is not xtext"}};
constexpr Example kWrap[] = {{"${headerwrap_10:Subject: a b c}", "Subject: a\n\tb c"},
                             {"${headerwrap:short}", "short"},
                             {"${headerwrap_0_0:a}", "", "line lengths must be at least 2"}};

constexpr Example kUtf8DomainFromAlabelExamples[] = {
    {"${utf8_domain_from_alabel:xn--bcher-kva.example}",
     "b\xc3\xbc"
     "cher.example"},
    {"${utf8_domain_from_alabel:example.org}", "example.org"},
    {"${utf8_domain_from_alabel:xn--\\xff}", "", "error converting alabel"}};
constexpr Example kUtf8LocalpartToAlabelExamples[] = {
    {"${utf8_localpart_to_alabel:b\\xc3\\xbccher}", "xn--bcher-kva"},
    {"${utf8_localpart_to_alabel:abc}", "abc"},
    {"${utf8_localpart_to_alabel:\\xff}", "", "string encoding error"}};
constexpr OperatorDef defs[] = {
    {.name = "utf8_domain_to_alabel",
     .summary = "Domain to its A-labels",
     .doc = "IDNA 2008.",
     .examples = kDomain,
     .tier = 3,
     .apply = domain_to_alabel},
    {.name = "utf8_domain_from_alabel",
     .summary = "Domain from its A-labels",
     .doc = "IDNA 2008.",
     .examples = kUtf8DomainFromAlabelExamples,
     .tier = 3,
     .apply = domain_from_alabel},
    {.name = "utf8_localpart_to_alabel",
     .summary = "Local part to an A-label",
     .doc = "Punycode.",
     .examples = kUtf8LocalpartToAlabelExamples,
     .tier = 4,
     .apply = local_to_alabel},
    {.name = "utf8_localpart_from_alabel",
     .summary = "Local part from an A-label",
     .doc = "Punycode.",
     .examples = kFromLocal,
     .tier = 4,
     .apply = local_from_alabel},
    {.name = "from_utf8",
     .summary = "UTF-8 to ISO 8859-1",
     .doc = "Other characters become underscores.",
     .examples = kFromUtf8,
     .cannot_fail = "what is no UTF-8 becomes an underscore",
     .tier = 4,
     .apply = from_utf8},
    {.name = "xtextd",
     .summary = "Decode xtext",
     .doc = "RFC 3461 section 4.",
     .examples = kXtext,
     .tier = 3,
     .apply = xtextd},
    {.name = "headerwrap",
     .summary = "Fold a header line",
     .doc = "${headerwrap_cols_limit:...}, 80 and 998 when not given.",
     .examples = kWrap,
     .tier = 2,
     .apply = headerwrap,
     .max_args = 2},
};

}  // namespace
}  // namespace remex::lang

namespace remex::registry::operators {
extern const std::span<const OperatorDef> international;
constinit const std::span<const OperatorDef> international{lang::defs};
}  // namespace remex::registry::operators
