// Message ids: form, order, uniqueness across threads and against a clock that jumps back.
#include "core/base/ids.h"

#include <algorithm>
#include <set>
#include <thread>
#include <vector>

#include <boost/test/unit_test.hpp>

#include "core/base/clock.h"

using namespace remex;

BOOST_AUTO_TEST_SUITE(ids)

BOOST_AUTO_TEST_CASE(form) {
  const std::int64_t before = wall_seconds();
  const std::string id = new_message_id();
  BOOST_TEST(id.size() == 23U);
  BOOST_TEST(is_message_id(id));
  BOOST_TEST(message_id_seconds(id) >= before);
  BOOST_TEST(message_id_seconds(id) <= wall_seconds() + 1);
  BOOST_TEST(is_message_id("16VDhn-0001bo-D3"));
  BOOST_TEST(message_id_seconds("16VDhn-0001bo-D3") == 1012231703);
  for (const char* bad : {"", "16VDhn-0001bo-D", "16VDhn-0001bo-D3x", "16VDhn_0001bo-D3", "16VDh/-0001bo-D3",
                          "16VDhn-0001b.-D3", "1rXYZa-00000000abc_1234"}) {
    BOOST_TEST(!is_message_id(bad), bad);
    BOOST_TEST(message_id_seconds(bad) == 0);
  }
}

BOOST_AUTO_TEST_CASE(base_62) {
  BOOST_TEST(base62(0, 1) == "0");
  BOOST_TEST(base62(61, 1) == "z");
  BOOST_TEST(base62(62, 4) == "0010");
  BOOST_TEST(base62(35, 0) == "Z");
  BOOST_TEST(base62(UINT64_MAX, 0) == "LygHa16AHYF");
}

BOOST_AUTO_TEST_CASE(increase_even_when_the_clock_goes_back) {
  std::string last = new_message_id();
  for (int i = 0; i < 1000; ++i) {
    if (i == 500) set_wall_offset(-std::chrono::hours(24));
    const std::string next = new_message_id();
    BOOST_TEST_REQUIRE(next > last);
    last = next;
  }
  set_wall_offset({});
}

BOOST_AUTO_TEST_CASE(unique_across_threads) {
  constexpr int kEach = 5000;
  std::vector<std::vector<std::string>> made(4);
  {
    std::vector<std::jthread> threads;
    for (auto& mine : made) {
      threads.emplace_back([&mine] {
        for (int i = 0; i < kEach; ++i) mine.push_back(new_message_id());
      });
    }
  }
  std::set<std::string> all;
  for (const auto& mine : made) {
    BOOST_TEST(std::is_sorted(mine.begin(), mine.end()));
    all.insert(mine.begin(), mine.end());
  }
  BOOST_TEST(all.size() == made.size() * kEach);
}

BOOST_AUTO_TEST_SUITE_END()
