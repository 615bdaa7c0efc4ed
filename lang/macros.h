// Macros of the configuration: definition order matters, substitution is textual and token-blind (manual 6.5).
// Used by the reader for every physical line. Errors are returned as text; the reader knows the place.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "lang/config.h"

namespace remex::lang {

class MacroTable {
 public:
  explicit MacroTable(const Registries& registries) : registries_(registries) {}

  /// -D. Later definitions in the file are ignored.
  void define_from_command_line(const std::string& name, const std::string& value);
  struct Problem {
    const char* code;
    std::string message, hint;
  };
  /// `NAME = value` (redefine: `==`). Nothing on success.
  std::optional<Problem> define(const std::string& name, const std::string& value, bool redefine, Pos pos);

  /// Replaces macro names in `line` from `start` on. True when anything was replaced; `too_long` when the result
  /// passed the limit (the line is then left as it was).
  bool substitute(SourceText& line, std::size_t start, bool& too_long) const;

  /// Whether substitute() has replaced it somewhere.
  bool was_used(const std::string& name) const { return used_.contains(name); }
  const std::vector<Macro>& all() const { return macros_; }
  /// All builtin macros ("_HAVE_IPV6", ...), for -bP macros.
  std::vector<Macro> builtin() const;

  static constexpr std::size_t kMaxLine = 1U << 20;

 private:
  /// The builtin macro that `text` begins with: its length (0 = none) and value.
  std::size_t builtin_at(std::string_view text, std::string& value) const;

  const Registries& registries_;
  std::vector<Macro> macros_;
  mutable std::unordered_set<std::string> used_;
};

/// True for `Name =` at the start of a line (upper-case letter first); `name_end` is where the name ends.
bool looks_like_macro_definition(std::string_view line, std::size_t& name_end);

/// Default DKIM header lists, as _DKIM_SIGN_HEADERS and _DKIM_OVERSIGN_HEADERS give them.
std::string dkim_sign_headers(bool oversign);

}  // namespace remex::lang
