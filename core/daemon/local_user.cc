// See local_user.h.
#include "core/daemon/local_user.h"

#include <fmt/format.h>
#include <grp.h>
#include <pwd.h>

#include <algorithm>
#include <optional>
#include <tuple>
#include <utility>

#include "core/base/strings.h"
#include "core/hooks/hooks.h"
#include "core/io/accounts.h"
#include "core/io/fiber.h"
#include "lang/regex.h"
#include "lang/scope.h"

namespace remex::daemon {

bool in_account_list(const std::vector<std::string>& list, const std::string& name, std::int64_t id) {
  return std::any_of(list.begin(), list.end(), [&](const std::string& e) { return e == name || parse_int(e) == id; });
}

bool in_group_list(const std::vector<std::string>& list, std::span<const gid_t> groups) {
  if (list.empty()) return false;
  return std::any_of(groups.begin(), groups.end(), [&](gid_t g) {
    std::string buffer;
    group entry{};
    group* found = nullptr;
    io::account_entry(::getgrgid_r, g, entry, buffer, found);
    return in_account_list(list, found != nullptr ? found->gr_name : "", static_cast<std::int64_t>(g));
  });
}

bool is_trusted_user(const lang::Config& config, const std::string& login, std::int64_t uid,
                     std::span<const gid_t> groups) {
  const auto& m = config.main;
  return uid == 0 || login == m.exim_user || in_account_list(m.trusted_users, login, uid) ||
         in_group_list(m.trusted_groups, groups);
}

std::string full_name(const lang::Config& config, const std::string& login, const std::string& gecos) {
  const auto& m = config.main;
  const bool given = std::any_of(config.main_given.begin(), config.main_given.end(),
                                 [](const auto& g) { return g.def->name == "gecos_pattern"; });
  if (given && m.gecos_name.is_set()) {
    lang::Regex::Spans spans;
    auto re = lang::Regex::cached(m.gecos_pattern);
    auto hit = re ? (*re)->search(gecos, &spans) : Result<bool>(false);
    if (hit && *hit) {
      lang::Scope scope;
      scope.config = &config;
      for (const auto& [from, to] : spans)
        scope.captures.emplace_back(from == std::string::npos ? std::string() : gecos.substr(from, to - from));
      if (auto name = m.gecos_name.eval(scope)) return name->str();
    }
  }
  std::string name = gecos.substr(0, gecos.find(','));
  std::string capital = login;
  if (!capital.empty()) capital[0] = ascii_upper(capital[0]);
  return replace_all(name, "&", capital);
}

namespace {

/// The account and its groups; nothing: there is none.
std::optional<LocalUser> find_account(uid_t uid, gid_t gid) {
  LocalUser out;
  std::string buffer;
  passwd entry{};
  passwd* found = nullptr;
  io::account_entry(::getpwuid_r, uid, entry, buffer, found);
  if (found == nullptr) return std::nullopt;
  out.login = found->pw_name;
  out.gecos = found->pw_gecos != nullptr ? found->pw_gecos : "";
  out.groups.assign(256, gid);
  int n = static_cast<int>(out.groups.size());
  if (getgrouplist(found->pw_name, gid, out.groups.data(), &n) < 0) n = static_cast<int>(out.groups.size());
  out.groups.resize(static_cast<std::size_t>(n));
  return out;
}

}  // namespace

LocalUser find_local_user(uid_t uid, gid_t gid) {
  return find_account(uid, gid).value_or(LocalUser{fmt::format("uid{}", uid), {}, {gid}});
}

Caller identify_caller(const lang::Config& config, uid_t uid, gid_t gid, std::vector<gid_t> groups,
                       const EximUser& own) {
  Caller c;
  c.uid = static_cast<std::int64_t>(uid);
  c.gid = static_cast<std::int64_t>(gid);
  const auto& m = config.main;
  groups.push_back(gid);
  const bool overridden = hooks::unknown_login_wins() && m.unknown_login.is_set();
  const std::optional<LocalUser> account = io::offload([uid, gid] { return find_account(uid, gid); });
  if (account && !overridden) {
    c.login = account->login;
    c.gecos = full_name(config, c.login, account->gecos);
  } else {
    c.login = fmt::format("uid{}", c.uid);
    lang::Scope scope;
    scope.config = &config;
    scope.extra["caller_uid"] = std::to_string(c.uid);
    if (m.unknown_login.is_set())
      if (auto login = m.unknown_login.eval(scope); login && !login->empty()) c.login = login->str();
    c.gecos = m.unknown_username;
  }
  const bool in_place = own.is_caller || (own.uid >= 0 && c.uid == own.uid) || c.login == m.exim_user;
  const bool in_own_group =
      own.gid > 0 && std::find(groups.begin(), groups.end(), static_cast<gid_t>(own.gid)) != groups.end();
  std::tie(c.trusted, c.admin) = io::offload([&] {  // the user database may be a server on the network
    return std::pair(in_place || is_trusted_user(config, c.login, c.uid, groups),
                     c.uid == 0 || in_place || in_own_group || in_group_list(m.admin_groups, groups));
  });
  return c;
}

}  // namespace remex::daemon
