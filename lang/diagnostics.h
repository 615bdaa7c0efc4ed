// What is wrong with a configuration: all of it, with place, caret and suggestion.
//
//   error: router "local": unknown option "transprot" [E0203 unknown-option]
//     --> sample.conf:41:3
//      |
//   41 |   transprot = localdir
//      |   ^^^^^^^^^ did you mean "transport"?
//
// Wording: lower case start, no full stop, names in double quotes, say what was seen; the hint follows.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "lang/source.h"

namespace remex::lang {

enum class Severity : std::uint8_t { error, warning, note };

struct Diagnostic {
  Severity severity = Severity::error;
  std::string code;  ///< short name, e.g. "unknown-option"; the stable code is found by it (lang/diagnostic_kinds.h)
  std::string message;
  Pos pos;
  std::uint32_t length = 1;        ///< characters to underline
  std::string hint;                ///< behind the carets
  std::vector<std::string> notes;  ///< further lines: remedy, path of a tainted value, ...
};

class Diagnostics {
 public:
  explicit Diagnostics(SourceFiles& files) : files_(&files) {}
  Diagnostic& error(std::string code, Pos pos, std::uint32_t length, std::string message, std::string hint = {});
  Diagnostic& warning(std::string code, Pos pos, std::uint32_t length, std::string message, std::string hint = {});
  /// Worth a look, perhaps right. Nobody has to act on it.
  Diagnostic& hint(std::string code, Pos pos, std::uint32_t length, std::string message, std::string hint = {});
  /// A comment "# remex: allow CODE, CODE": warnings and hints of these codes (or names) in lines first..last of the
  /// file are taken back by finish().
  void allow(FileId file, std::uint32_t first, std::uint32_t last, std::string_view codes, Pos pos);
  /// After the last check: takes back what is allowed and reports permissions that name no code (or, with `unused`,
  /// nothing that was found).
  void finish(bool unused);
  /// `remex check --strict`: warnings become errors.
  void promote_warnings();
  bool has_errors() const { return errors_ > 0; }
  std::size_t error_count() const { return errors_; }
  const std::vector<Diagnostic>& all() const { return list_; }
  /// All, in source order, rendered as above; at most `limit` errors, then "... and N more errors".
  std::string render(std::size_t limit = 100) const;
  /// All, in source order, as one JSON array.
  std::string render_json() const;
  /// One line for logs: "message in line 41 of /etc/remex/remex.conf".
  std::string one_line(const Diagnostic& d) const;
  SourceFiles& files() { return *files_; }

 private:
  struct Permission {
    FileId file;
    std::uint32_t first, last;
    std::string code;
    Pos pos;
    bool used = false;
  };
  Diagnostic& add(Diagnostic d);
  std::vector<const Diagnostic*> sorted() const;

  SourceFiles* files_;
  std::vector<Diagnostic> list_;
  std::vector<Permission> permissions_;
  std::size_t errors_ = 0;
};

/// A JSON string literal.
std::string json_string(std::string_view s);

}  // namespace remex::lang
