// Numbers: eval, base32, base62, randint, time intervals; and hash and nhash, which make short names and numbers of
// strings. Pure but for randint. What is not the number its operator wants fails with Exim's text.
#include <fmt/format.h>

#include <charconv>
#include <iterator>
#include <random>

#include "core/base/clock.h"
#include "core/base/ids.h"
#include "core/base/strings.h"
#include "lang/arithmetic.h"
#include "lang/node.h"
#include "lang/substring.h"

namespace remex::lang {
namespace {

constexpr std::string_view kBase32 = "abcdefghijklmnopqrstuvwxyz234567";
constexpr std::string_view kBase62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
constexpr std::uint64_t kSixDigits = 56800235584;  // 62^6

template <bool decimal>
Status eval(Scope&, const Node&, std::string& out, std::size_t from) {
  REMEX_TRY(const std::int64_t n, evaluate_arithmetic(std::string_view(out).substr(from), decimal));
  char digits[24];
  const auto end = std::to_chars(std::begin(digits), std::end(digits), n).ptr;
  out.replace(from, std::string::npos, digits, static_cast<std::size_t>(end - digits));
  return {};
}

// Decimal as strtoull reads it: a sign wraps, and too much is the largest number.
bool read_decimal(std::string_view s, std::uint64_t& value) {
  if (!s.empty() && trim_left(s).empty()) return false;
  s = trim_left(s);
  const bool negative = s.starts_with('-');
  if (negative) s.remove_prefix(1);
  value = 0;
  for (const char c : s) {
    if (!is_digit(c)) return false;
    if (__builtin_mul_overflow(value, 10U, &value) ||
        __builtin_add_overflow(value, static_cast<unsigned>(c - '0'), &value)) {
      value = ~0ULL;
      return s.find_first_not_of("0123456789") == std::string_view::npos;
    }
  }
  if (negative) value = 0 - value;
  return !(negative && s.empty());
}

Result<std::string> base62(Scope&, const Node&, std::string s) {
  std::uint64_t n = 0;
  if (!read_decimal(s, n))
    return fail(fmt::format("argument for base62 operator is \"{}\", which is not a decimal number", s));
  return remex::base62(n % kSixDigits, 6);
}

Result<std::string> base32(Scope&, const Node&, std::string s) {
  std::uint64_t n = 0;
  if (!read_decimal(s, n))
    return fail(fmt::format("argument for base32 operator is \"{}\", which is not a decimal number", s));
  std::string out;
  for (; n != 0; n /= 32) out.insert(out.begin(), kBase32[n % 32]);
  return out;
}

Result<std::string> from_base(const std::string& s, std::string_view digits, unsigned base) {
  std::uint64_t n = 0;
  for (const char c : s) {
    const std::size_t digit = digits.find(c);
    if (digit == std::string_view::npos) {
      return fail(fmt::format("argument for base{0}d operator is \"{1}\", which is not a base {0} number", base, s));
    }
    n = n * base + digit;  // wraps, as Exim's does
  }
  return std::to_string(static_cast<std::int64_t>(n));
}
Result<std::string> base62d(Scope&, const Node&, std::string s) { return from_base(s, kBase62, 62); }
Result<std::string> base32d(Scope&, const Node&, std::string s) { return from_base(s, kBase32, 32); }

Status hash(Scope&, const Node& node, std::string& out, std::size_t from) {
  const std::int64_t symbols = node.numbers.size() > 1 ? node.numbers[1] : 26;
  if (symbols > 62) return fail(fmt::format("hash count \"{}\" too big", symbols));
  text_hash(out, from, node.numbers[0], symbols);
  return {};
}

Status nhash(Scope&, const Node& node, std::string& out, std::size_t from) {
  const std::int64_t n = node.numbers[0], m = node.numbers.size() > 1 ? node.numbers[1] : -1;
  if (n == 0 || m == 0) return fail("nhash count is zero");
  out.replace(from, std::string::npos, numeric_hash(std::string_view(out).substr(from), n, m));
  return {};
}

Result<std::string> randint(Scope&, const Node&, std::string s) {
  REMEX_TRY(const std::int64_t n, parse_expansion_integer(s));
  thread_local std::mt19937_64 generator{std::random_device{}()};
  return std::to_string(n <= 0 ? 0 : static_cast<std::int64_t>(generator() % static_cast<std::uint64_t>(n)));
}

Result<std::string> time_eval(Scope&, const Node&, std::string s) {
  std::int64_t seconds = 0;
  if (!s.empty() && !is_digit(s.back()) && parse_interval(s, seconds)) return std::to_string(seconds);
  return fail(fmt::format("string \"{}\" is not an Exim time interval in \"time_eval\" operator", s));
}

Result<std::string> time_interval(Scope&, const Node&, std::string s) {
  const auto n = s.empty() ? std::optional<std::int64_t>(0) : parse_int(s);
  if (!n || *n < 0) return fail(fmt::format("string \"{}\" is not a positive number in \"time_interval\" operator", s));
  return format_interval(*n);
}

constexpr Example kEval[] = {{"${eval:1+2*3}", "7"},
                             {"${eval:0x10+010+1k}", "1048"},
                             {"${eval:1/0}", "", "divide by zero (after processing \"1/0\")"}};
constexpr Example kTime[] = {{"${time_eval:1d}", "86400"},
                             {"${time_interval:93784}", "1d2h3m4s"},
                             {"${time_eval:5x}", "", "is not an Exim time interval"},
                             {"${time_interval:soon}", "", "is not a positive number"}};
constexpr Example kBase62s[] = {{"${base62:4294967296}", "4gfFC4"},
                                {"${base62d:0000ab}", "2269"},
                                {"${base62:x}", "", "which is not a decimal number"}};
constexpr Example kBase32s[] = {
    {"${base32:1234567}", "bfvuh"}, {"${base32d:bc}", "34"}, {"${base32d:1}", "", "which is not a base 32 number"}};
constexpr Example kHash[] = {{"${hash_3:abcdefgh}", "jac"},
                             {"${hash_3_5:abcdefgh}", "bba"},
                             {"${h_3:ab}", "ab"},
                             {"${hash_5_70:abcdefgh}", "", "hash count \"70\" too big"}};
constexpr Example kNhash[] = {
    {"${nhash_8:abc}", "4"}, {"${nhash_8_64:abc}", "7/44"}, {"${nhash_0:abc}", "", "nhash count is zero"}};

constexpr Example kEval10Examples[] = {
    {"${eval10:010+1}", "11"},
    {"${eval10:1+}", "",
     "error in expression evaluation: expecting number or opening parenthesis (after processing \"1+\")"}};
constexpr Example kRandintExamples[] = {{"${randint:1}", "0"},
                                        {"${randint:x}", "", "integer expected but \"x\" found"}};
constexpr OperatorDef defs[] = {
    {.name = "eval",
     .summary = "Integer arithmetic",
     .doc = "Octal, hexadecimal, K, M, G; 64 bits.",
     .examples = kEval,
     .in_place = eval<false>},
    {.name = "eval10",
     .summary = "Integer arithmetic, decimal only",
     .doc = "As eval.",
     .examples = kEval10Examples,
     .tier = 2,
     .in_place = eval<true>},
    {.name = "base62",
     .summary = "Decimal to base 62",
     .doc = "The last six digits.",
     .examples = kBase62s,
     .tier = 2,
     .apply = base62},
    {.name = "base62d",
     .summary = "Base 62 to decimal",
     .doc = "64 bits, signed.",
     .examples = kBase62s,
     .tier = 3,
     .apply = base62d},
    {.name = "base32",
     .summary = "Decimal to base 32",
     .doc = "Digits a to z, 2 to 7; zero is empty.",
     .examples = kBase32s,
     .tier = 4,
     .apply = base32},
    {.name = "base32d",
     .summary = "Base 32 to decimal",
     .doc = "64 bits, signed.",
     .examples = kBase32s,
     .tier = 4,
     .apply = base32d},
    {.name = "hash",
     .summary = "Textual hash",
     .doc = "${hash_length_symbols:string}; 26 symbols when not given.",
     .examples = kHash,
     .tier = 3,
     .in_place = hash,
     .min_args = 1,
     .max_args = 2},
    {.name = "h",
     .summary = "Short for hash",
     .doc = "${h_length_symbols:string}",
     .examples = kHash,
     .tier = 3,
     .in_place = hash,
     .min_args = 1,
     .max_args = 2},
    {.name = "nhash",
     .summary = "Numeric hash",
     .doc = "${nhash_n:string} is below n; ${nhash_n_m:string} is a pair.",
     .examples = kNhash,
     .tier = 2,
     .in_place = nhash,
     .min_args = 1,
     .max_args = 2},
    {.name = "randint",
     .summary = "Random integer below n",
     .doc = "Not for secrets.",
     .cost = Cost::reads,
     .examples = kRandintExamples,
     .tier = 3,
     .apply = randint},
    {.name = "time_eval",
     .summary = "Time interval to seconds",
     .doc = "1w2d3h4m5s",
     .examples = kTime,
     .tier = 3,
     .apply = time_eval},
    {.name = "time_interval",
     .summary = "Seconds to time interval",
     .doc = "1w2d3h4m5s",
     .examples = kTime,
     .tier = 3,
     .apply = time_interval},
};

}  // namespace
}  // namespace remex::lang

namespace remex::registry::operators {
extern const std::span<const OperatorDef> numbers;
constinit const std::span<const OperatorDef> numbers{lang::defs};
}  // namespace remex::registry::operators
