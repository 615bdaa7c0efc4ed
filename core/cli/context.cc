// Helpers shared by the modes: configuration, caller, scope.

#include <fmt/core.h>
#include <grp.h>
#include <pwd.h>
#include <sysexits.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "core/base/strings.h"
#include "core/cli/modes.h"
#include "core/daemon/courier.h"
#include "core/daemon/local_user.h"
#include "core/daemon/registries.h"
#include "core/hooks/hooks.h"
#include "core/io/fiber.h"
#include "core/mail/address.h"
#include "lang/diagnostics.h"
#include "lang/regex.h"
#include "routers/router.h"

namespace remex::cli {

std::string config_path(const Options& o) { return o.config_file.empty() ? "/etc/remex/remex.conf" : o.config_file; }

std::shared_ptr<const lang::Config> with_syslog_tag(const Options& o, std::shared_ptr<const lang::Config> config) {
  if (!config || o.syslog_tag.empty()) return config;
  const auto own = std::const_pointer_cast<lang::Config>(std::move(config));  // made as changeable, and ours alone
  own->main.log_file_path = {"syslog"};
  own->main.syslog_processname = o.syslog_tag;
  std::erase_if(own->main_given, [](const auto& g) { return g.def->name == "log_file_path"; });  // for -bP
  return own;
}

std::shared_ptr<const lang::Config> load(const Options& o, bool warnings) {
  auto files = std::make_shared<lang::SourceFiles>();
  lang::Diagnostics diag(*files);
  lang::LoadOptions lo;
  lo.macros = o.macros;
  lo.warn = warnings;
  auto config = lang::load_config(config_path(o), lo, daemon::all_registries(), diag, files);
  if (!config || (warnings && !diag.all().empty())) {
    const std::string text = diag.render();
    fmt::print(stderr, "{}", text);
  }
  return with_syslog_tag(o, std::move(config));
}

int complain(int code, std::string_view text) {
  fmt::print(stderr, "{}: {}\n", hooks::program(), text);
  return code;
}

int check_room(daemon::Process& process) {
  if (process.engine.store == nullptr) return 0;
  const Status room = process.services->room_for(0);
  if (room) return 0;
  process.services->log(static_cast<int>(lang::LogTarget::main_log), room.error().text);
  return complain(1, "insufficient disk space");
}

int with_process(const Options& o, const std::shared_ptr<const lang::Config>& config, bool read_only,
                 const std::function<int(daemon::Process&)>& f) {
  daemon::ProcessOptions po;
  po.verbose = o.verbose;
  if (!read_only) po.courier = start_courier(config);
  if (geteuid() == 0) {
    auto id = daemon::run_identity(*config);
    if (!id) return complain(EX_CONFIG, id.error().text);
    if (auto st = daemon::become(*id, *config); !st) return complain(EX_OSERR, st.error().text);
  }
  return io::run_loop([&]() -> int {
    po.store_read_only = read_only;
    auto p = daemon::Process::create(config, po);
    if (!p) return complain(EX_TEMPFAIL, p.error().text);
    enable_debug(o, **p);
    return f(**p);
  });
}

LocalScope::LocalScope(daemon::Process& p) {
  scope.config = p.engine.config.get();
  scope.services = p.services.get();
  scope.from = &from;
  scope.envelope = &envelope;
  scope.acl_c = &acl_c;
  scope.acl_m = &acl_m;
}

Caller find_caller(const lang::Config& config) {
  Caller c;
  c.uid = static_cast<long>(getuid());
  c.gid = static_cast<long>(getgid());
  const bool overridden = hooks::unknown_login_wins() && config.main.unknown_login.is_set();
  if (const passwd* pw = getpwuid(getuid()); pw != nullptr && !overridden) {
    c.login = pw->pw_name;
    c.gecos = daemon::full_name(config, c.login, pw->pw_gecos != nullptr ? pw->pw_gecos : "");
  } else {
    c.login = fmt::format("uid{}", c.uid);
    lang::Scope scope;
    scope.config = &config;
    scope.extra["caller_uid"] = std::to_string(c.uid);
    if (config.main.unknown_login.is_set())
      if (auto login = config.main.unknown_login.eval(scope); login && !login->empty()) c.login = login->str();
    c.gecos = config.main.unknown_username;
  }
  const auto& m = config.main;
  std::vector<gid_t> groups(256);
  const int n = getgroups(static_cast<int>(groups.size()), groups.data());
  groups.resize(n > 0 ? static_cast<std::size_t>(n) : 0);
  groups.push_back(getgid());
  const bool runs_as_us = c.login == m.exim_user || c.uid == static_cast<long>(geteuid());
  const auto in_our_group = [&] {  // looks into the user database, which may be a server on the network
    const auto own = daemon::run_identity(config);
    return own && own->gid != 0 &&
           std::find(groups.begin(), groups.end(), static_cast<gid_t>(own->gid)) != groups.end();
  };
  c.admin = c.uid == 0 || runs_as_us || in_our_group() || daemon::in_group_list(m.admin_groups, groups);
  c.trusted = daemon::is_trusted_user(config, c.login, c.uid, groups);
  return c;
}

void apply_origin(const Options& o, mail::ReceivedFrom& from) {
  // ADDRESS.PORT, as -oMa and -oMi take them
  const auto host_port = [](const std::string& given, std::string& address, int& port) {
    if (given.empty()) return;
    address = given;
    const auto dot = given.rfind('.');
    if (mail::is_ip_address(given) || dot == std::string::npos || !mail::is_ip_address(given.substr(0, dot))) return;
    address = given.substr(0, dot);
    port = static_cast<int>(parse_int(given.substr(dot + 1)).value_or(0));
  };
  host_port(o.host_address, from.host_address, from.host_port);
  host_port(o.interface_address, from.interface_address, from.interface_port);
  if (!o.host_name.empty()) from.host_name = o.host_name;
  if (!o.ident.empty()) from.ident = o.ident;
  if (!o.protocol.empty()) from.protocol = o.protocol;
  if (!o.authenticator.empty()) from.authenticator = o.authenticator;
  if (!o.authenticated_id.empty()) from.authenticated_id = o.authenticated_id;
  if (!o.authenticated_sender.empty()) from.authenticated_sender = o.authenticated_sender;
}

std::shared_ptr<io::Courier> start_courier(std::shared_ptr<const lang::Config> config) {
  if (geteuid() != 0) return nullptr;
  auto courier = daemon::make_courier(std::move(config), nullptr);
  if (!courier) fmt::print(stderr, "remex: no courier process: {}\n", courier.error().text);
  return courier ? *courier : nullptr;
}

std::shared_ptr<io::Courier> start_routing_courier(std::shared_ptr<const lang::Config> config) {
  return routers::may_ask_courier(*config) ? start_courier(std::move(config)) : nullptr;
}

void enable_debug(const Options& o, daemon::Process& p) {
  if (o.debug) p.services->debug_sink = [](std::string_view line) { fmt::print(stderr, "{}\n", line); };
}

}  // namespace remex::cli
