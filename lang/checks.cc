// The static checks: each looks at the finished configuration and reports; none changes it. Here: their order, and what
// they share to find their way.
#include "lang/checks.h"

#include <fmt/format.h>

#include "core/base/strings.h"
#include "lang/list_checks.h"
#include "lang/node.h"
#include "lang/reader.h"
#include "lang/scope.h"

namespace remex::lang {
namespace {

constexpr std::string_view kFamilies[] = {"router", "transport", "authenticator"};

const OptionDef* find_def(std::span<const OptionDef> defs, std::string_view name, OptionType type) {
  for (const OptionDef& o : defs)
    if (o.name == name && o.type == type && o.ref != nullptr) return &o;
  return nullptr;
}

bool holds(std::span<const OptionDef> defs, const OptionDef* def) {
  return !defs.empty() && !std::less<>()(def, defs.data()) && std::less<>()(def, defs.data() + defs.size());
}

/// The member a given option is bound to; null when there is none.
const void* bound(const DriverInstance& d, const OptionDef& def) {
  if (def.ref == nullptr) return nullptr;
  DriverOptions* options = d.def != nullptr && holds(d.def->options, &def) ? d.options.get() : d.generic.get();
  return options == nullptr ? nullptr : def.ref(options);
}

bool is_list(OptionType t) {
  return t == OptionType::domain_list || t == OptionType::host_list || t == OptionType::address_list ||
         t == OptionType::local_part_list;
}

void visit_option(OptionType type, const void* member, const CheckPlace& place, std::size_t& repeated,
                  const std::function<void(const Expansion&, const CheckPlace&)>& visit) {
  const auto one = [&](const Expansion& e) {
    if (e.is_set()) visit(e, place);
  };
  switch (type) {
    case OptionType::expanded:
    case OptionType::expanded_list:
    case OptionType::expanded_integer:
    case OptionType::expanded_time:
    case OptionType::user:
    case OptionType::group: one(*static_cast<const Expansion*>(member)); break;
    case OptionType::expanded_boolean: one(static_cast<const ExpandedBool*>(member)->expansion); break;
    case OptionType::repeated_expanded: {
      const auto& all = *static_cast<const std::vector<Expansion>*>(member);
      if (repeated < all.size()) one(all[repeated++]);
      break;
    }
    default:
      if (is_list(type) && static_cast<const MatchList*>(member)->is_set())
        one(static_cast<const MatchList*>(member)->expansion());
  }
}

template <class Visit>
void each_driver_option(const Config& config, const Visit& visit) {
  const std::vector<DriverInstance>* all[] = {&config.routers, &config.transports, &config.authenticators};
  for (std::size_t k = 0; k < 3; ++k)
    for (const DriverInstance& d : *all[k])
      for (const auto& g : d.given)
        if (const void* member = bound(d, *g.def); member != nullptr)
          visit(*g.def, member, CheckPlace{kFamilies[k], d.name, g.def->name, g.value.at(0), &d});
}

void collect_variables(CheckContext& c) {
  const AclCompiler* acls = c.config.registries->acl_compiler;
  if (acls != nullptr && acls->each_value)
    acls->each_value(c.config, [&](const AclValue& v) {
      if (!v.variable.empty()) c.variables_set.emplace(v.variable);
      if (v.word == "acl" && v.value != nullptr && !v.value->is_constant()) c.hidden_sets = true;
    });
  for (const auto& g : c.config.main_given)
    if (g.def->name.starts_with("acl_") &&
        (g.value.text().find("set ") != std::string::npos || g.value.text().find('/') != std::string::npos))
      c.hidden_sets = true;
  for (const DriverInstance& r : c.config.routers)
    for (const auto& g : r.given) {
      if (g.def->name != "set") continue;
      const std::string& t = g.value.text();
      for (std::size_t i = t.find("r_"); i != std::string::npos; i = t.find("r_", i + 1)) {
        std::size_t end = i;
        while (end < t.size() && (is_alnum(t[end]) || t[end] == '_')) ++end;
        c.variables_set.insert(t.substr(i, end - i));
      }
    }
}

}  // namespace

void run_static_checks(ReaderState& st) {
  CheckContext c{.config = st.config,
                 .diag = st.diag,
                 .macros = &st.macros,
                 .warn = st.options.warn,
                 .hints = st.options.hints,
                 .flows = {},
                 .variables_set = {},
                 .hidden_sets = false};
  check_lists(st.config, st.diag);
  if (st.config.registries == nullptr) return;
  collect_variables(c);
  c.flows = acl_variable_flows(st.config);
  check_taint(st.config, c.flows, st.diag);
  const AclCompiler* acls = st.config.registries->acl_compiler;
  if (acls != nullptr && acls->check != nullptr) acls->check(st.config, c);
  // A configuration that is refused anyway is not blamed for what may follow from its errors.
  if (st.diag.has_errors()) return;
  if (c.warn) {
    check_expansions(c);
    check_routing(c);
    check_options(c);
    check_list_items(c);
  }
  if (c.hints) check_usage(c);
}

std::string CheckPlace::text() const {
  if (family == "main option") return fmt::format("option \"{}\"", option);
  if (option.empty()) return fmt::format("{} \"{}\"", family, name);
  return fmt::format("{} \"{}\": {}\"{}\"", family, name, family == "ACL" ? "" : "option ", option);
}

void for_each_expansion(const Config& config, const std::function<void(const Expansion&, const CheckPlace&)>& visit) {
  for (const auto& g : config.main_given) {
    if (g.def->ref == nullptr) continue;
    std::size_t repeated = 0;
    visit_option(g.def->type, g.def->ref(const_cast<MainOptions*>(&config.main)),
                 {"main option", {}, g.def->name, g.value.at(0)}, repeated, visit);
  }
  for (const auto& kind : config.named_lists)
    for (const auto& [name, named] : kind)
      if (named.list.is_set()) visit(named.list.expansion(), {"named list", name, {}, named.pos});
  const DriverInstance* driver = nullptr;
  std::map<std::string_view, std::size_t> repeated;
  each_driver_option(config, [&](const OptionDef& def, const void* member, const CheckPlace& place) {
    if (place.driver != driver) repeated.clear();
    driver = place.driver;
    visit_option(def.type, member, place, repeated[def.name], visit);
  });
  const AclCompiler* acls = config.registries->acl_compiler;
  if (acls != nullptr && acls->each_value)
    acls->each_value(config, [&](const AclValue& v) {
      const CheckPlace place{"ACL", v.acl, v.word, v.pos};
      if (v.value != nullptr && v.value->is_set()) visit(*v.value, place);
      if (v.list != nullptr && v.list->is_set()) visit(v.list->expansion(), place);
    });
}

void for_each_given_list(const Config& config, const std::function<void(const MatchList&, const CheckPlace&)>& visit) {
  for (const auto& kind : config.named_lists)
    for (const auto& [name, named] : kind)
      if (named.list.is_set()) visit(named.list, {"named list", name, {}, named.pos});
  const auto one = [&](OptionType type, const void* member, const CheckPlace& place) {
    if (is_list(type) && static_cast<const MatchList*>(member)->is_set())
      visit(*static_cast<const MatchList*>(member), place);
  };
  for (const auto& g : config.main_given)
    if (g.def->ref != nullptr)
      one(g.def->type, g.def->ref(const_cast<MainOptions*>(&config.main)),
          {"main option", {}, g.def->name, g.value.at(0)});
  each_driver_option(
      config, [&](const OptionDef& def, const void* member, const CheckPlace& place) { one(def.type, member, place); });
  const AclCompiler* acls = config.registries->acl_compiler;
  if (acls != nullptr && acls->each_value)
    acls->each_value(config, [&](const AclValue& v) {
      if (v.list != nullptr && v.list->is_set()) visit(*v.list, {"ACL", v.acl, v.word, v.pos});
    });
}

const void* driver_option(const Config& config, const DriverInstance& d, std::string_view name, OptionType type) {
  if (d.def == nullptr) return nullptr;
  if (const OptionDef* o = find_def(d.def->options, name, type); o != nullptr && d.options)
    return o->ref(d.options.get());
  const DriverFamily* family = config.registries->families[static_cast<std::size_t>(d.def->kind)];
  if (family == nullptr || !d.generic) return nullptr;
  const OptionDef* o = find_def(family->generic_options, name, type);
  return o == nullptr ? nullptr : o->ref(d.generic.get());
}

bool driver_flag(const Config& config, const DriverInstance& d, std::string_view name, bool fallback) {
  if (const auto* b = driver_option<bool>(config, d, name, OptionType::boolean)) return *b;
  if (const auto* b = driver_option<ExpandedBool>(config, d, name, OptionType::expanded_boolean))
    return b->expansion.is_set() ? fallback : b->value;
  return fallback;
}

void walk(const Node& node, const std::function<void(const Node&)>& visit) {
  visit(node);
  for (const NodePtr& child : node.children)
    if (child) walk(*child, visit);
  if (node.yes) walk(*node.yes, visit);
  if (node.no) walk(*node.no, visit);
}

std::optional<std::string> closed_value(const Expansion& expansion) {
  if (!expansion.is_set()) return std::nullopt;
  if (expansion.is_constant()) return expansion.constant();
  if (expansion.root() == nullptr) return std::nullopt;
  bool closed = true;
  walk(*expansion.root(), [&](const Node& n) {
    switch (n.kind) {
      case NodeKind::constant:
      case NodeKind::sequence: break;
      case NodeKind::op:
        closed = closed && n.op != nullptr && n.op->cost == Cost::pure && n.op->taint != TaintRule::taints;
        break;
      case NodeKind::item:
        closed = closed && n.lookup == nullptr && n.item != nullptr && (n.item->name == "if" || n.item->name == "sg");
        break;
      case NodeKind::condition: {
        static constexpr std::string_view kPure[] = {"eq",   "eqi",      "ne",     "nei",     "lt",   "lti",   "gt",
                                                     "gti",  "le",       "lei",    "ge",      "gei",  "match", "=",
                                                     "==",   "<",        "<=",     ">",       ">=",   "and",   "or",
                                                     "bool", "bool_lax", "inlist", "inlisti", "isip", "isip4", "isip6"};
        closed = closed && n.condition != nullptr &&
                 std::find(std::begin(kPure), std::end(kPure), n.condition->name) != std::end(kPure);
        break;
      }
      default: closed = false;
    }
  });
  if (!closed) return std::nullopt;
  Scope scope;
  auto value = expansion.eval(scope);
  if (!value) return std::nullopt;
  return value->str();
}

}  // namespace remex::lang
