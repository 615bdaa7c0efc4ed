// See exim_words.h. A "#" begins a comment where a word could begin, never inside one.
#include "lang/filter/exim_words.h"

#include <fmt/format.h>

#include "core/base/strings.h"

namespace remex::lang::filter {
namespace {

constexpr std::size_t kMaxWord = 1024;

bool is_octal(char c) { return c >= '0' && c <= '7'; }

int hex_value(char c) {
  if (is_digit(c)) return c - '0';
  const char l = ascii_lower(c);
  return l >= 'a' && l <= 'f' ? l - 'a' + 10 : -1;
}

}  // namespace

Words::Words(std::string_view text) : text_(text) {
  // The first line is a comment as any other.
  skip();
}

void Words::skip() {
  while (pos_ < text_.size()) {
    const char c = text_[pos_];
    if (c == '#') {
      pos_ = std::min(text_.find('\n', pos_), text_.size());
    } else if (is_space(c)) {
      if (c == '\n') ++line_;
      ++pos_;
    } else {
      return;
    }
  }
}

std::unexpected<Error> Words::mistake(std::string_view text) const {
  return fail(ErrorKind::config, fmt::format("{} near line {} of filter file", text, line_));
}

Result<std::string> Words::word(bool bracket) {
  const std::size_t begin = pos_;
  const auto ends = [&](char c) { return is_space(c) || (bracket && (c == '(' || c == ')')); };
  if (bracket && (peek() == '(' || peek() == ')'))
    ++pos_;
  else
    while (pos_ < text_.size() && !ends(text_[pos_])) ++pos_;
  if (pos_ - begin >= kMaxWord)
    return fail(ErrorKind::config,
                fmt::format("word is too long in line {} of filter file (max = {} chars)", line_, kMaxWord));
  std::string out(text_.substr(begin, pos_ - begin));
  skip();
  return out;
}

bool Words::take(std::string_view wanted, bool bracket) {
  const std::size_t pos = pos_;
  const std::uint32_t line = line_;
  const auto next = word(bracket);
  if (next && *next == wanted) return true;
  pos_ = pos;
  line_ = line;
  return false;
}

/// Behind a backslash; a line end was dealt with before.
char Words::escape() {
  const char c = text_[pos_++];
  if (c == 'n') return '\n';
  if (c == 'r') return '\r';
  if (c == 't') return '\t';
  int value = 0;
  if (is_octal(c)) {
    value = c - '0';
    for (int i = 0; i < 2 && is_octal(peek()); ++i) value = value * 8 + (text_[pos_++] - '0');
    return static_cast<char>(value);
  }
  if (c != 'x') return c;
  for (int i = 0; i < 2 && hex_value(peek()) >= 0; ++i) value = value * 16 + hex_value(text_[pos_++]);
  return static_cast<char>(value);
}

Result<std::string> Words::quoted() {
  const std::uint32_t begin = line_;
  std::string out;
  ++pos_;
  while (pos_ < text_.size() && text_[pos_] != '"' && text_[pos_] != '\n') {
    if (out.size() + 1 >= kMaxWord)
      return fail(ErrorKind::config,
                  fmt::format("string is too long in line {} of filter file (max = {} chars)", begin, kMaxWord));
    if (text_[pos_] != '\\') {
      out += text_[pos_++];
      continue;
    }
    if (++pos_ >= text_.size()) break;
    if (text_.substr(pos_).starts_with("\r\n")) ++pos_;
    if (text_[pos_] != '\n') {
      out += escape();
      continue;
    }
    ++line_;
    ++pos_;
    while (peek() == ' ' || peek() == '\t') ++pos_;
  }
  if (peek() != '"') return fail(ErrorKind::config, fmt::format("quote missing at end of string in line {}", line_));
  ++pos_;
  skip();
  return out;
}

Result<std::string> Words::item(bool bracket) { return peek() == '"' ? quoted() : word(bracket); }

}  // namespace remex::lang::filter
