// See courier_groups.h.
#include "core/daemon/courier_groups.h"

#include <fmt/core.h>
#include <grp.h>
#include <pwd.h>

#include <algorithm>
#include <vector>

#include "core/base/strings.h"
#include "routers/router.h"
#include "transports/transport.h"

namespace remex::daemon {
namespace {

std::string field(const io::Fields& f, const std::string& name) {
  const auto it = f.find(name);
  return it == f.end() ? std::string() : it->second;
}

bool names_group(std::string_view text, std::int64_t gid) {
  const std::string name(trim(text));
  if (const auto n = parse_uint(name)) return static_cast<std::int64_t>(*n) == gid;
  const group* g = name.empty() ? nullptr : getgrnam(name.c_str());
  return g != nullptr && static_cast<std::int64_t>(g->gr_gid) == gid;
}

/// A constant must be the group, an expansion may be anything.
bool option_allows(const lang::Expansion& group, std::int64_t gid) {
  return group.is_set() && (!group.is_constant() || names_group(group.constant(), gid));
}

/// The group in the entry of an account with that uid (there may be several).
bool is_primary(uid_t uid, std::int64_t gid) {
  const passwd* p = getpwuid(uid);
  if (p == nullptr) return false;
  if (static_cast<std::int64_t>(p->pw_gid) == gid) return true;
  bool found = false;
  setpwent();
  while (!found && (p = getpwent()) != nullptr) found = p->pw_uid == uid && static_cast<std::int64_t>(p->pw_gid) == gid;
  endpwent();
  return found;
}

bool is_supplementary(uid_t uid, std::int64_t gid) {
  const passwd* p = getpwuid(uid);
  if (p == nullptr) return false;
  const std::string name = p->pw_name;
  const gid_t primary = p->pw_gid;
  int n = 64;
  std::vector<gid_t> groups(static_cast<std::size_t>(n));
  if (getgrouplist(name.c_str(), primary, groups.data(), &n) < 0) {
    groups.resize(static_cast<std::size_t>(n));
    if (getgrouplist(name.c_str(), primary, groups.data(), &n) < 0) return false;
  }
  groups.resize(static_cast<std::size_t>(n));
  return std::find(groups.begin(), groups.end(), static_cast<gid_t>(gid)) != groups.end();
}

bool names_user(const std::string& name, uid_t uid) {
  if (const auto n = parse_uint(name)) return *n == uid;
  const passwd* p = name.empty() ? nullptr : getpwnam(name.c_str());
  return p != nullptr && p->pw_uid == uid;
}

/// A main option's user with its group.
bool is_pair(const std::string& user, const std::string& group, uid_t uid, std::int64_t gid) {
  return names_user(user, uid) && names_group(group, gid);
}

/// What the options name for an address that reaches a transport.
bool transport_allows_group(const lang::Config& config, const lang::DriverInstance& t, uid_t uid, std::int64_t gid) {
  const auto& m = config.main;
  if (transports::generic(t).group.is_set()) return option_allows(transports::generic(t).group, gid);
  return is_pair(m.exim_user, m.exim_group, uid, gid) ||
         is_pair(m.system_filter_user, m.system_filter_group, uid, gid) ||
         std::any_of(config.routers.begin(), config.routers.end(),
                     [&](const auto& r) { return option_allows(routers::generic(r).group, gid); });
}

/// require_files: "user,group" in front of the files.
bool require_files_allows_group(const lang::DriverInstance& r, std::int64_t gid) {
  const auto& items = routers::generic(r).require_files_items;
  return std::any_of(items.begin(), items.end(), [&](const lang::Expansion& e) {
    if (!e.is_constant()) return true;
    const std::string_view text = e.constant();
    const auto comma = text.find(',');
    return comma != std::string_view::npos && text.find('/') == std::string_view::npos &&
           names_group(text.substr(comma + 1), gid);
  });
}

bool router_allows_group(const lang::DriverInstance& r, const std::string& op, std::int64_t gid) {
  if (op == "exists") return require_files_allows_group(r, gid);
  if (op != "query") return option_allows(routers::generic(r).group, gid);
  const auto* group = r.find_given("command_group");
  return group != nullptr && names_group(group->value.text(), gid);
}

}  // namespace

Status check_group(const lang::Config& config, const io::Fields& f, std::int64_t uid, std::int64_t gid) {
  if (gid <= 0) return fail(fmt::format("gid {} is never used for deliveries", gid));
  const auto user = static_cast<uid_t>(uid);
  const auto* t = config.find_transport(field(f, "transport"));
  const auto* r = config.find_router(field(f, "router"));
  const bool initgroups = t != nullptr && (transports::generic(*t).initgroups ||
                                           std::any_of(config.routers.begin(), config.routers.end(),
                                                       [](const auto& d) { return routers::generic(d).initgroups; }));
  if (field(f, "initgroups") == "1" && !initgroups) return fail("no driver asks for initgroups here");
  if (is_primary(user, gid)) return {};
  const bool creator = t != nullptr && t->find_given("pipe_as_creator") != nullptr;
  if ((initgroups || creator) && is_supplementary(user, gid)) return {};
  if (t != nullptr && transport_allows_group(config, *t, user, gid)) return {};
  if (t == nullptr && field(f, "system_filter") == "1" && names_group(config.main.system_filter_group, gid)) return {};
  if (t == nullptr && r != nullptr && router_allows_group(*r, field(f, "op"), gid)) return {};
  return fail(fmt::format("uid {} is never used with gid {} here", uid, gid));
}

}  // namespace remex::daemon
