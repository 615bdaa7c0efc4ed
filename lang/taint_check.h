// Static taint: which options would be handed data from a message or a peer although they refuse it.
//
// A value is clean (never tainted), tainted (always) or depends on what cannot be seen from here. Only what is
// certainly tainted is an error; run time refuses the rest. Flow crosses drivers: address_data and r_ variables of the
// routers that hand addresses to a transport are what its options see.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "lang/expand.h"
#include "lang/source.h"

namespace remex::lang {

class Config;
class Diagnostics;
struct Node;

enum class TaintState : std::uint8_t { clean, depends, tainted };

/// A state and how it came about, for the notes of a diagnostic.
struct TaintFlow {
  TaintState state = TaintState::clean;
  std::string culprit;  ///< variable that brought the taint ("local_part")
  std::string path;  ///< the steps, first to last, one a line: "$address_data is set by router ..."; empty = directly
};

/// What is known of variables that are filled by the configuration.
struct TaintScope {
  std::map<std::string, TaintFlow, std::less<>> variables;
  const TaintScope* outer = nullptr;  ///< asked when a name is not here
  const TaintFlow* find(std::string_view name) const;
};

TaintFlow taint_of(const Expansion& expansion, const TaintScope& scope);
TaintFlow taint_of(const Node& node, const TaintScope& scope);
/// What the ACLs' `set` modifiers leave in $acl_c... and $acl_m...: tainted when every one of them is.
TaintScope acl_variable_flows(const Config& config);
/// Reports every option whose value is certainly tainted and which refuses that (error code "taint"). `flows` is what
/// is known of the ACL variables.
void check_taint(const Config& config, const TaintScope& flows, Diagnostics& diagnostics);
/// How to make data from `culprit` ("local_part") trusted.
std::string taint_remedy(const std::string& culprit);

}  // namespace remex::lang
