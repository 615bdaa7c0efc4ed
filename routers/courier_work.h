// Work of routers that is done as another user: reading redirection files, looking whether files are there.
// The asking half is used by redirect.cc and the preconditions, the doing half by core/daemon/courier.cc.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/io/courier.h"
#include "routers/router.h"

namespace remex::routers {

/// What a redirection file must be like.
struct FileRules {
  std::int64_t modemask = 022;
  bool check_owner = false, check_group = false, ignore_eacces = false, ignore_enotdir = false;
  std::vector<std::string> owners, groups;    ///< names or numbers
  std::int64_t user_uid = -1, user_gid = -1;  ///< of check_local_user; also permitted
};

/// Their part of a "readlist" request.
void add_rules(const FileRules& rules, io::Fields& f);
/// Blocking. not_found: there is no such file (its directory is there); defer: it may not be used, with the reason.
Result<std::string> read_list_file(const std::string& path, const FileRules& rules);
/// The same as the user of the router (its `user`, else check_local_user), where this process can become that. Parks.
Result<std::string> read_as_user(RouteContext& ctx, const lang::DriverInstance& r, const Addr& addr,
                                 const std::string& path, const FileRules& rules);
/// Sends a request for this router to the courier. Parks.
Result<io::Fields> ask_as_user(RouteContext& ctx, const lang::DriverInstance& r, uid_t uid, gid_t gid,
                               io::Fields request);
/// -1: not known.
struct Ids {
  std::int64_t uid = -1, gid = -1;
};
/// Who is behind names or numbers; an empty name leaves its half to the other. Blocking. Kind defer: that cannot be
/// found out. A number without an account has no group.
Result<Ids> find_ids(const std::string& user, const std::string& group_name);
/// uid and gid a router's files are read as; -1: it names no user. Kind defer: the user it names cannot be found.
/// Parks.
Result<Ids> file_identity(RouteContext& ctx, const lang::DriverInstance& r, const Addr& addr);

/// Runs a program and waits, blocking: "argc", "arg0" ..., "directory", "limit" (seconds). Gives "exit", "signal" and
/// the first "output", or "timeout", or "error".
io::Fields run_query(const io::Fields& f);

/// In the courier's child. Nullopt: not a router's request.
std::optional<io::Fields> perform_request(const io::Fields& f);

}  // namespace remex::routers
