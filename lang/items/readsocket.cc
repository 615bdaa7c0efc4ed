// ${readsocket{name}{request}{options}{eol}{fail string}}: one exchange with a UNIX or TCP socket.
//
// Waits park the fiber, at most the given time (5 s) for the whole exchange. The answer is tainted and bounded. A
// connection that cannot be made or that fails gives the fifth string, and without one the expansion fails.
#include <fmt/format.h>
#include <netdb.h>

#include <cstring>

#include "core/base/clock.h"
#include "core/base/strings.h"
#include "core/io/fiber.h"
#include "core/io/stream.h"
#include "core/io/tls.h"
#include "core/mail/address.h"
#include "lang/list.h"
#include "lang/node.h"
#include "lang/scope.h"

namespace remex::lang {
namespace {

struct SocketOptions {
  std::int64_t timeout = 5;
  bool shutdown = true, tls = false;
};

Result<SocketOptions> read_options(std::string_view text) {
  SocketOptions o;
  const auto words = split_list(text);
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::string& w = words[i];
    bool on = false;
    const std::size_t equals = w.find('=');
    if (i == 0) {
      if (!w.empty() && (!parse_interval(w, o.timeout) || o.timeout <= 0)) {
        return fail(fmt::format("bad time value {}", printable(w)));
      }
      continue;
    }
    const std::string_view value =
        equals == std::string::npos ? std::string_view{} : std::string_view(w).substr(equals + 1);
    on = value == "yes" || value == "true";
    if (w.starts_with("shutdown="))
      o.shutdown = on;
    else if (w.starts_with("tls="))
      o.tls = on;
    else if (!w.starts_with("cache="))
      return fail(fmt::format("unknown option \"{}\" in readsocket", printable(w)));
  }
  return o;
}

std::string reason(const Error& e) { return e.sys_errno != 0 ? std::string(std::strerror(e.sys_errno)) : e.text; }

Result<std::unique_ptr<io::Stream>> connect_inet(Scope& scope, std::string_view where, std::string& host) {
  const std::size_t colon = where.rfind(':');
  if (colon == std::string_view::npos) return fail(fmt::format("missing port for readsocket {}", where));
  host = trim(where.substr(0, colon));
  if (host.size() > 1 && host.front() == '[' && host.back() == ']') host = host.substr(1, host.size() - 2);
  const std::string service(trim(where.substr(colon + 1)));
  std::uint16_t port = 0;
  if (const auto n = parse_uint(service); n && *n > 0 && *n < 65536) {
    port = static_cast<std::uint16_t>(*n);
  } else {
    servent entry{}, *found = nullptr;
    char buffer[1024];
    if (getservbyname_r(service.c_str(), "tcp", &entry, buffer, sizeof buffer, &found) != 0 || found == nullptr) {
      return fail(fmt::format("unknown port \"{}\"", service));
    }
    port = static_cast<std::uint16_t>(__builtin_bswap16(static_cast<std::uint16_t>(entry.s_port)));
  }
  std::vector<std::string> ips{host};
  if (!mail::is_ip_address(host)) {
    if (scope.services == nullptr) return fail("no resolver here");
    auto answer = dns::lookup_host(scope.services->resolver(), host, true, true, true);
    if (answer.ips.empty()) return fail(fmt::format("no IP address found for host {}", host));
    ips = std::move(answer.ips);
  }
  std::string last;
  for (const std::string& ip : ips) {
    auto socket = io::connect_tcp(io::Endpoint{ip, port});
    if (socket) return std::unique_ptr<io::Stream>(std::move(*socket));
    last = reason(socket.error());
    if (socket.error().kind == ErrorKind::cancelled) return std::unexpected(std::move(socket).error());
  }
  return fail(fmt::format("failed to connect to any address for {}: {}", host, last));
}

Result<std::string> exchange(Scope& scope, std::string_view name, std::string_view request, const SocketOptions& o) {
  const io::DeadlineScope deadline(Millis(o.timeout * 1000));
  std::unique_ptr<io::Stream> stream;
  std::string host;
  if (name.starts_with("inet:")) {
    REMEX_TRY(stream, connect_inet(scope, name.substr(5), host));
  } else {
    auto socket = io::connect_unix(std::string(name));
    if (!socket) return fail(fmt::format("failed to connect to socket {}: {}", name, reason(socket.error())));
    stream = std::move(*socket);
  }
  if (o.tls) {
    REMEX_TRY(const auto context, io::TlsClientContext::create({}));
    REMEX_TRY(stream, context->connect(std::move(stream), mail::is_ip_address(host) ? std::string{} : host, host));
  }
  if (!request.empty()) {
    if (auto sent = stream->write_all(request); !sent) {
      return fail(fmt::format("request write to socket failed: {}", reason(sent.error())));
    }
  }
  if (o.shutdown && !o.tls) ::shutdown(stream->fd(), SHUT_WR);
  std::string answer;
  std::string buffer(16384, '\0');
  for (;;) {
    auto n = stream->read_some(buffer);
    if (!n && n.error().kind == ErrorKind::closed) break;
    if (!n) return fail(n.error().kind == ErrorKind::timed_out ? std::string("socket read timed out") : n.error().text);
    if (*n == 0) break;
    if (answer.size() + *n > kMaxExpanded) return fail("expansion result is too long");
    answer.append(buffer, 0, *n);
  }
  return answer;
}

Status eval_readsocket(const Node& node, Scope& scope, Text& out) {
  REMEX_TRY(const Text name, eval_arg(node, 0, scope));
  REMEX_TRY(const Text request, eval_arg(node, 1, scope));
  REMEX_TRY(const Text option_text, eval_arg(node, 2, scope));
  REMEX_TRY(const Text eol, eval_arg(node, 3, scope));
  REMEX_CHECK(refuse_tainted(name, "socket name"));
  REMEX_TRY(const SocketOptions options, read_options(option_text.view()));
  if (!io::in_fiber()) return fail("sockets cannot be used here");
  auto answer = exchange(scope, name.view(), request.view(), options);
  if (!answer) {
    if (node.children.size() < 5) return std::unexpected(std::move(answer).error());
    return eval_into(*node.children[4], scope, out);
  }
  if (!eol.empty()) answer = replace_all(*answer, "\n", eol.view());
  return append_limited(out, Text(std::move(*answer), Taint::tainted));
}

constexpr Example kExamples[] = {{"${readsocket{/x}}", "", "Not enough arguments for 'readsocket' (min is 2)"}};

constexpr Example kReadsocketExamples[] = {
    {"${readsocket{/x}}", "", "Not enough arguments for 'readsocket' (min is 2)"},
    {"${readsocket{a}{b}{c}{d}{e}{f}}", "", "Too many arguments for 'readsocket' (max is 5)"}};
constexpr ItemDef defs[] = {
    {.name = "readsocket",
     .arguments = "{name}{request}{options}{eol}{fail string}",
     .summary = "Exchange with a socket",
     .doc = "A path, or inet:host:port. Options: timeout (5s), then shutdown=, tls=, cache= with yes or no. Refuses "
            "tainted "
            "names; the answer is tainted. The certificate of a TLS peer is not checked.",
     .taint = TaintRule::taints,
     .cost = Cost::waits,
     .examples = kReadsocketExamples,
     .eval = eval_readsocket,
     .min_args = 2,
     .max_args = 5},
};

}  // namespace
}  // namespace remex::lang

namespace remex::registry::items {
extern const std::span<const ItemDef> readsocket;
constinit const std::span<const ItemDef> readsocket{lang::defs};
}  // namespace remex::registry::items
