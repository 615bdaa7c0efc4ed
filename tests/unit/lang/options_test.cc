// The real main option rows: complete, bound, and their defaults agree with the struct.
#include <boost/test/unit_test.hpp>
#include <set>

#include "lang/main_options.h"
#include "lang/print_config.h"
#include "lang/reader.h"
#include "reader_fixture.h"

namespace remex::registry::main_options {
extern const std::span<const std::span<const OptionDef>* const> all;
}

using namespace remex::lang;

BOOST_AUTO_TEST_SUITE(options)

BOOST_AUTO_TEST_CASE(every_row_is_named_once_and_bound) {
  std::set<std::string_view> names;
  for (const OptionDef* d : flatten<OptionDef>(remex::registry::main_options::all)) {
    BOOST_TEST(names.insert(d->name).second, d->name);
    BOOST_TEST((d->ref != nullptr) == (d->type != OptionType::special), d->name);
    BOOST_TEST(!d->summary.empty(), d->name);
  }
  BOOST_TEST(names.size() >= 298U);
}

BOOST_AUTO_TEST_CASE(default_texts_agree_with_the_struct) {
  MainOptions m;
  for (const OptionDef* d : flatten<OptionDef>(remex::registry::main_options::all)) {
    if (d->type == OptionType::boolean)
      BOOST_TEST(*static_cast<bool*>(d->ref(&m)) == (d->default_text == "true"), d->name);
    if (d->type == OptionType::time)
      BOOST_TEST(*static_cast<std::int64_t*>(d->ref(&m)) == parse_time(d->default_text).value_or(0), d->name);
    if (d->type == OptionType::integer)
      BOOST_TEST(*static_cast<std::int64_t*>(d->ref(&m)) == parse_config_integer(d->default_text).value_or(0), d->name);
  }
}

BOOST_AUTO_TEST_CASE(numbers_and_times) {
  BOOST_TEST(parse_config_integer("10M").value() == 10 * 1024 * 1024);
  BOOST_TEST(parse_config_integer("010").value() == 8);
  BOOST_TEST(parse_config_integer("-1").value() == -1);
  for (const char* bad : {"", "-", "K", "0x", "08", "1KK", "9223372036854775807G", "1 2"})
    BOOST_TEST(!parse_config_integer(bad), bad);
  BOOST_TEST(parse_time("1w2d3h4m5s").value() == 604800 + 2 * 86400 + 3 * 3600 + 245);
  for (const char* bad : {"", "5", "h", "5m3", "1y", "99999999999w", "1 h"}) BOOST_TEST(!parse_time(bad), bad);
  BOOST_TEST(format_time(129600) == "1d12h");
  BOOST_TEST(format_time(0) == "0s");
}

BOOST_AUTO_TEST_CASE(printing) {
  auto l = test::load(
      "FOO = bar\nhide primary_hostname = secret\nsmtp_accept_max = 2048\nauto_thaw = 36h\n"
      "begin routers\nr:\n driver = redirect\n data = FOO\n");
  BOOST_TEST_REQUIRE(static_cast<bool>(l->config), l->diag.render());
  std::string out, err;
  BOOST_TEST(print_config(*l->config,
                          {"primary_hostname", "smtp_accept_max", "auto_thaw", "accept_8bitmime", "router_list"}, false,
                          false, out, err) == 0);
  BOOST_TEST(
      out ==
      "primary_hostname = <value not displayable>\nsmtp_accept_max = 2048\nauto_thaw = 1d12h\naccept_8bitmime\nr\n");
  out.clear();
  BOOST_TEST(print_config(*l->config, {"router", "r"}, true, false, out, err) == 0);
  BOOST_TEST(
      out ==
      "condition = \ndriver = redirect\nmore\npass_router = \ntransport = \ndata = bar\nmode = 0600\nno_one_time\n");
  out.clear();
  BOOST_TEST(print_config(*l->config, {"smtp_accept_max"}, false, true, out, err) == 0);
  BOOST_TEST(out == "2048\n");
  out.clear();
  BOOST_TEST(print_config(*l->config, {"nonesuch"}, true, false, out, err) == 1);
  BOOST_TEST(out == "nonesuch is not a known option\n");
}

BOOST_AUTO_TEST_SUITE_END()
