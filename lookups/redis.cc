// redis: commands to Redis servers, in its own protocol (resp.h), without a client library. Connections are pooled.
//
// A nil reply is "not found"; an error reply defers. MOVED and the errors of a server that cannot serve now make the
// next server be asked, which is how a cluster is used: list all its servers.
#include <netdb.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "core/base/strings.h"
#include "core/io/stream.h"
#include "lang/config.h"
#include "lang/lookup.h"
#include "lang/scope.h"
#include "lookups/resp.h"
#include "lookups/server_list.h"

namespace remex::lookups {

namespace {

using namespace lang;

constexpr int kPort = 6379;

struct RedisConnection : Connection {
  std::unique_ptr<io::Socket> socket;
  io::Reader reader;
  explicit RedisConnection(std::unique_ptr<io::Socket> s) : socket(std::move(s)), reader(*socket) {}
  int fd() const override { return socket->fd(); }
  Result<RespReply> run(const std::vector<std::string>& words) {
    REMEX_CHECK(socket->write_all(resp_command(words)));
    return read_resp(reader);
  }
};

/// Addresses of a host name, from the system's resolver (which knows /etc/hosts), on the thread pool.
Result<std::vector<std::string>> addresses_of(const std::string& host) {
  return io::offload([&host]() -> Result<std::vector<std::string>> {
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    addrinfo* list = nullptr;
    if (const int rc = ::getaddrinfo(host.c_str(), nullptr, &hints, &list); rc != 0)
      return defer(fmt::format("cannot find host {}: {}", printable(host), ::gai_strerror(rc)));
    std::vector<std::string> out;
    for (const addrinfo* a = list; a != nullptr; a = a->ai_next) {
      char text[NI_MAXHOST];
      if (::getnameinfo(a->ai_addr, a->ai_addrlen, text, sizeof text, nullptr, 0, NI_NUMERICHOST) == 0)
        out.emplace_back(text);
    }
    ::freeaddrinfo(list);
    return out;
  });
}

Result<std::unique_ptr<io::Socket>> open_socket(const ServerAddress& address) {
  if (!address.socket.empty()) return io::connect_unix(address.socket);
  REMEX_TRY(const auto ips, addresses_of(address.host));
  const auto port = static_cast<std::uint16_t>(address.port != 0 ? address.port : kPort);
  Error last{ErrorKind::defer, "host has no address", 0};
  for (const std::string& ip : ips) {
    auto got = io::connect_tcp({ip, port});
    if (got) return got;
    last = std::move(got).error();
    if (last.kind == ErrorKind::cancelled) break;
  }
  return std::unexpected(std::move(last));
}

/// Connects, logs in and chooses the database.
Result<std::unique_ptr<RedisConnection>> connect(const std::vector<std::string>& fields) {
  REMEX_TRY(const ServerAddress address, parse_server_address(fields[0]));
  REMEX_TRY(auto socket, open_socket(address));
  auto connection = std::make_unique<RedisConnection>(std::move(socket));
  const auto prepare = [&](std::string_view command, const std::string& argument) -> Status {
    if (argument.empty()) return {};
    REMEX_TRY(const RespReply reply, connection->run({std::string(command), argument}));
    if (reply.kind == RespReply::Kind::error) return defer(fmt::format("{}: {}", command, printable(reply.text)));
    return {};
  };
  REMEX_CHECK(prepare("AUTH", fields[2]));
  REMEX_CHECK(prepare("SELECT", fields[1]));
  return connection;
}

/// Errors that say "not here, not now" rather than "wrong".
bool other_server_may_know(std::string_view error) {
  constexpr std::array<std::string_view, 9> kWords{"MOVED",    "ASK",      "CLUSTERDOWN", "MASTERDOWN", "LOADING",
                                                   "READONLY", "TRYAGAIN", "BUSY",        "NOAUTH"};
  return std::ranges::any_of(kWords, [&](std::string_view w) { return error.starts_with(w); });
}

/// Commands whose answers may be remembered for the message.
bool is_reading(const std::string& command) {
  constexpr std::array<std::string_view, 17> kWords{"get",    "mget",   "hget",   "hmget",  "hgetall",  "hexists",
                                                    "exists", "lindex", "lrange", "llen",   "smembers", "sismember",
                                                    "scard",  "zscore", "zrange", "strlen", "type"};
  return std::ranges::find(kWords, std::string_view(command)) != kWords.end();
}

ServerAnswer ask(ServerPool& pool, const std::string& server, const std::vector<std::string>& words) {
  const auto trouble = [&server](Error e) {
    if (e.kind == ErrorKind::failed || e.kind == ErrorKind::closed) e.kind = ErrorKind::defer;
    if (!e.text.starts_with("REDIS")) e.text = "REDIS: " + e.text;
    e.text += fmt::format(" (server {})", server_title(server, 3));
    return std::unexpected(std::move(e));
  };
  auto fields = server_fields(server, 3, 2);
  if (!fields) return {trouble(std::move(fields).error()), true};
  auto lease = pool.take(server);
  if (!lease) return {trouble(std::move(lease).error()), true};
  if (!lease->connection) {
    auto fresh = connect(*fields);
    if (!fresh) return {trouble(std::move(fresh).error()), true};
    lease->connection = std::move(*fresh);
  }
  auto reply = static_cast<RedisConnection&>(*lease->connection).run(words);
  if (!reply) return {trouble(std::move(reply).error()), true};
  lease->keep();
  if (reply->kind == RespReply::Kind::error)
    return {trouble({ErrorKind::defer, "query failed: " + printable(reply->text), 0}),
            other_server_may_know(reply->text)};
  if (reply->kind == RespReply::Kind::nil) return {std::optional<Text>(), false};
  return {std::optional<Text>(Text(resp_text(*reply))), false};
}

LookupResult find(Scope& scope, LookupHandle* handle, const LookupRequest& request) {
  static const std::vector<std::string> kNone;
  REMEX_TRY(const ServerChoice choice,
            choose_servers(request, scope.config != nullptr ? scope.config->main.redis_servers : kNone, "Redis",
                           "redis_servers"));
  const std::vector<std::string> words = redis_words(choice.query);
  if (words.empty()) return defer("REDIS: the query is empty");
  request.keep_answer = is_reading(to_lower(words.front()));
  auto& pool = *static_cast<ServerPool*>(handle);
  return ask_servers(scope, choice.servers, [&](const std::string& server) { return ask(pool, server, words); });
}

std::string quote(std::string_view s, std::string_view) {
  std::string out;
  out.reserve(s.size() + 8);
  for (const char c : s) {
    if (is_space(c) || c == '\\') out += '\\';
    out += c;
  }
  return out;
}

constexpr Example kRedisExamples[] = {{.input = "${lookup redis{get home:${quote_redis:jane}}}",
                                       .output = "/srv/mail/jane",
                                       .setup = "set home:jane /srv/mail/jane"},
                                      {"${lookup redis{fetch home:jane}}", "", "unknown command"}};

constexpr LookupDef defs[] = {{
    .name = "redis",
    .style = LookupStyle::query,
    .summary = "Redis",
    .doc =
        "A command such as \"get key\" for the servers of redis_servers, or of the option servers=, tried in order: "
        "host::port/database/password or (/path/of/socket)/database/password, the last two optional. Words end at "
        "blanks; a backslash takes a character as it is. The elements of an array stand on lines of their own, nil is "
        "not found, an error defers. Up to four connections are kept for a minute.",
    .examples = kRedisExamples,
    .options = "servers=*",
    .open = open_server_pool,
    .find = find,
    .quote = quote,
    .needs_quoting = true,
}};

}  // namespace

}  // namespace remex::lookups

namespace remex::registry::lookups {
extern const std::span<const LookupDef> redis;
constinit const std::span<const LookupDef> redis{remex::lookups::defs};
}  // namespace remex::registry::lookups
