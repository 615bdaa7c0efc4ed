// What is wrong with a configuration: all of it, with place, caret and suggestion.
//
//   error: router "local": unknown option "transprot" [unknown-option]
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
  std::string code;  ///< stable short name, e.g. "unknown-option"
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
  bool has_errors() const { return errors_ > 0; }
  std::size_t error_count() const { return errors_; }
  const std::vector<Diagnostic>& all() const { return list_; }
  /// All, in source order, rendered as above; at most `limit` errors, then "... and N more errors".
  std::string render(std::size_t limit = 100) const;
  /// One line for logs: "message in line 41 of /etc/remex/remex.conf".
  std::string one_line(const Diagnostic& d) const;
  SourceFiles& files() { return *files_; }

 private:
  SourceFiles* files_;
  std::vector<Diagnostic> list_;
  std::size_t errors_ = 0;
};

}  // namespace remex::lang
