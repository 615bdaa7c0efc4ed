// Comparisons: eq, lt ... on strings (C locale, the i forms caseless) and =, <, ... on integers.
#include "core/base/strings.h"
#include "lang/node.h"
#include "lang/operand.h"
#include "lang/scope.h"

namespace remex::lang {
namespace {

enum class Op { eq, ne, lt, le, gt, ge };

bool holds(Op op, int order) {
  switch (op) {
    case Op::eq: return order == 0;
    case Op::ne: return order != 0;
    case Op::lt: return order < 0;
    case Op::le: return order <= 0;
    case Op::gt: return order > 0;
    case Op::ge: return order >= 0;
  }
  return false;
}

int compare_caseless(std::string_view a, std::string_view b) {
  for (std::size_t i = 0; i < a.size() && i < b.size(); ++i) {
    const auto x = static_cast<unsigned char>(ascii_lower(a[i])), y = static_cast<unsigned char>(ascii_lower(b[i]));
    if (x != y) return x < y ? -1 : 1;
  }
  return a.size() < b.size() ? -1 : a.size() > b.size() ? 1 : 0;
}

template <Op op, bool caseless>
Result<bool> strings(const Node& node, Scope& scope) {
  Operand first, second;
  REMEX_CHECK(first.take(node, 0, scope));
  REMEX_CHECK(second.take(node, 1, scope));
  const std::string_view a = first.view(), b = second.view();
  if constexpr (op == Op::eq && !caseless) return a == b;
  if constexpr (op == Op::eq && caseless) return iequals(a, b);
  if constexpr (caseless) return holds(op, compare_caseless(a, b));
  return holds(op, a.compare(b));
}

template <Op op>
Result<bool> numbers(const Node& node, Scope& scope) {
  Operand first, second;
  REMEX_CHECK(first.take(node, 0, scope));
  REMEX_CHECK(second.take(node, 1, scope));
  REMEX_TRY(const std::int64_t x, parse_expansion_integer(first.view()));
  REMEX_TRY(const std::int64_t y, parse_expansion_integer(second.view()));
  return holds(op, x < y ? -1 : x > y ? 1 : 0);
}

constexpr Example kEq[] = {{"${if eq{a}{a}{y}{n}}", "y"},
                           {"${if eq{a}{A}{y}{n}}", "n"},
                           {"${if eq{a}}", "", "missing 2nd string in {} after \"eq\""}};
constexpr Example kEqi[] = {{"${if eqi{a}{A}{y}{n}}", "y"},
                            {"${if eqi{a}{b}{y}{n}}", "n"},
                            {"${if eqi{a}}", "", "missing 2nd string in {} after \"eqi\""}};
constexpr Example kLt[] = {{"${if lt{a}{b}{y}{n}}", "y"},
                           {"${if lt{b}{a}{y}{n}}", "n"},
                           {"${if lt{a}}", "", "missing 2nd string in {} after \"lt\""}};
constexpr Example kLti[] = {{"${if lti{a}{B}{y}{n}}", "y"},
                            {"${if lti{B}{a}{y}{n}}", "n"},
                            {"${if lti{a}}", "", "missing 2nd string in {} after \"lti\""}};
constexpr Example kLe[] = {{"${if le{a}{b}{y}{n}}", "y"},
                           {"${if le{b}{a}{y}{n}}", "n"},
                           {"${if le{a}}", "", "missing 2nd string in {} after \"le\""}};
constexpr Example kLei[] = {{"${if lei{a}{B}{y}{n}}", "y"},
                            {"${if lei{B}{a}{y}{n}}", "n"},
                            {"${if lei{a}}", "", "missing 2nd string in {} after \"lei\""}};
constexpr Example kGt[] = {{"${if gt{a}{b}{y}{n}}", "n"},
                           {"${if gt{b}{a}{y}{n}}", "y"},
                           {"${if gt{a}}", "", "missing 2nd string in {} after \"gt\""}};
constexpr Example kGti[] = {{"${if gti{a}{B}{y}{n}}", "n"},
                            {"${if gti{B}{a}{y}{n}}", "y"},
                            {"${if gti{a}}", "", "missing 2nd string in {} after \"gti\""}};
constexpr Example kGe[] = {{"${if ge{a}{b}{y}{n}}", "n"},
                           {"${if ge{b}{a}{y}{n}}", "y"},
                           {"${if ge{a}}", "", "missing 2nd string in {} after \"ge\""}};
constexpr Example kGei[] = {{"${if gei{a}{B}{y}{n}}", "n"},
                            {"${if gei{B}{a}{y}{n}}", "y"},
                            {"${if gei{a}}", "", "missing 2nd string in {} after \"gei\""}};
constexpr Example kNumberEq[] = {{"${if = {1K}{1024}{y}{n}}", "y"},
                                 {"${if = {10}{010}{y}{n}}", "y"},
                                 {"${if ={1}{-1}{y}{n}}", "n"},
                                 {"${if = {a}{1}{y}{n}}", "", "integer expected but \"a\" found"}};
constexpr Example kNumberEqual[] = {{"${if =={}{0}{y}{n}}", "y"},
                                    {"${if =={2}{3}{y}{n}}", "n"},
                                    {"${if =={1x}{0}{y}{n}}", "", "invalid integer \"1x\""}};
constexpr Example kNumberLt[] = {{"${if <{}{1}{y}{n}}", "y"},
                                 {"${if <{1}{1}{y}{n}}", "n"},
                                 {"${if <{1}{1.5}{y}{n}}", "", "invalid integer \"1.5\""}};
constexpr Example kNumberLe[] = {{"${if <={1}{1}{y}{n}}", "y"},
                                 {"${if <={10}{9}{y}{n}}", "n"},
                                 {"${if <={1}}", "", "missing 2nd string in {} after \"<=\""}};
constexpr Example kNumberGt[] = {{"${if >{10}{9}{y}{n}}", "y"},
                                 {"${if >{-10}{-9}{y}{n}}", "n"},
                                 {"${if >{a}{1}{y}{n}}", "", "integer expected but \"a\" found"}};
constexpr Example kNumberGe[] = {{"${if >={1M}{1048576}{y}{n}}", "y"},
                                 {"${if >={9}{10}{y}{n}}", "n"},
                                 {"${if >={9G}{x}{y}{n}}", "", "integer expected but \"x\" found"}};

template <Op op, bool caseless>
constexpr ConditionDef text(std::string_view name, std::string_view summary, std::span<const Example> examples = {}) {
  return {.name = name,
          .arguments = "{a}{b}",
          .summary = summary,
          .doc = "Bytes are compared, without regard to a locale.",
          .examples = examples,
          .test = strings<op, caseless>,
          .args = 2};
}

template <Op op>
constexpr ConditionDef number(std::string_view name, std::string_view summary, std::span<const Example> examples) {
  return {.name = name,
          .arguments = "{n1}{n2}",
          .summary = summary,
          .doc = "Integers with K, M, G behind them; an empty string is 0; anything else fails the expansion.",
          .examples = examples,
          .test = numbers<op>,
          .args = 2};
}

constexpr ConditionDef defs[] = {
    text<Op::eq, false>("eq", "Strings are equal", kEq),
    text<Op::eq, true>("eqi", "Strings are equal, caseless", kEqi),
    text<Op::lt, false>("lt", "First string sorts before the second", kLt),
    text<Op::lt, true>("lti", "First string sorts before the second, caseless", kLti),
    text<Op::le, false>("le", "First string does not sort behind the second", kLe),
    text<Op::le, true>("lei", "First string does not sort behind the second, caseless", kLei),
    text<Op::gt, false>("gt", "First string sorts behind the second", kGt),
    text<Op::gt, true>("gti", "First string sorts behind the second, caseless", kGti),
    text<Op::ge, false>("ge", "First string does not sort before the second", kGe),
    text<Op::ge, true>("gei", "First string does not sort before the second, caseless", kGei),
    number<Op::eq>("=", "Numbers are equal", kNumberEq),
    number<Op::eq>("==", "Numbers are equal", kNumberEqual),
    number<Op::lt>("<", "First number is less", kNumberLt),
    number<Op::le>("<=", "First number is not greater", kNumberLe),
    number<Op::gt>(">", "First number is greater", kNumberGt),
    number<Op::ge>(">=", "First number is not less", kNumberGe),
};

}  // namespace
}  // namespace remex::lang

namespace remex::registry::conditions {
extern const std::span<const ConditionDef> compare;
constinit const std::span<const ConditionDef> compare{lang::defs};
}  // namespace remex::registry::conditions
