// Router preconditions, in the documented order: repeat_use, affixes, verify/address_test/verify_only/expn, domains,
// local_parts, check_local_user, router_home_directory, senders, require_files, condition. A condition that fails skips
// the router; one that cannot be tested defers the address.
#include <fmt/core.h>
#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <optional>

#include "core/base/strings.h"
#include "core/io/accounts.h"
#include "core/io/fiber.h"
#include "routers/courier_work.h"
#include "routers/internal.h"

namespace remex::routers {
namespace {

GateResult run() { return {Gate::run, {}}; }
GateResult skip(std::string why) { return {Gate::skip, std::move(why)}; }
/// The reason is for the debug output only.
template <class... A>
GateResult skip_for(const RouteContext& ctx, fmt::format_string<A...> why, A&&... args) {
  return {Gate::skip, debugging(ctx) ? fmt::format(why, std::forward<A>(args)...) : std::string()};
}
GateResult defer_gate(std::string why) { return {Gate::defer, std::move(why)}; }

// ------------------------------------------------------------------ affixes

/// Longest match of "*<tail>" at the start of `local`, or of a plain prefix; npos when it does not match.
std::size_t match_prefix(std::string_view item, std::string_view local) {
  if (!item.starts_with('*')) return istarts_with(local, item) ? item.size() : std::string_view::npos;
  const std::string_view tail = item.substr(1);
  for (std::size_t at = local.size() + 1; at-- > 0;)
    if (at + tail.size() <= local.size() && istarts_with(local.substr(at), tail)) return at + tail.size();
  return std::string_view::npos;
}

/// Length of the longest suffix of `local` that matches "<head>*" or a plain suffix; npos when none does.
std::size_t match_suffix(std::string_view item, std::string_view local) {
  if (!item.ends_with('*')) return iends_with(local, item) ? item.size() : std::string_view::npos;
  const std::string_view head = item.substr(0, item.size() - 1);
  for (std::size_t at = 0; at + head.size() <= local.size(); ++at)
    if (istarts_with(local.substr(at), head)) return local.size() - at;
  return std::string_view::npos;
}

bool take_prefix(const RouterGeneric& g, lang::AddressState& s) {
  for (const std::string& item : g.local_part_prefix) {
    const std::size_t n = match_prefix(item, s.local_part);
    if (n == std::string_view::npos) continue;
    s.prefix = s.local_part.substr(0, n);
    if (item.starts_with('*')) {
      s.prefix_v = s.prefix.substr(0, n - (item.size() - 1));
      s.prefix_tainted = true;
    } else {
      s.prefix = item;  // the configuration's own text: not tainted
    }
    s.local_part.erase(0, n);
    return true;
  }
  return false;
}

bool take_suffix(const RouterGeneric& g, lang::AddressState& s) {
  for (const std::string& item : g.local_part_suffix) {
    const std::size_t n = match_suffix(item, s.local_part);
    if (n == std::string_view::npos) continue;
    s.suffix = s.local_part.substr(s.local_part.size() - n);
    if (item.ends_with('*')) {
      s.suffix_v = s.suffix.substr(item.size() - 1);
      s.suffix_tainted = true;
    } else {
      s.suffix = item;
    }
    s.local_part.erase(s.local_part.size() - n);
    return true;
  }
  return false;
}

// ------------------------------------------------------------------ lists

/// Matches a list; `data` gets the value of the match. forced failure and no match skip.
GateResult test_list(RouteContext& ctx, const lang::MatchList& list, std::string_view what, const std::string& subject,
                     bool caseful, Text& data) {
  auto m = list.match_tainted(ctx.scope, subject, {.caseful = caseful});
  if (!m) {
    if (m.error().kind == ErrorKind::forced_fail) return skip_for(ctx, "{} mismatch (forced failure)", what);
    return defer_gate(fmt::format("{} check: {}", what, m.error().text));
  }
  if (!m->matched) return skip_for(ctx, "{} mismatch", what);
  data = std::move(m->data);
  return run();
}

// ------------------------------------------------------------------ local users

struct LocalUser {
  std::string name, home;
  uid_t uid = 0;
  gid_t gid = 0;
};

/// nullopt: no such user. The account database may be remote, so this runs in the thread pool.
Result<std::optional<LocalUser>> find_user(const std::string& name) {
  if (name.empty() || name.find('\0') != std::string::npos) return std::nullopt;
  return io::offload([&name]() -> Result<std::optional<LocalUser>> {
    std::string buf;
    passwd entry{};
    passwd* found = nullptr;
    const int err = io::account_entry(::getpwnam_r, name.c_str(), entry, buf, found);
    if (found != nullptr) return LocalUser{entry.pw_name, entry.pw_dir, entry.pw_uid, entry.pw_gid};
    if (err == 0 || err == ENOENT || err == ESRCH || err == EBADF || err == EPERM) return std::nullopt;
    return defer(fmt::format("cannot look up user \"{}\": {}", printable(name), std::strerror(err)));
  });
}

Result<std::optional<gid_t>> find_group(const std::string& name) {
  return io::offload([&name]() -> Result<std::optional<gid_t>> {
    std::string buf;
    group entry{};
    group* found = nullptr;
    const int err = io::account_entry(::getgrnam_r, name.c_str(), entry, buf, found);
    if (found != nullptr) return entry.gr_gid;
    if (err == 0 || err == ENOENT || err == ESRCH) return std::nullopt;
    return defer(fmt::format("cannot look up group \"{}\": {}", printable(name), std::strerror(err)));
  });
}

GateResult test_local_user(Addr& addr) {
  auto user = find_user(addr.state.local_part);
  if (!user) return defer_gate(user.error().text);
  if (!*user) return skip("check_local_user: no such user");
  lang::AddressState& s = addr.state;
  s.home = (*user)->home;
  s.home_tainted = false;
  s.local_user_uid = (*user)->uid;
  s.local_user_gid = (*user)->gid;
  if (s.local_part_data.empty()) s.local_part_data = Text::clean((*user)->name);
  return run();
}

// ------------------------------------------------------------------ require_files

enum class Presence { present, absent, denied, unknown };

/// A path made with data from a peer may not walk: "." and ".." count as missing.
bool has_dot_component(std::string_view path) {
  for (std::string_view part : split(path, '/'))
    if (part == "." || part == "..") return true;
  return false;
}

Presence test_path(const std::string& path, std::string& why) {
  // In place, not in the thread pool: the answer is in the directory cache nearly always.
  struct stat st{};
  if (::stat(path.c_str(), &st) == 0) return Presence::present;
  const int err = errno;
  if (err == ENOENT || err == ENOTDIR || err == ENAMETOOLONG || err == ELOOP) return Presence::absent;
  why = fmt::format("require_files: {}: {}", printable(path), std::strerror(err));
  return err == EACCES ? Presence::denied : Presence::unknown;
}

bool has_permission(const struct stat& st, uid_t uid, gid_t gid, unsigned bit) {
  if (uid == 0) return true;
  if (st.st_uid == uid) return (st.st_mode & (bit << 6)) != 0;
  if (st.st_gid == gid) return (st.st_mode & (bit << 3)) != 0;
  return (st.st_mode & bit) != 0;
}

/// The rough access check for another user: x on each directory, r on the last component.
bool may_read(const std::string& path, uid_t uid, gid_t gid) {
  for (std::size_t at = path.find('/', 1);; at = path.find('/', at + 1)) {
    const bool last = at == std::string::npos;
    struct stat st{};
    if (::stat(path.substr(0, at).c_str(), &st) != 0) return true;  // the plain test reports it
    if (!has_permission(st, uid, gid, last ? 4U : 1U)) return false;
    if (last || at + 1 == path.size()) return true;
  }
}

struct CheckAs {
  bool set = false;
  uid_t uid = 0;
  gid_t gid = 0;
};

/// "user" or "user,group" for the items behind it. nullopt = does not exist (the router is skipped).
Result<std::optional<CheckAs>> resolve_check_as(std::string_view item) {
  const auto comma = item.find(',');
  const std::string user_name(trim(item.substr(0, comma)));
  CheckAs as{.set = true};
  if (auto n = parse_uint(user_name)) {
    as.uid = as.gid = static_cast<uid_t>(*n);
  } else {
    REMEX_TRY(auto user, find_user(user_name));
    if (!user) return std::nullopt;
    as.uid = user->uid;
    as.gid = user->gid;
  }
  if (comma == std::string_view::npos) return as;
  const std::string group_name(trim(item.substr(comma + 1)));
  if (auto n = parse_uint(group_name)) {
    as.gid = static_cast<gid_t>(*n);
    return as;
  }
  REMEX_TRY(auto gid, find_group(group_name));
  if (!gid) return std::nullopt;
  as.gid = *gid;
  return as;
}

/// The same as the user, when this process can become it: directories only that user may enter are seen.
Presence test_path_as(RouteContext& ctx, const lang::DriverInstance& r, const std::string& path, const CheckAs& as,
                      std::string& why) {
  const io::Courier* courier = ctx.scope.services != nullptr ? ctx.scope.services->courier() : nullptr;
  if (!as.set || as.uid == 0 || as.uid == ::geteuid() || courier == nullptr || !courier->privileged()) {
    const Presence p = test_path(path, why);
    if (p == Presence::present && as.set && !may_read(path, as.uid, as.gid)) {
      why = fmt::format("require_files: {}: not accessible for uid {}", printable(path), as.uid);
      return Presence::denied;
    }
    return p;
  }
  auto answer = ask_as_user(ctx, r, as.uid, as.gid, {{"op", "exists"}, {"path", path}});
  if (!answer || answer->contains("error")) {
    why = fmt::format("require_files: {}", answer ? (*answer)["error"] : answer.error().text);
    return Presence::unknown;
  }
  const auto err = static_cast<int>(parse_int((*answer)["errno"]).value_or(EIO));
  if (err == 0) return Presence::present;
  if (err == ENOENT || err == ENOTDIR || err == ENAMETOOLONG || err == ELOOP) return Presence::absent;
  why = fmt::format("require_files: {}: {}", printable(path), std::strerror(err));
  return err == EACCES ? Presence::denied : Presence::unknown;
}

GateResult test_one_file(RouteContext& ctx, const lang::DriverInstance& r, std::string_view item, bool tainted,
                         const CheckAs& as) {
  bool want = true, denied_is_absent = false;
  for (;; item.remove_prefix(1)) {
    item = trim_left(item);
    if (item.starts_with('!')) {
      want = false;
    } else if (item.starts_with('+')) {
      denied_is_absent = true;
    } else {
      break;
    }
  }
  const std::string path(item);
  if (!path.starts_with('/'))
    return defer_gate(fmt::format("require_files: \"{}\" is not an absolute path", printable(path)));
  std::string why;
  Presence p = Presence::absent;
  if (path.find('\0') == std::string::npos && !(tainted && has_dot_component(path)))
    p = test_path_as(ctx, r, path, as, why);
  if (p == Presence::unknown) return defer_gate(why);
  if (p == Presence::denied) {
    if (!denied_is_absent) return defer_gate(why);
    p = Presence::absent;
  }
  if ((p == Presence::present) == want) return run();
  return skip(fmt::format("require_files: {} {}", printable(path), want ? "does not exist" : "exists"));
}

GateResult test_files(RouteContext& ctx, const lang::DriverInstance& driver, const RouterGeneric& g) {
  CheckAs as;
  for (const lang::Expansion& e : g.require_files_items) {
    auto text = e.eval(ctx.scope);
    if (!text) {
      if (text.error().kind == ErrorKind::forced_fail) continue;
      return defer_gate(fmt::format("require_files: {}", text.error().text));
    }
    const std::string_view item = trim(text->view());
    if (item.empty()) continue;
    if (item.find('/') == std::string_view::npos) {
      auto who = resolve_check_as(item);
      if (!who) return defer_gate(who.error().text);
      if (!*who) return skip(fmt::format("require_files: no user or group \"{}\"", printable(item)));
      as = **who;
      continue;
    }
    if (GateResult r = test_one_file(ctx, driver, item, text->is_tainted(), as); r.gate != Gate::run) return r;
  }
  return run();
}

// ------------------------------------------------------------------ the rest

GateResult test_conditions(RouteContext& ctx, const RouterGeneric& g) {
  for (const lang::Expansion& e : g.condition) {
    auto text = e.eval(ctx.scope);
    if (!text) {
      if (text.error().kind == ErrorKind::forced_fail) return skip("condition forced to fail");
      return defer_gate(fmt::format("condition check lookup defer or expansion failure: {}", text.error().text));
    }
    if (!lang::is_loosely_true(text->view())) return skip_for(ctx, "condition is \"{}\"", printable(text->view()));
  }
  return run();
}

GateResult test_mode(const RouteContext& ctx, const RouterGeneric& g) {
  const bool verifying = ctx.mode == RouteMode::verify_recipient || ctx.mode == RouteMode::verify_sender;
  if (g.verify_only && !verifying) return skip("verify_only set");
  if (ctx.mode == RouteMode::verify_sender && !g.verify_sender) return skip("verify_sender is false");
  if (ctx.mode == RouteMode::verify_recipient && !g.verify_recipient) return skip("verify_recipient is false");
  if (ctx.mode == RouteMode::test && !g.address_test) return skip("address_test is false");
  if (ctx.mode == RouteMode::expn && !g.expn) return skip("expn is false");
  return run();
}

GateResult test_home(RouteContext& ctx, const RouterGeneric& g, Addr& addr) {
  if (!g.router_home_directory.is_set()) return run();
  auto home = g.router_home_directory.eval(ctx.scope);
  if (!home) {
    if (home.error().kind == ErrorKind::forced_fail) return run();
    return defer_gate(fmt::format("router_home_directory: {}", home.error().text));
  }
  addr.state.home = home->str();
  addr.state.home_tainted = home->is_tainted();
  return run();
}

GateResult test_repeat(const lang::DriverInstance& r, const RouterGeneric& g, const Addr& addr) {
  const auto used = [&](const Addr& a) {
    for (const std::string& name : a.router_trail)
      if (name == r.name) return true;
    return false;
  };
  for (const Addr* p = addr.parent; p != nullptr; p = p->parent) {
    if (!used(*p)) continue;
    if (!g.repeat_use) return skip("repeat_use is false and an ancestor was handled here");
    const lang::AddressState &a = addr.state, &b = p->state;
    const bool same_local = g.caseful_local_part ? a.cased_local_part == b.cased_local_part
                                                 : iequals(a.cased_local_part, b.cased_local_part);
    if (same_local && a.domain == b.domain && !addr.is_pipe && !addr.is_file)
      return skip("an identical ancestor was handled here");
  }
  return run();
}

}  // namespace

GateResult check_preconditions(RouteContext& ctx, const lang::DriverInstance& r, Addr& addr) {
  const RouterGeneric& g = generic(r);
  lang::AddressState& s = addr.state;
  if (GateResult x = test_repeat(r, g, addr); x.gate != Gate::run) return x;

  if (!g.local_part_prefix.empty() && !take_prefix(g, s) && !g.local_part_prefix_optional)
    return skip("prefix mismatch");
  if (!g.local_part_suffix.empty() && !take_suffix(g, s) && !g.local_part_suffix_optional)
    return skip("suffix mismatch");
  if (GateResult x = test_mode(ctx, g); x.gate != Gate::run) return x;
  if (g.domains.is_set())
    if (GateResult x = test_list(ctx, g.domains, "domains", s.domain, false, s.domain_data); x.gate != Gate::run)
      return x;
  if (g.local_parts.is_set())
    if (GateResult x =
            test_list(ctx, g.local_parts, "local_parts", s.local_part, g.caseful_local_part, s.local_part_data);
        x.gate != Gate::run)
      return x;
  if (g.check_local_user)
    if (GateResult x = test_local_user(addr); x.gate != Gate::run) return x;
  if (GateResult x = test_home(ctx, g, addr); x.gate != Gate::run) return x;
  if (g.senders.is_set()) {
    const std::string sender = ctx.scope.envelope != nullptr ? ctx.scope.envelope->sender : std::string();
    if (GateResult x = test_list(ctx, g.senders, "senders", sender, false, s.sender_data); x.gate != Gate::run)
      return x;
  }
  if (GateResult x = test_files(ctx, r, g); x.gate != Gate::run) return x;
  return test_conditions(ctx, g);
}

}  // namespace remex::routers
