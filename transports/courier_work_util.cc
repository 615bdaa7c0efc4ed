// See courier_work.h: reading requests.
#include "transports/courier_work.h"

#include <fmt/core.h>

#include "core/base/strings.h"

namespace remex::transports {

std::int64_t number(const io::Fields& f, const std::string& name, std::int64_t fallback) {
  const auto it = f.find(name);
  if (it == f.end()) return fallback;
  return parse_int(it->second).value_or(fallback);
}

std::string text(const io::Fields& f, const std::string& name) {
  const auto it = f.find(name);
  return it == f.end() ? std::string() : it->second;
}

std::vector<std::string> texts(const io::Fields& f, const std::string& stem) {
  std::vector<std::string> out;
  for (auto it = f.find(stem + "0"); it != f.end(); it = f.find(fmt::format("{}{}", stem, out.size())))
    out.push_back(it->second);
  return out;
}

io::Fields failure(const Error& e, std::string_view retry) {
  io::Fields f{{"error", e.text.empty() ? "failed" : e.text}, {"errno", std::to_string(e.sys_errno)}};
  if (!retry.empty()) f["retry"] = retry;
  if (e.kind == ErrorKind::failed) f["permanent"] = "";
  return f;
}

Result<std::string> read_message(int fd) {
  std::string message;
  for (;;) {
    std::string head;
    REMEX_CHECK(io::read_bytes(fd, 4, [&](std::string_view s) {
      head += s;
      return Status();
    }));
    std::uint32_t n = 0;
    for (unsigned i = 0; i < 4; ++i) n |= static_cast<std::uint32_t>(static_cast<unsigned char>(head[i])) << (8 * i);
    if (n == 0) return message;
    REMEX_CHECK(io::read_bytes(fd, n, [&](std::string_view s) {
      message += s;
      return Status();
    }));
  }
}

std::optional<io::Fields> perform_request(const io::Fields& f, int fd) {
  const std::string op = text(f, "op");
  if (op == "lmtp") {
    run_conversation(f, fd);
    return io::Fields();
  }
  if (op == "once" || op == "log" || op == "read") return once_or_log(f);
  if (op != "mbox" && op != "maildir" && op != "plain" && op != "mailstore" && op != "queuefile" && op != "command")
    return std::nullopt;
  auto message = read_message(fd);
  if (!message) return failure(message.error());
  if (op == "mbox")
    return append_to_mailbox(f, *message, [fd](const io::Fields& a) { return io::write_fields(fd, a); });
  if (op == "queuefile") return write_queue_files(f, *message);
  if (op == "command") return run_command(f, *message, fd);
  return deliver_to_directory(f, *message);
}

}  // namespace remex::transports
