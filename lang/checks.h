// Checks over a whole configuration, run by the reader after every section is compiled and before it is accepted.
//
// Errors are always looked for. Warnings only when somebody will read them (the daemon's start, -bV, remex check),
// hints only by remex check. Each check reads the configuration once (linear time) and changes nothing. acl/ adds its
// own through AclCompiler.
#pragma once

#include <functional>
#include <set>
#include <string>
#include <string_view>

#include "lang/config.h"
#include "lang/taint_check.h"

namespace remex::lang {

class MacroTable;
struct ReaderState;

struct CheckContext {
  const Config& config;
  Diagnostics& diag;
  const MacroTable* macros = nullptr;
  bool warn = true;                                  ///< look for warnings
  bool hints = false;                                ///< look for hints
  TaintScope flows;                                  ///< what is known of the ACL variables
  std::set<std::string, std::less<>> variables_set;  ///< acl_c..., acl_m..., r_... that something sets
  bool hidden_sets = false;                          ///< ACL text that is made or read at run time may set others
};

/// All checks of lang/, then those of acl/. Reports to the state's diagnostics; never stops at the first.
void run_static_checks(ReaderState& st);

/// Where an expansion or a list stands.
struct CheckPlace {
  std::string_view family;  ///< "router", "transport", "authenticator", "ACL", "main option", "named list"
  std::string_view name;    ///< of the instance, the ACL or the list
  std::string_view option;  ///< option or ACL word; empty for named lists
  Pos pos;
  const DriverInstance* driver = nullptr;
  std::string text() const;  ///< router "local": option "data"
};

/// Every expansion that the file gives: main options, drivers, ACLs, and what lists expand.
void for_each_expansion(const Config& config, const std::function<void(const Expansion&, const CheckPlace&)>& visit);
/// Every list that the file gives, named lists and ACLs included.
void for_each_given_list(const Config& config, const std::function<void(const MatchList&, const CheckPlace&)>& visit);

/// The value of an option of a driver by name and type, or null: private options first, then generic ones.
const void* driver_option(const Config& config, const DriverInstance& d, std::string_view name, OptionType type);
template <class T>
const T* driver_option(const Config& config, const DriverInstance& d, std::string_view name, OptionType type) {
  return static_cast<const T*>(driver_option(config, d, name, type));
}
/// A boolean option of a driver (`fallback` when it has no such option).
bool driver_flag(const Config& config, const DriverInstance& d, std::string_view name, bool fallback);

/// The value of an expansion in which nothing depends on the message, the peer, files or the clock; else nothing.
std::optional<std::string> closed_value(const Expansion& expansion);
/// local_interfaces names loopback addresses only: strangers cannot connect.
bool listens_on_loopback_only(const Config& config);
/// Calls `visit` for a node and everything below it.
void walk(const Node& node, const std::function<void(const Node&)>& visit);

// The checks, one file each.
void check_expansions(CheckContext& c);  ///< expansion_checks.cc: taint inside, regexes, variables nobody sets
void check_routing(CheckContext& c);     ///< routing_checks.cc: routers nothing reaches, conditions, data never set
void check_options(CheckContext& c);     ///< option_checks.cc: files, host name, retry rules, authenticators
void check_list_items(CheckContext& c);  ///< lints.cc: separators, cut addresses, order, injected items
void check_usage(CheckContext& c);       ///< usage_checks.cc: what is defined and never used (hints)

/// Whether a regular expression takes exponential time: text that runs into the match limit, or nothing.
std::optional<std::string> explosive_text(const std::string& pattern);

}  // namespace remex::lang
