// The stamp of a file: what is another content, and what is not.
#include "core/base/file_stamp.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/test/unit_test.hpp>
#include <cerrno>
#include <filesystem>
#include <fstream>

using namespace remex;

namespace {
struct Fixture {
  std::filesystem::path dir;
  std::string file;
  Fixture() {
    std::string name = (std::filesystem::temp_directory_path() / "stamp-XXXXXX").string();
    BOOST_REQUIRE(::mkdtemp(name.data()) != nullptr);
    dir = name;
    file = name + "/f";
  }
  ~Fixture() { std::filesystem::remove_all(dir); }
  void write(const std::string& text) const { std::ofstream(file) << text; }
  void set_time(std::time_t seconds) const {
    const timespec times[2] = {{seconds, 0}, {seconds, 0}};
    BOOST_REQUIRE(::utimensat(AT_FDCWD, file.c_str(), times, 0) == 0);
  }
};
}  // namespace

BOOST_FIXTURE_TEST_SUITE(file_stamp, Fixture)

BOOST_AUTO_TEST_CASE(nothing_there) {
  errno = 0;
  BOOST_TEST(!FileStamp::of(file).exists);
  BOOST_TEST(errno == ENOENT);
  BOOST_TEST(FileStamp::of(file).text().empty());
  BOOST_TEST((FileStamp::of("") == FileStamp{}));
}

BOOST_AUTO_TEST_CASE(a_file_left_alone_is_the_same) {
  write("one");
  const FileStamp stamp = FileStamp::of(file);
  BOOST_TEST(stamp.exists);
  BOOST_TEST((stamp == FileStamp::of(file)));
  BOOST_TEST(stamp.text() == FileStamp::of(file).text());
  BOOST_TEST(!stamp.is_settled());  // it was made this moment
}

// The same size and a modification time that was set back: only the inode change time tells.
BOOST_AUTO_TEST_CASE(a_time_set_back_is_seen) {
  write("one");
  set_time(1'000'000'000);
  const FileStamp before = FileStamp::of(file);
  FileStamp after = before;
  for (int i = 0; i < 1000 && after.ctime.tv_nsec == before.ctime.tv_nsec; ++i) {  // the clock of the file system ticks
    write("two");
    set_time(1'000'000'000);
    after = FileStamp::of(file);
    ::usleep(1000);
  }
  BOOST_TEST(after.size == before.size);
  BOOST_TEST(after.mtime.tv_sec == before.mtime.tv_sec);
  BOOST_TEST(!(after == before));
  BOOST_TEST(after.text() != before.text());
}

BOOST_AUTO_TEST_CASE(another_file_in_its_place_is_seen) {
  write("one");
  const FileStamp before = FileStamp::of(file);
  std::ofstream(file + ".new") << "one";
  std::filesystem::rename(file + ".new", file);
  BOOST_TEST(!(FileStamp::of(file) == before));
}

BOOST_AUTO_TEST_SUITE_END()
