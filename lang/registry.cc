// Finding entries by name. The index is one open hash table per kind, made once (about 1 000 names, tens of
// microseconds); looking a name up allocates nothing. A name given twice is a bug of the build and throws.
#include "lang/registry.h"

#include <stdexcept>
#include <unordered_map>

#include "core/hooks/hooks.h"
#include "lang/driver.h"
#include "lang/lookup.h"
#include "lang/node.h"

namespace remex::lang {

struct Registries::Index {
  template <class Def>
  using Map = std::unordered_map<std::string_view, const Def*>;
  Map<OperatorDef> operators;
  Map<ItemDef> items;
  Map<ConditionDef> conditions;
  Map<VariableDef> variables;
  Map<LookupDef> lookups;
  std::vector<const VariableDef*> families;  ///< entries whose name ends in * take any rest
  std::vector<const OperatorDef*> operator_families;
};

namespace {

template <class Def>
void fill(std::unordered_map<std::string_view, const Def*>& map, const std::vector<const Def*>& list) {
  map.reserve(list.size());
  for (const Def* d : list)
    if (!map.emplace(d->name, d).second) throw std::logic_error("two entries named " + std::string(d->name));
}

template <class Def>
const Def* find(const std::unordered_map<std::string_view, const Def*>& map, std::string_view name) {
  const auto it = map.find(name);
  return it == map.end() ? nullptr : it->second;
}

/// The entry with the longest name that ends in * and fits.
template <class Def>
const Def* find_family(const std::vector<const Def*>& families, std::string_view name) {
  const Def* best = nullptr;
  for (const Def* d : families) {
    const std::string_view stem = d->name.substr(0, d->name.size() - 1);
    if (name.size() > stem.size() && name.starts_with(stem) && (!best || d->name.size() > best->name.size())) best = d;
  }
  return best;
}

}  // namespace

void Registries::finish() {
  if (!hooks::active()) std::erase_if(main_options, [](const OptionDef* o) { return o->only_in_test_mode; });
  auto made = std::make_shared<Index>();
  fill(made->operators, operators);
  fill(made->items, items);
  fill(made->conditions, conditions);
  fill(made->variables, variables);
  fill(made->lookups, lookups);
  for (const VariableDef* v : variables)
    if (v->name.ends_with('*')) made->families.push_back(v);
  for (const OperatorDef* o : operators)
    if (o->name.ends_with('*')) made->operator_families.push_back(o);
  index = std::move(made);
}

const OperatorDef* Registries::find_operator(std::string_view name) const {
  if (!index) return nullptr;
  if (const OperatorDef* o = find(index->operators, name)) return o;
  return find_family(index->operator_families, name);
}
const ItemDef* Registries::find_item(std::string_view name) const { return index ? find(index->items, name) : nullptr; }
const ConditionDef* Registries::find_condition(std::string_view name) const {
  return index ? find(index->conditions, name) : nullptr;
}
const LookupDef* Registries::find_lookup(std::string_view name) const {
  return index ? find(index->lookups, name) : nullptr;
}

const VariableDef* Registries::find_variable(std::string_view name) const {
  if (!index) return nullptr;
  if (const VariableDef* v = find(index->variables, name)) return v;
  return find_family(index->families, name);
}

}  // namespace remex::lang
