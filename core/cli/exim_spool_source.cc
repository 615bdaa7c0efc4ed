// See exim_spool_source.h. The walk over the directories, and the process that does it for a caller who was root.
#include "core/cli/exim_spool_source.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <deque>
#include <exception>
#include <set>
#include <string_view>
#include <vector>

#include "core/base/ids.h"
#include "core/base/strings.h"
#include "core/io/courier.h"

namespace remex::cli {

namespace {

constexpr std::size_t kPacketMax = 64 * 1024;
constexpr int kAnswerSeconds = 300;  ///< reading a directory of many files on a slow disk takes long, but not that long

Result<Fd> open_directory(int at, const std::string& name, const std::string& shown, bool follow = false) {
  Fd fd(::openat(at, name.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC | (follow ? 0 : O_NOFOLLOW)));
  if (!fd) return fail_errno(errno, fmt::format("cannot open the folder {}", shown));
  return fd;
}

/// The names in a directory, without dot files. The descriptor stays open.
Result<std::vector<std::string>> names_in(int directory, const std::string& shown) {
  const int copy = ::openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR* d = copy < 0 ? nullptr : ::fdopendir(copy);
  if (d == nullptr) {
    const int err = errno;
    if (copy >= 0) ::close(copy);
    return fail_errno(err, fmt::format("cannot read the folder {}", shown));
  }
  std::vector<std::string> out;
  errno = 0;
  while (const dirent* e = ::readdir(d))  // NOLINT(concurrency-mt-unsafe): a stream of our own
    if (e->d_name[0] != '.') out.emplace_back(e->d_name);
  const int err = errno;
  ::closedir(d);
  if (err != 0) return fail_errno(err, fmt::format("cannot read the folder {}", shown));
  return out;
}

/// A plain file with this one name, opened for reading. Not there: an fd that is not open.
Result<Fd> open_plain(int directory, const std::string& name, std::optional<uid_t> owner) {
  Fd fd(::openat(directory, name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
  if (!fd) {
    if (errno == ENOENT) return Fd();
    if (errno == ELOOP) return fail(fmt::format("{} is a symbolic link", name));
    return fail_errno(errno, fmt::format("cannot open {}", name));
  }
  struct stat st{};
  if (::fstat(fd.get(), &st) != 0) return fail_errno(errno, fmt::format("cannot look at {}", name));
  if (!S_ISREG(st.st_mode)) return fail(fmt::format("{} is no plain file", name));
  if (st.st_nlink == 0) return Fd();
  if (st.st_nlink > 1) return fail(fmt::format("{} has more than one name (hard links)", name));
  if (owner && st.st_uid != *owner)
    return fail(fmt::format("{} belongs to uid {}, the input folder to uid {}", name, st.st_uid, *owner));
  return fd;
}

class Walk final : public EximSpoolSource {
 public:
  Status start(const std::string& folder, const std::string& aside) {
    folder_ = folder;
    while (folder_.size() > 1 && folder_.ends_with('/')) folder_.pop_back();
    REMEX_TRY(root_, open_directory(AT_FDCWD, folder_, folder_, true));
    if (!aside.empty()) {
      REMEX_TRY(aside_, open_directory(AT_FDCWD, aside, aside, true));
      aside_name_ = aside;
    }
    struct stat st{};
    if (::fstatat(root_.get(), "input", &st, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISDIR(st.st_mode))
      return fail(fmt::format("{} has no folder \"input\": give Exim's spool_directory", folder_));
    if (::geteuid() == 0) owner_ = st.st_uid;
    REMEX_CHECK(add_queue("input", ""));
    REMEX_TRY(const auto names, names_in(root_.get(), folder_));
    for (const auto& n : std::set<std::string>(names.begin(), names.end()))  // a named queue has a folder of its own
      if (n != "input" && ::fstatat(root_.get(), (n + "/input").c_str(), &st, AT_SYMLINK_NOFOLLOW) == 0 &&
          S_ISDIR(st.st_mode))
        REMEX_CHECK(add_queue(n + "/input", n));
    return {};
  }

  Result<std::optional<SpoolFiles>> next() override {
    while (ids_.empty()) {
      const std::size_t following = entered_ ? place_ + 1 : 0;
      if (following >= places_.size()) return std::optional<SpoolFiles>();
      place_ = following;
      entered_ = true;
      REMEX_CHECK(enter());
    }
    SpoolFiles f;
    f.id = std::move(ids_.front());
    ids_.pop_front();
    f.place = place_;
    f.queue = places_[place_].queue;
    f.directory = folder_ + "/" + places_[place_].path;
    if (auto st = take(f); !st) {
      f.state = SpoolFiles::State::refused;
      f.why = fmt::format("{}/{}", f.directory, st.error().text);
    }
    return f;
  }

  Status set_aside(const SpoolFiles& f) override {
    if (f.place >= places_.size() || !is_message_id(f.id)) return fail("no such message");
    REMEX_TRY(const auto from, reach(places_[f.place]));
    // -H first: what has none is no message any more.
    for (const char* kind : {"-H", "-J", "-D"}) {
      const std::string name = f.id + kind;
      if (::renameat2(from.get(), name.c_str(), aside_.get(), name.c_str(), RENAME_NOREPLACE) == 0) continue;
      if (errno == ENOENT) continue;
      return fail_errno(errno, fmt::format("{}/{} was not moved to {}", f.directory, name, aside_name_));
    }
    return {};
  }

 private:
  struct Place {
    std::string path;  ///< below the folder
    std::string queue;
  };

  /// An input folder and the one-letter folders in it (split_spool_directory).
  Status add_queue(const std::string& path, const std::string& queue) {
    const Place top{path, queue};
    REMEX_TRY(const auto fd, reach(top));
    REMEX_TRY(const auto names, names_in(fd.get(), folder_ + "/" + path));
    places_.push_back(top);
    for (const auto& n : std::set<std::string>(names.begin(), names.end()))
      if (n.size() == 1 && is_alnum(n.front())) places_.push_back({fmt::format("{}/{}", path, n), queue});
    return {};
  }

  /// Opens a directory below the folder, one step after the other: a link on the way is refused.
  Result<Fd> reach(const Place& p) {
    REMEX_TRY(Fd at, open_directory(root_.get(), ".", folder_));
    std::string shown = folder_;
    for (const auto part : split(p.path, '/')) {
      shown += "/" + std::string(part);
      REMEX_TRY(at, open_directory(at.get(), std::string(part), shown));
    }
    return at;
  }

  Status enter() {
    REMEX_TRY(here_, reach(places_[place_]));
    REMEX_TRY(const auto names, names_in(here_.get(), folder_ + "/" + places_[place_].path));
    std::set<std::string> found;
    for (const auto& n : names)
      if ((n.ends_with("-H") || n.ends_with("-D")) && is_message_id(n.substr(0, n.size() - 2)))
        found.insert(n.substr(0, n.size() - 2));
    ids_.assign(found.begin(), found.end());
    return {};
  }

  /// -D first, and its lock: nothing changes behind it.
  Status take(SpoolFiles& f) {
    REMEX_TRY(f.data, open_plain(here_.get(), f.id + "-D", owner_));
    if (f.data) {
      struct flock whole{};
      whole.l_type = F_RDLCK;
      whole.l_whence = SEEK_SET;
      if (::fcntl(f.data.get(), F_OFD_SETLK, &whole) != 0) {
        if (errno != EAGAIN && errno != EACCES) return fail_errno(errno, fmt::format("cannot lock {}-D", f.id));
        f.state = SpoolFiles::State::locked;
        return {};
      }
      struct stat st{};
      if (::fstat(f.data.get(), &st) != 0 || st.st_nlink == 0) {
        f.state = SpoolFiles::State::gone;
        return {};
      }
    }
    REMEX_TRY(f.header, open_plain(here_.get(), f.id + "-H", owner_));
    REMEX_TRY(f.journal, open_plain(here_.get(), f.id + "-J", owner_));
    f.state = f.header && f.data   ? SpoolFiles::State::ready
              : f.header || f.data ? SpoolFiles::State::refused
                                   : SpoolFiles::State::gone;
    if (f.state == SpoolFiles::State::refused)
      return fail(fmt::format("{0}-{1} is there, {0}-{2} is not", f.id, f.header ? 'H' : 'D', f.header ? 'D' : 'H'));
    return {};
  }

  std::string folder_, aside_name_;
  Fd root_, aside_, here_;
  std::optional<uid_t> owner_;  ///< of every file, when root opens them
  std::vector<Place> places_;
  std::size_t place_ = 0;
  bool entered_ = false;
  std::deque<std::string> ids_;
};

/// One datagram with descriptors (-1: none).
Status send_packet(int socket, const std::string& bytes, const std::vector<int>& fds) {
  iovec part{const_cast<char*>(bytes.data()), bytes.size()};  // NOLINT(cppcoreguidelines-pro-type-const-cast)
  alignas(cmsghdr) std::array<char, CMSG_SPACE(3 * sizeof(int))> room{};
  msghdr m{};
  m.msg_iov = &part;
  m.msg_iovlen = 1;
  if (!fds.empty()) {
    m.msg_control = room.data();
    m.msg_controllen = CMSG_SPACE(fds.size() * sizeof(int));
    cmsghdr* c = CMSG_FIRSTHDR(&m);
    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(fds.size() * sizeof(int));
    std::memcpy(CMSG_DATA(c), fds.data(), fds.size() * sizeof(int));
  }
  while (::sendmsg(socket, &m, MSG_NOSIGNAL) < 0)
    if (errno != EINTR) return fail_errno(errno, "sending to the other process");
  return {};
}

/// The descriptors are the caller's; they come in the order they were sent.
Result<std::string> receive_packet(int socket, std::vector<Fd>& fds) {
  std::string bytes(kPacketMax, '\0');
  iovec part{bytes.data(), bytes.size()};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(3 * sizeof(int))> room{};
  msghdr m{};
  m.msg_iov = &part;
  m.msg_iovlen = 1;
  m.msg_control = room.data();
  m.msg_controllen = room.size();
  ssize_t n = 0;
  while ((n = ::recvmsg(socket, &m, MSG_CMSG_CLOEXEC)) < 0)
    if (errno != EINTR) return fail_errno(errno, "waiting for the process that opens the spool files");
  for (cmsghdr* c = CMSG_FIRSTHDR(&m); c != nullptr; c = CMSG_NXTHDR(&m, c)) {
    if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS) continue;
    for (std::size_t i = 0; i < (c->cmsg_len - CMSG_LEN(0)) / sizeof(int); ++i) {
      int fd = -1;
      std::memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof fd);
      fds.emplace_back(fd);
    }
  }
  if (n == 0) return fail(ErrorKind::closed, "the process that opens the spool files has ended");
  bytes.resize(static_cast<std::size_t>(n));
  return bytes.substr(std::min<std::size_t>(4, bytes.size()));  // behind the length that encode_fields() puts first
}

/// Requests: "next", or "aside" with place and id. Ends when the other side is closed.
class Opener {
 public:
  Opener(Walk& walk, int socket) : walk_(walk), socket_(socket) {}

  void serve() {
    std::vector<Fd> none;
    while (auto bytes = receive_packet(socket_, none)) {
      auto request = io::decode_fields(*bytes);
      if (!request || !(request->contains("aside") ? aside(*request) : next())) return;
    }
  }

 private:
  Status next() {
    auto f = walk_.next();
    io::Fields answer;
    std::vector<int> fds;
    if (!f) {
      answer["error"] = f.error().text;
    } else if (*f) {
      answer = {{"state", std::to_string(static_cast<int>((*f)->state))},
                {"id", (*f)->id},
                {"queue", (*f)->queue},
                {"directory", (*f)->directory},
                {"why", (*f)->why},
                {"place", std::to_string((*f)->place)}};
      if ((*f)->state == SpoolFiles::State::ready) {
        fds = {(*f)->header.get(), (*f)->data.get()};
        if ((*f)->journal) fds.push_back((*f)->journal.get());
      }
    }
    return send_packet(socket_, io::encode_fields(answer), fds);
  }

  Status aside(const io::Fields& request) {
    SpoolFiles f;
    f.id = request.at("aside");
    f.directory = request.contains("directory") ? request.at("directory") : "";
    f.place =
        static_cast<std::size_t>(parse_uint(request.contains("place") ? request.at("place") : "").value_or(~0ULL));
    const Status st = walk_.set_aside(f);
    return send_packet(socket_, io::encode_fields({{"error", st ? "" : st.error().text}}), {});
  }

  Walk& walk_;
  int socket_;
};

/// Asks the process that kept root's rights.
class Remote final : public EximSpoolSource {
 public:
  Remote(Fd socket, pid_t pid) : socket_(std::move(socket)), pid_(pid) {}
  ~Remote() override {
    socket_ = Fd();
    ::waitpid(pid_, nullptr, 0);
  }
  Remote(const Remote&) = delete;
  Remote& operator=(const Remote&) = delete;

  Result<std::optional<SpoolFiles>> next() override {
    std::vector<Fd> fds;
    REMEX_TRY(const auto a, ask({{"next", ""}}, fds));
    if (a.contains("error")) return fail(a.at("error"));
    if (!a.contains("id")) return std::optional<SpoolFiles>();
    SpoolFiles f;
    const auto field = [&](const char* name) { return a.contains(name) ? a.at(name) : std::string(); };
    f.state = static_cast<SpoolFiles::State>(parse_uint(field("state")).value_or(3));
    f.id = field("id");
    f.queue = field("queue");
    f.directory = field("directory");
    f.why = field("why");
    f.place = static_cast<std::size_t>(parse_uint(field("place")).value_or(0));
    if (!fds.empty()) f.header = std::move(fds[0]);
    if (fds.size() > 1) f.data = std::move(fds[1]);
    if (fds.size() > 2) f.journal = std::move(fds[2]);
    return f;
  }

  Status set_aside(const SpoolFiles& f) override {
    std::vector<Fd> none;
    REMEX_TRY(const auto a,
              ask({{"aside", f.id}, {"directory", f.directory}, {"place", std::to_string(f.place)}}, none));
    const auto it = a.find("error");
    return it == a.end() || it->second.empty() ? Status() : fail(it->second);
  }

 private:
  Result<io::Fields> ask(const io::Fields& request, std::vector<Fd>& fds) {
    Status sent = send_packet(socket_.get(), io::encode_fields(request), {});
    auto bytes = sent ? receive_packet(socket_.get(), fds) : std::unexpected(sent.error());
    auto answer = bytes ? io::decode_fields(*bytes) : std::unexpected(bytes.error());
    if (!answer) answer.error().kind = ErrorKind::closed;
    return answer;
  }

  Fd socket_;
  pid_t pid_;
};

}  // namespace

Result<std::unique_ptr<EximSpoolSource>> EximSpoolSource::open(const std::string& folder, const std::string& aside) {
  auto walk = std::make_unique<Walk>();
  REMEX_CHECK(walk->start(folder, aside));
  if (::geteuid() != 0) return walk;
  int pair[2] = {-1, -1};
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
    return fail_errno(errno, "making a socket for the process that opens the spool files");
  Fd ours(pair[0]), theirs(pair[1]);
  const timeval limit{kAnswerSeconds, 0};
  ::setsockopt(ours.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  std::fflush(nullptr);
  const pid_t pid = ::fork();
  if (pid < 0) return fail_errno(errno, "starting the process that opens the spool files");
  if (pid == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);  // NOLINT(cppcoreguidelines-pro-type-vararg)
    ours = Fd();
    try {
      Opener(*walk, theirs.get()).serve();
    } catch (const std::exception& e) {
      fmt::print(stderr, "remex: opening spool files: internal error: {}\n", e.what());
    }
    ::_exit(0);
  }
  return std::make_unique<Remote>(std::move(ours), pid);
}

}  // namespace remex::cli
