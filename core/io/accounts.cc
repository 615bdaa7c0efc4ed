// See accounts.h.
#include "core/io/accounts.h"

#include <pwd.h>

namespace remex::io {

bool any_home_of(uid_t uid, const std::function<bool(std::string_view home)>& fits) {
  const passwd* p = ::getpwuid(uid);
  if (p == nullptr) return false;
  bool found = fits(p->pw_dir);
  if (found) return true;
  ::setpwent();
  while (!found && (p = ::getpwent()) != nullptr) found = p->pw_uid == uid && fits(p->pw_dir);
  ::endpwent();
  return found;
}

}  // namespace remex::io
