// passwd: the system's user database through getpwnam_r, on the thread pool because NSS may ask a server.
#include <pwd.h>

#include <cerrno>
#include <cstring>

#include <fmt/format.h>

#include "core/base/strings.h"
#include "core/io/accounts.h"
#include "core/io/fiber.h"
#include "lang/lookup.h"

namespace remex::lookups {

namespace {

using namespace lang;

struct Entry {
  int error = 0;
  bool found = false;
  std::string line;
};

Entry read_entry(const std::string& name) {
  Entry out;
  std::string buffer;
  passwd pw{};
  passwd* got = nullptr;
  const int rc = io::account_entry(::getpwnam_r, name.c_str(), pw, buffer, got);
  // Documented as "not found" besides 0 (getpwnam_r(3)).
  if (rc != 0 && rc != ENOENT && rc != ESRCH && rc != EBADF && rc != EPERM) out.error = rc;
  if (got == nullptr) return out;
  out.found = true;
  out.line = fmt::format("*:{}:{}:{}:{}:{}", pw.pw_uid, pw.pw_gid, pw.pw_gecos, pw.pw_dir, pw.pw_shell);
  return out;
}

LookupResult find(Scope&, LookupHandle*, const LookupRequest& request) {
  const std::string name(trim(request.key.view()));
  if (name.empty() || name.size() > 256 || name.find('\0') != std::string::npos || name.find(':') != std::string::npos)
    return std::optional<Text>();
  const Entry e = io::offload([name] { return read_entry(name); });
  if (e.error != 0)
    return defer(fmt::format("user {} could not be looked up: {}", printable(name), std::strerror(e.error)));
  if (!e.found) return std::optional<Text>();
  return std::optional<Text>(Text(e.line));
}

constexpr Example kPasswdExamples[] = {
    {"${extract{2}{:}{${lookup passwd{root}}}}", "0"},
    {"${lookup passwd{no-such-user}{$value}fail}", "", "failed and \"fail\" requested"}};

constexpr LookupDef defs[] = {{
    .name = "passwd",
    .style = LookupStyle::query,
    .summary = "A user of the system",
    .doc = "The query is a login name; the result is the line of the password file behind the name, with * for the "
           "password.",
    .examples = kPasswdExamples,
    .find = find,
}};

}  // namespace

}  // namespace remex::lookups

namespace remex::registry::lookups {
extern const std::span<const LookupDef> passwd;
constinit const std::span<const LookupDef> passwd{remex::lookups::defs};
}  // namespace remex::registry::lookups
