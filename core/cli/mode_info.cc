// -bV, -bP, remex help.

#include <fmt/core.h>

#include <grp.h>
#include <unistd.h>

#include <algorithm>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "core/base/strings.h"
#include "core/base/version.h"
#include "core/cli/features.h"
#include "core/cli/modes.h"
#include "core/cli/reference.h"
#include "core/daemon/registries.h"
#include "core/hooks/hooks.h"
#include "core/io/dscp.h"
#include "lang/diagnostic_kinds.h"
#include "lang/diagnostics.h"
#include "lang/lookup.h"
#include "lang/print_config.h"

namespace remex::cli {

namespace {

/// The user and group that the program would become, where the configuration does not name them.
void name_identity(const lang::Config& config, std::string& out) {
  const auto id = daemon::run_identity(config);
  if (!id) return;
  const group* gr = ::getgrgid(id->gid);
  const std::pair<std::string_view, std::string> lines[] = {
      {"exim_user", id->user}, {"exim_group", gr != nullptr ? gr->gr_name : std::to_string(id->gid)}};
  for (const auto& [name, value] : lines) {
    const bool given = std::any_of(config.main_given.begin(), config.main_given.end(),
                                   [&, option = name](const auto& g) { return g.def->name == option; });
    const std::string start = fmt::format("{} = ", name);
    const auto at = out.starts_with(start) ? 0 : out.find("\n" + start);
    if (given || at == std::string::npos) continue;
    const auto from = at + (at == 0 && out.starts_with(start) ? 0 : 1) + start.size();
    out.replace(from, out.find('\n', from) - from, value);
  }
}

/// "$name", "${name", "name:" and "acl_m*"-like members of a family are accepted too.
int help_on(std::string_view name) {
  const std::string_view asked = name;
  while (!name.empty() && (name.front() == '$' || name.front() == '{')) name.remove_prefix(1);
  if (name.size() > 1 && (name.ends_with(':') || name.ends_with('}'))) name.remove_suffix(1);
  const auto entries = reference_entries();
  bool found = false;
  for (const auto& e : entries) {
    const bool family =
        e.name.size() > 1 && e.name.ends_with('*') && name.starts_with(e.name.substr(0, e.name.size() - 1));
    if (e.name != name && !family) continue;
    found = true;
    fmt::print("{}", describe(e));
  }
  if (found) return 0;
  std::vector<std::string_view> all;
  all.reserve(entries.size());
  for (const auto& e : entries) all.push_back(e.name);
  const auto near = nearest(name, all);
  fmt::print(stderr, "remex: \"{}\" is not a word of the language{}\n", printable(asked),
             near.empty() ? "" : fmt::format("; did you mean \"{}\"?", near));
  return 1;
}

}  // namespace

int run_version(const Options& o, std::shared_ptr<const lang::Config>) {
  if (!hooks::active()) fmt::print("{}", version_text());  // there it was printed before the configuration was read
  fmt::print("Configuration file is {}\n", config_path(o));
  return 0;
}

int run_inform(const Options& o) {
  const std::string what = o.arguments.empty() ? "" : o.arguments.front();
  if (what == "dscp") {
    fmt::print("0\n");
    for (const auto& [name, value] : io::dscp_names()) fmt::print("{}\n", name);
    return 0;
  }
  if (what == "modules" || what == "sieve") return 0;  // drivers are built in
  fmt::print(
      "The -bI: flag takes a string indicating which information to provide.\n"
      "If the string is not recognised, you'll get this help (on stderr).\n\n"
      "  exim -bI:help    this information\n  exim -bI:dscp    list of known dscp value keywords\n"
      "  exim -bI:sieve   list of supported sieve extensions\n");
  return what == "help" ? 0 : 1;
}

int run_write_log(const Options& o, std::shared_ptr<const lang::Config> config) {
  const Caller caller = find_caller(*config);
  if (!caller.admin) return complain(1, "permission denied");
  return with_process(o, config, true, [&](daemon::Process& p) -> int {
    p.engine.log->write(log::kMain, "", o.log_text);
    return 0;
  });
}

int run_bi_command(const Options& o, std::shared_ptr<const lang::Config> config) {
  if (!o.arguments.empty()) return complain(1, "incompatible command-line options or arguments");
  const std::string& command = config->main.bi_command;
  if (command.empty()) return 0;  // alias files are read as they are; there is nothing to rebuild
  // With the rights of the caller: this program has no others to give.
  std::string program = command, argument = o.bi_argument;
  char* const argv[] = {program.data(), argument.empty() ? nullptr : argument.data(), nullptr};
  execv(program.c_str(), argv);
  fmt::print(stderr, "remex: cannot run bi_command {}: {}\n", command, std::strerror(errno));
  return 1;
}

int run_print_config(const Options& o, std::shared_ptr<const lang::Config> config) {
  std::string out, err;
  const int rc = lang::print_config(*config, o.arguments, find_caller(*config).admin, o.terse, out, err);
  name_identity(*config, out);
  std::fwrite(out.data(), 1, out.size(), stdout);
  std::fwrite(err.data(), 1, err.size(), stderr);
  return rc;
}

int run_help(const Options& o) {
  if (!o.markdown_dir.empty()) return write_reference(o.markdown_dir);
  if (o.diagnostics_page) {
    const std::string page = lang::diagnostics_markdown();
    std::fwrite(page.data(), 1, page.size(), stdout);
    return 0;
  }
  if (o.json) {
    const std::string all = reference_json();
    std::fwrite(all.data(), 1, all.size(), stdout);
    return 0;
  }
  if (o.arguments.empty()) {
    fmt::print(
        "remex {}: a mail transfer agent that speaks Exim's configuration language\n\n"
        "  remex -bd | -bdf [-q15m]      run as a daemon (in the foreground)\n"
        "  remex -bs                     SMTP on standard input\n"
        "  remex -bh ADDRESS             rehearse an SMTP session from that address\n"
        "  remex -bt ADDRESS...          show how addresses are routed\n"
        "  remex -bv ADDRESS...          verify addresses\n"
        "  remex -be ['TEXT'...]         expand strings\n"
        "  remex -bp, -M ID, -Mrm ID ... the queue\n"
        "  remex -q[f[f]]                run the queue once\n"
        "  remex -bP [NAME...]           print the configuration\n"
        "  remex -bV                     version\n"
        "  remex check [FILE]            all errors and warnings of a configuration (--strict, --json)\n"
        "  remex check --explain CODE    what a warning or error means, with examples\n"
        "  remex help NAME...            what a word of the language means (--json, --markdown DIR: all words)\n"
        "  -C FILE  -D NAME=VALUE        configuration file, macros\n"
        "  otherwise: a message on standard input, as sendmail takes it (-t -i -f -F -odq ...)\n",
        REMEX_VERSION);
    return 0;
  }
  int status = 0;
  for (const std::string& name : o.arguments) status |= help_on(name);
  return status;
}

}  // namespace remex::cli
