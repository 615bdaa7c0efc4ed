// iplookup: sends a query to hosts over UDP or TCP; the answer is the new address, or what it is made of. No answer
// defers, or passes with `optional`; an answer that does not fit the pattern declines.
#include <arpa/inet.h>
#include <fmt/core.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "core/base/strings.h"
#include "core/io/fiber.h"
#include "core/io/stream.h"
#include "core/mail/address.h"
#include "lang/diagnostics.h"
#include "lang/regex.h"
#include "routers/internal.h"

namespace remex::routers {
namespace {

using lang::OptionType;
using lang::ref;

constexpr std::size_t kMaxAnswer = 4096;

struct IplookupOptions : lang::DriverOptions {
  std::vector<std::string> hosts;
  lang::Expansion query, reroute;
  std::string protocol = "udp", response_pattern;
  std::int64_t port = 0, timeout = 5;
  bool optional = false;
  std::shared_ptr<const lang::Regex> pattern;  ///< made by check()
};
using O = IplookupOptions;

constexpr OptionDef kOptions[] = {
    {.name = "hosts",
     .type = OptionType::string_list,
     .ref = ref<&O::hosts>,
     .summary = "hosts to ask, in order",
     .tier = 4,
     .examples = {{"192.0.2.4 : 192.0.2.5"}, {"", "", "E0609"}}},
    {.name = "optional",
     .type = OptionType::boolean,
     .ref = ref<&O::optional>,
     .default_text = "false",
     .summary = "no answer passes the address on instead of deferring it",
     .tier = 4,
     .examples = {{"true"}}},
    {.name = "port",
     .type = OptionType::integer,
     .ref = ref<&O::port>,
     .default_text = "0",
     .summary = "port of the hosts",
     .tier = 4,
     .examples = {{"4321"}, {"0", "", "E0609"}}},
    {.name = "protocol",
     .type = OptionType::string,
     .ref = ref<&O::protocol>,
     .default_text = "udp",
     .summary = "udp or tcp",
     .tier = 4,
     .examples = {{"tcp"}, {"sctp", "", "E0609"}}},
    {.name = "query",
     .type = OptionType::expanded,
     .ref = ref<&O::query>,
     .default_text = "$local_part@$domain $local_part@$domain",
     .summary = "what is sent",
     .tier = 4,
     .examples = {{"$local_part@$domain $local_part@$domain"}}},
    {.name = "reroute",
     .type = OptionType::expanded,
     .ref = ref<&O::reroute>,
     .summary = "the new address; $0 is the answer, $1 ... what the pattern matched",
     .tier = 4,
     .examples = {{"$local_part_data@$1"}}},
    {.name = "response_pattern",
     .type = OptionType::string,
     .ref = ref<&O::response_pattern>,
     .summary = "regular expression the answer must match",
     .tier = 4,
     .examples = {{"^([a-z]+)$"}, {"^([a-z+$", "", "E0609"}}},
    {.name = "timeout",
     .type = OptionType::time,
     .ref = ref<&O::timeout>,
     .default_text = "5s",
     .summary = "how long to wait for one host",
     .tier = 4,
     .examples = {{"3s"}}},
};

void check(lang::DriverInstance& r, const lang::Config& config, lang::Diagnostics& diag) {
  check_generic(r, config, diag);
  auto& o = static_cast<IplookupOptions&>(*r.options);
  const auto complain = [&](std::string_view text) {
    diag.error("bad-router", r.pos, static_cast<std::uint32_t>(r.name.size()),
               fmt::format("router \"{}\": {}", r.name, text));
  };
  if (o.port <= 0 || o.port > 65535) complain("iplookup needs the option port");
  if (o.hosts.empty()) complain("iplookup needs the option hosts");
  if (o.protocol != "udp" && o.protocol != "tcp") complain("protocol must be udp or tcp");
  if (generic(r).transport.is_set()) complain("iplookup takes no transport");
  if (o.response_pattern.empty()) return;
  auto pattern = lang::Regex::compile(o.response_pattern);
  if (!pattern) return complain("response_pattern: " + pattern.error().text);
  o.pattern = std::move(*pattern);
}

/// One datagram there, one back. Parks.
Result<std::string> ask_by_udp(const io::Endpoint& to, const std::string& query) {
  sockaddr_storage address{};
  socklen_t length = 0;
  if (to.is_v6()) {
    auto& a = reinterpret_cast<sockaddr_in6&>(address);
    a.sin6_family = AF_INET6;
    a.sin6_port = htons(to.port);
    ::inet_pton(AF_INET6, to.ip.c_str(), &a.sin6_addr);
    length = sizeof a;
  } else {
    auto& a = reinterpret_cast<sockaddr_in&>(address);
    a.sin_family = AF_INET;
    a.sin_port = htons(to.port);
    ::inet_pton(AF_INET, to.ip.c_str(), &a.sin_addr);
    length = sizeof a;
  }
  const int fd = ::socket(address.ss_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return fail_errno(errno, "socket");
  struct Closer {
    int fd;
    ~Closer() { ::close(fd); }
  } const closer{fd};
  if (::connect(fd, reinterpret_cast<const sockaddr*>(&address), length) != 0) return fail_errno(errno, "connect");
  if (::send(fd, query.data(), query.size(), 0) < 0) return fail_errno(errno, "send");
  char buf[kMaxAnswer];
  for (;;) {
    REMEX_CHECK(io::wait_fd(fd, false));
    const ssize_t n = ::recv(fd, buf, sizeof buf, 0);
    if (n >= 0) return std::string(buf, static_cast<std::size_t>(n));
    if (errno != EAGAIN && errno != EINTR) return fail_errno(errno, "receive");
  }
}

Result<std::string> ask_by_tcp(const io::Endpoint& to, const std::string& query) {
  REMEX_TRY(auto socket, io::connect_tcp(to));
  REMEX_CHECK(socket->write_all(query));
  (void)::shutdown(socket->fd(), SHUT_WR);
  std::string out;
  char buf[1024];
  while (out.size() < kMaxAnswer) {
    REMEX_TRY(const std::size_t n, socket->read_some(std::span<char>(buf)));
    if (n == 0) break;
    out.append(buf, n);
  }
  return out;
}

/// The first answer of any host; nullopt: nobody answered.
std::optional<std::string> ask(RouteContext& ctx, const lang::DriverInstance& r, const IplookupOptions& o,
                               const std::string& query) {
  for (const std::string& name : o.hosts) {
    HostItem item;
    item.name = name;
    std::vector<HostItem> found;
    if (find_addresses(ctx, r, item, {.how = LookupHow::by_name}, found).outcome != HostFind::found) continue;
    for (const HostItem& h : found) {
      const io::DeadlineScope deadline{
          std::chrono::duration_cast<Millis>(Seconds(std::max<std::int64_t>(1, o.timeout)))};
      const io::Endpoint to{h.ip, static_cast<std::uint16_t>(o.port)};
      auto answer = o.protocol == "tcp" ? ask_by_tcp(to, query) : ask_by_udp(to, query);
      if (answer) return std::move(*answer);
      debug_line(ctx, fmt::format("{} router: {} [{}]: {}", r.name, name, h.ip, answer.error().text));
    }
  }
  return std::nullopt;
}

RouteResult route(RouteContext& ctx, const lang::DriverInstance& r, Addr& addr) {
  const auto& o = static_cast<const IplookupOptions&>(*r.options);
  const std::string self = addr.state.local_part + "@" + addr.state.domain;
  std::string query = self + " " + self;
  if (o.query.is_set()) {
    auto text = o.query.eval(ctx.scope);
    if (!text) return deferred(fmt::format("{} router: failed to expand query: {}", r.name, text.error().text));
    query = text->str();
  }
  auto answer = ask(ctx, r, o, query);
  if (!answer) return o.optional ? passed() : deferred(fmt::format("{} router: failed to get anything", r.name));

  const lang::SavedCaptures saved(ctx.scope);
  ctx.scope.captures = {Text::tainted(*answer)};
  if (o.pattern != nullptr) {
    lang::Regex::Spans spans;
    auto matched = o.pattern->search(*answer, &spans);
    if (!matched) return deferred(fmt::format("{} router: response_pattern: {}", r.name, matched.error().text));
    if (!*matched) return declined();
    for (std::size_t i = 1; i < spans.size(); ++i)
      ctx.scope.captures.push_back(
          spans[i].first == std::string::npos
              ? Text()
              : Text::tainted(std::string_view(*answer).substr(spans[i].first, spans[i].second - spans[i].first)));
  } else if (!o.query.is_set()) {
    const std::size_t blank = std::min(answer->find_first_of(" \t\r\n"), answer->size());
    if (!iequals(trim(std::string_view(*answer).substr(blank)), self)) {
      debug_line(ctx, fmt::format("{} router: the answer is to another query", r.name));
      return declined();
    }
  }
  std::string address = answer->substr(0, answer->find_first_of(" \t\r\n"));
  if (o.reroute.is_set()) {
    auto text = o.reroute.eval(ctx.scope);
    if (!text) return deferred(fmt::format("{} router: failed to expand reroute: {}", r.name, text.error().text));
    address = std::string(trim(text->view()));
  }
  const mail::Address a = mail::split_address(address);
  if (a.local_part.empty() || a.domain.empty())
    return deferred(fmt::format("{} router: the new address \"{}\" lacks a domain", r.name, printable(address)));
  addr.children.push_back(make_child(addr, address));
  return {Outcome::rerouted, {}, {}, false};
}

constexpr RouterDef defs[] = {
    {.driver = {.kind = lang::DriverKind::router,
                .name = "iplookup",
                .summary = "asks a server over TCP or UDP",
                .doc = "The answer is the new address up to the first blank, or what `reroute` makes of it. With the "
                       "default query the answer must repeat the address behind the blank. Answers are cut at 4 KiB.",
                .options = kOptions,
                .make_options =
                    +[]() -> std::unique_ptr<lang::DriverOptions> { return std::make_unique<IplookupOptions>(); },
                .check = check,
                .examples = {{R"(ask_the_directory:
  driver = iplookup
  domains = +local_domains
  hosts = 192.0.2.4
  port = 4321
)"},
                             {R"(ask_the_directory:
  driver = iplookup
  port = 4321
)",
                              "", "E0609"}}},
     .route = route},
};

}  // namespace
}  // namespace remex::routers

namespace remex::registry::routers {
extern const std::span<const RouterDef> iplookup;
constinit const std::span<const RouterDef> iplookup{remex::routers::defs};
}  // namespace remex::registry::routers
