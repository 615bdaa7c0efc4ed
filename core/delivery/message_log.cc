// See message_log.h.
#include "core/delivery/message_log.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "core/base/clock.h"
#include "core/base/strings.h"

namespace remex::delivery {

std::string received_line(const mail::Envelope& e) {
  const auto& from = e.from;
  return fmt::format("{} Received from {}{}{}{} S={}", log_timestamp(e.received),
                     e.sender.empty() ? "<>" : printable(e.sender),
                     from.host_address.empty() ? " U=" + printable(e.login) : fmt::format(" H=[{}]", from.host_address),
                     from.protocol.empty() ? "" : " P=" + printable(from.protocol),
                     from.authenticator.empty() ? "" : " A=" + printable(from.authenticator), e.size);
}

namespace {

Status append_to(const std::string& directory, const std::string& name, std::string_view text) {
  if (::mkdir(directory.c_str(), 0750) != 0 && errno != EEXIST)
    return fail_errno(errno, fmt::format("create {}", directory));
  const std::string path = directory + "/" + name;
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0640);
  if (fd < 0) return fail_errno(errno, fmt::format("open {}", path));
  Status st;
  while (!text.empty()) {
    const ssize_t n = ::write(fd, text.data(), text.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) {
      st = fail_errno(errno, fmt::format("write {}", path));
      break;
    }
    text.remove_prefix(static_cast<std::size_t>(n));
  }
  ::close(fd);
  return st;
}

}  // namespace

void keep_message_log(Engine& eng, const mail::Envelope& e) {
  const auto& main = eng.config->main;
  if (!main.preserve_message_logs || !main.message_logs || eng.store == nullptr) return;
  const auto text = eng.store->read_message_log(e.id);
  const Status st =
      text ? append_to(main.spool_directory + "/msglog.OLD", e.id, fmt::format("{}\n{}", received_line(e), *text))
           : Status(std::unexpected(text.error()));
  if (!st) eng.log->write(log::kMain | log::kPanic, e.id, fmt::format("preserve_message_logs: {}", st.error().text));
}

}  // namespace remex::delivery
