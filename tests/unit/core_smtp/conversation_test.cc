// Runs tests/golden/smtp/*.t: a configuration, then a conversation.
//
//   [config]            lines of the configuration
//   [talk]
//   C: EHLO x           a segment from the client, CRLF added; \r \n \0 \\ are escapes, a final \c keeps CRLF away
//   P: RSET             more text for the segment before (pipelining)
//   S: 250 OK           the next reply line; "*" stands for anything. All reply lines must be listed.
//   L: text             the next log line, with "*" likewise. When one is listed, all must be.
// A file may hold several [talk] parts: sessions of one server.
#include <boost/test/unit_test.hpp>
#include <filesystem>
#include <fstream>

#include "core/base/strings.h"
#include "core/io/fiber.h"
#include "tests/unit/core_smtp/session_fixture.h"

using namespace remex;

namespace {

bool glob(std::string_view pattern, std::string_view text) {
  const std::size_t star = pattern.find('*');
  if (star == std::string_view::npos) return pattern == text;
  if (!text.starts_with(pattern.substr(0, star))) return false;
  pattern = pattern.substr(star + 1);
  text = text.substr(star);
  for (std::size_t i = 0; i <= text.size(); ++i)
    if (glob(pattern, text.substr(i))) return true;
  return false;
}

std::string unescape(std::string_view s) {
  std::string out;
  for (std::size_t i = 0; i < s.size(); ++i) {
    if (s[i] != '\\' || i + 1 == s.size()) {
      out += s[i];
      continue;
    }
    const char c = s[++i];
    out += c == 'r' ? '\r' : c == 'n' ? '\n' : c == '0' ? '\0' : c;
  }
  return out;
}

struct Talk {
  std::deque<std::string> segments;
  std::vector<std::vector<std::string>> expected{{}};
  std::vector<std::string> logged;
};

void add_segment(Talk& t, std::string_view text, bool glue) {
  const bool cut = text.ends_with("\\c");
  std::string bytes = unescape(cut ? text.substr(0, text.size() - 2) : text);
  if (!cut) bytes += "\r\n";
  if (glue && !t.segments.empty()) {
    t.segments.back() += bytes;
  } else {
    t.segments.push_back(bytes);
    t.expected.emplace_back();
  }
}

void compare(const Talk& t, const std::vector<std::string>& replies, const std::vector<std::string>& logged,
             const std::string& name) {
  for (std::size_t i = 0; i < std::max(t.expected.size(), replies.size()); ++i) {  // [i]: what followed segment i
    std::vector<std::string> got;
    if (i < replies.size())
      for (std::string_view l : split(replies[i], '\n'))
        // How every talk without QUIT ends; no client would see it.
        if (!l.empty() && !trim_right(l).ends_with("lost input connection")) got.emplace_back(trim_right(l));
    static const std::vector<std::string> none;
    const std::vector<std::string>& want = i < t.expected.size() ? t.expected[i] : none;
    const std::string after = i == 0                   ? "connecting"
                              : i <= t.segments.size() ? printable(t.segments[i - 1].substr(0, 100))
                                                       : "the end";
    bool same = got.size() == want.size();
    for (std::size_t k = 0; same && k < got.size(); ++k) same = glob(want[k], got[k]);
    BOOST_CHECK_MESSAGE(
        same, name << ": after " << after << "\n  wanted " << join(want, " | ") << "\n  got    " << join(got, " | "));
  }
  if (t.logged.empty()) return;
  bool same = t.logged.size() == logged.size();
  for (std::size_t k = 0; same && k < logged.size(); ++k) same = glob(t.logged[k], logged[k]);
  BOOST_CHECK_MESSAGE(same, name << ": log\n  wanted " << join(t.logged, "\n         ") << "\n  got    "
                                 << join(logged, "\n         "));
}

void run_file(const std::filesystem::path& path) {
  std::ifstream in(path);
  std::string line, config;
  std::vector<Talk> talks;
  while (std::getline(in, line)) {
    if (line == "[config]") continue;
    if (line == "[talk]")
      talks.emplace_back();
    else if (talks.empty())
      config += line + "\n";
    else if (line.starts_with("C: ") || line.starts_with("P: "))
      add_segment(talks.back(), std::string_view(line).substr(3), line[0] == 'P');
    else if (line.starts_with("S: "))
      talks.back().expected.back().push_back(line.substr(3));
    else if (line.starts_with("L: "))
      talks.back().logged.push_back(line.substr(3));
    else if (!line.empty() && line[0] != '#')
      BOOST_ERROR(path << ": cannot read: " << line);
  }
  BOOST_REQUIRE_MESSAGE(!talks.empty(), path << ": no [talk]");
  smtp::test::World w(config);
  BOOST_REQUIRE_MESSAGE(w.errors.empty(), path << ": " << w.errors);
  for (const Talk& t : talks) {
    std::vector<std::string> replies;
    w.log->lines.clear();
    io::run_loop([&] {
      replies = w.talk(t.segments);
      std::erase_if(w.log->lines, [](const std::string& l) { return l.starts_with("unexpected disconnection"); });
      return 0;
    });
    compare(t, replies, w.log->lines, path.filename());
    BOOST_CHECK_EQUAL(w.counters.sessions, 0);
    BOOST_CHECK(w.counters.per_host.empty());
  }
}

}  // namespace

BOOST_AUTO_TEST_SUITE(conversations)

BOOST_AUTO_TEST_CASE(golden_files) {
  int files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(REMEX_SOURCE_DIR "/tests/golden/smtp"))
    if (entry.path().extension() == ".t") {
      run_file(entry.path());
      ++files;
    }
  BOOST_CHECK_GE(files, 6);
}

BOOST_AUTO_TEST_CASE(a_bug_ends_the_session_only) {
  smtp::test::World w("acl_smtp_rcpt = r\nbegin acl\nr:\n  require verify = recipient\n  accept\n");
  BOOST_REQUIRE_MESSAGE(w.errors.empty(), w.errors);
  w.services.buggy = true;
  io::run_loop([&] {
    const auto replies = w.talk({"EHLO c\r\n", "MAIL FROM:<a@b.example>\r\n", "RCPT TO:<throw@b.example>\r\n"});
    BOOST_CHECK_EQUAL(replies.back(), "421 4.3.2 mx.example: internal error - closing connection\r\n");
    return 0;
  });
  BOOST_CHECK(!w.log->lines.empty() &&
              w.log->lines.back() == "SMTP session with (c) [192.0.2.9] ended by an internal error: a bug");
  BOOST_CHECK_EQUAL(w.counters.sessions, 0);
}

BOOST_AUTO_TEST_CASE(tls_settings_are_each_clients_own) {
  smtp::test::World w("tls_require_ciphers = ${if eq{$sender_host_address}{192.0.2.1}{NO-SUCH}{NORMAL}}\n");
  BOOST_REQUIRE_MESSAGE(w.errors.empty(), w.errors);
  mail::ReceivedFrom from;
  lang::Scope scope;
  scope.config = w.server.config.get();
  scope.services = &w.services;
  scope.from = &from;
  from.host_address = "192.0.2.9";
  const auto first = w.server.tls_context(scope);
  BOOST_REQUIRE(first);
  const auto again = w.server.tls_context(scope);
  BOOST_CHECK(again && *again == *first);
  from.host_address = "192.0.2.1";
  BOOST_CHECK(!w.server.tls_context(scope));
}

/// An idle session costs its state; replies and lines are not kept.
BOOST_AUTO_TEST_CASE(session_is_small) { BOOST_CHECK_LE(sizeof(smtp::Session), 6144U); }

BOOST_AUTO_TEST_SUITE_END()
