// Collecting and showing what is wrong with a configuration. Bytes of the file are shown printable, long lines are cut
// around the place; collecting is bounded (a hostile file cannot make the list grow without end).
#include "lang/diagnostics.h"

#include <algorithm>
#include <unordered_map>
#include <utility>

#include <fmt/format.h>

#include "core/base/strings.h"
#include "core/hooks/hooks.h"
#include "lang/diagnostic_kinds.h"
#include "lang/exim_wording.h"

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

const char* word(Severity s) { return s == Severity::error ? "error" : s == Severity::warning ? "warning" : "hint"; }

// "E0203 unknown-option"; a kind without an entry (a test looks for those) shows its name.
std::string label(const std::string& name) {
  const DiagnosticKind* kind = find_diagnostic_kind(name);
  return kind == nullptr ? name : fmt::format("{} {}", kind->code, kind->name);
}

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

std::string json_string(std::string_view s) {
  std::string out = "\"";
  for (const char c : s) {
    if (c == '"' || c == '\\')
      out += {'\\', c};
    else if (static_cast<unsigned char>(c) < 32 || c == 127)
      out += fmt::format("\\u{:04x}", static_cast<unsigned char>(c));
    else
      out += c;
  }
  return out + '"';
}

Diagnostic& Diagnostics::add(Diagnostic d) {
  if (list_.size() >= kKeep) {  // only counted from here on; the last place is reused so that the caller may add notes
    static thread_local Diagnostic dropped;
    return dropped = std::move(d);
  }
  return list_.emplace_back(std::move(d));
}

Diagnostics::Diagnostics(SourceFiles& files) : files_(&files), following_(hooks::active()) {}

Diagnostic& Diagnostics::error(std::string code, Pos pos, std::uint32_t length, std::string message, std::string hint) {
  if (following_ && exim_finds_later(code, message)) {
    static thread_local Diagnostic dropped;
    return dropped = Diagnostic{};
  }
  ++errors_;
  Diagnostic& made = add({Severity::error, std::move(code), std::move(message), pos, length, std::move(hint), {}});
  if (following_) made.reading = std::make_shared<const Reading>(reading_);
  return made;
}

Diagnostic& Diagnostics::warning(std::string code, Pos pos, std::uint32_t length, std::string message,
                                 std::string hint) {
  return add({Severity::warning, std::move(code), std::move(message), pos, length, std::move(hint), {}});
}

Diagnostic& Diagnostics::hint(std::string code, Pos pos, std::uint32_t length, std::string message, std::string hint) {
  return add({Severity::note, std::move(code), std::move(message), pos, length, std::move(hint), {}});
}

void Diagnostics::allow(FileId file, std::uint32_t first, std::uint32_t last, std::string_view codes, Pos pos) {
  for (const std::string_view part : split(codes, ','))
    if (const std::string_view code = trim(part); !code.empty() && permissions_.size() < kKeep)
      permissions_.push_back({file, first, last, std::string(code), pos});
}

void Diagnostics::finish(bool unused) {
  if (permissions_.empty()) return;
  std::vector<Permission> permissions = std::exchange(permissions_, {});
  // By place, so that many comments and many reports meet in little time.
  std::unordered_map<std::uint64_t, std::vector<Permission*>> by_line;
  for (Permission& p : permissions)
    for (std::uint32_t line = p.first; line <= p.last && line - p.first < kKeep; ++line)
      by_line[(std::uint64_t{p.file} << 32U) | line].push_back(&p);
  const auto allowed = [&](const Diagnostic& d) {
    if (d.severity == Severity::error) return false;
    const auto it = by_line.find((std::uint64_t{d.pos.file} << 32U) | d.pos.line);
    if (it == by_line.end()) return false;
    bool any = false;
    for (Permission* p : it->second) {
      const DiagnosticKind* kind = find_diagnostic_kind(p->code);
      if (kind == nullptr || kind->name != d.code) continue;
      p->used = any = true;
    }
    return any;
  };
  std::erase_if(list_, allowed);
  for (const Permission& p : permissions) {
    const DiagnosticKind* kind = find_diagnostic_kind(p.code);
    const auto length = static_cast<std::uint32_t>(p.code.size());
    if (kind == nullptr)
      warning("allow-unknown", p.pos, length, fmt::format("\"{}\" is not the code of a warning", p.code));
    else if (kind->code[0] == 'E')
      warning("allow-unknown", p.pos, length, fmt::format("{} is an error: it cannot be allowed", kind->code));
    else if (unused && !p.used)
      hint("allow-unused", p.pos, length, fmt::format("{} is allowed here, but there is nothing to allow", p.code));
  }
}

void Diagnostics::promote_warnings() {
  for (Diagnostic& d : list_) {
    if (d.severity != Severity::warning) continue;
    d.severity = Severity::error;
    ++errors_;
  }
}

std::vector<const Diagnostic*> Diagnostics::sorted() const {
  std::vector<const Diagnostic*> out;
  out.reserve(list_.size());
  for (const Diagnostic& d : list_) out.push_back(&d);
  std::stable_sort(out.begin(), out.end(), [](const Diagnostic* a, const Diagnostic* b) {
    if (a->pos.file != b->pos.file) return a->pos.file < b->pos.file;
    return a->pos.line != b->pos.line ? a->pos.line < b->pos.line : a->pos.column < b->pos.column;
  });
  return out;
}

std::string Diagnostics::render(std::size_t limit) const {
  std::string out;
  std::size_t errors = 0;
  for (const Diagnostic* d : sorted()) {
    if (d->severity == Severity::error && ++errors > limit) continue;
    if (!out.empty()) out += '\n';
    out += fmt::format("{}: {} [{}]\n", word(d->severity), shown(d->message), label(d->code));
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

std::string Diagnostics::render_json() const {
  std::string out = "[";
  for (const Diagnostic* d : sorted()) {
    const DiagnosticKind* kind = find_diagnostic_kind(d->code);
    out += fmt::format(
        "{}\n{{\"code\": {}, \"name\": {}, \"severity\": \"{}\", \"message\": {}, \"file\": {}, \"line\": {}, "
        "\"column\": "
        "{}, \"length\": {}, \"hint\": {}, \"notes\": [",
        out.size() > 1 ? "," : "", json_string(kind == nullptr ? "" : kind->code), json_string(d->code),
        word(d->severity), json_string(d->message), json_string(files_->name(d->pos.file)), d->pos.line, d->pos.column,
        d->length, json_string(d->hint));
    for (std::size_t i = 0; i < d->notes.size(); ++i) out += (i > 0 ? ", " : "") + json_string(d->notes[i]);
    out += "]}";
  }
  return out + "\n]\n";
}

std::string Diagnostics::one_line(const Diagnostic& d) const {
  std::string text = shown(d.message);
  if (d.pos.file != 0) text += fmt::format(" in line {} of {}", d.pos.line, files_->name(d.pos.file));
  return text;
}

}  // namespace remex::lang
