// extract and listextract: a field of a string, of JSON or of a list, by name or number.
#include <fmt/format.h>
#include <algorithm>
#include <array>

#include "core/base/strings.h"
#include "lang/branches.h"
#include "lang/compiler.h"
#include "lang/json_fields.h"
#include "lang/list.h"
#include "lang/list_cursor.h"
#include "lang/node.h"
#include "lang/operand.h"
#include "lang/scope.h"

namespace remex::lang {
namespace {

constexpr std::int64_t kDecideLater = 1, kJson = 2, kJsonStrings = 3;  // Node::numbers[0]

Status parse_extract(Parser& p, Node& node) {
  p.skip_blanks();
  if (const std::string_view rest = p.rest(); rest.starts_with("json")) {
    const bool strings = rest.starts_with("jsons");
    const std::string_view behind = rest.substr(strings ? 5 : 4);
    if (!behind.empty() && !is_alnum(behind[0])) {
      p.advance(strings ? 5 : 4);
      for (int i = 1; i <= 2; ++i) REMEX_CHECK(p.required_group(node, fmt::format("arg {} of extract", i)));
      node.numbers.push_back(strings ? kJsonStrings : kJson);
      return p.branches(node, "extract");
    }
  }
  for (int i = 1; i <= 2; ++i) REMEX_CHECK(p.required_group(node, fmt::format("arg {} of extract", i)));
  // A first argument of digits has a separator string, and so one argument more.
  const Node& first = *node.children[0];
  const std::string_view key = first.kind == NodeKind::constant ? trim(first.text) : std::string_view{};
  const bool numeric = !key.empty() &&
                       key.find_first_not_of("0123456789", key[0] == '-' ? 1 : 0) == std::string_view::npos &&
                       key != "-";
  if (first.kind == NodeKind::constant && key.empty()) {
    return p.fail("empty-key", "first argument of \"extract\" must not be empty", first.offset);
  }
  if (numeric) REMEX_CHECK(p.required_group(node, "arg 3 of extract"));
  if (first.kind == NodeKind::constant) return p.branches(node, "extract");
  // The number of strings depends on the value: keep up to three more groups and decide at run time.
  node.numbers.push_back(kDecideLater);
  for (int i = 0; i < 3; ++i) {
    p.skip_blanks();
    if (p.peek() != '{') break;
    REMEX_CHECK(p.group(node));
  }
  p.skip_blanks();
  if (p.rest().starts_with("fail")) {
    p.advance(4);
    node.fail_on_no = true;
  }
  return {};
}

std::optional<std::string_view> nth_field(std::string_view s, std::string_view separators, std::int64_t n) {
  if (n < 0) {
    n += 2 + std::count_if(s.begin(), s.end(), [&](char c) { return separators.find(c) != std::string_view::npos; });
    if (n < 1) return std::nullopt;
  }
  for (std::size_t start = 0;; --n) {
    const std::size_t end = std::min(s.find_first_of(separators, start), s.size());
    if (n == 1) return s.substr(start, end - start);
    if (end >= s.size()) return std::nullopt;
    start = end + 1;
  }
}

// key=value pairs, values bare or in double quotes with backslash escapes (then made in `storage`).
std::optional<std::string_view> keyed_value(std::string_view s, std::string_view key, std::string& storage) {
  std::size_t i = 0;
  while (i < s.size()) {
    while (i < s.size() && is_space(s[i])) ++i;
    std::size_t start = i;
    while (i < s.size() && !is_space(s[i]) && s[i] != '=') ++i;
    const std::string_view name = s.substr(start, i - start);
    const bool wanted = !name.empty() && iequals(name, key);
    while (i < s.size() && is_space(s[i])) ++i;
    if (i < s.size() && s[i] == '=') ++i;
    while (i < s.size() && is_space(s[i])) ++i;
    if (i < s.size() && s[i] == '"') {
      storage.clear();
      for (++i; i < s.size() && s[i] != '"'; ++i) {
        if (s[i] == '\\' && i + 1 < s.size()) ++i;
        if (wanted) storage += s[i];
      }
      if (i < s.size()) ++i;
      if (wanted) return storage;
    } else {
      start = i;
      while (i < s.size() && !is_space(s[i])) ++i;
      if (wanted) return s.substr(start, i - start);
    }
  }
  return std::nullopt;
}

Status eval_json(const Node& node, Scope& scope, Text& out) {
  REMEX_TRY(const Text key, eval_arg(node, 0, scope));
  REMEX_TRY(const Text json, eval_arg(node, 1, scope));
  const std::string_view k = trim(key.view());
  if (k.empty()) return fail("first argument of \"extract\" must not be empty");
  std::optional<std::string_view> found;
  if (const auto n = parse_int(k)) {
    if (*n <= 0) return fail("first argument of \"extract\" must be greater than zero");
    REMEX_TRY(const auto elements, json_elements(json.view()));
    if (static_cast<std::uint64_t>(*n) <= elements.size()) found = elements[static_cast<std::size_t>(*n - 1)];
  } else {
    REMEX_TRY(found, json_member(json.view(), key.view()));
  }
  if (found && node.numbers[0] == kJsonStrings) {
    REMEX_TRY(found, json_unquoted(*found));
  }
  Text value = json.with(std::string(found.value_or(std::string_view{})));
  return eval_branches_taking(node, scope, found.has_value(), found ? &value : nullptr, out);
}

// The key was no constant: how many strings there are is known now.
Status eval_late_branches(const Node& node, Scope& scope, bool numeric, std::optional<std::string_view> found,
                          const Operand& whole, Text& out) {
  const std::size_t yes = numeric ? 3 : 2;
  if (node.children.size() > yes + 2)
    return fail("curly-bracket problem in conditional yes/no parsing: did not close with '}'");
  if (!found && node.fail_on_no) return fail(ErrorKind::forced_fail, "\"extract\" failed and \"fail\" requested");
  if (found && yes >= node.children.size()) return append_piece(out, *found, whole.taint(), whole.quoter());
  const std::size_t branch = found ? yes : yes + 1;
  if (branch >= node.children.size()) return {};
  std::optional<Text> value;
  if (found) value = whole.with(std::string(*found));
  const SavedValue saved(scope);
  if (value)
    scope.value = std::move(value);
  else if (saved.had())
    scope.value = saved.get();
  return eval_into(*node.children[branch], scope, out);
}

Status eval_extract(const Node& node, Scope& scope, Text& out) {
  if (!node.numbers.empty() && node.numbers[0] != kDecideLater) return eval_json(node, scope, out);
  Operand key, second, third;
  REMEX_CHECK(key.take(node, 0, scope));
  const std::string_view k = trim(key.view());
  if (k.empty()) return fail("first argument of \"extract\" must not be empty");
  const auto n = parse_int(k);
  REMEX_CHECK(second.take(node, 1, scope));
  if (n && node.children.size() > 2) REMEX_CHECK(third.take(node, 2, scope));
  std::optional<std::string_view> found;
  std::string unescaped;
  if (!n)
    found = keyed_value(second.view(), k, unescaped);
  else if (*n == 0)
    found = third.view();
  else if (!third.empty())
    found = nth_field(third.view(), second.view(), *n);
  else if (*n == 1 || *n == -1)
    found = std::string_view{};
  const Operand& whole = n ? third : second;
  if (node.numbers.empty()) return eval_branches_of(node, scope, found, whole, out);
  return eval_late_branches(node, scope, n.has_value(), found, whole, out);
}

Status parse_listextract(Parser& p, Node& node) {
  for (int i = 1; i <= 2; ++i) REMEX_CHECK(p.required_group(node, fmt::format("arg {} of listextract", i)));
  return p.branches(node, "listextract");
}

// From 1; negative numbers count from the end. Valid as long as the list and the cursor.
std::optional<std::string_view> list_item(std::string_view list, std::int64_t n, ListCursor& cursor) {
  std::string_view item;
  if (n < 0) {
    std::int64_t size = 0;
    for (ListCursor all(list); all.next(item);) ++size;
    n += size + 1;
  }
  while (n > 0 && cursor.next(item))
    if (--n == 0) return item;
  return std::nullopt;
}

Status eval_listextract(const Node& node, Scope& scope, Text& out) {
  Operand index, list;
  REMEX_CHECK(index.take(node, 0, scope));
  const std::string_view i = trim(index.view());
  const auto n = i == "-" ? std::optional<std::int64_t>(0) : parse_int(i);
  const bool empty = i.empty();
  REMEX_CHECK(list.take(node, 1, scope));
  if (empty) return fail("first argument of \"listextract\" must not be empty");
  if (!n) return fail("first argument of \"listextract\" must be numeric");
  ListCursor cursor(list.view());
  return eval_branches_of(node, scope, list_item(list.view(), *n, cursor), list, out);
}

constexpr Example kExtract[] = {{"${extract{1}{:}{a:b:c}}", "a"},
                                {"${extract{-1}{:}{a:b:c}}", "c"},
                                {"${extract{0}{:}{a:b:c}}", "a:b:c"},
                                {"${extract{Z}{A=1 z=\"a b\" C=3}}", "a b"},
                                {"${extract{7}{:}{a}{$value}fail}", "", "\"extract\" failed and \"fail\" requested"},
                                {"${extract json{a}{\\{\"a\":[1, \"x,y\"]\\}}}", "[1, \"x,y\"]"},
                                {"${extract jsons{2}{[\"a\", \"b\"]}}", "b"},
                                {"${extract json{1}{junk}}", "", "missing '[' wrapping array for extract json"}};
constexpr Example kListextract[] = {{"${listextract{2}{a:b:c}}", "b"},
                                    {"${listextract{5}{a:b:c}{$value}{no}}", "no"},
                                    {"${listextract{x}{a}}", "", "must be numeric"}};

constexpr ItemDef defs[] = {
    {.name = "extract",
     .arguments = "{key}{string}{yes}{no} or {number}{separators}{string}{yes}{no}",
     .summary = "A field by name or number",
     .doc = "Names are caseless.",
     .examples = kExtract,
     .eval = eval_extract,
     .parse = parse_extract},
    {.name = "listextract",
     .arguments = "{number}{list}{yes}{no}",
     .summary = "An item of a list by number",
     .doc = "Negative numbers count from the end.",
     .examples = kListextract,
     .tier = 2,
     .eval = eval_listextract,
     .parse = parse_listextract},
};

}  // namespace
}  // namespace remex::lang

namespace remex::registry::items {
extern const std::span<const ItemDef> extract;
constinit const std::span<const ItemDef> extract{lang::defs};
}  // namespace remex::registry::items
