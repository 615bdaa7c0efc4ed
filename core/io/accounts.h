// The account database, for processes that check what another one claims of a user.
#pragma once

#include <sys/types.h>

#include <functional>
#include <string_view>

namespace remex::io {

/// Does `fits` hold for the home directory of an account with this uid? Several accounts may share a uid: the one that
/// the database names for it is asked first, and only when it does not fit are all of them looked through. Blocks; uses
/// the process's own place in the database (getpwent), so that one thread may call it.
bool any_home_of(uid_t uid, const std::function<bool(std::string_view home)>& fits);

}  // namespace remex::io
