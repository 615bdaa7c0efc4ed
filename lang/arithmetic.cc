// A recursive descent over | ^ & << >> + - * / % and unary + - ~, depth bounded.
#include "lang/arithmetic.h"

#include <fmt/format.h>

#include <limits>

#include "core/base/strings.h"

namespace remex::lang {
namespace {

constexpr int kMaxNesting = 100;

struct Machine {
  std::string_view s;
  bool decimal;
  std::size_t pos = 0;
  int depth = 0;

  std::unexpected<Error> error(std::string_view what) const {
    return fail(fmt::format("error in expression evaluation: {} (after processing \"{}\")", what, s.substr(0, pos)));
  }
  void blanks() {
    while (pos < s.size() && is_space(s[pos])) ++pos;
  }
  bool take(std::string_view op) {
    blanks();
    if (!s.substr(pos).starts_with(op)) return false;
    pos += op.size();
    return true;
  }

  Result<std::int64_t> number() {
    int base = 10;
    if (!decimal && s[pos] == '0') {
      base = pos + 1 < s.size() && ascii_lower(s[pos + 1]) == 'x' ? 16 : 8;
      if (base == 16) pos += 2;
    }
    std::int64_t value = 0;
    bool over = false;
    for (; pos < s.size(); ++pos) {
      const char c = ascii_lower(s[pos]);
      const int digit = is_digit(c) ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : 99;
      if (digit >= base) break;
      std::int64_t next = 0;
      over = over || __builtin_mul_overflow(value, std::int64_t{base}, &next) ||
             __builtin_add_overflow(next, std::int64_t{digit}, &next);
      value = next;
    }
    if (over) value = std::numeric_limits<std::int64_t>::max();
    const char unit = pos < s.size() ? ascii_lower(s[pos]) : '\0';
    const std::int64_t factor = unit == 'k' ? 1LL << 10U : unit == 'm' ? 1LL << 20U : unit == 'g' ? 1LL << 30U : 1;
    if (factor != 1) {
      ++pos;
      if (__builtin_mul_overflow(value, factor, &value)) return error("overflow in number");
    }
    return value;
  }

  Result<std::int64_t> unary() {
    if (depth > kMaxNesting) return error("nested too deeply");
    blanks();
    const char c = pos < s.size() ? s[pos] : '\0';
    if (is_digit(c)) return number();
    if (c != '(' && c != '-' && c != '+' && c != '~') return error("expecting number or opening parenthesis");
    ++pos;
    ++depth;
    Result<std::int64_t> v = c == '(' ? expression(0) : unary();
    --depth;
    if (!v) return v;
    if (c == '(' && !take(")")) return error("expecting closing parenthesis");
    if (c == '~') return ~*v;
    if (c == '-') return *v == std::numeric_limits<std::int64_t>::min() ? *v : -*v;
    return v;
  }

  // Levels from loosest to tightest: | ^ & shift sum product. -1: no operator stands here.
  int operator_level(std::string_view& op) {
    blanks();
    if (pos >= s.size()) return -1;
    op = s.substr(pos, 1);
    switch (s[pos]) {
      case '|': return 0;
      case '^': return 1;
      case '&': return 2;
      case '+':
      case '-': return 4;
      case '*':
      case '/':
      case '%': return 5;
      case '<':
      case '>': op = s.substr(pos, 2); return op.size() == 2 && op[0] == op[1] ? 3 : -1;
      default: return -1;
    }
  }

  /// Everything that binds at least as tightly as `level`; operators of one level from left to right.
  Result<std::int64_t> expression(int level) {
    Result<std::int64_t> left = unary();
    std::string_view op;
    for (int found = -1; left && (found = operator_level(op)) >= level;) {
      pos += op.size();
      auto right = expression(found + 1);
      if (!right) return right;
      left = apply(op, *left, *right);
    }
    return left;
  }

  Result<std::int64_t> apply(std::string_view op, std::int64_t a, std::int64_t b) const {
    std::int64_t r = 0;
    switch (op[0]) {
      case '|': return a | b;
      case '^': return a ^ b;
      case '&': return a & b;
      case '<':
        return static_cast<std::int64_t>(static_cast<std::uint64_t>(a) << (static_cast<std::uint64_t>(b) & 63U));
      case '>': return a >> (static_cast<std::uint64_t>(b) & 63U);
      case '+': return __builtin_add_overflow(a, b, &r) ? Result<std::int64_t>(error("overflow in sum")) : r;
      case '-': return __builtin_sub_overflow(a, b, &r) ? Result<std::int64_t>(error("overflow in difference")) : r;
      case '*': return __builtin_mul_overflow(a, b, &r) ? Result<std::int64_t>(error("overflow in multiplication")) : r;
      default: break;
    }
    if (b == 0) return error(op == "/" ? "divide by zero" : "modulo by zero");
    if (b == -1)
      return op == "/" ? (a == std::numeric_limits<std::int64_t>::min() ? std::numeric_limits<std::int64_t>::max() : -a)
                       : 0;
    return op == "/" ? a / b : a % b;
  }
};

}  // namespace

Result<std::int64_t> evaluate_arithmetic(std::string_view text, bool decimal) {
  Machine m{text, decimal};
  REMEX_TRY(const std::int64_t value, m.expression(0));
  m.blanks();
  if (m.pos < text.size()) return m.error("expecting operator");
  return value;
}

}  // namespace remex::lang
