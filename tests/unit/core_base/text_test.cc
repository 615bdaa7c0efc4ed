// Taint is contagious and quoting is remembered only while it holds for every tainted part; errors carry their cause.
#include "core/base/text.h"

#include <cerrno>
#include <memory>

#include <boost/test/unit_test.hpp>

#include "core/base/result.h"

using namespace remex;

namespace {

Result<int> half(int n) {
  if (n % 2 != 0) return defer("odd");
  return n / 2;
}

Result<int> quarter(int n) {
  REMEX_TRY(const int a, half(n));
  REMEX_TRY(const int b, half(a));
  return b;
}

Status both_even(int a, int b) {
  REMEX_CHECK(half(a));
  REMEX_CHECK(half(b));
  return {};
}

Result<std::unique_ptr<int>> boxed(int n) {
  REMEX_TRY(auto value, half(n));
  return std::make_unique<int>(value);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(text_and_result)

BOOST_AUTO_TEST_CASE(appending_joins_taint) {
  Text path = Text::clean("/var/mail/");
  path.append(std::string_view("x"));
  BOOST_TEST(!path.is_tainted());
  path.append(Text::tainted("bob"));
  BOOST_TEST(path.is_tainted());
  BOOST_TEST((path == "/var/mail/xbob"));
  path.append(Text::clean("/new"));
  BOOST_TEST(path.is_tainted());
  BOOST_TEST(path.with("other").is_tainted());
  BOOST_TEST(((Taint::clean | Taint::tainted) == Taint::tainted));
  BOOST_TEST(((Taint::clean | Taint::clean) == Taint::clean));
}

BOOST_AUTO_TEST_CASE(quoting_survives_only_equal_quoting) {
  Text query = Text::clean("select ");
  query.append(Text("'a'", Taint::tainted, 3));
  BOOST_TEST(int{query.quoter()} == 3);
  query.append(Text("'b'", Taint::tainted, 3));
  BOOST_TEST(int{query.quoter()} == 3);
  query.append(Text::tainted("raw"));
  BOOST_TEST(int{query.quoter()} == 0);
  query.append(Text("'c'", Taint::tainted, 3));  // the raw part is still in there
  BOOST_TEST(int{query.quoter()} == 0);
}

BOOST_AUTO_TEST_CASE(errors_travel_as_values) {
  BOOST_TEST(quarter(12).value() == 3);
  const auto bad = quarter(6);
  BOOST_REQUIRE(!bad.has_value());
  BOOST_TEST((bad.error().kind == ErrorKind::defer));
  BOOST_TEST(bad.error().text == "odd");
  BOOST_TEST(both_even(2, 4).has_value());
  BOOST_TEST(!both_even(2, 3).has_value());
  BOOST_TEST(*boxed(8).value() == 4);
  BOOST_TEST(!boxed(7).has_value());
}

BOOST_AUTO_TEST_CASE(system_errors_name_themselves) {
  const Error e = fail_errno(ENOENT, "open /nowhere").error();
  BOOST_TEST(e.text == "open /nowhere: No such file or directory");
  BOOST_TEST(e.sys_errno == ENOENT);
  BOOST_TEST(to_string(ErrorKind::not_found) == "not_found");
}

BOOST_AUTO_TEST_SUITE_END()
