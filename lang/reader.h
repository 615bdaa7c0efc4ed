// From bytes to logical lines: macros, .include, .ifdef, comments, continuation (manual chapter 6). Every character
// keeps its place. Problems go to the diagnostics and reading goes on. Used by config.cc; private to lang/.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "lang/config.h"
#include "lang/macros.h"

namespace remex::lang {

class LineReader {
 public:
  LineReader(SourceFiles& files, Diagnostics& diagnostics, MacroTable& macros)
      : files_(files), diag_(diagnostics), macros_(macros) {}

  /// Opens the main file; false (with a diagnostic) when it cannot be read.
  bool open_file(const std::string& path);
  void open_text(const std::string& name, const std::string& text);
  /// The next logical line: not empty, not a comment, blanks at both ends removed. Nothing at the end.
  std::optional<SourceText> next();
  /// Files in reading order, for permission checks.
  const std::vector<std::string>& paths() const { return paths_; }

  /// Logical lines and changes of file are appended here when it is not null.
  std::vector<std::string>* listing = nullptr;

  static constexpr std::size_t kMaxFile = 8U << 20;
  static constexpr std::size_t kMaxDepth = 20;
  static constexpr std::size_t kMaxFiles = 2000;
  static constexpr std::size_t kMaxTotal = 32U << 20;  ///< all files and macro expansions together

 private:
  struct Conditional {
    Pos pos;
    bool active;  ///< lines are taken now
    bool taken;   ///< a branch was taken already
    bool outer;   ///< the enclosing block is active
    bool seen_else = false;
  };
  struct Input {
    std::string name, text;
    FileId file = 0;
    std::size_t offset = 0;
    std::uint32_t line = 0;
    std::uint32_t included_at = 0;  ///< line of the .include in the file below, 0 for the first
    std::vector<Conditional> conditionals;
  };

  std::optional<SourceText> physical_line();
  std::optional<SourceText> joined_line();
  bool directive(const SourceText& line, bool substituted);
  void conditional(std::string_view word, Pos pos, bool substituted);
  void include(const SourceText& line, std::size_t argument, bool must_exist);
  void pop();
  bool active() const;
  void note_permission(const SourceText& line, std::size_t at);
  void grant_permissions(Pos first, std::uint32_t last);
  bool read_file(const std::string& path, std::string& out, std::string& why) const;

  SourceFiles& files_;
  Diagnostics& diag_;
  MacroTable& macros_;
  std::vector<Input> stack_;
  std::vector<std::string> paths_;
  std::size_t total_ = 0;
  std::vector<std::pair<std::string, Pos>> permissions_;  ///< "remex: allow" comments that wait for their line
};

/// Everything a section parser needs. One per load.
struct ReaderState {
  Config& config;
  Diagnostics& diag;
  MacroTable& macros;
  LineReader& lines;
  const LoadOptions& options;
  std::vector<std::pair<std::string_view, DriverKind>> hidden;  ///< hide on a driver option counts for all instances
  std::set<std::uint64_t> broken;                               ///< places of driver instances with errors
  CompileContext context(std::string where) const { return {config.registries.get(), &diag, std::move(where)}; }
};

/// `name`, what follows it, and flags of one "name = value" line.
struct Setting {
  SourceText line;
  std::string name;  ///< without no_ / not_ (when that makes a known option)
  Pos name_pos;
  std::uint32_t name_length = 0;
  bool negated = false;
  bool has_value = false;
  bool hidden = false;
  SourceText value;  ///< raw, behind "=" and blanks
  Pos junk;          ///< where something else than "=" follows the name (line 0: nothing does)
};

/// Splits an option line. False with a diagnostic when it is none; a missing "=" is complained of by check_equals(),
/// once the option is known.
bool parse_setting(ReaderState& st, const SourceText& line, const std::string& who, Setting& out);
/// False with a diagnostic when something else than "=" follows the name.
bool check_equals(Diagnostics& diag, const Setting& s, const std::string& where);
/// Takes the quotes off a quoted value and resolves its escapes. False with a diagnostic.
bool unquote(Diagnostics& diag, const SourceText& raw, const std::string& name, SourceText& out);
/// The next word of a retry or rewrite rule: quoted (escapes resolved) or up to a blank. `at` moves behind it and the
/// blanks that follow. False with a diagnostic.
bool next_word(Diagnostics& diag, const SourceText& line, std::size_t& at, SourceText& out);
/// Parses the value by type and stores it in the member of `target`. False with a diagnostic.
/// `where` is like `router "local": ` (may be empty) for messages.
bool apply_option(ReaderState& st, const OptionDef& def, void* target, const Setting& s, const std::string& where,
                  SourceText& stored);
/// Seconds of "1d12h", or nothing.
std::optional<std::int64_t> parse_time(std::string_view text);
/// Exim's integer: decimal, 0octal, 0xhex, K M G.
std::optional<std::int64_t> parse_config_integer(std::string_view text);
/// "1w2d" of seconds, as Exim prints it.
std::string format_time(std::int64_t seconds);

/// If `line` defines a macro: does it and returns true.
bool try_macro(ReaderState& st, const SourceText& line);
/// A section's parser reads lines until `begin` or the end; the `begin` line is returned.
std::optional<SourceText> read_main_section(ReaderState& st);
std::optional<SourceText> read_drivers(ReaderState& st, DriverKind kind);
std::optional<SourceText> read_acls(ReaderState& st);
std::optional<SourceText> read_retry(ReaderState& st);
std::optional<SourceText> read_rewrite(ReaderState& st);
bool is_begin(std::string_view line);

/// Names that refer to each other across sections (reader_check.cc).
void check_references(ReaderState& st);

}  // namespace remex::lang
