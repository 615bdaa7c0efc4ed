// See debug_file.h. Small blocking writes: it is for looking at few sessions for a while.

#include "core/smtp/debug_file.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <unistd.h>

#include <cstring>
#include <ctime>

#include "core/base/clock.h"
#include "core/base/strings.h"

namespace remex::smtp {

namespace {

/// The main log's pattern with "debug" in the place of its name.
std::string debug_path(const lang::Config& config, const std::string& tag) {
  std::string pattern;
  for (const std::string& item : config.main.log_file_path)
    if (pattern.empty() && item.starts_with('/')) pattern = item;
  if (pattern.empty()) pattern = config.main.spool_directory + "/log/%slog";
  const std::time_t now = static_cast<std::time_t>(wall_seconds());
  std::tm tm{};
  ::localtime_r(&now, &tm);
  const std::string month = fmt::format("{:04}{:02}", tm.tm_year + 1900, tm.tm_mon + 1);
  pattern = replace_all(pattern, "%s", "debug");
  pattern = replace_all(pattern, "%D", fmt::format("{}{:02}", month, tm.tm_mday));
  return replace_all(pattern, "%M", month) + tag;
}

}  // namespace

DebugFile::~DebugFile() {
  if (fd_ >= 0) ::close(fd_);
}

void DebugFile::follow(const acl::Effects::DebugLog& wanted, const lang::Config& config, log::Log& log) {
  if (!wanted.on) {
    if (fd_ >= 0) ::close(fd_);
    fd_ = -1;
    kept_.clear();
    if (wanted.kill && !path_.empty()) (void)::unlink(path_.c_str());
    path_.clear();
    return;
  }
  if (wanted.triggered && !kept_.empty()) trigger();
  const std::string path = debug_path(config, wanted.tag);
  if (path == path_) return;
  if (fd_ >= 0) ::close(fd_);
  path_ = path;
  fd_ = ::open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640);
  if (fd_ < 0)
    log.write(log::kMain | log::kPanic, "", fmt::format("cannot open debug log {}: {}", path, std::strerror(errno)));
}

void DebugFile::put(std::string_view text) {
  if (fd_ < 0) return;
  (void)!::write(fd_, text.data(), text.size());
}

void DebugFile::write(const acl::Effects::DebugLog& wanted, std::string_view line) {
  const std::string text = fmt::format("{} {}\n", wall_seconds(), printable(line));
  if (wanted.triggered) {
    put(text);
    return;
  }
  kept_ += text;
  if (kept_.size() > wanted.pretrigger) {
    const std::size_t cut = kept_.find('\n', kept_.size() - wanted.pretrigger);
    kept_.erase(0, cut == std::string::npos ? kept_.size() : cut + 1);
  }
}

void DebugFile::trigger() {
  put(kept_);
  kept_.clear();
}

}  // namespace remex::smtp
