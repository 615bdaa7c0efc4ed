// pgsql: SQL on PostgreSQL servers. libpq is opened on first use and driven without blocking; only its look-up of the
// server's name runs on the thread pool. Connections are pooled (server_list.h).
//
// The session speaks UTF-8, so that no byte that ${quote_pgsql:} leaves alone is half of a character to the server. A
// connection on which anything but a clean answer came is closed.
#include <fmt/format.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <cstddef>
#include <cstdint>
#include <utility>

#include "core/base/strings.h"
#include "core/io/stream.h"
#include "lang/config.h"
#include "lang/lookup.h"
#include "lang/scope.h"
#include "lookups/client_library.h"
#include "lookups/row_format.h"
#include "lookups/server_list.h"

#ifdef REMEX_LIB_PQ
#include <libpq-fe.h>
#endif

namespace remex::lookups {

namespace {

using namespace lang;

#ifdef REMEX_LIB_PQ

struct Api {
  decltype(::PQconnectStartParams)* PQconnectStartParams = nullptr;
  decltype(::PQconnectPoll)* PQconnectPoll = nullptr;
  decltype(::PQstatus)* PQstatus = nullptr;
  decltype(::PQsocket)* PQsocket = nullptr;
  decltype(::PQerrorMessage)* PQerrorMessage = nullptr;
  decltype(::PQfinish)* PQfinish = nullptr;
  decltype(::PQsetnonblocking)* PQsetnonblocking = nullptr;
  decltype(::PQsetNoticeProcessor)* PQsetNoticeProcessor = nullptr;
  decltype(::PQsendQuery)* PQsendQuery = nullptr;
  decltype(::PQsetSingleRowMode)* PQsetSingleRowMode = nullptr;
  decltype(::PQflush)* PQflush = nullptr;
  decltype(::PQconsumeInput)* PQconsumeInput = nullptr;
  decltype(::PQisBusy)* PQisBusy = nullptr;
  decltype(::PQgetResult)* PQgetResult = nullptr;
  decltype(::PQresultStatus)* PQresultStatus = nullptr;
  decltype(::PQresultErrorMessage)* PQresultErrorMessage = nullptr;
  decltype(::PQcmdTuples)* PQcmdTuples = nullptr;
  decltype(::PQntuples)* PQntuples = nullptr;
  decltype(::PQnfields)* PQnfields = nullptr;
  decltype(::PQfname)* PQfname = nullptr;
  decltype(::PQgetvalue)* PQgetvalue = nullptr;
  decltype(::PQgetlength)* PQgetlength = nullptr;
  decltype(::PQclear)* PQclear = nullptr;
};

Result<const Api*> api() {
  static Api loaded;
  if (loaded.PQclear != nullptr) return &loaded;
  REMEX_TRY(ClientLibrary lib, ClientLibrary::open(REMEX_LIB_PQ, "pgsql"));
  Api a;
  REMEX_BIND(lib, a, PQconnectStartParams);
  REMEX_BIND(lib, a, PQconnectPoll);
  REMEX_BIND(lib, a, PQstatus);
  REMEX_BIND(lib, a, PQsocket);
  REMEX_BIND(lib, a, PQerrorMessage);
  REMEX_BIND(lib, a, PQfinish);
  REMEX_BIND(lib, a, PQsetnonblocking);
  REMEX_BIND(lib, a, PQsetNoticeProcessor);
  REMEX_BIND(lib, a, PQsendQuery);
  REMEX_BIND(lib, a, PQsetSingleRowMode);
  REMEX_BIND(lib, a, PQflush);
  REMEX_BIND(lib, a, PQconsumeInput);
  REMEX_BIND(lib, a, PQisBusy);
  REMEX_BIND(lib, a, PQgetResult);
  REMEX_BIND(lib, a, PQresultStatus);
  REMEX_BIND(lib, a, PQresultErrorMessage);
  REMEX_BIND(lib, a, PQcmdTuples);
  REMEX_BIND(lib, a, PQntuples);
  REMEX_BIND(lib, a, PQnfields);
  REMEX_BIND(lib, a, PQfname);
  REMEX_BIND(lib, a, PQgetvalue);
  REMEX_BIND(lib, a, PQgetlength);
  REMEX_BIND(lib, a, PQclear);
  REMEX_CHECK(lib.check());
  loaded = a;
  return &loaded;
}

struct PgConnection : Connection {
  const Api* api;
  PGconn* pg;
  PgConnection(const Api* a, PGconn* p) : api(a), pg(p) {}
  ~PgConnection() override { api->PQfinish(pg); }
  int fd() const override { return api->PQsocket(pg); }
  std::string error() const { return printable(trim(api->PQerrorMessage(pg))); }
};

constexpr const char* kTooLong = "the result of a pgsql lookup is longer than 16 MiB";

using ResultPtr = std::unique_ptr<PGresult, decltype(::PQclear)*>;

/// Parameters for libpq: "host[:port]/db/user/password", "(/dir/.s.PGSQL.5432)/db/user/password".
struct Parameters {
  std::string host, port, database, user, password;
};

Result<Parameters> parameters_of(const std::string& server) {
  REMEX_TRY(auto fields, server_fields(server, 4, 0));
  REMEX_TRY(const ServerAddress address, parse_server_address(fields[0]));
  Parameters out{address.host, "", fields[1], fields[2], fields[3]};
  if (address.port != 0) out.port = std::to_string(address.port);
  if (address.socket.empty()) return out;
  // libpq wants the folder and the port that the name of the socket ends in.
  const std::size_t slash = address.socket.rfind('/');
  const std::size_t dot = address.socket.rfind('.');
  if (slash == std::string::npos || dot == std::string::npos || dot < slash)
    return defer(fmt::format("PostgreSQL server socket \"{}\" has no name like /folder/.s.PGSQL.5432",
                             printable(address.socket)));
  out.host = slash == 0 ? "/" : address.socket.substr(0, slash);
  out.port = address.socket.substr(dot + 1);
  return out;
}

void no_notices(void*, const char*) {}

Result<std::unique_ptr<PgConnection>> connect(const Api* pq, const Parameters& p) {
  const char* names[] = {"host", "port", "dbname", "user", "password", "client_encoding", "fallback_application_name",
                         nullptr};
  const char* values[] = {
      p.host.c_str(), p.port.c_str(), p.database.c_str(), p.user.c_str(), p.password.c_str(), "UTF8", "remex", nullptr};
  PGconn* raw = io::offload([&] { return pq->PQconnectStartParams(names, values, 0); });
  if (raw == nullptr) return defer("PGSQL connection failed: out of memory");
  auto connection = std::make_unique<PgConnection>(pq, raw);
  pq->PQsetNoticeProcessor(raw, no_notices, nullptr);
  PostgresPollingStatusType state = PGRES_POLLING_WRITING;
  while (pq->PQstatus(raw) != CONNECTION_BAD) {
    if (state == PGRES_POLLING_OK) {
      pq->PQsetnonblocking(raw, 1);
      return connection;
    }
    if (state == PGRES_POLLING_FAILED) break;
    if (auto ready = io::wait_fd(pq->PQsocket(raw), state == PGRES_POLLING_WRITING); !ready)
      return std::unexpected(
          Error{ready.error().kind, fmt::format("PGSQL connection failed: {}", ready.error().text), 0});
    state = pq->PQconnectPoll(raw);
  }
  return defer(fmt::format("PGSQL connection failed: {}", connection->error()));
}

/// What a query gave: its last result, and the rows that came before that one.
struct Given {
  ResultPtr last;
  RowFormat rows{0};
};

/// How much has come over a TCP connection; 0: it is none.
std::uint64_t received(int fd) {
  tcp_info info{};
  socklen_t size = sizeof info;
  if (::getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) != 0) return 0;
  return size >= offsetof(tcp_info, tcpi_bytes_received) + sizeof info.tcpi_bytes_received ? info.tcpi_bytes_received
                                                                                           : 0;
}

/// Waits for a result; libpq keeps a whole row in memory, so what arrives for one is limited, too. Over a local socket
/// that is what was waiting before each read: less than what came when the server writes meanwhile. Each read goes on
/// for as long as more is there, so a quick server may bring a long row whole.
Status await_result(PgConnection& c) {
  const Api* pq = c.api;
  const std::uint64_t before = received(c.fd());
  for (std::uint64_t waited = 0; pq->PQisBusy(c.pg) != 0;) {
    if (waited > kMaxResult || received(c.fd()) - before > kMaxResult) return fail(kTooLong);
    REMEX_CHECK(io::wait_fd(c.fd(), false));
    int waiting = 0;
    if (::ioctl(c.fd(), FIONREAD, &waiting) == 0) waited += static_cast<std::uint64_t>(waiting);
    if (pq->PQconsumeInput(c.pg) == 0) return fail(ErrorKind::closed, c.error());
  }
  return {};
}

/// Adds the rows of `r`, one of a result's pieces. `fresh`: the first piece.
Status add_rows(const Api* pq, const PGresult* r, bool fresh, RowFormat& rows) {
  const int columns = pq->PQnfields(r);
  if (fresh) rows = RowFormat(static_cast<std::size_t>(columns));
  for (int row = 0; row < pq->PQntuples(r); ++row) {
    rows.start_row();
    for (int i = 0; i < columns; ++i)
      rows.value(pq->PQfname(r, i), {pq->PQgetvalue(r, row, i), static_cast<std::size_t>(pq->PQgetlength(r, row, i))});
    if (rows.too_large()) return fail(kTooLong);
  }
  return {};
}

/// Sends the query and takes all results row by row; the last one counts, an earlier error ends the run as PQexec has
/// it. After an error the connection has something unread: it is not used again.
Result<Given> run(PgConnection& c, const std::string& query) {
  const Api* pq = c.api;
  if (pq->PQsendQuery(c.pg, query.c_str()) == 0) return fail(ErrorKind::closed, c.error());
  (void)pq->PQsetSingleRowMode(c.pg);
  for (int left = 1; left != 0;) {
    left = pq->PQflush(c.pg);
    if (left < 0) return fail(ErrorKind::closed, c.error());
    if (left > 0) REMEX_CHECK(io::wait_fd(c.fd(), true));
  }
  Given given{ResultPtr(nullptr, pq->PQclear)};
  bool fresh = true;
  for (;;) {
    REMEX_CHECK(await_result(c));
    ResultPtr next(pq->PQgetResult(c.pg), pq->PQclear);
    if (!next) break;
    const auto status = pq->PQresultStatus(next.get());
    if (status == PGRES_COPY_IN || status == PGRES_COPY_OUT || status == PGRES_COPY_BOTH)
      return fail("COPY makes no sense in a lookup");
    if (given.last && pq->PQresultStatus(given.last.get()) == PGRES_FATAL_ERROR) continue;
    if (status == PGRES_SINGLE_TUPLE || status == PGRES_TUPLES_OK)
      REMEX_CHECK(add_rows(pq, next.get(), std::exchange(fresh, status == PGRES_TUPLES_OK), given.rows));
    given.last = std::move(next);
  }
  if (!given.last) return fail(ErrorKind::closed, "the server gave no result");
  return given;
}

LookupResult text_of(const Api* pq, Given& given, const LookupRequest& request) {
  PGresult* r = given.last.get();
  switch (pq->PQresultStatus(r)) {
    case PGRES_EMPTY_QUERY: return std::optional<Text>();
    case PGRES_COMMAND_OK:
      request.keep_answer = false;
      return std::optional<Text>(Text(std::string(pq->PQcmdTuples(r))));
    case PGRES_TUPLES_OK: break;
    default: return defer(fmt::format("PGSQL: query failed: {}", printable(trim(pq->PQresultErrorMessage(r)))));
  }
  auto text = std::move(given.rows).finish();
  if (!text) return std::optional<Text>();
  return std::optional<Text>(Text(std::move(*text)));
}

ServerAnswer ask(const Api* pq, ServerPool& pool, const std::string& server, const std::string& query,
                 const LookupRequest& request) {
  const auto named = [&server](Error e) {
    e.text += fmt::format(" (server {})", server_title(server, 4));
    return std::unexpected(std::move(e));
  };
  auto parameters = parameters_of(server);
  if (!parameters) return {named(std::move(parameters).error()), true};
  auto lease = pool.take(server);
  if (!lease) return {named(std::move(lease).error()), true};
  if (!lease->connection) {
    auto fresh = connect(pq, *parameters);
    if (!fresh) return {named(std::move(fresh).error()), true};
    lease->connection = std::move(*fresh);
  }
  auto result = run(static_cast<PgConnection&>(*lease->connection), query);
  if (!result) {
    Error e = std::move(result).error();
    const bool next = e.kind != ErrorKind::failed;
    if (e.kind == ErrorKind::failed || e.kind == ErrorKind::closed) e.kind = ErrorKind::defer;
    e.text = "PGSQL: query failed: " + e.text;
    return {named(std::move(e)), next};
  }
  lease->keep();
  LookupResult text = text_of(pq, *result, request);
  if (!text) return {named(std::move(text).error()), false};
  return {std::move(text), false};
}

LookupResult find(Scope& scope, LookupHandle* handle, const LookupRequest& request) {
  static const std::vector<std::string> kNone;
  REMEX_TRY(const ServerChoice choice,
            choose_servers(request, scope.config != nullptr ? scope.config->main.pgsql_servers : kNone, "PostgreSQL",
                           "pgsql_servers"));
  REMEX_TRY(const Api* pq, api());
  if (choice.query.find('\0') != std::string::npos) return defer("PGSQL: a query with a NUL character");
  auto& pool = *static_cast<ServerPool*>(handle);
  return ask_servers(scope, choice.servers,
                     [&](const std::string& server) { return ask(pq, pool, server, choice.query, request); });
}

constexpr State kState = State::works;

#else

constexpr State kState = State::later;
constexpr LookupResult (*find)(Scope&, LookupHandle*, const LookupRequest&) = nullptr;

#endif

/// A quote is doubled: safe in standard strings, where a backslash escapes nothing, and in the old ones. The rest is
/// as Exim has it.
std::string quote(std::string_view s, std::string_view) {
  std::string out;
  out.reserve(s.size() + 8);
  for (const char c : s) {
    switch (c) {
      case '\'': out += "''"; break;
      case '\n': out += "\\n"; break;
      case '\t': out += "\\t"; break;
      case '\r': out += "\\r"; break;
      case '\b': out += "\\b"; break;
      case '"':
      case '\\': out += '\\'; [[fallthrough]];
      default: out += c;
    }
  }
  return out;
}

constexpr Example kPgsqlExamples[] = {
    {.input = "${lookup pgsql{select home from accounts where name='${quote_pgsql:jane}'}}",
     .output = "/srv/mail/jane",
     .setup = "create table accounts(name text, home text);\ninsert into accounts values ('jane', '/srv/mail/jane');"},
    {"${lookup pgsql{selekt home from accounts}}", "", "syntax error"}};

constexpr LookupDef defs[] = {{
    .name = "pgsql",
    .style = LookupStyle::query,
    .summary = "PostgreSQL",
    .doc = "SQL for the servers of pgsql_servers, or of the option servers=, tried in order: "
           "host::port/database/user/password, or (/run/postgresql/.s.PGSQL.5432)/database/user/password for a socket. "
           "Several columns give name=value pairs, several rows are separated by newlines; a command gives the number "
           "of rows it changed. A server that does not answer within lookup_timeout, and an error in the query, defer. "
           "Up to four connections are kept for a minute.",
    .state = kState,
    .examples = kPgsqlExamples,
    .options = "servers=*",
    .open = open_server_pool,
    .find = find,
    .quote = quote,
    .needs_quoting = true,
}};

}  // namespace

}  // namespace remex::lookups

namespace remex::registry::lookups {
extern const std::span<const LookupDef> pgsql;
constinit const std::span<const LookupDef> pgsql{remex::lookups::defs};
}  // namespace remex::registry::lookups
