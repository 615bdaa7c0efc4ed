// One mailbox of a command line or a header (RFC 5322 3.4, obsolete forms included), with the texts that say why it is
// none. A single forward pass; comments nest by a counter.
#include <fmt/format.h>

#include "core/base/strings.h"
#include "core/mail/address.h"

namespace remex::mail {
namespace {

constexpr std::size_t kMaxQuotedBack = 1024;  ///< how much of a bad address an error text repeats

class MailboxParser {
 public:
  MailboxParser(std::string_view text, const PathOptions& opt) : s_(text), opt_(opt) {}

  Result<Address> parse() {
    skip_blanks();
    if (at_end() || peek() == ';') return fail("empty address");
    if (peek() != '@' && peek() != '<') {
      auto first = local_part();
      if (!first)
        return fail(first.error().text == kMissing ? first.error().text + std::string(kExpected) : first.error().text);
      std::string word = std::move(*first);
      if (at_end() || peek() == ';') return unqualified(std::move(word));
      if (peek() == '@') return with_domain(std::move(word), false);
      while (peek() != '<') {
        if (at_end()) return fail(fmt::format("{}{}", kMissing, kExpected));
        if (auto more = local_part(); !more) return fail(more.error().text + std::string(kExpected));
      }
    }
    if (peek() != '<') return in_route(false);
    ++pos_;
    skip_blanks();
    if (peek() == '>' && opt_.allow_null) {
      ++pos_;
      return finish({});
    }
    return in_route(true);
  }

 private:
  static constexpr std::string_view kMissing = "missing or malformed local part";
  static constexpr std::string_view kExpected = " (expected word or \"<\")";

  bool at_end() const { return pos_ >= s_.size(); }
  char peek() const { return at_end() ? '\0' : s_[pos_]; }

  /// Blanks and comments; an open comment reaches to the end.
  void skip_blanks() {
    std::size_t depth = 0;
    for (; pos_ < s_.size(); ++pos_) {
      const char c = s_[pos_];
      if (c == '(') {
        ++depth;
      } else if (depth > 0) {
        if (c == ')') --depth;
        if (c == '\\') ++pos_;
      } else if (!is_space(c)) {
        return;
      }
    }
    pos_ = s_.size();
  }

  static bool is_atom_char(char c) {
    return static_cast<unsigned char>(c) > 32 && c != 127 &&
           std::string_view("()<>@,;:\".[]").find(c) == std::string_view::npos;
  }

  /// A word of a phrase or a local part: atoms and quoted strings joined by dots; blanks behind it are skipped.
  Result<std::string> local_part() {
    const std::size_t start = pos_;
    std::size_t end = pos_;
    for (;;) {
      if (peek() == '"') {
        for (++pos_; !at_end() && s_[pos_] != '"'; ++pos_)
          if (s_[pos_] == '\\') ++pos_;
        if (at_end()) return fail("unmatched doublequote in local part");
        ++pos_;
      } else {
        while (!at_end() && is_atom_char(s_[pos_])) pos_ += s_[pos_] == '\\' && pos_ + 1 < s_.size() ? 2U : 1U;
      }
      end = pos_;
      if (peek() != '.') break;
      ++pos_;
    }
    if (end == start) return fail(std::string(kMissing));
    skip_blanks();
    return std::string(s_.substr(start, end - start));
  }

  Result<std::string> domain() {
    skip_blanks();
    const std::size_t start = pos_;
    if (peek() == '[') {
      const std::size_t end = s_.find(']', pos_);
      if (end == std::string_view::npos) return fail("malformed domain literal");
      pos_ = end + 1;
      const std::string literal(s_.substr(start, pos_ - start));
      skip_blanks();
      return literal;
    }
    bool high = false;
    while (!at_end() && (is_alnum(s_[pos_]) || s_[pos_] == '-' || s_[pos_] == '.' ||
                         (s_[pos_] == '_' && opt_.allow_underscore) || static_cast<unsigned char>(s_[pos_]) >= 0x80))
      high = static_cast<unsigned char>(s_[pos_++]) >= 0x80 || high;
    std::string_view name = s_.substr(start, pos_ - start);
    if (opt_.strip_trailing_dot && name.size() > 1 && name.ends_with('.')) name.remove_suffix(1);
    if (!(high ? domain_to_ascii(name).has_value() : is_domain_name(name, opt_.allow_underscore)))
      return fail("domain missing or malformed");
    skip_blanks();
    return std::string(name);
  }

  /// From a source route or the local part on; `angle`: inside angle brackets.
  Result<Address> in_route(bool angle) {
    if (peek() == '@') {
      for (;;) {
        if (peek() != '@') return fail("colon expected after route list");
        ++pos_;
        REMEX_CHECK(domain());
        if (peek() == ':') break;
        if (peek() != ',') return fail("no local part");
        ++pos_;
        skip_blanks();
      }
      ++pos_;
      skip_blanks();
    }
    std::string local;
    REMEX_TRY(local, local_part());
    if (peek() == '@') return with_domain(std::move(local), angle);
    if (!angle && at_end()) return unqualified(std::move(local));
    if (!angle || peek() != '>') return fail(fmt::format("\"@\" or \".\" expected after \"{}\"", shown(local)));
    ++pos_;
    return unqualified(std::move(local));
  }

  Result<Address> with_domain(std::string local, bool angle) {
    ++pos_;
    Address a{std::move(local), {}};
    REMEX_TRY(a.domain, domain());
    if (angle) {
      if (at_end()) return fail("'>' missing at end of address");
      if (peek() != '>') return fail(follow_text());
      ++pos_;
    }
    return finish(std::move(a));
  }

  Result<Address> unqualified(std::string local) {
    REMEX_TRY(Address a, finish({std::move(local), {}}));
    if (!opt_.allow_unqualified) return fail(fmt::format("{} address must contain a domain", opt_.role));
    return a;
  }

  Result<Address> finish(Address a) {
    skip_blanks();
    if (!at_end()) return fail(follow_text());
    if (a.domain.starts_with('[')) REMEX_CHECK(check_literal(a.domain));
    if (a.local_part.size() > kMaxLocalPart) return fail("local part too long");
    if (has_control(a.local_part)) return fail("control character in address");
    return a;
  }

  Status check_literal(std::string_view literal) const {
    if (!opt_.allow_domain_literal) return fail("domain literals not allowed");
    const std::string_view inside = literal.substr(1, literal.size() - 2);
    const bool ok = istarts_with(inside, "IPv6:") ? is_ipv6(inside.substr(5)) : is_ip_address(inside);
    return ok ? Status() : fail("malformed domain literal");
  }

  static std::string shown(std::string_view s) { return printable(s.substr(0, kMaxQuotedBack)); }
  std::string follow_text() const {
    return fmt::format("malformed address: {} may not follow {}", shown(s_.substr(pos_)), shown(s_.substr(0, pos_)));
  }

  std::string_view s_;
  const PathOptions& opt_;
  std::size_t pos_ = 0;
};

}  // namespace

Result<Address> parse_mailbox(std::string_view text, const PathOptions& opt) {
  if (text.size() > 32 * 1024) return fail("address too long");
  return MailboxParser(text, opt).parse();
}

}  // namespace remex::mail
