// The user of a local delivery: found by name on the loop, put on per thread while files are written.
#include <fmt/core.h>
#include <grp.h>
#include <pwd.h>
#include <sys/fsuid.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>

#include "core/base/clock.h"
#include "core/base/strings.h"
#include "core/io/accounts.h"
#include "core/io/fiber.h"
#include "transports/internal.h"

namespace remex::transports {
namespace {

struct Account {
  std::string name;
  uid_t uid = 0;
  gid_t gid = 0;
  bool has_gid = false;
};

/// Names found lately. A burst of deliveries asks the system once (which may read files or ask a directory server), a
/// changed account is noticed within seconds. What was not found is asked for every time. Used on the loop's thread
/// only.
template <class T>
class Recent {
 public:
  std::optional<T> find(const std::string& name) const {
    const auto it = entries_.find(name);
    if (it == entries_.end() || monotonic_now() - it->second.second > kKeep) return std::nullopt;
    return it->second.first;
  }
  void keep(const std::string& name, const T& value) {
    if (entries_.size() >= kMost) entries_.clear();
    entries_.insert_or_assign(name, std::pair(value, monotonic_now()));
  }

 private:
  static constexpr Millis kKeep{5000};
  static constexpr std::size_t kMost = 10000;
  std::unordered_map<std::string, std::pair<T, Instant>> entries_;
};

/// Asked for anew after each wait.
template <class T>
Recent<T>& recent() {
  thread_local Recent<T> names;
  return names;
}

Result<Account> read_user(const std::string& user) {
  return io::offload([&user]() -> Result<Account> {
    std::string buf;
    passwd entry{};
    passwd* found = nullptr;
    if (const auto n = parse_uint(user)) {
      const uid_t uid = static_cast<uid_t>(*n);
      io::account_entry(::getpwuid_r, uid, entry, buf, found);
      if (found == nullptr) return Account{{}, uid, 0, false};
    } else {
      const int err = io::account_entry(::getpwnam_r, user.c_str(), entry, buf, found);
      if (found == nullptr) return err == 0 ? fail(ErrorKind::not_found, {}) : defer(std::strerror(err));
    }
    return Account{found->pw_name, found->pw_uid, found->pw_gid, true};
  });
}

Result<Account> look_up_user(const std::string& user) {
  if (auto known = recent<Account>().find(user)) return *known;
  auto found = read_user(user);
  if (found && found->has_gid) recent<Account>().keep(user, *found);
  return found;
}

Result<gid_t> read_group(const std::string& name) {
  return io::offload([&name]() -> Result<gid_t> {
    std::string buf;
    group entry{};
    group* found = nullptr;
    const int err = io::account_entry(::getgrnam_r, name.c_str(), entry, buf, found);
    if (found == nullptr) return err == 0 ? fail(ErrorKind::not_found, {}) : defer(std::strerror(err));
    return found->gr_gid;
  });
}

Result<gid_t> look_up_group(const std::string& name) {
  if (const auto n = parse_uint(name)) return static_cast<gid_t>(*n);
  if (auto known = recent<gid_t>().find(name)) return *known;
  auto found = read_group(name);
  if (found) recent<gid_t>().keep(name, *found);
  return found;
}

/// The transport's user or group, else the router's. `what`: "user" or "group".
Result<std::string> option_or(DeliverContext& ctx, const lang::DriverInstance& t, const lang::Expansion& e,
                              const std::string& fallback, std::string_view what, int number) {
  if (!e.is_set()) return fallback;
  auto text = e.eval(ctx.scope);
  if (!text)
    return misconfigured_from_start(ctx,
                                    fmt::format("Failed to expand {} string \"{}\" for the {} transport: {}", what,
                                                e.source_text(), t.name, text.error().text),
                                    number);
  return std::string(trim(text->view()));
}

/// The user or the group (`what`) is not known to the system, or the system could not be asked: `why`.
std::unexpected<Error> not_found(DeliverContext& ctx, const lang::DriverInstance& t, const lang::Expansion& e,
                                 std::string_view what, const std::string& name, const Error& why,
                                 std::string_view advice = {}) {
  std::string text = fmt::format("Failed to find {} \"{}\"", what, printable(name));
  if (e.is_set()) text += fmt::format(" from expanded string \"{}\"", e.source_text());
  text += fmt::format(" for the {} transport{}", t.name, advice);
  if (why.kind != ErrorKind::not_found) text += ": " + why.text;
  return misconfigured_from_start(ctx, text, what == "user" ? kNoUser : kNoGroup);
}

/// `named`: the configuration forbids it; else it is root, whom nothing allows.
std::unexpected<Error> forbidden(DeliverContext& ctx, const lang::DriverInstance& t, uid_t uid, bool named) {
  return misconfigured_from_start(ctx,
                                  fmt::format("User {} set for {} transport is on the {} list", uid, t.name,
                                              named ? "never_users" : "fixed_never_users"),
                                  kNoUser);
}

bool is_never_user(const lang::Config& config, const Account& a) {
  return std::any_of(config.main.never_users.begin(), config.main.never_users.end(), [&](const std::string& n) {
    const auto number = parse_uint(n);
    return number ? *number == a.uid : n == a.name;
  });
}

}  // namespace

Result<Identity> find_identity(DeliverContext& ctx, const lang::DriverInstance& t, const routers::Addr& addr) {
  const TransportGeneric& g = generic(t);
  REMEX_TRY(std::string user, option_or(ctx, t, g.user, addr.user, "user", kNoUser));
  REMEX_TRY(std::string group_name, option_or(ctx, t, g.group, addr.group, "group", kNoGroup));
  const bool root = geteuid() == 0;
  const bool own_user = user.empty();  // nobody asked for a user: this is exim_user
  if (own_user) {
    if (!root) return Identity{geteuid(), getegid(), {}, false};
    user = ctx.config.main.exim_user;
    if (group_name.empty()) group_name = ctx.config.main.exim_group;
  }
  auto account = look_up_user(user);
  if (!account)
    return not_found(ctx, t, g.user, "user", user, account.error(), own_user ? " (set exim_user, or user there)" : "");
  Identity id{account->uid, account->gid, {}, false};
  if (!group_name.empty()) {
    auto gid = look_up_group(group_name);
    // exim_group may be left at its default by somebody who only sets exim_user.
    if (!gid && !(own_user && account->has_gid)) return not_found(ctx, t, g.group, "group", group_name, gid.error());
    if (gid) id.gid = *gid;
  } else if (!account->has_gid) {
    return misconfigured_from_start(ctx, fmt::format("User set without group for {} transport", t.name), kNoGroup);
  }
  const bool never = is_never_user(ctx.config, *account);
  if (!root) {
    const io::Courier* courier = ctx.scope.services != nullptr ? ctx.scope.services->courier() : nullptr;
    const bool privileged = courier != nullptr && courier->privileged();
    if (id.uid == geteuid() && (id.gid == getegid() || !privileged)) return id;
    if (!privileged)
      return defer(
          fmt::format("{} transport: cannot deliver as user {}: not started as root", t.name, printable(user)));
    if (id.uid == 0 || never) return forbidden(ctx, t, id.uid, never);
    id.change = id.courier = true;
    id.initgroups = (g.initgroups || addr.initgroups) && !account->name.empty();
    return id;
  }
  // root's mail is never written by root, unless the whole program was told to be root.
  if ((id.uid == 0 && !own_user) || never) return forbidden(ctx, t, id.uid, never);
  if ((g.initgroups || addr.initgroups) && !account->name.empty()) {
    const Identity copy = id;
    id.groups = io::offload([&] {
      std::vector<gid_t> groups(64);
      int n = static_cast<int>(groups.size());
      if (getgrouplist(account->name.c_str(), copy.gid, groups.data(), &n) < 0) n = 0;
      groups.resize(static_cast<std::size_t>(n));
      return groups;
    });
  }
  id.change = id.uid != 0 || id.gid != getegid();
  return id;
}

FileIdentity::FileIdentity(const Identity& id) {
  if (!id.change) return;
  const int n = getgroups(0, nullptr);
  saved_groups_.resize(static_cast<std::size_t>(std::max(n, 0)));
  if (n > 0 && getgroups(n, saved_groups_.data()) < 0) ok_ = false;
  // The raw calls change this thread only; glibc's wrappers would change all threads.
  changed_ = true;
  if (syscall(SYS_setgroups, id.groups.size(), id.groups.data()) != 0) ok_ = false;
  setfsgid(id.gid);
  setfsuid(id.uid);  // from root to another user this also drops the right to pass over file permissions
  if (static_cast<gid_t>(setfsgid(static_cast<gid_t>(-1))) != id.gid) ok_ = false;
  if (static_cast<uid_t>(setfsuid(static_cast<uid_t>(-1))) != id.uid) ok_ = false;
}

FileIdentity::~FileIdentity() {
  if (!changed_) return;
  setfsuid(geteuid());
  setfsgid(getegid());
  syscall(SYS_setgroups, saved_groups_.size(), saved_groups_.data());
}

}  // namespace remex::transports
