// Directory syncs that are owed: every waiter is told, after the sync, with its outcome; nothing is left at the end.
#include "core/io/settler.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include <atomic>
#include <boost/test/unit_test.hpp>
#include <filesystem>
#include <string>

namespace remex::io {

namespace {
struct Folder {
  Folder() {
    std::string t = "/tmp/remex-settler-XXXXXX";
    path = ::mkdtemp(t.data());
  }
  ~Folder() {
    std::error_code ec;
    std::filesystem::remove_all(path, ec);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  UnsyncedPtr open() const {
    return std::make_shared<const UnsyncedDirectory>(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC), path);
  }
  std::string path;
};
}  // namespace

BOOST_AUTO_TEST_SUITE(settler)

BOOST_AUTO_TEST_CASE(flush_waits_until_all_were_told) {
  Folder one, two;
  Settler s;
  std::atomic<int> good{0};
  for (int i = 0; i < 100; ++i)
    s.add({one.open(), i % 2 == 0 ? one.open() : two.open()}, [&](const Status& st) { good += st ? 1 : 0; });
  s.flush();
  BOOST_TEST(good == 100);
  s.flush();  // nothing to do is no reason to wait
}

BOOST_AUTO_TEST_CASE(the_end_settles_too) {
  Folder f;
  int told = 0;
  {
    Settler s;
    for (int i = 0; i < 5; ++i) s.add({f.open()}, [&](const Status& st) { told += st ? 1 : 0; });
  }
  BOOST_TEST(told == 5);
}

BOOST_AUTO_TEST_CASE(an_error_reaches_those_it_concerns) {
  Folder f;
  // A pipe cannot be synced.
  int fds[2];
  BOOST_REQUIRE(::pipe(fds) == 0);
  const auto broken = std::make_shared<const UnsyncedDirectory>(fds[0], "/the/pipe");
  Settler s;
  Status good = fail("not told"), bad;
  s.add({f.open()}, [&](const Status& st) { good = st; });
  s.add({f.open(), broken}, [&](const Status& st) { bad = st; });
  s.flush();
  ::close(fds[1]);
  BOOST_TEST(good.has_value());
  BOOST_REQUIRE(!bad);
  BOOST_TEST(bad.error().text.find("/the/pipe") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(what_a_waiter_holds_goes_before_flush_returns) {
  Folder f;
  Settler s;
  const auto held = std::make_shared<int>(1);
  s.add({f.open()}, [held](const Status&) {});
  s.flush();
  BOOST_TEST(held.use_count() == 1);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace remex::io
