// Log files: places, datestamps, renames, removal, links, what cannot be written.
#include <stdlib.h>
#include <unistd.h>

#include <boost/test/unit_test.hpp>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "core/log/log.h"

using namespace remex;
namespace fs = std::filesystem;

namespace {

struct Dir {
  Dir() {
    std::string t = "/tmp/remex-log-test-XXXXXX";
    path = ::mkdtemp(t.data());
  }
  ~Dir() {
    set_wall_offset(std::chrono::microseconds(0));
    std::error_code ec;
    fs::remove_all(path, ec);
  }
  Dir(const Dir&) = delete;
  Dir& operator=(const Dir&) = delete;
  std::string path;
};

std::string slurp(const std::string& p) {
  std::ifstream f(p);
  std::stringstream s;
  s << f.rdbuf();
  return s.str();
}

log::LogConfig config(const Dir& d, const std::string& path = {}) {
  log::LogConfig c;
  c.spool_directory = d.path;
  c.file_path = path;
  return c;
}

/// Past the once-a-second check for renames.
void next_second() { set_wall_offset(std::chrono::seconds(5)); }

}  // namespace

BOOST_AUTO_TEST_SUITE(files_test)

BOOST_AUTO_TEST_CASE(three_files_and_the_form_of_a_line) {
  Dir d;
  auto l = log::Log::open(config(d)).value();
  l->write(log::kMain, "1xUd5a-0000000iu2t-0001", "<= a@b");
  l->write(log::kMain | log::kPanic, "", "trouble");
  l->write(log::kReject, "", "rejected\nF From: x\n");
  const std::string main = slurp(d.path + "/log/mainlog"), first = main.substr(0, main.find('\n'));
  BOOST_TEST(first.substr(19) == " 1xUd5a-0000000iu2t-0001 <= a@b");
  BOOST_TEST(first[4] == '-');
  BOOST_TEST(first[13] == ':');
  BOOST_TEST(slurp(d.path + "/log/paniclog").substr(19) == " trouble\n");
  BOOST_TEST(slurp(d.path + "/log/rejectlog").find("rejected\nF From: x\n") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(one_event_one_line) {
  Dir d;
  auto l = log::Log::open(config(d)).value();
  l->write(log::kMain, "", "a\r\nb\x1b[31m\tc\x7f" + std::string(1, '\0') + "d \xc3\xa9");
  l->write(log::kMain, "", std::string(1 << 20, 'x'));
  const std::string main = slurp(d.path + "/log/mainlog");
  BOOST_TEST(std::count(main.begin(), main.end(), '\n') == 2);
  BOOST_TEST(main.find("a\\r\\nb\\033[31m\\tc\\177\\000d \xc3\xa9\n") != std::string::npos);
  BOOST_TEST(main.size() < 40000U);
}

BOOST_AUTO_TEST_CASE(a_renamed_or_removed_file_is_made_again) {
  Dir d;
  auto l = log::Log::open(config(d, d.path + "/%s.log")).value();
  const std::string p = d.path + "/main.log";
  l->write(log::kMain, "", "one");
  fs::rename(p, p + ".1");
  next_second();
  l->write(log::kMain, "", "two");
  BOOST_TEST(slurp(p).find("two") != std::string::npos);
  BOOST_TEST(slurp(p + ".1").find("two") == std::string::npos);
  fs::remove(p);
  l->reopen();
  l->write(log::kMain, "", "three");
  BOOST_TEST(slurp(p).find("three") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(datestamps_and_missing_directories) {
  Dir d;
  auto l = log::Log::open(config(d, d.path + "/a/b/%s-%D")).value();
  l->write(log::kMain | log::kPanic, "", "one");
  const std::string day = log_timestamp(wall_now());
  const std::string stamp = day.substr(0, 4) + day.substr(5, 2) + day.substr(8, 2);
  BOOST_TEST(fs::exists(d.path + "/a/b/main-" + stamp));
  BOOST_TEST(fs::exists(d.path + "/a/b/panic"));  // no stamp there
  set_wall_offset(std::chrono::hours(48));
  l->write(log::kMain, "", "two");
  const std::string later = log_timestamp(wall_now());
  BOOST_TEST(fs::exists(d.path + "/a/b/main-" + later.substr(0, 4) + later.substr(5, 2) + later.substr(8, 2)));
}

BOOST_AUTO_TEST_CASE(selectors_shape_the_stamp) {
  Dir d;
  auto c = config(d);
  c.selectors = log::parse_selectors("+pid +millisec").value();
  auto l = log::Log::open(c).value();
  l->write(log::kMain, "", "x");
  const std::string main = slurp(d.path + "/log/mainlog");
  BOOST_TEST(main[19] == '.');
  BOOST_TEST(main.substr(23) == " [" + std::to_string(::getpid()) + "] x\n");
}

BOOST_AUTO_TEST_CASE(links_are_not_followed_and_trouble_goes_to_the_panic_log) {
  Dir d;
  fs::create_directories(d.path + "/log");
  std::ofstream(d.path + "/victim") << "";
  fs::create_symlink(d.path + "/victim", d.path + "/log/mainlog");
  auto l = log::Log::open(config(d)).value();
  l->write(log::kMain, "", "secret");
  BOOST_TEST(slurp(d.path + "/victim").empty());
  const std::string panic = slurp(d.path + "/log/paniclog");
  BOOST_TEST(panic.find("cannot write " + d.path + "/log/mainlog") != std::string::npos);
  BOOST_TEST(panic.find("secret") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(bad_paths_are_refused) {
  Dir d;
  BOOST_TEST(!log::Log::open(config(d, "relative/%s")).has_value());
  BOOST_TEST(!log::Log::open(config(d, d.path + "/onefile")).has_value());
  BOOST_TEST(log::Log::open(config(d, "syslog : " + d.path + "/%slog")).has_value());
  BOOST_TEST(log::Log::open(config(d, ":syslog")).has_value());
}

BOOST_AUTO_TEST_SUITE_END()
