// The yes/no tail of an item whose value nobody needs afterwards. See eval_branches in lang/node.h.
#pragma once

#include "lang/node.h"

namespace remex::lang {

/// eval_branches that takes the value away instead of copying it.
Status eval_branches_taking(const Node& node, Scope& scope, bool success, Text* value, Text& out);

/// The node is ${if.
bool is_if(const Node& node);
/// The condition of an ${if, with what it leaves put back.
Result<bool> test_if(const Node& node, Scope& scope);

}  // namespace remex::lang
