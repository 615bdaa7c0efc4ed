// Kinds of trouble, their words for retry rules, and what a dialogue makes of its failures.
#include "transports/trouble.h"

#include <boost/test/unit_test.hpp>

#include "transports/smtp_client_util.h"

using namespace remex;
using transports::Trouble;
using Kind = Trouble::Kind;

BOOST_AUTO_TEST_SUITE(trouble)

static Trouble of_host(Kind kind, bool mx) {
  Trouble t = kind;
  t.mx = mx;
  return t;
}

BOOST_AUTO_TEST_CASE(words_of_retry_rules) {
  const std::pair<Trouble, std::string_view> cases[] = {
      {{}, ""},
      {Kind::other, ""},
      {Kind::reply, ""},
      {{Kind::reply, 450}, ""},
      {Kind::refused, "refused"},
      {of_host(Kind::refused, true), "refused_MX"},
      {of_host(Kind::refused, false), "refused_A"},
      {of_host(Kind::connect_timeout, true), "timeout_connect_MX"},
      {of_host(Kind::timeout, false), "timeout_A"},
      {of_host(Kind::rcpt_timeout, false), "timeout_A"},
      {of_host(Kind::closed, true), "lost_connection"},
      {Kind::broken, "lost_connection"},
      {Kind::connect, "connect"},
      {Kind::tls_required, "tls_required"},
      {Kind::tls_failed, "tls_failed"},
      {Kind::login, "auth_failed"},
      {Kind::dns_timeout, "timeout_DNS"},
      {{Kind::mail, 451}, "mail_451"},
      {{Kind::rcpt, 450}, "rcpt_450"},
      {{Kind::data, 421}, "data_421"},
      {{Kind::rcpt, 550}, ""},
      {{Kind::data, 250}, ""},
  };
  for (const auto& [what, word] : cases) BOOST_TEST(what.retry_error() == word);
}

BOOST_AUTO_TEST_CASE(words_of_mailboxes) {
  const std::pair<std::string_view, std::string_view> cases[] = {
      {"quota", "quota"}, {"quota_604800", "quota_604800"}, {"quota_0", "quota_0"}, {"quota_x", "quota"}, {"", ""},
      {"other", ""},
  };
  for (const auto& [in, out] : cases) {
    const Trouble t = Trouble::of_mailbox(in);
    BOOST_TEST(t.retry_error() == out);
    BOOST_TEST((t.kind == Kind::quota) == !out.empty());
    BOOST_TEST(!t.in_session);
  }
}

BOOST_AUTO_TEST_CASE(what_the_log_puts_behind_a_colon) {
  for (const Kind k : {Kind::closed, Kind::timeout, Kind::rcpt_timeout, Kind::malformed_reply, Kind::reply, Kind::rcpt,
                       Kind::tls_required, Kind::tls_failed})
    BOOST_TEST(Trouble(k).in_session);
  for (const Kind k : {Kind::none, Kind::other, Kind::refused, Kind::connect_timeout, Kind::connect, Kind::broken,
                       Kind::login, Kind::dns_timeout, Kind::hosts_not_due, Kind::quota, Kind::command})
    BOOST_TEST(!Trouble(k).in_session);
}

BOOST_AUTO_TEST_CASE(replies_keep_what_they_answer) {
  transports::SmtpReply r;
  r.code = 554;
  r.lines = {"5.7.1 go", "away"};
  const auto t = transports::reply_trouble(r, "initial connection");
  BOOST_TEST(t.command == "initial connection");
  BOOST_TEST(t.answer == "554-5.7.1 go\\n554 away");
  BOOST_TEST(t.message == "SMTP error from remote mail server after initial connection: 554-5.7.1 go\\n554 away");
  BOOST_CHECK(t.trouble.kind == Kind::reply && t.trouble.code == 554 && t.permanent);
}

BOOST_AUTO_TEST_SUITE_END()
