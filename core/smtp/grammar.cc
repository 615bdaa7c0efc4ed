// Parsing of SMTP commands. Nothing here allocates in proportion to anything but the (bounded) line.

#include "core/smtp/grammar.h"

#include <fmt/core.h>

#include "core/base/strings.h"
#include "core/mail/address.h"

namespace remex::smtp {

namespace {
struct VerbRow {
  std::string_view name;
  Verb verb;
};
constexpr VerbRow kVerbs[] = {{"HELO", Verb::helo},
                              {"EHLO", Verb::ehlo},
                              {"MAIL", Verb::mail},
                              {"RCPT", Verb::rcpt},
                              {"DATA", Verb::data},
                              {"BDAT", Verb::bdat},
                              {"RSET", Verb::rset},
                              {"NOOP", Verb::noop},
                              {"QUIT", Verb::quit},
                              {"VRFY", Verb::vrfy},
                              {"EXPN", Verb::expn},
                              {"HELP", Verb::help},
                              {"STARTTLS", Verb::starttls},
                              {"AUTH", Verb::auth},
                              {"ETRN", Verb::etrn},
                              // cross-protocol attacks begin with one of these
                              {"GET", Verb::http},
                              {"POST", Verb::http},
                              {"PUT", Verb::http},
                              {"HEAD", Verb::http},
                              {"CONNECT", Verb::http},
                              {"OPTIONS", Verb::http},
                              {"DELETE", Verb::http},
                              {"PATCH", Verb::http}};

bool is_xchar(char c) { return c >= '!' && c <= '~' && c != '+' && c != '='; }
}  // namespace

Command parse_command(std::string_view line) {
  Command c;
  line = trim_right(line);
  std::size_t end = 0;
  while (end < line.size() && line[end] != ' ' && line[end] != '\t') ++end;
  c.word = line.substr(0, end);
  c.argument = trim(line.substr(end));
  for (const VerbRow& v : kVerbs)
    if (iequals(v.name, c.word)) {
      c.verb = v.verb;
      return c;
    }
  // "MAIL FROM:<x>" written without the blank ("MAILFROM:") stays unknown; "RCPT:..." too.
  return c;
}

Result<PathCommand> parse_path_command(std::string_view argument, std::string_view keyword) {
  PathCommand out;
  const std::string_view word = keyword.substr(0, keyword.size() - 1);
  std::string_view rest = argument;
  if (!istarts_with(rest, word)) return fail(fmt::format("{} expected", keyword));
  rest = trim_left(rest.substr(word.size()));
  if (rest.empty() || rest.front() != ':') return fail(fmt::format("{} expected", keyword));
  rest = trim_left(rest.substr(1));
  // the path ends at the first blank outside quotes (and outside angle brackets)
  std::size_t i = 0;
  bool quoted = false;
  const bool bracket = !rest.empty() && rest.front() == '<';
  for (; i < rest.size(); ++i) {
    const char ch = rest[i];
    if (quoted) {
      if (ch == '\\' && i + 1 < rest.size())
        ++i;
      else if (ch == '"')
        quoted = false;
      continue;
    }
    if (ch == '"')
      quoted = true;
    else if (bracket && ch == '>') {
      ++i;
      break;
    } else if (!bracket && (ch == ' ' || ch == '\t')) {
      break;
    }
  }
  out.path = rest.substr(0, i);
  rest = rest.substr(i);
  if (!rest.empty() && rest.front() != ' ' && rest.front() != '\t') {
    // more text glued to the path: part of the (malformed) address
    const std::size_t blank = std::min(rest.find_first_of(" \t"), rest.size());
    out.path = std::string_view(out.path.data(), out.path.size() + blank);
    rest = rest.substr(blank);
  }
  while (!(rest = trim_left(rest)).empty()) {
    const std::size_t end = std::min(rest.find_first_of(" \t"), rest.size());
    const std::string_view p = rest.substr(0, end);
    rest = rest.substr(end);
    const std::size_t eq = p.find('=');
    Parameter param;
    param.keyword = to_upper(p.substr(0, eq));
    if (eq != std::string_view::npos) {
      param.has_value = true;
      param.value = std::string(p.substr(eq + 1));
    }
    for (const char c : param.keyword)
      if (!is_alnum(c) && c != '-') return fail("malformed parameter");
    if (param.keyword.empty()) return fail("malformed parameter");
    for (const Parameter& have : out.parameters)
      if (have.keyword == param.keyword) return fail(fmt::format("parameter {} given twice", param.keyword));
    if (out.parameters.size() >= 32) return fail("too many parameters");
    out.parameters.push_back(std::move(param));
  }
  return out;
}

Result<std::string> decode_xtext(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+') {
      if (i + 2 >= text.size()) return fail("bad xtext");
      const auto hex = [](char c) { return is_digit(c) ? c - '0' : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1; };
      const int hi = hex(text[i + 1]), lo = hex(text[i + 2]);
      if (hi < 0 || lo < 0) return fail("bad xtext");
      const int value = hi * 16 + lo;
      if (value < 32 || value == 127) return fail("control character in xtext");
      out += static_cast<char>(value);
      i += 2;
    } else if (is_xchar(text[i])) {
      out += text[i];
    } else {
      return fail("bad xtext");
    }
  }
  return out;
}

bool is_acceptable_helo(std::string_view name, std::string_view extra) {
  if (name.empty() || name.size() > 255) return false;
  if (name.front() == '[') {
    if (name.back() != ']') return false;
    std::string_view inner = name.substr(1, name.size() - 2);
    if (istarts_with(inner, "IPv6:")) inner.remove_prefix(5);
    return mail::is_ip_address(inner);
  }
  for (const char c : name)
    if (!is_alnum(c) && c != '.' && c != '-' && extra.find(c) == std::string_view::npos) return false;
  return true;
}

std::string shown(std::string_view said, std::size_t most) {
  std::size_t end = said.size();
  for (std::size_t at = 0; at < said.size();) {
    const std::size_t line_end = std::min(said.find('\n', at), said.size());
    const std::string_view line = said.substr(at, line_end - at);
    const std::size_t word = std::min(line.find_first_not_of(" \t"), line.size());
    if (istarts_with(line.substr(word), "AUTH")) {
      const std::size_t mechanism = line.find_first_not_of(" \t", word + 4);
      end = at + std::min(line.find_first_of(std::string_view(" \t\r\0", 4), mechanism), line.size());
      break;
    }
    at = line_end + 1;
  }
  return printable(said.substr(0, std::min(end, most)));
}

}  // namespace remex::smtp
