// The options of the redirect router. For redirect.cc alone.
#pragma once

#include <string>
#include <vector>

#include "lang/config.h"
#include "lang/driver.h"

namespace remex::routers {

using lang::OptionType;
using lang::ref;
using lang::State;

struct RedirectOptions : lang::DriverOptions {
  lang::Expansion data, file, directory_transport, file_transport, pipe_transport, reply_transport, qualify_domain,
      syntax_errors_text, syntax_errors_to, sieve_inbox, sieve_subaddress, sieve_useraddress, sieve_vacation_directory,
      sieve_enotify_mailto_owner;
  bool allow_defer = false, allow_fail = false, allow_freeze = false, check_ancestor = false, check_group = false,
       check_owner = false, forbid_blackhole = false, forbid_file = false, forbid_include = false, forbid_pipe = false,
       forbid_smtp_code = false, hide_child_in_errmsg = false, ignore_eacces = false, ignore_enotdir = false,
       allow_filter = false, one_time = false, qualify_preserve_domain = false, repeat_use = true, rewrite = true,
       skip_syntax_errors = false, filter_prepend_home = true, forbid_exim_filter = false, forbid_sieve_filter = false,
       forbid_filter_dlfunc = false, forbid_filter_existstest = false, forbid_filter_logwrite = false,
       forbid_filter_lookup = false, forbid_filter_perl = false, forbid_filter_readfile = false,
       forbid_filter_readsocket = false, forbid_filter_reply = false, forbid_filter_run = false;
  std::string include_directory;
  std::int64_t modemask = 022;
  std::vector<std::string> owners, owngroups;
};
inline constexpr OptionDef kRedirectOptions[] = {
    {"allow_defer", OptionType::boolean, ref<&RedirectOptions::allow_defer>, "false",
     "permit :defer:, and defer in filters"},
    {"allow_fail", OptionType::boolean, ref<&RedirectOptions::allow_fail>, "false",
     "permit :fail:, and fail in filters"},
    {"allow_filter", OptionType::boolean, ref<&RedirectOptions::allow_filter>, "false",
     "data that begins with \"# Exim filter\" or \"# Sieve filter\" is one"},
    {"allow_freeze", OptionType::boolean, ref<&RedirectOptions::allow_freeze>, "false", "permit freeze in Exim filters",
     State::works, "", "", 3},
    {"check_ancestor", OptionType::boolean, ref<&RedirectOptions::check_ancestor>, "false",
     "a child equal to an ancestor becomes the current address"},
    {"check_group", OptionType::boolean, ref<&RedirectOptions::check_group>, "depends on other options",
     "check the group of the file", State::works, "", "", 3},
    {"check_owner", OptionType::boolean, ref<&RedirectOptions::check_owner>, "depends on other options",
     "check the owner of the file", State::works, "", "", 3},
    {"data", OptionType::expanded, ref<&RedirectOptions::data>, "",
     "the redirection list; empty or forced failure declines"},
    {"directory_transport", OptionType::expanded, ref<&RedirectOptions::directory_transport>, "",
     "transport for paths that end in a slash"},
    {"file", OptionType::expanded, ref<&RedirectOptions::file>, "", "file with the redirection list", State::works, "",
     "file"},
    {"file_transport", OptionType::expanded, ref<&RedirectOptions::file_transport>, "", "transport for file names"},
    {"filter_prepend_home", OptionType::boolean, ref<&RedirectOptions::filter_prepend_home>, "true",
     "relative names of save commands are in $home", State::works, "", "", 3},
    {"forbid_blackhole", OptionType::boolean, ref<&RedirectOptions::forbid_blackhole>, "false",
     "refuse :blackhole:", State::works, "", "", 3},
    {"forbid_exim_filter", OptionType::boolean, ref<&RedirectOptions::forbid_exim_filter>, "false",
     "refuse Exim filters", State::works, "", "", 3},
    {"forbid_fail", OptionType::boolean, nullptr, "false", "obsolete", State::later, "false", "", 4},
    {"forbid_file", OptionType::boolean, ref<&RedirectOptions::forbid_file>, "false", "refuse file names", State::works,
     "", "", 2},
    {"forbid_filter_dlfunc", OptionType::boolean, ref<&RedirectOptions::forbid_filter_dlfunc>, "false",
     "refuse the expansion dlfunc in Exim filters", State::works, "", "", 3},
    {"forbid_filter_existstest", OptionType::boolean, ref<&RedirectOptions::forbid_filter_existstest>, "false",
     "refuse the expansion exists and stat in Exim filters", State::works, "", "", 2},
    {"forbid_filter_logwrite", OptionType::boolean, ref<&RedirectOptions::forbid_filter_logwrite>, "false",
     "refuse logwrite in filters", State::works, "", "", 2},
    {"forbid_filter_lookup", OptionType::boolean, ref<&RedirectOptions::forbid_filter_lookup>, "false",
     "refuse the expansion lookup in Exim filters", State::works, "", "", 2},
    {"forbid_filter_perl", OptionType::boolean, ref<&RedirectOptions::forbid_filter_perl>, "false",
     "refuse the expansion perl in Exim filters", State::works, "", "", 2},
    {"forbid_filter_readfile", OptionType::boolean, ref<&RedirectOptions::forbid_filter_readfile>, "false",
     "refuse the expansion readfile in Exim filters", State::works, "", "", 2},
    {"forbid_filter_readsocket", OptionType::boolean, ref<&RedirectOptions::forbid_filter_readsocket>, "false",
     "refuse the expansion readsocket in Exim filters", State::works, "", "", 2},
    {"forbid_filter_reply", OptionType::boolean, ref<&RedirectOptions::forbid_filter_reply>, "false",
     "refuse replies of filters", State::works, "", "", 3},
    {"forbid_filter_run", OptionType::boolean, ref<&RedirectOptions::forbid_filter_run>, "false",
     "refuse the expansion run in Exim filters", State::works, "", "", 2},
    {"forbid_include", OptionType::boolean, ref<&RedirectOptions::forbid_include>, "false",
     "refuse :include:", State::works, "", "", 2},
    {"forbid_pipe", OptionType::boolean, ref<&RedirectOptions::forbid_pipe>, "false", "refuse commands", State::works,
     "", "", 2},
    {"forbid_sieve_filter", OptionType::boolean, ref<&RedirectOptions::forbid_sieve_filter>, "false",
     "refuse Sieve filters", State::works, "", "", 3},
    {"forbid_smtp_code", OptionType::boolean, ref<&RedirectOptions::forbid_smtp_code>, "false",
     "take no SMTP code from :fail: and :defer: texts"},
    {"hide_child_in_errmsg", OptionType::boolean, ref<&RedirectOptions::hide_child_in_errmsg>, "false",
     "bounces name the top address only", State::works, "", "", 2},
    {"ignore_eacces", OptionType::boolean, ref<&RedirectOptions::ignore_eacces>, "false",
     "a file that may not be read counts as missing", State::works, "", "", 2},
    {"ignore_enotdir", OptionType::boolean, ref<&RedirectOptions::ignore_enotdir>, "false",
     "a missing directory counts as a missing file", State::works, "", "", 2},
    {"include_directory", OptionType::string, ref<&RedirectOptions::include_directory>, "",
     "where :include: files must be", State::works, "", "", 3},
    {"modemask", OptionType::octal, ref<&RedirectOptions::modemask>, "022", "mode bits the file must not have",
     State::works, "", "", 2},
    {"one_time", OptionType::boolean, ref<&RedirectOptions::one_time>, "false",
     "children that fail become recipients of the message", State::works, "", "", 2},
    {"owners", OptionType::user_list, ref<&RedirectOptions::owners>, "", "who may own the file", State::works, "", "",
     2},
    {"owngroups", OptionType::group_list, ref<&RedirectOptions::owngroups>, "", "groups the file may have",
     State::works, "", "", 2},
    {"pipe_transport", OptionType::expanded, ref<&RedirectOptions::pipe_transport>, "", "transport for commands"},
    {"qualify_domain", OptionType::expanded, ref<&RedirectOptions::qualify_domain>, "",
     "domain for children without one", State::works, "", "", 2},
    {"qualify_preserve_domain", OptionType::boolean, ref<&RedirectOptions::qualify_preserve_domain>, "false",
     "children without a domain get the incoming one", State::works, "", "", 2},
    {"repeat_use", OptionType::boolean, ref<&RedirectOptions::repeat_use>, "true",
     "when false, skip if an ancestor was handled here", State::works, "", "", 2},
    {"reply_transport", OptionType::expanded, ref<&RedirectOptions::reply_transport>, "",
     "transport for replies of filters", State::works, "", "", 1},
    {"rewrite", OptionType::boolean, ref<&RedirectOptions::rewrite>, "true", "apply the rewriting rules to children",
     State::works, "", "", 2},
    {"sieve_enotify_mailto_owner", OptionType::expanded, ref<&RedirectOptions::sieve_enotify_mailto_owner>, "",
     "From: of notifications of Sieve filters; unset: they are off", State::works, "", "", 4},
    {"sieve_inbox", OptionType::expanded, ref<&RedirectOptions::sieve_inbox>, "inbox", "folder of keep", State::works,
     "", "", 3},
    {"sieve_subaddress", OptionType::expanded, ref<&RedirectOptions::sieve_subaddress>, "",
     ":subaddress of Sieve filters", State::works, "", "", 3},
    {"sieve_useraddress", OptionType::expanded, ref<&RedirectOptions::sieve_useraddress>, "",
     ":user of Sieve filters; unset: the whole local part", State::works, "", "", 3},
    {"sieve_vacation_directory", OptionType::expanded, ref<&RedirectOptions::sieve_vacation_directory>, "",
     "where vacation remembers; unset: it is off", State::works, "", "directory", 2},
    {"skip_syntax_errors", OptionType::boolean, ref<&RedirectOptions::skip_syntax_errors>, "false",
     "leave out items that cannot be understood"},
    {"syntax_errors_text", OptionType::expanded, ref<&RedirectOptions::syntax_errors_text>, "",
     "text of the notice about syntax errors"},
    {"syntax_errors_to", OptionType::expanded, ref<&RedirectOptions::syntax_errors_to>, "",
     "who gets the notice about syntax errors that were skipped"},
};

}  // namespace remex::routers
