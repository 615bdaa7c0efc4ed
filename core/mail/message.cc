// Headers: splitting a block of raw lines, Exim's type letters, and the list operations ACLs and transports use (add at
// a place, remove by name). Lines end in LF. Nothing here fails: a line that is no header ends the header block.
#include "core/mail/message.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "core/base/strings.h"

namespace remex::mail {
namespace {

/// RFC 5322 2.2 ftext: printable, no blank, no colon.
bool is_name_char(char c) { return c > 32 && c < 127 && c != ':'; }

/// Length of the header name `line` begins with, 0 when it begins with no "name:". Blanks before the colon are the
/// obsolete syntax (RFC 5322 4.5) and must count as this header: a reader behind us will see it so.
std::size_t name_length(std::string_view line) {
  std::size_t n = 0;
  while (n < line.size() && is_name_char(line[n])) ++n;
  std::size_t colon = n;
  while (colon < line.size() && (line[colon] == ' ' || line[colon] == '\t')) ++colon;
  return n > 0 && colon < line.size() && line[colon] == ':' ? n : 0;
}

bool is_live(const Header& h) { return h.type != '*'; }

}  // namespace

std::string_view Header::name() const { return std::string_view(text).substr(0, name_length(text)); }

std::string_view Header::value() const {
  const std::size_t colon = text.find(':');
  return colon == std::string::npos ? std::string_view() : std::string_view(text).substr(colon + 1);
}

char classify_header(std::string_view line) {
  struct Known {
    std::string_view name;
    char type;
  };
  static constexpr std::array<Known, 8> kKnown{{{"Bcc", 'B'},
                                                {"Cc", 'C'},
                                                {"From", 'F'},
                                                {"Message-ID", 'I'},
                                                {"Received", 'P'},
                                                {"Reply-To", 'R'},
                                                {"Sender", 'S'},
                                                {"To", 'T'}}};
  std::string_view name = line.substr(0, name_length(line));
  // Resent- fields have the letter of the field they stand for, except that there is no Resent-Received.
  if (istarts_with(name, "Resent-")) name.remove_prefix(7);
  for (const Known& k : kKnown) {
    if (iequals(name, k.name)) return k.type;
  }
  return ' ';
}

std::size_t split_headers(std::string_view block, HeaderList& out) {
  std::size_t pos = 0;
  while (pos < block.size()) {
    if (block[pos] == '\n') return pos + 1;
    if (name_length(block.substr(pos, block.find('\n', pos) - pos)) == 0) return pos;
    std::size_t end = pos;
    do {  // the line and its folds
      const std::size_t nl = block.find('\n', end);
      end = nl == std::string_view::npos ? block.size() : nl + 1;
    } while (end < block.size() && (block[end] == ' ' || block[end] == '\t'));
    Header h;
    h.text = block.substr(pos, end - pos);
    if (h.text.back() != '\n') h.text += '\n';
    h.type = classify_header(h.text);
    out.all().push_back(std::move(h));
    pos = end;
  }
  return pos;
}

void HeaderList::add(std::string text, Where where) {
  if (text.empty()) return;
  if (text.back() != '\n') text += '\n';
  HeaderList added;
  std::string_view rest = text;
  while (!rest.empty()) {
    const std::size_t used = split_headers(rest, added);
    rest.remove_prefix(used);
    if (rest.empty()) break;
    if (used > 0 && rest.data()[-1] == '\n' && name_length(rest) > 0) continue;
    // A line that is no header may not open the body: it becomes a fold of the header before, or is dropped.
    const std::size_t nl = rest.find('\n') + 1;
    if (nl > 1 && !added.all().empty()) added.all().back().text += " " + std::string(rest.substr(0, nl));
    rest.remove_prefix(nl);
  }
  auto place = headers_.end();
  const auto not_received = [](const Header& h) { return h.type != 'P' && h.type != '*'; };
  switch (where) {
    case Where::at_end: break;
    case Where::at_start: place = headers_.begin(); break;
    case Where::after_received: {
      // After the first block of Received: lines; at the start when there is none.
      const auto first = std::find_if(headers_.begin(), headers_.end(), [](const Header& h) { return h.type == 'P'; });
      place = first == headers_.end() ? headers_.begin() : std::find_if(first, headers_.end(), not_received);
      break;
    }
    case Where::before_first_non_received:
      place = std::find_if(headers_.begin(), headers_.end(), [](const Header& h) {
        return h.type != '*' && h.type != 'P' && !istarts_with(h.text, "Resent-");
      });
      break;
  }
  headers_.insert(place, std::make_move_iterator(added.headers_.begin()),
                  std::make_move_iterator(added.headers_.end()));
}

std::size_t HeaderList::remove(std::string_view name) {
  std::size_t n = 0;
  for (Header& h : headers_) {
    if (is_live(h) && iequals(h.name(), name)) {
      h.type = '*';
      ++n;
    }
  }
  return n;
}

bool HeaderList::remove_nth(std::string_view name, int occurrence) {
  for (Header& h : headers_) {
    if (is_live(h) && iequals(h.name(), name) && --occurrence == 0) {
      h.type = '*';
      return true;
    }
  }
  return false;
}

const Header* HeaderList::find(std::string_view name) const {
  for (const Header& h : headers_) {
    if (is_live(h) && iequals(h.name(), name)) return &h;
  }
  return nullptr;
}

std::vector<const Header*> HeaderList::find_all(std::string_view name) const {
  std::vector<const Header*> out;
  for (const Header& h : headers_) {
    if (is_live(h) && iequals(h.name(), name)) out.push_back(&h);
  }
  return out;
}

std::string HeaderList::raw() const {
  std::string out;
  out.reserve(size_bytes());
  for (const Header& h : headers_) {
    if (is_live(h)) out += h.text;
  }
  return out;
}

std::size_t HeaderList::size_bytes() const {
  std::size_t n = 0;
  for (const Header& h : headers_) {
    if (is_live(h)) n += h.text.size();
  }
  return n;
}

}  // namespace remex::mail
