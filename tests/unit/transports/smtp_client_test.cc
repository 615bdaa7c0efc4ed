// The SMTP client against a scripted server on loopback: good dialogues, garbage, floods, and a server that goes away
// at every step.
#include <boost/test/unit_test.hpp>

#include "../core_io/in_loop.h"
#include "core/io/stream.h"
#include "transports/connection_pool.h"
#include "transports/smtp_client_util.h"

using namespace remex;
using namespace remex::transports;
using io::in_loop;

namespace {

/// Says `greeting`, then for each step waits for a line that starts with `expect` and answers. An empty answer closes.
struct Step {
  std::string expect, answer;
};
struct Server {
  std::unique_ptr<io::Listener> listener = io::must(io::Listener::tcp({"127.0.0.1", 0}, 5));
  std::string greeting = "220 test\r\n";
  std::vector<Step> steps;
  std::string data, seen;
  io::Nursery nursery;

  SmtpConnectOptions options() {
    SmtpConnectOptions o;
    o.to = listener->local();
    o.helo = "client.example";
    o.connect_timeout = o.command_timeout = Seconds(60);
    return o;
  }
  void start() {
    nursery.spawn("server", [this] { serve(); });
  }
  void serve() {
    auto s = listener->accept();
    if (!s) return;
    if (greeting.empty()) return;
    if (!(*s)->write_all(greeting)) return;
    io::Reader reader(**s);
    for (const Step& step : steps) {
      for (;;) {
        auto line = reader.read_line(1 << 20);
        if (!line || line->empty()) return;
        seen += *line;
        if (step.expect == ".") {
          data += *line;
          if (*line != ".\r\n") continue;
        } else if (!line->starts_with(step.expect)) {
          seen += "UNEXPECTED\n";
          return;
        }
        break;
      }
      if (step.answer.empty()) return;
      if (!(*s)->write_all(step.answer)) return;
    }
    while (const auto line = reader.read_line(1000)) {  // and says nothing
      if (line->empty()) break;
    }
  }
};

TransactionOptions transaction(const mail::Body& body) {
  TransactionOptions tx;
  tx.sender = "a@example.org";
  tx.head = "Subject: t\n\n";
  tx.body = &body;
  tx.command_timeout = tx.data_timeout = tx.final_timeout = Seconds(60);
  return tx;
}

std::vector<RcptState> rcpts(std::initializer_list<const char*> list) {
  std::vector<RcptState> out;
  for (const char* a : list) {
    RcptState r;
    r.address = a;
    out.push_back(r);
  }
  return out;
}

using Fate = RcptState::Fate;

}  // namespace

BOOST_AUTO_TEST_SUITE(smtp_client)

BOOST_AUTO_TEST_CASE(prdr_answers_for_each_recipient) {
  // the same dialogue but for what comes after the data
  const auto fates = [](const std::string& answers, std::string& confirmation, bool& ok) {
    std::string out;
    in_loop([&] {
      Server s;
      s.steps = {{"EHLO", "250-test\r\n250 PRDR\r\n"},
                 {"MAIL FROM:<a@example.org> PRDR", "250 ok\r\n"},
                 {"RCPT TO:<b@x>", "250 ok\r\n"},
                 {"RCPT TO:<c@x>", "550 no\r\n"},
                 {"RCPT TO:<d@x>", "250 ok\r\n"},
                 {"RCPT TO:<e@x>", "250 ok\r\n"},
                 {"DATA", "354 go\r\n"},
                 {".", answers}};
      s.start();
      auto c = SmtpConnection::open(s.options());
      BOOST_REQUIRE(c.has_value());
      const auto body = mail::Body::from_string("x\n");
      auto r = rcpts({"b@x", "c@x", "d@x", "e@x"});
      auto tx = transaction(*body);
      tx.prdr = true;
      tx.pipelining = false;
      ok = (*c)->send(tx, r, confirmation).has_value();
      for (const auto& one : r) out += "pADfd"[static_cast<int>(one.fate)];
    });
    return out;
  };
  std::string confirmation;
  bool ok = false;
  BOOST_TEST(fates("353 each\r\n250 one\r\n550 two\r\n450 three\r\n250 some\r\n", confirmation, ok) == "Dffd");
  BOOST_TEST(ok);
  BOOST_TEST(confirmation == "250 some");
  // the whole message is refused in the end: nobody has it
  BOOST_TEST(fates("353 each\r\n250 one\r\n250 two\r\n450 three\r\n550 none\r\n", confirmation, ok) == "fffd");
  // a server that changed its mind answers once
  BOOST_TEST(fates("250 all\r\n", confirmation, ok) == "DfDD");
  // one that breaks off in the middle delivered to nobody
  BOOST_TEST(fates("353 each\r\n250 one\r\njunk\r\n", confirmation, ok).find('D') == std::string::npos);
  BOOST_TEST(!ok);
}

BOOST_AUTO_TEST_CASE(delivers_and_reports_each_recipient) {
  in_loop([] {
    Server s;
    s.steps = {{"EHLO client.example", "250-test\r\n250-SIZE 1000000\r\n250 8BITMIME\r\n"},
               {"MAIL FROM:<a@example.org> SIZE=500", "250 ok\r\n"},
               {"RCPT TO:<b@x>", "250 ok\r\n"},
               {"RCPT TO:<c@x>", "550 5.1.1 no such user\r\n"},
               {"RCPT TO:<d@x>", "451 later\r\n"},
               {"DATA", "354 go\r\n"},
               {".", "250 OK id=1\r\n"},
               {"QUIT", "221 bye\r\n"}};
    s.start();
    auto c = SmtpConnection::open(s.options());
    BOOST_REQUIRE_MESSAGE(c.has_value(), (c ? "" : c.error().message));
    const auto body = mail::Body::from_string(".dot\nx\ry\n");
    auto r = rcpts({"b@x", "c@x", "d@x"});
    auto tx = transaction(*body);
    tx.size = 500;
    std::string confirmation;
    BOOST_REQUIRE((*c)->send(tx, r, confirmation).has_value());
    BOOST_CHECK(r[0].fate == Fate::delivered);
    BOOST_CHECK(r[1].fate == Fate::failed);
    BOOST_CHECK_EQUAL(r[1].message, "SMTP error from remote mail server after RCPT TO:<c@x>: 550 5.1.1 no such user");
    BOOST_CHECK(r[2].fate == Fate::deferred);
    BOOST_CHECK_EQUAL(r[2].trouble.retry_error(), "rcpt_451");
    BOOST_CHECK_EQUAL(confirmation, "250 OK id=1");
    (*c)->quit();
    (void)s.nursery.join();
    BOOST_CHECK_EQUAL(s.data, "Subject: t\r\n\r\n..dot\r\nx y\r\n.\r\n");
    BOOST_CHECK(s.seen.ends_with("QUIT\r\n"));
  });
}

BOOST_AUTO_TEST_CASE(pipelines_and_leaves_an_empty_data_phase) {
  in_loop([] {
    Server s;
    s.steps = {{"EHLO", "250-test\r\n250 PIPELINING\r\n"},
               {"MAIL", "250 ok\r\n"},
               {"RCPT", "550 no\r\n"},
               {"DATA", "354 go\r\n"},
               {".", "554 no valid recipients\r\n"},
               // and the connection is good for the next message
               {"RSET", "250 ok\r\n"},
               {"MAIL", "250 ok\r\n"},
               {"RCPT", "250 ok\r\n"},
               {"DATA", "354 go\r\n"},
               {".", "250 fine\r\n"}};
    s.start();
    auto c = SmtpConnection::open(s.options());
    BOOST_REQUIRE(c.has_value());
    const auto body = mail::Body::from_string("x\n");
    std::string confirmation;
    auto r = rcpts({"b@x"});
    BOOST_REQUIRE((*c)->send(transaction(*body), r, confirmation).has_value());
    BOOST_CHECK(r[0].fate == Fate::failed);
    BOOST_CHECK_EQUAL(s.data, ".\r\n");
    r = rcpts({"b@x"});
    BOOST_REQUIRE((*c)->send(transaction(*body), r, confirmation).has_value());
    BOOST_CHECK(r[0].fate == Fate::delivered);
    BOOST_CHECK((*c)->used_pipelining());
  });
}

BOOST_AUTO_TEST_CASE(falls_back_to_helo) {
  in_loop([] {
    Server s;
    s.steps = {{"EHLO", "502 what\r\n"}, {"HELO client.example", "250 hi\r\n"}};
    s.start();
    auto c = SmtpConnection::open(s.options());
    BOOST_REQUIRE(c.has_value());
    BOOST_CHECK(!(*c)->esmtp());
  });
}

BOOST_AUTO_TEST_CASE(bad_answers_end_the_connection) {
  const std::string long_line = "220 " + std::string(1 << 20, 'x') + "\r\n";
  std::string endless;
  for (int i = 0; i < 2000; ++i) endless += "220-more\r\n";
  std::string heavy;
  for (int i = 0; i < 40; ++i) heavy += "220-" + std::string(3000, 'y') + "\r\n";
  const std::pair<std::string, std::string> cases[] = {{"hello\r\n", "Malformed"},
                                                       {"999 x\r\n", "Malformed"},
                                                       {"000 x\r\n", "Malformed"},
                                                       {"2x0 x\r\n", "Malformed"},
                                                       {"220-a\r\n250 b\r\n", "Malformed"},
                                                       {"22\r\n", "Malformed"},
                                                       {std::string("\0\0\0\0\r\n", 6), "Malformed"},
                                                       {long_line, "line too long"},
                                                       {endless, "Too long"},
                                                       {heavy, "Too long"},
                                                       {"", "closed connection"}};
  for (const auto& [greeting, text] : cases)
    in_loop([&] {
      Server s;
      s.greeting = greeting;
      s.start();
      auto c = SmtpConnection::open(s.options());
      BOOST_REQUIRE(!c.has_value());
      BOOST_CHECK_MESSAGE(c.error().message.find(text) != std::string::npos, c.error().message);
      // Nonsense is no end of the connection: the retry rules have no word for it.
      const bool nonsense = text == "Malformed" || text == "Too long";
      BOOST_CHECK_EQUAL(c.error().trouble.retry_error(), nonsense ? "" : "lost_connection");
      for (const char ch : c.error().message) BOOST_CHECK(ch >= 32 && ch < 127);
    });
}

BOOST_AUTO_TEST_CASE(refusals_and_deferrals_of_the_connection) {
  for (const auto& [greeting, permanent] : {std::pair{"554 go away\r\n", true}, std::pair{"421 busy\r\n", false}})
    in_loop([&] {
      Server s;
      s.greeting = greeting;
      s.start();
      auto c = SmtpConnection::open(s.options());
      BOOST_REQUIRE(!c.has_value());
      BOOST_CHECK_EQUAL(c.error().permanent, permanent);
    });
}

BOOST_AUTO_TEST_CASE(nobody_listens) {
  in_loop([] {
    SmtpConnectOptions o;
    {
      Server s;
      o = s.options();
    }
    auto c = SmtpConnection::open(o);
    BOOST_REQUIRE(!c.has_value());
    BOOST_CHECK_EQUAL(c.error().trouble.retry_error(), "refused");
    BOOST_CHECK_EQUAL(c.error().message, "Connection refused");
  });
}

BOOST_AUTO_TEST_CASE(server_goes_away_at_every_step) {
  const std::vector<Step> good = {{"EHLO", "250 test\r\n"},
                                  {"MAIL", "250 ok\r\n"},
                                  {"RCPT", "250 ok\r\n"},
                                  {"DATA", "354 go\r\n"},
                                  {".", "250 done\r\n"}};
  for (std::size_t stop = 0; stop < good.size(); ++stop)
    in_loop([&] {
      Server s;
      s.steps.assign(good.begin(), good.begin() + static_cast<std::ptrdiff_t>(stop) + 1);
      s.steps.back().answer.clear();
      s.start();
      auto c = SmtpConnection::open(s.options());
      if (stop == 0) {
        BOOST_CHECK(!c.has_value());
        return;
      }
      BOOST_REQUIRE(c.has_value());
      const auto body = mail::Body::from_string("x\n");
      auto r = rcpts({"b@x"});
      std::string confirmation;
      auto sent = (*c)->send(transaction(*body), r, confirmation);
      BOOST_REQUIRE(!sent.has_value());
      BOOST_CHECK_EQUAL(sent.error().trouble.retry_error(), "lost_connection");
      BOOST_CHECK(r[0].fate != Fate::delivered && r[0].fate != Fate::failed);
      BOOST_CHECK_EQUAL((*c)->data_sent, stop == 4);
      BOOST_CHECK(!(*c)->usable());
    });
}

BOOST_AUTO_TEST_CASE(a_silent_server_times_out) {
  in_loop([] {
    Server s;
    s.steps = {{"EHLO", "250 test\r\n"}};
    s.start();
    auto o = s.options();
    o.command_timeout = Seconds(1);
    auto c = SmtpConnection::open(o);
    BOOST_REQUIRE(c.has_value());
    const auto body = mail::Body::from_string("x\n");
    auto tx = transaction(*body);
    tx.command_timeout = Seconds(1);
    auto r = rcpts({"b@x"});
    std::string confirmation;
    // The script is over: the server reads and says nothing more.
    s.steps.clear();
    auto sent = (*c)->send(tx, r, confirmation);
    BOOST_REQUIRE(!sent.has_value());
  });
}

BOOST_AUTO_TEST_CASE(silence_about_a_recipient_is_told_from_other_silence) {
  for (const bool at_rcpt : {false, true})
    in_loop([&] {
      Server s;
      s.steps = {{"EHLO", "250 test\r\n"}};
      if (at_rcpt) s.steps.push_back({"MAIL", "250 ok\r\n"});
      s.start();
      auto c = SmtpConnection::open(s.options());
      BOOST_REQUIRE(c.has_value());
      const auto body = mail::Body::from_string("x\n");
      auto tx = transaction(*body);
      tx.pipelining = false;
      tx.command_timeout = Seconds(1);
      auto r = rcpts({"b@x"});
      std::string confirmation;
      // The script is over: the server reads and says nothing more.
      auto sent = (*c)->send(tx, r, confirmation);
      BOOST_REQUIRE(!sent.has_value());
      BOOST_CHECK(sent.error().trouble.kind == (at_rcpt ? Trouble::Kind::rcpt_timeout : Trouble::Kind::timeout));
    });
}

BOOST_AUTO_TEST_CASE(plaintext_behind_starttls_is_refused) {
  in_loop([] {
    Server s;
    s.steps = {{"EHLO", "250-test\r\n250 STARTTLS\r\n"}, {"STARTTLS", "220 go\r\n250 injected\r\n"}};
    s.start();
    auto c = SmtpConnection::open(s.options());
    BOOST_REQUIRE(!c.has_value());
    BOOST_CHECK_MESSAGE(c.error().message.find("plaintext") != std::string::npos, c.error().message);
    BOOST_CHECK(!c.error().tls_failed);
  });
}

BOOST_AUTO_TEST_CASE(tls_required_but_not_offered) {
  in_loop([] {
    Server s;
    s.steps = {{"EHLO", "250 test\r\n"}, {"QUIT", "221 bye\r\n"}};
    s.start();
    auto o = s.options();
    o.require_tls = true;
    auto c = SmtpConnection::open(o);
    BOOST_REQUIRE(!c.has_value());
    BOOST_CHECK_EQUAL(c.error().trouble.retry_error(), "tls_required");
    (void)s.nursery.join();
    BOOST_CHECK_EQUAL(s.seen.find("MAIL"), std::string::npos);
  });
}

BOOST_AUTO_TEST_CASE(lmtp_answers_per_recipient) {
  in_loop([] {
    Server s;
    s.steps = {{"LHLO client.example", "250 test\r\n"},
               {"MAIL", "250 ok\r\n"},
               {"RCPT", "250 ok\r\n"},
               {"RCPT", "250 ok\r\n"},
               {"DATA", "354 go\r\n"},
               {".", "250 first\r\n452 second is full\r\n"}};
    s.start();
    auto o = s.options();
    o.lmtp = true;
    auto c = SmtpConnection::open(o);
    BOOST_REQUIRE(c.has_value());
    const auto body = mail::Body::from_string("x\n");
    auto r = rcpts({"b@x", "c@x"});
    std::string confirmation;
    BOOST_REQUIRE((*c)->send(transaction(*body), r, confirmation).has_value());
    BOOST_CHECK(r[0].fate == Fate::delivered);
    BOOST_CHECK(r[1].fate == Fate::deferred);
  });
}

BOOST_AUTO_TEST_CASE(the_pool_gives_back_what_still_lives) {
  in_loop([] {
    Server s;
    s.steps = {{"EHLO", "250 test\r\n"}, {"QUIT", "221 bye\r\n"}};
    s.start();
    ConnectionPool pool(2, 5);
    auto c = SmtpConnection::open(s.options());
    BOOST_REQUIRE(c.has_value());
    pool.give("k", std::move(*c));
    BOOST_CHECK(pool.take("other") == nullptr);
    auto back = pool.take("k");
    BOOST_REQUIRE(back != nullptr);
    BOOST_CHECK_EQUAL(pool.idle(), 0U);
    pool.give("k", std::move(back));
    pool.close_all();
    (void)s.nursery.join();
    BOOST_CHECK(s.seen.ends_with("QUIT\r\n"));
  });
}

BOOST_AUTO_TEST_CASE(a_connection_serves_nobody_else_before_its_last_outcome_is_recorded) {
  in_loop([] {
    Server s;
    s.steps = {{"EHLO", "250 test\r\n"}, {"QUIT", "221 bye\r\n"}};
    s.start();
    ConnectionPool pool(2, 5);
    auto c = SmtpConnection::open(s.options());
    BOOST_REQUIRE(c.has_value());
    auto outcome = std::make_shared<Outcome>(Outcome{"1abc"});
    const Outcome other{"2abc"};
    (*c)->outcome = outcome;
    pool.give("k", std::move(*c));
    BOOST_CHECK(pool.take("k") == nullptr);
    BOOST_CHECK(pool.take("k", &other) == nullptr);
    auto own = pool.take("k", outcome.get());
    BOOST_REQUIRE(own != nullptr);
    pool.give("k", std::move(own));
    outcome->recorded = true;
    BOOST_CHECK(pool.take("k", &other) != nullptr);
    pool.close_all();
    (void)s.nursery.join();
  });
}

BOOST_AUTO_TEST_SUITE_END()
