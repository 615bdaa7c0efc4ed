// Expansion: a configured string, compiled once, evaluated per use.
//
// compile() reports all syntax errors (unknown names, braces, argument counts) to the diagnostics; eval() never
// re-parses. Results: a Text with its taint; Error kinds: forced_fail (`fail`), failed, defer, taint.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "core/base/result.h"
#include "core/base/text.h"
#include "lang/source.h"

namespace remex::lang {

class Scope;
struct Registries;
class Diagnostics;
struct Node;  // lang/node.h: the compiled tree

/// What a compilation needs to know. `config_named_lists` style facts are looked up at evaluation, not here.
struct CompileContext {
  const Registries* registries = nullptr;
  Diagnostics* diagnostics = nullptr;  ///< may be null: then only the first error is returned
  std::string where;                   ///< "router \"local\": option \"data\"" for messages
};

class Expansion {
 public:
  Expansion() = default;  ///< unset

  /// Compiles. On error the diagnostics have the details and the Error its one-line text.
  static Result<Expansion> compile(SourceText source, const CompileContext& ctx);
  /// Text that was made at run time: compiled again only when it is not one of the last ones of this thread.
  static Result<Expansion> cached(std::string_view text, const Registries& registries);
  /// A constant.
  static Expansion literal(std::string text);
  static Expansion literal(SourceText text);

  bool is_set() const { return static_cast<bool>(impl_); }
  /// No variable, item or operator in it (after folding).
  bool is_constant() const;
  /// Value when constant.
  const std::string& constant() const;
  /// The text as written in the configuration.
  const std::string& source_text() const;
  const SourceText& source() const;
  Pos pos() const;
  /// The compiled tree, for static checks. Null when unset or constant.
  const Node* root() const;

  /// May park the fiber (lookups, DNS). The scope's captures and $value are restored as the language says.
  Result<Text> eval(Scope& scope) const;
  /// The same, appended; on error `out` has part of it.
  Status append_to(Text& out, Scope& scope) const;
  /// The value is that of an ${if} and one strict boolean or another: test() has it without making text.
  bool is_test() const;
  Result<bool> test(Scope& scope) const;

 private:
  struct Impl;
  std::shared_ptr<const Impl> impl_;
};

/// Compiles and evaluates in one go (-be, tests).
Result<Text> expand_once(std::string_view text, Scope& scope);

/// The loose truth of router conditions: empty, "0", "no", "false" (any case) are false.
bool is_loosely_true(std::string_view s);
/// ACL `condition`: nullopt for what is neither.
bool parse_strict_bool(std::string_view s, bool& value);

}  // namespace remex::lang
