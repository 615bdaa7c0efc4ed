// Lists of hosts that are the same but for the order of equals.
#include <boost/test/unit_test.hpp>

#include <algorithm>

#include "routers/router.h"

using namespace remex::routers;

namespace {
HostItem host(const char* name, int mx, int place = 0, bool secure = false) {
  HostItem h;
  h.name = name;
  h.ip = "192.0.2.1";
  h.mx = mx;
  h.place = place;
  h.mx_secure = secure;
  return h;
}
}  // namespace

BOOST_AUTO_TEST_SUITE(sharing)

BOOST_AUTO_TEST_CASE(equal_hosts_in_any_order) {
  std::vector<HostItem> hosts{host("a", 10), host("b", 10), host("c", 10), host("d", 20)};
  const std::string key = hosts_key(hosts);
  while (std::next_permutation(hosts.begin(), hosts.begin() + 3,
                               [](const HostItem& x, const HostItem& y) { return x.name < y.name; }))
    BOOST_CHECK_EQUAL(hosts_key(hosts), key);
}

BOOST_AUTO_TEST_CASE(the_numbers_themselves_do_not_count) {
  BOOST_CHECK_EQUAL(hosts_key({host("a", 10), host("b", 20)}), hosts_key({host("a", 5), host("b", 50)}));
  BOOST_CHECK_EQUAL(hosts_key({host("a", -1, 0), host("b", -1, 1)}), hosts_key({host("a", 5), host("b", 50)}));
}

BOOST_AUTO_TEST_CASE(another_rank_is_another_list) {
  const std::string key = hosts_key({host("a", 10), host("b", 20)});
  BOOST_CHECK_NE(hosts_key({host("a", 10), host("b", 10)}), key);
  BOOST_CHECK_NE(hosts_key({host("b", 10), host("a", 20)}), key);
  BOOST_CHECK_NE(hosts_key({host("a", 10)}), key);
  BOOST_CHECK_NE(hosts_key({host("a", -1, 0), host("b", -1, 1)}), hosts_key({host("a", -1, 1), host("b", -1, 0)}));
  // Whose records are signed is delivered by other rules (DANE).
  BOOST_CHECK_NE(hosts_key({host("a", 10, 0, true), host("b", 20)}), key);
}

BOOST_AUTO_TEST_SUITE_END()
