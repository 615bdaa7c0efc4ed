// Named list references, checked when everything is known.
#include "lang/list_checks.h"

#include <fmt/format.h>

#include <map>

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

using ListKey = std::pair<ListKind, std::string>;

std::vector<ListKey> references_of(const Config& config, const ListKey& key) {
  std::vector<ListKey> out;
  const NamedList* named = config.named_list(key.first, key.second);
  if (named != nullptr && named->list.constant_items() != nullptr)
    collect(*named->list.constant_items(), key.first, out);
  return out;
}

/// Lists that lead back to themselves. Depth first with a stack of its own, every list once: neither a long chain nor
/// many ways to the same list cost more than their references.
class RingSearch {
 public:
  explicit RingSearch(const Config& config) : config_(config) {}

  template <class Found>
  void from(const ListKey& start, const Found& found) {
    if (state_.contains(start)) return;
    std::vector<Frame> stack;
    push(stack, start);
    while (!stack.empty()) {
      Frame& top = stack.back();
      if (top.next == top.references.size()) {
        state_[top.key] = State::done;
        stack.pop_back();
        continue;
      }
      const ListKey next = top.references[top.next++];
      const auto it = state_.find(next);
      if (it == state_.end())
        push(stack, next);
      else if (it->second == State::open)
        found(next);
    }
  }

 private:
  enum class State : std::uint8_t { open, done };
  struct Frame {
    ListKey key;
    std::vector<ListKey> references;
    std::size_t next = 0;
  };
  void push(std::vector<Frame>& stack, const ListKey& key) {
    state_[key] = State::open;
    stack.push_back({key, references_of(config_, key)});
  }
  const Config& config_;
  std::map<ListKey, State> state_;
};

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
  RingSearch rings(config);
  for (std::size_t k = 0; k < 4; ++k)
    for (const auto& [name, unused] : config.named_lists[k])
      rings.from({static_cast<ListKind>(k), name}, [&](const ListKey& key) {
        const NamedList* named = config.named_list(key.first, key.second);
        diagnostics.error("list-ring", named->pos, static_cast<std::uint32_t>(key.second.size()),
                          fmt::format("named list \"{}\" refers to itself", key.second));
      });
}

}  // namespace remex::lang
