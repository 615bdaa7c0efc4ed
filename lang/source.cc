// Origins of configuration text. Pure bookkeeping: no I/O, nothing fails; an unknown place is Pos{}.
#include "lang/source.h"

#include <algorithm>

#include <fmt/format.h>

namespace remex::lang {

Pos SourceText::at(std::size_t offset) const {
  if (map_.empty()) return {};
  auto it =
      std::upper_bound(map_.begin(), map_.end(), offset, [](std::size_t o, const Piece& p) { return o < p.offset; });
  if (it != map_.begin()) --it;
  Pos pos = it->pos;
  if (!it->fixed && pos.line != 0 && offset > it->offset) pos.column += static_cast<std::uint32_t>(offset - it->offset);
  return pos;
}

void SourceText::append(std::string_view piece, Pos pos) {
  if (piece.empty() && !map_.empty()) return;
  map_.push_back({text_.size(), pos, false});
  text_ += piece;
}

void SourceText::append_fixed(std::string_view piece, Pos pos) {
  if (piece.empty() && !map_.empty()) return;
  map_.push_back({text_.size(), pos, true});
  text_ += piece;
}

void SourceText::append(const SourceText& other, std::size_t offset, std::size_t n) {
  if (offset > other.text_.size()) return;
  n = std::min(n, other.text_.size() - offset);
  if (n == 0 && !map_.empty()) return;
  const std::size_t base = text_.size();
  text_.append(other.text_, offset, n);
  if (other.map_.empty()) return;
  auto it = std::upper_bound(other.map_.begin(), other.map_.end(), offset,
                             [](std::size_t o, const Piece& p) { return o < p.offset; });
  if (it != other.map_.begin()) --it;
  map_.push_back({base, other.at(offset), it->fixed});
  for (++it; it != other.map_.end() && it->offset < offset + n; ++it)
    map_.push_back({base + (it->offset - offset), it->pos, it->fixed});
}

SourceText SourceText::substr(std::size_t offset, std::size_t n) const {
  SourceText out;
  out.append(*this, offset, n);
  return out;
}

FileId SourceFiles::add(std::string name, std::string content) {
  File f{std::move(name), std::move(content), {0}};
  for (std::size_t i = 0; (i = f.content.find('\n', i)) != std::string::npos;) f.line_starts.push_back(++i);
  files_.push_back(std::move(f));
  return static_cast<FileId>(files_.size());
}

const std::string& SourceFiles::name(FileId id) const {
  static const std::string none;
  return id == 0 || id > files_.size() ? none : files_[id - 1U].name;
}

std::string_view SourceFiles::line(FileId id, std::uint32_t line) const {
  if (id == 0 || id > files_.size()) return {};
  const File& f = files_[id - 1U];
  if (line == 0 || line > f.line_starts.size()) return {};
  const std::size_t begin = f.line_starts[line - 1];
  std::size_t end = line < f.line_starts.size() ? f.line_starts[line] - 1 : f.content.size();
  if (end > begin && f.content[end - 1] == '\r') --end;
  return std::string_view(f.content).substr(begin, end - begin);
}

std::size_t SourceFiles::line_count(FileId id) const {
  return id == 0 || id > files_.size() ? 0 : files_[id - 1U].line_starts.size();
}

std::string SourceFiles::where(Pos p) const {
  if (p.file == 0) return {};
  return fmt::format("{}:{}", name(p.file), p.line);
}

}  // namespace remex::lang
