// Physical lines to logical lines.
#include "lang/reader.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <algorithm>
#include <cerrno>
#include <cstring>

#include <fmt/format.h>

#include "core/base/strings.h"

namespace remex::lang {
namespace {

bool blank(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\f' || c == '\v'; }

std::size_t skip_blanks(std::string_view s, std::size_t i = 0) {
  while (i < s.size() && blank(s[i])) ++i;
  return i;
}

constexpr std::string_view kDirectives[] = {".include_if_exists", ".include",  ".ifdef", ".ifndef",
                                            ".elifdef",           ".elifndef", ".else",  ".endif"};

// The directive at the start of a line, or empty.
std::string_view directive_word(std::string_view line) {
  const std::size_t i = skip_blanks(line);
  if (i >= line.size() || line[i] != '.') return {};
  std::size_t end = i + 1;
  while (end < line.size() && (is_alpha(line[end]) || line[end] == '_')) ++end;
  const std::string_view word = line.substr(i, end - i);
  for (const std::string_view d : kDirectives)
    if (word == d) return d;
  return {};
}

}  // namespace

bool LineReader::read_file(const std::string& path, std::string& out, std::string& why) const {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
  if (fd < 0) {
    why = std::strerror(errno);
    return false;
  }
  struct stat st{};
  bool ok = ::fstat(fd, &st) == 0 && (S_ISREG(st.st_mode) || S_ISFIFO(st.st_mode) || S_ISCHR(st.st_mode));
  if (!ok) why = "it is not a file";
  char buffer[16384];
  while (ok) {
    const ssize_t n = ::read(fd, buffer, sizeof buffer);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && errno == EAGAIN) {  // a pipe (process substitution) whose writer has not come yet
      ::usleep(1000);
      continue;
    }
    if (n <= 0) {
      ok = n == 0;
      if (!ok) why = std::strerror(errno);
      break;
    }
    out.append(buffer, static_cast<std::size_t>(n));
    if (out.size() > kMaxFile) {
      why = "it is larger than 8M";
      ok = false;
    }
  }
  ::close(fd);
  return ok;
}

bool LineReader::open_file(const std::string& path) {
  std::string text, why;
  if (!read_file(path, text, why)) {
    diag_.error("cannot-read", {}, 0, fmt::format("cannot read the configuration file {}: {}", path, why));
    return false;
  }
  open_text(path, text);
  return true;
}

void LineReader::open_text(const std::string& name, const std::string& text) {
  Input in;
  in.name = name;
  in.text = text;
  in.file = files_.add(name, text);
  paths_.push_back(name);
  if (!stack_.empty()) in.included_at = stack_.back().line;
  if (listing != nullptr && !stack_.empty())
    listing->push_back(fmt::format("# {} \"{}\"", in.included_at, stack_.back().name));
  if (listing != nullptr) listing->push_back(fmt::format("# 1 \"{}\"", name));
  stack_.push_back(std::move(in));
}

bool LineReader::active() const {
  const Input& in = stack_.back();
  return in.conditionals.empty() || in.conditionals.back().active;
}

void LineReader::pop() {
  for (const Conditional& c : stack_.back().conditionals)
    diag_.error("missing-endif", c.pos, 6, "this condition has no .endif before the end of the file");
  const std::uint32_t back_at = stack_.back().included_at;
  stack_.pop_back();
  if (listing != nullptr && !stack_.empty())
    listing->push_back(fmt::format("# {} \"{}\"", back_at, stack_.back().name));
}

// The next line that is neither a directive nor skipped, macros replaced.
std::optional<SourceText> LineReader::physical_line() {
  while (!stack_.empty()) {
    Input& in = stack_.back();
    if (in.offset >= in.text.size()) {
      pop();
      continue;
    }
    std::size_t end = in.text.find('\n', in.offset);
    if (end == std::string::npos) end = in.text.size();
    std::string raw = in.text.substr(in.offset, end - in.offset);
    in.offset = end + 1;
    ++in.line;
    const Pos pos{in.file, in.line, 1};
    if (Reading* r = diag_.reading(); r != nullptr) r->pos = pos;
    if (const std::size_t nul = raw.find('\0'); nul != std::string::npos) {
      diag_.error("nul-byte", {in.file, in.line, static_cast<std::uint32_t>(nul + 1)}, 1,
                  "a NUL byte in the configuration");
      std::replace(raw.begin(), raw.end(), '\0', ' ');
    }
    total_ += raw.size() + 1;
    if (raw.size() > MacroTable::kMaxLine) {
      diag_.error("line-too-long", pos, 1, "the line is longer than 1M");
      continue;
    }
    SourceText line(std::move(raw), pos);
    const std::string_view word = directive_word(line.text());
    if (!active() && (word.empty() || word.starts_with(".include"))) continue;
    std::size_t start = 0, name_end = 0;
    if (looks_like_macro_definition(line.text(), name_end)) start = name_end;
    bool too_long = false;
    // What stands in a comment stays in it, whatever it is replaced by.
    const std::size_t first = skip_blanks(line.text());
    const bool comment = first < line.text().size() && line.text()[first] == '#';
    const bool substituted = !comment && macros_.substitute(line, start, too_long);
    if (substituted) total_ += line.text().size();
    if (too_long || total_ > kMaxTotal) {
      diag_.error(
          "line-too-long", pos, 1,
          too_long ? "the line is longer than 1M after macro substitution" : "the configuration is larger than 32M");
      if (!too_long) stack_.clear();
      continue;
    }
    if (directive(line, substituted)) continue;
    return line;
  }
  return std::nullopt;
}

bool LineReader::directive(const SourceText& line, bool substituted) {
  const std::string_view text = line.text();
  const std::string_view word = directive_word(text);
  if (word.empty()) return !active();
  const std::size_t at = skip_blanks(text);
  if (word.starts_with(".include")) {
    include(line, at + word.size(), word == ".include");
  } else {
    conditional(word, line.at(at), substituted);
  }
  return true;
}

void LineReader::conditional(std::string_view word, Pos pos, bool substituted) {
  auto& stack = stack_.back().conditionals;
  const auto length = static_cast<std::uint32_t>(word.size());
  const bool truth = word.ends_with("ndef") ? !substituted : substituted;
  if (word == ".ifdef" || word == ".ifndef") {
    if (stack.size() >= 100) {
      diag_.error("conditions-too-deep", pos, length, "more than 100 nested conditions");
      return;
    }
    const bool outer = active();
    stack.push_back({pos, outer && truth, truth, outer});
    return;
  }
  if (stack.empty()) {
    diag_.error("stray-directive", pos, length, fmt::format("{} without .ifdef or .ifndef", word));
    return;
  }
  Conditional& c = stack.back();
  if (word == ".endif") {
    stack.pop_back();
    return;
  }
  if (c.seen_else) {
    diag_.error("stray-directive", pos, length, fmt::format("{} after .else", word));
    return;
  }
  const bool take = !c.taken && (word == ".else" || truth);
  c.active = c.outer && take;
  c.taken = c.taken || take;
  c.seen_else = word == ".else";
}

void LineReader::include(const SourceText& line, std::size_t argument, bool must_exist) {
  const std::string_view text = line.text();
  const std::size_t begin = skip_blanks(text, argument);
  const Pos pos = line.at(std::min(begin, text.size()));
  std::string path(trim(text.substr(begin)));
  const auto length = static_cast<std::uint32_t>(std::max<std::size_t>(path.size(), 1));
  if (path.size() >= 2 && path.front() == '"' && path.back() == '"') path = path.substr(1, path.size() - 2);
  if (path.empty()) {
    diag_.error("include-name", line.at(skip_blanks(text)), 8, "a file name is missing");
    return;
  }
  if (path[0] != '/') {
    if (!must_exist) {
      diag_.error("include-name", pos, length, fmt::format("\"{}\" is not an absolute path", path),
                  ".include_if_exists needs one");
      return;
    }
    const std::string& current = stack_.back().name;
    const std::size_t slash = current.rfind('/');
    if (slash != std::string::npos) path = current.substr(0, slash + 1) + path;
  }
  for (const Input& in : stack_)
    if (in.name == path) {
      std::string chain;
      for (const Input& other : stack_) chain += other.name + " -> ";
      diag_.error("include-loop", pos, length, "this file includes itself").notes.push_back(chain + path);
      return;
    }
  if (stack_.size() >= kMaxDepth || paths_.size() >= kMaxFiles) {
    diag_.error("include-depth", pos, length, "too many nested or too many included files");
    return;
  }
  std::string content, why;
  if (!must_exist && ::access(path.c_str(), F_OK) != 0 && (errno == ENOENT || errno == ENOTDIR)) return;
  if (!read_file(path, content, why)) {
    diag_.error("cannot-read", pos, length, fmt::format("cannot read the included file {}: {}", path, why));
    return;
  }
  open_text(path, content);
}

namespace {

// Runs of blanks outside quotes become one, as -bP config shows lines.
std::string tidy(std::string_view line) {
  std::string out;
  bool quoted = false;
  for (std::size_t i = 0; i < line.size(); ++i) {
    if (line[i] == '"' && (i == 0 || line[i - 1] != '\\')) quoted = !quoted;
    if (!quoted && blank(line[i])) {
      if (!out.empty() && out.back() != ' ') out += ' ';
    } else {
      out += line[i];
    }
  }
  return out;
}

}  // namespace

// "# remex: allow W0601, W0502 because ..." belongs to the logical line that follows, or that it stands in.
void LineReader::note_permission(const SourceText& line, std::size_t at) {
  const std::string_view text = line.text();
  constexpr std::string_view kWord = "remex:", kAllow = "allow";
  at = skip_blanks(text, at);
  if (!text.substr(at).starts_with(kWord)) return;
  at = skip_blanks(text, at + kWord.size());
  if (!text.substr(at).starts_with(kAllow) || at + kAllow.size() >= text.size() || !blank(text[at + kAllow.size()]))
    return;
  at = skip_blanks(text, at + kAllow.size());
  std::size_t end = at;
  while (end < text.size()) {
    std::size_t word = end;
    while (word < text.size() && (is_alnum(text[word]) || text[word] == '-')) ++word;
    end = word;
    const std::size_t next = skip_blanks(text, word);
    if (next >= text.size() || text[next] != ',') break;
    end = skip_blanks(text, next + 1);
  }
  permissions_.push_back({std::string(text.substr(at, end - at)), line.at(at)});
}

void LineReader::grant_permissions(Pos first, std::uint32_t last) {
  for (const auto& [codes, pos] : permissions_)
    diag_.allow(first.file, first.line, std::max(first.line, last), codes, pos);
  permissions_.clear();
}

std::optional<SourceText> LineReader::next() {
  auto line = joined_line();
  if (line && listing != nullptr) listing->push_back(tidy(line->text()));
  return line;
}

std::optional<SourceText> LineReader::joined_line() {
  SourceText logical;
  Pos first;
  std::uint32_t last = 0;
  bool continued = false;
  while (auto line = physical_line()) {
    const std::string_view text = line->text();
    const std::size_t begin = skip_blanks(text);
    if (begin < text.size() && text[begin] == '#') {
      note_permission(*line, begin + 1);
      continue;
    }
    std::size_t end = text.size();
    while (end > begin && blank(text[end - 1])) --end;
    const bool more = end > begin && text[end - 1] == '\\';
    if (more) --end;
    if (logical.empty()) first = line->at(0);
    last = line->at(0).line;
    logical.append(*line, begin, end - begin);
    if (logical.text().size() > MacroTable::kMaxLine) {
      diag_.error("line-too-long", line->at(0), 1, "the line with its continuations is longer than 1M");
      return SourceText("x", line->at(0));
    }
    continued = more;
    if (more) continue;
    std::size_t n = logical.text().size();
    while (n > 0 && blank(logical.text()[n - 1])) --n;
    if (n == 0) {
      logical = SourceText();
      continue;
    }
    grant_permissions(first, last);
    if (Reading* r = diag_.reading(); r != nullptr) r->line = logical.text().substr(0, n);
    return n == logical.text().size() ? std::move(logical) : logical.substr(0, n);
  }
  if (continued && !trim(logical.text()).empty()) {
    if (Reading* r = diag_.reading(); r != nullptr) r->line = trim_right(logical.text());
    return logical.substr(0, trim_right(logical.text()).size());
  }
  return std::nullopt;
}

}  // namespace remex::lang
