// Text: a string with its taint. Every value of the configuration language is a Text.
//
// Taint is contagious: appending a tainted fragment taints the whole. `quoted_for` remembers that a
// tainted value went through ${quote_<type>:} so that a query lookup of that type accepts it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace remex {

/// clean: configuration or data matched against trusted data. tainted: came from a peer or a message.
enum class Taint : std::uint8_t { clean, tainted };

/// Index of a lookup type whose quoting operator produced the value; 0 = none. Assigned by the lookup registry.
using QuoterId = std::uint8_t;
/// Bit set in a QuoterId when a part went through the plain ${quote:}, which only LDAP passwords may use in a query.
inline constexpr QuoterId kQuotedPlainly = 0x80;

class Text {
 public:
  Text() = default;
  explicit Text(std::string s, Taint t = Taint::clean, QuoterId q = 0) : s_(std::move(s)), taint_(t), quoter_(q) {}
  static Text clean(std::string_view s) { return Text(std::string(s)); }
  static Text tainted(std::string_view s) { return Text(std::string(s), Taint::tainted); }

  const std::string& str() const& { return s_; }
  std::string str() && { return std::move(s_); }
  std::string_view view() const { return s_; }
  const char* c_str() const { return s_.c_str(); }
  bool empty() const { return s_.empty(); }
  std::size_t size() const { return s_.size(); }

  Taint taint() const { return taint_; }
  bool is_tainted() const { return taint_ == Taint::tainted; }
  QuoterId quoter() const { return quoter_; }
  void set_taint(Taint t) { taint_ = t; }
  void set_quoter(QuoterId q) { quoter_ = q; }

  /// Taint joins; a tainted part quoted for another lookup type (or not at all) clears the quoter.
  void append(const Text& t) {
    if (t.is_tainted()) {
      quoter_ = is_tainted() ? join_quoters(quoter_, t.quoter_) : t.quoter_;
      taint_ = Taint::tainted;
    }
    s_ += t.s_;
  }
  void append(std::string_view clean) { s_ += clean; }
  std::string& mutable_str() { return s_; }
  /// Same taint and quoter, other bytes.
  Text with(std::string s) const { return Text(std::move(s), taint_, quoter_); }

  friend bool operator==(const Text& a, std::string_view b) { return a.s_ == b; }

 private:
  static QuoterId join_quoters(QuoterId a, QuoterId b) {
    if (a == b) return a;
    if (a == 0 || b == 0) return 0;
    const auto type_a = static_cast<QuoterId>(a & ~kQuotedPlainly);
    const auto type_b = static_cast<QuoterId>(b & ~kQuotedPlainly);
    if (type_a != 0 && type_b != 0 && type_a != type_b) return 0;
    return static_cast<QuoterId>(a | b);
  }

  std::string s_;
  Taint taint_ = Taint::clean;
  QuoterId quoter_ = 0;
};

inline Taint operator|(Taint a, Taint b) { return a == Taint::tainted ? a : b; }

}  // namespace remex
