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

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "lang/source.h"

namespace remex::lang {

enum class Severity : std::uint8_t { error, warning, note };

/// What was being read when an error was found (test mode only; lang/exim_wording.h words the error by it).
struct Reading {
  Pos pos;                ///< the last line that was taken from a file
  std::string line;       ///< the logical line, macros replaced
  std::string_view kind;  ///< "condition" or "modifier" of an ACL
  bool first = false;     ///< in an ACL: no statement has begun
  bool boolean = false;   ///< the option is a boolean
};

struct Diagnostic {
  Severity severity = Severity::error;
  std::string code;  ///< short name, e.g. "unknown-option"; the stable code is found by it (lang/diagnostic_kinds.h)
  std::string message;
  Pos pos;
  std::uint32_t length = 1;                     ///< characters to underline
  std::string hint;                             ///< behind the carets
  std::vector<std::string> notes;               ///< further lines: remedy, path of a tainted value, ...
  std::shared_ptr<const Reading> reading = {};  ///< of errors, when the reading is followed
};

class Diagnostics {
 public:
  /// In test mode errors keep what was being read, and those that Exim would not find before it runs are dropped
  /// (lang/exim_wording.h).
  explicit Diagnostics(SourceFiles& files);
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
  const SourceFiles& files() const { return *files_; }
  /// For the reader to tell where it is; null outside test mode.
  Reading* reading() { return following_ ? &reading_ : nullptr; }

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
  bool following_;  ///< test mode
  Reading reading_;
};

/// A JSON string literal.
std::string json_string(std::string_view s);

}  // namespace remex::lang
