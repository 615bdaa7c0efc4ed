// The room of hooks as a build with REMEX_TEST_HOOKS has it (this program is linked with such a build of it).
#include "core/hooks/hooks.h"

#include <boost/test/unit_test.hpp>
#include <cstdlib>

using namespace remex;

BOOST_AUTO_TEST_SUITE(test_hooks)

BOOST_AUTO_TEST_CASE(without_the_variable_nothing_changes) {
  BOOST_TEST(hooks::built());
  BOOST_REQUIRE(hooks::enter(nullptr, true));
  BOOST_TEST(!hooks::active());
  BOOST_TEST(hooks::product() == "remex");
  BOOST_TEST(hooks::version() != "x.yz");
  BOOST_TEST(hooks::dns_program().empty());
  BOOST_TEST(hooks::load_average(1234) == 1234);
  BOOST_TEST(hooks::cram_challenge("<a@b>") == "<a@b>");
  BOOST_TEST(!hooks::refused_is_timeout(999999));
  BOOST_TEST(!hooks::reverse_lookup_defers("99.99.99.99"));
  BOOST_TEST(!hooks::not_offered("smtputf8_advertise_hosts"));
  hooks::set_queue_times({10});
  hooks::next_queue_run();
  BOOST_TEST(hooks::age(7) == 7);
}

BOOST_AUTO_TEST_CASE(a_relative_directory_is_refused) {
  BOOST_TEST(!hooks::enter("test", false));
  BOOST_TEST(!hooks::active());
}

BOOST_AUTO_TEST_CASE(test_mode) {
  BOOST_REQUIRE(hooks::enter("/suite", true));
  BOOST_TEST(!hooks::ignore_ocsp_dates());
  ::setenv(hooks::kOcspVariable, "y", 1);
  BOOST_TEST(!hooks::ignore_ocsp_dates(), "only the environment at the start counts");
  BOOST_REQUIRE(hooks::enter("/suite", true));
  ::unsetenv(hooks::kOcspVariable);
  BOOST_TEST(hooks::ignore_ocsp_dates());
  BOOST_TEST(hooks::active());
  BOOST_TEST(hooks::directory() == "/suite");
  BOOST_TEST(hooks::product() == "Exim");
  BOOST_TEST(hooks::program() == "exim");
  BOOST_TEST(hooks::version() == "x.yz");
  BOOST_TEST(hooks::with_product("by (remex $version_number)") == "by (Exim x.yz)");
  BOOST_TEST(hooks::with_product("none") == "none");
  BOOST_TEST(hooks::dns_program() == "/suite/bin/fakens");
  BOOST_TEST(hooks::load_average(1234) == 0);
  BOOST_TEST(hooks::load_average(1234) == 10);
  BOOST_TEST(hooks::cram_challenge("<a@b>") == "<1896.697170952@postoffice.reston.mci.net>");
  BOOST_TEST(hooks::refused_is_timeout(999999));
  BOOST_TEST(!hooks::refused_is_timeout(300));
  BOOST_TEST(hooks::reverse_lookup_defers("99.99.99.99"));
  BOOST_TEST(!hooks::reverse_lookup_defers("192.0.2.1"));
  BOOST_TEST(hooks::certificate_lifetime(100) == 2);
  BOOST_TEST(hooks::syslog_to_stderr());
  BOOST_TEST(hooks::not_offered("smtputf8_advertise_hosts"));
  BOOST_TEST(!hooks::not_offered("message_size_limit"));
  // the first queue run after -Tqt 1h/2h
  hooks::set_queue_times({3600, 7200});
  BOOST_TEST(hooks::age(5) == 5);
  hooks::next_queue_run();
  BOOST_TEST(hooks::age(5) == 3600);
  hooks::next_queue_run();
  BOOST_TEST(hooks::age(5) == 7200);
  hooks::next_queue_run();
  BOOST_TEST(hooks::age(5) == 5);
}

BOOST_AUTO_TEST_SUITE_END()
