// Scanner servers and answers: list syntax, order of trial, scores as variables show them.
#include <boost/test/unit_test.hpp>

#include "acl/scan.h"
#include "acl/scan_protocol.h"

using namespace remex;
using namespace remex::acl;

BOOST_AUTO_TEST_SUITE(scan)

BOOST_AUTO_TEST_CASE(server_lists) {
  auto servers = parse_scan_servers("127.0.0.1 783 pri=2 weight=5 tmo=10s retry=2s : /run/spamd variant=rspamd");
  BOOST_REQUIRE(servers);
  BOOST_REQUIRE_EQUAL(servers->size(), 2U);
  const ScanServer& a = servers->at(0);
  BOOST_TEST(a.host == "127.0.0.1");
  BOOST_TEST(a.port == 783);
  BOOST_TEST(a.priority == 2);
  BOOST_TEST(a.weight == 5);
  BOOST_TEST(a.timeout.count() == 10000);
  BOOST_TEST(a.retry.count() == 2000);
  BOOST_TEST(!a.rspamd);
  BOOST_TEST(servers->at(1).path == "/run/spamd");
  BOOST_TEST(servers->at(1).rspamd);
  auto v6 = parse_scan_servers("<; [::1] 783-785 time=8.30-17");
  BOOST_REQUIRE(v6);
  BOOST_TEST(v6->at(0).host == "::1");
  BOOST_TEST(v6->at(0).last_port == 785);
  BOOST_TEST(v6->at(0).from_second == 8 * 3600 + 30 * 60);
  for (const char* bad : {"", "host", "host 0", "host 9-8", "host 70000", "host 1 pri=", "host 1 what=3",
                          "host 1 tmo=0s", "host 1 time=25-26", "host 1 variant=x"})
    BOOST_TEST(!parse_scan_servers(bad).has_value(), bad);
  std::string many;
  for (int i = 0; i < 33; ++i) many += "h 1 : ";
  BOOST_TEST(!parse_scan_servers(many).has_value());
}

BOOST_AUTO_TEST_CASE(order_of_trial) {
  auto servers = parse_scan_servers("a 1 : b 1 pri=5 weight=1 : c 1 pri=5 weight=9 : d 1 time=22-6 : e 1 weight=0");
  BOOST_REQUIRE(servers);
  const auto names = [&](int second, std::uint64_t n) {
    std::string out;
    for (const auto* s : scan_order(*servers, second, [n](std::uint64_t below) { return n % below; })) out += s->host;
    return out;
  };
  BOOST_TEST(names(12 * 3600, 0) == "bcae");
  BOOST_TEST(names(12 * 3600, 9) == "cbae");
  BOOST_TEST(names(23 * 3600, 0) == "bcade");
  BOOST_TEST(names(5 * 3600, 0) == "bcade");
  BOOST_TEST(parse_time_of_day("1.2.3") == 3723);
  BOOST_TEST(parse_time_of_day("1.60") == -1);
  BOOST_TEST(parse_time_of_day("1.2.3.4") == -1);
}

BOOST_AUTO_TEST_CASE(answers) {
  auto s = parse_spamd_reply("SPAMD/1.1 0 EX_OK\r\nSpam: False ; 4.6 / 5.0\r\n\r\nline\r\n\r\n");
  BOOST_REQUIRE(s);
  BOOST_TEST(!s->is_spam);
  BOOST_TEST(s->action == "no action");
  BOOST_TEST(s->report == "line");
  BOOST_TEST(spam_score_int(s->score) == "46");
  BOOST_TEST(parse_spamd_reply("SPAMD/1.1 0 EX_OK\r\nSpam: False ; 5.0 / 5.0\r\n\r\n")->is_spam);
  auto r =
      parse_rspamd_reply("RSPAMD/1.3 0 EX_OK\r\nMetric: default; False; -1.25 / 15.00 / 0.0\r\nAction: no action\r\n");
  BOOST_REQUIRE(r);
  BOOST_TEST(r->action == "no action");
  BOOST_TEST(spam_score_int(r->score) == "-12");
  for (const char* bad :
       {"", "SPAMD", "HTTP/1.1 0 OK\r\n\r\n", "SPAMD/1.1 64 EX\r\nSpam: True ; 1 / 2\r\n", "SPAMD/1.1 0 EX_OK\r\n",
        "SPAMD/1.1 0 EX_OK\r\nSpam: True ; inf / 2\r\n", "SPAMD/1.1 0 EX_OK\r\nSpam: True 3 / 2\r\n"})
    BOOST_TEST(!parse_spamd_reply(bad).has_value(), bad);
  BOOST_TEST(!parse_rspamd_reply("RSPAMD/1.3 0 EX_OK\r\nMetric: default; True 1 / 2\r\n").has_value());
}

BOOST_AUTO_TEST_CASE(score_variables) {
  BOOST_TEST(spam_score_text(15.57) == "15.6");
  BOOST_TEST(spam_score_int(15.57) == "155");
  BOOST_TEST(spam_score_text(-0.04) == "0.0");
  BOOST_TEST(spam_bar(4.4) == "++++");
  BOOST_TEST(spam_bar(-2.9) == "--");
  BOOST_TEST(spam_bar(0.9) == "/");
  BOOST_TEST(spam_bar(1e8).size() == 50U);
}

BOOST_AUTO_TEST_CASE(clamd_answers) {
  BOOST_TEST(!parse_clamd_reply(std::string_view("stream: OK\0", 11))->infected);
  BOOST_TEST(parse_clamd_reply("/a: b.eml: Win.Test FOUND\n")->name == "Win.Test");
  BOOST_TEST(parse_clamd_reply("stream: X(44d88612fea8a8f36de82e1278abb02f:68) FOUND")->name == "X");
  for (const char* bad : {"", "OKAY", "stream: x ERROR", "stream:  FOUND", "FOUND"})
    BOOST_TEST(!parse_clamd_reply(bad).has_value(), bad);
}

BOOST_AUTO_TEST_SUITE_END()
