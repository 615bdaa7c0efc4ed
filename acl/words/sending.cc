// queue = NAME: the message is kept in a named queue. udpsend = HOST : PORT : TEXT: one UDP packet, for statistics.

#include <fmt/core.h>
#include <netdb.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstring>

#include "acl/word.h"
#include "core/base/strings.h"
#include "core/mail/address.h"

namespace remex::acl {
namespace {

constexpr std::size_t kMaxQueueName = 100;
constexpr std::size_t kMaxPacket = 8192;

Answer error(std::string text) {
  Answer a;
  a.truth = Truth::error;
  a.log_message = std::move(text);
  return a;
}

Answer run_queue(Run& run, const Item& it) {
  auto v = run.value_of(it);
  if (!v) return v.error().kind == ErrorKind::forced_fail ? answer(true) : trouble(v.error(), "failed to expand queue");
  const std::string name(trim(v->view()));
  if (v->is_tainted() && !name.empty()) return error(fmt::format("tainted queue name '{}'", printable(name)));
  if (name.find('/') != std::string::npos)
    return error(fmt::format("Directory separator not permitted in queue name: '{}'", printable(name)));
  if (name.size() > kMaxQueueName || printable(name) != name || name.find(' ') != std::string::npos)
    return error(fmt::format("bad queue name: '{}'", printable(name.substr(0, kMaxQueueName))));
  if (run.scope.envelope != nullptr) run.scope.envelope->queue_name = name;
  return answer(true);
}

/// "host:port:text"; everything behind the second separator is the text. An IPv6 address needs another separator.
struct Packet {
  std::string host, text;
  std::uint16_t port = 0;
};
Result<Packet> parse_packet(std::string_view list) {
  char separator = ':';
  list = trim_left(list);
  if (list.size() > 1 && list.front() == '<' && !is_alnum(list[1]) && !is_space(list[1])) {
    separator = list[1];
    list.remove_prefix(2);
  }
  Packet p;
  const std::size_t one = list.find(separator);
  if (one == std::string_view::npos || trim(list.substr(0, one)).empty())
    return fail("missing destination host in \"udpsend\" modifier");
  p.host = trim(list.substr(0, one));
  list.remove_prefix(one + 1);
  const std::size_t two = std::min(list.find(separator), list.size());
  const auto port = parse_uint(trim(list.substr(0, two)));
  if (!port || *port == 0 || *port > 65535) return fail("bad destination port in \"udpsend\" modifier");
  p.port = static_cast<std::uint16_t>(*port);
  p.text = two < list.size() ? trim_left(list.substr(two + 1)) : std::string_view();
  return p;
}

/// One attempt, never a wait: statistics are worth no delay.
Status send_packet(const std::string& ip, const Packet& p) {
  addrinfo hints{};
  hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV;
  hints.ai_socktype = SOCK_DGRAM;
  addrinfo* found = nullptr;
  if (getaddrinfo(ip.c_str(), std::to_string(p.port).c_str(), &hints, &found) != 0)
    return fail(fmt::format("\"{}\" is no address", printable(ip)));
  const int fd = ::socket(found->ai_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  const ssize_t n =
      fd < 0 ? -1 : ::sendto(fd, p.text.data(), p.text.size(), MSG_NOSIGNAL, found->ai_addr, found->ai_addrlen);
  const int why = errno;
  if (fd >= 0) ::close(fd);
  freeaddrinfo(found);
  if (n < 0) return fail_errno(why, fmt::format("sending a UDP packet to [{}]:{}", ip, p.port));
  return {};
}

Answer run_udpsend(Run& run, const Item& it) {
  auto v = run.value_of(it);
  if (!v)
    return v.error().kind == ErrorKind::forced_fail ? answer(true) : trouble(v.error(), "failed to expand udpsend");
  auto p = parse_packet(v->view());
  if (!p) return error(p.error().text);
  if (p->text.size() > kMaxPacket) return error("text too long in \"udpsend\" modifier");
  std::string ip = p->host;
  if (!mail::is_ip_address(ip)) {
    const auto found = dns::lookup_host(run.scope.services->resolver(), ip, true, true, true);
    if (found.ips.empty()) {
      run.scope.services->log(static_cast<int>(lang::LogTarget::main_log),
                              fmt::format("no IP address found for host {}", printable(ip)));
      return error("DNS lookup failed in \"udpsend\" modifier");
    }
    ip = found.ips.front();
  }
  if (auto st = send_packet(ip, *p); !st) {
    run.scope.services->log(static_cast<int>(lang::LogTarget::main_log), "udpsend: " + st.error().text);
    return error("failed to send packet in \"udpsend\" modifier");
  }
  return answer(true);
}

constexpr HookSet kBeforeData = hook_bit(Hook::connect) | hook_bit(Hook::helo) | hook_bit(Hook::mail) |
                                hook_bit(Hook::rcpt) | hook_bit(Hook::predata) | hook_bit(Hook::etrn) |
                                hook_bit(Hook::auth) | hook_bit(Hook::starttls) | hook_bit(Hook::not_smtp_start);

constexpr AclWordDef defs[] = {
    {.name = "queue",
     .kind = WordKind::modifier,
     .hooks = kBeforeData,
     .summary = "Uses a named queue",
     .run = &run_queue,
     .tier = 4,
     .examples = {{"accept  queue = bulk", "250 2.1.5 Accepted"},
                  {"accept  queue = in/bulk", "451 4.3.0 Temporary local problem - please try later"}}},
    {.name = "udpsend",
     .kind = WordKind::modifier,
     .summary = "Sends a UDP packet",
     .run = &run_udpsend,
     .tier = 4,
     .examples = {{"accept  udpsend = 127.0.0.1 : 5140 : $sender_host_address", "250 2.1.5 Accepted"},
                  {"accept  udpsend = 127.0.0.1 : stats", "451 4.3.0 Temporary local problem - please try later"}}},
};

}  // namespace
}  // namespace remex::acl

namespace remex::registry::acl_words {
extern const std::span<const acl::AclWordDef> sending;
constinit const std::span<const acl::AclWordDef> sending{acl::defs};
}  // namespace remex::registry::acl_words
