// Named list references, checked when everything is known.
#include "lang/list_checks.h"

#include <fmt/format.h>

#include <set>

#include "core/base/strings.h"
#include "lang/list_internal.h"

namespace remex::lang {

namespace {

constexpr std::string_view kKinds[] = {"domain", "host", "address", "local part"};

bool is_list(OptionType t) {
  return t == OptionType::domain_list || t == OptionType::host_list || t == OptionType::address_list ||
         t == OptionType::local_part_list;
}

void visit_options(DriverOptions* options, const DriverInstance& driver, std::string_view family,
                   const std::function<void(const MatchList&, const std::string&, Pos)>& visit,
                   std::span<const OptionDef> defs) {
  if (options == nullptr) return;
  for (const OptionDef& def : defs) {
    if (!is_list(def.type) || def.ref == nullptr) continue;
    const auto* list = static_cast<const MatchList*>(def.ref(options));
    if (!list->is_set()) continue;
    const auto* given = driver.find_given(def.name);
    visit(*list, fmt::format("{} \"{}\": option \"{}\"", family, driver.name, def.name),
          given == nullptr ? driver.pos : given->value.at(0));
  }
}

void report_unknown(const Config& config, ListKind kind, const std::string& name, const std::string& where, Pos pos,
                    Diagnostics& diagnostics) {
  std::vector<std::string_view> known;
  for (const auto& [n, list] : config.named_lists[static_cast<std::size_t>(kind)]) known.push_back(n);
  const std::string_view near = nearest(name, known);
  diagnostics.error(
      "unknown-list", pos, static_cast<std::uint32_t>(name.size() + 1),
      fmt::format("{}: unknown named {} list \"+{}\"", where, kKinds[static_cast<std::size_t>(kind)], printable(name)),
      near.empty() ? std::string() : fmt::format("did you mean \"+{}\"?", near));
}

/// References of a compiled list as (kind, name).
void collect(const CompiledList& list, ListKind kind, std::vector<std::pair<ListKind, std::string>>& out) {
  for (const ListItem& item : list.items) {
    if (item.kind == ItemKind::named) out.emplace_back(kind, item.target);
    if (item.domain) collect(*item.domain, ListKind::domain, out);
  }
}

/// Depth-first; true when a list names itself, directly or not.
bool in_ring(const Config& config, ListKind kind, const std::string& name,
             std::set<std::pair<ListKind, std::string>>& path) {
  if (!path.emplace(kind, name).second) return true;
  const NamedList* named = config.named_list(kind, name);
  std::vector<std::pair<ListKind, std::string>> references;
  if (named != nullptr && named->list.constant_items() != nullptr)
    collect(*named->list.constant_items(), kind, references);
  for (const auto& [k, n] : references)
    if (in_ring(config, k, n, path)) return true;
  path.erase({kind, name});
  return false;
}

}  // namespace

void for_each_list(const Config& config, const std::function<void(const MatchList&, const std::string&, Pos)>& visit) {
  for (const auto& kind : config.named_lists)
    for (const auto& [name, named] : kind) visit(named.list, fmt::format("named list \"{}\"", name), named.pos);
  if (config.registries != nullptr)
    for (const OptionDef* def : config.registries->main_options) {
      if (!is_list(def->type) || def->ref == nullptr) continue;
      const auto* list = static_cast<const MatchList*>(def->ref(const_cast<MainOptions*>(&config.main)));
      if (!list->is_set()) continue;
      Pos pos;
      for (const auto& g : config.main_given)
        if (g.def == def) pos = g.value.at(0);
      visit(*list, fmt::format("main option \"{}\"", def->name), pos);
    }
  const auto family = [&](const std::vector<DriverInstance>& drivers, std::string_view word, DriverKind kind) {
    const DriverFamily* f =
        config.registries != nullptr ? config.registries->families[static_cast<std::size_t>(kind)] : nullptr;
    for (const DriverInstance& d : drivers) {
      if (d.def != nullptr) visit_options(d.options.get(), d, word, visit, d.def->options);
      if (f != nullptr) visit_options(d.generic.get(), d, word, visit, f->generic_options);
    }
  };
  family(config.routers, "router", DriverKind::router);
  family(config.transports, "transport", DriverKind::transport);
  family(config.authenticators, "authenticator", DriverKind::authenticator);
}

void check_list_references(const Config& config, const MatchList& list, const std::string& where, Pos pos,
                           Diagnostics& diagnostics) {
  if (list.constant_items() == nullptr) return;
  std::vector<std::pair<ListKind, std::string>> references;
  collect(*list.constant_items(), list.kind(), references);
  for (const auto& [kind, name] : references)
    if (kind != ListKind::string && config.named_list(kind, name) == nullptr)
      report_unknown(config, kind, name, where, pos, diagnostics);
}

void check_lists(const Config& config, Diagnostics& diagnostics) {
  for_each_list(config, [&](const MatchList& list, const std::string& where, Pos pos) {
    check_list_references(config, list, where, pos, diagnostics);
  });
  for (std::size_t k = 0; k < 4; ++k)
    for (const auto& [name, named] : config.named_lists[k]) {
      std::set<std::pair<ListKind, std::string>> path;
      if (in_ring(config, static_cast<ListKind>(k), name, path))
        diagnostics.error("list-ring", named.pos, static_cast<std::uint32_t>(name.size()),
                          fmt::format("named list \"{}\" refers to itself", name));
    }
}

}  // namespace remex::lang
