// What the courier refuses: the asking process may have been taken over.
#include <pwd.h>
#include <boost/test/unit_test.hpp>

#include "core/daemon/courier.h"
#include "core/daemon/registries.h"
#include "lang/diagnostics.h"

using namespace remex;

namespace {

std::shared_ptr<const lang::Config> config() {
  auto files = std::make_shared<lang::SourceFiles>();
  lang::Diagnostics diag(*files);
  auto c = lang::load_config_text("t", R"(
primary_hostname = x.test
exim_user = mail
exim_group = mail
never_users = root : bin
begin routers
alias:
  driver = redirect
  domains = a.test
  data = x
  file_transport = box
  user = games
ask:
  driver = queryprogram
  command = /usr/bin/ask $local_part_data
  command_user = games
  transport = box
local:
  driver = accept
  check_local_user
  transport = box
begin transports
box:
  driver = appendfile
  file = /var/mail/$local_part_data
program:
  driver = pipe
  command = /usr/bin/vacation -f $local_part_data
  user = games
begin retry
)",
                                  {}, daemon::all_registries(), diag, files);
  BOOST_TEST_REQUIRE(c != nullptr, diag.render());
  return c;
}

std::string uid(const char* name) { return std::to_string(getpwnam(name)->pw_uid); }

std::string refusal(const io::Fields& f) {
  static const auto c = config();
  const Status ok = daemon::check_request(*c, f);
  return ok ? "" : ok.error().text;
}

void refused(const io::Fields& f, std::string_view why) {
  const std::string got = refusal(f);
  BOOST_TEST(got.find(why) != std::string::npos, "\"" << got << "\" has no \"" << why << "\"");
}

io::Fields append(const std::string& user, const std::string& path) {
  return {{"op", "mbox"}, {"transport", "box"}, {"uid", user}, {"gid", "8"}, {"path", path}};
}

io::Fields run(const std::string& user, const std::string& program) {
  return {{"op", "command"}, {"transport", "program"}, {"uid", user}, {"gid", "60"}, {"arg0", program}};
}

}  // namespace

BOOST_AUTO_TEST_CASE(what_the_configuration_asks_for_is_done) {
  BOOST_TEST(refusal(append(uid("games"), "/var/mail/games")) == "");
  BOOST_TEST(refusal(run(uid("games"), "/usr/bin/vacation")) == "");
}

BOOST_AUTO_TEST_CASE(root_and_never_users_are_refused) {
  refused(append("0", "/var/mail/root"), "never used");
  refused(append("-1", "/var/mail/root"), "never used");
  refused(append("junk", "/var/mail/root"), "never used");
  refused(append(uid("bin"), "/var/mail/bin"), "never_users");
}

BOOST_AUTO_TEST_CASE(users_a_driver_cannot_have_are_refused) {
  refused(run(uid("daemon"), "/usr/bin/vacation"), "never runs as");
  refused(append("54321", "/var/mail/x"), "never runs as");
  refused({{"op", "readlist"}, {"router", "alias"}, {"uid", uid("daemon")}, {"gid", "1"}, {"path", "/etc/shadow"}},
          "never reads files as");
  refused({{"op", "readlist"}, {"router", "none"}, {"uid", uid("games")}, {"gid", "1"}}, "no router");
  refused({{"op", "mbox"}, {"transport", "none"}, {"uid", uid("games")}, {"gid", "1"}}, "no transport");
}

BOOST_AUTO_TEST_CASE(paths_and_programs_of_others_are_refused) {
  refused(append(uid("games"), "/etc/cron.d/x"), "is not one of");
  refused(append(uid("games"), "/var/mail/../../etc/x"), "..");
  refused(append(uid("games"), "relative"), "not absolute");
  refused(run(uid("games"), "/bin/sh"), "is not the command");
}

BOOST_AUTO_TEST_CASE(commands_of_routers) {
  const auto ask = [](const std::string& user, const std::string& program, const std::string& router = "ask") {
    return io::Fields{{"op", "query"}, {"router", router}, {"uid", user}, {"gid", "60"}, {"arg0", program}};
  };
  BOOST_TEST(refusal(ask(uid("games"), "/usr/bin/ask")) == "");
  refused(ask(uid("daemon"), "/usr/bin/ask"), "never runs commands as");
  refused(ask("0", "/usr/bin/ask"), "never used");
  refused(ask(uid("games"), "/bin/sh"), "is not the command of the ask router");
  refused(ask(uid("games"), "/usr/bin/ask", "local"), "never runs commands as");
  refused(ask(uid("games"), "/usr/bin/ask", "none"), "no router");
  io::Fields mixed = ask(uid("games"), "/usr/bin/ask");
  mixed["transport"] = "box";
  refused(mixed, "has no transport");
}

BOOST_AUTO_TEST_CASE(fields_survive_the_wire) {
  const io::Fields f{{"a", ""}, {"b", std::string("\0\xff\n", 3)}, {"", "x"}};
  const std::string bytes = io::encode_fields(f);
  auto back = io::decode_fields(std::string_view(bytes).substr(4));
  BOOST_TEST_REQUIRE(back.has_value());
  BOOST_TEST((*back == f));
  for (std::size_t cut = 5; cut < bytes.size(); ++cut)
    if (auto part = io::decode_fields(std::string_view(bytes).substr(4, cut - 4))) BOOST_TEST(part->size() < f.size());
}
