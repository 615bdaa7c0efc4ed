// Splitting and joining list text (chapter 6 "List construction"). Pure; never fails.
#include <algorithm>

#include "core/base/strings.h"
#include "lang/list.h"
#include "lang/list_internal.h"

namespace remex::lang {

std::optional<char> take_separator(std::string_view& list) {
  std::string_view s = trim_left(list);
  if (s.size() < 2 || s[0] != '<') return std::nullopt;
  const char c = s[1];
  const bool control = static_cast<unsigned char>(c) < 32;
  if (!control && (!is_printable(c) || c == ' ' || is_alnum(c))) return std::nullopt;
  list = s.substr(2);
  return c;
}

std::vector<std::string> split_by(std::string_view s, char sep) {
  std::vector<std::string> out;
  const bool can_double = static_cast<unsigned char>(sep) >= 32;
  const auto blank = [sep](char c) { return is_space(c) && c != sep; };
  std::size_t i = 0;
  for (;;) {
    while (i < s.size() && blank(s[i])) ++i;
    if (i >= s.size()) return out;
    std::string& item = out.emplace_back();
    bool ended = false;
    while (i < s.size() && !ended) {
      const std::size_t next = std::min(s.find(sep, i), s.size());
      const bool doubled = can_double && next + 1 < s.size() && s[next + 1] == sep;
      item.append(s, i, next - i + (doubled ? 1 : 0));
      ended = next < s.size() && !doubled;
      i = next + (doubled ? 2 : ended ? 1 : 0);
    }
    while (!item.empty() && blank(item.back())) item.pop_back();
    if (!ended) return out;
  }
}

std::vector<std::string> split_list(std::string_view list, char default_separator) {
  const char sep = take_separator(list).value_or(default_separator);
  return split_by(list, sep);
}

std::string join_list(const std::vector<std::string>& items, char sep) {
  std::string out;
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (i > 0) out += sep;
    // An empty item, or one that begins with the separator, would read as a doubled one; a blank keeps them apart.
    if (i > 0 && (items[i].empty() || items[i].front() == sep)) out += ' ';
    for (char c : items[i]) {
      out += c;
      if (c == sep) out += sep;
    }
    if (items[i].empty() && i + 1 == items.size()) out += sep;
  }
  return out;
}

}  // namespace remex::lang
