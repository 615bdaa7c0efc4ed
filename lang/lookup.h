// Lookup types: one descriptor each, in lookups/. The engine (lang/lookup_engine.h) does partial-, *, *@ defaults,
// caching, taint.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "core/base/result.h"
#include "core/base/text.h"
#include "lang/registry.h"

namespace remex::lang {

class Scope;

enum class LookupStyle : std::uint8_t { single_key, query };

struct LookupRequest {
  const Text& key;           ///< single-key: the key; query: the whole query
  const std::string& file;   ///< single-key: absolute file or directory name (never tainted: the engine refuses)
  std::string_view options;  ///< what stood after the type's commas: "filter=subdir,ret=full" (empty = none)
  /// Drivers clear it when the answer may not be kept (the query changed something, DNS data live shorter).
  mutable bool keep_answer = true;

  /// Value of the option "name=", empty when it is not given. The last one counts.
  std::string_view option(std::string_view name) const;
};

/// An open lookup (a file handle, a connection). Kept by the engine per (type, file) and closed when idle.
struct LookupHandle {
  virtual ~LookupHandle() = default;
};

/// found: the data and whether it is to be trusted; absent: nullopt. "Could not look" is an Error of kind defer.
using LookupResult = Result<std::optional<Text>>;

struct LookupDef {
  std::string_view name = {};
  LookupStyle style = LookupStyle::single_key;
  std::string_view summary = {};
  std::string_view doc = {};
  State state = State::works;
  std::span<const Example> examples = {};
  /// Options of its own after the type, blank-separated: "ret=full filter=file"; "servers=*" takes any value. Others
  /// are refused when the configuration is loaded.
  std::string_view options = {};
  /// Opens (single-key: checks the file's existence, owner and mode; query: `file` is empty, the handle is shared by
  /// all fibers and keeps the connections). Null for stateless types.
  Result<std::unique_ptr<LookupHandle>> (*open)(Scope&, const std::string& file) = nullptr;
  LookupResult (*find)(Scope&, LookupHandle*, const LookupRequest&) = nullptr;
  /// ${quote_<name>:...}; null = text unchanged. `option` is what follows ("dn" of quote_ldap_dn): a word of
  /// quote_options.
  std::string (*quote)(std::string_view text, std::string_view option) = nullptr;
  /// Query types: tainted text must have been quoted for this type.
  bool needs_quoting = false;
  std::string_view quote_options = {};  ///< blank-separated
  /// The ldapauth condition: logs in with what the query says. False: refused. Kind defer: nobody could be asked.
  Result<bool> (*authenticate)(Scope&, LookupHandle*, const Text& query) = nullptr;
  /// Single-key types whose answers are dear enough to be kept until the end of the message. Query types always are.
  bool keep_answers = false;
};

}  // namespace remex::lang
