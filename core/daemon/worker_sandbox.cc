// See worker_sandbox.h.
#include "core/daemon/worker_sandbox.h"

#include <fmt/core.h>
#include <pwd.h>
#include <stdlib.h>
#include <unistd.h>

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

/// May the value begin with a slash, as far as its text tells?
bool may_be_path(const lang::Node* n) {
  if (n == nullptr) return false;
  switch (n->kind) {
    case lang::NodeKind::constant: return trim(n->text).starts_with('/');
    case lang::NodeKind::sequence:
      for (const auto& child : n->children)
        if (child->kind != lang::NodeKind::constant || !trim(child->text).empty()) return may_be_path(child.get());
      return false;
    case lang::NodeKind::item:
      if (n->has_branches || n->item->name == "if") return may_be_path(n->yes.get()) || may_be_path(n->no.get());
      return true;
    default: return true;
  }
}

bool may_be_path(const lang::Expansion& e) {
  return e.is_constant() ? trim(e.constant()).starts_with('/') : may_be_path(e.root());
}

/// May the value be statements of an ACL that the configuration does not show? A lookup says what follows a blank, or
/// a text has an expansion for later in it.
bool may_be_statements(const lang::Node* n) {
  if (n == nullptr) return false;
  switch (n->kind) {
    case lang::NodeKind::constant: return n->text.find("${") != std::string::npos;
    case lang::NodeKind::sequence: {
      std::string text;
      bool all_constant = true;
      for (const auto& child : n->children) {
        if (child->kind == lang::NodeKind::constant)
          text += child->text;
        else
          all_constant = false;
        if (may_be_statements(child.get())) return true;
      }
      return text.find("${") != std::string::npos ||
             (!all_constant && trim(text).find_first_of(" \t\n") != std::string::npos);
    }
    case lang::NodeKind::item:
      return (n->has_branches || n->item->name == "if") &&
             (may_be_statements(n->yes.get()) || may_be_statements(n->no.get()));
    default: return false;
  }
}

bool may_be_statements(const lang::Expansion& e) {
  return e.is_constant() ? e.constant().find("${") != std::string::npos : may_be_statements(e.root());
}

class Finder {
 public:
  Finder(const lang::Config& config, SandboxNeeds& needs) : config_(config), needs_(needs) {}

  void run() {
    lang::for_each_expansion(config_, [this](const lang::Expansion& e, const lang::CheckPlace& place) {
      look_at(e, place.text());
      if (place.family == "main option" && place.option.starts_with("acl_"))
        if (e.is_set() && (may_be_path(e) || may_be_statements(e))) acl_file(place.text());
    });
    for (const auto& rule : config_.rewrite) look_at(rule.replacement, "a rewriting rule");
    main_options();
    drivers();
    acls();
  }

 private:
  void look_at(const lang::Expansion& e, const std::string& where) {
    if (!e.is_set()) return;
    // A list is split when it is used: its items are text here.
    sqlite_lookups(e.source_text(), where);
    if (e.root() == nullptr) return;
    lang::walk(*e.root(), [&](const lang::Node& node) {
      const bool item = node.kind == lang::NodeKind::item, op = node.kind == lang::NodeKind::op;
      // ${expand:...} is compiled from a text that comes later.
      for (const auto& [yes, name, shown] : {std::tuple(item, std::string_view("run"), "${run}"),
                                             {item, "perl", "${perl}"},
                                             {op, "expand", "${expand:}"}})
        if (yes && (item ? node.item->name : node.op->name) == name)
          needs_.programs.push_back(fmt::format("{} in {}", shown, where));
      const bool acl =
          item ? node.item->name == "acl" : node.kind == lang::NodeKind::condition && node.condition->name == "acl";
      if (acl && !node.children.empty() && may_be_path(node.children.front().get())) acl_file(where);
    });
  }

  /// What is in the file of an ACL is known when it is read.
  void acl_text(const lang::Expansion& e, const std::string& where) {
    if (e.is_set() && may_be_path(e)) acl_file(where);
  }
  void acl_file(const std::string& where) {
    needs_.programs.push_back(fmt::format("an ACL that is read later in {}", where));
  }

  /// Each "sqlite,file=/x {query}", "sqlite;query" and "sqlite {/x query}" of a text.
  void sqlite_lookups(std::string_view text, const std::string& where) {
    constexpr std::string_view kName = "sqlite";
    for (auto at = text.find(kName); at != std::string_view::npos; at = text.find(kName, at)) {
      at += kName.size();
      std::string_view rest = text.substr(at);
      std::string_view file;
      if (rest.starts_with(',')) {
        const std::string_view options = rest.substr(0, rest.find_first_of(" \t\n;{"));
        rest.remove_prefix(options.size());
        if (const auto f = options.find("file="); f != std::string_view::npos)
          file = options.substr(f + 5, options.find(',', f) - f - 5);
      }
      if (file.empty()) {
        rest.remove_prefix(std::min(rest.size(), rest.find_first_not_of(" \t\n;{")));
        if (rest.starts_with('/') || rest.starts_with('$')) file = rest.substr(0, rest.find_first_of(" \t\n"));
      }
      if (file.empty())
        sqlite(where);
      else if (file.starts_with('/') && file.find_first_of("$\\{}\"'") == std::string_view::npos)
        write_beside(std::string(file));
      else
        needs_.unbounded.push_back(fmt::format("a sqlite lookup in {} whose file is not constant", where));
    }
  }

  /// Where a database is, and where it is really.
  void write_beside(const std::string& file) {
    write_below(directory_of(file));
    char* real = ::realpath(file.c_str(), nullptr);
    if (real != nullptr) write_below(directory_of(real));
    ::free(real);
  }

  /// SQLite writes beside the database, even to read one that is in WAL mode.
  void sqlite(const std::string& where) {
    const auto& file = config_.main.sqlite_dbfile;
    if (file.is_set() && file.is_constant() && file.constant().starts_with('/'))
      write_beside(file.constant());
    else
      needs_.unbounded.push_back(fmt::format("a sqlite lookup in {} without a constant sqlite_dbfile", where));
  }

  void main_options() {
    const auto& m = config_.main;
    write_below(m.spool_directory);
    for (const auto& path : m.log_file_path) write_below(directory_of(path));
    write_below(directory_of(m.process_log_path));
    needs_.writable.emplace_back("/dev/null");
    // What is in it is known when it is read: files to write, ${run}.
    if (m.system_filter.is_set() && (m.system_filter_user.empty() || is_our_own(m.system_filter_user)))
      needs_.programs.emplace_back("system_filter without a system_filter_user of its own");
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
      if (v.value == nullptr || !v.value->is_set()) return;
      if (v.word == "acl") acl_text(*v.value, "an acl condition");
      if (v.word != "decode") return;
      const std::string source(trim(v.value->source_text()));
      if (source.starts_with('/'))
        write_below(directory_of(source.substr(0, source.find_first_of("$\\{"))));
      else if (may_be_path(*v.value))
        needs_.unbounded.push_back(fmt::format("decode = {}", source));
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

bool is_there(const std::string& path) { return ::access(path.c_str(), F_OK) == 0; }

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

void SandboxNeeds::grant() {
  std::erase_if(writable, [this](const std::string& path) {
    const bool granted = io::sandbox_lets_write(path);
    if (!granted) refused.emplace_back(path, is_there(path));
    return !granted;
  });
}

bool SandboxNeeds::covers(const SandboxNeeds& other) const {
  if (!enabled || !other.enabled) return enabled == other.enabled;
  if (programs.empty() && !other.programs.empty()) return false;
  if (!unbounded.empty()) return true;
  return other.unbounded.empty() && std::all_of(other.writable.begin(), other.writable.end(), [this](const auto& path) {
           return std::binary_search(writable.begin(), writable.end(), path) ||
                  std::any_of(refused.begin(), refused.end(),
                              [&](const auto& r) { return r.first == path && r.second == is_there(path); });
         });
}

std::string SandboxNeeds::text() const {
  if (!enabled) return "none (sandbox = false)";
  std::vector<std::string> parts;
  if (!programs.empty()) parts.push_back(fmt::format("programs are run ({})", programs.front()));
  if (!unbounded.empty()) parts.push_back(fmt::format("writing is not confined because of {}", unbounded.front()));
  return join(parts, ", ");
}

}  // namespace remex::daemon
