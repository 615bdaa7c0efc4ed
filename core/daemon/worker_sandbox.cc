// See worker_sandbox.h.
#include "core/daemon/worker_sandbox.h"

#include <fmt/core.h>
#include <pwd.h>

#include <algorithm>

#include "core/base/strings.h"
#include "core/daemon/process.h"
#include "lang/checks.h"
#include "lang/lookup.h"
#include "lang/node.h"
#include "lang/rewrite.h"
#include "transports/path_start.h"

namespace remex::daemon {
namespace {

/// The directory that a file name with %s or %D in it lies in at least.
std::string directory_of(const std::string& path) {
  if (!path.starts_with('/')) return {};
  const std::string fixed = path.substr(0, path.find('%'));
  return fixed.substr(0, std::max<std::size_t>(fixed.rfind('/'), 1));
}

class Finder {
 public:
  Finder(const lang::Config& config, SandboxNeeds& needs) : config_(config), needs_(needs) {}

  void run() {
    lang::for_each_expansion(
        config_, [this](const lang::Expansion& e, const lang::CheckPlace& place) { look_at(e, place.text()); });
    for (const auto& rule : config_.rewrite) look_at(rule.replacement, "a rewriting rule");
    main_options();
    drivers();
    acls();
  }

 private:
  void look_at(const lang::Expansion& e, const std::string& where) {
    if (!e.is_set()) return;
    // A list is split when it is used: its items are text here.
    if (e.source_text().find("sqlite") != std::string::npos) sqlite(where);
    if (e.root() == nullptr) return;
    lang::walk(*e.root(), [&](const lang::Node& node) {
      const bool item = node.kind == lang::NodeKind::item, op = node.kind == lang::NodeKind::op;
      // ${expand:...} is compiled from a text that comes later.
      for (const auto& [yes, name, shown] : {std::tuple(item, std::string_view("run"), "${run}"),
                                             {item, "perl", "${perl}"},
                                             {op, "expand", "${expand:}"}})
        if (yes && (item ? node.item->name : node.op->name) == name)
          needs_.programs.push_back(fmt::format("{} in {}", shown, where));
      if (node.lookup != nullptr && node.lookup->name == "sqlite") sqlite(where);
    });
  }

  /// SQLite writes beside the database, even to read one that is in WAL mode.
  void sqlite(const std::string& where) {
    const auto& file = config_.main.sqlite_dbfile;
    if (file.is_set() && file.is_constant() && file.constant().starts_with('/'))
      write_below(directory_of(file.constant()));
    else
      needs_.unbounded.push_back(fmt::format("a sqlite lookup in {} without a constant sqlite_dbfile", where));
  }

  void main_options() {
    const auto& m = config_.main;
    write_below(m.spool_directory);
    for (const auto& path : m.log_file_path) write_below(directory_of(path));
    write_below(directory_of(m.process_log_path));
    needs_.writable.emplace_back("/dev/null");
    if (m.smtp_etrn_command.is_set()) needs_.programs.emplace_back("smtp_etrn_command");
    if (m.av_scanner.is_set() && (!m.av_scanner.is_constant() || trim(m.av_scanner.constant()).starts_with("cmdline")))
      needs_.programs.emplace_back("av_scanner");
  }

  void drivers() {
    for (const auto& r : config_.routers)
      if (r.def->name == "queryprogram") {
        const auto* user = r.find_given("command_user");
        if (user == nullptr || is_our_own(std::string(trim(user->value.text()))))
          needs_.programs.push_back(fmt::format("the {} router", r.name));
      }
    // Other deliveries to files, and those that lie elsewhere, are the courier's.
    for (const auto& t : config_.transports)
      if (t.def->name == "appendfile" && t.find_given("maildir_format") != nullptr)
        write_below(transports::constant_start(t, "directory"));
  }

  /// The user of the worker, by name or number. What cannot be told counts as that.
  bool is_our_own(const std::string& user) const {
    const auto id = run_identity(config_);
    if (const auto n = parse_uint(user)) return !id || *n == id->uid;
    const passwd* account = getpwnam(user.c_str());
    return !id || account == nullptr || account->pw_uid == id->uid;
  }

  void acls() {
    const lang::AclCompiler* compiler = config_.registries->acl_compiler;
    if (compiler == nullptr || compiler->each_value == nullptr) return;
    compiler->each_value(config_, [this](const lang::AclValue& v) {
      if (v.word != "decode" || v.value == nullptr || !v.value->is_set()) return;
      const std::string& source = v.value->source_text();
      if (source.starts_with('/')) write_below(directory_of(source.substr(0, source.find_first_of("$\\{"))));
    });
  }

  void write_below(std::string path) {
    if (!path.starts_with('/')) return;
    while (path.size() > 1 && path.ends_with('/')) path.pop_back();
    needs_.writable.push_back(std::move(path));
  }

  const lang::Config& config_;
  SandboxNeeds& needs_;
};

void sort_unique(std::vector<std::string>& v) {
  std::sort(v.begin(), v.end());
  v.erase(std::unique(v.begin(), v.end()), v.end());
}

}  // namespace

SandboxNeeds sandbox_needs(const lang::Config& config) {
  SandboxNeeds needs;
  needs.enabled = config.main.sandbox;
  if (!needs.enabled) return needs;
  Finder(config, needs).run();
  const auto& given = config.main.sandbox_writable_directories;
  needs.writable.insert(needs.writable.end(), given.begin(), given.end());
  sort_unique(needs.programs);
  sort_unique(needs.unbounded);
  sort_unique(needs.writable);
  // Programs may write anywhere, unless somebody says where.
  if (!given.empty())
    needs.unbounded.clear();
  else if (!needs.programs.empty())
    needs.unbounded.push_back(needs.programs.front());
  return needs;
}

io::SandboxRules SandboxNeeds::rules() const {
  io::SandboxRules r;
  r.may_execute = !programs.empty();
  if (unbounded.empty()) r.writable = writable;
  return r;
}

bool SandboxNeeds::covers(const SandboxNeeds& other) const {
  if (!enabled || !other.enabled) return enabled == other.enabled;
  if (programs.empty() && !other.programs.empty()) return false;
  if (!unbounded.empty()) return true;
  return other.unbounded.empty() &&
         std::includes(writable.begin(), writable.end(), other.writable.begin(), other.writable.end());
}

std::string SandboxNeeds::text() const {
  if (!enabled) return "none (sandbox = false)";
  std::vector<std::string> parts;
  if (!programs.empty()) parts.push_back(fmt::format("programs are run ({})", programs.front()));
  if (!unbounded.empty()) parts.push_back(fmt::format("writing is not confined because of {}", unbounded.front()));
  return join(parts, ", ");
}

}  // namespace remex::daemon
