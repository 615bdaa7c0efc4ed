// Envelope paths (RFC 5321 4.1.2): MAIL FROM and RCPT TO arguments, and small helpers on addresses. Strict: no
// comments, no blanks, no folding. Dots at the edges of a local part and doubled dots are accepted, as Exim does: such
// mailboxes exist. Used by SMTP reception, by routing and by expansion operators. Failure: an Error with Exim's words;
// the text is safe to log.
#include "core/mail/address.h"

#include <fmt/format.h>

#include "core/base/strings.h"

namespace remex::mail {
namespace {

bool is_high(char c) { return static_cast<unsigned char>(c) >= 0x80; }
bool is_control(char c) { return static_cast<unsigned char>(c) < 32 || c == 127; }

/// RFC 5321 atext plus the dot; octets above 127 pass here and are judged once for the whole path.
bool is_local_char(char c) {
  return is_alnum(c) || is_high(c) ||
         (c != 0 && std::string_view("!#$%&'*+-/=?^_`{|}~.").find(c) != std::string_view::npos);
}

constexpr std::size_t kMaxQuotedBack = 128;  ///< how much of a bad address an error text repeats

std::string shown(std::string_view s) { return printable(s.substr(0, kMaxQuotedBack)); }

/// One pass over one path. Positions only move forward.
class PathParser {
 public:
  PathParser(std::string_view text, const PathOptions& opt) : s_(text), opt_(opt) {}

  Result<Address> parse() {
    for (char c : s_) {
      if (is_control(c)) return fail("control character in address");
      if (is_high(c) && !opt_.allow_utf8) return fail("8-bit character in address without SMTPUTF8");
    }
    if (opt_.allow_utf8 && !is_utf8(s_)) return fail("address is not valid UTF-8");
    const bool angle = accept('<');
    if (angle && opt_.allow_null && peek() == '>' && pos_ + 1 == s_.size()) return Address{};
    if (peek() == '@') REMEX_CHECK(skip_route());
    Address a;
    REMEX_TRY(a.local_part, local_part());
    if (accept('@')) {
      REMEX_TRY(a.domain, domain());
    }
    if (angle && !accept('>')) {
      return fail(pos_ == s_.size() ? "'>' missing at end of address" : follow_text());
    }
    if (pos_ != s_.size()) return fail(follow_text());
    if (a.domain.empty() && !opt_.allow_unqualified &&
        !(opt_.allow_postmaster && iequals(a.local_part, "postmaster"))) {
      return fail(fmt::format("{} address must contain a domain", opt_.role));
    }
    return a;
  }

 private:
  char peek() const { return pos_ < s_.size() ? s_[pos_] : '\0'; }
  bool accept(char c) {
    if (pos_ >= s_.size() || s_[pos_] != c) return false;
    ++pos_;
    return true;
  }
  std::string follow_text() const {
    return fmt::format("malformed address: {} may not follow {}", shown(s_.substr(pos_)), shown(s_.substr(0, pos_)));
  }

  /// "@a,@b:" is read, checked and forgotten (RFC 5321 4.1.1.3).
  Status skip_route() {
    for (;;) {
      if (!accept('@')) return fail("colon expected after route list");
      REMEX_CHECK(domain());
      if (accept(':')) return {};
      if (accept(',')) continue;
      // "<@domain>" is no route: the part before the @ is missing.
      return fail(peek() == '>' || pos_ == s_.size() ? "no local part" : "colon expected after route list");
    }
  }

  Result<std::string> local_part() {
    const std::size_t start = pos_;
    bool quotes_needed = false;
    std::string plain;
    for (;;) {
      if (peek() == '"') {
        REMEX_CHECK(quoted_string(plain));
        quotes_needed = true;
      } else {
        const std::size_t atom = pos_;
        while (pos_ < s_.size() && is_local_char(s_[pos_]) && s_[pos_] != '.') ++pos_;
        plain.append(s_, atom, pos_ - atom);
      }
      if (!accept('.')) break;
      plain += '.';
    }
    const std::string_view raw = s_.substr(start, pos_ - start);
    if (raw.empty()) return fail("missing or malformed local part");
    const char next = peek();
    if (pos_ < s_.size() && next != '@' && next != '>') {
      return fail(fmt::format("\"@\" or \".\" expected after \"{}\"", shown(raw)));
    }
    if (raw.size() > kMaxLocalPart) return fail("local part too long");
    if (plain.empty()) return fail("missing or malformed local part");
    return quotes_needed ? quote_local_part(plain) : std::string(raw);
  }

  Status quoted_string(std::string& plain) {
    ++pos_;
    while (pos_ < s_.size()) {
      const char c = s_[pos_++];
      if (c == '"') return {};
      if (c == '\\') {
        if (pos_ == s_.size()) break;
        plain += s_[pos_++];
      } else {
        plain += c;
      }
    }
    return fail("unmatched doublequote in local part");
  }

  Result<std::string> domain() {
    if (peek() == '[') return literal();
    const std::size_t start = pos_;
    while (pos_ < s_.size()) {
      const char c = s_[pos_];
      if (!is_alnum(c) && c != '-' && c != '.' && !is_high(c) && !(c == '_' && opt_.allow_underscore)) break;
      ++pos_;
    }
    std::string_view name = s_.substr(start, pos_ - start);
    if (opt_.strip_trailing_dot && name.size() > 1 && name.ends_with('.')) name.remove_suffix(1);
    bool valid = false;
    for (char c : name) valid = valid || is_high(c);
    // For an internationalised name the A-label form is what must be a host name.
    valid = valid ? domain_to_ascii(name).has_value() : is_domain_name(name, opt_.allow_underscore);
    if (!valid) return fail("domain missing or malformed");
    return std::string(name);
  }

  /// [1.2.3.4], [IPv6:2001:db8::1]; other tagged forms (RFC 5321 4.1.3) are refused.
  Result<std::string> literal() {
    if (!opt_.allow_domain_literal) return fail("domain literals not allowed");
    const std::size_t end = s_.find(']', pos_);
    if (end == std::string_view::npos) return fail("malformed domain literal");
    const std::string_view inside = s_.substr(pos_ + 1, end - pos_ - 1);
    const bool ok = istarts_with(inside, "IPv6:") ? is_ipv6(inside.substr(5)) : is_ip_address(inside);
    if (!ok) return fail("malformed domain literal");
    const std::string_view all = s_.substr(pos_, end + 1 - pos_);
    pos_ = end + 1;
    return std::string(all);
  }

  std::string_view s_;
  const PathOptions& opt_;
  std::size_t pos_ = 0;
};

}  // namespace

Result<Address> parse_path(std::string_view text, const PathOptions& opt) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  if (text.size() > 2048) return fail("address too long");
  return PathParser(text, opt).parse();
}

Address split_address(std::string_view addr) {
  // The domain of a valid address has no @ outside a literal, so the last @ after the last quote is the right one.
  const std::size_t at = addr.rfind('@');
  const std::size_t quote = addr.rfind('"');
  if (at == std::string_view::npos || (quote != std::string_view::npos && quote > at)) return {std::string(addr), {}};
  return {std::string(addr.substr(0, at)), std::string(addr.substr(at + 1))};
}

std::string quote_local_part(std::string_view local) {
  bool needed = local.empty() || local.front() == '.' || local.back() == '.';
  for (char c : local) needed = needed || !is_local_char(c) || is_high(c);
  if (!needed) return std::string(local);
  std::string out = "\"";
  for (char c : local) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + '"';
}

std::string unquote_local_part(std::string_view local) {
  std::string out;
  out.reserve(local.size());
  bool quoted = false;
  for (std::size_t i = 0; i < local.size(); ++i) {
    const char c = local[i];
    if (c == '"') {
      quoted = !quoted;
    } else if (c == '\\' && i + 1 < local.size()) {
      out += local[++i];
    } else {
      out += c;
    }
  }
  return out;
}

}  // namespace remex::mail
