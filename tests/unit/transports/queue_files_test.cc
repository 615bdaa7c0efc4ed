// The courier's side of queuefile against a real directory: what a repetition after a crash finds and makes.
#include <fcntl.h>
#include <fmt/core.h>
#include <unistd.h>

#include <boost/test/unit_test.hpp>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "transports/courier_work.h"
#include "transports/files_work.h"

using namespace remex;
using namespace remex::transports;
namespace fs = std::filesystem;

namespace {

constexpr const char* kId = "1abcde-000000000f0-0000";

struct TempDir {
  fs::path path;
  TempDir() {
    std::string t = (fs::temp_directory_path() / "remex-queuefile-XXXXXX").string();
    path = ::mkdtemp(t.data());
  }
  ~TempDir() {
    std::error_code ec;
    fs::remove_all(path, ec);
  }
  fs::path file(char kind) const { return path / fmt::format("{}-{}", kId, kind); }
  std::string text(char kind) const {
    std::ostringstream out;
    out << std::ifstream(file(kind), std::ios::binary).rdbuf();
    return out.str();
  }
  io::Fields write(const std::string& header) const {
    io::Fields f;
    f["path"] = path.string();
    f["name"] = kId;
    f["header"] = header;
    f["sync"] = "1";
    return write_queue_files(f, "data\n");
  }
};

BOOST_AUTO_TEST_SUITE(queue_files)

BOOST_AUTO_TEST_CASE(both_files_and_nothing_else) {
  const TempDir d;
  BOOST_TEST(!d.write("header\n").contains("error"));
  BOOST_TEST(d.text('H') == "header\n");
  BOOST_TEST(d.text('D') == "data\n");
  BOOST_TEST(std::distance(fs::directory_iterator(d.path), fs::directory_iterator()) == 2);
}

BOOST_AUTO_TEST_CASE(a_repetition_writes_the_data_file_that_a_crash_took) {
  const TempDir d;
  BOOST_TEST(!d.write("header\n").contains("error"));
  fs::remove(d.file('D'));
  BOOST_TEST(!d.write("header\n").contains("error"));
  BOOST_TEST(d.text('D') == "data\n");
  BOOST_TEST(d.text('H') == "header\n");
  BOOST_TEST(std::distance(fs::directory_iterator(d.path), fs::directory_iterator()) == 2);
}

BOOST_AUTO_TEST_CASE(a_repetition_leaves_whole_files_alone) {
  const TempDir d;
  BOOST_TEST(!d.write("header\n").contains("error"));
  std::ofstream(d.file('D')) << "same delivery";
  BOOST_TEST(!d.write("header\n").contains("error"));
  BOOST_TEST(d.text('D') == "same delivery");
}

BOOST_AUTO_TEST_CASE(files_with_other_recipients_stay) {
  const TempDir d;
  BOOST_TEST(!d.write("header\n").contains("error"));
  fs::remove(d.file('D'));
  const auto answer = d.write("other\n");
  BOOST_TEST(answer.at("errno") == std::to_string(EEXIST));
  BOOST_TEST(d.text('H') == "header\n");
  BOOST_TEST(!fs::exists(d.file('D')));
}

BOOST_AUTO_TEST_CASE(write_all_says_what_went_wrong) {
  const Fd full(::open("/dev/full", O_WRONLY | O_CLOEXEC));
  std::uint64_t written = 7;
  BOOST_TEST(write_all(full.get(), "x", &written) == ENOSPC);
  BOOST_TEST(written == 7U);
  BOOST_TEST(write_all(-1, "") == 0);
  BOOST_TEST(write_all(-1, "x") == EBADF);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
