// ${if condition {yes}{no}}: the conditional. Captures of its condition are restored behind it.
#include <optional>

#include "lang/branches.h"
#include "lang/compiler.h"
#include "lang/node.h"
#include "lang/scope.h"

namespace remex::lang {
namespace {

// What conditions leave for the strings; what others contain restores both itself.
constexpr unsigned kCaptures = 1, kValue = 2;

unsigned marks_left_by(const Node& condition) {
  const std::string_view name = condition.condition->name;
  unsigned marks = 0;
  if (name.starts_with("match")) marks |= kCaptures;
  if (name.starts_with("match_") || name.starts_with("inlist")) marks |= kValue;
  if (name == "acl") marks |= kCaptures | kValue;
  for (const NodePtr& c : condition.children) {
    if (c->kind == NodeKind::condition) marks |= marks_left_by(*c);
  }
  return marks;
}

bool is_constant(const NodePtr& branch) { return branch == nullptr || branch->kind == NodeKind::constant; }

Status parse_if(Parser& p, Node& node) {
  REMEX_TRY(NodePtr condition, p.condition());
  node.children.push_back(std::move(condition));
  REMEX_CHECK(p.branches(node, "if"));
  Node& c = *node.children[0];
  // One condition and constant strings: what the condition leaves would be put back unseen.
  c.only_truth = c.condition->name.starts_with("match") && is_constant(node.yes) && is_constant(node.no);
  if (c.only_truth && c.condition->name == "match") return {};
  if (const unsigned marks = marks_left_by(c); marks != 0) node.numbers.push_back(marks);
  return {};
}

Status eval_if(const Node& node, Scope& scope, Text& out) {
  if (node.numbers.empty()) {
    REMEX_TRY(const bool truth, eval_condition(*node.children[0], scope));
    return eval_branches(node, scope, truth, nullptr, out);
  }
  const auto marks = static_cast<unsigned>(node.numbers[0]);
  std::optional<SavedCaptures> captures;
  std::optional<SavedValue> value;
  if ((marks & kCaptures) != 0) captures.emplace(scope);
  if ((marks & kValue) != 0) {
    value.emplace(scope);
    if (value->had()) scope.value = value->get();
  }
  REMEX_TRY(const bool truth, eval_condition(*node.children[0], scope));
  return eval_branches(node, scope, truth, nullptr, out);
}

}  // namespace

bool is_if(const Node& node) { return node.kind == NodeKind::item && node.item->eval == eval_if; }

Result<bool> test_if(const Node& node, Scope& scope) {
  const unsigned marks = node.numbers.empty() ? 0U : static_cast<unsigned>(node.numbers[0]);
  if (marks == 0) return eval_condition(*node.children[0], scope);
  std::optional<SavedCaptures> captures;
  std::optional<SavedValue> value;
  if ((marks & kCaptures) != 0) captures.emplace(scope);
  if ((marks & kValue) != 0) {
    value.emplace(scope);
    if (value->had()) scope.value = value->get();
  }
  return eval_condition(*node.children[0], scope);
}

namespace {

constexpr Example kExamples[] = {
    {"${if eq{a}{a}{yes}{no}}", "yes"},
    {"${if eq{a}{b}{yes}}", ""},
    {"${if eq{a}{a}}", "true"},
    {"${if !eq{a}{b}{yes}{no}}", "yes"},
    {"${if eq{a}{b}{yes}fail}", "", "\"if\" failed and \"fail\" requested"},
    {"${if eq{a}{b}", "", "'yes' part did not start with '{'"},
};

constexpr ItemDef defs[] = {{.name = "if",
                             .arguments = "condition {yes}{no}",
                             .summary = "Conditional; without strings \"true\" or nothing",
                             .doc = "The word fail in the place of the second string forces the expansion to fail.",
                             .examples = kExamples,
                             .eval = eval_if,
                             .parse = parse_if}};

}  // namespace
}  // namespace remex::lang

namespace remex::registry::items {
extern const std::span<const ItemDef> if_;
constinit const std::span<const ItemDef> if_{lang::defs};
}  // namespace remex::registry::items
