// The list of what goes on: the oldest first, nothing of what is over, no control characters.
#include "core/io/activity.h"

#include <boost/test/unit_test.hpp>
#include <memory>

using remex::io::Activity;

namespace {
std::string texts() {
  std::string out;
  for (const auto& l : Activity::all()) out += l.text + "|";
  return out;
}
}  // namespace

BOOST_AUTO_TEST_SUITE(activity)

BOOST_AUTO_TEST_CASE(those_that_live_in_their_order) {
  BOOST_TEST(texts().empty());
  auto a = std::make_unique<Activity>([] { return "a"; });
  std::string b_text = "b";
  auto b = std::make_unique<Activity>([&] { return b_text; });
  auto c = std::make_unique<Activity>([] { return "c"; });
  BOOST_TEST(texts() == "a|b|c|");
  b_text = "later";
  BOOST_TEST(texts() == "a|later|c|");
  b.reset();
  BOOST_TEST(texts() == "a|c|");
  c.reset();
  auto d = std::make_unique<Activity>([] { return "d"; });
  BOOST_TEST(texts() == "a|d|");
  a.reset();
  d.reset();
  BOOST_TEST(texts().empty());
}

BOOST_AUTO_TEST_CASE(lines_are_printable_and_bounded) {
  const Activity a([] { return "x\r\ny" + std::string(1000, 'z'); });
  const auto lines = Activity::all();
  BOOST_REQUIRE(lines.size() == 1);
  BOOST_TEST(lines[0].text.size() == 300);
  BOOST_TEST(lines[0].text.starts_with("x\\r\\ny"));
  BOOST_TEST(lines[0].since.count() >= 0);
  const Activity b([] { return "b"; });
  BOOST_TEST(Activity::all(1).size() == 1);
}

BOOST_AUTO_TEST_SUITE_END()
