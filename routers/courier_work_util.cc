// Files of redirect routers, read as the user they belong to; and whether files are there for a user (require_files).
//
// The checks are made on the open file. The blocking half runs in the pool, or as the user in a courier's child.
#include "routers/courier_work.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <limits>

#include "core/base/strings.h"
#include "core/io/accounts.h"
#include "core/io/fiber.h"
#include "routers/internal.h"

namespace remex::routers {
namespace {

constexpr std::size_t kMaxFile = 4 * 1024 * 1024;
constexpr Seconds kLimit{60}, kFilterLimit{300};

bool owner_allowed(uid_t uid, const FileRules& rules) {
  if (rules.user_uid >= 0 && uid == static_cast<uid_t>(rules.user_uid)) return true;
  return std::any_of(rules.owners.begin(), rules.owners.end(), [&](const std::string& name) {
    if (const auto n = parse_uint(name)) return *n == uid;
    std::string buf;
    passwd entry{};
    passwd* p = nullptr;
    io::account_entry(::getpwnam_r, name.c_str(), entry, buf, p);
    return p != nullptr && p->pw_uid == uid;
  });
}

bool group_allowed(gid_t gid, const FileRules& rules) {
  if (rules.user_gid >= 0 && gid == static_cast<gid_t>(rules.user_gid)) return true;
  return std::any_of(rules.groups.begin(), rules.groups.end(), [&](const std::string& name) {
    if (const auto n = parse_uint(name)) return *n == gid;
    std::string buf;
    group entry{};
    group* g = nullptr;
    io::account_entry(::getgrnam_r, name.c_str(), entry, buf, g);
    return g != nullptr && g->gr_gid == gid;
  });
}

}  // namespace

Result<std::string> read_list_file(const std::string& path, const FileRules& rules) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  if (fd < 0) {
    const int err = errno;
    if (err == EACCES && rules.ignore_eacces) return fail(ErrorKind::not_found, path);
    if (err == ENOTDIR && rules.ignore_enotdir) return fail(ErrorKind::not_found, path);
    if (err == ENOENT) {
      struct stat dir{};
      if (rules.ignore_enotdir || ::stat(path.substr(0, path.rfind('/') + 1).c_str(), &dir) == 0)
        return fail(ErrorKind::not_found, path);
      return defer(fmt::format("failed to stat the directory of {}: {}", path, std::strerror(errno)));
    }
    return defer(fmt::format("failed to open {}: {}", path, std::strerror(err)));
  }
  std::string text;
  Result<std::string> result;
  struct stat st{};
  if (::fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
    result = defer(fmt::format("{} is not a regular file", path));
  } else if ((st.st_mode & static_cast<mode_t>(rules.modemask)) != 0) {
    const auto bits = st.st_mode & static_cast<mode_t>(rules.modemask);
    result = defer(fmt::format("bad mode ({:#o}) for {}: {:#o} bit(s) unexpected", st.st_mode, path, bits));
  } else if (rules.check_owner && !owner_allowed(st.st_uid, rules)) {
    result = defer(fmt::format("bad owner for {}", path));
  } else if (rules.check_group && !group_allowed(st.st_gid, rules)) {
    result = defer(fmt::format("bad group for {}", path));
  } else {
    char buf[16384];
    ssize_t n = 0;
    while ((n = ::read(fd, buf, sizeof buf)) > 0 && text.size() <= kMaxFile)
      text.append(buf, static_cast<std::size_t>(n));
    if (n < 0) {
      result = defer(fmt::format("failed to read {}: {}", path, std::strerror(errno)));
    } else if (text.size() > kMaxFile) {
      result = defer(fmt::format("{} is too big for a redirection list", path));
    } else {
      result = std::move(text);
    }
  }
  ::close(fd);
  return result;
}

namespace {

std::string joined(const std::vector<std::string>& v) { return join(v, "\n"); }

std::vector<std::string> separate(const std::string& s) {
  std::vector<std::string> out;
  for (std::string_view item : split(s, '\n'))
    if (!item.empty()) out.emplace_back(item);
  return out;
}

const std::string& field(const io::Fields& f, const std::string& name) {
  static const std::string kNone;
  const auto it = f.find(name);
  return it == f.end() ? kNone : it->second;
}

}  // namespace

void add_rules(const FileRules& rules, io::Fields& f) {
  const auto flag = [](bool on) { return std::string(on ? "1" : "0"); };
  f["modemask"] = std::to_string(rules.modemask);
  f["check_owner"] = flag(rules.check_owner);
  f["check_group"] = flag(rules.check_group);
  f["ignore_eacces"] = flag(rules.ignore_eacces);
  f["ignore_enotdir"] = flag(rules.ignore_enotdir);
  f["owners"] = joined(rules.owners);
  f["groups"] = joined(rules.groups);
  f["user_uid"] = std::to_string(rules.user_uid);
  f["user_gid"] = std::to_string(rules.user_gid);
}

std::optional<io::Fields> perform_request(const io::Fields& f) {
  const std::string op = field(f, "op");
  if (op == "exists") {
    struct stat st{};
    const int err = ::stat(field(f, "path").c_str(), &st) == 0 ? 0 : errno;
    // A file must be readable too, a directory searchable.
    const bool readable = err == 0 && ::access(field(f, "path").c_str(), S_ISDIR(st.st_mode) ? X_OK : R_OK) == 0;
    return io::Fields{{"errno", std::to_string(err == 0 && !readable ? EACCES : err)}};
  }
  if (op == "query") return run_query(f);
  if (op != "readlist") return std::nullopt;
  FileRules rules;
  rules.modemask = parse_int(field(f, "modemask")).value_or(022);
  rules.check_owner = field(f, "check_owner") == "1";
  rules.check_group = field(f, "check_group") == "1";
  rules.ignore_eacces = field(f, "ignore_eacces") == "1";
  rules.ignore_enotdir = field(f, "ignore_enotdir") == "1";
  rules.owners = separate(field(f, "owners"));
  rules.groups = separate(field(f, "groups"));
  rules.user_uid = parse_int(field(f, "user_uid")).value_or(-1);
  rules.user_gid = parse_int(field(f, "user_gid")).value_or(-1);
  auto text = read_list_file(field(f, "path"), rules);
  if (text) return io::Fields{{"text", std::move(*text)}};
  return io::Fields{{"error", text.error().text}, {"missing", text.error().kind == ErrorKind::not_found ? "1" : "0"}};
}

Result<Ids> find_ids(const std::string& user, const std::string& group_name) {
  std::string buf;
  Ids id;
  passwd entry{};
  passwd* p = nullptr;
  const auto too_large = [](std::uint64_t n) { return n >= std::numeric_limits<uid_t>::max(); };
  if (const auto n = parse_uint(user)) {
    if (too_large(*n)) return defer(fmt::format("{} is not a uid", user));
    id.uid = static_cast<std::int64_t>(*n);
    io::account_entry(::getpwuid_r, static_cast<uid_t>(*n), entry, buf, p);
  } else if (!user.empty()) {
    const int err = io::account_entry(::getpwnam_r, user.c_str(), entry, buf, p);
    if (p == nullptr)
      return defer(fmt::format("user \"{}\" {}", printable(user), err == 0 ? "does not exist" : std::strerror(err)));
    id.uid = static_cast<std::int64_t>(p->pw_uid);
  }
  if (p != nullptr) id.gid = static_cast<std::int64_t>(p->pw_gid);
  if (const auto n = parse_uint(group_name)) {
    if (too_large(*n)) return defer(fmt::format("{} is not a gid", group_name));
    id.gid = static_cast<std::int64_t>(*n);
  } else if (!group_name.empty()) {
    group found{};
    group* g = nullptr;
    const int err = io::account_entry(::getgrnam_r, group_name.c_str(), found, buf, g);
    if (g == nullptr)
      return defer(
          fmt::format("group \"{}\" {}", printable(group_name), err == 0 ? "does not exist" : std::strerror(err)));
    id.gid = static_cast<std::int64_t>(g->gr_gid);
  }
  return id;
}

namespace {

Result<std::string> account_option(RouteContext& ctx, const lang::DriverInstance& r, const lang::Expansion& e,
                                   std::string_view what) {
  if (!e.is_set()) return std::string();
  auto text = e.eval(ctx.scope);
  if (!text) return defer(fmt::format("{} router: failed to expand {}: {}", r.name, what, text.error().text));
  std::string name(trim(text->view()));
  if (name.empty()) return defer(fmt::format("{} router: {} is empty", r.name, what));
  return name;
}

}  // namespace

Result<Ids> file_identity(RouteContext& ctx, const lang::DriverInstance& r, const Addr& addr) {
  const RouterGeneric& g = generic(r);
  Ids id{addr.state.local_user_uid, addr.state.local_user_gid};
  REMEX_TRY(const std::string user, account_option(ctx, r, g.user, "user"));
  REMEX_TRY(const std::string group_name, account_option(ctx, r, g.group, "group"));
  if (user.empty() && group_name.empty()) return id;
  const auto found = io::offload([&] { return find_ids(user, group_name); });
  if (!found) return defer(fmt::format("{} router: {}", r.name, found.error().text));
  if (!user.empty()) return *found;
  id.gid = found->gid;
  return id;
}

Result<io::Fields> ask_as_user(RouteContext& ctx, const lang::DriverInstance& r, uid_t uid, gid_t gid,
                               io::Fields request) {
  if (gid == static_cast<gid_t>(-1)) return defer(fmt::format("{} router: user {} needs a group", r.name, uid));
  io::Courier* courier = ctx.scope.services != nullptr ? ctx.scope.services->courier() : nullptr;
  if (courier == nullptr) return defer("no process for files of other users");
  request["router"] = r.name;
  request["uid"] = std::to_string(uid);
  request["gid"] = std::to_string(gid);
  // A filter may run programs of its own.
  return courier->call(request, request["op"] == "filter" ? kFilterLimit : kLimit);
}

Result<std::string> read_as_user(RouteContext& ctx, const lang::DriverInstance& r, const Addr& addr,
                                 const std::string& path, const FileRules& rules) {
  const io::Courier* courier = ctx.scope.services != nullptr ? ctx.scope.services->courier() : nullptr;
  // Without the right to become the user, this process reads what it may read.
  if (courier == nullptr || !courier->privileged()) return io::offload([&] { return read_list_file(path, rules); });
  REMEX_TRY(const Ids id, file_identity(ctx, r, addr));
  if (id.uid < 0 || static_cast<uid_t>(id.uid) == ::geteuid())
    return io::offload([&] { return read_list_file(path, rules); });
  io::Fields request{{"op", "readlist"}, {"path", path}};
  add_rules(rules, request);
  REMEX_TRY(io::Fields answer, ask_as_user(ctx, r, static_cast<uid_t>(id.uid), static_cast<gid_t>(id.gid), request));
  if (const auto it = answer.find("error"); it != answer.end())
    return answer["missing"] == "1" ? fail(ErrorKind::not_found, path) : Result<std::string>(defer(it->second));
  return std::move(answer["text"]);
}

}  // namespace remex::routers
