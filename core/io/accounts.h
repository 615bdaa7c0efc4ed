// The account database, for processes that check what another one claims of a user.
#pragma once

#include <sys/types.h>

#include <cerrno>
#include <functional>
#include <string>
#include <string_view>

namespace remex::io {

/// Does `fits` hold for the home directory of an account with this uid? Several accounts may share a uid: the one that
/// the database names for it is asked first, and only when it does not fit are all of them looked through. Blocks; uses
/// the process's own place in the database (getpwent), so that one thread may call it.
bool any_home_of(uid_t uid, const std::function<bool(std::string_view home)>& fits);

/// Calls getpwnam_r, getpwuid_r, getgrnam_r or getgrgid_r with as much room as the entry needs: a group of thousands of
/// members needs more than anybody would guess, and the C library wants it even for a line it only passes by. `found`
/// points to `entry` or is null; `buffer` holds its texts. The error number of the function. Blocks; any thread.
template <class Function, class Key, class Entry>
int account_entry(Function function, Key key, Entry& entry, std::string& buffer, Entry*& found) {
  constexpr std::size_t kMost = 64U << 20U;
  for (buffer.resize(16384);; buffer.resize(buffer.size() * 4)) {
    found = nullptr;
    int err = EINTR;
    while (err == EINTR) err = function(key, &entry, buffer.data(), buffer.size(), &found);
    if (err != ERANGE || buffer.size() >= kMost) return err;
  }
}

}  // namespace remex::io
