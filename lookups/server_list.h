// Which servers a query goes to, and the connections to them. Used by pgsql, mysql, redis and ldap.
//
// Servers are tried in order. One that cannot be reached, refuses the login or does not answer in time makes the next
// one be tried; "not found" and an error in the query end the search. When none is left the lookup is kind defer.
#pragma once

#include <functional>
#include <list>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/clock.h"
#include "core/base/result.h"
#include "core/io/fiber.h"
#include "lang/lookup.h"

namespace remex::lookups {

/// lookup_timeout: how long one server may take for connecting and answering.
Millis lookup_timeout(const lang::Scope& scope);

struct ServerChoice {
  std::vector<std::string> servers;  ///< complete parameter sets, "host/database/user/password"
  std::string query;                 ///< without the old "servers=...;" in front
};

/// From the option servers=, from "servers=a:b;" in front of the query, or `configured`, the main option of that name.
/// Kind taint: the old form in a query with tainted parts. Kind defer: no servers, or a name that is not configured.
Result<ServerChoice> choose_servers(const lang::LookupRequest& request, const std::vector<std::string>& configured,
                                    std::string_view type_title, std::string_view option_name);

/// "host/database/user" of a parameter set: all but the password, which is the last of `fields`.
std::string server_title(std::string_view server, std::size_t fields);
/// Splits at '/'; the last field takes the rest. At least `fields` - `optional` must be there. Slashes in parentheses
/// (socket paths) do not split.
Result<std::vector<std::string>> server_fields(std::string_view server, std::size_t fields, std::size_t optional);

/// host, "host:port", "host:port(socket)[group]".
struct ServerAddress {
  std::string host, socket, group;
  int port = 0;  ///< 0 = default
};
Result<ServerAddress> parse_server_address(std::string_view text);

/// What happened at one server.
struct ServerAnswer {
  lang::LookupResult result;
  bool try_next = false;  ///< with an error: another server may do better
};
/// Asks one after the other; each under lookup_timeout. `ask` gets the parameter set.
lang::LookupResult ask_servers(lang::Scope& scope, const std::vector<std::string>& servers,
                               const std::function<ServerAnswer(const std::string&)>& ask);

struct Connection {
  virtual ~Connection() = default;
  /// The socket, to see whether the server hung up while the connection was idle; -1 unknown.
  virtual int fd() const = 0;
};

/// Connections kept between look-ups: at most 4 idle ones for a minute, and at most 8 at once to one server; a ninth
/// look-up waits for its turn. Lives as the type's handle in the lookup cache.
class ServerPool : public lang::LookupHandle {
 public:
  /// The right to one connection; gives it back to the pool when keep() was called, closes it otherwise.
  class Lease {
   public:
    Lease(ServerPool& pool, std::string server, std::unique_ptr<Connection> idle);
    ~Lease();
    Lease(Lease&& other) noexcept;
    Lease& operator=(Lease&&) = delete;
    /// Null: connect, and set it.
    std::unique_ptr<Connection> connection;
    void keep() { keep_ = true; }

   private:
    ServerPool* pool_;
    std::string server_;
    bool keep_ = false;
  };

  /// Parks while too many are in use. An idle connection that the server closed is dropped.
  Result<Lease> take(const std::string& server);
  std::size_t idle() const { return idle_.size(); }

 private:
  struct Idle {
    std::string server;
    Instant since;
    std::unique_ptr<Connection> connection;
  };
  struct Slots;
  void leave(const std::string& server);

  std::list<Idle> idle_;                                 ///< most recently used first
  std::map<std::string, std::shared_ptr<Slots>> slots_;  ///< servers in use now
};

/// LookupDef::open of the server types.
Result<std::unique_ptr<lang::LookupHandle>> open_server_pool(lang::Scope& scope, const std::string& file);

}  // namespace remex::lookups
