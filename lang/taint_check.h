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
};

TaintFlow taint_of(const Expansion& expansion, const TaintScope& scope);
/// Reports every option whose value is certainly tainted and which refuses that (error code "taint").
void check_taint(const Config& config, Diagnostics& diagnostics);

}  // namespace remex::lang
