// See log_messages.h.

#include "core/cli/log_messages.h"

#include <fmt/core.h>

#include <algorithm>
#include <ctime>
#include <unordered_set>

#include "core/base/ids.h"
#include "core/base/strings.h"

namespace remex::cli {

namespace {

/// Does `text` begin as `shape` tells: 0 stands for a digit, anything else for itself?
bool shaped(std::string_view text, std::string_view shape) {
  if (text.size() < shape.size()) return false;
  for (std::size_t i = 0; i < shape.size(); ++i)
    if (shape[i] == '0' ? text[i] < '0' || text[i] > '9' : text[i] != shape[i]) return false;
  return true;
}

int digits(std::string_view text, std::size_t at, std::size_t count) {
  return static_cast<int>(parse_uint(text.substr(at, count)).value_or(0));
}

/// Takes "2026-11-21 10:00:00", ".123" and " +0100" off the begin of `text`; 0 when there is no date.
std::int64_t take_date(std::string_view& text) {
  constexpr std::string_view kDate = "0000-00-00 00:00:00";
  if (!shaped(text, kDate)) return 0;
  std::tm tm{};
  tm.tm_year = digits(text, 0, 4) - 1900;
  tm.tm_mon = digits(text, 5, 2) - 1;
  tm.tm_mday = digits(text, 8, 2);
  tm.tm_hour = digits(text, 11, 2);
  tm.tm_min = digits(text, 14, 2);
  tm.tm_sec = digits(text, 17, 2);
  tm.tm_isdst = -1;
  text.remove_prefix(kDate.size());
  if (shaped(text, ".0")) {
    text.remove_prefix(1);
    text.remove_prefix(std::min(text.size(), text.find_first_not_of("0123456789")));
  }
  const bool zone = shaped(text, " +0000") || shaped(text, " -0000");
  if (!zone) return std::mktime(&tm);
  const int east = (digits(text, 2, 2) * 60 + digits(text, 4, 2)) * (text[1] == '-' ? -60 : 60);
  text.remove_prefix(6);
  return ::timegm(&tm) - east;
}

/// What is behind "program[123]: " of a syslog line; empty when this is none.
std::string_view behind_syslog(std::string_view line) {
  constexpr std::size_t kPrefix = 400;  // a date, a host's name, a program's name
  const auto end = line.substr(0, kPrefix).find("]: ");
  if (end == std::string_view::npos) return {};
  const auto open = line.rfind('[', end);
  if (open == std::string_view::npos || open + 1 == end || !parse_uint(line.substr(open + 1, end - open - 1)))
    return {};
  return line.substr(end + 3);
}

/// Takes " [123]" (log_selector = +pid) or "[1/2] " (a long line that went to the syslog in parts) off the begin.
void take_brackets(std::string_view& text) {
  std::string_view in = text.substr(std::min(text.size(), text.find_first_not_of(' ')));
  if (!in.starts_with('[')) return;
  const auto end = in.find(']');
  if (end == std::string_view::npos ||
      in.substr(1, end - 1).find_first_not_of("0123456789/\\") != std::string_view::npos)
    return;
  text = in.substr(end + 1);
}

}  // namespace

LogLine read_log_line(std::string_view line) {
  LogLine out;
  out.text = line;
  std::string_view at = line;
  out.seconds = take_date(at);
  if (out.seconds == 0) {
    at = behind_syslog(line);
    if (at.empty()) return out;
    take_brackets(at);
    at.remove_prefix(std::min(at.size(), at.find_first_not_of(' ')));
    const std::string_view own = at;
    out.seconds = take_date(at);
    if (out.seconds != 0) out.text = own;
  }
  out.known = true;
  take_brackets(at);
  at.remove_prefix(std::min(at.size(), at.find_first_not_of(' ')));
  const std::string_view word = at.substr(0, at.find(' '));
  if (is_message_id(word)) {
    out.id = word;
    out.rest = at.substr(std::min(at.size(), word.size() + 1));
  }
  return out;
}

LogMessages::Message& LogMessages::message_of(const LogLine& l) {
  const std::string id(l.id);
  auto at = open_.find(id);
  if (at == open_.end()) {
    Message m;
    m.id = id;
    const std::int64_t made = message_id_seconds(id);  // when the log begins later than the message
    m.began = made != 0 && (l.seconds == 0 || made < l.seconds) ? made : l.seconds;
    if (l.rest.starts_with("<= "))
      for (const std::string_view word : split(l.rest, ' '))
        if (word.starts_with("R=") && is_message_id(word.substr(2))) m.came_from = word.substr(2);
    at = open_.emplace(id, messages_.insert(messages_.end(), std::move(m))).first;
  }
  return *at->second;
}

Status LogMessages::add(std::string_view line) {
  const LogLine l = read_log_line(line);
  if (!l.known) return {};
  const std::string text(l.text);
  const auto match = options_.matches(text);
  if (!match) return std::unexpected(match.error());
  const bool wanted = *match != options_.invert;
  if (l.id.empty()) {
    if (wanted) out_(text + "\n\n");
    return {};
  }
  Message& m = message_of(l);
  m.lines += text + "\n";
  m.wanted = m.wanted || wanted;
  if (l.rest == "Completed" || l.rest.starts_with("Completed ")) {
    m.took = std::max<std::int64_t>(0, l.seconds - m.began);
    complete(open_.find(m.id)->second);
  }
  return {};
}

void LogMessages::complete(Messages::iterator m) {
  open_.erase(m->id);
  if (options_.related) {
    completed_.push_back(m);
    return;
  }
  print(*m);
  messages_.erase(m);
}

void LogMessages::print(const Message& m) {
  if (!m.wanted || (m.took >= 0 && m.took <= options_.least_seconds)) return;
  out_((m.took < 0 ? fmt::format("+++ {} has not completed +++\n", m.id) : "") + m.lines + "\n");
}

void LogMessages::finish() {
  if (options_.related) {
    // What comes out of a message is in the log behind its first line.
    std::unordered_set<std::string_view> wanted;
    for (Message& m : messages_) {
      m.wanted = m.wanted || wanted.contains(m.came_from);
      if (m.wanted) wanted.insert(m.id);
    }
    for (const auto& m : completed_) print(*m);
  }
  for (const Message& m : messages_)
    if (m.took < 0) print(m);
  completed_.clear();
  open_.clear();
  messages_.clear();
}

}  // namespace remex::cli
