// Case, length and substring operators, and their numbers.
#include <fmt/format.h>

#include "core/base/strings.h"
#include "lang/node.h"
#include "lang/substring.h"

namespace remex::lang {
namespace {

Result<std::string> lc(Scope&, const Node&, std::string s) {
  for (char& c : s) c = ascii_lower(c);
  return s;
}

Result<std::string> uc(Scope&, const Node&, std::string s) {
  for (char& c : s) c = ascii_upper(c);
  return s;
}

Result<std::string> strlen_(Scope&, const Node&, std::string s) { return std::to_string(s.size()); }

Result<std::string> length(Scope&, const Node& node, std::string s) {
  const auto n = static_cast<std::uint64_t>(node.numbers[0]);
  if (n < s.size()) s.resize(n);
  return s;
}

Result<std::string> substr(Scope&, const Node& node, std::string s) {
  const std::int64_t n = node.numbers.size() > 1 ? node.numbers[1] : -1;
  return std::string(substring(s, node.numbers[0], n));
}

constexpr Example kLc[] = {{"${lc:ABC}", "abc"}, {"${LC:abc}", "", "unknown expansion operator \"LC\""}};
constexpr Example kUc[] = {{"${uc:abc}", "ABC"}};
constexpr Example kStrlen[] = {{"${strlen:abc}", "3"}, {"${strlen:}", "0"}};
constexpr Example kLength[] = {{"${length_2:abc}", "ab"},
                               {"${l_2:abc}", "ab"},
                               {"${length_0:abc}", ""},
                               {"${length_x:abc}", "", "non-digit after underscore in \"length_x\""}};
constexpr Example kSubstr[] = {
    {"${substr_1_2:abcdef}", "bc"}, {"${substr_-2:abc}", "a"}, {"${substr_-2_1:abc}", "b"}, {"${s_1:abc}", "bc"}};

constexpr Example kUcExamples[] = {{"${uc:abc}", "ABC"}, {"${uc:a-Z}", "A-Z"}};
constexpr Example kLExamples[] = {{"${l_2:abc}", "ab"}, {"${l:abc}", "", "missing values after l"}};
constexpr Example kSExamples[] = {
    {"${s_1_1:abc}", "b"}, {"${s_-1:abc}", "ab"}, {"${s:abc}", "", "missing values after s"}};
constexpr OperatorDef defs[] = {
    {.name = "lc", .summary = "Lower case", .doc = "ASCII letters only.", .examples = kLc, .apply = lc},
    {.name = "uc",
     .summary = "Upper case",
     .doc = "ASCII letters only.",
     .examples = kUcExamples,
     .tier = 2,
     .apply = uc},
    {.name = "strlen", .summary = "Length in bytes", .doc = "Decimal.", .examples = kStrlen, .apply = strlen_},
    {.name = "length",
     .summary = "The first n bytes",
     .doc = "${length_n:string}",
     .examples = kLength,
     .apply = length,
     .min_args = 1,
     .max_args = 1},
    {.name = "l",
     .summary = "Short for length",
     .doc = "${l_n:string}",
     .examples = kLExamples,
     .apply = length,
     .min_args = 1,
     .max_args = 1},
    {.name = "substr",
     .summary = "A part of the string",
     .doc = "${substr_start_length:string}; a negative start counts from the end; without length to the end (negative "
            "start: from the beginning up to it).",
     .examples = kSubstr,
     .apply = substr,
     .min_args = 1,
     .max_args = 2,
     .negative_first = true},
    {.name = "s",
     .summary = "Short for substr",
     .doc = "${s_start_length:string}",
     .examples = kSExamples,
     .apply = substr,
     .min_args = 1,
     .max_args = 2,
     .negative_first = true},
};

}  // namespace
}  // namespace remex::lang

namespace remex::registry::operators {
extern const std::span<const OperatorDef> text;
constinit const std::span<const OperatorDef> text{lang::defs};
}  // namespace remex::registry::operators
