// Entries of the account database, whatever room they need.
#include "core/io/accounts.h"

#include <grp.h>

#include <boost/test/unit_test.hpp>
#include <cerrno>
#include <cstring>

using namespace remex;

namespace {

std::size_t room_needed = 0;
int interruptions = 0;

/// As getgrnam_r, of a database with one line in it.
int look_up(const char* name, group* entry, char* buffer, std::size_t size, group** found) {
  *found = nullptr;
  if (interruptions > 0) {
    --interruptions;
    return EINTR;
  }
  if (size < room_needed) return ERANGE;
  std::strcpy(buffer, "smalladm");
  entry->gr_name = buffer;
  if (std::strcmp(name, "smalladm") == 0) *found = entry;
  return 0;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(accounts_test)

BOOST_AUTO_TEST_CASE(a_long_line_gets_room) {
  for (const std::size_t need : {std::size_t{10}, std::size_t{16384}, std::size_t{16385}, std::size_t{3000000}}) {
    room_needed = need, interruptions = 2;
    group entry{};
    group* found = nullptr;
    std::string buffer;
    BOOST_CHECK_EQUAL(io::account_entry(look_up, "smalladm", entry, buffer, found), 0);
    BOOST_REQUIRE(found == &entry);
    BOOST_CHECK_EQUAL(found->gr_name, "smalladm");
    BOOST_CHECK_EQUAL(io::account_entry(look_up, "other", entry, buffer, found), 0);
    BOOST_CHECK(found == nullptr);
  }
}

BOOST_AUTO_TEST_CASE(without_bound_is_an_error) {
  room_needed = SIZE_MAX;
  group entry{};
  group* found = &entry;
  std::string buffer;
  BOOST_CHECK_EQUAL(io::account_entry(look_up, "smalladm", entry, buffer, found), ERANGE);
  BOOST_CHECK(found == nullptr);
  BOOST_CHECK_LE(buffer.size(), std::size_t{64} << 20U);
}

BOOST_AUTO_TEST_SUITE_END()
