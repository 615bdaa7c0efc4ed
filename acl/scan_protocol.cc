// See the header. SpamAssassin: spamd/PROTOCOL; Rspamd: the RSPAMC dialect it keeps for mail servers; ClamAV: clamd(8).

#include "acl/scan_protocol.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "core/base/strings.h"

namespace remex::acl {

namespace {

constexpr std::size_t kMaxBar = 50;
constexpr std::size_t kMaxName = 512;

/// The next line without its end; `rest` moves on.
std::string_view next_line(std::string_view& rest) {
  const std::size_t nl = rest.find('\n');
  std::string_view line = rest.substr(0, nl);
  rest = nl == std::string_view::npos ? std::string_view() : rest.substr(nl + 1);
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

std::string unix_lines(std::string_view s) {
  std::string out;
  out.reserve(s.size());
  for (const char c : s)
    if (c != '\r') out += c == '\0' ? ' ' : c;
  while (out.ends_with('\n')) out.pop_back();
  return out;
}

/// A finite number at the start of `s`, which moves behind it.
bool take_number(std::string_view& s, double& out) {
  const std::string text(trim(s).substr(0, 32));
  char* end = nullptr;
  out = std::strtod(text.c_str(), &end);
  if (end == text.c_str() || !std::isfinite(out) || std::fabs(out) > 1e9) return false;
  s = trim(s).substr(static_cast<std::size_t>(end - text.c_str()));
  return true;
}

bool take_slash(std::string_view& s) {
  s = trim_left(s);
  if (!s.starts_with('/')) return false;
  s.remove_prefix(1);
  return true;
}

/// "PROTO/1.1 0 EX_OK": the code must be 0.
Status check_status_line(std::string_view line, std::string_view protocol) {
  if (!line.starts_with(protocol) || !line.substr(protocol.size()).starts_with('/'))
    return fail(fmt::format("unexpected answer \"{}\"", printable(line.substr(0, 100))));
  const std::size_t blank = line.find(' ');
  if (blank == std::string_view::npos) return fail("answer without a status");
  const std::string_view code = trim(line.substr(blank));
  if (code.substr(0, code.find(' ')) != "0")
    return fail(fmt::format("server says \"{}\"", printable(line.substr(0, 100))));
  return {};
}

bool is_yes(std::string_view word) { return iequals(word, "true") || iequals(word, "yes"); }

}  // namespace

Result<SpamVerdict> parse_spamd_reply(std::string_view reply) {
  std::string_view rest = reply;
  REMEX_CHECK(check_status_line(next_line(rest), "SPAMD"));
  SpamVerdict v;
  bool found = false;
  while (!rest.empty()) {
    const std::string_view line = next_line(rest);
    if (line.empty()) break;
    if (!istarts_with(line, "Spam:")) continue;
    // "Spam: True ; 15.5 / 5.0"
    std::string_view value = line.substr(5);
    const std::size_t semicolon = value.find(';');
    if (semicolon == std::string_view::npos) return fail("malformed Spam: line");
    v.is_spam = is_yes(trim(value.substr(0, semicolon)));
    value = value.substr(semicolon + 1);
    if (!take_number(value, v.score) || !take_slash(value) || !take_number(value, v.threshold))
      return fail("malformed Spam: line");
    found = true;
  }
  if (!found) return fail("answer without a Spam: line");
  v.is_spam = v.is_spam || v.score >= v.threshold;
  v.action = v.is_spam ? "reject" : "no action";
  v.report = unix_lines(rest);
  return v;
}

Result<SpamVerdict> parse_rspamd_reply(std::string_view reply) {
  std::string_view rest = reply;
  REMEX_CHECK(check_status_line(next_line(rest), "RSPAMD"));
  SpamVerdict v;
  bool found = false;
  while (!rest.empty() && !found) {
    const std::string_view line = next_line(rest);
    if (!istarts_with(line, "Metric:")) continue;
    // "Metric: default; True; 15.57 / 15.00 / 0.0"
    std::string_view value = line.substr(7);
    const std::size_t first = value.find(';');
    const std::size_t second = first == std::string_view::npos ? first : value.find(';', first + 1);
    if (second == std::string_view::npos) return fail("malformed Metric: line");
    v.is_spam = is_yes(trim(value.substr(first + 1, second - first - 1)));
    value = value.substr(second + 1);
    if (!take_number(value, v.score) || !take_slash(value) || !take_number(value, v.threshold))
      return fail("malformed Metric: line");
    found = true;
  }
  if (!found) return fail("answer without a Metric: line");
  v.is_spam = v.is_spam || v.score >= v.threshold;
  v.report = unix_lines(rest);
  std::string_view lines = v.report;
  while (!lines.empty()) {
    const std::string_view line = next_line(lines);
    if (istarts_with(line, "Action:")) {
      v.action = std::string(trim(line.substr(7)));
      break;
    }
  }
  return v;
}

std::string spam_score_text(double score) {
  std::string s = fmt::format("{:.1f}", score);
  return s == "-0.0" ? "0.0" : s;
}

std::string spam_score_int(double score) {
  // 15.57 is 155: truncated after undoing the binary fraction (4.6 * 10 is 45.999...)
  const double tenths = score * 10;
  return fmt::format("{}", static_cast<long>(tenths + (tenths < 0 ? -1e-6 : 1e-6)));
}

std::string spam_bar(double score) {
  const auto n = static_cast<std::size_t>(std::min(std::fabs(score), double{kMaxBar}));
  if (n == 0) return "/";
  return std::string(n, score > 0 ? '+' : '-');
}

Result<ClamVerdict> parse_clamd_reply(std::string_view reply) {
  const std::size_t end = std::min({reply.find('\0'), reply.find('\n'), reply.size()});
  const std::string_view line = trim(reply.substr(0, end));
  if (line.empty()) return fail("empty answer");
  ClamVerdict v;
  if (line.ends_with(" OK") || line == "OK") return v;
  const std::size_t colon = line.rfind(": ", line.size());
  if (line.ends_with(" FOUND")) {
    std::string_view name = line.substr(0, line.size() - 6);
    // "stream: Win.Test.EICAR_HDB-1 FOUND", "/path: with: colon: Name FOUND"
    if (colon != std::string_view::npos && colon < name.size()) name = name.substr(colon + 2);
    v.infected = true;
    v.name = std::string(trim(name).substr(0, kMaxName));
    // "Name(md5:size)" of extended detection info
    if (const auto paren = v.name.find('('); paren != std::string::npos && paren > 0 && v.name.ends_with(')'))
      v.name.resize(paren);
    if (v.name.empty()) return fail("virus found without a name");
    return v;
  }
  return fail(fmt::format("server says \"{}\"", printable(line.substr(0, 200))));
}

}  // namespace remex::acl
