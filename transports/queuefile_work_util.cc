// The two files of a message in the form of an Exim spool; the courier's side of the queuefile transport.
//
// Runs as the transport's user. Both files are complete and synced under other names before they get theirs, the -D
// file first: a program that looks for -H files never finds half a message. One attempt at a time works on a message
// (its claim), so the names of the unfinished files need no more than the id, and the next attempt replaces them.
#include <fcntl.h>
#include <fmt/core.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <string>

#include "transports/courier_work.h"
#include "transports/files_work.h"

namespace remex::transports {
namespace {

constexpr mode_t kMode = 0640;  ///< that of Exim's spool files

/// A directory and the file names of one message in it.
class Place {
 public:
  Place(int directory, std::string path, std::string id)
      : directory_(directory), path_(std::move(path)), id_(std::move(id)) {}

  std::string name(char kind) const { return fmt::format("{}-{}", id_, kind); }
  std::string path(char kind) const { return fmt::format("{}/{}", path_, name(kind)); }

  /// Complete and synced, under its unfinished name.
  Status write(char kind, std::string_view bytes, bool sync) const {
    const std::string temp = unfinished(kind);
    ::unlinkat(directory_, temp.c_str(), 0);  // left by a crash of this very delivery
    const Fd fd(::openat(directory_, temp.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, kMode));
    if (!fd) return fail_errno(errno, fmt::format("while creating {}/{}", path_, temp));
    Status ok;
    if (const int err = write_all(fd.get(), bytes); err != 0)
      ok = fail_errno(err, fmt::format("error while writing to {}/", path_));
    if (ok && ::fchmod(fd.get(), kMode) != 0) ok = fail_errno(errno, fmt::format("while setting the mode of {}", temp));
    if (ok && sync && ::fsync(fd.get()) != 0) ok = fail_errno(errno, fmt::format("while syncing {}", path(kind)));
    if (!ok) ::unlinkat(directory_, temp.c_str(), 0);
    return ok;
  }
  Status finish(char kind) const {
    if (::renameat(directory_, unfinished(kind).c_str(), directory_, name(kind).c_str()) == 0) return {};
    return fail_errno(errno, fmt::format("while renaming to {}", path(kind)));
  }
  /// The names are durable.
  Status sync() const {
    if (::fsync(directory_) == 0) return {};
    return fail_errno(errno, fmt::format("while syncing {}", path_));
  }
  bool has(char kind) const {
    struct stat st{};
    return ::fstatat(directory_, name(kind).c_str(), &st, AT_SYMLINK_NOFOLLOW) == 0;
  }
  void forget(char kind) const { ::unlinkat(directory_, unfinished(kind).c_str(), 0); }

  /// What the -H file of an earlier run says; kind not_found: there is none.
  Result<std::string> header_file(std::size_t most) const {
    const Fd fd(::openat(directory_, name('H').c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK));
    if (!fd && errno == ENOENT) return fail(ErrorKind::not_found, path('H'));
    struct stat st{};
    if (!fd || ::fstat(fd.get(), &st) != 0) return fail_errno(errno, fmt::format("while reading {}", path('H')));
    std::string out(S_ISREG(st.st_mode) ? most + 1 : 0, '\0');
    std::size_t n = 0;
    while (n < out.size()) {
      const ssize_t got = ::read(fd.get(), out.data() + n, out.size() - n);
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) return fail_errno(errno, fmt::format("while reading {}", path('H')));
      if (got == 0) break;
      n += static_cast<std::size_t>(got);
    }
    out.resize(n);
    return out;
  }

 private:
  std::string unfinished(char kind) const { return fmt::format("temp.{}.{}", id_, kind); }

  int directory_;
  std::string path_, id_;
};

/// `with_header`: false: the -H file is there, the -D file alone is missing.
Status write_files(const Place& place, bool with_header, std::string_view header, std::string_view data, bool sync) {
  Status ok = place.write('D', data, sync);
  if (ok && with_header) ok = place.write('H', header, sync);
  if (ok) ok = place.finish('D');
  if (ok && sync) ok = place.sync();  // not every file system keeps the order of renames
  if (ok && with_header) ok = place.finish('H');
  if (ok && with_header && sync) ok = place.sync();
  if (!ok) {
    place.forget('D');
    place.forget('H');
  }
  return ok;
}

}  // namespace

io::Fields write_queue_files(const io::Fields& f, std::string_view message) {
  const std::string directory = text(f, "path"), header = text(f, "header");
  const bool sync = number(f, "sync", 1) != 0;
  const Fd dir(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!dir) return failure(fail_errno(errno, fmt::format("failed to open directory {}", directory)).error());
  const Place place(dir.get(), directory, text(f, "name"));
  const auto there = place.header_file(header.size());
  if (there && *there != header)
    return failure(
        Error{ErrorKind::defer,
              fmt::format("{} is there already, with other recipients: waits until it was taken away", place.path('H')),
              EEXIST});
  if (!there && there.error().kind != ErrorKind::not_found) return failure(there.error());
  // The same file: this delivery was done, and not recorded. Without a -D file the crash took that, or it is being
  // taken away by somebody who has the message then.
  Status done;
  if (!there || !place.has('D'))
    done = write_files(place, !there, header, message, sync);
  else if (sync)
    done = place.sync();
  if (!done) return failure(done.error());
  return {{"file", place.path('H')}};
}

}  // namespace remex::transports
