// Limits per destination: the rate holds in every stretch of its period, turns go round in order, processes count
// together.
#include "transports/destination_limits.h"

#include <unistd.h>

#include <boost/test/unit_test.hpp>
#include <deque>
#include <map>

#include "core/base/clock.h"

using namespace remex;
using namespace remex::transports;

BOOST_AUTO_TEST_SUITE(destination_limits)

BOOST_AUTO_TEST_CASE(rates_are_read) {
  const auto r = parse_message_rate(" 100 / 1h ");
  BOOST_REQUIRE(r.has_value());
  BOOST_TEST(r->messages == 100);
  BOOST_TEST(r->period == 3600);
  BOOST_TEST(parse_message_rate("").value().messages == 0);
  BOOST_TEST(parse_message_rate("0").value().messages == 0);
  for (const char* bad :
       {"100", "x/1h", "0/1h", "-1/1h", "5/", "5/x", "5/0s", "5/-1h", "99999999999/1h", "1/9999d", "/1h"})
    BOOST_TEST(!parse_message_rate(bad).has_value(), bad);
}

BOOST_AUTO_TEST_CASE(no_stretch_of_a_period_gets_more_than_the_rate) {
  const MessageRate rate{7, 60};
  RateWindow w(rate);
  std::deque<std::int64_t> sent;
  std::uint64_t x = 1;
  std::int64_t total = 0;
  for (std::int64_t now = 1700000000000000; now < 1700000000000000 + 3600LL * 1000000;) {
    x = x * 6364136223846793005U + 1442695040888963407U;
    now += static_cast<std::int64_t>(x >> 33U) % 9000000;
    while (!sent.empty() && sent.front() <= now - 60000000) sent.pop_front();
    if (w.room(now) > 0) {
      w.take(now);
      sent.push_back(now);
      ++total;
    }
    BOOST_REQUIRE(sent.size() <= 7U);
    w = RateWindow::parse(w.str(), rate);  // what is kept is all there is
  }
  BOOST_TEST(total > 60 * 7 * 8 / 10);  // and not much less
}

BOOST_AUTO_TEST_CASE(the_time_that_is_told_is_the_time) {
  const MessageRate rate{3, 100};
  RateWindow w(rate);
  const std::int64_t start = 1700000000000000;
  for (int i = 0; i < 3; ++i) w.take(start + i * 20000000);
  const std::int64_t now = start + 50000000;
  BOOST_TEST(w.room(now) == 0);
  std::int64_t before = now;
  for (int others = 0; others < 3; ++others) {
    const std::int64_t at = w.when(now, others);
    BOOST_TEST(at > before);
    RateWindow then = w;
    BOOST_TEST(then.room(at) > others);
    RateWindow early = w;
    BOOST_TEST(early.room(at - 1000) <= others);
    before = at;
  }
  BOOST_TEST(w.when(now, 1000) > now + 300 * 100 * 1000000LL);
}

BOOST_AUTO_TEST_CASE(a_window_of_another_time_or_rate_is_empty) {
  const MessageRate rate{3, 100};
  RateWindow w(rate);
  w.take(1700000000000000);
  BOOST_TEST(RateWindow::parse(w.str(), {3, 200}).room(1700000000000000) == 3);
  BOOST_TEST(RateWindow::parse("nonsense", rate).room(1700000000000000) == 3);
  BOOST_TEST(RateWindow::parse("", rate).room(1700000000000000) == 3);
  BOOST_TEST(w.room(1600000000000000) == 3);  // the clock was set back by years
  w.give_back();
  w.take(1600000000000000);
  w.give_back();
  BOOST_TEST(w.room(1600000000000000) == 3);
}

BOOST_AUTO_TEST_CASE(turns_go_round) {
  DestinationLimits limits("");
  std::deque<std::string> woken;
  limits.wake = [&](const std::string& id) { woken.push_back(id); };
  const DestinationRule rule{"mx.test", 2, {}};
  auto a = limits.enter(rule, "a", nullptr), b = limits.enter(rule, "b", nullptr);
  BOOST_REQUIRE(a.has_value());
  BOOST_REQUIRE(b.has_value());
  for (const char* id : {"c", "d", "c", "e"}) {
    const auto refused = limits.enter(rule, id, nullptr);
    BOOST_REQUIRE(!refused.has_value());
    BOOST_TEST(refused.error().why.find("2 connections to mx.test are open") != std::string::npos);
    BOOST_TEST(refused.error().again > 0);
  }
  BOOST_TEST(limits.enter({"other.test", 2, {}}, "x", nullptr).has_value());  // nobody else waits
  BOOST_TEST(limits.waiting() == 3U);
  {
    auto gone = std::move(*a);
  }
  BOOST_TEST(woken == std::deque<std::string>{"c"});
  BOOST_TEST(!limits.enter(rule, "late", nullptr).has_value());  // the turn is kept for c
  auto c = limits.enter(rule, "c", nullptr);
  BOOST_TEST(c.has_value());
  {
    auto gone = std::move(*b);
  }
  {
    auto gone = std::move(*c);
  }
  BOOST_TEST((woken == std::deque<std::string>{"c", "d", "e"}));
  BOOST_TEST(limits.enter(rule, "e", nullptr).has_value());
  BOOST_TEST(limits.enter(rule, "d", nullptr).has_value());
}

BOOST_AUTO_TEST_CASE(who_will_be_woken_comes_late_without_that) {
  DestinationLimits limits("");
  const DestinationRule rule{"mx.test", 2, {}};
  const auto a = limits.enter(rule, "a", nullptr), b = limits.enter(rule, "b", nullptr);
  const auto pause = [&](const std::string& id, bool before) {
    const auto no = limits.enter(rule, id, nullptr);
    BOOST_REQUIRE(!no.has_value());
    BOOST_TEST(no.error().repeated == before, id);
    return no.error().again - wall_seconds();
  };
  BOOST_TEST(pause("nobody wakes it", false) <= 30);
  limits.wake = [](const std::string&) {};
  BOOST_TEST(pause("nobody wakes it", true) <= 30);  // the first in the line
  std::int64_t longest = 0;
  for (int i = 0; i < 300; ++i) longest = std::max(longest, pause(std::to_string(i), false));
  BOOST_TEST(longest >= 590);
  BOOST_TEST(longest <= 600);
  BOOST_TEST(pause("4", true) >= 80);
  BOOST_TEST(pause("299", true) >= 590);
}

struct Hints : lang::Services {
  bool works = true;
  int written = 0;
  std::map<std::string, std::string> kept;
  dns::Resolver& resolver() override { throw std::logic_error("no DNS in this test"); }
  lang::VerifyOutcome verify_sender(lang::Scope&, const std::string&, std::string_view) override { return {}; }
  lang::VerifyOutcome verify_recipient(lang::Scope&, const std::string&, std::string_view) override { return {}; }
  Result<bool> run_acl(lang::Scope&, const Text&, const std::vector<Text>&, Text&) override { return true; }
  void log(int, std::string_view) override {}
  lang::LookupCache& lookup_cache() override { throw std::logic_error("no lookups in this test"); }
  Result<bool> first_use(std::string_view, std::string_view, std::int64_t) override { return true; }
  Result<std::optional<std::string>> get_hint(const std::string&, const std::string& key) override {
    if (!works) return fail("the disk is on fire");
    const auto it = kept.find(key);
    return it == kept.end() ? std::nullopt : std::optional(it->second);
  }
  Status put_hint(const std::string&, const std::string& key, const std::string& value) override {
    ++written;
    kept[key] = value;
    return {};
  }
};

BOOST_AUTO_TEST_CASE(what_cannot_be_counted_waits) {
  DestinationLimits limits("");
  Hints hints;
  const DestinationRule rule{"mx.test", 0, {2, 3600}};
  const auto sent = [&](const std::string& id) -> std::optional<DestinationLimits::Refusal> {
    auto permit = limits.enter(rule, id, &hints);
    if (!permit) return permit.error();
    permit->used();
    return {};
  };
  BOOST_TEST(!sent("a").has_value());
  hints.works = false;
  const int written = hints.written;
  const auto no = sent("b");
  BOOST_REQUIRE(no.has_value());
  BOOST_TEST(no->why.find("what went to mx.test cannot be counted: the disk is on fire") != std::string::npos, no->why);
  BOOST_TEST(no->again <= wall_seconds() + 30);
  BOOST_TEST(hints.written == written);
  hints.works = true;
  BOOST_TEST(!sent("b").has_value());
  BOOST_TEST(sent("c").has_value());  // and what went before is not forgotten
}

BOOST_AUTO_TEST_CASE(processes_count_together) {
  std::string path = "/tmp/remex-slots-XXXXXX";
  const int fd = ::mkstemp(path.data());
  ::close(fd);
  const DestinationRule rule{"mx.test", 2, {}};
  auto one = std::make_unique<DestinationLimits>(path);
  DestinationLimits two(path);  // its own open file: as another process has
  auto a = one->slot(rule), b = two.slot(rule);
  BOOST_TEST(a != nullptr);
  BOOST_TEST(b != nullptr);
  BOOST_TEST(one->slot(rule) == nullptr);
  BOOST_TEST(two.slot(rule) == nullptr);
  BOOST_TEST(two.slot({"other.test", 1, {}}) != nullptr);
  one.reset();  // a connection may outlive it
  BOOST_TEST(two.slot(rule) == nullptr);
  a.reset();
  const auto c = two.slot(rule);
  BOOST_TEST(c != nullptr);
  BOOST_TEST(two.slot(rule) == nullptr);
  ::unlink(path.c_str());
}

BOOST_AUTO_TEST_SUITE_END()
