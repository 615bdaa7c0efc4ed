// Collecting and showing what is wrong with a configuration. Bytes of the file are shown printable, long lines are cut
// around the place; collecting is bounded (a hostile file cannot make the list grow without end).
#include "lang/diagnostics.h"

#include <algorithm>

#include <fmt/format.h>

namespace remex::lang {
namespace {

constexpr std::size_t kKeep = 2000;       // diagnostics kept; further errors are only counted
constexpr std::size_t kLineLimit = 150;   // characters of a source line shown
constexpr std::size_t kBeforeCaret = 60;  // of them in front of the place when the line is cut

// Columns a terminal uses: every byte that does not continue a UTF-8 character.
std::size_t width(std::string_view s) {
  std::size_t n = 0;
  for (const char c : s) n += (static_cast<unsigned char>(c) & 0xC0U) != 0x80U;
  return n;
}

std::string shown(std::string_view s) {
  std::string out(s);
  for (char& c : out)
    if ((static_cast<unsigned char>(c) < 32 && c != '\t') || c == 127) c = '?';
  return out;
}

const char* word(Severity s) { return s == Severity::error ? "error" : s == Severity::warning ? "warning" : "note"; }

void render_place(std::string& out, const Diagnostic& d, const SourceFiles& files) {
  const std::string number = fmt::format("{}", d.pos.line);
  const std::string pad(number.size(), ' ');
  out += fmt::format("{} --> {}:{}:{}\n", pad, files.name(d.pos.file), d.pos.line, d.pos.column);
  std::string_view line = files.line(d.pos.file, d.pos.line);
  std::size_t begin = d.pos.column > 0 ? d.pos.column - 1U : 0;
  begin = std::min(begin, line.size());
  std::string_view front, back;
  if (line.size() > kLineLimit) {
    const std::size_t cut = begin > kBeforeCaret ? begin - kBeforeCaret : 0;
    if (cut > 0) front = "...";
    if (line.size() - cut > kLineLimit) back = "...";
    line = line.substr(cut, kLineLimit);
    begin -= cut;
  }
  const std::size_t length =
      std::max<std::size_t>(1, std::min<std::size_t>(std::max<std::uint32_t>(d.length, 1), line.size() - begin));
  std::string lead(front.size(), ' ');
  for (const char c : line.substr(0, begin)) {
    if (c == '\t')
      lead += '\t';
    else if ((static_cast<unsigned char>(c) & 0xC0U) != 0x80U)
      lead += ' ';
  }
  const std::size_t carets = std::max<std::size_t>(1, width(line.substr(begin, length)));
  out += fmt::format("{} |\n{} | {}{}{}\n{} | {}{}", pad, number, front, shown(line), back, pad, lead,
                     std::string(carets, '^'));
  if (!d.hint.empty()) out += ' ' + shown(d.hint);
  out += '\n';
  for (const std::string& n : d.notes) out += fmt::format("{} = {}\n", pad, shown(n));
}

}  // namespace

Diagnostic& Diagnostics::error(std::string code, Pos pos, std::uint32_t length, std::string message, std::string hint) {
  ++errors_;
  Diagnostic d{Severity::error, std::move(code), std::move(message), pos, length, std::move(hint), {}};
  if (list_.size() >= kKeep) {  // only counted from here on; the last place is reused so that the caller may add notes
    static thread_local Diagnostic dropped;
    return dropped = std::move(d);
  }
  return list_.emplace_back(std::move(d));
}

Diagnostic& Diagnostics::warning(std::string code, Pos pos, std::uint32_t length, std::string message,
                                 std::string hint) {
  Diagnostic d{Severity::warning, std::move(code), std::move(message), pos, length, std::move(hint), {}};
  if (list_.size() >= kKeep) {
    static thread_local Diagnostic dropped;
    return dropped = std::move(d);
  }
  return list_.emplace_back(std::move(d));
}

std::string Diagnostics::render(std::size_t limit) const {
  std::vector<const Diagnostic*> sorted;
  for (const Diagnostic& d : list_) sorted.push_back(&d);
  std::stable_sort(sorted.begin(), sorted.end(), [](const Diagnostic* a, const Diagnostic* b) {
    if (a->pos.file != b->pos.file) return a->pos.file < b->pos.file;
    return a->pos.line != b->pos.line ? a->pos.line < b->pos.line : a->pos.column < b->pos.column;
  });
  std::string out;
  std::size_t errors = 0;
  for (const Diagnostic* d : sorted) {
    if (d->severity == Severity::error && ++errors > limit) continue;
    if (!out.empty()) out += '\n';
    out += fmt::format("{}: {} [{}]\n", word(d->severity), shown(d->message), d->code);
    if (d->pos.file != 0) {
      render_place(out, *d, *files_);
    } else {
      if (!d->hint.empty()) out += fmt::format("  = {}\n", shown(d->hint));
      for (const std::string& n : d->notes) out += fmt::format("  = {}\n", shown(n));
    }
  }
  if (errors_ > limit) {
    const std::size_t more = errors_ - limit;
    out += fmt::format("\n... and {} more error{}\n", more, more == 1 ? "" : "s");
  }
  return out;
}

std::string Diagnostics::one_line(const Diagnostic& d) const {
  std::string text = shown(d.message);
  if (d.pos.file != 0) text += fmt::format(" in line {} of {}", d.pos.line, files_->name(d.pos.file));
  return text;
}

}  // namespace remex::lang
