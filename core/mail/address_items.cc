// See address_items.h. One pass finds the separators (outside quotes, comments, angle brackets and domain literals);
// each piece then goes through the ordinary address parser.
#include "core/mail/address_items.h"

#include "core/base/strings.h"

namespace remex::mail {
namespace {

/// Behind the quoted string, comment or bracket that begins at `at`; the end of the text when it is not closed.
std::size_t skip_enclosed(std::string_view s, std::size_t at) {
  const char open = s[at];
  const char close = open == '(' ? ')' : open == '[' ? ']' : open;
  std::size_t depth = 1;
  for (std::size_t i = at + 1; i < s.size(); ++i) {
    if (s[i] == '\\')
      ++i;
    else if (s[i] == close && --depth == 0)
      return i + 1;
    else if (open == '(' && s[i] == '(')
      ++depth;
  }
  return s.size();
}

bool encloses(char c) { return c == '"' || c == '(' || c == '['; }

/// Where the working part of one mailbox stands: between the angle brackets, else what is neither blank nor comment.
void find_spec(std::string_view s, AddressItem& item) {
  std::size_t first = item.end, last = item.begin;
  for (std::size_t i = item.begin; i < item.end;) {
    const char c = s[i];
    if (c == '<') {
      first = i + 1;
      std::size_t close = first;
      while (close < item.end && s[close] != '>') close = encloses(s[close]) ? skip_enclosed(s, close) : close + 1;
      last = std::min(close, item.end);
      while (first < last && is_space(s[first])) ++first;
      while (last > first && is_space(s[last - 1])) --last;
      break;
    }
    const std::size_t next = encloses(c) ? std::min(skip_enclosed(s, i), item.end) : i + 1;
    if (c != '(' && !is_space(c)) {
      if (first == item.end) first = i;
      last = next;
    }
    i = next;
  }
  item.spec_begin = std::min(first, last);
  item.spec_end = last;
}

void add_item(std::string_view body, std::size_t begin, std::size_t end, std::vector<AddressItem>& out) {
  while (begin < end && is_space(body[begin])) ++begin;
  while (end > begin && is_space(body[end - 1])) --end;
  if (begin == end) return;
  AddressItem item;
  item.begin = begin;
  item.end = end;
  find_spec(body, item);
  auto parsed = parse_address_list(body.substr(begin, end - begin));
  if (!parsed)
    item.error = parsed.error().text;
  else if (parsed->size() == 1)
    item.address = std::move(parsed->front().address);
  else if (!parsed->empty())
    item.error = "more than one address";
  else
    return;  // only a comment
  out.push_back(std::move(item));
}

/// What was not looked at any more, when there is an address in it.
void add_rest(std::string_view body, std::size_t begin, std::vector<AddressItem>& out) {
  begin = body.find_first_not_of(" \t\r\n,;", begin);
  if (begin == std::string_view::npos) return;
  AddressItem item;
  item.begin = item.spec_begin = item.spec_end = begin;
  item.end = body.size();
  while (is_space(body[item.end - 1])) --item.end;
  item.error.assign("too many addresses in one header");
  item.unread = true;
  out.push_back(std::move(item));
}

}  // namespace

std::vector<AddressItem> address_items(std::string_view body, std::size_t most) {
  std::vector<AddressItem> out;
  std::size_t begin = 0;
  bool angle = false, has_at = false, group = false;
  for (std::size_t i = 0; i < body.size() && out.size() < most;) {
    const char c = body[i];
    if (encloses(c)) {
      i = skip_enclosed(body, i);
      continue;
    }
    const bool group_name = c == ':' && !angle && !has_at && !group;
    if (group_name) {
      group = true;
      begin = i + 1;
    } else if (!angle && (c == ',' || (c == ';' && group))) {
      add_item(body, begin, i, out);
      begin = i + 1;
      has_at = false;
      group = group && c != ';';
    } else if (c == '<') {
      angle = true;
    } else if (c == '>') {
      angle = false;
    } else if (c == '@') {
      has_at = true;
    }
    ++i;
  }
  if (out.size() < most)
    add_item(body, begin, body.size(), out);
  else
    add_rest(body, begin, out);
  return out;
}

}  // namespace remex::mail
