// Repair of a damaged spool database; see repair.h.
#include "core/store/repair.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <set>
#include <string_view>
#include <thread>
#include <utility>

#include "core/base/clock.h"
#include "core/base/fd.h"
#include "core/base/ids.h"
#include "core/store/codec.h"
#include "core/store/salvage.h"
#include "core/store/sqlite_store.h"

namespace remex::store {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kPage = 4096;
/// A body file that cannot be there: a message whose body was lost must not load as one with an empty body.
constexpr std::string_view kLostBody = "lost";

std::unexpected<Error> defer(int err, const std::string& what) {
  Error e = fail_errno(err, what).error();
  e.kind = ErrorKind::defer;
  return std::unexpected(std::move(e));
}

Status sync_path(const std::string& path, int flags) {
  const Fd fd(::open(path.c_str(), flags | O_CLOEXEC));
  if (!fd) return defer(errno, "open " + path);
  if (::fsync(fd.get()) != 0) return defer(errno, "sync " + path);
  return {};
}

Status rename_path(const std::string& from, const std::string& to) {
  if (::rename(from.c_str(), to.c_str()) != 0) return defer(errno, fmt::format("rename {} to {}", from, to));
  return {};
}

/// Locks out everybody else, as SQLite's own exclusive lock would; held by the descriptor. Every connection to a
/// database with a write-ahead log holds a shared lock there.
Result<Fd> exclude_others(const std::string& database) {
  Fd fd(::open(database.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW));
  if (!fd) return defer(errno, "open " + database);
  struct flock l{};
  l.l_type = F_WRLCK;
  l.l_whence = SEEK_SET;
  l.l_start = 0x40000000;  // SQLite's pending byte, reserved byte and range of shared locks (file format, "locking")
  l.l_len = 512;
  struct flock asked = l;
  if (::fcntl(fd.get(), F_OFD_SETLK, &l) == 0) return fd;
  const int err = errno;
  if (err != EAGAIN && err != EACCES) return defer(err, "lock " + database);
  std::string who = "another process has";
  if (::fcntl(fd.get(), F_OFD_GETLK, &asked) == 0 && asked.l_type != F_UNLCK && asked.l_pid > 0)
    who = fmt::format("process {} has", asked.l_pid);
  return remex::fail(ErrorKind::defer, fmt::format("{} the spool open: stop remex first, then repair", who));
}

/// Whoever opened the old database by its name just before it was replaced waits for our lock on it, and would find the
/// new one's log beside it when it got in: the lock stays until they have given up (SQLite's busy time-out). A lease
/// for writing is granted when nobody else has the file open.
void outlast_latecomers(const Fd& held) {
  const Instant end = monotonic_now() + std::chrono::seconds(15);
  while (::fcntl(held.get(), F_SETLEASE, F_WRLCK) != 0 && (errno == EAGAIN || errno == EINTR) && monotonic_now() < end)
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  (void)::fcntl(held.get(), F_SETLEASE, F_UNLCK);
}

class Repair {
 public:
  explicit Repair(std::string spool)
      : spool_(std::move(spool)),
        folder_(spool_ + "/db"),
        path_(folder_ + "/spool.sqlite"),
        fresh_path_(folder_ + "/spool.sqlite.new") {}

  Result<RepairReport> run();
  /// After an error: the copies go and body files are where they were. A full disk would be fuller with every try.
  void clear_away();

 private:
  Status keep_original();
  Status open_old();
  /// Page 1 is the same in all spools of this version, but for counters: a fresh one lets the others be read.
  Status lend_first_page();
  Result<bool> readable(const char* sql);
  Status copy_messages();
  Status copy_message(const std::string& id);
  Result<bool> copy_content(std::int64_t key);
  Status copy_rows(const char* const (&read)[2], const char* write, std::size_t* count);
  Status export_contents();
  Status export_content(std::int64_t key);
  Status rescue_body_files();
  Status lost_and_found();
  Status swap();

  std::string spool_, folder_, path_, fresh_path_, found_folder_;
  std::unique_ptr<Database> old_, fresh_;
  std::set<std::int64_t> used_;                             ///< contents of the messages kept
  std::set<std::string> bodies_;                            ///< body files they name
  std::vector<std::pair<std::string, std::string>> moved_;  ///< body files: where they were, and are
  RepairReport report_;
};

Status Repair::keep_original() {
  report_.original = fmt::format("{}/damaged-{}-{}", folder_, wall_seconds(), ::getpid());
  if (::mkdir(report_.original.c_str(), 0750) != 0) return defer(errno, "create " + report_.original);
  for (const char* end : {"", "-wal"}) {
    std::error_code ec;
    fs::copy_file(path_ + end, report_.original + "/spool.sqlite" + end, ec);
    if (ec && !(*end != '\0' && ec.value() == ENOENT)) return defer(ec.value(), "copy " + path_ + end);
    if (!ec) REMEX_CHECK(sync_path(report_.original + "/spool.sqlite" + end, O_RDONLY));
  }
  return sync_path(report_.original, O_RDONLY | O_DIRECTORY);
}

Result<bool> Repair::readable(const char* sql) {
  auto q = old_->query(sql);
  if (!q) return false;
  const int rc = q->step();
  return rc == SQLITE_ROW || rc == SQLITE_DONE;
}

Status Repair::open_old() {
  const std::string copy = report_.original + "/spool.sqlite";
  for (const bool lent : {false, true}) {
    if (lent) REMEX_CHECK(lend_first_page());
    REMEX_TRY(old_, Database::open(copy, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOFOLLOW, 0));
    REMEX_TRY(const bool schema, readable("SELECT count(*) FROM sqlite_master"));
    if (schema) return {};
    old_.reset();
  }
  return remex::fail(
      fmt::format("{} cannot be read at all; restore the spool from a backup, or try sqlite3's .recover", copy));
}

Status Repair::lend_first_page() {
  std::array<char, kPage> page{};
  std::ifstream(fresh_path_, std::ios::binary).read(page.data(), kPage);
  const std::string copy = report_.original + "/spool.sqlite";
  const Fd fd(::open(copy.c_str(), O_RDWR | O_CLOEXEC));
  struct stat st{};
  if (!fd || ::fstat(fd.get(), &st) != 0) return defer(errno, "open " + copy);
  const auto pages = static_cast<std::uint32_t>(static_cast<std::size_t>(st.st_size) / kPage);
  for (const std::size_t i : {0U, 1U, 2U, 3U}) page[28 + i] = static_cast<char>((pages >> (24 - 8 * i)) & 0xffU);
  std::fill(page.begin() + 32, page.begin() + 40, '\0');  // no free pages
  if (::pwrite(fd.get(), page.data(), kPage, 0) != static_cast<ssize_t>(kPage)) return defer(errno, "write " + copy);
  return {};
}

/// True: headers and body are whole. What can be read is copied in any case.
Result<bool> Repair::copy_content(std::int64_t key) {
  std::string headers, body, file;
  std::int64_t size = 0;
  bool whole = false, has_body = false;
  if (auto q = old_->query("SELECT body_file, body_size, headers FROM content WHERE key = ?");
      q && q->integer(key).step() == SQLITE_ROW) {
    file = q->column(0), size = q->column_int(1), headers = q->column(2);
    mail::HeaderList parsed;
    whole = decode_headers(headers, parsed).has_value();
  }
  if (file.empty()) {
    auto q = old_->query("SELECT body FROM content WHERE key = ?");
    has_body = q && q->integer(key).step() == SQLITE_ROW && !q->column_null(0);
    if (has_body) body = q->column(0);
    has_body = has_body && static_cast<std::int64_t>(body.size()) == size;
    whole = whole && has_body;
  } else {
    bodies_.insert(file);
  }
  const std::string named = !file.empty() || has_body ? file : std::string(kLostBody);
  auto q = fresh_->query("INSERT INTO content (key, body_file, body_size, headers, body) VALUES (?, ?, ?, ?, ?)");
  if (!q) return std::unexpected(q.error());
  q->integer(key);
  named.empty() ? q->null() : q->text(named);
  q->integer(size).blob(headers);
  has_body ? q->blob(body) : q->null();
  if (const int rc = q->step(); rc != SQLITE_DONE) return fresh_->fail("writing the new database", rc);
  used_.insert(key);
  return whole;
}

Status Repair::copy_message(const std::string& id) {
  std::string sender, queue, envelope;
  std::array<std::int64_t, 4> numbers{};
  std::int64_t frozen = 0;
  {
    auto q = old_->query(
        "SELECT sender, queue, envelope, size, received, next_attempt, content, frozen FROM messages WHERE id = ?");
    const int rc = q ? q->text(id).step() : SQLITE_ERROR;
    if (rc == SQLITE_DONE) return {};  // an index that is older than the table
    if (rc != SQLITE_ROW) {
      report_.lost.push_back(id);
      return {};
    }
    sender = q->column(0), queue = q->column(1), envelope = q->column(2);
    for (std::size_t i = 0; i < numbers.size(); ++i) numbers[i] = q->column_int(static_cast<int>(3 + i));
    frozen = q->column_int(7);
  }
  mail::Envelope decoded;
  bool whole = decode_envelope(envelope, decoded).has_value();
  if (!used_.contains(numbers[3])) {
    REMEX_TRY(const bool content, copy_content(numbers[3]));
    whole = whole && content;
  } else {
    whole = false;  // two messages with one content: one of the rows is not what it was
  }
  auto q = fresh_->query(
      "INSERT INTO messages (id, sender, size, received, frozen, next_attempt, queue, content, envelope) VALUES (?, ?, "
      "?, ?, ?, ?, ?, ?, ?)");
  if (!q) return std::unexpected(q.error());
  q->text(id)
      .text(sender)
      .integer(numbers[0])
      .integer(numbers[1])
      .integer(whole ? frozen : kDamaged)
      .integer(numbers[2]);
  const int rc = q->text(queue).integer(numbers[3]).blob(envelope).step();
  if (rc != SQLITE_DONE) return fresh_->fail("writing the new database", rc);
  if (whole)
    ++report_.kept;
  else
    report_.damaged.push_back(id);
  return {};
}

Status Repair::copy_messages() {
  for (const std::string& id : salvage_ids_of_copy(old_)) REMEX_CHECK(copy_message(id));
  return {};
}

/// Rows of a table that may be lost: from both ends up to the first damaged page.
Status Repair::copy_rows(const char* const (&read)[2], const char* write, std::size_t* count) {
  for (const char* sql : read) {
    auto q = old_->query(sql);
    if (!q) continue;
    int rc = 0;
    while ((rc = q->step()) == SQLITE_ROW) {
      auto w = fresh_->query(write);
      if (!w) return std::unexpected(w.error());
      std::array<std::string, 8> kept{};
      const int columns = q->columns();
      for (int i = 0; i < columns; ++i) {
        auto& text = kept[static_cast<std::size_t>(i)];
        const int type = q->column_type(i);
        if (type == SQLITE_INTEGER) {
          w->integer(q->column_int(i));
        } else {
          text = q->column(i);
          type == SQLITE_BLOB ? w->blob(text) : w->text(text);
        }
      }
      if (const int done = w->step(); done != SQLITE_DONE) return fresh_->fail("writing the new database", done);
      if (count != nullptr) *count += static_cast<std::size_t>(sqlite3_changes(fresh_->raw()));
    }
    if (rc == SQLITE_DONE) break;  // all of it
  }
  return {};
}

Status Repair::lost_and_found() {
  if (!found_folder_.empty()) return {};
  found_folder_ = spool_ + "/lost+found";
  if (::mkdir(found_folder_.c_str(), 0750) != 0 && errno != EEXIST) return defer(errno, "create " + found_folder_);
  return {};
}

/// The id that our own Received: header gives.
std::string id_in(const mail::HeaderList& headers) {
  for (const auto& h : headers.all())
    for (std::size_t at = h.text.find("id "); at != std::string::npos; at = h.text.find("id ", at + 1)) {
      const std::string id = h.text.substr(at + 3, h.text.find_first_of(" ;\n\t", at + 3) - at - 3);
      if (is_message_id(id)) return id;
    }
  return {};
}

Status Repair::export_content(std::int64_t key) {
  auto q = old_->query("SELECT headers, body_file FROM content WHERE key = ?");
  mail::HeaderList headers;
  if (!q || q->integer(key).step() != SQLITE_ROW || !decode_headers(q->column(0), headers)) return {};
  const std::string file(q->column(1)), id = id_in(headers);
  std::string text = headers.raw() + "\n";
  if (auto b = old_->query("SELECT body FROM content WHERE key = ?");
      file.empty() && b && b->integer(key).step() == SQLITE_ROW)
    text += b->column(0);
  REMEX_CHECK(lost_and_found());
  const std::string path = fmt::format("{}/{}.eml", found_folder_, id.empty() ? fmt::format("content-{}", key) : id);
  const Fd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0640));
  if (!fd) return defer(errno, "create " + path);
  if (!file.empty()) {
    std::ifstream in(spool_ + "/bodies/" + file, std::ios::binary);
    text.append(std::istreambuf_iterator<char>(in), {});
    bodies_.insert(file);  // it is in the new file
  }
  for (std::string_view rest = text; !rest.empty();) {
    const ssize_t n = ::write(fd.get(), rest.data(), rest.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return defer(errno, "write " + path);
    rest.remove_prefix(static_cast<std::size_t>(n));
  }
  if (::fsync(fd.get()) != 0) return defer(errno, "sync " + path);
  report_.found.push_back(path);
  return {};
}

Status Repair::export_contents() {
  for (const std::int64_t key : salvage_content_keys(*old_))
    if (!used_.contains(key)) REMEX_CHECK(export_content(key));
  return {};
}

/// A body file that no row names would be deleted as a leftover, or written over: it is elsewhere before there is a
/// database that does not name it. A repair that was broken off may have moved it already.
Status Repair::rescue_body_files() {
  for (const std::string& name : salvage_body_files(*old_)) {
    if (bodies_.contains(name) || name.empty() || name.find('/') != std::string::npos) continue;
    const std::string path = spool_ + "/bodies/" + name, found = spool_ + "/lost+found/" + name;
    if (::access(path.c_str(), F_OK) == 0) {
      REMEX_CHECK(lost_and_found());
      REMEX_CHECK(rename_path(path, found));
      moved_.emplace_back(path, found);
    } else if (::access(found.c_str(), F_OK) != 0) {
      continue;
    }
    report_.found.push_back(found);
  }
  if (found_folder_.empty()) return {};
  REMEX_CHECK(sync_path(found_folder_, O_RDONLY | O_DIRECTORY));
  return sync_path(spool_, O_RDONLY | O_DIRECTORY);
}

Status Repair::swap() {
  for (const char* end : {"-wal", "-shm"})
    if (::unlink((path_ + end).c_str()) != 0 && errno != ENOENT) return defer(errno, "remove " + path_ + end);
  REMEX_CHECK(sync_path(folder_, O_RDONLY | O_DIRECTORY));
  REMEX_CHECK(rename_path(repaired_database(path_), path_));
  return sync_path(folder_, O_RDONLY | O_DIRECTORY);
}

Result<RepairReport> Repair::run() {
  REMEX_TRY(const Fd held, exclude_others(path_));
  if (::access(repaired_database(path_).c_str(), F_OK) == 0) {
    REMEX_CHECK(swap());
    outlast_latecomers(held);
    report_.finished = true;
    return std::move(report_);
  }
  REMEX_CHECK(keep_original());
  for (const char* end : {"", "-wal", "-shm"})
    ::unlink((fresh_path_ + end).c_str());  // of a repair that was broken off
  if (const Fd fd(::open(fresh_path_.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0640)); !fd)
    return defer(errno, "create " + fresh_path_);
  REMEX_TRY(fresh_, Database::open(fresh_path_, SQLITE_OPEN_READWRITE, 0));
  REMEX_CHECK(prepare_schema(*fresh_));
  if (int rc = fresh_->exec("PRAGMA wal_checkpoint(TRUNCATE)"); rc != SQLITE_OK)
    return fresh_->fail("making a new database", rc);
  REMEX_CHECK(open_old());
  if (const int rc = fresh_->exec("BEGIN IMMEDIATE"); rc != SQLITE_OK) return fresh_->fail("making a new database", rc);
  REMEX_CHECK(copy_messages());
  REMEX_CHECK(copy_rows(
      {"SELECT id, text FROM message_log ORDER BY id", "SELECT id, text FROM message_log ORDER BY id DESC"},
      "INSERT OR IGNORE INTO message_log SELECT ?1, ?2 WHERE EXISTS (SELECT 1 FROM messages WHERE id = ?1)", nullptr));
  REMEX_CHECK(copy_rows(
      {"SELECT key, error, error_text, first_failed, last_try, next_try, expired, told FROM retry ORDER BY key",
       "SELECT key, error, error_text, first_failed, last_try, next_try, expired, told FROM retry ORDER BY key DESC"},
      "INSERT OR IGNORE INTO retry VALUES (?, ?, ?, ?, ?, ?, ?, ?)", &report_.retry));
  REMEX_CHECK(copy_rows({"SELECT tab, key, value, at FROM hints ORDER BY tab, key",
                         "SELECT tab, key, value, at FROM hints ORDER BY tab DESC, key DESC"},
                        "INSERT OR IGNORE INTO hints VALUES (?, ?, ?, ?)", &report_.hints));
  for (const char* sql : {"COMMIT", "PRAGMA wal_checkpoint(TRUNCATE)"})
    if (const int rc = fresh_->exec(sql); rc != SQLITE_OK) return fresh_->fail("writing the new database", rc);
  fresh_.reset();  // the last connection: its log goes
  REMEX_CHECK(export_contents());
  REMEX_CHECK(sync_path(fresh_path_, O_RDWR));
  REMEX_CHECK(rescue_body_files());
  REMEX_CHECK(rename_path(fresh_path_, repaired_database(path_)));
  // From here on an error does not take back what was found out: whoever calls again only ends the repair.
  Status placed = sync_path(folder_, O_RDONLY | O_DIRECTORY);
  if (placed) placed = swap();
  if (!placed) report_.not_in_place = placed.error().text;
  outlast_latecomers(held);
  return std::move(report_);
}

void Repair::clear_away() {
  if (report_.original.empty() || ::access(repaired_database(path_).c_str(), F_OK) == 0) return;
  old_.reset(), fresh_.reset();
  for (const auto& [was, is] : moved_) (void)::rename(is.c_str(), was.c_str());
  std::error_code ec;  // what cannot be removed is in nobody's way
  fs::remove_all(report_.original, ec);
  for (const char* end : {"", "-wal", "-shm"}) ::unlink((fresh_path_ + end).c_str());
}

}  // namespace

std::string repaired_database(const std::string& database) { return database + ".repaired"; }

Result<RepairReport> repair_spool(const std::string& spool_directory) {
  Repair repair(spool_directory);
  auto report = repair.run();
  if (!report) repair.clear_away();
  return report;
}

}  // namespace remex::store
