// See disk_room.h; the manual, "check_spool_space".
#include "lang/disk_room.h"

#include <sys/statvfs.h>

#include <fmt/format.h>

#include <algorithm>

#include "lang/main_options.h"

namespace remex::lang {

namespace {

DiskRoom room_at(const std::string& directory) {
  struct statvfs fs{};
  if (directory.empty() || ::statvfs(directory.c_str(), &fs) != 0) return {};
  return {.kib = static_cast<std::int64_t>(fs.f_bavail * (fs.f_frsize / 512) / 2),
          .inodes = fs.f_files == 0 ? -1 : static_cast<std::int64_t>(fs.f_favail)};
}

/// Where the main log is: the first file of log_file_path up to its last slash; empty: only syslog.
std::string log_directory(const MainOptions& o) {
  for (const std::string& item : o.log_file_path) {
    if (item.starts_with('/')) return item.substr(0, std::max<std::size_t>(item.rfind('/'), 1));
    if (item.empty()) return o.spool_directory + "/log";
  }
  return o.log_file_path.empty() ? o.spool_directory + "/log" : std::string();
}

Status check_one(const char* where, const DiskRoom& have, std::int64_t least_octets, std::int64_t least_inodes,
                 std::int64_t octets) {
  const std::int64_t wanted = (least_octets + 1023) / 1024 + octets / 1024;
  const bool enough = (wanted <= 0 || have.kib < 0 || have.kib >= wanted) &&
                      (least_inodes <= 0 || have.inodes < 0 || have.inodes >= least_inodes);
  if (enough) return {};
  return defer(fmt::format("{} directory space check failed: space={} inodes={}", where, have.kib, have.inodes));
}

}  // namespace

DiskRoom spool_room(const MainOptions& options) { return room_at(options.spool_directory); }
DiskRoom log_room(const MainOptions& options) { return room_at(log_directory(options)); }

Status check_room(const MainOptions& o, const DiskRoom& spool, const DiskRoom& log, std::int64_t octets) {
  REMEX_CHECK(check_one("spool", spool, o.check_spool_space, o.check_spool_inodes, octets));
  return check_one("log", log, o.check_log_space, o.check_log_inodes, 0);
}

}  // namespace remex::lang
