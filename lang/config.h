// The compiled configuration: immutable after load, shared by all sessions and deliveries in flight during a reload.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "lang/diagnostics.h"
#include "lang/driver.h"
#include "lang/list.h"
#include "lang/main_options.h"
#include "lang/registry.h"
#include "lang/rewrite.h"

namespace remex::lang {

struct NamedList {
  std::string name;
  MatchList list;
  Pos pos;
  bool hidden = false;
  bool force_cache = false;  ///< defined with domainlist_cache
};

/// Base of acl::Acl; acl/ knows the inside.
struct CompiledAcl {
  virtual ~CompiledAcl() = default;
};

/// One logical line of a section that lang does not interpret itself.
struct LogicalLine {
  SourceText text;
  Pos last = {};  ///< its last line in the file
};

struct CheckContext;  // lang/checks.h

/// One value in an ACL, for checks: `variable` is what a `set` sets, else empty; one of value and list may be null.
struct AclValue {
  std::string_view acl, word, variable;
  Pos pos;
  const Expansion* value = nullptr;
  const MatchList* list = nullptr;
};

/// Supplied by acl/: compiles the statements of one ACL, reporting all errors.
struct AclCompiler {
  std::shared_ptr<const CompiledAcl> (*compile)(const std::string& name, const std::vector<LogicalLine>& lines,
                                                const CompileContext& ctx);
  /// After everything is read: references between ACLs (errors), and what CheckLevel asks for.
  void (*check)(const Config& config, CheckContext& context);
  /// Visits every condition and modifier of every ACL.
  void (*each_value)(const Config& config, const std::function<void(const AclValue&)>& visit) = nullptr;
};

struct RetryRule {
  std::string pattern_text;  ///< as written (for logs and -brt)
  MatchList pattern;         ///< a one-item address list
  std::string error;         ///< "*", "refused_A", "rcpt_4xx", "quota_7d", ...
  MatchList senders;         ///< senders=..., may be unset
  struct Step {
    char kind;              ///< F, G, H
    std::int64_t cutoff;    ///< seconds from the first failure
    std::int64_t interval;  ///< seconds
    std::int64_t factor;    ///< thousandths (G, H)
  };
  std::vector<Step> steps;  ///< empty: no retry
  Pos pos;
};

/// A word that may stand in the second field of a retry rule ("refused_MX", "rcpt_45x", "quota_7d", "*").
bool is_retry_error(std::string_view word);
/// The same as delivery names what happened: "quota_7d" is "quota_604800".
std::string retry_error_as_happened(std::string_view word);
/// "F,2h,15m", "G,16h,1h,1.5".
std::string format_retry_step(const RetryRule::Step& step);

struct Macro {
  std::string name, value;
  Pos pos;
  bool from_command_line = false;
};

/// Tells one configuration from any other of this process, also one that took its place in memory.
class ConfigSerial {
 public:
  ConfigSerial();
  ConfigSerial(const ConfigSerial&) : ConfigSerial() {}
  ConfigSerial& operator=(const ConfigSerial&) {
    *this = ConfigSerial();
    return *this;
  }
  ConfigSerial& operator=(ConfigSerial&&) = default;
  std::uint64_t value() const { return value_; }

 private:
  std::uint64_t value_;
};

class Config {
 public:
  ConfigSerial serial;
  MainOptions main;
  std::map<std::string, NamedList> named_lists[4];  ///< by ListKind: domain, host, address, local_part
  std::vector<DriverInstance> routers, transports, authenticators;
  std::map<std::string, std::shared_ptr<const CompiledAcl>> acls;
  std::map<std::string, Pos> acl_positions;
  std::vector<RetryRule> retry;
  std::vector<RewriteRule> rewrite;
  std::vector<Macro> macros;
  std::vector<DriverInstance::Given> main_given;  ///< main options set in the file
  std::shared_ptr<SourceFiles> files;
  std::shared_ptr<Registries> registries;
  std::string config_file;  ///< path of the main file ($config_file)

  const NamedList* named_list(ListKind kind, std::string_view name) const;
  const DriverInstance* find_router(std::string_view name) const;
  const DriverInstance* find_transport(std::string_view name) const;
  const CompiledAcl* find_acl(std::string_view name) const;
};

struct LoadOptions {
  std::map<std::string, std::string> macros;         ///< -D
  bool warn = true;                                  ///< look for warnings too; errors are always found
  bool hints = false;                                ///< and for hints (remex check)
  std::shared_ptr<const Config>* refused = nullptr;  ///< gets what was read of a configuration with errors
};

/// Reads and compiles. On error the diagnostics (whose files table lives in `files`) have all of them.
/// A configuration given as text (tests, embedded default) uses load_config_text.
std::shared_ptr<const Config> load_config(const std::string& path, const LoadOptions& opt,
                                          std::shared_ptr<Registries> reg, Diagnostics& diag,
                                          std::shared_ptr<SourceFiles> files);
std::shared_ptr<const Config> load_config_text(const std::string& name, const std::string& text, const LoadOptions& opt,
                                               std::shared_ptr<Registries> reg, Diagnostics& diag,
                                               std::shared_ptr<SourceFiles> files);

}  // namespace remex::lang
