// What the courier refuses: the asking process may have been taken over.
#include "core/daemon/courier.h"

#include "core/daemon/process.h"
#include "courier_requests.h"
#include "lang/confinement.h"
#include "lang/filter/filter.h"
#include "routers/filter_work.h"

using namespace remex;
using namespace remex::test;

namespace {

std::shared_ptr<const lang::Config> config() {
  return load(R"(
primary_hostname = x.test
exim_user = mail
exim_group = mail
never_users = root : bin
begin routers
alias:
  driver = redirect
  domains = a.test
  require_files = /x
  data = x
  allow_filter
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
grouped:
  driver = redirect
  domains = b.test
  data = y
  file_transport = box
  require_files = games,tape : /x/y
  user = games
  group = news
begin transports
grouped:
  driver = appendfile
  file = /x
  user = games
  group = mail
any:
  driver = appendfile
  file = /x
  user = ${if eq{1}{2}{x}{games}}
  group = ${if eq{1}{2}{x}{games}}
box:
  driver = appendfile
  file = /var/mail/$local_part_data
program:
  driver = pipe
  command = /usr/bin/vacation -f $local_part_data
  user = games
begin retry
)");
}

std::string refusal(const io::Fields& f) {
  static const auto c = config();
  const Status ok = daemon::check_request(*c, f);
  return ok ? "" : ok.error().text;
}

void refused(const io::Fields& f, std::string_view why) {
  const std::string got = refusal(f);
  BOOST_TEST(got.find(why) != std::string::npos, "\"" << got << "\" has no \"" << why << "\"");
}

/// What a redirect router says besides the file.
io::Fields list_fields(io::Fields f) {
  f.insert({{"modemask", std::to_string(022)},
            {"check_owner", "0"},
            {"check_group", "0"},
            {"ignore_eacces", "0"},
            {"ignore_enotdir", "0"},
            {"user_uid", "-1"},
            {"user_gid", "-1"}});
  return f;
}

io::Fields append(const std::string& user, const std::string& path) {
  return file_fields({{"op", "mbox"}, {"transport", "box"}, {"uid", user}, {"gid", gid_of_user(user)}, {"path", path}});
}

io::Fields run(const std::string& user, const std::string& program) {
  return {{"op", "command"}, {"transport", "program"}, {"uid", user},   {"gid", "60"},           {"arg0", program},
          {"arg1", "-f"},    {"arg2", "joe"},          {"umask", "18"}, {"permit_coredump", "0"}};
}

}  // namespace

BOOST_AUTO_TEST_CASE(what_the_configuration_asks_for_is_done) {
  BOOST_TEST(refusal(append(uid("games"), "/var/mail/games")) == "");
  BOOST_TEST(refusal(run(uid("games"), "/usr/bin/vacation")) == "");
}

BOOST_AUTO_TEST_CASE(without_users_it_is_the_one_the_program_runs_as) {
  // exim_user is not set: its default may not exist, and then it is mail.
  const auto c = load(R"(
primary_hostname = x.test
begin routers
all:
  driver = accept
  transport = box
begin transports
box:
  driver = appendfile
  file = /var/mail/$local_part_data
begin retry
)");
  const auto id = daemon::run_identity(*c);
  BOOST_TEST_REQUIRE(id.has_value());
  const Status ok = daemon::check_request(*c, append(std::to_string(id->uid), "/var/mail/x"));
  BOOST_TEST((ok ? "" : ok.error().text) == "");
}

BOOST_AUTO_TEST_CASE(root_and_never_users_are_refused) {
  refused(append("0", "/var/mail/root"), "never used");
  refused(append("-1", "/var/mail/root"), "never used");
  refused(append("junk", "/var/mail/root"), "never used");
  refused(append(uid("bin"), "/var/mail/bin"), "never_users");
}

BOOST_AUTO_TEST_CASE(with_deliver_drop_privilege_there_is_one_user) {
  const auto c = load(R"(
primary_hostname = x.test
exim_user = mail
deliver_drop_privilege
begin routers
all:
  driver = accept
  transport = box
begin transports
box:
  driver = appendfile
  file = /var/mail/$local_part_data
  user = ${if eq{1}{2}{x}{games}}
begin retry
)");
  BOOST_TEST(daemon::check_request(*c, append(uid("mail"), "/var/mail/x")).has_value());
  const Status other = daemon::check_request(*c, append(uid("games"), "/var/mail/x"));
  BOOST_REQUIRE(!other);
  BOOST_TEST(other.error().text.find("deliver_drop_privilege") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(users_a_driver_cannot_have_are_refused) {
  refused(run(uid("daemon"), "/usr/bin/vacation"), "never runs as");
  refused(append("54321", "/var/mail/x"), "never runs as");
  refused({{"op", "readlist"}, {"router", "alias"}, {"uid", uid("daemon")}, {"gid", "1"}, {"path", "/etc/shadow"}},
          "never reads files as");
  refused({{"op", "readlist"}, {"router", "none"}, {"uid", uid("games")}, {"gid", "1"}}, "no router");
  refused({{"op", "mbox"}, {"transport", "none"}, {"uid", uid("games")}, {"gid", "1"}}, "no transport");
}

BOOST_AUTO_TEST_CASE(groups_a_driver_cannot_have_are_refused) {
  const auto with = [](io::Fields f, const std::string& group) {
    f["gid"] = group;
    return f;
  };
  const io::Fields box = append(uid("games"), "/var/mail/games"), program = run(uid("games"), "/usr/bin/vacation");
  for (const io::Fields& f :
       {box, program,
        list_fields({{"op", "readlist"}, {"router", "alias"}, {"uid", uid("games")}, {"path", "/etc/shadow"}}),
        io::Fields{{"op", "filter"},
                   {"router", "alias"},
                   {"uid", uid("games")},
                   {"options", lang::filter::encode(lang::filter::Options())}},
        io::Fields{{"op", "exists"}, {"router", "alias"}, {"uid", uid("games")}},
        io::Fields{{"op", "query"},
                   {"router", "ask"},
                   {"uid", uid("games")},
                   {"argc", "2"},
                   {"arg0", "/usr/bin/ask"},
                   {"arg1", "joe"},
                   {"directory", "/"}}}) {
    BOOST_TEST_CONTEXT(f.at("op")) {
      BOOST_TEST(refusal(with(f, gid("games"))) == "");
      refused(with(f, gid("shadow")), "never used with");
      refused(with(f, gid("disk")), "never used with");
      refused(with(f, "0"), "gid 0 is never used");
      refused(with(f, "4294967296"), "never used");
      refused(with(f, "4294967295"), "never used");
      refused(with(f, ""), "never used");
    }
  }
  // groups that options name: of the transport, of a router, of a command, of required files
  BOOST_TEST(
      refusal(with(file_fields({{"op", "mbox"}, {"transport", "grouped"}, {"uid", uid("games")}, {"path", "/x"}}),
                   gid("mail"))) == "");
  refused(with({{"op", "mbox"}, {"transport", "grouped"}, {"uid", uid("games")}, {"path", "/x"}}, gid("news")),
          "never used with");
  BOOST_TEST(refusal(with(box, gid("news"))) == "");
  BOOST_TEST(
      refusal(with(list_fields({{"op", "readlist"}, {"router", "grouped"}, {"uid", uid("games")}, {"path", "/l"}}),
                   gid("news"))) == "");
  refused(with({{"op", "readlist"}, {"router", "local"}, {"uid", uid("games")}}, gid("news")), "never used with");
  BOOST_TEST(refusal(with({{"op", "exists"}, {"router", "grouped"}, {"uid", uid("games")}}, gid("tape"))) == "");
  refused(with({{"op", "exists"}, {"router", "grouped"}, {"uid", uid("games")}}, gid("news")), "never used with");
  // an expansion may give any but group 0
  const io::Fields any = file_fields({{"op", "mbox"}, {"transport", "any"}, {"uid", uid("games")}, {"path", "/x"}});
  BOOST_TEST(refusal(with(any, "54321")) == "");
  refused(with(any, "0"), "never used");
  io::Fields all_groups = program;
  all_groups["initgroups"] = "1";
  refused(all_groups, "initgroups");
}

BOOST_AUTO_TEST_CASE(ids_have_32_bits) {
  const auto beyond = [](const std::string& id) { return std::to_string((std::uint64_t{1} << 32U) + std::stoull(id)); };
  io::Fields f = file_fields(
      {{"op", "mbox"}, {"transport", "any"}, {"uid", beyond(uid("bin"))}, {"gid", gid("games")}, {"path", "/x"}});
  refused(f, "never used");
  f["uid"] = beyond("0");
  refused(f, "never used");
  f["uid"] = uid("games");
  BOOST_TEST(refusal(f) == "");
  f["gid"] = beyond(gid("games"));
  refused(f, "never used");
}

BOOST_AUTO_TEST_CASE(paths_and_programs_of_others_are_refused) {
  refused(append(uid("games"), "/etc/cron.d/x"), "is not one of");
  refused(append(uid("games"), "/var/mail/../../etc/x"), "..");
  refused(append(uid("games"), "relative"), "not absolute");
  refused(run(uid("games"), "/bin/sh"), "is not the command");
}

BOOST_AUTO_TEST_CASE(commands_of_routers) {
  const auto ask = [](const std::string& user, const std::string& program, const std::string& router = "ask") {
    return io::Fields{{"op", "query"}, {"router", router}, {"uid", user},   {"gid", "60"},
                      {"argc", "2"},   {"arg0", program},  {"arg1", "joe"}, {"directory", "/"}};
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

BOOST_AUTO_TEST_CASE(each_driver_asks_for_its_own_things) {
  static const auto c = load(R"(
primary_hostname = x.test
exim_user = mail
exim_group = mail
begin routers
alias:
  driver = redirect
  data = x
  allow_filter
  user = games
  pipe_transport = address_pipe
  file_transport = address_file
  reply_transport = address_reply
named:
  driver = accept
  require_files = /x
  user = games
  transport = box
begin transports
address_pipe:
  driver = pipe
address_file:
  driver = appendfile
  shadow_transport = copy
copy:
  driver = appendfile
address_reply:
  driver = autoreply
box:
  driver = appendfile
  file = /var/mail/$local_part_data
  transport_filter = /usr/bin/filter -x
  user = games
nowhere:
  driver = appendfile
  user = games
program:
  driver = pipe
  command = vacation -f $local_part_data
  user = games
forced:
  driver = pipe
  command = /usr/bin/vacation
  force_command
  user = games
shell:
  driver = pipe
  command = /usr/bin/vacation <x
  use_shell
  user = games
listed:
  driver = pipe
  allow_commands = /usr/bin/vacation : procmail
  user = games
served:
  driver = lmtp
  command = /usr/bin/lmtpd -x
  user = games
socket:
  driver = lmtp
  socket = /run/lmtp
  user = games
answer:
  driver = autoreply
  to = x@x.test
  once = /var/once/$local_part_data
  user = games
away:
  driver = smtp
  hosts = x.test
  user = games
begin retry
)");
  const auto ask = [&](const char* transport, io::Fields f) {
    f.insert({{"transport", transport}, {"uid", uid("games")}, {"gid", std::to_string(getpwnam("games")->pw_gid)}});
    const Status ok = daemon::check_request(*c, f);
    return ok ? std::string() : ok.error().text;
  };
  const auto has = [&](const char* transport, const io::Fields& f, const std::string& why) {
    const std::string got = ask(transport, f);
    BOOST_TEST(got.find(why) != std::string::npos, transport << ": \"" << got << "\" has no \"" << why << "\"");
  };
  const auto program = [](const std::string& name, io::Fields more = {}) {
    more.insert({{"op", "command"}, {"arg0", name}});
    if (!more.contains("filter")) more.insert({{"umask", std::to_string(022)}, {"permit_coredump", "0"}});
    return more;
  };
  const auto file = [](const std::string& op, const std::string& path) {
    return file_fields({{"op", op}, {"path", path}});
  };
  // What is asked for.
  BOOST_TEST(ask("address_pipe", program("/bin/any", {{"special", "1"}})) == "");
  BOOST_TEST(ask("address_file", file("mbox", "/home/x/box")) == "");
  BOOST_TEST(ask("copy", file("mbox", "/home/x/box")) == "");
  // A filter's save command may give a mode, but no set-user-id bit.
  for (const auto& [mode, want] :
       {std::pair("511", ""), {"2541", "mode is not what the address_file transport says"}}) {
    io::Fields saved = file("mbox", "/home/x/box");
    saved["mode"] = mode;
    BOOST_TEST(ask("address_file", saved) == want);
  }
  BOOST_TEST(ask("address_reply", file("once", "/home/x/once")) == "");
  BOOST_TEST(ask("box", file("mbox", "/var/mail/x")) == "");
  BOOST_TEST(ask("box", program("/usr/bin/filter", {{"arg1", "-x"}, {"filter", "1"}})) == "");
  BOOST_TEST(ask("program", program("/usr/bin/vacation", {{"arg1", "-f"}, {"arg2", "joe"}})) == "");
  BOOST_TEST(ask("shell", program("/bin/sh", {{"arg1", "-c"}, {"arg2", "/usr/bin/vacation <x"}})) == "");
  BOOST_TEST(ask("served", {{"op", "lmtp"}, {"arg0", "/usr/bin/lmtpd"}, {"arg1", "-x"}}) == "");
  BOOST_TEST(ask("answer", file("once", "/var/once/x")) == "");
  // Things of other drivers.
  for (const char* name : {"box", "answer", "served", "away"}) {
    has(name, program("/bin/sh"), "the");
    has(name, program("/bin/sh", {{"special", "1"}}), "the");
  }
  has("program", file("mbox", "/var/mail/x"), "never asks for \"mbox\"");
  has("box", file("once", "/var/mail/x"), "never asks for \"once\"");
  has("box", file("readlist", "/var/mail/x"), "never asks for \"readlist\"");
  has("served", program("/usr/bin/lmtpd"), "never asks for \"command\"");
  // What the asking side says of itself.
  has("program", program("/bin/sh", {{"special", "1"}}), "is not the command");
  has("program", program("/bin/sh", {{"shell", "1"}}), "is not the command");
  has("program", program("/bin/sh", {{"filter", "1"}}), "has no command");
  has("box", program("/bin/sh", {{"filter", "1"}}), "is not the command");
  has("forced", program("/bin/sh", {{"special", "1"}}), "is not the command");
  has("shell", program("/bin/sh", {{"arg1", "-c"}, {"arg2", "id"}}), "is not the command");
  has("shell", program("/bin/sh", {{"arg1", "/tmp/x"}}), "through a shell");
  has("listed", program("/bin/sh", {{"special", "1"}}), "has no command");
  has("served", {{"op", "lmtp"}, {"arg0", "/bin/sh"}}, "is not the command");
  has("socket", {{"op", "lmtp"}, {"arg0", "/bin/sh"}}, "has no command");
  io::Fields lies = file("mbox", "/etc/x");
  lies["special"] = "1";
  has("box", lies, "is not one of");
  has("nowhere", lies, "no file of its own");
  has("answer", file("log", "/var/once/x"), "is not one of");
  has("answer", file("once", "/etc/x"), "is not one of");
  has("address_reply", file("once", "/home/x/../y"), "..");
  // Routers.
  const auto route = [&](const char* router, const char* op) {
    const Status ok = daemon::check_request(*c, list_fields({{"op", op},
                                                             {"router", router},
                                                             {"path", "/x"},
                                                             {"options", lang::filter::encode(lang::filter::Options())},
                                                             {"uid", uid("games")},
                                                             {"gid", std::to_string(getpwnam("games")->pw_gid)}}));
    return ok ? std::string() : ok.error().text;
  };
  BOOST_TEST(route("alias", "readlist") == "");
  BOOST_TEST(route("alias", "filter") == "");
  BOOST_TEST(route("named", "exists") == "");
  BOOST_TEST(route("alias", "exists").find("never asks") != std::string::npos);
  BOOST_TEST(route("named", "readlist").find("never asks") != std::string::npos);
  BOOST_TEST(route("alias", "command").find("never asks") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(commands_are_compared_word_by_word) {
  static const auto c = load(R"(
primary_hostname = x.test
exim_user = mail
exim_group = mail
timezone = UTC
begin routers
ask:
  driver = queryprogram
  command = /usr/bin/ask -d "two words" to=$domain_data $local_part_data
  command_user = games
  transport = program
begin transports
program:
  driver = pipe
  command = vacation -f '$5' --to=$local_part_data "a b" $address_pipe last
  environment = LANG=C : NAME=$local_part_data : LD_PRELOAD=/usr/lib/ours.so : DIR=/srv/$local_part_data
  user = games
elsewhere:
  driver = pipe
  command = tool
  path = /opt/bin:/usr/bin
  umask = 077
  transport_filter = /usr/bin/filter $local_part_data
  user = games
free:
  driver = pipe
  command = ${lookup{$local_part_data}lsearch{/etc/commands}} -x
  environment = ${if eq{$local_part_data}{x}{A=1 : B=2}}
  path = $home/bin:/bin
  user = games
shell:
  driver = pipe
  command = /usr/bin/tool --to=$local_part_data | cat
  use_shell
  user = games
begin retry
)");
  const auto ask = [&](const char* transport, const std::vector<std::string>& words, io::Fields f = {}) {
    const char* umask = std::string_view(transport) == "elsewhere" ? "63" : "18";
    if (!f.contains("filter")) f.insert({{"umask", umask}, {"permit_coredump", "0"}});
    f.insert({{"op", "command"}, {"transport", transport}, {"uid", uid("games")}, {"gid", gid_of_user(uid("games"))}});
    for (std::size_t i = 0; i < words.size(); ++i) f["arg" + std::to_string(i)] = words[i];
    const Status ok = daemon::check_request(*c, f);
    return ok ? std::string() : ok.error().text;
  };
  const auto has = [](const std::string& got, const std::string& why) {
    BOOST_TEST(got.find(why) != std::string::npos, "\"" << got << "\" has no \"" << why << "\"");
  };
  const std::vector<std::string> good = {"/usr/bin/vacation", "-f",       "joe", "--to=joe", "a b",
                                         "x@y.test",          "z@y.test", "last"};
  const auto with = [&good](std::size_t i, const char* word) {
    auto words = good;
    words[i] = word;
    return words;
  };
  BOOST_TEST(ask("program", good) == "");
  BOOST_TEST(ask("program", with(0, "/bin/vacation")) == "");
  BOOST_TEST(ask("program", with(3, "--to=")) == "");
  for (const auto& words : {with(0, "/opt/bin/vacation"), with(0, "/tmp/vacation"), with(0, "vacation"), with(1, "-g"),
                            with(3, "--config=/tmp/x"), with(4, "a"), with(7, "first")})
    has(ask("program", words), "is not the command of the program transport");
  has(ask("program", {"/usr/bin/vacation"}), "is not the command");
  has(ask("program", {}), "is not the command");
  BOOST_TEST(ask("elsewhere", {"/opt/bin/tool"}) == "");
  has(ask("elsewhere", {"/bin/tool"}), "is not the command");
  has(ask("elsewhere", {"/opt/bin/tool", "-x"}), "is not the command");
  has(ask("elsewhere", {"/opt/bin/tool"}, {{"umask", "0"}, {"permit_coredump", "0"}}), "umask");
  has(ask("elsewhere", {"/opt/bin/tool"}, {{"umask", "63"}, {"permit_coredump", "1"}}), "umask");
  BOOST_TEST(ask("elsewhere", {"/usr/bin/filter", "joe"}, {{"filter", "1"}}) == "");
  has(ask("elsewhere", {"/usr/bin/filter", "joe", "x"}, {{"filter", "1"}}), "is not the command");
  has(ask("elsewhere", {"/usr/bin/filter", "joe"}, {{"filter", "1"}, {"umask", "0"}}), "umask");
  BOOST_TEST(ask("free", {"/any/thing", "-x"}) == "");
  has(ask("free", {"/any/../thing", "-x"}), "is not the command");
  has(ask("free", {"/any/thing", "-y"}), "is not the command");
  BOOST_TEST(ask("shell", {"/bin/sh", "-c", "/usr/bin/tool --to=joe | cat"}) == "");
  has(ask("shell", {"/bin/sh", "-c", "id; /usr/bin/tool --to=joe | cat"}), "is not the command");
  has(ask("shell", {"/bin/sh", "-c", "/usr/bin/tool --to=joe | cat", "x"}), "through a shell");
  // The environment.
  const auto env = [&](const char* transport, const std::string& entry, io::Fields f = {}) {
    f["env0"] = entry;
    const std::vector<std::string> tool = {"/opt/bin/tool"}, any = {"/any/thing", "-x"},
                                   filter = {"/usr/bin/filter", "x"};
    const std::string_view t = transport;
    return ask(transport, t == "program" ? good : t == "free" ? any : f.contains("filter") ? filter : tool, f);
  };
  const std::string home = getpwnam("games")->pw_dir;
  for (const char* entry : {"SENDER=a@b.test", "PATH=/bin:/usr/bin", "SHELL=/bin/sh", "TZ=UTC", "HOME=/",
                            "HOME=", "LANG=C", "NAME=joe", "NAME=", "LD_PRELOAD=/usr/lib/ours.so", "DIR=/srv/joe"})
    BOOST_TEST(env("program", entry) == "", entry);
  BOOST_TEST(env("program", "HOME=" + home) == "");
  for (const char* entry : {"LD_PRELOAD=/tmp/x.so", "LD_AUDIT=x", "LANG=D", "OTHER=1", "PATH=/tmp", "SHELL=/tmp/sh",
                            "TZ=/tmp/x", "HOME=/tmp", "DIR=/tmp", "", "=x", "NAME", "BASH_ENV=/tmp/x"})
    has(env("program", entry), "environment variable");
  BOOST_TEST(env("elsewhere", "PATH=/opt/bin:/usr/bin") == "");
  has(env("elsewhere", "PATH=/bin:/usr/bin"), "environment variable");
  has(env("elsewhere", "NAME=joe"), "environment variable");
  BOOST_TEST(env("elsewhere", "PATH=/bin:/usr/bin", {{"filter", "1"}}) == "");
  has(env("elsewhere", "PATH=/opt/bin:/usr/bin", {{"filter", "1"}}), "environment variable");
  BOOST_TEST(env("free", "A=1") == "");
  BOOST_TEST(env("free", "PATH=/home/x/bin:/bin") == "");
  has(env("free", "LD_PRELOAD=/tmp/x.so"), "environment variable");
  has(env("free", "PYTHONPATH=/tmp"), "environment variable");
  // Commands of routers.
  const auto query = [&](const std::vector<std::string>& words) {
    io::Fields f{{"op", "query"},       {"router", "ask"},
                 {"uid", uid("games")}, {"gid", gid_of_user(uid("games"))},
                 {"directory", "/"},    {"argc", std::to_string(words.size())}};
    for (std::size_t i = 0; i < words.size(); ++i) f["arg" + std::to_string(i)] = words[i];
    const Status ok = daemon::check_request(*c, f);
    return ok ? std::string() : ok.error().text;
  };
  BOOST_TEST(query({"/usr/bin/ask", "-d", "two words", "to=y.test", "joe"}) == "");
  has(query({"/usr/bin/ask", "-e", "two words", "to=y.test", "joe"}), "is not the command of the ask router");
  has(query({"/usr/bin/ask", "-d", "two words", "-x", "joe"}), "is not the command of the ask router");
  has(query({"/usr/bin/ask", "-d", "two words", "to=y.test", "joe", "x"}), "is not the command of the ask router");
  has(query({}), "is not the command of the ask router");
}

BOOST_AUTO_TEST_CASE(lists_and_filters_are_those_of_the_router) {
  const std::string home = getpwnam("games")->pw_dir;
  static const auto c = load(R"(
primary_hostname = x.test
exim_user = mail
exim_group = mail
begin routers
home:
  driver = redirect
  check_local_user
  file = $home/.forward
  forbid_include
home_any:
  driver = redirect
  user = games
  router_home_directory = /srv/x
  file = $home/.forward
  forbid_include
suffixed:
  driver = redirect
  check_local_user
  local_part_suffix = -*
  local_part_suffix_optional
  file = ${home}/.forward$local_part_suffix
  forbid_include
fixed:
  driver = redirect
  user = games
  file = /etc/lists/all
  include_directory = /etc/lists/more/
  owners = games
  modemask = 002
  ignore_eacces
prefix:
  driver = redirect
  user = games
  file = /etc/lists/$local_part_data
  forbid_include
sieve:
  driver = redirect
  user = games
  file = /etc/filters/$local_part_data
  allow_filter
  allow_fail
  forbid_filter_run
  forbid_filter_logwrite
  sieve_vacation_directory = /var/vacation/$local_part_data
  sieve_subaddress = detail
begin retry
)");
  const auto ask = [&](io::Fields f) {
    f.insert({{"op", "readlist"}, {"uid", uid("games")}, {"gid", gid_of_user(uid("games"))}});
    const Status ok = daemon::check_request(*c, list_fields(std::move(f)));
    return ok ? std::string() : ok.error().text;
  };
  const auto not_its = [&](const char* router, const std::string& path) {
    const std::string got = ask({{"router", router},
                                 {"path", path},
                                 {"check_owner", router == std::string("fixed") || router[0] == 'h' ? "1" : "0"}});
    BOOST_TEST(got.find("is not one of the") != std::string::npos, router << " " << path << ": \"" << got << "\"");
  };
  const io::Fields own{{"check_owner", "1"}};
  const auto with = [](io::Fields f, const io::Fields& more) {
    f.insert(more.begin(), more.end());
    return f;
  };
  BOOST_TEST(ask(with(own, {{"router", "home"}, {"path", home + "/.forward"}})) == "");
  not_its("home", home + "/.forward2");
  not_its("home", home + "/../x/.forward");
  not_its("home", "/root/.forward");
  BOOST_TEST(ask({{"router", "home_any"}, {"path", "/srv/x/.forward"}}) == "");
  not_its("home_any", "/srv/../etc/shadow");
  BOOST_TEST(ask(with(own, {{"router", "suffixed"}, {"path", home + "/.forward-x"}})) == "");
  not_its("suffixed", home + "/.ssh/id");
  not_its("suffixed", home + "/.forward/../.ssh/id");
  const io::Fields fixed{{"router", "fixed"}, {"check_owner", "1"}, {"owners", "games"}, {"modemask", "2"}};
  BOOST_TEST(ask(with(fixed, {{"path", "/etc/lists/all"}, {"ignore_eacces", "1"}})) == "");
  BOOST_TEST(ask(with(fixed, {{"path", "/etc/lists/more/x"}})) == "");
  BOOST_TEST(ask(with(fixed, {{"path", "/etc/lists/more/x"}, {"ignore_eacces", "1"}})) ==
             "ignore_eacces is not what the fixed router says");
  not_its("fixed", "/etc/lists/other");
  not_its("fixed", "/etc/lists/more/../other");
  not_its("prefix", "/etc/passwd");
  not_its("prefix", "/etc/lists/../passwd");
  BOOST_TEST(ask({{"router", "prefix"}, {"path", "/etc/lists/x"}}) == "");
  BOOST_TEST(ask({{"router", "prefix"}, {"path", "relative"}}) == "path is not absolute");
  BOOST_TEST(ask({{"router", "prefix"}, {"path", "/etc/lists/x"}, {"modemask", "0"}}) ==
             "modemask is not what the prefix router says");
  BOOST_TEST(ask(with({{"path", "/etc/lists/all"}, {"owners", "games\nroot"}}, fixed)) ==
             "owners is not what the fixed router says");

  lang::filter::Options o;
  o.allow_fail = o.forbid_logwrite = true;
  o.forbidden = lang::Confinement::kRun;
  o.subaddress = "detail";
  o.vacation_directory = "/var/vacation/x";
  o.has_vacation = true;
  const auto filter = [&](const lang::filter::Options& options, const char* router = "sieve") {
    return ask({{"op", "filter"}, {"router", router}, {"options", lang::filter::encode(options)}});
  };
  BOOST_TEST(filter(o) == "");
  BOOST_TEST(filter(o, "prefix") == "the prefix router runs no filters");
  const auto forged = [&](auto change) {
    lang::filter::Options bad = o;
    change(bad);
    BOOST_TEST(filter(bad).find("is not what the sieve router says") != std::string::npos, filter(bad));
  };
  forged([](auto& b) { b.forbidden = 0; });
  forged([](auto& b) { b.forbid_logwrite = false; });
  forged([](auto& b) { b.system = true; });
  forged([](auto& b) { b.allow_freeze = true; });
  forged([](auto& b) { b.vacation_directory = "/etc/x"; });
  forged([](auto& b) { b.vacation_directory = "/var/vacation/../x"; });
  forged([](auto& b) { b.subaddress = "other"; });
  forged([](auto& b) { b.inbox = "/etc/x"; });
  forged([](auto& b) { b.has_notify = true; });
  BOOST_TEST(ask({{"op", "filter"}, {"router", "sieve"}, {"options", "junk"}}) == "damaged options of a filter");
}

BOOST_AUTO_TEST_CASE(the_system_filter_has_its_own_options) {
  static const auto c = load(R"(
primary_hostname = x.test
exim_user = mail
exim_group = mail
system_filter = /etc/filter
system_filter_user = games
begin retry
)");
  const auto ask = [&](const lang::filter::Options& o) {
    const Status ok = daemon::check_request(*c, {{"op", "filter"},
                                                 {"system_filter", "1"},
                                                 {"uid", uid("games")},
                                                 {"gid", gid_of_user(uid("games"))},
                                                 {"options", lang::filter::encode(o)}});
    return ok ? std::string() : ok.error().text;
  };
  BOOST_TEST(ask(routers::system_filter_options()) == "");
  BOOST_TEST(ask({}) == "the system filter has other options");
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
