// Time: printed forms at known instants, the replaceable wall clock, and Exim's intervals.
#include "core/base/clock.h"

#include <boost/test/unit_test.hpp>

using namespace remex;

namespace {
WallTime at(std::int64_t seconds, std::int64_t micros = 0) {
  return WallTime(std::chrono::seconds(seconds) + std::chrono::microseconds(micros));
}
}  // namespace

BOOST_AUTO_TEST_SUITE(clock_forms)

BOOST_AUTO_TEST_CASE(prints_utc) {
  set_timezone("UTC");
  BOOST_TEST(log_timestamp(at(1795232178)) == "2026-11-21 03:36:18");
  BOOST_TEST(log_timestamp_millis(at(1795232178, 7'999)) == "2026-11-21 03:36:18.007");
  BOOST_TEST(rfc5322_date(at(1795232178)) == "Sat, 21 Nov 2026 03:36:18 +0000");
  BOOST_TEST(rfc5322_date(at(1793491200)) == "Sun, 01 Nov 2026 00:00:00 +0000");
  BOOST_TEST(zone_offset(at(0)) == "+0000");
  BOOST_TEST(log_timestamp_millis(at(0, -1)) == "1969-12-31 23:59:59.999");
}

BOOST_AUTO_TEST_CASE(prints_other_zones) {
  // POSIX rules need no zone files: half hours west and east of Greenwich.
  set_timezone("XST3:30");
  BOOST_TEST(rfc5322_date(at(1795232178)) == "Sat, 21 Nov 2026 00:06:18 -0330");
  set_timezone("YST-5:45");
  BOOST_TEST(zone_offset(at(1795232178)) == "+0545");
  set_timezone("UTC");
  BOOST_TEST(zone_offset(at(1795232178)) == "+0000");
}

BOOST_AUTO_TEST_CASE(cached_stamp_follows_the_zone) {
  set_timezone("UTC");
  BOOST_TEST(log_timestamp(at(1795232178)) == "2026-11-21 03:36:18");
  BOOST_TEST(log_timestamp(at(1795232179)) == "2026-11-21 03:36:19");
  set_timezone("XST1");
  BOOST_TEST(log_timestamp(at(1795232179)) == "2026-11-21 02:36:19");
  set_timezone("UTC");
}

BOOST_AUTO_TEST_CASE(wall_clock_can_be_shifted) {
  const auto before = wall_seconds();
  set_wall_offset(std::chrono::hours(1000));
  BOOST_TEST(wall_seconds() >= before + 3'600'000);
  set_wall_offset({});
  BOOST_TEST(wall_seconds() < before + 3'600'000);
}

BOOST_AUTO_TEST_CASE(intervals) {
  const std::pair<const char*, std::int64_t> good[] = {{"0s", 0},           {"90m", 5400},  {"3h50m", 13800},
                                                       {"1d2h3m4s", 93784}, {"1w", 604800}, {"2w1s", 1209601}};
  for (const auto& [text, value] : good) {
    std::int64_t seconds = -1;
    BOOST_TEST(parse_interval(text, seconds), text);
    BOOST_TEST(seconds == value);
  }
  for (const char* bad :
       {"", "5", "s", "1h2", "1y", "-1s", "1 h", "1h ", "+1s", "99999999999999999999s", "9223372036854775807w"}) {
    std::int64_t seconds = 42;
    BOOST_TEST(!parse_interval(bad, seconds), bad);
    BOOST_TEST(seconds == 42);  // untouched on failure
  }
  BOOST_TEST(format_interval(93784) == "1d2h3m4s");
  BOOST_TEST(format_interval(0) == "0s");
  BOOST_TEST(format_interval(604800 * 10) == "10w");
  BOOST_TEST(format_interval(5400) == "1h30m");
  BOOST_TEST(format_interval(-61) == "-1m1s");
  BOOST_TEST(!format_interval(INT64_MIN).empty());
}

BOOST_AUTO_TEST_SUITE_END()
