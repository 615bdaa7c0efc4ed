// Compiled form of an ACL; private to acl/.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "acl/word.h"

namespace remex::acl {

/// In the order of the entries in acl/words/verbs.cc, which has these two functions too.
enum class Verb : std::uint8_t { accept, defer, deny, discard, drop, require, warn };
std::string_view to_string(Verb v);
bool parse_verb(std::string_view word, Verb& out);

struct Statement {
  Verb verb = Verb::deny;
  lang::Pos pos;
  std::vector<Item> items;
};

class Acl : public lang::CompiledAcl {
 public:
  std::string name;
  std::vector<Statement> statements;
};

/// Compiles; reports to ctx.diagnostics. Null when there were errors. acl/compile.cc
std::shared_ptr<const Acl> compile_acl(const std::string& name, const std::vector<lang::LogicalLine>& lines,
                                       const lang::CompileContext& ctx);
/// Static checks over all ACLs of a configuration. acl/check.cc
void check_acls(const lang::Config& config, lang::CheckContext& context);
/// Every condition and modifier of every ACL, for the checks of lang/. acl/check.cc
void each_acl_value(const lang::Config& config, const std::function<void(const lang::AclValue&)>& visit);
/// Runs the statements. acl/run.cc
Outcome run_acl(const Acl& acl, Hook hook, lang::Scope& scope, Effects& effects, const std::function<void()>& flush);

}  // namespace remex::acl
