// What every mode of the program needs: configuration loaded, log and store opened, services made; identities.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "core/daemon/services.h"
#include "core/delivery/delivery.h"
#include "core/smtp/server.h"
#include "lang/config.h"

namespace remex::daemon {

struct ProcessOptions {
  bool want_store = true;
  bool verbose = false;             ///< -v: log lines on stderr too
  bool log_to_stderr_only = false;  ///< -bh, -bt, -be, mua_wrapper errors
  bool panic_to_stderr = true;      ///< lines for the panic log on stderr too: somebody is looking; never a server's
  bool store_read_only = false;
  bool server = false;                   ///< stays and takes mail (StoreOptions::server)
  std::shared_ptr<io::Courier> courier;  ///< null: requests run in threads of this process
};

/// One loaded configuration with everything that hangs on it. A reload makes a second one; sessions and deliveries in
/// flight keep the first alive.
struct Process {
  delivery::Engine engine;
  std::unique_ptr<ProcessServices> services;
  smtp::Server server;
  std::string primary_hostname;

  Process() = default;
  ~Process();
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  /// Opens log and store for `config`. Error: operator text.
  static Result<std::shared_ptr<Process>> create(std::shared_ptr<const lang::Config> config, const ProcessOptions& opt);
  /// With a log and store that stay open (reload with the same paths).
  static Result<std::shared_ptr<Process>> create_with(std::shared_ptr<const lang::Config> config,
                                                      std::shared_ptr<store::Store> store,
                                                      std::shared_ptr<log::Log> log);
};

/// A scope for tests and local work: config and services set, from/envelope owned here.
struct LocalScope {
  explicit LocalScope(Process& p);
  mail::ReceivedFrom from;
  mail::Envelope envelope;
  std::map<std::string, Text> acl_c, acl_m;
  lang::Scope scope;
};

/// primary_hostname of the configuration, or the host's own name.
std::string host_name(const lang::Config& config);
/// May `fresh` take the place of `old` in a running daemon? Error: what cannot change, for the log.
Status can_replace(const lang::Config& old, const lang::Config& fresh);
/// core/log's view of the configuration. Error: a bad log_selector.
Result<log::LogConfig> log_config(const lang::Config& config);

/// uid and gid the program runs as after it gave up root: exim_user / exim_group; `mail` when the default user does not
/// exist.
struct Identity {
  unsigned uid = 0, gid = 0;
  std::string user;
};
Result<Identity> run_identity(const lang::Config& config);
/// Becomes `id` for good (all threads, no way back): no user, group or capability of root's is left. Only for root.
Status drop_root(const Identity& id);
/// Hands over what is missing (hand_over.h) and drops root; nothing when not called by root.
Status become(const Identity& id, const lang::Config& config);

}  // namespace remex::daemon
