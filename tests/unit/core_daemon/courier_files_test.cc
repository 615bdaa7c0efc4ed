// What the courier refuses of requests that write files: in homes, mailboxes and directories of spool files.
#include "courier_requests.h"

using namespace remex;
using namespace remex::test;

BOOST_AUTO_TEST_CASE(files_in_the_home_directory) {
  const auto make = [](const std::string& more, const std::string& transport) {
    return load(
        ("primary_hostname = x.test\nexim_user = mail\nexim_group = mail\nbegin routers\nlocal:\n  driver = accept\n"
         "  check_local_user\n  transport = box\n" +
         more + "begin transports\nbox:\n  driver = appendfile\n" + transport +
         "other:\n  driver = appendfile\n  file = /x\nbegin retry\n")
            .c_str());
  };
  const auto ask = [](const std::shared_ptr<const lang::Config>& c, const std::string& path,
                      const char* op = "maildir") {
    const Status ok = daemon::check_request(*c, file_fields({{"op", op},
                                                             {"path", path},
                                                             {"transport", "box"},
                                                             {"uid", uid("games")},
                                                             {"gid", gid_of_user(uid("games"))}}));
    return ok ? std::string() : ok.error().text;
  };
  const std::string home = getpwnam("games")->pw_dir, wrong = "is not in the home directory";
  const auto maildir = make("", "  directory = $home/Maildir/\n  maildir_format\n");
  BOOST_TEST(ask(maildir, home + "/Maildir") == "");
  BOOST_TEST(ask(maildir, home + "/Maildir/") == "");
  for (const char* path : {"/tmp/Maildir", "/root/Maildir"})
    BOOST_TEST(ask(maildir, path).find(wrong) != std::string::npos);
  BOOST_TEST(ask(maildir, home + "/Maildirs").find(wrong) != std::string::npos);
  BOOST_TEST(ask(maildir, home + "/other").find(wrong) != std::string::npos);
  const auto folder = make("", "  directory = ${home}/Maildir/.$local_part_suffix\n  maildir_format\n");
  BOOST_TEST(ask(folder, home + "/Maildir/.x") == "");
  BOOST_TEST(ask(folder, home + "/x").find(wrong) != std::string::npos);
  const auto mbox = make("", "  file = $home/mbox\n");
  BOOST_TEST(ask(mbox, home + "/mbox", "mbox") == "");
  BOOST_TEST(ask(mbox, home + "/.ssh/rc", "mbox").find(wrong) != std::string::npos);
  const auto elsewhere = make("  transport_home_directory = /srv/home/$local_part_data\n",
                              "  directory = $home/Maildir\n  maildir_format\n");
  BOOST_TEST(ask(elsewhere, "/srv/home/x/Maildir") == "");
  BOOST_TEST(ask(elsewhere, "/srv/x/Maildir").find(wrong) != std::string::npos);
  const auto fixed = make("", "  home_directory = /srv/all\n  directory = $home/Maildir\n  maildir_format\n");
  BOOST_TEST(ask(fixed, "/srv/all/Maildir") == "");
  BOOST_TEST(ask(fixed, "/srv/other/Maildir").find(wrong) != std::string::npos);
  // Another router's home is of no account; one whose user is another than the local part may be any.
  const auto others =
      make("other:\n  driver = accept\n  transport_home_directory = /srv/x\n  transport = other\n  user = games\n",
           "  directory = $home/Maildir\n  maildir_format\n");
  BOOST_TEST(ask(others, "/srv/x/Maildir").find(wrong) != std::string::npos);
  const auto any = make("  user = games\n", "  directory = $home/Maildir\n  maildir_format\n");
  BOOST_TEST(ask(any, "/home/joe/Maildir") == "");
}

BOOST_AUTO_TEST_CASE(files_of_a_transport_are_as_it_says) {
  static const auto c = load(R"(
primary_hostname = x.test
exim_user = mail
exim_group = mail
begin routers
begin transports
maildir:
  driver = appendfile
  directory = /var/mail/$local_part_data
  maildir_format
  quota_directory = /var/mail/quota/$local_part_data
  create_file = /var/mail/new
  user = games
plain:
  driver = appendfile
  directory = /var/mail/$local_part_data
  directory_file = m$tod_epoch
  user = games
  no_create_directory
box:
  driver = appendfile
  file = /var/mail/$local_part_data
  user = games
archive:
  driver = appendfile
  directory = /var/archive//
  maildir_format
  user = games
begin retry
)");
  const auto ask = [&](const char* transport, const char* op, io::Fields f) {
    f.insert({{"transport", transport},
              {"op", op},
              {"path", "/var/mail/x"},
              {"uid", uid("games")},
              {"gid", gid_of_user(uid("games"))}});
    if (transport == std::string("plain")) f.insert({{"create_directory", "0"}});
    const Status ok = daemon::check_request(*c, file_fields(std::move(f)));
    return ok ? std::string() : ok.error().text;
  };
  BOOST_TEST(ask("maildir", "maildir", {{"quota_directory", "/var/mail/quota/x"}}) == "");
  BOOST_TEST(ask("plain", "plain", {{"other_name", "m-x"}}) == "");
  BOOST_TEST(ask("box", "mbox", {{"may_create", "1"}}) == "");
  BOOST_TEST(ask("archive", "maildir", {{"path", "/var/archive"}}) == "");
  for (const char* other : {"/var", "/var/archive2", "/var/mail"})
    BOOST_TEST(ask("archive", "maildir", {{"path", other}}) ==
               "path " + std::string(other) + " is not one of the archive transport");
  BOOST_TEST(ask("maildir", "maildir", {{"name", "../../x"}}) == "name ../../x is no file name");
  BOOST_TEST(ask("maildir", "maildir", {{"name", "a/b"}}) == "name a/b is no file name");
  BOOST_TEST(ask("maildir", "maildir", {{"name", ".x"}}) == "name .x is no file name");
  BOOST_TEST(ask("maildir", "maildir", {{"name", ""}}) == "there is no file name");
  BOOST_TEST(ask("plain", "plain", {{"other_name", "/etc/x"}}) == "other_name /etc/x is no file name");
  BOOST_TEST(ask("maildir", "maildir", {{"other_name", "x"}}) == "the maildir transport has no directory_file");
  BOOST_TEST(ask("maildir", "mbox", {}) == "the maildir transport delivers no mbox");
  BOOST_TEST(ask("maildir", "mailstore", {}) == "the maildir transport delivers no mailstore");
  BOOST_TEST(ask("box", "maildir", {}) == "the box transport delivers no maildir");
  BOOST_TEST(ask("maildir", "maildir", {{"quota_directory", "/etc"}}) ==
             "quota_directory /etc is not one of the maildir transport");
  BOOST_TEST(ask("maildir", "maildir", {{"quota_directory", "/var/mail/quota/../../../etc"}}).find("..") !=
             std::string::npos);
  BOOST_TEST(ask("box", "mbox", {{"quota_directory", "/var/mail/x"}}) ==
             "quota_directory /var/mail/x is not one of the box transport");
  BOOST_TEST(ask("maildir", "maildir", {{"may_create", "1"}}) == "may_create is not what the maildir transport says");
  BOOST_TEST(ask("plain", "plain", {{"may_create", "1"}}) == "may_create is not what the plain transport says");
  BOOST_TEST(ask("box", "mbox", {{"allow_symlink", "1"}}) == "allow_symlink is not what the box transport says");
  BOOST_TEST(ask("box", "mbox", {{"mode", "511"}}) == "mode is not what the box transport says");
}

BOOST_AUTO_TEST_CASE(files_of_a_spool) {
  static const auto c = load(R"(
primary_hostname = x.test
exim_user = mail
exim_group = mail
begin routers
begin transports
scan:
  driver = queuefile
  directory = /var/spool/scan/$domain_data
  user = games
begin retry
)");
  const auto ask = [&](io::Fields f) {
    f.insert({{"transport", "scan"},
              {"op", "queuefile"},
              {"path", "/var/spool/scan/x.test"},
              {"name", "1xUnsX-000000003Ot-2h0I"},
              {"uid", uid("games")},
              {"gid", gid_of_user(uid("games"))}});
    const Status ok = daemon::check_request(*c, f);
    return ok ? std::string() : ok.error().text;
  };
  BOOST_TEST(ask({}) == "");
  BOOST_TEST(ask({{"path", "/var/spool"}}) == "path /var/spool is not one of the scan transport");
  BOOST_TEST(ask({{"path", "/var/spool/scan/../x"}}) == "path /var/spool/scan/../x has a .. component");
  for (const char* name : {"../x", "", "1xUnsX-000000003Ot-2h0I-H", "x"})
    BOOST_TEST(ask({{"name", name}}) == std::string(name) + " is no message id");
  BOOST_TEST(ask({{"op", "plain"}}) == "the scan transport never asks for \"plain\"");
  BOOST_TEST(ask({{"uid", uid("mail")}}).find("never runs as uid") != std::string::npos);
}
