// ${if condition {yes}{no}}: the conditional. Captures of its condition are restored behind it.
#include "lang/compiler.h"
#include "lang/node.h"
#include "lang/scope.h"

namespace remex::lang {
namespace {

Status parse_if(Parser& p, Node& node) {
  REMEX_TRY(NodePtr condition, p.condition());
  node.children.push_back(std::move(condition));
  return p.branches(node, "if");
}

Status eval_if(const Node& node, Scope& scope, Text& out) {
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
