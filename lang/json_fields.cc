// A scanner that finds where JSON members end; it knows strings, escapes and brackets and nothing else.
#include "lang/json_fields.h"

#include <fmt/format.h>

#include "core/base/strings.h"

namespace remex::lang {
namespace {

// The end of the member that begins at `i`: the next comma outside strings and brackets, or the end.
std::size_t member_end(std::string_view s, std::size_t i) {
  int depth = 0;
  for (; i < s.size(); ++i) {
    switch (s[i]) {
      case '"':
        for (++i; i < s.size() && s[i] != '"'; ++i) {
          if (s[i] == '\\') ++i;
        }
        break;
      case '{':
      case '[': ++depth; break;
      case '}':
      case ']': --depth; break;
      case ',':
        if (depth <= 0) return i;
        break;
      default: break;
    }
  }
  return s.size();
}

Result<std::vector<std::string_view>> members(std::string_view text, char open, char close, std::string_view what) {
  std::string_view s = trim(text);
  if (!s.starts_with(open)) return fail(fmt::format("missing '{}' wrapping {} for extract json", open, what));
  s.remove_prefix(1);
  if (!s.ends_with(close)) return fail(fmt::format("missing '{}' wrapping {} for extract json", close, what));
  s = trim(s.substr(0, s.size() - 1));
  std::vector<std::string_view> out;
  for (std::size_t i = 0; !s.empty() && i <= s.size();) {
    const std::size_t end = member_end(s, i);
    out.push_back(trim(s.substr(i, std::min(end, s.size()) - i)));
    i = end + 1;
  }
  return out;
}

}  // namespace

Result<std::vector<std::string_view>> json_elements(std::string_view text) { return members(text, '[', ']', "array"); }

Result<std::optional<std::string_view>> json_member(std::string_view text, std::string_view key) {
  REMEX_TRY(const auto all, members(text, '{', '}', "object"));
  for (const std::string_view member : all) {
    std::size_t end = 1;
    while (end < member.size() && member[end] != '"') end += member[end] == '\\' ? 2 : 1;
    if (!member.starts_with('"') || end >= member.size())
      return fail("missing '\"' wrapping string key for extract json");
    const std::string_view rest = trim(member.substr(end + 1));
    if (!rest.starts_with(':')) return fail("missing object value-separator for extract json");
    if (member.substr(1, end - 1) == key) return std::optional(trim(rest.substr(1)));
  }
  return std::optional<std::string_view>{};
}

Result<std::string_view> json_unquoted(std::string_view text) {
  const std::string_view s = trim(text);
  if (s.size() < 2 || s.front() != '"' || s.back() != '"')
    return fail("missing '\"' wrapping string result for extract jsons");
  return s.substr(1, s.size() - 2);
}

}  // namespace remex::lang
