// One message as a file in a directory: maildir with quota and maildirsize (Maildir++), plain files, mailstore.
//
// Runs in a courier's child as the recipient. A message that does not fit leaves nothing behind but the directories.
#include <dirent.h>
#include <fcntl.h>
#include <fmt/core.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <ctime>

#include "core/base/strings.h"
#include "lang/regex.h"
#include "transports/courier_work.h"
#include "transports/files_work.h"
#include "transports/internal.h"

namespace remex::transports {
namespace {

constexpr off_t kMaildirsizeMax = 5120;      ///< longer files are made anew (Maildir++)
constexpr std::int64_t kTrustSeconds = 900;  ///< an over-quota answer of an older file is checked again
constexpr std::size_t kTempPart = 200;       ///< of a name, in that of its temporary file, which is longer

using Pattern = std::shared_ptr<const lang::Regex>;

/// Null when the request has none.
Pattern pattern(const io::Fields& f, const std::string& name) {
  const std::string source = text(f, name);
  if (source.empty()) return nullptr;
  auto re = lang::Regex::compile(source);
  return re ? *re : nullptr;
}

bool matches(const Pattern& re, std::string_view s) {
  if (!re) return false;
  auto m = re->search(s, nullptr);
  return m && *m;
}

/// Adds up files. With `folders` (maildirsize) only those in directories whose name matches, else all of them.
class Counter {
 public:
  Counter(Pattern folders, Pattern sizes) : folders_(std::move(folders)), sizes_(std::move(sizes)) {}

  void add(const std::string& directory, bool top, int depth = 0) {
    DIR* d = ::opendir(directory.c_str());
    if (d == nullptr || depth > 20) {
      if (d != nullptr) ::closedir(d);
      return;
    }
    while (const dirent* e = ::readdir(d)) {
      const std::string name = e->d_name;
      if (name == "." || name == "..") continue;
      std::int64_t known = 0;
      if (size_in_name(name, known)) {
        sum_.size += known;
        ++sum_.count;
        continue;
      }
      struct stat st{};
      const std::string path = fmt::format("{}/{}", directory, name);
      if (::lstat(path.c_str(), &st) != 0) continue;
      if (S_ISREG(st.st_mode)) {
        if (folders_ && (top || is_folder(directory))) continue;  // maildirsize, maildirfolder and the like
        sum_.size += st.st_size;
        ++sum_.count;
      } else if (S_ISDIR(st.st_mode)) {
        if (folders_ && !matches(folders_, name)) continue;
        add(path, false, depth + 1);
      }
    }
    ::closedir(d);
  }
  const QuotaState& sum() const { return sum_; }

 private:
  static bool is_folder(std::string_view directory) {
    return directory.substr(directory.rfind('/') + 1).starts_with('.');
  }

  bool size_in_name(const std::string& name, std::int64_t& out) const {
    if (!sizes_) return false;
    lang::Regex::Spans spans;
    auto m = sizes_->search(name, &spans);
    if (!m || !*m || spans.size() < 2 || spans[1].first == std::string::npos) return false;
    const auto n = parse_uint(std::string_view(name).substr(spans[1].first, spans[1].second - spans[1].first));
    if (!n) return false;
    out = static_cast<std::int64_t>(*n);
    return true;
  }

  Pattern folders_, sizes_;
  QuotaState sum_;
};

Result<std::string> read_small(const std::string& path, time_t& age) {
  const Fd fd(::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK));
  struct stat st{};
  if (!fd || ::fstat(fd.get(), &st) != 0 || !S_ISREG(st.st_mode) || st.st_size > kMaildirsizeMax)
    return fail(ErrorKind::not_found, path);
  age = ::time(nullptr) - st.st_mtime;
  std::string s(static_cast<std::size_t>(st.st_size), '\0');
  const ssize_t n = ::read(fd.get(), s.data(), s.size());
  s.resize(n > 0 ? static_cast<std::size_t>(n) : 0);
  return s;
}

bool inside(std::int64_t limit, std::int64_t used, std::int64_t more, bool inclusive) {
  return limit <= 0 || (inclusive ? used + more : used) <= limit;
}

/// The limits of a mailbox, and whether another message has room.
struct Limits {
  std::int64_t size = 0, files = 0;
  bool inclusive = true;
  bool size_checked = true, files_checked = true;  ///< false: with /no_check, the limit is only written down

  explicit Limits(const io::Fields& f)
      : size(number(f, "quota")),
        files(number(f, "quota_filecount")),
        inclusive(number(f, "quota_is_inclusive", 1) != 0),
        size_checked(number(f, "quota_unchecked") == 0),
        files_checked(number(f, "quota_filecount_unchecked") == 0) {}
  bool size_fits(const QuotaState& used, std::int64_t more) const {
    return !size_checked || inside(size, used.size, more, inclusive);
  }
  bool count_fits(const QuotaState& used) const { return !files_checked || inside(files, used.count, 1, inclusive); }
};

/// maildirsize of one maildir: what it says, or what counting says.
class SizeFile {
 public:
  SizeFile(std::string base, const io::Fields& f) : base_(std::move(base)), path_(base_ + "/maildirsize"), f_(f) {}

  /// A file that leaves no room for `size` more is believed only when it was made a short while ago and nothing came
  /// since: mail may have been removed.
  QuotaState used(std::int64_t size) {
    time_t age = 0;
    const Limits limits(f_);
    if (auto s = read_small(path_, age)) {
      if (auto known = parse_maildirsize(*s);
          known && known->quota_size == limits.size && known->quota_count == limits.files) {
        const bool fits = limits.size_fits(known->used, size) && limits.count_fits(known->used);
        if (fits || (age < kTrustSeconds && known->lines <= 1)) return known->used;
      }
    }
    return rebuild();
  }

  void add(std::int64_t size) const {
    const Fd fd(::open(path_.c_str(), O_WRONLY | O_APPEND | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK));
    const std::string line = fmt::format("{} 1\n", size);
    if (fd) (void)!::write(fd.get(), line.data(), line.size());
  }

 private:
  QuotaState rebuild() {
    Counter counter(pattern(f_, "quota_directory_regex"), pattern(f_, "quota_size_regex"));
    counter.add(base_, true);
    const QuotaState sum = counter.sum();
    const std::string temp =
        fmt::format("{}/tmp/maildirsize.{}.{}.{}", base_, ::getpid(), own_number(), ::time(nullptr));
    const Fd fd(::open(temp.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
                       static_cast<mode_t>(number(f_, "mode", 0600))));
    if (!fd) return sum;
    const std::string s =
        fmt::format("{}S,{}C\n{} {}\n", number(f_, "quota"), number(f_, "quota_filecount"), sum.size, sum.count);
    if (::write(fd.get(), s.data(), s.size()) != static_cast<ssize_t>(s.size()) ||
        ::rename(temp.c_str(), path_.c_str()) != 0)
      ::unlink(temp.c_str());
    return sum;
  }

  std::string base_, path_;
  const io::Fields& f_;
};

/// The maildir whose quota it is: a folder (with a file maildirfolder) belongs to the directory above it.
std::string quota_base(const io::Fields& f, const std::string& directory) {
  if (const std::string given = text(f, "quota_directory"); !given.empty()) return given;
  if (text(f, "op") == "maildir" && ::access((directory + "/maildirfolder").c_str(), F_OK) == 0)
    return directory.substr(0, directory.rfind('/'));
  return directory;
}

std::string quota_word(const std::string& directory) {
  struct stat st{};
  if (::stat((directory + "/new").c_str(), &st) != 0 && ::stat(directory.c_str(), &st) != 0) return "quota";
  return fmt::format("quota_{}", std::max<std::int64_t>(0, ::time(nullptr) - st.st_atime));
}

/// With maildirsize, a folder that maildir_quota_directory_regex leaves out has no quota.
bool counts(const io::Fields& f, const std::string& base, const std::string& directory) {
  if (number(f, "use_size_file") == 0 || !directory.starts_with(base + "/")) return true;
  const Pattern folders = pattern(f, "quota_directory_regex");
  const std::string below = directory.substr(base.size() + 1);
  return !folders || matches(folders, below.substr(0, below.find('/')));
}

/// The name of the file that would be written, as the log tells it.
std::string temporary_name(const io::Fields& f, const std::string& directory) {
  if (text(f, "op") == "maildir") return "tmp/" + text(f, "name");
  if (text(f, "op") == "mailstore") return directory + "/" + text(f, "name") + ".msg";
  return fmt::format("{}/temp.{}.{}", directory, ::getpid(), text(f, "name"));
}

Status sync_file(int fd, const io::Fields& f) {
  if (number(f, "sync", 1) != 0 && ::fsync(fd) != 0) return fail_errno(errno, "fsync");
  return {};
}

/// Links `temp` to `path`. A name made for this delivery exists only when an earlier run was cut short: a repeat, and
/// the file is there. A name the administrator made up may be another message's: then `other` is taken, which is made
/// for this delivery.
Status link_new(const std::string& temp, std::string& path, const std::string& other) {
  if (::link(temp.c_str(), path.c_str()) == 0) return {};
  if (errno == EEXIST && !other.empty()) {
    path = other;
    if (::link(temp.c_str(), path.c_str()) == 0) return {};
  }
  if (errno == EEXIST) return {};
  return fail_errno(errno, fmt::format("while renaming to {}", path));
}

/// `other`: the name to take when `name` exists; empty: then it is a repeat. A file whose name does not become durable
/// stays for a repetition to find; one with a name that is not of this delivery would not be known again, and goes.
Result<std::string> write_new(const std::string& directory, const std::string& name, const std::string& other,
                              std::string_view bytes, const io::Fields& f) {
  const auto mode = static_cast<mode_t>(number(f, "mode", 0600));
  std::string path = directory + "/" + name;
  const std::string temp =
      fmt::format("{}/temp.{}.{}.{}", directory, ::getpid(), own_number(), std::string_view(name).substr(0, kTempPart));
  const Fd fd(::open(temp.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode));
  if (!fd) return fail_errno(errno, fmt::format("while creating file {}", temp));
  Status ok;
  if (const int err = write_all(fd.get(), bytes); err != 0)
    ok = fail_errno(err, fmt::format("error while writing to {}", path));
  if (ok && ::fchmod(fd.get(), mode) != 0) ok = fail_errno(errno, "fchmod");
  if (ok) ok = sync_file(fd.get(), f);
  if (ok) ok = link_new(temp, path, other.empty() ? other : directory + "/" + other);
  ::unlink(temp.c_str());
  if (!ok) return std::unexpected(ok.error());
  if (number(f, "sync", 1) == 0) return path;
  if (Status synced = sync_parent(path, fd.get()); !synced) {
    if (!other.empty() && path.ends_with("/" + name)) ::unlink(path.c_str());
    return std::unexpected(synced.error());
  }
  return path;
}

Result<std::string> write_maildir(const std::string& directory, std::string_view message, const io::Fields& f) {
  MaildirJob job;
  job.directory = directory;
  job.name = text(f, "name");
  job.look_in_cur = number(f, "look_in_cur") != 0;
  job.identity = {::geteuid(), ::getegid(), {}, false};
  job.mode = static_cast<mode_t>(number(f, "mode", 0600));
  job.directory_mode = static_cast<mode_t>(number(f, "directory_mode", 0700));
  job.create_directory = text(f, "may_create") == "1";
  job.sync = number(f, "sync", 1) != 0;
  job.head = message;
  REMEX_CHECK(deliver_to_maildir(job));
  return directory + "/new/" + job.name;
}

/// The answer when the message does not fit; else one with "warn" where the owner shall be told, or an empty one.
io::Fields check_quota(const io::Fields& f, const std::string& directory, const std::string& base, std::int64_t size,
                       SizeFile* size_file) {
  const Limits limits(f);
  const std::int64_t warn = number(f, "quota_warn");
  if (limits.size <= 0 && limits.files <= 0 && warn <= 0 && size_file == nullptr) return {};
  QuotaState used{number(f, "mailbox_size", -1), number(f, "mailbox_filecount", -1)};
  if (used.size < 0 || (limits.files > 0 && used.count < 0)) {
    if (size_file != nullptr && ::access(base.c_str(), F_OK) == 0) {
      (void)::mkdir((base + "/tmp").c_str(), static_cast<mode_t>(number(f, "directory_mode", 0700)));
      used = size_file->used(size);
    } else {
      Counter counter(nullptr, pattern(f, "quota_size_regex"));
      counter.add(base, true);
      used = counter.sum();
    }
  }
  const bool fits = limits.size_fits(used, size);
  if (!fits || !limits.count_fits(used))
    return failure(Error{ErrorKind::defer,
                         fmt::format("mailbox is full (MTA-imposed {}quota exceeded while writing to {})",
                                     fits ? "filecount " : "", temporary_name(f, directory)),
                         0},
                   quota_word(directory));
  if (warn > 0 && used.size < warn && used.size + size >= warn) return {{"warn", "1"}};
  return {};
}

}  // namespace

std::optional<MaildirSize> parse_maildirsize(std::string_view s) {
  MaildirSize m;
  const auto nl = s.find('\n');
  if (nl == std::string_view::npos) return std::nullopt;
  for (std::string_view item : split(s.substr(0, nl), ',')) {
    item = trim(item);
    if (item.empty()) continue;
    const auto n = parse_uint(item.substr(0, item.size() - 1));
    if (!n || *n > INT64_MAX / 2) return std::nullopt;
    if (item.back() == 'S')
      m.quota_size = static_cast<std::int64_t>(*n);
    else if (item.back() == 'C')
      m.quota_count = static_cast<std::int64_t>(*n);
    else
      return std::nullopt;
  }
  s.remove_prefix(nl + 1);
  for (std::string_view line : split(s, '\n')) {
    line = trim(line);
    if (line.empty()) continue;
    const auto blank = line.find_first_of(" \t");
    if (blank == std::string_view::npos) return std::nullopt;
    const auto size = parse_int(line.substr(0, blank)), count = parse_int(trim(line.substr(blank)));
    constexpr std::int64_t kMost = INT64_MAX / 1000000;  // lines are few: their sum cannot overflow
    if (!size || !count || *size > kMost || *size < -kMost || *count > kMost || *count < -kMost) return std::nullopt;
    m.used.size += *size;
    m.used.count += *count;
    if (++m.lines > 10000) return std::nullopt;
  }
  if (m.used.size < 0 || m.used.count < 0) return std::nullopt;
  return m;
}

io::Fields deliver_to_directory(const io::Fields& f, std::string_view message) {
  const std::string directory = text(f, "path"), op = text(f, "op");
  const auto size = static_cast<std::int64_t>(message.size());
  if (text(f, "may_create") == "1" && ::access(directory.c_str(), F_OK) != 0)
    if (Status made = make_directories(directory, static_cast<mode_t>(number(f, "directory_mode", 0700))); !made)
      return failure(made.error());
  if (op == "maildir") {
    // Sub-directories are made by the delivery, and maildirsize needs tmp.
    if (matches(pattern(f, "folder_regex"), directory)) {
      const Fd mark(::open((directory + "/maildirfolder").c_str(), O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC,
                           static_cast<mode_t>(number(f, "mode", 0600))));
    }
  }
  const std::string base = quota_base(f, directory);
  SizeFile size_file(base, f);
  const bool counted = counts(f, base, directory);
  const bool use_size_file = op == "maildir" && number(f, "use_size_file") != 0 && counted;
  io::Fields answer;
  if (counted) answer = check_quota(f, directory, base, size, use_size_file ? &size_file : nullptr);
  if (answer.contains("error")) return answer;
  Result<std::string> path;
  if (op == "maildir") {
    path = write_maildir(directory, message, f);
  } else if (op == "plain") {
    path = write_new(directory, text(f, "name"), text(f, "other_name"), message, f);
  } else {
    // mailstore: the message first; the envelope file says that it is complete
    const bool before = ::access((directory + "/" + text(f, "name") + ".msg").c_str(), F_OK) == 0;
    path = write_new(directory, text(f, "name") + ".msg", "", message, f);
    if (path) {
      const std::string without_envelope = *path;
      path = write_new(directory, text(f, "name") + ".env", "", text(f, "envelope"), f);
      // An earlier attempt's has its envelope, perhaps, and this one's may be there without being durable.
      const bool complete = ::access((directory + "/" + text(f, "name") + ".env").c_str(), F_OK) == 0;
      if (!path && !before && !complete) ::unlink(without_envelope.c_str());
    }
  }
  if (!path) {
    const int err = path.error().sys_errno;
    Error e = path.error();
    if (err == EDQUOT) e.text = "mailbox is full (system quota): " + e.text;
    return failure(e, err == EDQUOT ? quota_word(directory) : "");
  }
  if (use_size_file) size_file.add(size);
  answer["file"] = *path;
  return answer;
}

}  // namespace remex::transports
