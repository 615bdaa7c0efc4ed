// Accounts of this system as messages show them: login, full name, and whether they may say who they are.
//
// Used for whoever calls the command and for the users of transports that send messages. The account database may be a
// server on the network: what is said to block is for a command's start or a thread of the pool.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "core/base/result.h"
#include "lang/config.h"

namespace remex::daemon {

/// Is the name, or the id as a number, an item of the list (trusted_users, admin_groups ...)?
bool in_account_list(const std::vector<std::string>& list, const std::string& name, std::int64_t id);
/// Is one of the groups in the list? Error, kind defer: the account database cannot be asked. Blocks.
Result<bool> in_group_list(const std::vector<std::string>& list, std::span<const gid_t> groups);
/// root, exim_user, trusted_users, trusted_groups: their sender and From: are believed. Error and blocking as
/// with in_group_list().
Result<bool> is_trusted_user(const lang::Config& config, const std::string& login, std::int64_t uid,
                             std::span<const gid_t> groups);
/// The name out of the gecos field: gecos_pattern and gecos_name when they fit, else what stands before the first comma
/// with "&" as the login, capitalised.
std::string full_name(const lang::Config& config, const std::string& login, const std::string& gecos);

struct LocalUser {
  std::string login;  ///< "uid1234" without an account
  std::string gecos;
  std::vector<gid_t> groups;
};
/// The account of `uid`, with its supplementary groups and `gid`. Error, kind defer: whether there is one cannot be
/// told now. Blocks.
Result<LocalUser> find_local_user(uid_t uid, gid_t gid);

/// Who called: login name, ids, and what he may.
struct Caller {
  std::string login;  ///< of the account, else as unknown_login says
  std::string gecos;  ///< full name
  std::int64_t uid = -1, gid = -1;
  bool trusted = false;  ///< may say who sends: root, the Exim user, trusted_users, trusted_groups
  bool admin = false;    ///< may administer the queue: root, the Exim user, members of its group and of admin_groups
};

/// The Exim user as far as it is known; -1: it is not.
struct EximUser {
  std::int64_t uid = -1, gid = -1;
  bool is_caller =
      false;  ///< the caller is in its place: the spool is his own, and no other user's rights are borrowed
};

/// `groups`: the supplementary groups of the calling process. Error, kind defer: the account database cannot be asked,
/// so that neither name nor rights are known. Parks, or blocks outside a fiber.
Result<Caller> identify_caller(const lang::Config& config, uid_t uid, gid_t gid, std::vector<gid_t> groups,
                               const EximUser& own);

}  // namespace remex::daemon
