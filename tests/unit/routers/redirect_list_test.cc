// The grammar of redirection data.
#include <boost/test/unit_test.hpp>
#include <ctime>

#include "routers/redirect_list_util.h"

using namespace remex::routers;

namespace {

std::string show(const RedirectList& l) {
  using V = RedirectList::Verdict;
  if (l.verdict != V::items) {
    static constexpr const char* kNames[] = {"", "blackhole", "fail", "defer", "unknown"};
    return std::string(kNames[static_cast<int>(l.verdict)]) + "[" + l.text + "]";
  }
  std::string out;
  for (const auto& i : l.items) {
    static constexpr const char* kKinds[] = {"a", "f", "d", "p", "i"};
    out += std::string(kKinds[static_cast<int>(i.kind)]) + (i.keep_domain ? "\\" : "") + "=" + i.text + ";";
  }
  if (!l.errors.empty()) out += " errors=" + std::to_string(l.errors.size());
  return out;
}

struct Case {
  const char *in, *out;
};
constexpr Case kCases[] = {
    {"", ""},
    {"  \n,,\n", ""},
    {"a@x, b@y\nc", "a=a@x;a=b@y;a=c;"},
    {"# only a comment\na@x, # and this\nb@x", "a=a@x;a=b@x;"},
    {"\"Doe, John\" <j@x>, k@x", "a=j@x;a=k@x;"},
    {"John (a, b) <j@x>", "a=j@x;"},
    {"\\me", "a\\=me;"},
    {"/var/mail/x", "f=/var/mail/x;"},
    {"/var/mail/x/", "d=/var/mail/x/;"},
    {"/dev/null, a@x", "f=/dev/null;a=a@x;"},
    {"|/bin/cmd arg", "p=/bin/cmd arg;"},
    {"\"|/bin/cmd a,b\"", "p=/bin/cmd a,b;"},
    {"/s=molari/o=babylon/@x400gate.way", "a=/s=molari/o=babylon/@x400gate.way;"},
    {"/x (a, b) <j@x>, d@x", "a=j@x;a=d@x;"},
    {"/home/a(1,2)/box, /b", "f=/home/a(1;f=/b; errors=1"},
    {":include:/etc/list , a@x", "i=/etc/list;a=a@x;"},
    {":blackhole:", "blackhole[]"},
    {"a@x, :blackhole:, b@x", "blackhole[]"},
    {":fail: no, such user\na@x", "fail[no, such user]"},
    {":FAIL: x", "fail[x]"},
    {":defer: later", "defer[later]"},
    {":unknown:", "unknown[]"},
    {"a b c@x, ok@x", "a=ok@x; errors=1"},
};

}  // namespace

BOOST_AUTO_TEST_SUITE(redirect_list)

BOOST_AUTO_TEST_CASE(grammar) {
  for (const Case& c : kCases)
    BOOST_CHECK_MESSAGE(show(parse_redirect_list(c.in)) == c.out, c.in << " gives " << show(parse_redirect_list(c.in)));
}

BOOST_AUTO_TEST_CASE(smtp_codes) {
  std::string_view code;
  BOOST_CHECK_EQUAL(split_smtp_code("550 5.1.1 gone", '5', code), "gone");
  BOOST_CHECK_EQUAL(code, "550 5.1.1");
  BOOST_CHECK_EQUAL(split_smtp_code("450 later", '5', code), "later");
  BOOST_CHECK_EQUAL(code, "");
  BOOST_CHECK_EQUAL(split_smtp_code("plain text", '5', code), "plain text");
}

BOOST_AUTO_TEST_CASE(hostile_sizes_are_bounded) {
  std::string many;
  for (int i = 0; i < 50000; ++i) many += "a@x,";
  const auto l = parse_redirect_list(many);
  BOOST_CHECK_LE(l.items.size(), 10001U);
  BOOST_CHECK(!l.errors.empty());
  (void)parse_redirect_list(std::string(1 << 18, '('));
  (void)parse_redirect_list(std::string(1 << 18, '"'));
  (void)parse_redirect_list(std::string(1 << 18, '<'));
}

// A list is read on the event loop, and its text is a user's: an item costs what it is long, not what its line is long.
BOOST_AUTO_TEST_CASE(each_item_is_read_once) {
  std::string line;
  for (const char* item : {"/(,", "/\",", "/<,", "|(,", "/(@x,", "/<@x,"}) {
    line.clear();
    while (line.size() < (1U << 21)) line += item;
    const auto begin = std::clock();
    (void)parse_redirect_list(line);
    const double seconds = static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC;
    BOOST_CHECK_MESSAGE(seconds < 2, item << " took " << seconds);
  }
}

BOOST_AUTO_TEST_SUITE_END()
