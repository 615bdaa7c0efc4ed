// acl: runs an ACL; its message is the value.
#include <fmt/format.h>

#include "core/base/strings.h"
#include "lang/expand.h"
#include "lang/node.h"
#include "lang/operand.h"
#include "lang/scope.h"

namespace remex::lang {
namespace {

Status eval_acl(const Node& node, Scope& scope, Text& out) {
  if (scope.services == nullptr) return fail("ACLs cannot run here");
  REMEX_TRY(const Text name, eval_arg(node, 0, scope));
  std::vector<Text> args;
  for (std::size_t i = 1; i < node.children.size(); ++i) {
    REMEX_TRY(Text t, eval_arg(node, i, scope));
    args.push_back(std::move(t));
  }
  Text message;
  auto r = scope.services->run_acl(scope, name, args, message);
  if (!r) {
    const bool deferred = r.error().kind == ErrorKind::defer || r.error().kind == ErrorKind::forced_fail;
    if (!deferred) return std::unexpected(std::move(r).error());
    return fail(ErrorKind::forced_fail, fmt::format("DEFER from acl \"{}\"", printable(name.view())));
  }
  return append_limited(out, message);
}

constexpr Example kAclExamples[] = {
    {.input = "${acl{arguments}{one}{two}}", .output = "2: one two", .where = Where::rcpt},
    {"${acl}", "", "Not enough arguments for 'acl' (min is 1)"},
    {"${acl{name}x}", "", "missing '}' after 'acl'"}};

constexpr ItemDef defs[] = {
    {.name = "acl",
     .arguments = "{name}{arg}...",
     .summary = "Run an ACL; the message is the value",
     .doc = "defer is a forced failure.",
     .cost = Cost::waits,
     .examples = kAclExamples,
     .tier = 2,
     .eval = eval_acl,
     .min_args = 1,
     .max_args = 10},
};

}  // namespace
}  // namespace remex::lang

namespace remex::registry::items {
extern const std::span<const ItemDef> acl;
constinit const std::span<const ItemDef> acl{lang::defs};
}  // namespace remex::registry::items
