// -bV, -bP, remex check, remex help.

#include <fmt/core.h>

#include <cstdio>
#include <filesystem>
#include <fstream>

#include "acl/word.h"
#include "core/base/strings.h"
#include "core/base/version.h"
#include "core/cli/modes.h"
#include "core/daemon/registries.h"
#include "lang/diagnostics.h"
#include "lang/lookup.h"
#include "lang/node.h"
#include "lang/print_config.h"

namespace remex::cli {

namespace {

template <class List>
std::string names(const List& list) {
  std::string out;
  for (const auto* d : list)
    if (d->state == lang::State::works) out += (out.empty() ? "" : " ") + std::string(d->name);
  return out;
}

struct Entry {
  std::string kind, name, summary, type, def;
  bool works;
};

std::vector<Entry> all_entries() {
  const auto reg = daemon::all_registries();
  std::vector<Entry> out;
  const auto add = [&](std::string kind, std::string_view name, std::string_view summary, lang::State s,
                       std::string_view def = {}) {
    out.push_back(
        {std::move(kind), std::string(name), std::string(summary), "", std::string(def), s == lang::State::works});
  };
  for (const auto* d : reg->main_options) add("main option", d->name, d->summary, d->state, d->default_text);
  for (const auto* d : reg->operators) add("operator", d->name, d->summary, d->state);
  for (const auto* d : reg->items) add("item", d->name, d->summary, d->state);
  for (const auto* d : reg->conditions) add("condition", d->name, d->summary, d->state);
  for (const auto* d : reg->variables) add("variable", d->name, d->summary, d->state);
  for (const auto* d : reg->lookups) add("lookup", d->name, d->summary, d->state);
  for (const auto* w : acl::all_words())
    add(w->kind == acl::WordKind::control    ? "ACL control"
        : w->kind == acl::WordKind::modifier ? "ACL modifier"
                                             : "ACL condition",
        w->name, w->summary, w->state);
  const auto drivers = [&](const char* kind, const std::vector<const lang::DriverDef*>& list,
                           const lang::DriverFamily* family) {
    for (const auto& row : family->generic_options)
      add(fmt::format("{} option", kind), row.name, row.summary, row.state, row.default_text);
    for (const auto* d : list) {
      add(kind, d->name, d->summary, d->state);
      for (const auto& row : d->options)
        add(fmt::format("{} {} option", d->name, kind), row.name, row.summary, row.state, row.default_text);
    }
  };
  drivers("router", reg->routers, reg->families[0]);
  drivers("transport", reg->transports, reg->families[1]);
  drivers("authenticator", reg->authenticators, reg->families[2]);
  return out;
}

std::string file_stem(std::string kind) {
  for (char& c : kind)
    if (c == ' ') c = '-';
  return to_lower(kind) + "s";
}

/// One page per kind, a table each: the reference in docs/reference.
int write_markdown(const std::string& dir) {
  std::error_code ec;
  std::filesystem::create_directories(dir, ec);
  std::map<std::string, std::vector<const Entry*>> by_kind;
  const auto entries = all_entries();
  for (const auto& e : entries) by_kind[e.kind].push_back(&e);
  std::string index =
      "# Reference\n\nGenerated from the registry entries by `remex help --markdown`.\n\n| kind | names | work "
      "|\n|---|---|---|\n";
  const auto cell = [](std::string s) {
    s = replace_all(s, "|", "\\|");
    return replace_all(s, "\n", " ");
  };
  for (const auto& [kind, list] : by_kind) {
    std::string page = fmt::format("# {}s\n\n| name | default | state | meaning |\n|---|---|---|---|\n", kind);
    std::size_t works = 0;
    for (const Entry* e : list) {
      works += e->works ? 1 : 0;
      page += fmt::format("| `{}` | {} | {} | {} |\n", cell(e->name), e->def.empty() ? "" : "`" + cell(e->def) + "`",
                          e->works ? "works" : "not yet", cell(e->summary));
    }
    std::ofstream out(dir + "/" + file_stem(kind) + ".md");
    out << page;
    if (!out) {
      fmt::print(stderr, "remex: cannot write {}/{}.md\n", dir, file_stem(kind));
      return 1;
    }
    index += fmt::format("| [{}s]({}.md) | {} | {} |\n", kind, file_stem(kind), list.size(), works);
  }
  std::ofstream(dir + "/README.md") << index;
  return 0;
}

}  // namespace

int run_version(const Options& o, std::shared_ptr<const lang::Config>) {
  const auto reg = daemon::all_registries();
  fmt::print("remex version {} built {} {}\n", REMEX_VERSION, __DATE__, __TIME__);
  fmt::print("Support for: crypteq iconv() IPv6 GnuTLS DKIM DNSSEC\n");
  fmt::print("Lookups (built-in): {}\n", names(reg->lookups));
  fmt::print("Authenticators: {}\n", names(reg->authenticators));
  fmt::print("Routers: {}\n", names(reg->routers));
  fmt::print("Transports: {}\n", replace_all(names(reg->transports), "appendfile", "appendfile/maildir"));
  fmt::print("Configuration file is {}\n", config_path(o));
  return 0;
}

int run_print_config(const Options& o, std::shared_ptr<const lang::Config> config) {
  std::string out, err;
  const int rc = lang::print_config(*config, o.arguments, find_caller(*config).admin, out, err);
  std::fwrite(out.data(), 1, out.size(), stdout);
  std::fwrite(err.data(), 1, err.size(), stderr);
  return rc;
}

int run_check(const Options& in) {
  Options o = in;
  if (!o.arguments.empty()) o.config_file = o.arguments.front();
  auto files = std::make_shared<lang::SourceFiles>();
  lang::Diagnostics diag(*files);
  lang::LoadOptions lo;
  lo.macros = o.macros;
  auto config = lang::load_config(config_path(o), lo, daemon::all_registries(), diag, files);
  fmt::print(stderr, "{}", diag.render());
  const std::size_t warnings = diag.all().size() - diag.error_count();
  if (config && (!o.strict || warnings == 0)) {
    fmt::print("{}: {} routers, {} transports, {} ACLs, {} warning{}\n", config_path(o), config->routers.size(),
               config->transports.size(), config->acls.size(), warnings, warnings == 1 ? "" : "s");
    return 0;
  }
  return 1;
}

int run_help(const Options& o) {
  if (!o.markdown_dir.empty()) return write_markdown(o.markdown_dir);
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
        "  remex check [FILE]            all errors and warnings of a configuration\n"
        "  remex help NAME...            what a word of the language means\n"
        "  -C FILE  -D NAME=VALUE        configuration file, macros\n"
        "  otherwise: a message on standard input, as sendmail takes it (-t -i -f -F -odq ...)\n",
        REMEX_VERSION);
    return 0;
  }
  int found_all = 0;
  const auto entries = all_entries();
  for (std::string name : o.arguments) {
    while (!name.empty() && (name.front() == '$' || name.front() == '{')) name.erase(0, 1);
    bool found = false;
    for (const auto& e : entries) {
      if (e.name != name) continue;
      found = true;
      fmt::print("{} ({}){}\n    {}\n{}", e.name, e.kind, e.works ? "" : ", known but not yet working", e.summary,
                 e.def.empty() ? "" : "    default: " + e.def + "\n");
    }
    if (!found) {
      std::vector<std::string_view> all;
      for (const auto& e : entries) all.push_back(e.name);
      const auto near = nearest(name, all);
      fmt::print(stderr, "remex: \"{}\" is not a word of the language{}\n", name,
                 near.empty() ? "" : fmt::format("; did you mean \"{}\"?", near));
      found_all = 1;
    }
  }
  return found_all;
}

}  // namespace remex::cli
