// Questions of "remex queue": what they select, and what is said about bad ones.
#include <boost/test/unit_test.hpp>

#include "core/cli/queue_query.h"
#include "core/daemon/queue_view.h"

using namespace remex;
using namespace remex::cli;
using daemon::age_text, daemon::size_text, daemon::span_text;

BOOST_AUTO_TEST_SUITE(queue_query)

namespace {

store::QueueEntry entry() {
  store::QueueEntry e;
  e.id = "1tabcd-0000000abcd-0ABC";
  e.sender = "Alice@Example.org";
  e.size = 30000;
  e.received = 1000000;
  e.next_attempt = 1007200;
  e.recipients = {{"done@other.test", true}, {"bob@gmail.com", false}, {"eve@mail.gmail.com", false}};
  return e;
}

bool ask(const std::string& question, const store::QueueEntry& e = entry()) {
  const QueryFacts facts{1003600, [](const std::string&) {
                           return std::string("2026-01-01 00:00:00 bob@gmail.com R=r T=t defer (-44): 421 try later");
                         }};
  auto q = QueueQuery::parse(question);
  BOOST_REQUIRE_MESSAGE(q.has_value(), question << ": " << (q ? "" : q.error().text));
  return q->matches(e, facts);
}

std::string problem(const std::string& question) {
  auto q = QueueQuery::parse(question);
  return q ? "" : q.error().text;
}

}  // namespace

BOOST_AUTO_TEST_CASE(what_matches) {
  for (const char* yes : {"",
                          "domain=gmail.com",
                          "domain=*.gmail.com",
                          "sender=alice@*",
                          "sender~EXAMPLE",
                          "size>10K and size<1M",
                          "age=1h",
                          "age>=59m",
                          "next=1h",
                          "next>30m",
                          "recipients=2",
                          "error~\"421 try\"",
                          "not frozen",
                          "frozen or domain=gmail.com",
                          "not (frozen or bounce)",
                          "domain=gmail.com not due",
                          "id=1tabcd*",
                          "recipient='bob@gmail.com'",
                          "domain!=other.test",
                          "queue=''",
                          "DOMAIN=GMAIL.COM AND NOT bounce"})
    BOOST_TEST(ask(yes), yes);
  for (const char* no : {"domain=other.test", "recipient~done", "frozen", "bounce", "due", "size>=1M", "age>2h",
                         "error~550", "domain=gmail.com and frozen", "sender!=alice@example.org", "id=zz*",
                         "queue=slow", "domain!~gmail", "not domain=gmail.com"})
    BOOST_TEST(!ask(no), no);
}

BOOST_AUTO_TEST_CASE(bounces_frozen_and_due) {
  auto e = entry();
  e.sender.clear();
  e.frozen = true;
  BOOST_TEST(ask("bounce frozen", e));
  BOOST_TEST(problem("sender=<>").starts_with("\"=<>\" does not go with"));  // operators, unless quoted
  BOOST_TEST(ask("sender='<>'", e));
  e.frozen = false;
  e.next_attempt = 0;
  BOOST_TEST(ask("due next=0s", e));
}

BOOST_AUTO_TEST_CASE(what_is_wrong_is_said) {
  BOOST_TEST(problem("domian=x") == "unknown field \"domian\"; did you mean \"domain\"?");
  BOOST_TEST(problem("colour=x").starts_with("unknown field \"colour\"; the fields are id sender"));
  BOOST_TEST(problem("domain") == "\"domain\" needs an operator: = != ~ !~ < > <= >=");
  BOOST_TEST(problem("domain>x") == "\">\" does not go with \"domain\"; use = != ~ !~");
  BOOST_TEST(problem("age~1h") == "\"~\" does not go with \"age\"; use = != < > <= >=");
  BOOST_TEST(problem("age>soon") == "\"soon\" is not a time such as 2h");
  BOOST_TEST(problem("size>big") == "\"big\" is not a size such as 10K");
  BOOST_TEST(problem("size>-1") == "\"-1\" is not a size such as 10K");
  BOOST_TEST(problem("(frozen") == "a parenthesis is not closed");
  BOOST_TEST(problem("frozen)") == "\")\" is not expected here");
  BOOST_TEST(problem("frozen and") == "the question ends too early");
  BOOST_TEST(problem("error~\"421") == "a quote is not closed");
  BOOST_TEST(problem("age>") == "\"age >\" needs a value");
  BOOST_TEST(problem(std::string(500, '(')) == "too many parentheses");
  BOOST_TEST(problem(std::string(10000, 'x')) == "the question is too long");
  std::string nots;
  for (int i = 0; i < 100; ++i) nots += "not ";
  BOOST_TEST(problem(nots + "frozen") == "too many \"not\"s or parentheses");
}

BOOST_AUTO_TEST_CASE(wildcards) {
  BOOST_TEST(wildcard_match("*", ""));
  BOOST_TEST(wildcard_match("a*c", "ABBC"));
  BOOST_TEST(!wildcard_match("a*c", "abcd"));
  BOOST_TEST(wildcard_match("*a*b*", "xxaxxbxx"));
  BOOST_TEST(!wildcard_match("", "x"));
  // No pattern takes for ever.
  BOOST_TEST(!wildcard_match("*a*a*a*a*a*a*a*a*b", std::string(20000, 'a')));
}

BOOST_AUTO_TEST_CASE(spans) {
  BOOST_TEST(span_text(-5) == "0s");
  BOOST_TEST(span_text(59) == "59s");
  BOOST_TEST(span_text(3600) == "1h");
  BOOST_TEST(span_text(7500) == "2h5m");
  BOOST_TEST(span_text(100000) == "1d3h");
  BOOST_TEST(age_text(25 * 60) == "25m");
  BOOST_TEST(age_text(100 * 60) == " 2h");
  BOOST_TEST(age_text(86400 * 4) == " 4d");
  BOOST_TEST(size_text(266) == "  266");
  BOOST_TEST(size_text(30698) == "  30K");
  BOOST_TEST(size_text(3000) == " 2.9K");
}

BOOST_AUTO_TEST_SUITE_END()
