// What autoreply does to files of a user: the memory of who was answered (once), the log of replies, reading the text.
//
// The memory is a text file: one line for each answer, "<seconds> <address>". Runs in a courier's child as the user.
#include <fcntl.h>
#include <fmt/core.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <ctime>
#include <map>

#include "core/base/strings.h"
#include "transports/courier_work.h"
#include "transports/files_work.h"

namespace remex::transports {
namespace {

constexpr off_t kMaxFile = 16 << 20;

Result<Fd> open_own(const std::string& path, int flags, mode_t mode) {
  flags |= O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
  Fd fd((flags & O_CREAT) != 0 ? ::open(path.c_str(), flags | O_EXCL, mode) : -1);
  if (fd)
    (void)::fchmod(fd.get(), mode);  // a new file has the mode of the option, whatever the umask is
  else
    fd = Fd(::open(path.c_str(), flags, mode));
  if (!fd) return fail_errno(errno, fmt::format("failed to open {}", path));
  struct stat st{};
  if (::fstat(fd.get(), &st) != 0 || !S_ISREG(st.st_mode)) return fail(fmt::format("{} is not a regular file", path));
  return fd;
}

Result<std::string> read_all(int fd, const std::string& path) {
  std::string out;
  char block[16384];
  for (;;) {
    const ssize_t n = ::read(fd, block, sizeof block);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return fail_errno(errno, fmt::format("failed to read {}", path));
    if (n == 0) return out;
    out.append(block, static_cast<std::size_t>(n));
    if (out.size() > kMaxFile) return fail(fmt::format("{} is too big", path));
  }
}

Status append(const std::string& path, const std::string& line, mode_t mode) {
  REMEX_TRY(const Fd fd, open_own(path, O_WRONLY | O_APPEND | O_CREAT, mode));
  if (::write(fd.get(), line.data(), line.size()) != static_cast<ssize_t>(line.size()))
    return fail_errno(errno, fmt::format("failed to write {}", path));
  return {};
}

/// Answers "due" when this address was not answered within `repeat` seconds (0: ever), and then notes that it is now.
Result<bool> first_time(const io::Fields& f) {
  const std::string path = text(f, "path"), who = text(f, "address");
  const std::int64_t repeat = number(f, "repeat"), now = ::time(nullptr), limit = number(f, "file_size");
  // The memory of Sieve's vacation has a directory of its own.
  if (number(f, "make_directory") != 0) (void)::mkdir(path.substr(0, path.rfind('/')).c_str(), 0700);
  REMEX_TRY(const Fd fd, open_own(path, O_RDWR | O_CREAT, static_cast<mode_t>(number(f, "mode", 0600))));
  if (::flock(fd.get(), LOCK_EX) != 0) return fail_errno(errno, fmt::format("failed to lock {}", path));
  REMEX_TRY(const std::string old, read_all(fd.get(), path));
  std::string kept;
  bool due = true;
  for (std::string_view line : split(old, '\n')) {
    const auto blank = line.find(' ');
    if (blank == std::string_view::npos) continue;
    const auto when = parse_int(line.substr(0, blank));
    if (!when) continue;
    const bool fresh = repeat == 0 || now - *when < repeat;
    if (line.substr(blank + 1) == who && fresh) due = false;
    if (fresh) kept += fmt::format("{}\n", line);
  }
  if (!due || number(f, "look_only") != 0) return due;
  kept += fmt::format("{} {}\n", now, who);
  // once_file_size: the oldest go first.
  while (limit > 0 && static_cast<std::int64_t>(kept.size()) > limit && kept.find('\n') + 1 < kept.size())
    kept.erase(0, kept.find('\n') + 1);
  if (::ftruncate(fd.get(), 0) != 0 ||
      ::pwrite(fd.get(), kept.data(), kept.size(), 0) != static_cast<ssize_t>(kept.size()))
    return fail_errno(errno, fmt::format("failed to write {}", path));
  return due;
}

}  // namespace

io::Fields once_or_log(const io::Fields& f) {
  const std::string path = text(f, "path");
  if (text(f, "op") == "log") {
    Status done = append(path, text(f, "line"), static_cast<mode_t>(number(f, "mode", 0600)));
    return done ? io::Fields() : failure(done.error());
  }
  if (text(f, "op") == "read") {
    auto fd = open_own(path, O_RDONLY, 0);
    if (!fd) return failure(fd.error());
    auto bytes = read_all(fd->get(), path);
    return bytes ? io::Fields{{"text", std::move(*bytes)}} : failure(bytes.error());
  }
  auto due = first_time(f);
  if (!due) return failure(due.error());
  return {{"due", *due ? "1" : "0"}};
}

}  // namespace remex::transports
