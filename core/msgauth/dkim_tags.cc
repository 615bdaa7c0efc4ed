// Tag-list parsing for DKIM (see dkim_tags.h).
#include "core/msgauth/dkim_tags.h"

#include "core/base/strings.h"

namespace remex::msgauth {

namespace {
bool is_tag_name(std::string_view s) {
  if (s.empty() || s.size() > 64 || !is_alpha(s[0])) return false;
  for (char c : s) {
    if (!is_alnum(c) && c != '_') return false;
  }
  return true;
}
}  // namespace

Result<TagList> TagList::parse(std::string_view text, TagRules rules) {
  if (text.size() > kMaxTagList) return fail("tag list too long");
  const bool strict = rules == TagRules::strict;
  TagList out;
  std::size_t pos = 0;
  while (pos < text.size()) {
    const std::size_t end = std::min(text.find(';', pos), text.size());
    const std::string_view spec = text.substr(pos, end - pos);
    if (trim(spec).empty()) {
      // A list may end in ';', nothing else may be empty (RFC 6376 3.2).
      if (text.substr(end).find_first_not_of("; \t\r\n") == std::string_view::npos) break;
      if (strict) return fail("empty tag");
    } else if (Status added = out.add(text, pos, end); !added && strict) {
      return std::unexpected(added.error());
    }
    pos = end + 1;
  }
  return out;
}

Status TagList::add(std::string_view text, std::size_t begin, std::size_t end) {
  const std::string_view spec = text.substr(begin, end - begin);
  const std::size_t eq = spec.find('=');
  if (eq == std::string_view::npos) return fail("tag without =");
  const Tag tag{trim(spec.substr(0, eq)), trim(spec.substr(eq + 1)), begin + eq + 1, end};
  if (!is_tag_name(tag.name)) return fail("bad tag name");
  if (find(tag.name) != nullptr) return fail("duplicate tag " + std::string(tag.name));
  if (tags_.size() >= kMaxTags) return fail("too many tags");
  tags_.push_back(tag);
  return {};
}

const Tag* TagList::find(std::string_view name) const {
  for (const Tag& t : tags_) {
    if (t.name == name) return &t;
  }
  return nullptr;
}

std::optional<std::string_view> TagList::get(std::string_view name) const {
  const Tag* t = find(name);
  return t == nullptr ? std::nullopt : std::optional(t->value);
}

std::string strip_fws(std::string_view s) {
  std::string out;
  out.reserve(s.size());
  for (char c : s) {
    if (!is_space(c)) out += c;
  }
  return out;
}

std::optional<std::string> decode_dkim_qp(std::string_view s) {
  std::string out;
  for (std::size_t i = 0; i < s.size(); ++i) {
    if (is_space(s[i])) continue;
    if (s[i] != '=') {
      out += s[i];
      continue;
    }
    const auto byte = hex_decode(s.substr(i + 1, 2));
    if (!byte || byte->size() != 1) return std::nullopt;
    out += *byte;
    i += 2;
  }
  return out;
}

std::vector<std::string> colon_list(std::string_view s, bool lower) {
  std::vector<std::string> out;
  for (std::string_view part : split(s, ':')) out.push_back(lower ? to_lower(trim(part)) : std::string(trim(part)));
  return out;
}

}  // namespace remex::msgauth
