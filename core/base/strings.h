// Byte-string helpers (C locale, ASCII). No I/O, no locale, no allocation surprises.
#pragma once

#include <concepts>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace remex {

inline char ascii_lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }
inline char ascii_upper(char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; }
inline bool is_digit(char c) { return c >= '0' && c <= '9'; }
inline bool is_alpha(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
inline bool is_alnum(char c) { return is_alpha(c) || is_digit(c); }
/// Space, tab, newline, vertical tab, form feed, carriage return.
inline bool is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }
inline bool is_printable(char c) { return c >= 32 && c < 127; }

std::string to_lower(std::string_view s);
std::string to_upper(std::string_view s);
bool iequals(std::string_view a, std::string_view b);
/// For hash tables whose keys compare caselessly (ASCII). Not for keys that a stranger chooses: it has no secret.
struct CaselessHash {
  std::size_t operator()(std::string_view s) const;
};
struct CaselessEqual {
  bool operator()(std::string_view a, std::string_view b) const { return iequals(a, b); }
};
bool istarts_with(std::string_view s, std::string_view prefix);
bool iends_with(std::string_view s, std::string_view suffix);
std::string_view trim(std::string_view s);
std::string_view trim_left(std::string_view s);
std::string_view trim_right(std::string_view s);
/// The parts are views into `s`, which must outlive them; hence not of a temporary string.
std::vector<std::string_view> split(std::string_view s, char sep);
template <typename S>
  requires std::same_as<S, std::string>
void split(S&& s, char sep) = delete;
std::string join(const std::vector<std::string>& parts, std::string_view sep);
std::string replace_all(std::string_view s, std::string_view from, std::string_view to);

/// Whole-string decimal; nullopt on junk, sign errors or overflow.
std::optional<std::int64_t> parse_int(std::string_view s);
std::optional<std::uint64_t> parse_uint(std::string_view s, int base = 10);

std::string hex_encode(std::string_view bytes, bool upper = false);
std::optional<std::string> hex_decode(std::string_view hex);
std::string base64_encode(std::string_view bytes);
/// Ignores white space when `lenient`; nullopt on a bad character, length or padding.
std::optional<std::string> base64_decode(std::string_view text, bool lenient = false);

/// Bytes outside 32..126 and backslash as \n \r \t \ooo, so that foreign bytes may stand in a log line.
std::string printable(std::string_view s);

/// Edit distance for "did you mean"; the nearest candidate within a third of the length, or empty.
std::string_view nearest(std::string_view word, const std::vector<std::string_view>& candidates);

/// An octet below 32, or DEL: in an address it would end a command of SMTP, or a line of a log or file.
bool has_control(std::string_view s);

/// Is a component of the path ".."? It leads out of where the path begins.
bool has_dot_dot(std::string_view path);

}  // namespace remex
