// What the tests of the courier's checks share: configurations of text, ids of accounts, requests as drivers make them.
#pragma once

#include <grp.h>
#include <pwd.h>

#include <boost/test/unit_test.hpp>
#include <cstdlib>
#include <memory>
#include <string>

#include "core/daemon/courier.h"
#include "core/daemon/registries.h"
#include "lang/diagnostics.h"

namespace remex::test {

/// The configuration `text`, which must be right.
inline std::shared_ptr<const lang::Config> load(const char* text) {
  auto files = std::make_shared<lang::SourceFiles>();
  lang::Diagnostics diag(*files);
  auto c = lang::load_config_text("t", text, {}, daemon::all_registries(), diag, files);
  BOOST_TEST_REQUIRE(c != nullptr, diag.render());
  return c;
}

inline std::string uid(const char* name) { return std::to_string(getpwnam(name)->pw_uid); }

inline std::string gid(const char* name) { return std::to_string(getgrnam(name)->gr_gid); }
inline std::string gid_of_user(const std::string& uid) {
  const passwd* p = getpwuid(static_cast<uid_t>(std::strtoul(uid.c_str(), nullptr, 10)));
  return p != nullptr ? std::to_string(p->pw_gid) : "12345";
}

/// What a transport says besides the file, when none of its options is set.
inline io::Fields file_fields(io::Fields f) {
  f.insert({{"mode", std::to_string(0600)},
            {"directory_mode", std::to_string(0700)},
            {"create_directory", "1"},
            {"may_create", "0"},
            {"file_must_exist", "0"},
            {"allow_fifo", "0"},
            {"allow_symlink", "0"},
            {"check_owner", "1"},
            {"check_group", "0"},
            {"mode_fail_narrower", "1"},
            {"use_fcntl_lock", "1"},
            {"use_flock_lock", "0"},
            {"use_lockfile", "1"},
            {"lock_fcntl_timeout", "0"},
            {"lock_flock_timeout", "0"},
            {"lock_retries", "10"},
            {"lock_interval", "3"},
            {"lockfile_mode", std::to_string(0600)},
            {"lockfile_timeout", "1800"},
            {"quota_is_inclusive", "1"},
            {"quota_directory_regex", "^(?:cur|new|\\..*)$"},
            {"name", "q1"}});
  return f;
}

}  // namespace remex::test
