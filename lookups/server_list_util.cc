// See server_list.h.
#include "lookups/server_list.h"

#include <poll.h>

#include <fmt/format.h>

#include "core/base/strings.h"
#include "lang/config.h"
#include "lang/list.h"
#include "lang/scope.h"

namespace remex::lookups {

namespace {

constexpr std::size_t kMaxIdle = 4;
constexpr std::size_t kMaxAtOnce = 8;
constexpr auto kIdleLife = std::chrono::seconds(60);

/// Anything to read on an idle connection is its end, or something nobody asked for.
bool has_ended(int fd) {
  if (fd < 0) return false;
  pollfd p{fd, POLLIN, 0};
  return ::poll(&p, 1, 0) != 0;
}

Result<std::string> complete(const std::string& name, const std::vector<std::string>& configured,
                             std::string_view type_title, std::string_view option_name) {
  if (name.find('/') != std::string::npos) return name;
  for (const std::string& c : configured)
    if (c.size() > name.size() && c.starts_with(name) && c[name.size()] == '/') return c;
  return defer(fmt::format("{} server \"{}\" not found in {}", type_title, printable(name), option_name));
}

}  // namespace

Millis lookup_timeout(const lang::Scope& scope) {
  const std::int64_t seconds = scope.config != nullptr ? scope.config->main.lookup_timeout : 30;
  return std::chrono::seconds(std::max<std::int64_t>(seconds, 1));
}

Result<ServerChoice> choose_servers(const lang::LookupRequest& request, const std::vector<std::string>& configured,
                                    std::string_view type_title, std::string_view option_name) {
  constexpr std::string_view kOldForm = "servers";
  ServerChoice out;
  std::string_view query = trim_left(request.key.view());
  std::string list(request.option(kOldForm));
  if (query.starts_with(kOldForm) && trim_left(query.substr(kOldForm.size())).starts_with('=')) {
    const std::size_t end = query.find(';');
    if (end == std::string_view::npos)
      return defer(fmt::format("missing ; after \"servers=\" in {} query", type_title));
    if (request.key.is_tainted())
      return fail(ErrorKind::taint,
                  fmt::format("the server list in a {} query is tainted with it: use the option servers=", type_title));
    list = trim(query.substr(query.find('=') + 1, end - query.find('=') - 1));
    query = trim_left(query.substr(end + 1));
  }
  out.query.assign(query);
  if (list.empty()) {
    out.servers = configured;
  } else {
    for (const std::string& name : lang::split_list(list)) {
      REMEX_TRY(std::string server, complete(name, configured, type_title, option_name));
      out.servers.push_back(std::move(server));
    }
  }
  if (out.servers.empty()) return defer(fmt::format("no {} servers defined ({} option)", type_title, option_name));
  return out;
}

Result<std::vector<std::string>> server_fields(std::string_view server, std::size_t fields, std::size_t optional) {
  std::vector<std::string> out(1);
  bool in_path = false;
  for (const char c : server) {
    if (c == '(') in_path = true;
    if (c == ')') in_path = false;
    if (c == '/' && !in_path && out.size() < fields)
      out.emplace_back();
    else
      out.back() += c;
  }
  if (out.size() + optional < fields)
    return defer(
        fmt::format("incomplete server data for \"{}\": {} fields are wanted", printable(out.front()), fields));
  out.resize(fields);
  return out;
}

std::string server_title(std::string_view server, std::size_t fields) {
  auto parts = server_fields(server, fields, fields);
  if (!parts) return {};
  parts->pop_back();
  while (parts->size() > 1 && parts->back().empty()) parts->pop_back();
  return printable(join(*parts, "/"));
}

Result<ServerAddress> parse_server_address(std::string_view text) {
  ServerAddress out;
  std::string_view rest = text;
  const auto bracketed = [&rest](char opens, char closes, std::string& into) {
    const std::size_t from = rest.find(opens);
    if (from == std::string_view::npos || !rest.ends_with(closes)) return;
    into = rest.substr(from + 1, rest.size() - from - 2);
    rest = rest.substr(0, from);
  };
  // "[::1]:5432" is an address in brackets, "host(socket)[group]" a group: a group stands last.
  if (!rest.starts_with('[')) bracketed('[', ']', out.group);
  bracketed('(', ')', out.socket);
  if (rest.starts_with('[')) {
    const std::size_t end = rest.find(']');
    if (end == std::string_view::npos) return defer(fmt::format("bad server address \"{}\"", printable(text)));
    out.host = rest.substr(1, end - 1);
    rest = rest.substr(end + 1);
    if (!rest.empty() && rest.front() != ':') return defer(fmt::format("bad server address \"{}\"", printable(text)));
  } else {
    out.host = rest.substr(0, rest.find(':'));
    rest = rest.substr(out.host.size());
  }
  if (rest.empty()) return out;
  const auto port = parse_uint(rest.substr(1));
  if (!port || *port == 0 || *port > 65535)
    return defer(fmt::format("bad port in server address \"{}\"", printable(text)));
  out.port = static_cast<int>(*port);
  return out;
}

lang::LookupResult ask_servers(lang::Scope& scope, const std::vector<std::string>& servers,
                               const std::function<ServerAnswer(const std::string&)>& ask) {
  const Millis patience = lookup_timeout(scope);
  std::string trouble;
  for (const std::string& server : servers) {
    REMEX_CHECK(io::check_interrupt());
    ServerAnswer answer = [&] {
      const io::DeadlineScope deadline(patience);
      return ask(server);
    }();
    if (answer.result) return std::move(answer.result);
    Error error = std::move(answer.result).error();
    if (error.kind == ErrorKind::cancelled || error.kind == ErrorKind::taint) return std::unexpected(std::move(error));
    if (!trouble.empty()) trouble += "; ";
    trouble += error.text;
    if (!answer.try_next) break;
  }
  return defer(std::move(trouble));
}

/// One server's connections; `users` counts those that hold one or wait for one.
struct ServerPool::Slots {
  io::Semaphore free{kMaxAtOnce};
  std::size_t users = 0;
};

void ServerPool::leave(const std::string& server) {
  const auto it = slots_.find(server);
  if (it != slots_.end() && --it->second->users == 0) slots_.erase(it);
}

ServerPool::Lease::Lease(ServerPool& pool, std::string server, std::unique_ptr<Connection> idle)
    : connection(std::move(idle)), pool_(&pool), server_(std::move(server)) {}

ServerPool::Lease::Lease(Lease&& other) noexcept
    : connection(std::move(other.connection)),
      pool_(std::exchange(other.pool_, nullptr)),
      server_(std::move(other.server_)),
      keep_(other.keep_) {}

ServerPool::Lease::~Lease() {
  if (pool_ == nullptr) return;
  if (keep_ && connection) {
    pool_->idle_.push_front({server_, monotonic_now(), std::move(connection)});
    if (pool_->idle_.size() > kMaxIdle) pool_->idle_.pop_back();
  }
  if (const auto it = pool_->slots_.find(server_); it != pool_->slots_.end()) it->second->free.release();
  pool_->leave(server_);
}

Result<ServerPool::Lease> ServerPool::take(const std::string& server) {
  std::shared_ptr<Slots>& entry = slots_[server];
  if (!entry) entry = std::make_shared<Slots>();
  const std::shared_ptr<Slots> slots = entry;
  ++slots->users;
  if (auto got = slots->free.acquire(); !got) {
    leave(server);
    return std::unexpected(
        Error{got.error().kind, fmt::format("all {} connections to the server are busy", kMaxAtOnce), 0});
  }
  const Instant oldest = monotonic_now() - kIdleLife;
  std::erase_if(idle_, [&](const Idle& i) { return i.since < oldest || has_ended(i.connection->fd()); });
  std::unique_ptr<Connection> found;
  for (auto it = idle_.begin(); it != idle_.end(); ++it) {
    if (it->server != server) continue;
    found = std::move(it->connection);
    idle_.erase(it);
    break;
  }
  return Lease(*this, server, std::move(found));
}

Result<std::unique_ptr<lang::LookupHandle>> open_server_pool(lang::Scope&, const std::string&) {
  return std::make_unique<ServerPool>();
}

}  // namespace remex::lookups
