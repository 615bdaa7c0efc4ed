// Retry rules: error words and the times they give.
#include <boost/test/unit_test.hpp>

#include "core/delivery/retry.h"

using namespace remex;
using namespace remex::delivery;

BOOST_AUTO_TEST_SUITE(retry_test)

BOOST_AUTO_TEST_CASE(error_words) {
  const struct {
    const char *rule, *happened;
    bool matches;
  } kCases[] = {
      {"*", "anything", true},
      {"", "anything", true},
      {"refused", "refused_MX", true},
      {"refused", "refused_A", true},
      {"refused_MX", "refused_A", false},
      {"timeout", "timeout_connect_MX", true},
      {"timeout", "timeout_A", true},
      {"timeout_connect", "timeout_connect_A", true},
      {"timeout_connect", "timeout_A", false},
      {"timeout_MX", "timeout_connect_MX", true},
      {"timeout_MX", "timeout_connect_A", false},
      {"rcpt_4xx", "rcpt_450", true},
      {"rcpt_45x", "rcpt_452", true},
      {"rcpt_45x", "rcpt_421", false},
      {"rcpt_452", "rcpt_452", true},
      {"mail_4xx", "rcpt_450", false},
      {"mail_45x", "mail_451", true},
      {"mail_45x", "mail_421", false},
      {"timeout_MX", "timeout_MX", true},
      {"timeout_MX", "timeout_connect_MX", true},
      {"timeout_A", "timeout_MX", false},
      {"timeout", "timeout_A", true},
      {"data_4xx", "data_451", true},
      {"rcpt_4xx", "rcpt_4xx", true},
      {"quota", "quota", true},
      {"quota", "quota_864000", true},
      {"quota_7d", "quota_864000", true},
      {"quota_7d", "quota_1000", false},
      {"quota_7d", "quota", false},
      {"lost_connection", "lost_connection", true},
      {"tls_required", "refused_MX", false},
      {"lookup", "lookup", true},
  };
  for (const auto& c : kCases) BOOST_TEST(error_matches(c.rule, c.happened) == c.matches, c.rule << " " << c.happened);
}

BOOST_AUTO_TEST_CASE(times) {
  lang::Config config;
  lang::RetryRule rule;
  rule.steps = {{'F', 7200, 900, 0}, {'G', 57600, 3600, 1500}, {'F', 345600, 21600, 0}};
  store::RetryRecord r;
  r.first_failed = 1000;
  schedule(rule, config, 1000, 1000, r);
  BOOST_TEST(r.next_try == 1900);
  BOOST_TEST(!r.expired);
  schedule(rule, config, 1000 + 7200, 1000 + 7200,
           r);  // geometric from here: first its own interval, then half as much again
  BOOST_TEST(r.next_try - r.last_try == 3600);
  schedule(rule, config, 1000 + 10800, 1000 + 10800, r);
  BOOST_TEST(r.next_try - r.last_try == 5400);
  schedule(rule, config, 1000 + 57600, 1000 + 57600, r);
  BOOST_TEST(r.next_try - r.last_try == 21600);
  schedule(rule, config, 1000 + 345599, 1000 + 345599, r);
  BOOST_TEST(!r.expired);
  schedule(rule, config, 1000 + 345600, 1000 + 345600, r);
  BOOST_TEST(r.expired);
  BOOST_TEST(r.next_try > r.last_try);
  rule.steps = {{'F', 1000000, 500000, 0}};
  r = {};
  schedule(rule, config, 50, 50, r);
  BOOST_TEST(r.next_try - r.last_try == config.main.retry_interval_max);
  rule.steps = {{'H', 100000, 100, 4000}};
  r = {};
  for (std::int64_t now = 0; now < 90000; now = r.next_try) {
    schedule(rule, config, now, now, r);
    BOOST_REQUIRE(r.next_try - now >= 100);
  }
  rule.steps.clear();
  schedule(rule, config, 50, 50, r);
  BOOST_TEST(r.expired);
}

BOOST_AUTO_TEST_CASE(a_round_is_one_failure) {
  lang::Config config;
  lang::RetryRule rule;
  rule.steps = {{'G', 57600, 8, 2000}};
  store::RetryRecord r;
  r.first_failed = 1002;
  schedule(rule, config, 1000, 1002, r);
  BOOST_TEST(r.next_try == 1010);
  schedule(rule, config, 1000, 1002, r);  // the next recipient of the same attempt
  BOOST_TEST(r.next_try == 1010);
  schedule(rule, config, 1001, 1004, r);  // a message that was tried beside it
  BOOST_TEST(r.next_try == 1012);
  schedule(rule, config, 1005, 1030, r);  // its failure came late, but it began before the time
  BOOST_TEST(r.next_try == 1038);
  schedule(rule, config, 1038, 1040, r);
  BOOST_TEST(r.next_try == 1056);
  schedule(rule, config, 1041, 1041, r);  // forced: neither longer nor back to the beginning
  BOOST_TEST(r.next_try == 1057);
  schedule(rule, config, 1057, 1057, r);
  BOOST_TEST(r.next_try == 1089);
}

BOOST_AUTO_TEST_CASE(keys) {
  BOOST_TEST(host_key("MX.example.net", "192.0.2.1", 25) == "T:mx.example.net:192.0.2.1");
  BOOST_TEST(host_key("mx.example.net", "192.0.2.1", 587) == "T:mx.example.net:192.0.2.1:587");
  BOOST_TEST(host_key("mx.example.net", "192.0.2.1", -1) == "T:mx.example.net:192.0.2.1");
}

BOOST_AUTO_TEST_SUITE_END()
