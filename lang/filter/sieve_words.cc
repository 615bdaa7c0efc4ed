// See sieve_words.h.
#include "lang/filter/sieve_words.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>

#include "core/base/strings.h"

namespace remex::lang::filter::sieve {
namespace {

constexpr std::size_t kMaxString = 1U << 20U;

bool is_word_start(char c) { return is_alpha(c) || c == '_'; }
bool is_word_char(char c) { return is_alnum(c) || c == '_'; }

void append_utf8(std::string& out, std::uint32_t c) {
  const auto put = [&out](std::uint32_t byte) { out += static_cast<char>(byte); };
  if (c < 0x80) {
    put(c);
  } else if (c < 0x800) {
    put(0xC0U | c >> 6U);
    put(0x80U | (c & 0x3FU));
  } else if (c < 0x10000) {
    put(0xE0U | c >> 12U);
    put(0x80U | (c >> 6U & 0x3FU));
    put(0x80U | (c & 0x3FU));
  } else {
    put(0xF0U | c >> 18U);
    put(0x80U | (c >> 12U & 0x3FU));
    put(0x80U | (c >> 6U & 0x3FU));
    put(0x80U | (c & 0x3FU));
  }
}

/// What stands between "${hex:" or "${unicode:" and "}"; nullopt: it is no such thing and stays as it is.
/// `bad`: a code point that does not exist.
std::optional<std::string> decode_characters(std::string_view list, bool unicode, bool& bad) {
  std::string out;
  bool any = false;
  for (list = trim(list); !list.empty(); list = trim_left(list)) {
    std::size_t n = 0;
    while (n < list.size() && !is_space(list[n])) ++n;
    std::uint32_t value = 0;
    const auto [end, error] = std::from_chars(list.data(), list.data() + n, value, 16);
    if (error != std::errc() || end != list.data() + n || (!unicode && n > 2)) return std::nullopt;
    if (unicode) {
      bad = bad || value > 0x10FFFF || (value >= 0xD800 && value <= 0xDFFF);
      if (!bad) append_utf8(out, value);
    } else {
      out += static_cast<char>(value);
    }
    any = true;
    list.remove_prefix(n);
  }
  return any ? std::optional(out) : std::nullopt;
}

}  // namespace

std::unexpected<Error> Tokens::mistake(std::string_view text) const {
  return fail(ErrorKind::config, fmt::format("{} in line {}", text, before_));
}

Status Tokens::skip() {
  while (pos_ < text_.size()) {
    const char c = text_[pos_];
    if (is_space(c)) {
      if (c == '\n') ++line_;
      ++pos_;
    } else if (c == '#') {
      pos_ = std::min(text_.find('\n', pos_), text_.size());
    } else if (text_.substr(pos_).starts_with("/*")) {
      const std::size_t end = text_.find("*/", pos_ + 2);
      if (end == std::string_view::npos) {
        before_ = line_;
        return mistake("missing end of comment");
      }
      line_ += static_cast<std::uint32_t>(std::count(text_.begin() + static_cast<std::ptrdiff_t>(pos_),
                                                     text_.begin() + static_cast<std::ptrdiff_t>(end), '\n'));
      pos_ = end + 2;
    } else {
      break;
    }
  }
  return {};
}

Status Tokens::read_string() {
  ++pos_;
  while (pos_ < text_.size() && text_[pos_] != '"') {
    char c = text_[pos_];
    if (c == '\\' && pos_ + 1 < text_.size()) {
      c = text_[++pos_];
      if (c == '0') c = '\0';
    }
    if (c == '\n') ++line_;
    now_.text += c;
    ++pos_;
    if (now_.text.size() > kMaxString) return mistake("string is too long");
  }
  if (pos_ >= text_.size()) return mistake("missing end of string");
  ++pos_;
  return {};
}

/// "text:" and lines up to one that is a single dot.
Status Tokens::read_text() {
  while (pos_ < text_.size() && (text_[pos_] == ' ' || text_[pos_] == '\t')) ++pos_;
  if (pos_ < text_.size() && text_[pos_] == '#') pos_ = std::min(text_.find('\n', pos_), text_.size());
  if (pos_ < text_.size() && text_[pos_] == '\r') ++pos_;
  if (pos_ >= text_.size() || text_[pos_] != '\n') return mistake("syntax error");
  ++pos_;
  ++line_;
  while (pos_ < text_.size()) {
    const std::size_t end = text_.find('\n', pos_);
    std::string_view line = text_.substr(pos_, end - pos_);
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line == ".") {
      pos_ += 1;  // what follows on the line is blank
      return {};
    }
    if (end == std::string_view::npos) break;
    if (line.starts_with('.')) line.remove_prefix(1);
    now_.text += line;
    now_.text += '\n';
    if (now_.text.size() > kMaxString) return mistake("string is too long");
    pos_ = end + 1;
    ++line_;
  }
  return mistake("missing end of string");
}

Status Tokens::decode() {
  std::string out;
  std::string_view rest = now_.text;
  for (std::size_t at = rest.find("${"); at != std::string_view::npos; at = rest.find("${")) {
    out += rest.substr(0, at);
    rest.remove_prefix(at);
    const std::size_t end = rest.find('}');
    const bool hex = istarts_with(rest, "${hex:"), unicode = istarts_with(rest, "${unicode:");
    bool bad = false;
    std::optional<std::string> value;
    if (end != std::string_view::npos && (hex || unicode)) {
      const std::size_t begin = hex ? 6 : 10;
      value = decode_characters(rest.substr(begin, end - begin), unicode, bad);
    }
    if (bad) return mistake("unicode character out of range");
    out += value ? *value : std::string(rest.substr(0, 2));
    rest.remove_prefix(value ? end + 1 : 2);
  }
  now_.text = out + std::string(rest);
  return {};
}

Status Tokens::advance() {
  before_ = line_;
  REMEX_CHECK(skip());
  now_ = {};
  if (pos_ >= text_.size()) return {};
  if (now_.kind == Token::Kind::end) before_ = line_;
  const char c = text_[pos_];
  if (c == '"') {
    now_.kind = Token::Kind::string;
    REMEX_CHECK(read_string());
    return encoded_characters ? decode() : Status{};
  }
  if (is_word_start(c) || (c == ':' && pos_ + 1 < text_.size() && is_word_start(text_[pos_ + 1]))) {
    const bool tag = c == ':';
    const std::size_t begin = pos_ += tag ? 1 : 0;
    while (pos_ < text_.size() && is_word_char(text_[pos_])) ++pos_;
    now_.kind = tag ? Token::Kind::tag : Token::Kind::word;
    now_.text = to_lower(text_.substr(begin, pos_ - begin));
    if (!tag && now_.text == "text" && pos_ < text_.size() && text_[pos_] == ':') {
      ++pos_;
      now_ = {Token::Kind::string, {}, 0};
      REMEX_CHECK(read_text());
      return encoded_characters ? decode() : Status{};
    }
    return {};
  }
  if (is_digit(c)) {
    const std::size_t begin = pos_;
    while (pos_ < text_.size() && is_digit(text_[pos_])) ++pos_;
    const auto n = parse_uint(text_.substr(begin, pos_ - begin));
    unsigned shift = 0;
    if (pos_ < text_.size()) {
      const char unit = ascii_lower(text_[pos_]);
      shift = unit == 'k' ? 10 : unit == 'm' ? 20 : unit == 'g' ? 30 : 0;
      if (shift != 0) ++pos_;
    }
    if (!n || *n > UINT64_MAX >> shift) return mistake("number is too large");
    now_ = {Token::Kind::number, {}, *n << shift};
    return {};
  }
  now_.kind = Token::Kind::mark;
  now_.text = std::string(1, c);
  ++pos_;
  return {};
}

}  // namespace remex::lang::filter::sieve
