// Places of mailboxes in an address header.
#include "core/mail/address_items.h"

#include <fmt/format.h>

#include <boost/test/unit_test.hpp>

namespace {

/// "spec|spec" of all items, "!" for an error.
std::string specs(std::string_view body) {
  std::string out;
  for (const auto& i : remex::mail::address_items(body))
    out += fmt::format("{}{}{}", out.empty() ? "" : "|", i.error.empty() ? "" : "!",
                       body.substr(i.spec_begin, i.spec_end - i.spec_begin));
  return out;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(address_items)

BOOST_AUTO_TEST_CASE(places_of_the_working_parts) {
  const std::pair<const char*, const char*> rows[] = {
      {"", ""},
      {" , ,", ""},
      {"a@b", "a@b"},
      {" \"x, y\" <a@b> (c, d), c@d ", "a@b|c@d"},
      {"Group: a@b, c@d;, e@f", "a@b|c@d|e@f"},
      {"undisclosed-recipients:;", ""},
      {"(c) a@b (d)", "a@b"},
      {"<@r,@s:a@b>, c", "@r,@s:a@b|c"},
      {"\"q@x, \\\" y\"@b", "\"q@x, \\\" y\"@b"},
      {"bad one, a@b", "!bad one|a@b"},
      {"a@[1.2.3.4], b@c", "a@[1.2.3.4]|b@c"},
      {"\"open, a@b", "!\"open, a@b"},
      {"(open, a@b", "!"},
      {"<a@b", "!a@b"},
      {"a@b\n , c@d\n", "a@b|c@d"},
  };
  for (const auto& [body, want] : rows) BOOST_TEST(specs(body) == want, body << " gives " << specs(body));
}

BOOST_AUTO_TEST_CASE(every_place_is_inside) {
  // Each prefix of a difficult body: no place may leave the text.
  const std::string body = "\"a\\\" (<\" (c (d) \\) <x@y:[z>;,@<(\"\\";
  for (std::size_t n = 0; n <= body.size(); ++n)
    for (const auto& i : remex::mail::address_items(std::string_view(body).substr(0, n)))
      BOOST_TEST((i.begin <= i.spec_begin && i.spec_begin <= i.spec_end && i.spec_end <= i.end && i.end <= n));
}

BOOST_AUTO_TEST_CASE(the_rest_behind_as_many_as_were_wanted) {
  const std::string body = "a@x, b@x , c@x, d@x ";
  const auto some = remex::mail::address_items(body, 2);
  BOOST_REQUIRE_EQUAL(some.size(), 3U);
  BOOST_TEST(!some[1].unread);
  BOOST_TEST(some[2].unread);
  BOOST_TEST(!some[2].error.empty());
  BOOST_TEST(body.substr(some[2].begin, some[2].end - some[2].begin) == "c@x, d@x");
  for (const char* whole : {"a@x, b@x", "a@x, b@x,", "a@x, b@x, ,"})
    BOOST_TEST(remex::mail::address_items(whole, 2).size() == 2U);
}

BOOST_AUTO_TEST_SUITE_END()
