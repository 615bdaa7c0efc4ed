// Address lists as they stand in headers (RFC 5322 3.4, obsolete forms included): To:, From:, Resent-... and `-t`.
// One forward pass, no recursion: comments nest by a counter, groups do not nest. Encoded words are ordinary phrase
// words. Failure: an Error that names the offending text; addresses before it are not returned.
#include <fmt/format.h>

#include <array>

#include "core/base/strings.h"
#include "core/mail/address.h"
#include "core/mail/plain_address.h"

namespace remex::mail {
namespace {

bool is_special(char c) { return std::string_view("()<>@,;:\\\".[]").find(c) != std::string_view::npos; }
bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }
/// 8-bit octets pass: headers of SMTPUTF8 messages and of careless senders hold them.
bool is_atom_char(char c) { return !is_special(c) && static_cast<unsigned char>(c) > 32 && c != 127; }

constexpr std::size_t kMaxQuotedBack = 128;

class ListParser {
 public:
  ListParser(std::string_view body, bool allow_unqualified) : s_(body), allow_unqualified_(allow_unqualified) {}

  Result<std::vector<HeaderAddress>> parse() {
    std::vector<HeaderAddress> out;
    bool in_group = false;
    for (;;) {
      REMEX_CHECK(skip_cfws());
      if (at_end()) break;
      const char c = s_[pos_];
      if (c == ',') {
        ++pos_;
        continue;
      }
      if (c == ';' && in_group) {
        ++pos_;
        in_group = false;
        REMEX_CHECK(skip_cfws());
        if (!at_end() && s_[pos_] != ',') return fail(follow_text(pos_));
        continue;
      }
      start_ = pos_;
      REMEX_CHECK(words());
      if (!at_end() && s_[pos_] == ':' && !has_at_) {
        if (in_group) return fail("group inside a group");
        in_group = saw_group_ = true;
        ++pos_;
        continue;
      }
      if (out.size() >= kMaxListAddresses) return fail("too many addresses in one header");
      HeaderAddress a;
      REMEX_TRY(a, mailbox());
      REMEX_CHECK(skip_cfws());
      if (!at_end() && s_[pos_] != ',' && !(s_[pos_] == ';' && in_group)) return fail(follow_text(pos_));
      out.push_back(std::move(a));
    }
    if (in_group) return fail("missing ';' at end of group");
    return out;
  }

  bool saw_group() const { return saw_group_; }

 private:
  bool at_end() const { return pos_ >= s_.size(); }

  std::string follow_text(std::size_t at) const {
    return fmt::format("malformed address: {} may not follow {}", printable(s_.substr(at, kMaxQuotedBack)),
                       printable(s_.substr(start_, std::min(at - start_, kMaxQuotedBack))));
  }

  Status skip_cfws() {
    std::size_t depth = 0;
    for (; pos_ < s_.size(); ++pos_) {
      const char c = s_[pos_];
      if (c == '(') {
        ++depth;
      } else if (depth > 0) {
        if (c == ')') --depth;
        if (c == '\\') ++pos_;
      } else if (!is_blank(c)) {
        return {};
      }
    }
    pos_ = std::min(pos_, s_.size());
    if (depth > 0) return fail("missing ')' at end of comment");
    return {};
  }

  /// Reads words up to a delimiter into two forms: `phrase_` (words with one space between, quotes removed) for a
  /// display name, and `spec_` (everything tight, quotes kept) for an addr-spec. `gap_` = two words stood apart, so no
  /// addr-spec.
  Status words() {
    phrase_.clear();
    spec_.clear();
    gap_ = has_at_ = false;
    gap_at_ = pos_;
    bool joined = true;  // the last thing was a dot, an @ or nothing: a word may follow
    for (;;) {
      const std::size_t before = pos_;
      REMEX_CHECK(skip_cfws());
      const bool blank = pos_ > before && !phrase_.empty();
      if (at_end()) return {};
      const char c = s_[pos_];
      if (c == '.' || c == '@') {
        has_at_ = has_at_ || c == '@';
        if (blank && c == '@') phrase_ += ' ';
        phrase_ += c;
        spec_ += c;
        ++pos_;
        joined = true;
        continue;
      }
      if (c != '"' && c != '[' && !is_atom_char(c)) return {};
      if (!joined && !gap_) {
        gap_ = true;
        gap_at_ = pos_;
      }
      if (blank) phrase_ += ' ';
      if (c == '"') {
        REMEX_CHECK(quoted());
      } else if (c == '[') {
        const std::size_t end = s_.find_first_of("]\n", pos_);
        if (end == std::string_view::npos || s_[end] != ']') return fail("malformed domain literal");
        take(end + 1);
      } else {
        std::size_t end = pos_;
        while (end < s_.size() && is_atom_char(s_[end])) ++end;
        take(end);
      }
      joined = false;
    }
  }

  void take(std::size_t end) {
    phrase_.append(s_, pos_, end - pos_);
    spec_.append(s_, pos_, end - pos_);
    pos_ = end;
  }

  Status quoted() {
    const std::size_t start = pos_++;
    for (; pos_ < s_.size(); ++pos_) {
      char c = s_[pos_];
      if (c == '"') {
        ++pos_;
        spec_.append(s_, start, pos_ - start);
        return {};
      }
      if (c == '\\' && pos_ + 1 < s_.size()) c = s_[++pos_];
      if (c != '\n' && c != '\r') phrase_ += c;
    }
    return fail("unmatched doublequote in local part");
  }

  /// After words(): either the words are the addr-spec, or '<' follows.
  Result<HeaderAddress> mailbox() {
    HeaderAddress out;
    if (at_end() || s_[pos_] != '<') {
      if (gap_) return fail(follow_text(gap_at_));
      if (spec_.empty()) {
        return fail(at_end() ? std::string("missing or malformed local part") : follow_text(pos_));
      }
      REMEX_TRY(out.address, addr_spec());
      return out;
    }
    out.display = std::string(trim(phrase_));
    ++pos_;
    REMEX_CHECK(skip_cfws());
    REMEX_CHECK(words());
    while (!at_end() && (s_[pos_] == ',' || s_[pos_] == ':') && spec_.starts_with('@')) {
      ++pos_;  // one hop of a source route, dropped
      REMEX_CHECK(words());
    }
    if (gap_) return fail(follow_text(gap_at_));
    if (at_end()) return fail("'>' missing at end of address");
    if (s_[pos_] != '>') return fail(follow_text(pos_));
    ++pos_;
    REMEX_TRY(out.address, addr_spec());
    return out;
  }

  Result<Address> addr_spec() const {
    Address a = split_address(spec_);
    if (a.local_part.empty()) return fail(a.domain.empty() ? "missing or malformed local part" : "no local part");
    if (a.local_part.size() > kMaxLocalPart) return fail("local part too long");
    if (!is_local(a.local_part)) {
      return fail(
          fmt::format("missing or malformed local part (in \"{}\")", printable(spec_.substr(0, kMaxQuotedBack))));
    }
    const bool has_domain = a.local_part.size() < spec_.size();
    if (!has_domain) {
      if (!allow_unqualified_) return fail("address must contain a domain");
      return a;
    }
    if (!is_domain(a.domain)) {
      return fail(fmt::format("domain missing or malformed (in \"{}\")", printable(spec_.substr(0, kMaxQuotedBack))));
    }
    return a;
  }

  /// The scanner already paired quotes; an unquoted @ or [ left in the local part is what remains to refuse.
  static bool is_local(std::string_view local) {
    bool quoted = false;
    for (std::size_t i = 0; i < local.size(); ++i) {
      const char c = local[i];
      if (static_cast<unsigned char>(c) < 32 && c != '\t') return false;
      if (c == '\\') ++i;
      if (c == '"') quoted = !quoted;
      if (!quoted && (c == '@' || c == '[' || c == ']')) return false;
    }
    return true;
  }

  static bool is_domain(std::string_view d) {
    if (d.starts_with('[')) return d.size() > 2 && d.size() <= kMaxDomain && d.find(']') == d.size() - 1;
    bool high = false;
    for (char c : d) high = high || static_cast<unsigned char>(c) >= 0x80;
    return high ? domain_to_ascii(d).has_value() : is_domain_name(d, true);
  }

  std::string_view s_;
  bool allow_unqualified_;
  std::size_t pos_ = 0;
  std::size_t start_ = 0;  ///< of the present address, for error texts
  std::size_t gap_at_ = 0;
  std::string phrase_, spec_;
  bool gap_ = false, has_at_ = false, saw_group_ = false;
};

}  // namespace

Result<std::vector<HeaderAddress>> parse_address_list(std::string_view body, bool allow_unqualified) {
  return ListParser(body, allow_unqualified).parse();
}

/// Characters of a local part that need no thought.
static constexpr std::array<bool, 256> kPlain = [] {
  std::array<bool, 256> table{};
  for (unsigned c = 0; c < 128; ++c)
    table[c] =
        (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '.' || c == '-' || c == '_';
  return table;
}();

std::size_t plain_address_at(std::string_view text) {
  std::size_t at = 0;
  while (at < text.size() && kPlain[static_cast<unsigned char>(text[at])]) ++at;
  const bool plain =
      at > 0 && at <= kMaxLocalPart && at < text.size() && text[at] == '@' && is_domain_name(text.substr(at + 1), true);
  return plain ? at : std::string_view::npos;
}

std::string extract_address(std::string_view body) {
  if (plain_address_at(body) != std::string_view::npos) return std::string(body);
  ListParser parser(body, true);
  auto list = parser.parse();
  if (!list || list->size() != 1 || parser.saw_group()) return {};
  return list->front().address.str();
}

}  // namespace remex::mail
