// Case, length and substring operators, and their numbers.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <iterator>

#include "core/base/strings.h"
#include "lang/node.h"
#include "lang/substring.h"

namespace remex::lang {
namespace {

Status lc(Scope&, const Node&, std::string& out, std::size_t from) {
  const auto begin = out.begin() + static_cast<std::ptrdiff_t>(from);
  std::transform(begin, out.end(), begin, ascii_lower);
  return {};
}

Status uc(Scope&, const Node&, std::string& out, std::size_t from) {
  const auto begin = out.begin() + static_cast<std::ptrdiff_t>(from);
  std::transform(begin, out.end(), begin, ascii_upper);
  return {};
}

Status strlen_(Scope&, const Node&, std::string& out, std::size_t from) {
  char digits[24];
  const auto end = std::to_chars(std::begin(digits), std::end(digits), out.size() - from).ptr;
  out.replace(from, std::string::npos, digits, static_cast<std::size_t>(end - digits));
  return {};
}

std::optional<std::string_view> beginning(const Node& node, std::string_view s) {
  return s.substr(0, static_cast<std::size_t>(node.numbers[0]));
}
Status length(Scope&, const Node& node, std::string& out, std::size_t from) {
  const auto n = static_cast<std::uint64_t>(node.numbers[0]);
  if (n < out.size() - from) out.resize(from + n);
  return {};
}

std::optional<std::string_view> part(const Node& node, std::string_view s) {
  return substring(s, node.numbers[0], node.numbers.size() > 1 ? node.numbers[1] : -1);
}
Status substr(Scope&, const Node& node, std::string& out, std::size_t from) {
  const std::string_view kept = *part(node, std::string_view(out).substr(from));
  const std::size_t size = kept.size();
  if (size > 0) out.erase(from, static_cast<std::size_t>(kept.data() - out.data()) - from);
  out.resize(from + size);
  return {};
}

constexpr Example kLc[] = {{"${lc:ABC}", "abc"}, {"${LC:abc}", "", "unknown expansion operator \"LC\""}};
constexpr Example kUc[] = {{"${uc:abc}", "ABC"}};
constexpr Example kStrlen[] = {{"${strlen:abc}", "3"}, {"${strlen:}", "0"}};
constexpr Example kLength[] = {{"${length_2:abc}", "ab"},
                               {"${l_2:abc}", "ab"},
                               {"${length_0:abc}", ""},
                               {"${length_x:abc}", "", "non-digit after underscore in \"length_x\""}};
constexpr Example kSubstr[] = {{"${substr_1_2:abcdef}", "bc"},
                               {"${substr_-2:abc}", "a"},
                               {"${substr_-2_1:abc}", "b"},
                               {"${s_1:abc}", "bc"},
                               {"${substr_x:a}", "", "non-digit after underscore"}};

constexpr Example kUcExamples[] = {{"${uc:abc}", "ABC"}, {"${uc:a-Z}", "A-Z"}};
constexpr Example kLExamples[] = {{"${l_2:abc}", "ab"}, {"${l:abc}", "", "missing values after l"}};
constexpr Example kSExamples[] = {
    {"${s_1_1:abc}", "b"}, {"${s_-1:abc}", "ab"}, {"${s:abc}", "", "missing values after s"}};
constexpr OperatorDef defs[] = {
    {.name = "lc", .summary = "Lower case", .doc = "ASCII letters only.", .examples = kLc, .in_place = lc},
    {.name = "uc",
     .summary = "Upper case",
     .doc = "ASCII letters only.",
     .examples = kUcExamples,
     .cannot_fail = "all bytes are taken",
     .tier = 2,
     .in_place = uc},
    {.name = "strlen",
     .summary = "Length in bytes",
     .doc = "Decimal.",
     .examples = kStrlen,
     .cannot_fail = "all bytes are counted",
     .in_place = strlen_},
    {.name = "length",
     .summary = "The first n bytes",
     .doc = "${length_n:string}",
     .examples = kLength,
     .in_place = length,
     .part = beginning,
     .min_args = 1,
     .max_args = 1},
    {.name = "l",
     .summary = "Short for length",
     .doc = "${l_n:string}",
     .examples = kLExamples,
     .in_place = length,
     .part = beginning,
     .min_args = 1,
     .max_args = 1},
    {.name = "substr",
     .summary = "A part of the string",
     .doc = "${substr_start_length:string}; a negative start counts from the end; without length to the end (negative "
            "start: from the beginning up to it).",
     .examples = kSubstr,
     .in_place = substr,
     .part = part,
     .min_args = 1,
     .max_args = 2,
     .negative_first = true},
    {.name = "s",
     .summary = "Short for substr",
     .doc = "${s_start_length:string}",
     .examples = kSExamples,
     .in_place = substr,
     .part = part,
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
