// Who is trusted, and who administers: the manual, chapter 5.2.
#include <sys/resource.h>

#include <boost/test/unit_test.hpp>
#include <cerrno>

#include "core/daemon/local_user.h"

using namespace remex;
using namespace remex::daemon;

BOOST_AUTO_TEST_SUITE(local_user)

namespace {

constexpr uid_t kSomebody = 54321;  // no account has it
constexpr gid_t kGroup = 54322, kOther = 54323;

struct Asked {
  lang::Config config;
  EximUser own;
  std::vector<gid_t> groups;
  Asked() {
    own.uid = 54300;
    own.gid = 54301;
  }
  /// "trusted admin", "trusted", "admin", or "".
  std::string is(uid_t uid) const {
    const Caller c = identify_caller(config, uid, kGroup, groups, own).value();
    return std::string(c.trusted ? "trusted" : "") + (c.trusted && c.admin ? " " : "") + (c.admin ? "admin" : "");
  }
};

}  // namespace

BOOST_AUTO_TEST_CASE(an_ordinary_user_is_neither) {
  BOOST_TEST(Asked().is(kSomebody).empty());
  Asked unknown;
  unknown.own = EximUser();  // no such user as exim_user
  BOOST_TEST(unknown.is(kSomebody).empty());
}

BOOST_AUTO_TEST_CASE(root_and_the_exim_user_are_both) {
  BOOST_TEST(Asked().is(0) == "trusted admin");
  BOOST_TEST(Asked().is(54300) == "trusted admin");
  Asked owner;
  owner.own.is_caller = true;
  BOOST_TEST(owner.is(kSomebody) == "trusted admin");
}

BOOST_AUTO_TEST_CASE(groups_and_lists) {
  Asked member;
  member.groups = {kOther, 54301};
  BOOST_TEST(member.is(kSomebody) == "admin");
  Asked admin;
  admin.config.main.admin_groups = {std::to_string(kOther)};
  BOOST_TEST(admin.is(kSomebody).empty());
  admin.groups = {kOther};
  BOOST_TEST(admin.is(kSomebody) == "admin");
  admin.config.main.admin_groups = {std::to_string(kGroup)};  // the group itself
  admin.groups.clear();
  BOOST_TEST(admin.is(kSomebody) == "admin");
  Asked trusted;
  trusted.config.main.trusted_users = {std::to_string(kSomebody)};
  BOOST_TEST(trusted.is(kSomebody) == "trusted");
  Asked trusted_group;
  trusted_group.config.main.trusted_groups = {std::to_string(kOther)};
  trusted_group.groups = {kOther};
  BOOST_TEST(trusted_group.is(kSomebody) == "trusted");
}

BOOST_AUTO_TEST_CASE(group_zero_is_nobody_s_exim_group) {
  Asked asked;
  asked.own.gid = 0;
  asked.groups = {0};
  BOOST_TEST(asked.is(kSomebody).empty());
}

BOOST_AUTO_TEST_CASE(names) {
  const Caller c = identify_caller(lang::Config(), kSomebody, kGroup, {}, EximUser()).value();
  BOOST_TEST(c.login == "uid54321");
  BOOST_TEST(c.uid == 54321);
  BOOST_TEST(c.gid == 54322);
  BOOST_TEST(identify_caller(lang::Config(), 0, 0, {}, EximUser())->login == "root");
}

namespace {

/// No file can be opened as long as it lives: the account database cannot be asked.
struct NoDescriptors {
  NoDescriptors() {
    ::getrlimit(RLIMIT_NOFILE, &before);
    const rlimit none{0, before.rlim_max};
    ::setrlimit(RLIMIT_NOFILE, &none);
  }
  ~NoDescriptors() { ::setrlimit(RLIMIT_NOFILE, &before); }
  rlimit before{};
};

}  // namespace

BOOST_AUTO_TEST_CASE(whoever_cannot_be_looked_up_is_not_taken_for_a_stranger) {
  lang::Config config;
  config.main.trusted_groups = {"no-such-group"};
  const auto ask = [&] { return identify_caller(config, kSomebody, kGroup, {}, EximUser()); };
  BOOST_TEST(ask()->login == "uid54321");
  Result<Caller> caller = Caller();
  Result<LocalUser> account = LocalUser();
  Result<bool> by_name = true, by_number = false, without = true, trusted = true;
  {
    const NoDescriptors now;
    caller = ask();
    account = find_local_user(kSomebody, kGroup);
    const std::vector<gid_t> groups = {kOther, kGroup};
    by_name = in_group_list({"no-such-group"}, groups);
    by_number = in_group_list({"no-such-group", std::to_string(kGroup)}, groups);
    without = in_group_list({std::to_string(kGroup + 9)}, groups);
    trusted = is_trusted_user(config, "somebody", kSomebody, groups);
  }
  for (const bool failed : {!caller, !account, !by_name, !trusted}) BOOST_TEST(failed);
  BOOST_REQUIRE(!caller);
  const Error& why = caller.error();
  BOOST_TEST((why.kind == ErrorKind::defer && why.sys_errno == EMFILE), why.text);
  BOOST_TEST(why.text.starts_with("the account database cannot be asked about the user 54321 now: "), why.text);
  BOOST_TEST((by_number && *by_number));  // what needs no database is known
  BOOST_TEST((without && !*without));
  BOOST_TEST(ask()->login == "uid54321");
}

BOOST_AUTO_TEST_SUITE_END()
