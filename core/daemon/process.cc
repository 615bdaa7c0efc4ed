// See process.h.

#include "core/daemon/process.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <grp.h>
#include <netdb.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/printable_mode.h"
#include "core/base/strings.h"
#include "core/daemon/courier.h"
#include "core/daemon/hand_over.h"
#include "core/hooks/hooks.h"
#include "transports/smtp_dialogue.h"

namespace remex::daemon {

std::string host_name(const lang::Config& config) {
  if (!config.main.primary_hostname.empty()) return config.main.primary_hostname;
  char buf[256] = {};
  if (gethostname(buf, sizeof buf - 1) != 0) return "localhost";
  return buf;
}

Status can_replace(const lang::Config& old, const lang::Config& fresh) {
  if (fresh.main.spool_directory == old.main.spool_directory && fresh.main.exim_user == old.main.exim_user) return {};
  return fail("spool_directory and exim_user cannot change while running");
}

Result<log::LogConfig> log_config(const lang::Config& config) {
  const auto& m = config.main;
  log::LogConfig c;
  c.file_path = join(m.log_file_path, ":");
  c.spool_directory = m.spool_directory;
  auto sel = log::parse_selectors(m.log_selector);
  if (!sel) return fail(ErrorKind::config, fmt::format("log_selector: {}", sel.error().text));
  c.selectors = *sel;
  c.timestamps_in_syslog = m.syslog_timestamp;
  if (!m.syslog_facility.empty()) c.syslog_facility = m.syslog_facility;
  c.syslog_processname = m.syslog_processname;
  c.write_rejectlog = m.write_rejectlog;
  c.timezone = m.timezone;
  c.log_timezone = m.log_timezone;
  c.syslog_pid = m.syslog_pid;
  c.syslog_duplication = m.syslog_duplication;
  show_high_bytes(m.print_topbitchars);
  return c;
}

namespace {

std::string retry_mark(const std::string& spool) { return spool + "/db/retry"; }

/// Test mode: scripts forget retry hints by removing this file. It is there when hints are.
void obey_retry_mark(store::Store& store, const std::string& spool) {
  auto all = store.all_retry();
  if (!all || all->empty() || access(retry_mark(spool).c_str(), F_OK) == 0) return;
  for (const auto& r : *all) (void)store.delete_retry(r.key);
}

void leave_retry_mark(const Process& p) {
  auto all = p.engine.store->all_retry();
  if (!all || all->empty()) return;
  const int fd = open(retry_mark(p.engine.config->main.spool_directory).c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0640);
  if (fd >= 0) close(fd);
}

}  // namespace

Process::~Process() {
  if (hooks::active() && engine.store && engine.config) leave_retry_mark(*this);
}

Result<std::shared_ptr<Process>> Process::create_with(std::shared_ptr<const lang::Config> config,
                                                      std::shared_ptr<store::Store> store,
                                                      std::shared_ptr<log::Log> log) {
  auto p = std::make_shared<Process>();
  p->engine.config = config;
  p->engine.store = std::move(store);
  p->engine.log = std::move(log);
  p->engine.limits = std::make_shared<transports::DestinationLimits>(
      p->engine.store ? config->main.spool_directory + "/db/destinations" : std::string());
  if (p->engine.store)
    p->engine.store->set_hints_max(static_cast<std::size_t>(std::max<std::int64_t>(0, config->main.hints_max_records)));
  p->services = std::make_unique<ProcessServices>(p->engine);
  p->primary_hostname = host_name(*config);
  // Somebody who is not root does the work of other processes in threads; root needs make_courier() (see daemon.cc).
  if (geteuid() != 0)
    if (auto courier = make_courier(config, nullptr)) p->services->set_courier(std::move(*courier));
  p->services->on_submitted = [weak = std::weak_ptr(p)](store::StoredMessage&& m) {
    auto strong = weak.lock();
    if (!strong) return;
    if (strong->server.accepted) return strong->server.accepted(std::move(m), false);
    delivery::DeliverOptions opt;
    opt.first_attempt = true;
    (void)delivery::deliver_fresh(strong->engine, std::move(m), opt);
  };
  p->server.config = config;
  p->server.store = p->engine.store;
  p->server.log = p->engine.log;
  p->server.services = p->services.get();
  p->server.primary_hostname = p->primary_hostname;
  p->server.expand_address = [engine = &p->engine](lang::Scope& scope, const std::string& address) {
    auto e = delivery::expand_address(*engine, scope, address);
    return smtp::Server::Expanded{e.kind, std::move(e.addresses), std::move(e.message)};
  };
  p->server.deliver_through = [engine = &p->engine](store::StoredMessage& msg) {
    using To = smtp::Server::Through::Kind;
    const delivery::Through t = delivery::deliver_through(*engine, msg);
    smtp::Server::Through out{To::not_now, t.code, t.text, t.log_message};
    switch (t.kind) {
      case delivery::Through::Kind::delivered: out.kind = To::delivered; break;
      case delivery::Through::Kind::refused: out.kind = To::refused; break;
      case delivery::Through::Kind::deferred: out.kind = To::deferred; break;
      case delivery::Through::Kind::not_possible: break;
    }
    return out;
  };
  return p;
}

Result<std::shared_ptr<Process>> Process::create(std::shared_ptr<const lang::Config> config,
                                                 const ProcessOptions& opt) {
  if (!config->main.timezone.empty()) set_timezone(config->main.timezone);
  REMEX_TRY(auto lc, log_config(*config));
  lc.only_stderr = opt.log_to_stderr_only;
  lc.verbose = opt.verbose;
  transports::SmtpDialogue::show(opt.verbose);
  lc.panic_to_stderr = opt.panic_to_stderr && !opt.server;
  REMEX_TRY(auto log, log::Log::open(lc));
  std::shared_ptr<store::Store> store;
  if (opt.want_store) {
    store::StoreOptions so;
    so.directory = config->main.spool_directory;
    so.read_only = opt.store_read_only;
    so.server = opt.server;
    REMEX_TRY(store, store::Store::open(so));
    if (hooks::active() && !so.read_only) {
      hooks::make_directories(so.directory);
      obey_retry_mark(*store, so.directory);
    }
  }
  REMEX_TRY(auto p, create_with(config, std::move(store), std::move(log)));
  if (opt.courier) {
    p->services->set_courier(opt.courier);
    if (p->engine.store) opt.courier->hold(p->engine.store->lock_descriptor());
  }
  return p;
}

LocalScope::LocalScope(Process& p) {
  scope.config = p.engine.config.get();
  scope.services = p.services.get();
  scope.from = &from;
  scope.envelope = &envelope;
  scope.acl_c = &acl_c;
  scope.acl_m = &acl_m;
}

Result<Identity> run_identity(const lang::Config& config) {
  Identity id;
  const auto& m = config.main;
  bool given = false;
  for (const auto& g : config.main_given) given = given || g.def->name == "exim_user";
  const passwd* pw = nullptr;
  if (const auto n = parse_uint(m.exim_user)) {
    pw = getpwuid(static_cast<uid_t>(*n));
    id.uid = static_cast<unsigned>(*n);
  } else {
    pw = getpwnam(m.exim_user.c_str());
    if (pw == nullptr && !given) pw = getpwnam("mail");
    if (pw == nullptr)
      return fail(ErrorKind::config,
                  fmt::format("exim_user \"{}\" does not exist; make the user or set exim_user", m.exim_user));
    id.uid = pw->pw_uid;
  }
  id.gid = pw != nullptr ? pw->pw_gid : id.uid;
  id.user = pw != nullptr ? pw->pw_name : m.exim_user;
  for (const auto& g : config.main_given) {
    if (g.def->name != "exim_group") continue;
    if (const auto n = parse_uint(m.exim_group))
      id.gid = static_cast<unsigned>(*n);
    else if (const group* gr = getgrnam(m.exim_group.c_str()); gr != nullptr)
      id.gid = gr->gr_gid;
    else
      return fail(ErrorKind::config, fmt::format("exim_group \"{}\" does not exist", m.exim_group));
  }
  return id;
}

Status drop_root(const Identity& id) {
  if (id.uid == 0) return {};
  if (initgroups(id.user.c_str(), id.gid) != 0 || setresgid(id.gid, id.gid, id.gid) != 0 ||
      setresuid(id.uid, id.uid, id.uid) != 0)
    return fail_errno(errno, fmt::format("cannot become user {}", id.user));
  if (setresuid(0, 0, 0) == 0) return fail("giving up root did not work");
  (void)prctl(PR_SET_DUMPABLE, 0);
  return {};
}

Status become(const Identity& id, const lang::Config& config) {
  if (geteuid() != 0) return {};
  if (auto given = hand_over_directories(id, config, HandOver::missing); !given)
    return std::unexpected(std::move(given.error()));
  return drop_root(id);
}

}  // namespace remex::daemon
