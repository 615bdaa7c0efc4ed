// Loading: sections in file order, then defaults that are expansions, what is expanded once, references and checks.
// The result is complete or absent; all problems are in the diagnostics.
#include "lang/config.h"

#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <fstream>

#include <fmt/format.h>

#include "core/base/strings.h"
#include "core/hooks/hooks.h"
#include "lang/checks.h"
#include "lang/reader.h"
#include "lang/scope.h"

namespace remex::lang {
namespace {

struct Section {
  std::string_view name;
  std::optional<SourceText> (*read)(ReaderState&);
};

// Private options of a local_scan function: there is none, so any option is unknown.
std::optional<SourceText> read_local_scan(ReaderState& st) {
  while (auto line = st.lines.next()) {
    if (is_begin(line->text())) return line;
    st.diag.error("not-supported", line->at(0), 1, "local_scan is known but this version cannot do it");
  }
  return std::nullopt;
}

constexpr Section kSections[] = {
    {"acl", read_acls},
    {"authenticators", [](ReaderState& st) { return read_drivers(st, DriverKind::authenticator); }},
    {"local_scan", read_local_scan},
    {"retry", read_retry},
    {"rewrite", read_rewrite},
    {"routers", [](ReaderState& st) { return read_drivers(st, DriverKind::router); }},
    {"transports", [](ReaderState& st) { return read_drivers(st, DriverKind::transport); }},
};

void read_sections(ReaderState& st) {
  std::map<std::string, Pos> seen;
  auto begin = read_main_section(st);
  while (begin) {
    const std::string_view text = begin->text();
    const std::string name(trim(text.substr(5)));
    const std::size_t at = text.find_first_not_of(" \t", 5);
    const Pos pos = begin->at(at);
    const auto length = static_cast<std::uint32_t>(name.size());
    const auto it = std::find_if(std::begin(kSections), std::end(kSections),
                                 [&](const Section& s) { return iequals(s.name, name); });
    if (it == std::end(kSections)) {
      std::vector<std::string_view> names;
      for (const Section& s : kSections) names.push_back(s.name);
      const auto best = nearest(name, names);
      st.diag.error("unknown-section", pos, length, fmt::format("\"{}\" is not a section", name),
                    best.empty() ? std::string("acl, routers, transports, authenticators, retry or rewrite")
                                 : fmt::format("did you mean \"{}\"?", best));
      do begin = st.lines.next();
      while (begin && !is_begin(begin->text()));
      continue;
    }
    if (const auto [old, fresh] = seen.emplace(std::string(it->name), pos); !fresh)
      st.diag.error("section-twice", pos, length, fmt::format("there are two \"{}\" sections", name))
          .notes.push_back("the first is at " + st.config.files->where(old->second));
    begin = it->read(st);
  }
}

// Expansions and lists that have a default and were not set.
void apply_defaults(ReaderState& st) {
  for (const OptionDef* def : st.config.registries->main_options) {
    if (def->default_text.empty() || def->state != State::works || !def->ref || hooks::not_offered(def->name)) continue;
    const CompileContext ctx = st.context(fmt::format("default of \"{}\"", def->name));
    const SourceText text{hooks::with_product(def->default_text)};
    void* p = def->ref(&st.config.main);
    const auto expansion = [&] {
      auto* e = static_cast<Expansion*>(p);
      if (e->is_set() ||
          std::any_of(st.config.main_given.begin(), st.config.main_given.end(), [&](auto& g) { return g.def == def; }))
        return;
      if (auto made = Expansion::compile(text, ctx)) *e = std::move(*made);
    };
    const auto list = [&](ListKind kind) {
      auto* l = static_cast<MatchList*>(p);
      if (l->is_set() ||
          std::any_of(st.config.main_given.begin(), st.config.main_given.end(), [&](auto& g) { return g.def == def; }))
        return;
      if (auto made = MatchList::compile(kind, text, ctx)) *l = std::move(*made);
    };
    switch (def->type) {
      case OptionType::expanded:
      case OptionType::dollar_expanded:
      case OptionType::expanded_list:
      case OptionType::expanded_integer:
      case OptionType::expanded_time: expansion(); break;
      case OptionType::domain_list: list(ListKind::domain); break;
      case OptionType::host_list: list(ListKind::host); break;
      case OptionType::address_list: list(ListKind::address); break;
      default: break;
    }
  }
}

// The host's own name; a single component is completed from /etc/hosts (no query leaves the machine for that).
std::string host_name() {
  char name[256] = "";
  ::gethostname(name, sizeof name - 1);
  std::string host = name;
  if (host.find('.') != std::string::npos) return host;
  std::ifstream hosts("/etc/hosts");
  for (std::string line; std::getline(hosts, line);) {
    line.resize(std::min(line.find('#'), line.size()));
    std::replace(line.begin(), line.end(), '\t', ' ');
    std::vector<std::string> words;
    for (const auto w : split(line, ' '))
      if (!w.empty()) words.emplace_back(w);
    if (std::find(words.begin() + !words.empty(), words.end(), host) == words.end()) continue;
    for (std::size_t i = 1; i < words.size(); ++i)
      if (words[i].starts_with(host + ".")) return words[i];
  }
  return host;
}

void fill_identity(MainOptions& m) {
  if (m.primary_hostname.empty()) m.primary_hostname = host_name();
  if (m.qualify_domain.empty()) m.qualify_domain = m.primary_hostname;
  if (m.qualify_recipient.empty()) m.qualify_recipient = m.qualify_domain;
  if (m.system_filter_user.empty() || !m.system_filter_group.empty()) return;
  // A user that is named brings his group.
  if (const passwd* pw = ::getpwnam(m.system_filter_user.c_str()); pw != nullptr) {
    const group* gr = ::getgrgid(pw->pw_gid);
    m.system_filter_group = gr != nullptr ? gr->gr_name : std::to_string(pw->pw_gid);
  }
}

Pos given_pos(const Config& c, std::string_view name) {
  for (const auto& g : c.main_given)
    if (g.def->name == name) return g.pos;
  return {};
}

// Options that are expanded once, when the configuration has been read (manual 14.1).
void expand_once_options(ReaderState& st) {
  Scope scope;
  scope.config = &st.config;
  const auto expand = [&](std::string& text, std::string_view name) {
    if (text.find_first_of("$\\") == std::string::npos) return;
    const Pos pos = given_pos(st.config, name);
    auto e = Expansion::compile(SourceText(text, pos), st.context(fmt::format("option \"{}\"", name)));
    if (!e) return;
    auto value = e->eval(scope);
    if (value)
      text = value->str();
    else
      st.diag.error("expansion-failed", pos, static_cast<std::uint32_t>(name.size()),
                    fmt::format("option \"{}\": {}", name, value.error().text));
  };
  MainOptions& m = st.config.main;
  expand(m.spool_directory, "spool_directory");
  expand(m.pid_file_path, "pid_file_path");
  expand(m.process_log_path, "process_log_path");
  expand(m.localhost_number, "localhost_number");
  struct Lists {
    std::vector<std::string>* list;
    std::string_view name;
  };
  for (const Lists& l : {Lists{&m.log_file_path, "log_file_path"}, Lists{&m.never_users, "never_users"},
                         Lists{&m.trusted_users, "trusted_users"}, Lists{&m.trusted_groups, "trusted_groups"},
                         Lists{&m.admin_groups, "admin_groups"}}) {
    std::string text = join_list(*l.list);
    if (text.find_first_of("$\\") == std::string::npos) continue;
    expand(text, l.name);
    *l.list = split_list(text);
  }
}

// Root must not obey a file that somebody else can write.
void check_permissions(ReaderState& st) {
  if (::geteuid() != 0) return;
  for (const std::string& path : st.lines.paths()) {
    struct stat s{};
    if (::stat(path.c_str(), &s) != 0 || !S_ISREG(s.st_mode)) continue;
    if ((s.st_mode & 002U) != 0 || ((s.st_mode & 020U) != 0 && s.st_gid != 0))
      st.diag.warning("writable-config", {}, 0, fmt::format("{} can be written by others than its owner", path));
  }
}

std::shared_ptr<const Config> load(const std::string& name, const std::string* text, const LoadOptions& opt,
                                   std::shared_ptr<Registries> reg, Diagnostics& diag,
                                   std::shared_ptr<SourceFiles> files) {
  auto config = std::make_shared<Config>();
  if (!reg->index) reg->finish();
  config->registries = reg;
  config->files = files;
  config->config_file = name;
  MacroTable macros(*reg);
  for (const auto& [macro, value] : opt.macros) macros.define_from_command_line(macro, value);
  LineReader lines(*files, diag, macros);
  if (text)
    lines.open_text(name, *text);
  else if (!lines.open_file(name))
    return nullptr;
  ReaderState st{*config, diag, macros, lines, opt, {}, {}};
  read_sections(st);
  config->macros = macros.all();
  for (const auto& [option, kind] : st.hidden)
    for (DriverInstance& d : kind == DriverKind::router      ? config->routers
                             : kind == DriverKind::transport ? config->transports
                                                             : config->authenticators)
      for (auto& g : d.given)
        if (g.def->name == option) g.hidden = true;
  config->main.local_interfaces_set = given_pos(*config, "local_interfaces").line != 0;
  config->main.keep_environment_set = given_pos(*config, "keep_environment").line != 0;
  apply_defaults(st);
  fill_identity(config->main);
  expand_once_options(st);
  check_references(st);
  run_static_checks(st);
  if (!text && opt.warn) check_permissions(st);
  diag.finish(opt.hints);
  if (!diag.has_errors()) return config;
  if (opt.refused != nullptr) *opt.refused = std::move(config);
  return nullptr;
}

}  // namespace

ConfigSerial::ConfigSerial() {
  static std::atomic<std::uint64_t> last{0};
  value_ = last.fetch_add(1, std::memory_order_relaxed) + 1;
}

const NamedList* Config::named_list(ListKind kind, std::string_view name) const {
  if (kind == ListKind::string) return nullptr;
  const auto& map = named_lists[static_cast<std::size_t>(kind)];
  const auto it = map.find(std::string(name));
  return it == map.end() ? nullptr : &it->second;
}

const DriverInstance* Config::find_router(std::string_view name) const {
  for (const DriverInstance& d : routers)
    if (d.name == name) return &d;
  return nullptr;
}

const DriverInstance* Config::find_transport(std::string_view name) const {
  for (const DriverInstance& d : transports)
    if (d.name == name) return &d;
  return nullptr;
}

const CompiledAcl* Config::find_acl(std::string_view name) const {
  const auto it = acls.find(std::string(name));
  return it == acls.end() ? nullptr : it->second.get();
}

std::shared_ptr<const Config> load_config(const std::string& path, const LoadOptions& opt,
                                          std::shared_ptr<Registries> reg, Diagnostics& diag,
                                          std::shared_ptr<SourceFiles> files) {
  return load(path, nullptr, opt, std::move(reg), diag, std::move(files));
}

std::shared_ptr<const Config> load_config_text(const std::string& name, const std::string& text, const LoadOptions& opt,
                                               std::shared_ptr<Registries> reg, Diagnostics& diag,
                                               std::shared_ptr<SourceFiles> files) {
  return load(name, &text, opt, std::move(reg), diag, std::move(files));
}

}  // namespace remex::lang
