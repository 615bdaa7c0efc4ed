// Regular expressions that take exponential time.
//
// A repeated group whose inside is repeated as well ("(a+)+$") can split the same characters in exponentially many
// ways. Shapes like that are found in the pattern; then text is made that such a pattern chews on, and the pattern is
// really matched against it. Only a pattern that runs into the match limit is reported, so there are no false alarms.
#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/strings.h"
#include "lang/checks.h"
#include "lang/regex.h"

namespace remex::lang {
namespace {

constexpr std::size_t kMaxPattern = 2000;
constexpr int kMaxSuspects = 3;  // groups tried per pattern
constexpr int kMaxDepth = 50;

struct Suspect {
  std::string before;  ///< text that leads to the group
  std::string inside;  ///< characters that the inner repetition takes
  std::string after;   ///< what follows in the pattern: matching gives up early when a needed character is nowhere
};

/// Reads a pattern roughly: enough to make text that it matches and to see repetitions inside repetitions.
class Reader {
 public:
  explicit Reader(std::string_view p) : p_(p) {}

  std::vector<Suspect> suspects() {
    std::string sample;
    std::string repeated;
    alternatives(sample, repeated, 0);
    return std::move(suspects_);
  }

 private:
  bool more() const { return i_ < p_.size(); }

  /// Reads to ")" or the end. `sample` gets text that the first alternative matches; `repeated` a character that an
  /// unbounded repetition inside takes ("" = there is none).
  void alternatives(std::string& sample, std::string& repeated, int depth) {
    std::string first;
    bool have_first = false;
    while (true) {
      std::string branch;
      sequence(branch, repeated, sample, depth);
      if (!have_first) first = branch;
      have_first = true;
      if (!more() || p_[i_] != '|') break;
      ++i_;
    }
    sample += first;
  }

  void sequence(std::string& branch, std::string& repeated, const std::string& before, int depth) {
    while (more() && p_[i_] != '|' && p_[i_] != ')') {
      std::string piece, inner;
      const bool group = p_[i_] == '(';
      if (group && depth < kMaxDepth) {
        ++i_;
        skip_group_start();
        // The place of nested suspects counts from the start of the whole text.
        const std::string saved = std::exchange(prefix_, prefix_ + before + branch);
        alternatives(piece, inner, depth + 1);
        prefix_ = saved;
        if (more()) ++i_;
      } else {
        piece = atom();
      }
      const bool unbounded = quantifier();
      if (unbounded) {
        if (!inner.empty() && suspects_.size() < kMaxSuspects)
          suspects_.push_back({prefix_ + before + branch, inner, literals(p_.substr(i_))});
        if (repeated.empty()) repeated = inner.empty() ? piece : inner;
      } else if (repeated.empty()) {
        repeated = inner;
      }
      if (branch.size() < 200) branch += piece;
    }
  }

  void skip_group_start() {
    if (!more() || p_[i_] != '?') return;
    ++i_;
    if (more() && (p_[i_] == '<' || p_[i_] == 'P' || p_[i_] == '\'')) {
      const std::size_t end = p_.find_first_of(">'=!", i_ + 1);
      i_ = end == std::string_view::npos ? p_.size() : end + 1;
      return;
    }
    while (more() && p_[i_] != ':' && p_[i_] != ')' && p_[i_] != '=' && p_[i_] != '!' && p_[i_] != '>') ++i_;
    if (more() && p_[i_] != ')') ++i_;
  }

  static std::string literals(std::string_view rest) {
    std::string out;
    for (const char c : rest.substr(0, 100))
      if (std::string_view("\\^$()[]{}|?*+").find(c) == std::string_view::npos) out += c;
    return out;
  }

  /// True when the repetition that follows has no upper end (and may be taken back).
  bool quantifier() {
    bool unbounded = false, any = false;
    while (more()) {
      if (p_[i_] == '*' || p_[i_] == '+') {
        if (any && p_[i_] == '+') {  // possessive: nothing is tried again
          ++i_;
          return false;
        }
        unbounded = any = true;
        ++i_;
      } else if (p_[i_] == '?') {
        any = true;
        ++i_;
      } else if (p_[i_] == '{' && i_ + 1 < p_.size() && is_digit(p_[i_ + 1])) {
        const std::size_t end = p_.find('}', i_);
        if (end == std::string_view::npos) return unbounded;
        const std::string_view range = p_.substr(i_ + 1, end - i_ - 1);
        const std::size_t comma = range.find(',');
        const std::string_view upper = comma == std::string_view::npos ? range : range.substr(comma + 1);
        unbounded = unbounded || upper.empty() || parse_uint(upper).value_or(0) > 1;
        any = true;
        i_ = end + 1;
      } else {
        break;
      }
    }
    return unbounded;
  }

  std::string atom() {
    const char c = p_[i_++];
    if (c == '^' || c == '$') return {};
    if (c == '.') return "a";
    if (c == '[') return char_class();
    if (c != '\\' || !more()) return std::string(1, c);
    return escape(p_[i_++]);
  }

  static std::string escape(char c) {
    switch (c) {
      case 'd': return "0";
      case 'w': return "a";
      case 's': return " ";
      case 'D':
      case 'S': return "a";
      case 'W': return "-";
      case 'b':
      case 'B':
      case 'A':
      case 'z':
      case 'Z': return {};
      case 't': return "\t";
      case 'n': return "\n";
      default: return std::string(1, c);
    }
  }

  std::string char_class() {
    const bool negated = more() && p_[i_] == '^';
    if (negated) ++i_;
    const std::size_t begin = i_;
    if (more() && p_[i_] == ']') ++i_;
    std::string first;
    while (more() && p_[i_] != ']') {
      if (p_[i_] == '[' && i_ + 1 < p_.size() && p_[i_ + 1] == ':') {
        const std::size_t end = p_.find(":]", i_);
        if (end == std::string_view::npos) break;
        const std::string_view name = p_.substr(i_ + 2, end - i_ - 2);
        if (first.empty()) first.assign(1, name == "digit" || name == "xdigit" ? '0' : name == "space" ? ' ' : 'a');
        i_ = end + 2;
        continue;
      }
      const bool escaped = p_[i_] == '\\' && i_ + 1 < p_.size();
      if (escaped) ++i_;
      if (first.empty()) first = escaped ? escape(p_[i_]) : std::string(1, p_[i_]);
      ++i_;
    }
    const std::string_view all = p_.substr(begin, std::min(i_, p_.size()) - begin);
    if (more()) ++i_;
    if (!negated) return first.empty() ? "]" : first;
    for (const char c : {'a', '0', ' ', '-', '~'})
      if (all.find(c) == std::string_view::npos &&
          !(is_alnum(c) && all.find(std::string("\\w")) != std::string_view::npos))
        return std::string(1, c);
    return "\x01";
  }

  std::string_view p_;
  std::size_t i_ = 0;
  std::string prefix_;
  std::vector<Suspect> suspects_;
};

}  // namespace

std::optional<std::string> explosive_text(const std::string& pattern) {
  // Two repetitions at least, one of them behind a parenthesis: almost all patterns are done here.
  if (pattern.size() > kMaxPattern ||
      (pattern.find(")*") == std::string::npos && pattern.find(")+") == std::string::npos &&
       pattern.find("){") == std::string::npos))
    return std::nullopt;
  const std::vector<Suspect> suspects = Reader(pattern).suspects();
  if (suspects.empty()) return std::nullopt;
  auto regex = Regex::compile(pattern);
  if (!regex) return std::nullopt;
  for (const Suspect& s : suspects) {
    std::string text = s.before;
    while (text.size() < s.before.size() + 40) text += s.inside;
    for (const std::string& end : {std::string("\x01"), "\x01" + s.after, s.after + "\x01", std::string("!")}) {
      std::string subject = text + end;
      if (!(*regex)->search(subject, nullptr)) return subject;
    }
  }
  return std::nullopt;
}

}  // namespace remex::lang
