// mysql: SQL on MySQL or MariaDB servers. libmariadb is opened on first use; its calls block, so they run on the thread
// pool with the library's own time limits. Connections are pooled (server_list.h), at most 8 to one server.
//
// The session speaks utf8mb4, so that no byte that ${quote_mysql:} leaves alone is half of a character to the server.
// LOAD DATA LOCAL is off: a server may not ask for files. A connection on which an error came is closed.
#include <fmt/format.h>
#include <sys/socket.h>

#include "core/base/clock.h"
#include "core/base/strings.h"
#include "lang/config.h"
#include "lang/lookup.h"
#include "lang/scope.h"
#include "lookups/client_library.h"
#include "lookups/row_format.h"
#include "lookups/server_list.h"

#ifdef REMEX_LIB_MARIADB
#include <errmsg.h>
#include <mysql.h>
#endif

namespace remex::lookups {

namespace {

using namespace lang;

#ifdef REMEX_LIB_MARIADB

struct Api {
  decltype(::mysql_server_init)* mysql_server_init = nullptr;
  decltype(::mysql_init)* mysql_init = nullptr;
  decltype(::mysql_options)* mysql_options = nullptr;
  decltype(::mysql_real_connect)* mysql_real_connect = nullptr;
  decltype(::mysql_close)* mysql_close = nullptr;
  decltype(::mysql_error)* mysql_error = nullptr;
  decltype(::mysql_errno)* mysql_errno = nullptr;
  decltype(::mysql_get_socket)* mysql_get_socket = nullptr;
  decltype(::mysql_real_query)* mysql_real_query = nullptr;
  decltype(::mysql_use_result)* mysql_use_result = nullptr;
  decltype(::mysql_field_count)* mysql_field_count = nullptr;
  decltype(::mysql_affected_rows)* mysql_affected_rows = nullptr;
  decltype(::mysql_num_fields)* mysql_num_fields = nullptr;
  decltype(::mysql_fetch_fields)* mysql_fetch_fields = nullptr;
  decltype(::mysql_fetch_row)* mysql_fetch_row = nullptr;
  decltype(::mysql_fetch_lengths)* mysql_fetch_lengths = nullptr;
  decltype(::mysql_free_result)* mysql_free_result = nullptr;
  decltype(::mysql_next_result)* mysql_next_result = nullptr;
};

Result<const Api*> api() {
  static Api loaded;
  if (loaded.mysql_next_result != nullptr) return &loaded;
  REMEX_TRY(ClientLibrary lib, ClientLibrary::open(REMEX_LIB_MARIADB, "mysql"));
  Api a;
  REMEX_BIND(lib, a, mysql_server_init);
  REMEX_BIND(lib, a, mysql_init);
  REMEX_BIND(lib, a, mysql_options);
  REMEX_BIND(lib, a, mysql_real_connect);
  REMEX_BIND(lib, a, mysql_close);
  REMEX_BIND(lib, a, mysql_error);
  REMEX_BIND(lib, a, mysql_errno);
  REMEX_BIND(lib, a, mysql_get_socket);
  REMEX_BIND(lib, a, mysql_real_query);
  REMEX_BIND(lib, a, mysql_use_result);
  REMEX_BIND(lib, a, mysql_field_count);
  REMEX_BIND(lib, a, mysql_affected_rows);
  REMEX_BIND(lib, a, mysql_num_fields);
  REMEX_BIND(lib, a, mysql_fetch_fields);
  REMEX_BIND(lib, a, mysql_fetch_row);
  REMEX_BIND(lib, a, mysql_fetch_lengths);
  REMEX_BIND(lib, a, mysql_free_result);
  REMEX_BIND(lib, a, mysql_next_result);
  REMEX_CHECK(lib.check());
  // On the loop's thread: the first mysql_init() would do it, and two of these in the thread pool disturb each other.
  if (a.mysql_server_init(0, nullptr, nullptr) != 0) return defer("the MySQL client library cannot be initialized");
  loaded = a;
  return &loaded;
}

struct MyConnection : Connection {
  const Api* api;
  MYSQL* my;
  MyConnection(const Api* a, MYSQL* m) : api(a), my(m) {}
  ~MyConnection() override { api->mysql_close(my); }
  int fd() const override { return static_cast<int>(api->mysql_get_socket(my)); }
  std::string error() const { return printable(api->mysql_error(my)); }
};

struct Parameters {
  ServerAddress address;
  std::string database, user, password;
  unsigned seconds = 30;
};

const char* or_null(const std::string& s) { return s.empty() ? nullptr : s.c_str(); }

/// On the thread pool.
Result<std::unique_ptr<MyConnection>> connect(const Api* lib, const Parameters& p) {
  MYSQL* raw = lib->mysql_init(nullptr);
  if (raw == nullptr) return defer("MYSQL connection failed: out of memory");
  auto connection = std::make_unique<MyConnection>(lib, raw);
  unsigned seconds = p.seconds;
  unsigned no = 0;
  lib->mysql_options(raw, MYSQL_READ_DEFAULT_GROUP, p.address.group.empty() ? "exim" : p.address.group.c_str());
  lib->mysql_options(raw, MYSQL_OPT_CONNECT_TIMEOUT, &seconds);
  lib->mysql_options(raw, MYSQL_OPT_READ_TIMEOUT, &seconds);
  lib->mysql_options(raw, MYSQL_OPT_WRITE_TIMEOUT, &seconds);
  lib->mysql_options(raw, MYSQL_OPT_LOCAL_INFILE, &no);
  lib->mysql_options(raw, MYSQL_SET_CHARSET_NAME, "utf8mb4");
  // Stored procedures give several results.
  if (lib->mysql_real_connect(raw, or_null(p.address.host), p.user.c_str(), p.password.c_str(), or_null(p.database),
                              static_cast<unsigned>(p.address.port), or_null(p.address.socket),
                              CLIENT_MULTI_RESULTS) == nullptr)
    return defer(fmt::format("MYSQL connection failed: {}", connection->error()));
  return connection;
}

struct Outcome {
  LookupResult result;
  bool keep_connection = false, keep_answer = true, try_next = false;
};

std::unexpected<Error> query_error(const MyConnection& c, Outcome& out) {
  const unsigned code = c.api->mysql_errno(c.my);
  out.try_next = code >= CR_MIN_ERROR && code <= CR_MAX_ERROR;  // the client's own: connection lost, time-out
  return defer(fmt::format("MYSQL: query failed: {}", c.error()));
}

/// Nothing more is wanted of this connection: else what ends a result or the connection reads all the rest first.
void hang_up(const MyConnection& c) { (void)::shutdown(c.fd(), SHUT_RDWR); }

std::unexpected<Error> too_late(Outcome& out) {
  out.try_next = true;
  return defer("MYSQL: query failed: the answer did not come whole within lookup_timeout");
}

/// All rows of the present result, until `until`.
LookupResult read_rows(const MyConnection& c, MYSQL_RES* res, Instant until, Outcome& out) {
  const Api* lib = c.api;
  const unsigned columns = lib->mysql_num_fields(res);
  const MYSQL_FIELD* fields = lib->mysql_fetch_fields(res);
  RowFormat rows(columns);
  while (MYSQL_ROW row = lib->mysql_fetch_row(res)) {
    const unsigned long* lengths = lib->mysql_fetch_lengths(res);
    rows.start_row();
    for (unsigned i = 0; i < columns; ++i) {
      // A single NULL is empty; among several columns it is empty as well, in quotes.
      const std::string_view value = row[i] != nullptr ? std::string_view(row[i], lengths[i]) : std::string_view();
      rows.value(fields[i].name, value);
    }
    if (rows.too_large()) return defer("the result of a mysql lookup is longer than 16 MiB");
    if (monotonic_now() > until) return too_late(out);
  }
  if (lib->mysql_errno(c.my) != 0) return query_error(c, out);
  auto text = std::move(rows).finish();
  if (!text) return std::optional<Text>();
  return std::optional<Text>(Text(std::move(*text)));
}

/// Reads and drops the results of a procedure after the first, so that the connection stays in step. False: it is of no
/// further use.
bool drop_results(const MyConnection& c, Instant until) {
  const Api* lib = c.api;
  int more = 0;
  while ((more = lib->mysql_next_result(c.my)) == 0) {
    MYSQL_RES* next = lib->mysql_use_result(c.my);
    if (next == nullptr) continue;
    while (monotonic_now() <= until && lib->mysql_fetch_row(next) != nullptr) {
    }
    if (monotonic_now() > until) hang_up(c);
    lib->mysql_free_result(next);
  }
  return more < 0;
}

/// On the thread pool. The answer is there at `until`, or it is an error: each read has a limit of its own besides.
Outcome run_query(const MyConnection& c, const std::string& query, Instant until) {
  Outcome out;
  const Api* lib = c.api;
  if (lib->mysql_real_query(c.my, query.c_str(), query.size()) != 0) {
    out.result = query_error(c, out);
    return out;
  }
  MYSQL_RES* res = lib->mysql_use_result(c.my);
  if (res == nullptr) {
    if (lib->mysql_field_count(c.my) != 0) {
      out.result = query_error(c, out);
      return out;
    }
    out.keep_answer = false;
    out.result = std::optional<Text>(Text(std::to_string(lib->mysql_affected_rows(c.my))));
  } else {
    out.result = read_rows(c, res, until, out);
    if (!out.result) hang_up(c);
    lib->mysql_free_result(res);
  }
  out.keep_connection = out.result && drop_results(c, until);
  return out;
}

Result<Parameters> parameters_of(Scope& scope, const std::string& server) {
  REMEX_TRY(auto fields, server_fields(server, 4, 0));
  Parameters p;
  REMEX_TRY(p.address, parse_server_address(fields[0]));
  p.database = std::move(fields[1]);
  p.user = std::move(fields[2]);
  p.password = std::move(fields[3]);
  p.seconds = static_cast<unsigned>(std::chrono::duration_cast<std::chrono::seconds>(lookup_timeout(scope)).count());
  return p;
}

ServerAnswer ask(Scope& scope, const Api* lib, ServerPool& pool, const std::string& server, const std::string& query,
                 const LookupRequest& request) {
  const auto named = [&server](Error e) {
    e.text += fmt::format(" (server {})", server_title(server, 4));
    return std::unexpected(std::move(e));
  };
  auto parameters = parameters_of(scope, server);
  if (!parameters) return {named(std::move(parameters).error()), true};
  auto lease = pool.take(server);
  if (!lease) return {named(std::move(lease).error()), true};
  const Instant until = monotonic_now() + Seconds(parameters->seconds);
  if (!lease->connection) {
    auto fresh = io::offload([&] { return connect(lib, *parameters); });
    if (!fresh) return {named(std::move(fresh).error()), true};
    lease->connection = std::move(*fresh);
  }
  Outcome outcome =
      io::offload([&] { return run_query(static_cast<const MyConnection&>(*lease->connection), query, until); });
  if (outcome.keep_connection) lease->keep();
  if (!outcome.keep_answer) request.keep_answer = false;
  if (!outcome.result) return {named(std::move(outcome.result).error()), outcome.try_next};
  return {std::move(outcome.result), false};
}

LookupResult find(Scope& scope, LookupHandle* handle, const LookupRequest& request) {
  static const std::vector<std::string> kNone;
  REMEX_TRY(const ServerChoice choice,
            choose_servers(request, scope.config != nullptr ? scope.config->main.mysql_servers : kNone, "MySQL",
                           "mysql_servers"));
  REMEX_TRY(const Api* lib, api());
  auto& pool = *static_cast<ServerPool*>(handle);
  return ask_servers(scope, choice.servers,
                     [&](const std::string& server) { return ask(scope, lib, pool, server, choice.query, request); });
}

constexpr State kState = State::works;

#else

constexpr State kState = State::later;
constexpr LookupResult (*find)(Scope&, LookupHandle*, const LookupRequest&) = nullptr;

#endif

std::string quote(std::string_view s, std::string_view) {
  std::string out;
  out.reserve(s.size() + 8);
  for (const char c : s) {
    switch (c) {
      case '\n': out += "\\n"; break;
      case '\t': out += "\\t"; break;
      case '\r': out += "\\r"; break;
      case '\b': out += "\\b"; break;
      case '\'':
      case '"':
      case '\\': out += '\\'; [[fallthrough]];
      default: out += c;
    }
  }
  return out;
}

constexpr Example kMysqlExamples[] = {
    {.input = "${lookup mysql{select home from accounts where name='${quote_mysql:jane}'}}",
     .output = "/srv/mail/jane",
     .setup = "create table accounts(name varchar(64), home varchar(64));\ninsert into accounts values ('jane', "
              "'/srv/mail/jane');"},
    {"${lookup mysql{selekt home from accounts}}", "", "error in your SQL syntax"}};

constexpr LookupDef defs[] = {{
    .name = "mysql",
    .style = LookupStyle::query,
    .summary = "MySQL or MariaDB",
    .doc = "SQL for the servers of mysql_servers, or of the option servers=, tried in order: "
           "host::port(socket)[group]/database/user/password. Several columns give name=value pairs, several rows are "
           "separated by newlines; a command gives the number of rows it changed. A server that does not answer within "
           "lookup_timeout, and an error in the query, defer. Up to four connections are kept for a minute.",
    .state = kState,
    .examples = kMysqlExamples,
    .options = "servers=*",
    .open = open_server_pool,
    .find = find,
    .quote = quote,
    .needs_quoting = true,
}};

}  // namespace

}  // namespace remex::lookups

namespace remex::registry::lookups {
extern const std::span<const LookupDef> mysql;
constinit const std::span<const LookupDef> mysql{remex::lookups::defs};
}  // namespace remex::registry::lookups
