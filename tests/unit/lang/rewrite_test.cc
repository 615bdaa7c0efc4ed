// Rewriting rules on addresses, headers and SMTP paths; the oracle comparison (tests/oracle/rewrite.py) has the
// breadth.
#include "lang/rewrite.h"

#include <boost/test/unit_test.hpp>

#include "lang/scope.h"
#include "reader_fixture.h"

namespace {

using namespace remex;
using namespace remex::lang;

struct Rules {
  explicit Rules(const std::string& text) : loaded(test::load("primary_hostname = rcpt.test\nbegin rewrite\n" + text)) {
    BOOST_REQUIRE_MESSAGE(loaded->config, loaded->diag.render());
    scope.config = loaded->config.get();
  }
  std::string address(const std::string& a, RewriteField f = RewriteField::env_to) {
    return Rewriter(scope, loaded->config->rewrite).address(a, f);
  }
  std::string header(const std::string& text, std::string_view senders = {}, std::string_view recipients = {}) {
    mail::Header h{mail::classify_header(text), text};
    auto out = Rewriter(scope, loaded->config->rewrite).header(h, senders, recipients);
    return out ? *out : "(same)";
  }
  std::unique_ptr<test::Loaded> loaded;
  Scope scope;
};

}  // namespace

BOOST_AUTO_TEST_SUITE(rewriting)

BOOST_AUTO_TEST_CASE(rules_run_in_order_and_flags_choose) {
  Rules r("root@a.test *\n*@a.test $1@b.test\n*@b.test $1-2@c.test F\nu@c.test x Q\nu@d.test x\n");
  BOOST_TEST(r.address("root@a.test") == "root@a.test");
  BOOST_TEST(r.address("u@a.test") == "u@b.test");
  BOOST_TEST(r.address("u@a.test", RewriteField::env_from) == "u-2@c.test");
  BOOST_TEST(r.address("u@c.test") == "x@rcpt.test");
  BOOST_TEST(r.address("u@d.test") == "u@d.test");  // no domain and no Q: nothing happens
  BOOST_TEST(r.address("") == "");
}

BOOST_AUTO_TEST_CASE(repetition_is_bounded) {
  Rules r("*@a.test x$1@a.test R\n");
  BOOST_TEST(r.address("u@a.test") == "xxxxxxxxxxxu@a.test");
}

BOOST_AUTO_TEST_CASE(headers_keep_what_is_not_rewritten) {
  Rules r("*@a.test $1@b.test\n*@w.test \"N <$1@w2.test>\" w\n*@nl.test \"N\\nX-Evil:: y <$1@w2.test>\" w\n");
  BOOST_TEST(r.header("To: \"A, B\" (c,d) <u@a.test>, g: v@a.test;\n") ==
             "To: \"A, B\" (c,d) <u@b.test>, g: v@b.test;\n");
  BOOST_TEST(r.header("To: x y z, u@a.test\n") == "To: x y z, u@b.test\n");
  BOOST_TEST(r.header("From: Old <u@w.test> (c)\n") == "From: N <u@w2.test>\n");
  BOOST_TEST(r.header("Subject: u@a.test\n") == "(same)");
  BOOST_TEST(r.header("To: u@other.test\n") == "(same)");
  // A replacement can never begin another header line.
  BOOST_TEST(r.header("From: u@nl.test\n").find("\nX-Evil") == std::string::npos);
}

BOOST_AUTO_TEST_CASE(unqualified_addresses_in_headers) {
  Rules r("x@never.test y@never.test\n");
  BOOST_TEST(r.header("From: u\n", "s.test", "r.test") == "From: u@s.test\n");
  BOOST_TEST(r.header("To: a, <b>, c@d.test\n", "s.test", "r.test") == "To: a@r.test, <b@r.test>, c@d.test\n");
  BOOST_TEST(r.header("To: a\n") == "(same)");
}

BOOST_AUTO_TEST_CASE(long_lines_are_folded_after_a_comma) {
  Rules r("*@a.test $1.0123456789012345678901234567890123456789@b.test\n");
  const std::string out = r.header("To: one@a.test, two@a.test, three@a.test\n");
  std::size_t longest = 0, start = 0;
  for (std::size_t nl; (nl = out.find('\n', start)) != std::string::npos; start = nl + 1)
    longest = std::max(longest, nl - start);
  BOOST_TEST(longest <= 78U);
  BOOST_TEST(out.find(",\n\t") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(smtp_time) {
  Rules r("\\N^<(.*)!(.*)>$\\N <$2@$1> S\n*@b.test $1@never.test\n");
  Rewriter w(r.scope, r.loaded->config->rewrite);
  BOOST_TEST(w.smtp_path("<a.test!u>", true) == "<u@a.test>");
  BOOST_TEST(w.smtp_path("<u@b.test>", false) == "<u@b.test>");
}

BOOST_AUTO_TEST_SUITE_END()
