// The socket of submissions: of several daemons of one spool one has it, and nobody takes away what is another one's.
#include <fcntl.h>
#include <pwd.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <thread>
#include <vector>

#include "core/daemon/submit_socket.h"

using namespace remex;
using namespace remex::daemon;

BOOST_AUTO_TEST_SUITE(submit_sockets)

namespace {

struct Spool {
  Spool() {
    char name[] = "/tmp/remex-submit-XXXXXX";
    BOOST_REQUIRE(::mkdtemp(name) != nullptr);
    config.main.spool_directory = name;
    config.main.exim_user = "mail";
    if (const passwd* mail = ::geteuid() == 0 ? ::getpwnam("mail") : nullptr)
      BOOST_REQUIRE_EQUAL(::chown(name, mail->pw_uid, mail->pw_gid), 0);
  }
  ~Spool() { std::filesystem::remove_all(config.main.spool_directory); }

  std::string path() const { return submit_socket(config.main.spool_directory); }
  ino_t inode() const {
    struct stat st{};
    return ::lstat(path().c_str(), &st) == 0 ? st.st_ino : 0;
  }
  bool answers() const {
    sockaddr_un at{};
    at.sun_family = AF_UNIX;
    std::strncpy(at.sun_path, path().c_str(), sizeof at.sun_path - 1);
    const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    const bool yes = ::connect(fd, reinterpret_cast<const sockaddr*>(&at), sizeof at) == 0;
    ::close(fd);
    return yes;
  }
  SubmitSocket open() const {
    auto made = open_submit_socket(config);
    BOOST_REQUIRE_MESSAGE(made.has_value(), (made ? std::string() : made.error().text));
    BOOST_REQUIRE(made->has_value());
    return std::move(**made);
  }

  lang::Config config;
};

}  // namespace

BOOST_AUTO_TEST_CASE(one_at_a_time) {
  const Spool spool;
  {
    const SubmitSocket first = spool.open();
    BOOST_TEST(spool.answers());
    const auto second = open_submit_socket(spool.config);
    BOOST_TEST((second && !*second));
    BOOST_TEST(first.inode == spool.inode());
  }
  BOOST_TEST(!spool.answers());  // one that ended badly leaves its name
  const SubmitSocket third = spool.open();
  BOOST_TEST(spool.answers());
  remove_submit_socket(third);
  BOOST_TEST(spool.inode() == 0U);
}

BOOST_AUTO_TEST_CASE(the_name_of_another_one_stays) {
  const Spool spool;
  const SubmitSocket first = spool.open();
  std::filesystem::rename(spool.path(), spool.path() + ".old");
  const SubmitSocket second = spool.open();
  remove_submit_socket(first);
  BOOST_TEST(second.inode == spool.inode());
  BOOST_TEST(spool.answers());
}

BOOST_AUTO_TEST_CASE(one_of_those_that_start_together) {
  const Spool spool;
  for (int round = 0; round < 20; ++round) {
    std::vector<SubmitSocket> got(4);
    std::vector<std::thread> threads;
    for (auto& one : got)
      threads.emplace_back([&] {
        if (auto made = open_submit_socket(spool.config); made && *made) one = std::move(**made);
      });
    for (auto& t : threads) t.join();
    const auto having = std::count_if(got.begin(), got.end(), [](const auto& s) { return s.listener != nullptr; });
    BOOST_REQUIRE_EQUAL(having, 1);
    BOOST_REQUIRE(spool.answers());
  }  // and all that is left is a stale name
}

BOOST_AUTO_TEST_CASE(nobody_looks_while_another_one_makes_it) {
  const Spool spool;
  const int directory = ::open(spool.config.main.spool_directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  BOOST_REQUIRE(directory >= 0);
  BOOST_REQUIRE_EQUAL(::flock(directory, LOCK_EX), 0);
  const auto made = open_submit_socket(spool.config);  // waits, but not for ever
  BOOST_REQUIRE(!made);
  BOOST_TEST(made.error().sys_errno == EWOULDBLOCK, made.error().text);
  BOOST_TEST(spool.inode() == 0U);
  ::close(directory);
  const SubmitSocket later = spool.open();
  BOOST_TEST(later.inode == spool.inode());
}

BOOST_AUTO_TEST_SUITE_END()
