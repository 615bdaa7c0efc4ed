// map, filter, reduce, sort and listquote: lists as a whole.
#include <fmt/format.h>
#include <algorithm>
#include <array>

#include "core/base/strings.h"
#include "lang/compiler.h"
#include "lang/expand.h"
#include "lang/list.h"
#include "lang/list_cursor.h"
#include "lang/node.h"
#include "lang/operand.h"
#include "lang/scope.h"

namespace remex::lang {
namespace {

Status parse_map(Parser& p, Node& node) {
  REMEX_CHECK(p.required_group(node, fmt::format("first arg of {}", node.text)));
  if (node.text == "reduce") REMEX_CHECK(p.required_group(node, "second arg of reduce"));
  if (node.text != "filter") return p.required_group(node, fmt::format("last arg of {}", node.text));
  if (!p.take('{')) return p.fail("missing-brace", "missing '{' for last arg of filter", p.position());
  auto c = p.condition();
  if (!c) {
    Error e = std::move(c).error();
    if (e.text.starts_with("unknown condition")) e.text += " inside \"filter\" item";
    return std::unexpected(std::move(e));
  }
  if (!p.take('}')) return p.fail("missing-brace", "missing } at end of condition inside \"filter\"", p.position());
  node.children.push_back(std::move(*c));
  return {};
}

/// Results of smaller lists grow as they need.
constexpr std::size_t kReserveFrom = 4096;

char list_separator(std::string_view list) {
  const std::string_view t = trim_left(list);
  return t.size() > 1 && t[0] == '<' && !is_space(t[1]) && !is_alnum(t[1]) ? t[1] : ':';
}

struct ItemScope {
  explicit ItemScope(Scope& s) : scope(s), saved(std::move(s.item)) { reassign(scope.item, {}); }
  ~ItemScope() { scope.item = std::move(saved); }
  ItemScope(const ItemScope&) = delete;
  ItemScope& operator=(const ItemScope&) = delete;
  Scope& scope;
  Text saved;
};

/// `result` has an item from `from` on: separators in it are doubled, and it is kept apart from what stands before.
Status finish_item(Text& result, std::size_t from, char separator, bool first) {
  std::string& s = result.mutable_str();
  // An empty item, or one that begins with the separator, would read as a doubled one; a blank keeps them apart.
  if (!first && (from == s.size() || s[from] == separator)) s.insert(from++, 1, ' ');
  if (std::string_view(s).find(separator, from) != std::string_view::npos) {
    const std::string doubled =
        replace_all(std::string_view(s).substr(from), std::string(1, separator), std::string(2, separator));
    s.replace(from, std::string::npos, doubled);
  }
  return s.size() > kMaxExpanded ? fail("expansion result is too long") : Status{};
}

Status add_item(Text& result, const Text& item, char separator, bool first) {
  if (!first) result.mutable_str() += separator;
  const std::size_t from = result.size();
  result.append(item);
  return finish_item(result, from, separator, first);
}

Status eval_map(const Node& node, Scope& scope, Text& out) {
  REMEX_TRY(const Text list, eval_arg(node, 0, scope));
  const ItemScope items(scope);
  const SavedCaptures captures(scope);
  Text result;
  const Node& each = *node.children[1];
  const bool filter = each.kind == NodeKind::condition;
  if (list.size() > kReserveFrom) result.mutable_str().reserve(list.size());
  const char separator = list_separator(list.view());
  bool first = true;
  ListCursor cursor(list.view());
  for (std::string_view item; cursor.next(item);) {
    reassign(scope.item, item, list.taint(), list.quoter());
    if (filter) {
      REMEX_TRY(const bool keep, eval_condition(each, scope));
      if (!keep) continue;
      REMEX_CHECK(add_item(result, scope.item, separator, first));
    } else {
      if (!first) result.mutable_str() += separator;
      const std::size_t from = result.size();
      REMEX_CHECK(eval_into(each, scope, result));
      REMEX_CHECK(finish_item(result, from, separator, first));
    }
    first = false;
  }
  return append_limited(out, std::move(result));
}

Status eval_reduce(const Node& node, Scope& scope, Text& out) {
  REMEX_TRY(const Text list, eval_arg(node, 0, scope));
  REMEX_TRY(Text value, eval_arg(node, 1, scope));
  const ItemScope items(scope);
  const SavedValue saved(scope);
  ListCursor cursor(list.view());
  for (std::string_view item; cursor.next(item);) {
    reassign(scope.item, item, list.taint(), list.quoter());
    if (!scope.value) scope.value.emplace();
    std::swap(*scope.value, value);
    reassign(value, {});
    REMEX_CHECK(eval_into(*node.children[2], scope, value));
  }
  return append_limited(out, std::move(value));
}

Status parse_sort(Parser& p, Node& node) {
  REMEX_CHECK(p.required_group(node, "list arg of sort"));
  REMEX_CHECK(p.required_group(node, "comparator arg of sort"));
  return p.required_group(node, "extractor arg of sort");
}

Status eval_sort(const Node& node, Scope& scope, Text& out) {
  REMEX_TRY(const Text list, eval_arg(node, 0, scope));
  REMEX_TRY(const Text comparator, eval_arg(node, 1, scope));
  const std::string_view c = trim(comparator.view());
  static constexpr std::string_view kKnown[] = {"<",  "<=", ">",   ">=",  "lt",  "le",
                                                "gt", "ge", "lti", "lei", "gti", "gei"};
  if (std::find(std::begin(kKnown), std::end(kKnown), c) == std::end(kKnown)) {
    return registries_of(scope).find_condition(c) != nullptr ? fail("comparator not handled for sort")
                                                             : fail(fmt::format("unknown condition \"{}\"", c));
  }
  const bool numeric = c[0] == '<' || c[0] == '>', down = c[0] == '>' || c[0] == 'g', caseless = c.size() == 3;
  struct Entry {
    std::string item, key;
    std::int64_t number = 0;
  };
  std::vector<Entry> entries;
  const ItemScope items(scope);
  Taint taint = list.taint();
  ListCursor cursor(list.view());
  for (std::string_view item; cursor.next(item);) {
    reassign(scope.item, item, list.taint(), list.quoter());
    REMEX_TRY(const Text key, eval_arg(node, 2, scope));
    taint = taint | key.taint();
    Entry e{std::string(item), caseless ? to_lower(key.view()) : key.str(), 0};
    if (numeric) {
      REMEX_TRY(e.number, parse_expansion_integer(key.view()));
    }
    entries.push_back(std::move(e));
  }
  std::stable_sort(entries.begin(), entries.end(), [&](const Entry& a, const Entry& b) {
    const Entry& x = down ? b : a;
    const Entry& y = down ? a : b;
    return numeric ? x.number < y.number : x.key < y.key;
  });
  Text result(std::string{}, taint);
  bool first = true;
  for (const Entry& e : entries) {
    REMEX_CHECK(add_item(result, Text(e.item, taint), list_separator(list.view()), first));
    first = false;
  }
  return append_limited(out, result);
}

Status eval_listquote(const Node& node, Scope& scope, Text& out) {
  REMEX_TRY(const Text separator, eval_arg(node, 0, scope));
  REMEX_TRY(const Text s, eval_arg(node, 1, scope));
  if (s.empty()) return append_limited(out, s.with(" "));
  if (separator.empty()) return append_limited(out, s);
  const std::string one = separator.str().substr(0, 1);
  return append_limited(out, s.with(replace_all(s.view(), one, one + one)));
}

constexpr Example kMap[] = {{"${map{<, a,b}{x$item}}", "xa,xb"},
                            {"${filter{a:b}{eq{$item}{a}}}", "a"},
                            {"${map{a:b}}", "", "missing '{' for last arg of map"}};
constexpr Example kReduceExamples[] = {{"${reduce{1:2:3}{x}{$value$item}}", "x123"},
                                       {"${reduce{<, 3,9,4}{0}{${if >{$item}{$value}{$item}{$value}}}}", "9"},
                                       {"${reduce{a:b}{}}", "", "missing '{' for last arg of reduce"}};
constexpr Example kSortExamples[] = {{"${sort{3:1:2:10}{>}{$item}}", "10:3:2:1"},
                                     {"${sort{b:C:a}{lti}{$item}}", "a:b:C"},
                                     {"${sort{a:b}{nosuch}{$item}}", "", "unknown condition \"nosuch\""}};
constexpr Example kListquoteExamples[] = {{"${listquote{:}{a:b}}", "a::b"},
                                          {"${listquote{:}{}}", " "},
                                          {"${listquote{:}}", "", "Not enough arguments for 'listquote'"}};

constexpr ItemDef defs[] = {
    {.name = "map",
     .arguments = "{list}{expression}",
     .summary = "Change every item of a list",
     .doc = "$item is the item.",
     .examples = kMap,
     .tier = 2,
     .eval = eval_map,
     .parse = parse_map},
    {.name = "filter",
     .arguments = "{list}{condition}",
     .summary = "Keep the items that satisfy a condition",
     .doc = "$item is the item.",
     .examples = kMap,
     .tier = 2,
     .eval = eval_map,
     .parse = parse_map},
    {.name = "reduce",
     .arguments = "{list}{initial}{expression}",
     .summary = "Fold a list",
     .doc = "$value is the value so far, $item the item.",
     .examples = kReduceExamples,
     .tier = 2,
     .eval = eval_reduce,
     .parse = parse_map},
    {.name = "sort",
     .arguments = "{list}{comparator}{extractor}",
     .summary = "Sort a list",
     .doc = "Stable.",
     .examples = kSortExamples,
     .tier = 2,
     .eval = eval_sort,
     .parse = parse_sort},
    {.name = "listquote",
     .arguments = "{separator}{string}",
     .summary = "Double the separators",
     .doc = "Nothing becomes a space.",
     .examples = kListquoteExamples,
     .tier = 2,
     .eval = eval_listquote,
     .min_args = 2,
     .max_args = 2},
};

}  // namespace
}  // namespace remex::lang

namespace remex::registry::items {
extern const std::span<const ItemDef> lists;
constinit const std::span<const ItemDef> lists{lang::defs};
}  // namespace remex::registry::items
