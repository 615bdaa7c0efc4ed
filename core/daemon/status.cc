// See status.h.
#include "core/daemon/status.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <vector>

#include "core/base/strings.h"
#include "core/base/version.h"
#include "core/io/activity.h"
#include "core/io/fiber.h"
#include "core/io/stream.h"

namespace remex::daemon {
namespace {

constexpr std::string_view kBefore = "daemon-", kBehind = ".sock";
constexpr std::size_t kMostOctets = 8 << 20;
constexpr Millis kPatience{2'000};

std::string lasted(Millis t) { return format_interval(std::chrono::duration_cast<Seconds>(t).count()); }

/// The status sockets in a spool directory, living and dead.
Result<std::vector<std::string>> find_sockets(const std::string& spool_directory) {
  std::error_code ec;
  std::vector<std::string> out;
  for (auto it = std::filesystem::directory_iterator(spool_directory, ec);
       !ec && it != std::filesystem::directory_iterator(); it.increment(ec)) {
    const std::string name = it->path().filename();
    if (name.starts_with(kBefore) && name.ends_with(kBehind)) out.push_back(it->path());
  }
  if (ec) return fail(fmt::format("cannot look into {}: {}", spool_directory, ec.message()));
  std::sort(out.begin(), out.end());
  return out;
}

/// All that a status socket says.
Result<std::string> ask(const std::string& path, Millis limit) {
  const io::DeadlineScope deadline(limit);
  REMEX_TRY(const auto stream, io::connect_unix(path));
  std::string out;
  std::array<char, 4096> block;
  for (;;) {
    REMEX_TRY(const std::size_t n, stream->read_some(block));
    if (n == 0 || out.size() > kMostOctets) return out;
    out.append(block.data(), n);
  }
}

}  // namespace

std::string status_text(const StatusFacts& f) {
  const Millis since = std::chrono::duration_cast<Millis>(monotonic_now() - f.since);
  std::string out = fmt::format("{} daemon: {}\n", f.master, f.daemon);
  if (f.courier > 0) out += fmt::format("{} courier: deliveries as other users\n", f.courier);
  const std::string ends = f.ends == 0   ? ""
                           : f.ends == 1 ? ", after an unexpected end (see the panic log)"
                                         : fmt::format(", after {} unexpected ends (see the panic log)", f.ends);
  out += fmt::format("{} worker: {} session{}, for {}{}\n", f.worker, f.sessions, f.sessions == 1 ? "" : "s",
                     lasted(since), ends);
  for (const auto& line : io::Activity::all())
    out += fmt::format("{} {} for {}\n", f.worker, line.text, lasted(line.since));
  return out;
}

std::string status_socket(const std::string& spool_directory, long master) {
  return fmt::format("{}/{}{}{}", spool_directory, kBefore, master, kBehind);
}

void remove_stale_status_sockets(const std::string& spool_directory) {
  const io::DeadlineScope deadline(kPatience);
  auto sockets = find_sockets(spool_directory);
  if (!sockets) return;
  for (const std::string& path : *sockets)
    if (auto s = io::connect_unix(path); !s && s.error().sys_errno == ECONNREFUSED) (void)::unlink(path.c_str());
}

Result<std::string> ask_status(const std::string& spool_directory, Millis limit) {
  REMEX_TRY(const auto sockets, find_sockets(spool_directory));
  std::string out;
  for (const std::string& path : sockets) {
    auto text = ask(path, limit);
    if (text) {
      out += *text;
    } else if (text.error().kind == ErrorKind::timed_out) {
      return fail(fmt::format("the daemon of {} does not answer within {} s: its event loop may stand still", path,
                              std::chrono::duration_cast<Seconds>(limit).count()));
    } else if (text.error().sys_errno != ECONNREFUSED) {  // one that was killed leaves it behind
      return fail(fmt::format("{}{}", text.error().text,
                              text.error().sys_errno == EACCES ? " (root, exim_user and its group may ask)" : ""));
    }
  }
  if (out.empty()) return fail(fmt::format("no daemon runs on {}", spool_directory));
  return out;
}

Status write_process_log(const std::string& path, const std::string& text) {
  const std::string fresh = path + ".new";
  (void)::unlink(fresh.c_str());
  const int fd = ::open(fresh.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0640);
  if (fd < 0) return fail_errno(errno, fresh);
  const bool written = ::write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  const int err = errno;
  ::close(fd);
  if (!written || ::rename(fresh.c_str(), path.c_str()) != 0) return fail_errno(written ? errno : err, path);
  return {};
}

}  // namespace remex::daemon
