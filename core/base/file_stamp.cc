// See file_stamp.h.
#include "core/base/file_stamp.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstdint>

namespace remex {

FileStamp FileStamp::of(const std::string& file) {
  struct stat st{};
  if (file.empty()) errno = ENOENT;
  if (file.empty() || ::stat(file.c_str(), &st) != 0) return {};
  return {true, st.st_dev, st.st_ino, st.st_size, st.st_mtim, st.st_ctim};
}

bool FileStamp::is_settled() const {
  constexpr std::int64_t kWhile = 50'000'000;  // nanoseconds, several ticks of any kernel
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  const std::int64_t age = (now.tv_sec - ctime.tv_sec) * std::int64_t{1'000'000'000} + now.tv_nsec - ctime.tv_nsec;
  return age > kWhile || age < -kWhile;
}

std::string FileStamp::text() const {
  if (!exists) return {};
  return fmt::format("{} {} {} {}.{:09} {}.{:09}", dev, ino, size, mtime.tv_sec, mtime.tv_nsec, ctime.tv_sec,
                     ctime.tv_nsec);
}

bool operator==(const FileStamp& a, const FileStamp& b) {
  return a.exists == b.exists && a.dev == b.dev && a.ino == b.ino && a.size == b.size &&
         a.mtime.tv_sec == b.mtime.tv_sec && a.mtime.tv_nsec == b.mtime.tv_nsec && a.ctime.tv_sec == b.ctime.tv_sec &&
         a.ctime.tv_nsec == b.ctime.tv_nsec;
}

}  // namespace remex
