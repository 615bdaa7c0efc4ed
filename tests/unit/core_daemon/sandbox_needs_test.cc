// What a configuration needs of the worker's sandbox. What the sandbox does: tests/unit/core_io/sandbox_test.cc.
#include <sys/stat.h>
#include <unistd.h>

#include <boost/test/unit_test.hpp>

#include "core/base/strings.h"
#include "core/daemon/registries.h"
#include "core/daemon/worker_sandbox.h"
#include "lang/diagnostics.h"

using namespace remex;

namespace {

daemon::SandboxNeeds needs(const std::string& main, const std::string& rest = {}) {
  auto files = std::make_shared<lang::SourceFiles>();
  lang::Diagnostics diag(*files);
  auto c =
      lang::load_config_text("t", "primary_hostname = x.test\nexim_user = mail\nspool_directory = /s\n" + main + rest,
                             {}, daemon::all_registries(), diag, files);
  BOOST_TEST_REQUIRE(c != nullptr, diag.render());
  return daemon::sandbox_needs(*c);
}

std::string writable(const daemon::SandboxNeeds& n) { return join(n.writable, " "); }

}  // namespace

BOOST_AUTO_TEST_SUITE(sandbox_needs)

BOOST_AUTO_TEST_CASE(the_least) {
  const auto n = needs("");
  BOOST_TEST(n.programs.empty());
  BOOST_TEST(n.unbounded.empty());
  BOOST_TEST(writable(n) == "/dev/null /s");
  BOOST_TEST(n.text().empty());
  BOOST_TEST(!n.rules().may_execute);
  BOOST_TEST(n.rules().writable.has_value());
}

BOOST_AUTO_TEST_CASE(where_files_are_written) {
  const auto n = needs(
      "log_file_path = /l/exim/%slog : syslog\nprocess_log_path = /p/info\nsandbox_writable_directories = "
      "/var/lib/x/\n",
      "begin transports\n"
      "a:\n  driver = appendfile\n  maildir_format\n  directory = /m/$local_part_data/Maildir\n"
      "b:\n  driver = appendfile\n  maildir_format\n  directory = ${if eq{a}{a}{/no}}\n"
      "c:\n  driver = appendfile\n  file = /mbox/$local_part_data\n");
  BOOST_TEST(writable(n) == "/dev/null /l/exim /m /p /s /var/lib/x/");
}

BOOST_AUTO_TEST_CASE(who_runs_programs) {
  for (const char* main :
       {"acl_not_smtp = ${run{/bin/x}{a}{b}}\n", "smtp_banner = a ${expand:$smtp_active_hostname}\n",
        "smtp_etrn_command = /bin/x $domain\nacl_smtp_etrn = accept\n", "av_scanner = cmdline:/bin/x %s:FOUND:(.*)\n",
        "av_scanner = ${if eq{a}{a}{clamd:/x}}\n", "domainlist d = a : ${if eq{${run{/bin/x}}}{}{b}}\n"}) {
    const auto n = needs(main);
    BOOST_TEST(n.programs.size() == 1, main);
    BOOST_TEST(n.rules().may_execute, main);
    BOOST_TEST(!n.rules().writable.has_value(), main);
    BOOST_TEST(n.text().find("programs are run") == 0, main);
    // Somebody says where they write.
    BOOST_TEST(needs(std::string(main) + "sandbox_writable_directories = /x\n").rules().writable.has_value(), main);
  }
  BOOST_TEST(needs("", "begin rewrite\n*@a.test ${run{/bin/x}}@b.test F\n").programs.size() == 1);
  BOOST_TEST(needs("", "begin acl\nc:\n  accept condition = ${run{/bin/x}{1}{0}}\n").programs.size() == 1);
  BOOST_TEST(needs("av_scanner = clamd:/run/clamd\n").programs.empty());
  for (const char* user : {"mail", "8"}) {
    const auto n =
        needs("", std::string("begin routers\nq:\n  driver = queryprogram\n  command = /bin/x\n  transport = t\n"
                              "  command_group = mail\n  command_user = ") +
                      user + "\nbegin transports\nt:\n  driver = appendfile\n  file = /m/x\n");
    BOOST_TEST(n.programs.size() == 1, user);
  }
}

BOOST_AUTO_TEST_CASE(sqlite_writes_beside_its_file) {
  const std::string lookup = "acl_not_smtp = ${lookup sqlite{select 1}{accept}{deny}}\n";
  BOOST_TEST(writable(needs(lookup + "sqlite_dbfile = /q/x.db\n")) == "/dev/null /q /s");
  BOOST_TEST(needs(lookup).unbounded.size() == 1);
  BOOST_TEST(!needs("domainlist d = sqlite;select 1\n").unbounded.empty());
}

BOOST_AUTO_TEST_CASE(a_database_that_the_lookup_names) {
  for (const char* lookup :
       {"acl_not_smtp = ${lookup sqlite,file=/r/y.db {select 1}{accept}{deny}}\n",
        "acl_not_smtp = ${lookup sqlite {/r/y.db select 1}{accept}{deny}}\n",
        "domainlist d = sqlite,file=/r/y.db;select 1\n", "domainlist d = sqlite;/r/y.db select 1\n"}) {
    const auto n = needs(lookup);
    BOOST_TEST(n.unbounded.empty(), lookup);
    BOOST_TEST(writable(n) == "/dev/null /r /s", lookup);
  }
  BOOST_TEST(needs("sqlite_dbfile = /q/x\nacl_not_smtp = ${lookup sqlite,file=/r/$primary_hostname "
                   "{select 1}{accept}{deny}}\n")
                 .unbounded.size() == 1);
}

BOOST_AUTO_TEST_CASE(what_is_read_later_may_run_programs) {
  for (const char* main :
       {"system_filter = /f\n", "system_filter = /f\nsystem_filter_user = mail\n",
        "acl_smtp_mail = accept condition = ${lookup{x}lsearch{/x}}\n",
        "acl_smtp_mail = ${if eq{a}{$primary_hostname}{accept condition = \\N${run{/bin/x}}\\N}{b}}\n",
        "acl_smtp_mail = ${if eq{a}{$primary_hostname}{/a}{b}}\n", "acl_smtp_mail = $primary_hostname\n"}) {
    BOOST_TEST(needs(main).programs.size() == 1, main);
    BOOST_TEST(!needs(main).rules().writable.has_value(), main);
  }
  for (const char* main :
       {"system_filter = /f\nsystem_filter_user = games\n", "acl_smtp_mail = ${if eq{a}{$primary_hostname}{a}{b}}\n",
        "acl_smtp_mail = acl_$primary_hostname\n"})
    BOOST_TEST(needs(main).programs.empty(), main);
  const auto decoded = [](const char* value) {
    return needs("acl_smtp_mime = m\n", std::string("begin acl\nm:\n  accept decode = ") + value + "\n");
  };
  BOOST_TEST(writable(decoded("/d/$primary_hostname")) == "/d /dev/null /s");
  BOOST_TEST(decoded("$primary_hostname/x").unbounded.size() == 1);
  BOOST_TEST(decoded("default").unbounded.empty());
}

BOOST_AUTO_TEST_CASE(what_is_missing_is_no_reason_while_it_is_missing) {
  const std::string here = "/tmp/remex-sandbox-needs-" + std::to_string(getpid());
  auto has = needs("sandbox_writable_directories = " + here + " : /tmp\n");
  const auto want = has;
  BOOST_TEST(has.covers(want));
  std::erase(has.writable, here);  // as grant() does
  BOOST_TEST(!has.covers(want));
  has.refused.emplace_back(here, false);
  BOOST_TEST(has.covers(want));
  BOOST_REQUIRE(mkdir(here.c_str(), 0700) == 0);
  BOOST_TEST(!has.covers(want));
  has.refused.front().second = true;  // it was there, and the kernel did not take it
  BOOST_TEST(has.covers(want));
  rmdir(here.c_str());
  BOOST_TEST(!has.covers(needs("sandbox_writable_directories = " + here + " : /tmp : /other\n")));
}

BOOST_AUTO_TEST_CASE(who_can_take_the_place_of_whom) {
  const auto least = needs(""), runs = needs("acl_not_smtp = ${run{/bin/x}{a}{b}}\n"), off = needs("sandbox = false\n"),
             more = needs("sandbox_writable_directories = /x\n");
  BOOST_TEST(least.covers(least));
  BOOST_TEST(!least.covers(runs));
  BOOST_TEST(runs.covers(least));
  BOOST_TEST(!least.covers(more));
  BOOST_TEST(more.covers(least));
  BOOST_TEST(!least.covers(off));
  BOOST_TEST(!off.covers(least));
  BOOST_TEST(off.covers(off));
}

BOOST_AUTO_TEST_SUITE_END()
