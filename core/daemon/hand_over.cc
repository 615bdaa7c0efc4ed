// See hand_over.h. A directory of exim_user is hostile ground for root: who has taken the worker over renames what is
// in it at any moment. So nothing in it is named twice: it is opened, looked at and given by its descriptor. A file can
// be moved into such a directory from elsewhere, so files are given only where root alone could write until now; a
// directory of root's cannot be moved by somebody who may not write it.
#include "core/daemon/hand_over.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/core.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <deque>
#include <functional>
#include <initializer_list>
#include <iterator>
#include <memory>
#include <optional>
#include <set>
#include <utility>

#include "core/base/strings.h"

namespace remex::daemon {
namespace {

constexpr mode_t kMode = 0750, kModeAbove = 0755;
constexpr int kMostLinks = 40;  // as the kernel's own limit
/// What the store, the log, malware scanning and test mode make below the spool.
constexpr std::string_view kSpoolDirectories[] = {"db", "bodies", "log", "scan", "input", "msglog"};
constexpr std::string_view kLogs[] = {"main", "reject", "panic", "debug"};

// ---------------------------------------------------------------- names of this program's files

/// Is a file of this name one of this program's?
using IsOwn = std::function<bool(std::string_view)>;

bool is_any_of(std::string_view name, std::initializer_list<std::string_view> names) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

/// A log file, or what a rotation made of it: the name begins like `pattern` (log_file_path's last component) with %s
/// replaced, up to the datestamp.
bool is_log_name(std::string_view name, const std::string& pattern) {
  return std::any_of(std::begin(kLogs), std::end(kLogs), [&](std::string_view log) {
    const std::string whole = replace_all(pattern, "%s", log);
    const std::string start = whole.substr(0, whole.find('%'));
    if (start.empty()) return !name.empty() && is_digit(name.front()) && name.find(log) != std::string_view::npos;
    return name.starts_with(start);
  });
}

/// A message's file or directory: its identifier with something behind it; "unknown" is what is scanned without one. A
/// single letter is a directory of split_spool_directory.
bool is_message_name(std::string_view name) {
  if (name == "unknown" || (name.size() == 1 && is_alnum(name.front()))) return true;
  return name.size() >= 16 && std::count(name.begin(), name.end(), '-') >= 2 &&
         std::all_of(name.begin(), name.end(), [](char c) { return is_alnum(c) || c == '-' || c == '.'; });
}

/// Of `name` in the directory `below` (one of kSpoolDirectories) of the spool.
bool is_name_below_spool(std::string_view below, std::string_view name) {
  if (below == "db")
    return name.starts_with("spool.sqlite") || is_any_of(name, {"claims.lock", "destinations", "retry"});
  if (below == "log") return is_log_name(name, "%slog");
  return is_message_name(name);
}

/// For the directory `dir`, which an option names: the logs, and what lies at the top of a spool.
IsOwn own_names(const lang::Config& config, const std::string& dir) {
  return [&main = config.main, dir](std::string_view name) {
    const std::string path = dir + "/" + std::string(name);
    if (path == main.pid_file_path || path == main.process_log_path) return true;
    for (const std::string& log : main.log_file_path)
      if (const auto slash = log.rfind('/'); slash != std::string::npos && log.substr(0, slash) == dir)
        if (is_log_name(name, log.substr(slash + 1))) return true;
    if (dir != main.spool_directory) return false;
    return std::find(std::begin(kSpoolDirectories), std::end(kSpoolDirectories), name) != std::end(kSpoolDirectories) ||
           is_any_of(name, {"exim-daemon.pid", "exim-process.info", "submit"}) ||
           (name.starts_with("daemon-") && name.ends_with(".sock"));
  };
}

// ---------------------------------------------------------------- directories

class Directory {
 public:
  Directory() = default;
  explicit Directory(int fd) : fd_(fd) {
    if (fd >= 0) (void)::fstat(fd, &st_);
  }
  Directory(Directory&& o) noexcept : fd_(std::exchange(o.fd_, -1)), st_(o.st_) {}
  Directory& operator=(Directory&& o) noexcept {
    std::swap(fd_, o.fd_);
    st_ = o.st_;
    return *this;
  }
  ~Directory() {
    if (fd_ >= 0) ::close(fd_);
  }
  Directory(const Directory&) = delete;
  Directory& operator=(const Directory&) = delete;

  int fd() const { return fd_; }
  uid_t owner() const { return st_.st_uid; }
  /// Nobody but root has put anything here.
  bool only_roots() const { return st_.st_uid == 0 && (st_.st_mode & 022) == 0; }

 private:
  int fd_ = -1;
  struct stat st_{};
};

/// Opens `name`, no symbolic link; made with the mode `make` when it is missing (0: it is not).
Result<Directory> enter(const Directory& parent, std::string_view name_of, mode_t make) {
  const std::string name(name_of);
  constexpr int flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW;
  int fd = ::openat(parent.fd(), name.c_str(), flags);
  if (fd < 0 && errno == ENOENT && make != 0) {
    if (::mkdirat(parent.fd(), name.c_str(), make) != 0 && errno != EEXIST) return fail_errno(errno, "mkdir");
    fd = ::openat(parent.fd(), name.c_str(), flags);
  }
  if (fd < 0) return fail_errno(errno, "open");
  return Directory(fd);
}

/// The target of the symbolic link `name`; nullopt when it is none, or too long.
std::optional<std::string> link_target(const Directory& parent, std::string_view name) {
  std::string target(PATH_MAX, '\0');
  const ssize_t n = ::readlinkat(parent.fd(), std::string(name).c_str(), target.data(), target.size());
  if (n <= 0 || n >= PATH_MAX) return std::nullopt;
  target.resize(static_cast<std::size_t>(n));
  return target;
}

std::unique_ptr<DIR, int (*)(DIR*)> open_list(const Directory& d) {
  const int again = ::openat(d.fd(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  std::unique_ptr<DIR, int (*)(DIR*)> list(again >= 0 ? ::fdopendir(again) : nullptr, &::closedir);
  if (!list && again >= 0) ::close(again);
  return list;
}

/// Nothing lies in it but what `is_own` knows; the root of a file system has a lost+found. False when it cannot be
/// read.
bool holds_only(const Directory& d, const IsOwn& is_own) {
  const auto list = open_list(d);
  if (!list) return false;
  while (const dirent* e = ::readdir(list.get()))
    if (const std::string_view name = e->d_name; !is_any_of(name, {".", "..", "lost+found"}) && !is_own(name))
      return false;
  return true;
}

/// Plain files of root's in a directory where only root wrote.
void give_files(const Directory& d, const Identity& id) {
  const auto list = open_list(d);
  if (!list) return;
  while (const dirent* e = ::readdir(list.get())) {
    const int fd = ::openat(d.fd(), e->d_name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0) continue;
    struct stat st{};
    if (::fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_uid == 0 && st.st_nlink == 1)
      (void)!::fchownat(fd, "", id.uid, id.gid, AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW);
    ::close(fd);
  }
}

/// May root give it away? Only what is root's alone and serves nothing but this program: a directory just made, or one
/// that it used as root.
bool may_give(const Directory& d, const IsOwn& is_own) { return d.only_roots() && holds_only(d, is_own); }

Status give(const Directory& d, const Identity& id, const std::string& path) {
  if (::fchown(d.fd(), id.uid, id.gid) == 0) return {};
  return fail_errno(errno, fmt::format("cannot give directory {} away", path));
}

/// Walks down to `path` by descriptors and makes what is missing. A symbolic link is followed, component by component,
/// where all above it is root's alone: nobody else could have made it, or chosen it among others.
Result<Directory> reach(const std::string& path) {
  const auto root = [] { return Directory(::open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC)); };
  const auto failed = [&](int err) { return fail_errno(err, fmt::format("cannot make or open directory {}", path)); };
  Directory at = root();
  bool trusted = true;
  int links = 0;
  std::deque<std::string> rest;
  const auto go_first = [&rest](std::string_view way) {
    std::size_t n = 0;
    for (const std::string_view part : split(way, '/'))
      if (!part.empty() && part != ".") rest.insert(rest.begin() + static_cast<std::ptrdiff_t>(n++), std::string(part));
  };
  go_first(path);
  while (at.fd() >= 0 && !rest.empty()) {
    const std::string name = std::move(rest.front());
    rest.pop_front();
    trusted = trusted && at.only_roots();
    auto next = enter(at, name, rest.empty() ? kMode : kModeAbove);
    if (next) {
      at = std::move(*next);
      continue;
    }
    const auto target = link_target(at, name);
    if (!target) return failed(next.error().sys_errno);
    if (!trusted)
      return fail(
          fmt::format("cannot make or open directory {}: {} in it is a symbolic link that somebody else than "
                      "root may have made; name the directory itself",
                      path, name));
    if (++links > kMostLinks) return failed(ELOOP);
    if (target->starts_with('/')) at = root();
    go_first(*target);
  }
  if (at.fd() < 0) return failed(errno);
  return at;
}

/// Asks a process that is `id`: can it write at `path`, or to the file `or_file` when that is given? Blocking, short.
bool can_write(const Identity& id, const std::string& path, const std::string& or_file) {
  const pid_t pid = ::fork();
  if (pid < 0) return true;  // a question, not a need
  if (pid == 0) {
    const bool yes = drop_root(id) && (::access(path.c_str(), W_OK | X_OK) == 0 ||
                                       (!or_file.empty() && ::access(or_file.c_str(), W_OK) == 0));
    ::_exit(yes ? 0 : 1);
  }
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0)
    if (errno != EINTR) return true;
  return status == 0;
}

/// `d` stays whose it is: "" when `id` can work there, else what the operator should do.
std::string advice(const Directory& d, const Identity& id, const std::string& option, const std::string& path,
                   const std::string& or_file) {
  if (d.owner() == id.uid || can_write(id, path, or_file)) return {};
  return fmt::format(
      "{} (exim_user) cannot write in {} ({}), and it is not given away because it {}: make it writable (chown {} {}), "
      "or name a directory of its own",
      id.user, path, option, d.only_roots() ? "has other files in it" : "is not root's alone", id.user, path);
}

Status hand_over_spool(const lang::Config& config, const Identity& id, HandOver how, std::vector<std::string>& notes) {
  const std::string& path = config.main.spool_directory;
  REMEX_TRY(const Directory spool, reach(path));
  if (spool.owner() == id.uid && how == HandOver::missing) return {};
  const IsOwn is_own = own_names(config, path);
  const bool gives = may_give(spool, is_own);
  for (const std::string_view name : kSpoolDirectories) {
    const auto below = enter(spool, name, 0);
    if (!below || below->owner() == id.uid) continue;
    const std::string below_path = fmt::format("{}/{}", path, name);
    if (!may_give(*below, [name](std::string_view file) { return is_name_below_spool(name, file); })) {
      // Test mode alone writes in these two; in a spool that was Exim's they are full.
      if (is_any_of(name, {"input", "msglog"})) continue;
      if (auto text = advice(*below, id, "spool_directory", below_path, ""); !text.empty())
        notes.push_back(std::move(text));
      continue;
    }
    give_files(*below, id);
    REMEX_CHECK(give(*below, id, below_path));
  }
  if (gives) return give(spool, id, path);
  if (auto text = advice(spool, id, "spool_directory", path, ""); !text.empty()) notes.push_back(std::move(text));
  return {};
}

Status hand_over_log(const lang::Config& config, const Identity& id, const std::string& pattern, const std::string& dir,
                     std::vector<std::string>& notes) {
  REMEX_TRY(const Directory d, reach(dir));
  if (d.owner() == id.uid) return {};
  if (may_give(d, own_names(config, dir))) {
    give_files(d, id);
    return give(d, id, dir);
  }
  if (auto text = advice(d, id, "log_file_path", dir, replace_all(pattern, "%s", kLogs[0])); !text.empty())
    notes.push_back(std::move(text));
  return {};
}

}  // namespace

Result<std::vector<std::string>> hand_over_log_directories(const Identity& id, const lang::Config& config) {
  std::vector<std::string> notes;
  std::set<std::string> done{"", "/var/log"};  // never /var/log itself
  for (const std::string& path : config.main.log_file_path) {
    if (!path.starts_with('/')) continue;
    const std::string dir = path.substr(0, path.rfind('/'));
    // A directory that is chosen by %s or %D is made by the log.
    if (dir.find('%') != std::string::npos || !done.insert(dir).second) continue;
    REMEX_CHECK(hand_over_log(config, id, path, dir, notes));
  }
  return notes;
}

Result<std::vector<std::string>> hand_over_directories(const Identity& id, const lang::Config& config, HandOver how) {
  std::vector<std::string> notes;
  REMEX_CHECK(hand_over_spool(config, id, how, notes));
  REMEX_TRY(auto more, hand_over_log_directories(id, config));
  notes.insert(notes.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
  return notes;
}

}  // namespace remex::daemon
