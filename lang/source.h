// Where every character of the configuration came from, so that a diagnostic can show it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace remex::lang {

using FileId = std::uint16_t;

/// A place in a configuration file; 1-based. file 0 = not from a file (command line, expansion test).
struct Pos {
  FileId file = 0;
  std::uint32_t line = 0;
  std::uint32_t column = 0;
};

/// Text together with the origin of its pieces (continuation lines, macros and includes break it up).
class SourceText {
 public:
  SourceText() = default;
  explicit SourceText(std::string text, Pos pos = {}) : text_(std::move(text)) { map_.push_back({0, pos, false}); }
  const std::string& text() const { return text_; }
  bool empty() const { return text_.empty(); }
  /// The origin of the character at `offset`.
  Pos at(std::size_t offset) const;
  /// Appends `piece` whose first character stands at `pos`.
  void append(std::string_view piece, Pos pos);
  /// Appends `piece` that stands for what is written at `pos` (a macro): every character of it comes from there.
  void append_fixed(std::string_view piece, Pos pos);
  /// Appends a part of another text, origins kept.
  void append(const SourceText& other, std::size_t offset = 0, std::size_t n = std::string::npos);
  /// A part, origins kept.
  SourceText substr(std::size_t offset, std::size_t n = std::string::npos) const;

 private:
  struct Piece {
    std::size_t offset;
    Pos pos;
    bool fixed = false;  ///< all characters come from pos itself
  };
  std::string text_;
  std::vector<Piece> map_;
};

/// The files read, kept for showing lines in diagnostics.
class SourceFiles {
 public:
  FileId add(std::string name, std::string content);
  const std::string& name(FileId id) const;
  /// Text of a line without its end; empty when unknown.
  std::string_view line(FileId id, std::uint32_t line) const;
  /// Number of files; ids are 1..count().
  std::size_t count() const { return files_.size(); }
  const std::string& content(FileId id) const { return files_[id - 1U].content; }
  /// Number of lines of a file (0 when unknown).
  std::size_t line_count(FileId id) const;
  /// "file:line" ("" for file 0).
  std::string where(Pos p) const;

 private:
  struct File {
    std::string name, content;
    std::vector<std::size_t> line_starts;
  };
  std::vector<File> files_;
};

}  // namespace remex::lang
