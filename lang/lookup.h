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
  Text key;                  ///< single-key: the key; query: the whole query
  std::string file;          ///< single-key: absolute file or directory name (never tainted: the engine refuses)
  std::string_view options;  ///< what stood after the type's commas: "filter=subdir,ret=full" (empty = none)
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
  /// Opens (single-key: checks the file's existence, owner and mode). Null for stateless types.
  Result<std::unique_ptr<LookupHandle>> (*open)(Scope&, const std::string& file) = nullptr;
  LookupResult (*find)(Scope&, LookupHandle*, const LookupRequest&) = nullptr;
  /// ${quote_<name>:...}; null = text unchanged.
  std::string (*quote)(std::string_view text, std::string_view option) = nullptr;
  /// Query types: tainted text must have been quoted for this type.
  bool needs_quoting = false;
  /// Answers may be cached until the end of the message (false: dsearch and the like look each time).
  bool cacheable = true;
};

}  // namespace remex::lang
