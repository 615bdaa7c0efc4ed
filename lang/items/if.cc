// ${if condition {yes}{no}}: the conditional. Captures of its condition are restored behind it.
#include "lang/compiler.h"
#include "lang/node.h"
#include "lang/scope.h"

namespace remex::lang {
namespace {

// Conditions that set captures or $value for the strings; what others contain restores both itself.
bool leaves_marks(const Node& condition) {
  const std::string_view name = condition.condition->name;
  if (name.starts_with("match") || name.starts_with("inlist") || name == "acl") return true;
  for (const NodePtr& c : condition.children) {
    if (c->kind == NodeKind::condition && leaves_marks(*c)) return true;
  }
  return false;
}

Status parse_if(Parser& p, Node& node) {
  REMEX_TRY(NodePtr condition, p.condition());
  if (leaves_marks(*condition)) node.numbers.push_back(1);
  node.children.push_back(std::move(condition));
  return p.branches(node, "if");
}

Status eval_if(const Node& node, Scope& scope, Text& out) {
  if (node.numbers.empty()) {
    REMEX_TRY(const bool truth, eval_condition(*node.children[0], scope));
    return eval_branches(node, scope, truth, nullptr, out);
  }
  const SavedCaptures captures(scope);
  const SavedValue value(scope);  // inlist and match_* set it for the strings
  if (value.had()) scope.value = value.get();
  REMEX_TRY(const bool truth, eval_condition(*node.children[0], scope));
  return eval_branches(node, scope, truth, nullptr, out);
}

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
