// Maildir delivery against a real directory: what is in new/ is whole, once, and only where it may be.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/test/unit_test.hpp>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>

#include "core/store/bodies.h"
#include "transports/internal.h"
#include "transports/large_file.h"

using namespace remex;
using namespace remex::transports;
namespace fs = std::filesystem;

namespace {

struct TempDir {
  fs::path path;
  TempDir() {
    std::string t = (fs::temp_directory_path() / "remex-maildir-XXXXXX").string();
    path = ::mkdtemp(t.data());
  }
  ~TempDir() {
    std::error_code ec;
    fs::remove_all(path, ec);
  }
};

MaildirJob job(const fs::path& dir, const std::string& name = "1.H2P3.host") {
  MaildirJob j;
  j.directory = dir.string();
  j.name = name;
  j.identity = {geteuid(), getegid(), {}, false};
  j.head = "Subject: x\n\n";
  j.body = mail::Body::from_string("hello\n");
  return j;
}

std::string slurp(const fs::path& p) {
  std::ifstream f(p);
  std::ostringstream s;
  s << f.rdbuf();
  return s.str();
}

std::size_t count(const fs::path& p) {
  std::size_t n = 0;
  for (const auto& e : fs::directory_iterator(p)) n += e.is_regular_file() ? 1 : 0;
  return n;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(maildir)

BOOST_AUTO_TEST_CASE(makes_the_directories_and_delivers) {
  TempDir t;
  const auto r = deliver_to_maildir(job(t.path / "a/b"));
  BOOST_REQUIRE_MESSAGE(r.has_value(), (r ? "" : r.error().text));
  BOOST_CHECK(!r->repeated);
  const fs::path file = t.path / "a/b/new/1.H2P3.host";
  BOOST_CHECK_EQUAL(slurp(file), "Subject: x\n\nhello\n");
  struct stat st{};
  ::stat(file.c_str(), &st);
  BOOST_CHECK_EQUAL(st.st_mode & 07777, 0600);
  ::stat((t.path / "a/b/cur").c_str(), &st);
  BOOST_CHECK_EQUAL(st.st_mode & 07777, 0700);
  BOOST_CHECK_EQUAL(count(t.path / "a/b/tmp"), 0U);
}

BOOST_AUTO_TEST_CASE(a_repeat_is_recognised) {
  TempDir t;
  BOOST_REQUIRE(deliver_to_maildir(job(t.path)).has_value());
  auto again = deliver_to_maildir(job(t.path));
  BOOST_REQUIRE(again.has_value());
  BOOST_CHECK(again->repeated);
  BOOST_CHECK_EQUAL(count(t.path / "new"), 1U);
  // Read meanwhile: the repeat looks in cur, too.
  fs::rename(t.path / "new/1.H2P3.host", t.path / "cur/1.H2P3.host:2,S");
  MaildirJob j = job(t.path);
  j.look_in_cur = true;
  again = deliver_to_maildir(j);
  BOOST_REQUIRE(again.has_value());
  BOOST_CHECK(again->repeated);
  BOOST_CHECK_EQUAL(count(t.path / "new"), 0U);
}

BOOST_AUTO_TEST_CASE(refuses_a_linked_subdirectory) {
  TempDir t, elsewhere;
  fs::create_directory(t.path / "tmp");
  fs::create_directory(t.path / "cur");
  fs::create_directory_symlink(elsewhere.path, t.path / "new");
  const auto r = deliver_to_maildir(job(t.path));
  BOOST_REQUIRE(!r.has_value());
  BOOST_CHECK_EQUAL(count(elsewhere.path), 0U);
  BOOST_CHECK_EQUAL(count(t.path / "tmp"), 0U);
}

BOOST_AUTO_TEST_CASE(missing_directory_without_leave_to_create) {
  TempDir t;
  MaildirJob j = job(t.path / "missing");
  j.create_directory = false;
  const auto r = deliver_to_maildir(j);
  BOOST_REQUIRE(!r.has_value());
  BOOST_CHECK_EQUAL(r.error().sys_errno, ENOENT);
  BOOST_CHECK(!fs::exists(t.path / "missing"));
}

BOOST_AUTO_TEST_CASE(an_empty_message_is_a_message) {
  TempDir t;
  MaildirJob j = job(t.path);
  j.head.clear();
  j.body = nullptr;
  BOOST_REQUIRE(deliver_to_maildir(j).has_value());  // an empty message is one
  BOOST_CHECK_EQUAL(fs::file_size(t.path / "new/1.H2P3.host"), 0U);
}

BOOST_AUTO_TEST_CASE(acts_as_another_user_in_its_own_thread) {
  if (geteuid() != 0) return;
  TempDir t;
  ::chmod(t.path.c_str(), 0755);
  fs::create_directory(t.path / "theirs");
  BOOST_REQUIRE_EQUAL(::chown((t.path / "theirs").c_str(), 12345, 23456), 0);
  MaildirJob j = job(t.path / "theirs");
  j.identity = {12345, 23456, {}, true};
  const auto r = deliver_to_maildir(j);
  BOOST_REQUIRE_MESSAGE(r.has_value(), (r ? "" : r.error().text));
  struct stat st{};
  ::stat((t.path / "theirs/new/1.H2P3.host").c_str(), &st);
  BOOST_CHECK_EQUAL(st.st_uid, 12345U);
  BOOST_CHECK_EQUAL(st.st_gid, 23456U);
  // The rights are that user's: root's own directory is closed to it.
  fs::create_directory(t.path / "roots");
  ::chmod((t.path / "roots").c_str(), 0700);
  j.directory = (t.path / "roots").string();
  const auto refused = deliver_to_maildir(j);
  BOOST_REQUIRE(!refused.has_value());
  BOOST_CHECK_EQUAL(refused.error().sys_errno, EACCES);
  // And the thread is root again.
  BOOST_CHECK(deliver_to_maildir(job(t.path / "roots", "4.H5P6.host")).has_value());
}

BOOST_AUTO_TEST_CASE(many_at_once_share_the_sync_and_all_arrive) {
  TempDir t;
  std::vector<std::thread> threads;
  std::atomic<int> bad{0};
  for (int k = 0; k < 8; ++k)
    threads.emplace_back([&, k] {
      for (int i = 0; i < 25; ++i)
        if (!deliver_to_maildir(job(t.path, std::to_string(k) + ".H" + std::to_string(i) + "P1.host"))) ++bad;
    });
  for (auto& th : threads) th.join();
  BOOST_CHECK_EQUAL(bad.load(), 0);
  BOOST_CHECK_EQUAL(count(t.path / "new"), 200U);
  BOOST_CHECK_EQUAL(count(t.path / "tmp"), 0U);
}

// Around the sizes of a block and of a piece; in a directory of the disk and in one of memory.
BOOST_AUTO_TEST_CASE(a_large_body_arrives_byte_for_byte) {
  constexpr std::size_t kMiB = 1024 * 1024;
  for (const fs::path& base : {fs::temp_directory_path(), fs::path("/dev/shm")}) {
    if (!fs::is_directory(base)) continue;
    TempDir t;
    const fs::path mailbox = base / ("remex-large-" + std::to_string(::getpid()));
    int n = 0;
    for (const std::size_t size :
         {std::size_t{4095}, std::size_t{300'000}, kMiB - 12, kMiB - 11, kMiB, kMiB + 4096, 3 * kMiB + 4097}) {
      std::string text;
      for (std::size_t i = 0; text.size() < size; ++i) text += std::to_string(i) + (i % 9 == 0 ? "\n" : " ");
      text.resize(size);
      std::ofstream(t.path / "body") << text;
      auto body = store::FileBody::open(t.path.string(), "body", size);
      BOOST_REQUIRE(body.has_value());
      for (const bool crlf : {false, true}) {
        MaildirJob j = job(mailbox, std::to_string(++n) + ".H2P3.host");
        j.body = *body;
        j.tail = "end\n";
        j.crlf = crlf;
        const auto r = deliver_to_maildir(j);
        BOOST_REQUIRE_MESSAGE(r.has_value(), (r ? "" : r.error().text));
        std::string expected;
        for (const char c : j.head + text + j.tail) {
          if (c == '\n' && crlf) expected += '\r';
          expected += c;
        }
        BOOST_CHECK_MESSAGE(slurp(mailbox / "new" / j.name) == expected, "size " << size << " crlf " << crlf);
        BOOST_CHECK_EQUAL(r->bytes, expected.size());
      }
    }
    fs::remove_all(mailbox);
  }
}

BOOST_AUTO_TEST_CASE(a_large_file_tells_of_a_full_disk_and_is_left_as_it_was) {
  const int full = ::open("/dev/full", O_WRONLY | O_CLOEXEC);
  BOOST_REQUIRE(full >= 0);
  const int before = ::fcntl(full, F_GETFL);
  LargeFile file(full);
  Status s = file.put(std::string(2 * 1024 * 1024, 'x'));
  if (s) s = file.finish();
  BOOST_REQUIRE(!s);
  BOOST_CHECK_EQUAL(s.error().sys_errno, ENOSPC);
  {
    LargeFile again(full);
  }
  BOOST_CHECK_EQUAL(::fcntl(full, F_GETFL) & O_DIRECT, before & O_DIRECT);
  ::close(full);
}

BOOST_AUTO_TEST_SUITE_END()
