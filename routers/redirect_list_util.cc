// See redirect_list_util.h.
#include "routers/redirect_list_util.h"

#include <fmt/core.h>

#include "core/base/strings.h"
#include "core/mail/address.h"

namespace remex::routers {
namespace {

constexpr std::size_t kMaxItems = 10000;
/// An item that begins like a path or command and has commas is looked at as an address up to here only: a list is
/// read on the event loop, and each of its items would otherwise be searched to the end of its line.
constexpr std::size_t kMaxLongAddress = 1024;

/// End of the item that begins at `at`: a comma or newline outside quotes, comments and angle brackets.
std::size_t item_end(std::string_view s, std::size_t at) {
  bool quoted = false, angle = false;
  int comment = 0;
  for (; at < s.size(); ++at) {
    const char c = s[at];
    if (c == '\n') return at;  // a quote or comment left open ends with its line
    if (c == '\\') {
      if (at + 1 < s.size() && s[at + 1] != '\n') ++at;
    } else if (quoted) {
      quoted = c != '"';
    } else if (c == '"') {
      quoted = true;
    } else if (c == '(') {
      ++comment;
    } else if (c == ')' && comment > 0) {
      --comment;
    } else if (comment == 0 && (c == '<' || c == '>')) {
      angle = c == '<';
    } else if (c == ',' && comment == 0 && !angle) {
      return at;
    }
  }
  return at;
}

/// True when the text parses as one address that has a domain.
bool is_qualified_address(std::string_view text) {
  const auto list = mail::parse_address_list(text, false);
  return list && list->size() == 1 && !(*list)[0].address.domain.empty();
}

/// End of the address that begins at `at` like a path or a command and has commas in it (which are inside quotes,
/// comments or angle brackets); 0: there is none.
std::size_t long_address_end(std::string_view s, std::size_t at) {
  const std::string_view window = s.substr(0, std::min(at + kMaxLongAddress, s.size()));
  if (window.find('@', at) == std::string_view::npos) return 0;
  const std::size_t end = item_end(window, at);
  if (end == window.size() && end != s.size()) return 0;  // longer than an address can be
  return is_qualified_address(s.substr(at, end - at)) ? end : 0;
}

/// Items that are commands or paths end at a comma whatever brackets they have; only quotes around the whole protect.
std::size_t plain_end(std::string_view s, std::size_t at) { return std::min(s.find_first_of(",\n", at), s.size()); }

/// "whole item in quotes" loses them; backslash escapes inside are undone.
std::string unquote_item(std::string_view item) {
  std::string out;
  for (std::size_t i = 1; i + 1 < item.size(); ++i) {
    if (item[i] == '\\' && i + 2 < item.size()) ++i;
    out += item[i];
  }
  return out;
}

bool wholly_quoted(std::string_view item) {
  if (item.size() < 2 || item.front() != '"' || item.back() != '"') return false;
  for (std::size_t i = 1; i + 1 < item.size(); ++i) {
    if (item[i] == '\\') {
      ++i;
    } else if (item[i] == '"') {
      return false;
    }
  }
  return true;
}

struct Special {
  std::string_view word;
  RedirectList::Verdict verdict;
};
constexpr Special kSpecials[] = {{":blackhole:", RedirectList::Verdict::blackhole},
                                 {":unknown:", RedirectList::Verdict::unknown},
                                 {":fail:", RedirectList::Verdict::fail},
                                 {":defer:", RedirectList::Verdict::defer}};

void add_item(RedirectList& out, std::string_view raw) {
  std::string text(trim(raw));
  if (wholly_quoted(text)) {
    // "|command a,b", "/path, with comma" or a plain local part in quotes.
    std::string inner = unquote_item(text);
    if (inner.starts_with('|') || inner.starts_with('/') || inner.starts_with(':')) text = std::move(inner);
  }
  if (text.empty()) return;
  RedirectItem item;
  if (istarts_with(text, ":include:")) {
    item.kind = RedirectItem::Kind::include;
    item.text = std::string(trim(std::string_view(text).substr(9)));
    out.items.push_back(std::move(item));
    return;
  }
  if ((text.front() == '|' || text.front() == '/') && !is_qualified_address(text)) {
    const bool pipe = text.front() == '|';
    item.kind = pipe                  ? RedirectItem::Kind::pipe
                : text.ends_with('/') ? RedirectItem::Kind::directory
                                      : RedirectItem::Kind::file;
    item.text = pipe ? std::string(trim(std::string_view(text).substr(1))) : text;
    if (item.text.find('\0') != std::string::npos || item.text.empty()) {
      out.errors.push_back(fmt::format("bad path or command in \"{}\"", printable(text)));
      return;
    }
    out.items.push_back(std::move(item));
    return;
  }
  if (text.front() == '\\') {
    item.keep_domain = true;
    text.erase(0, 1);
  }
  const auto list = mail::parse_address_list(text, true);
  if (!list || list->size() != 1 || (*list)[0].address.empty()) {
    out.errors.push_back(fmt::format("{} in \"{}\"", list ? "malformed address" : list.error().text, printable(text)));
    return;
  }
  item.text = (*list)[0].address.str();
  out.items.push_back(std::move(item));
}

}  // namespace

RedirectList parse_redirect_list(std::string_view s) {
  RedirectList out;
  std::size_t at = 0;
  while (at < s.size()) {
    if (is_space(s[at]) || s[at] == ',') {
      ++at;
      continue;
    }
    if (s[at] == '#') {
      at = std::min(s.find('\n', at), s.size());
      continue;
    }
    for (const Special& special : kSpecials) {
      if (!istarts_with(s.substr(at), special.word)) continue;
      // The whole list is governed by this word; a text may have commas and runs to the end of the line.
      out.verdict = special.verdict;
      const std::string_view rest = s.substr(at + special.word.size());
      if (special.verdict == RedirectList::Verdict::fail || special.verdict == RedirectList::Verdict::defer)
        out.text = std::string(trim(rest.substr(0, rest.find('\n'))));
      out.items.clear();
      return out;
    }
    const bool plain = s[at] == '|' || s[at] == '/' || s[at] == ':';
    std::size_t end = plain ? plain_end(s, at) : item_end(s, at);
    if (plain && s[at] != ':' && end < s.size() && s[end] == ',') end = std::max(end, long_address_end(s, at));
    add_item(out, s.substr(at, end - at));
    if (out.items.size() + out.errors.size() > kMaxItems) {
      out.errors.push_back("more than 10000 items");
      return out;
    }
    at = end;
  }
  return out;
}

std::string_view split_smtp_code(std::string_view message, char first, std::string_view& code) {
  code = {};
  if (message.size() < 4 || !is_digit(message[0]) || !is_digit(message[1]) || !is_digit(message[2]) ||
      message[3] != ' ')
    return message;
  std::size_t end = 3;
  // An enhanced code of the same class belongs to it.
  std::string_view rest = message.substr(4);
  if (rest.size() > 5 && is_digit(rest[0]) && rest[1] == '.') {
    const auto blank = rest.find(' ');
    const std::string_view word = rest.substr(0, blank);
    bool enhanced = true;
    int dots = 0;
    for (const char c : word) {
      enhanced = enhanced && (is_digit(c) || c == '.');
      dots += c == '.' ? 1 : 0;
    }
    if (enhanced && dots == 2 && blank != std::string_view::npos) end = 4 + blank;
  }
  if (message[0] == first) code = message.substr(0, end);
  return trim_left(message.substr(end));
}

}  // namespace remex::routers
