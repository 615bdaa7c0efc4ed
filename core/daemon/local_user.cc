// See local_user.h.
#include "core/daemon/local_user.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <grp.h>
#include <pwd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <optional>
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

namespace {

/// What the functions of the account database return when there is no such entry (getpwnam(3)). Anything else is that
/// they could not look: no descriptors, no memory, a server that does not answer.
bool is_absence(int err) { return err == 0 || err == ENOENT || err == ESRCH || err == EBADF || err == EPERM; }

std::unexpected<Error> cannot_look(int err, std::string_view what, std::int64_t id) {
  return std::unexpected(Error{
      ErrorKind::defer,
      fmt::format("the account database cannot be asked about the {} {} now: {}", what, id, std::strerror(err)), err});
}

/// Why no files can be opened; 0: they can be. What reads /etc/passwd gives up then, and what is asked after it (in
/// nsswitch.conf) may say in good faith that there is no such entry.
int lack_of_files() {
  constexpr std::size_t kNeeded = 3;
  std::vector<int> open;
  int err = 0;
  while (err == 0 && open.size() < kNeeded) {
    const int fd = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (fd >= 0)
      open.push_back(fd);
    else
      err = errno;
  }
  for (const int fd : open) ::close(fd);
  return err == EMFILE || err == ENFILE || err == ENOMEM ? err : 0;  // else it is this file that cannot be had
}

/// Looks for the entry `key` by one of the functions for io::account_entry(). "There is none" counts when it is said
/// after files could be opened. Error: it cannot be told.
template <class Function, class Key, class Entry>
Status find_entry(Function function, Key key, std::string_view what, Entry& entry, std::string& buffer, Entry*& found) {
  for (bool again = false;; again = true) {
    const int err = io::account_entry(function, key, entry, buffer, found);
    if (found != nullptr) return {};
    if (!is_absence(err)) return cannot_look(err, what, static_cast<std::int64_t>(key));
    if (again) return {};
    if (const int lack = lack_of_files(); lack != 0) return cannot_look(lack, what, static_cast<std::int64_t>(key));
  }
}

}  // namespace

Result<bool> in_group_list(const std::vector<std::string>& list, std::span<const gid_t> groups) {
  const auto by_number = [&list](gid_t g) { return in_account_list(list, "", static_cast<std::int64_t>(g)); };
  if (std::any_of(groups.begin(), groups.end(), by_number)) return true;
  if (std::all_of(list.begin(), list.end(), [](const std::string& e) { return parse_int(e).has_value(); }))
    return false;
  Result<bool> none = false;
  for (const gid_t g : groups) {
    std::string buffer;
    group entry{};
    group* found = nullptr;
    if (const Status st = find_entry(::getgrgid_r, g, "group", entry, buffer, found); !st)
      none = std::unexpected(st.error());
    if (found != nullptr && in_account_list(list, found->gr_name, -1)) return true;
  }
  return none;
}

Result<bool> is_trusted_user(const lang::Config& config, const std::string& login, std::int64_t uid,
                             std::span<const gid_t> groups) {
  const auto& m = config.main;
  if (uid == 0 || login == m.exim_user || in_account_list(m.trusted_users, login, uid)) return true;
  return in_group_list(m.trusted_groups, groups);
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
Result<std::optional<LocalUser>> find_account(uid_t uid, gid_t gid) {
  LocalUser out;
  std::string buffer;
  passwd entry{};
  passwd* found = nullptr;
  REMEX_CHECK(find_entry(::getpwuid_r, uid, "user", entry, buffer, found));
  if (found == nullptr) return std::nullopt;
  out.login = found->pw_name;
  out.gecos = found->pw_gecos != nullptr ? found->pw_gecos : "";
  out.groups.assign(256, gid);
  int n = static_cast<int>(out.groups.size());
  if (getgrouplist(found->pw_name, gid, out.groups.data(), &n) < 0) n = static_cast<int>(out.groups.size());
  out.groups.resize(static_cast<std::size_t>(n));
  if (const int lack = lack_of_files(); lack != 0) return cannot_look(lack, "groups of the user", uid);
  return out;
}

}  // namespace

Result<LocalUser> find_local_user(uid_t uid, gid_t gid) {
  REMEX_TRY(auto account, find_account(uid, gid));
  return std::move(account).value_or(LocalUser{fmt::format("uid{}", uid), {}, {gid}});
}

Result<Caller> identify_caller(const lang::Config& config, uid_t uid, gid_t gid, std::vector<gid_t> groups,
                               const EximUser& own) {
  Caller c;
  c.uid = static_cast<std::int64_t>(uid);
  c.gid = static_cast<std::int64_t>(gid);
  const auto& m = config.main;
  groups.push_back(gid);
  const bool overridden = hooks::unknown_login_wins() && m.unknown_login.is_set();
  const auto look = [uid, gid] { return find_account(uid, gid); };
  REMEX_TRY(const std::optional<LocalUser> account, io::offload(look));
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
  const auto judge = [&]() -> Status {  // the user database may be a server on the network
    const Result<bool> trusted = in_place ? Result<bool>(true) : is_trusted_user(config, c.login, c.uid, groups);
    const bool surely = c.uid == 0 || in_place || in_own_group;
    const Result<bool> admin = surely ? Result<bool>(true) : in_group_list(m.admin_groups, groups);
    if (!trusted) return std::unexpected(trusted.error());
    if (!admin) return std::unexpected(admin.error());
    c.trusted = *trusted;
    c.admin = *admin;
    return {};
  };
  REMEX_CHECK(io::offload(judge));
  return c;
}

}  // namespace remex::daemon
