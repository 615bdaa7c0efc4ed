// Header splitting, list operations and the two kinds of body.
#include "core/mail/message.h"

#include <unistd.h>

#include <boost/test/unit_test.hpp>
#include <fstream>

using namespace remex;
using namespace remex::mail;

BOOST_AUTO_TEST_SUITE(message)

BOOST_AUTO_TEST_CASE(split_stops_at_the_body) {
  struct Case {
    std::string_view block;
    std::size_t headers, offset;
  };
  static constexpr Case cases[] = {
      {"From: a\nTo: b\n\nbody", 2, 15},
      {"\nbody", 0, 1},
      {"From: a\n b\n\tc\n\nx", 1, 15},
      {"not a header\n", 0, 0},
      {" From: a@b\n\n", 0, 0},
      {"From : a\n\n", 1, 10},
      {"From\t: a\n\n", 1, 10},
      {"A: b\njunk\n", 1, 5},
      {"A: b", 1, 4},
      {"\rFrom: a\n", 0, 0},
      {": x\n", 0, 0},
      {"", 0, 0},
  };
  for (const Case& c : cases) {
    HeaderList list;
    BOOST_TEST_CONTEXT(c.block) {
      BOOST_TEST(split_headers(c.block, list) == c.offset);
      BOOST_TEST(list.all().size() == c.headers);
    }
  }
  HeaderList nul;
  BOOST_TEST(split_headers(std::string_view("From\0: a\n", 9), nul) == 0u);
}

BOOST_AUTO_TEST_CASE(letters) {
  for (auto [line, type] : std::initializer_list<std::pair<std::string_view, char>>{{"Received: x", 'P'},
                                                                                    {"received : x", 'P'},
                                                                                    {"FROM: a", 'F'},
                                                                                    {"Reply-To: a", 'R'},
                                                                                    {"Message-Id: a", 'I'},
                                                                                    {"Bcc:", 'B'},
                                                                                    {"Cc: ", 'C'},
                                                                                    {"To: ", 'T'},
                                                                                    {"Sender:", 'S'},
                                                                                    {"Subject: To: x", ' '},
                                                                                    {"From", ' '},
                                                                                    {"Resent-From: a", 'F'}}) {
    BOOST_TEST_CONTEXT(line) { BOOST_TEST(classify_header(line) == type); }
  }
}

static std::string names(const HeaderList& l) {
  std::string out;
  for (const Header& h : l.all()) {
    if (h.type != '*') out += std::string(h.name()) + " ";
  }
  return out;
}

BOOST_AUTO_TEST_CASE(adding_at_places) {
  HeaderList l;
  split_headers("Received: 1\nReceived: 2\nFrom: a\nReceived: 3\nTo: b\n", l);
  l.add("X-End: 1");
  l.add("X-Start: 1\n", Where::at_start);
  l.add("X-After: 1\nX-After2: 2\n", Where::after_received);
  BOOST_TEST(names(l) == "X-Start Received Received X-After X-After2 From Received To X-End ");
  HeaderList m;
  split_headers("Received: 1\nResent-To: x\nFrom: a\n", m);
  m.add("X: 1", Where::before_first_non_received);
  BOOST_TEST(names(m) == "Received Resent-To X From ");
  HeaderList none;
  none.add("A: 1", Where::after_received);
  none.add("B: 1", Where::after_received);
  BOOST_TEST(names(none) == "B A ");
}

BOOST_AUTO_TEST_CASE(added_text_cannot_open_the_body) {
  HeaderList l;
  l.add("A: 1\n\nevil body\nB: 2\n fold\n");
  BOOST_TEST(l.raw() == "A: 1\n evil body\nB: 2\n fold\n");
  l.add("no header at all");
  BOOST_TEST(l.all().size() == 2u);
}

BOOST_AUTO_TEST_CASE(removing) {
  HeaderList l;
  split_headers("A: 1\nB: 1\na: 2\n", l);
  BOOST_TEST(l.remove_nth("A", 2));
  BOOST_TEST(!l.remove_nth("A", 2));
  BOOST_TEST(l.raw() == "A: 1\nB: 1\n");
  BOOST_TEST(l.remove("a") == 1u);
  BOOST_TEST(l.find("A") == nullptr);
  BOOST_TEST(l.find_all("b").size() == 1u);
  BOOST_TEST(l.size_bytes() == 5u);
  BOOST_TEST(l.find("B")->value() == " 1\n");
}

BOOST_AUTO_TEST_CASE(bodies) {
  const auto mem = Body::from_string("hello");
  BOOST_TEST(mem->size() == 5u);
  BOOST_TEST(mem->read(3, 100).value() == "lo");
  BOOST_TEST(mem->read(9, 1).value() == "");

  char path[] = "/tmp/remex_body_XXXXXX";
  const int fd = mkstemp(path);
  BOOST_REQUIRE(fd >= 0);
  std::string bytes(1000000, 'x');
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<char>('a' + i % 23);
  BOOST_REQUIRE(::write(fd, bytes.data(), bytes.size()) == 1000000);
  const auto file = Body::from_file(path, 10, 999990);
  BOOST_REQUIRE(file.has_value());
  std::string got;
  int pieces = 0;
  BOOST_TEST((*file)
                 ->for_each([&](std::string_view p) {
                   ++pieces;
                   got += p;
                   return Status{};
                 })
                 .has_value());
  BOOST_TEST((got == bytes.substr(10)));
  BOOST_TEST(pieces == 4);
  BOOST_TEST((*file)->read(999985, 50).value() == bytes.substr(999995));
  BOOST_TEST((*file)->in_memory() == nullptr);
  // The sink's error comes back; a truncated file is an error.
  BOOST_TEST((*file)->for_each([](std::string_view) -> Status { return fail("stop"); }).error().text == "stop");
  BOOST_REQUIRE(::ftruncate(fd, 500000) == 0);
  BOOST_TEST(!(*file)->for_each([](std::string_view) { return Status{}; }));
  BOOST_TEST(!Body::from_file(path, 0, 500001));
  BOOST_TEST(!Body::from_file(path, ~0ull, 2));
  ::close(fd);
  ::unlink(path);
  const auto missing = Body::from_file(path, 0, 1);
  BOOST_REQUIRE(!missing);
  BOOST_TEST(missing.error().sys_errno == ENOENT);
}

BOOST_AUTO_TEST_SUITE_END()
