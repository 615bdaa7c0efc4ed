// Shared inside acl/: what the static checks of ACLs ask each other. Not for other folders.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "acl/internal.h"
#include "lang/checks.h"

namespace remex::acl {

/// A main option that names an ACL, and when that ACL runs.
struct HookOption {
  std::string_view name;
  const lang::Expansion lang::MainOptions::* member;
  Hook hook;
  bool must_accept;  ///< an ACL for it that never accepts refuses everything
};
std::span<const HookOption> hook_options();

/// A word that can be the name of an ACL (and is no verb).
bool is_acl_name(std::string_view s);
/// The ACL an option names when that can be told; null otherwise.
const Acl* named_by(const lang::Config& config, const lang::Expansion& e);
/// All ACLs that an option may name: the constant one, or every ACL whose name is a word of its text.
std::vector<const Acl*> may_be_named_by(const lang::Config& config, const lang::Expansion& e);
/// The ACL behind "acl = name" when that is constant; null otherwise.
const Acl* nested(const lang::Config& config, const Item& it);

/// A condition's truth when nothing can change it.
std::optional<bool> fixed_truth(const Item& it);
/// The first statement that nothing gets past, or the number of statements.
std::size_t deciding_statement(const Acl& acl);

/// flow_check.cc: what is never reached, never accepts, cannot be asked at its time, calls itself.
void check_flow(lang::CheckContext& c);
/// relay_check.cc: a stranger's mail for strangers is accepted.
void check_relay(lang::CheckContext& c);

}  // namespace remex::acl
