// The courier's side of mailbox files and directories, with several deliveries in one process: each message is there
// once and whole, whatever the others do.
#include <fcntl.h>
#include <fmt/core.h>
#include <unistd.h>

#include <atomic>
#include <boost/test/unit_test.hpp>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>
#include <vector>

#include "core/base/fd.h"
#include "transports/courier_work.h"

using namespace remex;
using namespace remex::transports;
namespace fs = std::filesystem;

namespace {

constexpr int kAtOnce = 8;

struct TempDir {
  fs::path path;
  TempDir() {
    std::string t = (fs::temp_directory_path() / "remex-mailbox-XXXXXX").string();
    path = ::mkdtemp(t.data());
  }
  ~TempDir() {
    std::error_code ec;
    fs::remove_all(path, ec);
  }
};

std::string slurp(const fs::path& p) {
  std::ifstream f(p);
  std::ostringstream s;
  s << f.rdbuf();
  return s.str();
}

std::size_t entries(const fs::path& p) {
  return static_cast<std::size_t>(std::distance(fs::directory_iterator(p), fs::directory_iterator()));
}

io::Fields mailbox(const fs::path& path) {
  return {{"op", "mbox"},         {"path", path.string()}, {"may_create", "1"},  {"sync", "1"},
          {"lock_interval", "1"}, {"lock_retries", "20"},  {"use_lockfile", "0"}};
}

/// "" or what went wrong.
std::string append(const io::Fields& f, std::string_view message) {
  return text(append_to_mailbox(f, message, [](const io::Fields&) { return Status(); }), "error");
}

/// Runs `deliver(i)` in threads that begin together; what went wrong.
template <class F>
std::string at_once(F deliver) {
  std::vector<std::string> errors(kAtOnce);
  std::vector<std::thread> threads;
  std::atomic<int> ready = 0;
  for (int i = 0; i < kAtOnce; ++i)
    threads.emplace_back([&, i] {
      for (++ready; ready < kAtOnce;) std::this_thread::yield();
      errors[static_cast<std::size_t>(i)] = deliver(i);
    });
  for (auto& t : threads) t.join();
  std::string all;
  for (const auto& e : errors) all += e;
  return all;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(mailbox_files)

BOOST_AUTO_TEST_CASE(a_mailbox_that_this_process_has_locked_is_locked) {
  const TempDir t;
  io::Fields f = mailbox(t.path / "u");
  f["lock_retries"] = "1";
  BOOST_TEST(append(f, "one\n") == "");
  {
    const Fd other(::open((t.path / "u").c_str(), O_RDWR | O_CLOEXEC));
    struct flock l{};
    l.l_type = F_WRLCK;
    l.l_whence = SEEK_SET;
    BOOST_REQUIRE(::fcntl(other.get(), F_SETLK, &l) == 0);
    BOOST_TEST(append(f, "two\n").find("failed to lock mailbox") == 0U);
    BOOST_TEST(slurp(t.path / "u") == "one\n");
  }
  BOOST_TEST(append(f, "two\n") == "");
  BOOST_TEST(slurp(t.path / "u") == "one\ntwo\n");
}

BOOST_AUTO_TEST_CASE(a_lock_lasts_until_the_end_of_the_delivery) {
  const TempDir t;
  io::Fields f = mailbox(t.path / "u");
  BOOST_TEST(append(f, "") == "");
  const std::string block(4096, 'x');
  const auto whole = [&](int i) { return fmt::format("From {}\n{}\n", i, block); };
  BOOST_TEST(at_once([&](int i) { return append(f, whole(i)); }) == "");
  const std::string box = slurp(t.path / "u");
  BOOST_TEST(box.size() == kAtOnce * whole(0).size());
  for (int i = 0; i < kAtOnce; ++i) BOOST_TEST(box.find(whole(i)) != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_message_nobody_hears_of_is_taken_back) {
  const TempDir t;
  io::Fields f = mailbox(t.path / "u");
  f["lock_retries"] = "1";
  f["use_lockfile"] = "1";
  int asked = 0;
  const auto gone = [&](const io::Fields& answer) -> Status {
    ++asked;
    BOOST_TEST(text(answer, "file") == (t.path / "u").string());
    BOOST_TEST(slurp(t.path / "u").ends_with("text\n"));
    BOOST_TEST(append(f, "another\n").find("failed to lock mailbox") == 0U);  // until it is decided
    return fail(ErrorKind::closed, "gone");
  };
  BOOST_TEST(!text(append_to_mailbox(f, "text\n", gone), "error").empty());
  BOOST_TEST(entries(t.path) == 0U);  // the new file and the lock file
  f["use_lockfile"] = "0";
  BOOST_TEST(append(f, "one\n") == "");
  BOOST_TEST(!text(append_to_mailbox(f, "text\n", gone), "error").empty());
  BOOST_TEST(slurp(t.path / "u") == "one\n");
  BOOST_TEST(asked == 2);
  BOOST_TEST(entries(t.path) == 1U);
}

BOOST_AUTO_TEST_CASE(lock_files_of_one_process) {
  const TempDir t;
  io::Fields f = mailbox(t.path / "u");
  f["use_lockfile"] = "1";
  f["use_fcntl_lock"] = "0";
  BOOST_TEST(at_once([&](int i) { return append(f, fmt::format("message {}\n", i)); }) == "");
  BOOST_TEST(slurp(t.path / "u").size() == kAtOnce * std::string("message 0\n").size());
  BOOST_TEST(entries(t.path) == 1U);
}

BOOST_AUTO_TEST_CASE(files_of_one_name) {
  const TempDir t;
  const auto deliver = [&](int i) {
    const io::Fields f = {{"op", "plain"},
                          {"path", t.path.string()},
                          {"may_create", "1"},
                          {"name", "letter"},
                          {"other_name", fmt::format("letter-{}", i)},
                          {"sync", "1"}};
    return text(deliver_to_directory(f, fmt::format("message {}\n", i)), "error");
  };
  BOOST_TEST(at_once(deliver) == "");
  BOOST_TEST(entries(t.path) == static_cast<std::size_t>(kAtOnce));
  std::string all;
  for (const auto& e : fs::directory_iterator(t.path)) all += slurp(e.path());
  for (int i = 0; i < kAtOnce; ++i) BOOST_TEST(all.find(fmt::format("message {}\n", i)) != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_name_as_long_as_names_may_be) {
  const TempDir t;
  const std::string name(255, 'n');
  const io::Fields f = {{"op", "plain"}, {"path", t.path.string()}, {"name", name}, {"sync", "1"}};
  BOOST_TEST(text(deliver_to_directory(f, "text\n"), "error") == "");
  BOOST_TEST(slurp(t.path / name) == "text\n");
}

BOOST_AUTO_TEST_SUITE_END()
