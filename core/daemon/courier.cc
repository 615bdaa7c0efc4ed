// See courier.h.
//
// A request names the transport or router it is for. The child looks it up in the configuration this process read
// itself, refuses users that driver cannot have (and root, and never_users), paths outside the constant start of the
// configured one, programs other than the configured one and groups that are not the user's or a driver's; then it
// becomes the user, for good, and does the work.
#include "core/daemon/courier.h"

#include <fmt/core.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <limits>

#include "core/base/strings.h"
#include "core/daemon/courier_groups.h"
#include "core/daemon/process.h"
#include "core/io/fiber.h"
#include "routers/courier_work.h"
#include "routers/filter_work.h"
#include "routers/router.h"
#include "transports/courier_work.h"
#include "transports/request_check.h"
#include "transports/transport.h"

namespace remex::daemon {
namespace {

std::string field(const io::Fields& f, const std::string& name) {
  const auto it = f.find(name);
  return it == f.end() ? std::string() : it->second;
}

/// A uid or gid of a request; -1: missing, or no id (which has 32 bits, and is not -1): it would be another one when
/// it is used.
std::int64_t id_field(const io::Fields& f, const std::string& name) {
  const auto n = parse_uint(field(f, name));
  return n && *n < std::numeric_limits<uid_t>::max() ? static_cast<std::int64_t>(*n) : -1;
}

std::int64_t uid_of(const std::string& user) {
  if (const auto n = parse_uint(user)) return static_cast<std::int64_t>(*n);
  const passwd* p = getpwnam(user.c_str());
  return p != nullptr ? static_cast<std::int64_t>(p->pw_uid) : -1;
}

/// What an option that names a user says about `uid`: constants must be it, expansions may be anything.
bool option_allows(const lang::Expansion& user, std::int64_t uid) {
  return !user.is_constant() || uid_of(std::string(trim(user.constant()))) == uid;
}

bool router_allows(const lang::DriverInstance& r, std::int64_t uid, bool& unset) {
  const auto& g = routers::generic(r);
  if (g.user.is_set()) return option_allows(g.user, uid);
  if (g.check_local_user) return getpwuid(static_cast<uid_t>(uid)) != nullptr;
  unset = true;
  return false;
}

bool transport_allows(const lang::Config& config, const lang::DriverInstance& t, std::int64_t uid) {
  const auto& g = transports::generic(t);
  if (g.user.is_set()) return option_allows(g.user, uid);
  bool unset = false;
  const bool allowed = std::any_of(config.routers.begin(), config.routers.end(),
                                   [&](const auto& r) { return router_allows(r, uid, unset); });
  if (!config.main.system_filter_user.empty() && uid == uid_of(config.main.system_filter_user)) return true;
  // pipe_as_creator: whoever submitted.
  const auto* creator = t.find_given("pipe_as_creator");
  if (allowed || creator != nullptr) return true;
  const auto own = run_identity(config);
  return unset && own && uid == own->uid;
}

Status check_user(const lang::Config& config, const io::Fields& f, std::int64_t uid) {
  if (uid <= 0) return fail(fmt::format("uid {} is never used for deliveries", uid));
  if (config.main.deliver_drop_privilege) {
    const auto own = run_identity(config);
    if (!own || uid != own->uid)
      return fail(fmt::format("with deliver_drop_privilege nothing is done as uid {}, only as exim_user", uid));
  }
  for (const std::string& name : config.main.never_users)
    if (uid_of(name) == uid) return fail(fmt::format("uid {} is on the never_users list", uid));
  if (const std::string name = field(f, "transport"); !name.empty()) {
    const auto* t = config.find_transport(name);
    if (t == nullptr) return fail(fmt::format("there is no transport \"{}\"", printable(name)));
    if (!transport_allows(config, *t, uid))
      return fail(fmt::format("the {} transport never runs as uid {}", t->name, uid));
    return {};
  }
  if (field(f, "system_filter") == "1") {
    if (field(f, "op") != "filter" || uid != uid_of(config.main.system_filter_user))
      return fail(fmt::format("the system filter never runs as uid {}", uid));
    return {};
  }
  const std::string name = field(f, "router");
  const auto* r = config.find_router(name);
  if (r == nullptr) return fail(fmt::format("there is no router \"{}\"", printable(name)));
  bool unset = false;
  if (field(f, "op") == "query") {
    const auto* user = r->find_given("command_user");
    if (user == nullptr || uid_of(user->value.text()) != uid)
      return fail(fmt::format("the {} router never runs commands as uid {}", r->name, uid));
    return {};
  }
  // require_files may name any user.
  if (field(f, "op") != "exists" && !router_allows(*r, uid, unset))
    return fail(fmt::format("the {} router never reads files as uid {}", r->name, uid));
  return {};
}

/// Do addresses bring files or commands of their own to this transport?
bool takes_redirections(const lang::Config& config, const lang::DriverInstance& t) {
  const auto names = [&t](const lang::Expansion& e) {
    return e.is_set() && (!e.is_constant() || trim(e.constant()) == t.name);
  };
  const auto& m = config.main;
  if (names(m.system_filter_pipe_transport) || names(m.system_filter_file_transport) ||
      names(m.system_filter_directory_transport) || names(m.system_filter_reply_transport))
    return true;
  for (const auto& r : config.routers)
    for (const char* option : {"pipe_transport", "file_transport", "directory_transport", "reply_transport"})
      if (const auto* given = r.find_given(option); given != nullptr) {
        const std::string name(trim(given->value.text()));
        if (name == t.name || name.find('$') != std::string::npos) return true;
      }
  return false;
}

/// A shadow transport gets the addresses of the one it stands behind.
bool gets_redirections(const lang::Config& config, const lang::DriverInstance& t) {
  return takes_redirections(config, t) ||
         std::any_of(config.transports.begin(), config.transports.end(), [&](const auto& other) {
           return transports::generic(other).shadow_transport == t.name && takes_redirections(config, other);
         });
}

Status check_transport_request(const lang::Config& config, const lang::DriverInstance& t, const io::Fields& f) {
  const auto& g = transports::generic(t);
  const bool filter = field(f, "op") == "command" && field(f, "filter") == "1";
  if (field(f, "op") == "command" || field(f, "op") == "lmtp")
    REMEX_CHECK(transports::check_environment(config, t, f, !filter));
  if (filter) return transports::check_filter(t, g.transport_filter, f);
  const auto* def = transports::find_transport_def(t.def);
  if (def == nullptr || def->may_ask == nullptr)
    return fail(fmt::format("the {} transport asks for nothing of this kind", t.name));
  REMEX_CHECK(def->may_ask(t, f, gets_redirections(config, t)));
  if (const std::string op = field(f, "op");
      op == "mbox" || op == "maildir" || op == "plain" || op == "mailstore" || op == "queuefile")
    for (const char* option : {"file", "directory"}) REMEX_CHECK(transports::check_home(config, t, option, f));
  return {};
}

Status check_router_request(const lang::DriverInstance& r, const io::Fields& f) {
  const std::string op = field(f, "op");
  if (op == "exists" && routers::generic(r).require_files.is_set()) return {};
  const auto* def = routers::find_router_def(r.def);
  if (def == nullptr || def->may_ask == nullptr)
    return fail(fmt::format("the {} router never asks for \"{}\"", r.name, printable(op)));
  return def->may_ask(r, f);
}

/// Is it something that this configuration asks for at all? After check_user(), which knows the names.
Status check_operation(const lang::Config& config, const io::Fields& f) {
  if (const auto* t = config.find_transport(field(f, "transport")); t != nullptr) {
    if (!field(f, "router").empty()) return fail("a router's request has no transport");
    return check_transport_request(config, *t, f);
  }
  if (field(f, "system_filter") == "1")
    return field(f, "options") == lang::filter::encode(routers::system_filter_options())
               ? Status()
               : fail("the system filter has other options");
  const auto* r = config.find_router(field(f, "router"));
  return r != nullptr ? check_router_request(*r, f) : fail("no router");
}

/// Gives up everything but the right to act as this user. False: nothing may be done.
bool become_user(const io::Fields& f, uid_t uid, gid_t gid) {
  const passwd* p = field(f, "initgroups") == "1" ? getpwuid(uid) : nullptr;
  if (p != nullptr) {
    if (initgroups(p->pw_name, gid) != 0) return false;
  } else if (setgroups(1, &gid) != 0) {
    return false;
  }
  if (setresgid(gid, gid, gid) != 0 || setresuid(uid, uid, uid) != 0) return false;
  if (setresuid(0, 0, 0) == 0 || geteuid() != uid || getegid() != gid) return false;
  (void)prctl(PR_SET_DUMPABLE, 0);
  (void)umask(077);
  return true;
}

/// A user's filter, in a loop of its own: its expansions may look things up.
io::Fields run_filter(const std::shared_ptr<const lang::Config>& config, const io::Fields& f) {
  io::Fields answer{{"error", "the filter was not run"}};
  (void)io::run_loop([&]() -> int {
    auto process = Process::create_with(config, nullptr, nullptr);
    if (!process) {
      answer["error"] = process.error().text;
      return 1;
    }
    answer = routers::perform_filter(f, *config, *(*process)->services);
    return 0;
  });
  return answer;
}

/// One request, in its own child (privileged) or thread.
void serve(const std::shared_ptr<const lang::Config>& shared, int fd, bool privileged) {
  const lang::Config& config = *shared;
  auto f = io::read_fields(fd);
  if (!f) return;
  const auto refuse = [&](const std::string& why) {
    (void)io::write_fields(fd, {{"error", fmt::format("request refused: {}", why)}, {"errno", "1"}});
  };
  const std::int64_t uid = id_field(*f, "uid"), gid = id_field(*f, "gid");
  if (uid < 0 || gid < 0) return refuse("no user");
  if (privileged) {
    if (Status ok = check_request(config, *f); !ok) return refuse(ok.error().text);
    if (!become_user(*f, static_cast<uid_t>(uid), static_cast<gid_t>(gid)))
      return refuse(fmt::format("cannot become uid {} gid {}", uid, gid));
  } else if (static_cast<uid_t>(uid) != geteuid()) {
    return refuse(fmt::format("cannot act as uid {}: not started as root", uid));
  }
  if (field(*f, "op") == "filter") {
    (void)io::write_fields(fd, run_filter(shared, *f));
    return;
  }
  auto answer = routers::perform_request(*f);
  if (!answer) answer = transports::perform_request(*f, fd);
  if (!answer) return refuse("unknown request");
  // These answer for themselves when they can.
  const std::string op = field(*f, "op");
  if ((op != "lmtp" && op != "mbox") || !answer->empty()) (void)io::write_fields(fd, *answer);
}

}  // namespace

Status check_request(const lang::Config& config, const io::Fields& f) {
  const std::int64_t uid = id_field(f, "uid"), gid = id_field(f, "gid");
  REMEX_CHECK(check_user(config, f, uid));
  REMEX_CHECK(check_group(config, f, uid, gid));
  return check_operation(config, f);
}

Result<std::shared_ptr<io::Courier>> make_courier(std::shared_ptr<const lang::Config> config, Reload reload) {
  auto held = std::make_shared<std::shared_ptr<const lang::Config>>(std::move(config));
  io::CourierWork work = [held](int fd, bool privileged) { serve(*held, fd, privileged); };
  if (geteuid() != 0) return io::make_thread_courier(std::move(work));
  return io::start_courier_process(std::move(work), [held, reload = std::move(reload)] {
    if (!reload) return;
    if (auto fresh = reload()) *held = std::move(fresh);
  });
}

}  // namespace remex::daemon
