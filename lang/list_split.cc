// Splitting and joining list text (chapter 6 "List construction"). Pure; never fails.
#include <algorithm>

#include "core/base/strings.h"
#include "lang/list.h"
#include "lang/list_cursor.h"
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

ListCursor::ListCursor(std::string_view list, char default_separator) : rest_(list), separator_(default_separator) {
  if (const auto given = take_separator(rest_)) separator_ = *given;
}

bool ListCursor::next(std::string_view& item) {
  const auto blank = [this](char c) { return is_space(c) && c != separator_; };
  const bool can_double = static_cast<unsigned char>(separator_) >= 32;
  while (!rest_.empty() && blank(rest_.front())) rest_.remove_prefix(1);
  if (rest_.empty()) return false;
  std::size_t end = std::min(rest_.find(separator_), rest_.size());
  bool copied = false;
  while (can_double && end + 1 < rest_.size() && rest_[end + 1] == separator_) {
    if (!copied) undoubled_.clear();
    copied = true;
    undoubled_.append(rest_, 0, end + 1);
    rest_.remove_prefix(end + 2);
    end = std::min(rest_.find(separator_), rest_.size());
  }
  item = rest_.substr(0, end);
  if (copied) {
    undoubled_.append(item);
    item = undoubled_;
  }
  rest_.remove_prefix(std::min(end + 1, rest_.size()));
  while (!item.empty() && blank(item.back())) item.remove_suffix(1);
  return true;
}

std::vector<std::string> split_by(std::string_view s, char sep) {
  std::vector<std::string> out;
  ListCursor items(s, sep, ListCursor::Known{});
  for (std::string_view item; items.next(item);) out.emplace_back(item);
  return out;
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

std::vector<SourceText> split_list_source(const SourceText& text, char separator) {
  const std::string& s = text.text();
  std::size_t i = 0;
  while (i < s.size() && is_space(s[i])) ++i;
  if (i + 1 < s.size() && s[i] == '<' && !is_alnum(s[i + 1]) && !is_space(s[i + 1])) {
    separator = s[i + 1];
    i += 2;
  }
  std::vector<SourceText> items;
  while (i < s.size()) {
    while (i < s.size() && s[i] != separator && is_space(s[i])) ++i;
    if (i >= s.size()) break;
    SourceText item("", text.at(i));
    std::size_t from = i;
    std::string kept;
    for (; i < s.size(); ++i) {
      if (s[i] != separator) continue;
      if (i + 1 < s.size() && s[i + 1] == separator) {
        item.append(std::string_view(s).substr(from, i + 1 - from), text.at(from));
        from = i + 2;
        ++i;
        continue;
      }
      break;
    }
    std::string_view tail = trim_right(std::string_view(s).substr(from, i - from));
    if (!tail.empty()) item.append(tail, text.at(from));
    items.push_back(std::move(item));
    ++i;  // the separator
  }
  return items;
}

}  // namespace remex::lang
