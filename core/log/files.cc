// The log files: opening, datestamps, reopening after a rename, syslog; see log.h.
//
// A line is one write(2) on an O_APPEND descriptor. A file that was renamed or removed is noticed by comparing inodes
// at most once a second. Files are opened with O_NOFOLLOW. A log that cannot be written: panic log, then stderr, once a
// minute.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <ctime>
#include <mutex>
#include <utility>

#include "core/base/ids.h"
#include "core/base/strings.h"
#include "core/hooks/hooks.h"
#include "core/log/log.h"
#include "core/log/selector_names.h"

namespace remex::log {
namespace {

constexpr std::size_t kLineMax = 32 * 1024;
constexpr std::size_t kRejectMax = 128 * 1024;

void write_fully(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(fd, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return;
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
}

/// mkdir -p for the directory part of a file name.
void make_parents(const std::string& path) {
  for (std::size_t at = path.find('/', 1); at != std::string::npos; at = path.find('/', at + 1))
    ::mkdir(path.substr(0, at).c_str(), 0750);
}

/// One of the three files.
struct File {
  std::string pattern;  ///< %s already replaced; %D and %M not
  std::string path;     ///< as opened
  int fd = -1;
  ino_t inode = 0;
  dev_t device = 0;
  std::int64_t checked = 0;
  std::int64_t complained = 0;

  ~File() {
    if (fd >= 0) ::close(fd);
  }
};

std::string stamped(const std::string& pattern, std::int64_t now) {
  if (pattern.find('%') == std::string::npos) return pattern;
  const std::string date = log_timestamp(WallTime(std::chrono::seconds(now)));  // "2026-11-21 ..."
  const std::string month = date.substr(0, 4) + date.substr(5, 2);
  return replace_all(replace_all(pattern, "%D", month + date.substr(8, 2)), "%M", month);
}

/// True when `fd` is an open descriptor of the file now at `path`.
bool is_current(const File& f) {
  struct stat st{};
  return ::stat(f.path.c_str(), &st) == 0 && st.st_ino == f.inode && st.st_dev == f.device;
}

bool open_file(File& f, std::int64_t now) {
  const std::string path = stamped(f.pattern, now);
  if (f.fd >= 0 && path == f.path && (f.checked == now || is_current(f))) {
    f.checked = now;
    return true;
  }
  if (f.fd >= 0) ::close(f.fd);
  f.path = path;
  f.checked = now;
  constexpr int kFlags = O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY;
  f.fd = ::open(path.c_str(), kFlags, 0640);
  if (f.fd < 0 && errno == ENOENT) {
    make_parents(path);
    f.fd = ::open(path.c_str(), kFlags, 0640);
  }
  if (f.fd < 0) return false;
  struct stat st{};
  if (::fstat(f.fd, &st) != 0 || S_ISDIR(st.st_mode)) {
    ::close(std::exchange(f.fd, -1));
    return false;
  }
  f.inode = st.st_ino;
  f.device = st.st_dev;
  return true;
}

/// Control characters become \n, \t, \ooo; bytes above 127 stay (UTF-8 addresses are readable). A reject text keeps its
/// lines.
std::string escaped(std::string_view line, bool keep_newlines) {
  std::string out;
  out.reserve(line.size() + 8);
  for (const char c : line) {
    const auto u = static_cast<unsigned char>(c);
    if ((u >= 32 && u != 127) || (keep_newlines && (c == '\n' || c == '\t')))
      out += c;
    else if (c == '\n')
      out += "\\n";
    else if (c == '\r')
      out += "\\r";
    else if (c == '\t')
      out += "\\t";
    else
      out += fmt::format("\\{:03o}", u);
  }
  return out;
}

/// -v names the selector of a line that is written only because of it: "queue_run ".
std::string_view selector_shown(std::string_view line) {
  constexpr std::pair<std::string_view, std::string_view> kShown[] = {
      {"Start queue run", " queue_run"},
      {"End queue run", " queue_run"},
      {"SMTP connection from", " smtp_connection"},
      {"SMTP syntax error in", " smtp_syntax_error"},
      {"SMTP protocol error in", " smtp_protocol_error"},
      {"no immediate delivery:", " delay_delivery"}};
  for (const auto& [start, selector] : kShown)
    if (line.starts_with(start)) return selector;
  if (line.starts_with("== ") && line.find("retry time not reached") != std::string_view::npos) return " retry_defer";
  return {};
}

/// Without the message id that the caller put in front.
std::string_view without_id(std::string_view line) {
  const std::size_t blank = line.find(' ');
  return blank != std::string_view::npos && is_message_id(line.substr(0, blank)) ? line.substr(blank + 1) : line;
}

constexpr const char* kNames[] = {"main", "reject", "panic"};

class FileLog final : public Log {
 public:
  explicit FileLog(LogConfig cfg) : cfg_(std::move(cfg)) { selectors_ = cfg_.selectors; }
  ~FileLog() override {
    if (syslog_) ::closelog();
  }
  FileLog(const FileLog&) = delete;
  FileLog& operator=(const FileLog&) = delete;

  Status configure() {
    std::string pattern;
    bool files = cfg_.file_path.empty();
    for (const std::string_view part : split(cfg_.file_path, ':')) {
      const std::string_view item = trim(part);
      if (item == "syslog") {
        syslog_ = true;
      } else if (item.empty()) {
        files = true;  // an empty item is the default path
      } else if (item.front() != '/') {
        return fail(ErrorKind::config, fmt::format("log_file_path: \"{}\" is not an absolute path", item));
      } else {
        if (pattern.empty()) pattern = item;
        files = true;
      }
    }
    if (files && pattern.empty()) pattern = cfg_.spool_directory + "/log/%slog";
    if (files) {
      if (pattern.find("%s") == std::string::npos && !cfg_.only_stderr)
        return fail(ErrorKind::config, fmt::format("log_file_path: \"{}\" has no %s for main, reject, panic", pattern));
      for (int i = 0; i < 3; ++i) {
        std::string p = replace_all(pattern, "%s", kNames[i]);
        // The panic log has no datestamp: it must be found.
        if (i == 2) p = strip_stamp(p);
        files_[i].pattern = std::move(p);
      }
    }
    if (syslog_ && !hooks::syslog_to_stderr())
      ::openlog(cfg_.syslog_processname.c_str(), cfg_.syslog_pid ? LOG_PID : 0,
                syslog_facility(cfg_.syslog_facility).value_or(LOG_MAIL));
    return {};
  }

  void write(int targets, std::string_view id, std::string_view line) override {
    std::lock_guard lock(mutex_);
    const WallTime t = wall_now();
    const auto now = std::chrono::duration_cast<std::chrono::seconds>(t.time_since_epoch()).count();
    const std::string stamp = (on(Selector::millisec) ? log_timestamp_millis(t) : log_timestamp(t)) +
                              (cfg_.log_timezone ? " " + zone_offset(t) : "") +
                              (on(Selector::pid) ? fmt::format(" [{}]", ::getpid()) : "");
    const std::string_view gap = id.empty() ? "" : " ";
    const std::string text = fmt::format("{}{}{}", id, gap, escaped(line.substr(0, kLineMax), cfg_.keep_line_breaks));
    const std::string full = fmt::format("{} {}\n", stamp, text);
    if (cfg_.to_stderr || cfg_.only_stderr) write_fully(2, cfg_.only_stderr ? text + "\n" : full);
    if (cfg_.only_stderr) return;
    if (cfg_.panic_to_stderr && (targets & kPanic) != 0 && !cfg_.to_stderr && !cfg_.verbose) write_fully(2, full);
    if (cfg_.verbose)
      write_fully(2, fmt::format("LOG:{}{}{}{}\n  {}\n", selector_shown(line), (targets & kMain) != 0 ? " MAIN" : "",
                                 (targets & kReject) != 0 ? " REJECT" : "", (targets & kPanic) != 0 ? " PANIC" : "",
                                 escaped(without_id(line).substr(0, kLineMax), false)));
    if ((targets & kMain) != 0) put(0, now, full);
    if ((targets & kReject) != 0 && cfg_.write_rejectlog) {
      put(1, now,
          line.size() > kLineMax || line.find('\n') != std::string_view::npos
              ? fmt::format("{} {}{}{}\n", stamp, id, gap, escaped(line.substr(0, kRejectMax), true))
              : full);
    }
    if ((targets & kPanic) != 0) put(2, now, full);
    if (syslog_) {
      // syslog adds its own time; ours is put in front when asked for.
      const auto say = [&](int priority) {
        if (hooks::syslog_to_stderr()) {
          write_fully(2, fmt::format("SYSLOG: '{}{}{}'\n", cfg_.timestamps_in_syslog ? stamp : "",
                                     cfg_.timestamps_in_syslog ? " " : "", text));
          return;
        }
        ::syslog(priority, "%s%s%s", cfg_.timestamps_in_syslog ? stamp.c_str() : "",
                 cfg_.timestamps_in_syslog ? " " : "", text.c_str());
      };
      const bool twice = cfg_.syslog_duplication;
      if ((targets & kPanic) != 0) say(LOG_ALERT);
      if ((targets & kMain) != 0 && (twice || (targets & kPanic) == 0)) say(LOG_INFO);
      if ((targets & kReject) != 0 && (twice || (targets & (kPanic | kMain)) == 0)) say(LOG_NOTICE);
    }
  }

  void reopen() override {
    std::lock_guard lock(mutex_);
    for (File& f : files_)
      if (f.fd >= 0) ::close(std::exchange(f.fd, -1));
  }

 private:
  static std::string strip_stamp(const std::string& p) {
    std::string out;
    for (std::size_t i = 0; i < p.size(); ++i) {
      if (p[i] != '%' || i + 1 == p.size() || (p[i + 1] != 'D' && p[i + 1] != 'M')) {
        out += p[i];
        continue;
      }
      ++i;
      if (!out.empty() && !is_alnum(out.back()) && out.back() != '/') out.pop_back();
    }
    return out;
  }

  void put(int which, std::int64_t now, std::string_view line) {
    File& f = files_[which];
    if (f.pattern.empty()) return;
    int err = 0;
    if (open_file(f, now)) {
      ssize_t n = 0;
      while ((n = ::write(f.fd, line.data(), line.size())) < 0 && errno == EINTR) {
      }
      if (n == static_cast<ssize_t>(line.size())) return;
      err = n < 0 ? errno : ENOSPC;
    } else {
      err = errno;
    }
    if (which != 2) {
      if (now - f.complained >= 60) {
        f.complained = now;
        put(2, now, fmt::format("{} cannot write {}: {}\n", line.substr(0, 19), f.path, std::strerror(err)));
      }
      put(2, now, line);
      return;
    }
    write_fully(2, line);
  }

  LogConfig cfg_;
  std::mutex mutex_;
  File files_[3];
  bool syslog_ = false;
};

}  // namespace

Result<std::shared_ptr<Log>> Log::open(const LogConfig& cfg) {
  auto log = std::make_shared<FileLog>(cfg);
  REMEX_CHECK(log->configure());
  return std::shared_ptr<Log>(std::move(log));
}

std::optional<int> syslog_facility(std::string_view name) {
  if (istarts_with(name, "log_")) name.remove_prefix(4);
  constexpr std::pair<std::string_view, int> kFacilities[] = {
      {"mail", LOG_MAIL},     {"user", LOG_USER},     {"news", LOG_NEWS},     {"uucp", LOG_UUCP},
      {"daemon", LOG_DAEMON}, {"local0", LOG_LOCAL0}, {"local1", LOG_LOCAL1}, {"local2", LOG_LOCAL2},
      {"local3", LOG_LOCAL3}, {"local4", LOG_LOCAL4}, {"local5", LOG_LOCAL5}, {"local6", LOG_LOCAL6},
      {"local7", LOG_LOCAL7}};
  for (const auto& [n, v] : kFacilities)
    if (iequals(n, name)) return v;
  return std::nullopt;
}

}  // namespace remex::log
