// Static taint over expansion trees and from routers to the transports they name.
#include "lang/taint_check.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/base/strings.h"
#include "lang/config.h"
#include "lang/list.h"
#include "lang/lookup.h"
#include "lang/node.h"

namespace remex::lang {

namespace {

TaintFlow join(TaintFlow a, TaintFlow b) {
  return static_cast<int>(b.state) > static_cast<int>(a.state) ? std::move(b) : std::move(a);
}
TaintFlow known(TaintState state) { return {state, {}, {}}; }

class Walker {
 public:
  explicit Walker(const TaintScope& scope) : scope_(scope) {}

  TaintFlow node(const Node* n) {
    if (n == nullptr) return {};
    switch (n->kind) {
      case NodeKind::constant: return {};
      case NodeKind::variable: return variable(*n);
      case NodeKind::capture: return known(TaintState::depends);
      case NodeKind::header: return {TaintState::tainted, "h_" + n->text, {}};
      case NodeKind::sequence: return children(*n);
      case NodeKind::op: return by_rule(n->op != nullptr ? n->op->taint : TaintRule::keeps, *n);
      case NodeKind::item: return item(*n);
      case NodeKind::condition: return {};
    }
    return {};
  }

 private:
  TaintFlow children(const Node& n) {
    TaintFlow out;
    for (const NodePtr& c : n.children) out = join(std::move(out), node(c.get()));
    return out;
  }

  TaintFlow by_rule(TaintRule rule, const Node& n) {
    if (rule == TaintRule::cleans) return {};
    if (rule == TaintRule::taints) return {TaintState::tainted, n.text, {}};
    return children(n);
  }

  TaintFlow variable(const Node& n) {
    if (const TaintFlow* flow = scope_.find(n.text); flow != nullptr) return *flow;
    if (n.text == "value") return value_;
    if (n.variable == nullptr) return known(TaintState::depends);
    if (n.variable->taint == TaintRule::taints) return {TaintState::tainted, n.text, {}};
    return known(n.variable->taint == TaintRule::cleans ? TaintState::clean : TaintState::depends);
  }

  TaintFlow item(const Node& n) {
    const std::string_view name = n.item != nullptr ? n.item->name : std::string_view(n.text);
    TaintFlow data;
    if (n.lookup != nullptr) {
      // What a lookup finds is the operator's; only the DNS is everybody's.
      if (n.lookup->name == "dnsdb") data = {TaintState::tainted, "dnsdb", {}};
    } else if (name == "if") {
      data = known(TaintState::depends);  // $value of inlist and the like
    } else {
      data = by_rule(n.item != nullptr ? n.item->taint : TaintRule::keeps, n);
    }
    if (!n.has_branches && n.yes == nullptr) return name == "if" ? TaintFlow{} : data;
    TaintFlow saved = std::exchange(value_, data);
    TaintFlow out = node(n.yes.get());
    value_ = std::move(saved);
    return join(std::move(out), node(n.no.get()));
  }

  const TaintScope& scope_;
  TaintFlow value_{TaintState::depends, {}, {}};
};

/// The bound member of an option by name, from the private or the generic options.
template <class T>
const T* option_value(const Config& config, const DriverInstance& d, std::string_view name, OptionType type) {
  const auto search = [&](std::span<const OptionDef> defs, DriverOptions* options) -> const T* {
    for (const OptionDef& o : defs)
      if (o.name == name && o.type == type && o.ref != nullptr && options != nullptr)
        return static_cast<const T*>(o.ref(options));
    return nullptr;
  };
  const DriverFamily* family = config.registries->families[static_cast<std::size_t>(d.def->kind)];
  if (family != nullptr)
    if (const T* v = search(family->generic_options, d.generic.get())) return v;
  return search(d.def->options, d.options.get());
}

/// What a list leaves in $domain_data or $local_part_data.
TaintFlow list_data(const MatchList* list) {
  if (list == nullptr || !list->is_set()) return known(TaintState::depends);
  if (list->expansion().is_constant()) return {};
  const TaintFlow text = taint_of(list->expansion(), {});
  return known(text.state == TaintState::clean ? TaintState::clean : TaintState::depends);
}

/// "$name is set by <who> (<place>) from $x", behind the steps before it. x is what was read: the variable of the last
/// step, or the culprit itself.
void add_step(const Config& config, TaintFlow& flow, std::string_view name, const std::string& who, Pos pos) {
  if (flow.state != TaintState::tainted) return;
  std::string from = flow.culprit;
  if (!flow.path.empty()) {
    std::string_view last = std::string_view(flow.path).substr(flow.path.rfind('\n') + 1);
    last.remove_prefix(1);
    from = last.substr(0, last.find(' '));
  }
  const std::string place = config.files != nullptr ? config.files->where(pos) : std::string();
  flow.path += fmt::format("{}${} is set by {} ({}) from ${}", flow.path.empty() ? "" : "\n", name, who, place, from);
}

TaintScope router_scope(const Config& config, const DriverInstance& router, const TaintScope& flows) {
  TaintScope scope;
  scope.outer = &flows;
  scope.variables["domain_data"] =
      list_data(option_value<MatchList>(config, router, "domains", OptionType::domain_list));
  scope.variables["local_part_data"] =
      list_data(option_value<MatchList>(config, router, "local_parts", OptionType::local_part_list));
  return scope;
}

/// set = r_name = value. Several in one option share a fate that cannot be told apart here.
void add_router_variables(const Config& config, const DriverInstance& router, TaintScope& scope) {
  const auto* all = option_value<std::vector<Expansion>>(config, router, "set", OptionType::repeated_expanded);
  if (all == nullptr) return;
  for (const Expansion& e : *all) {
    if (!e.is_set() || e.source_text().find(';') != std::string::npos) continue;
    const std::string name(trim(std::string_view(e.source_text()).substr(0, e.source_text().find('='))));
    TaintFlow flow = taint_of(e, scope);
    add_step(config, flow, name, fmt::format("router \"{}\"", router.name), e.pos());
    scope.variables[name] = std::move(flow);
  }
}

/// What $address_data may hold when an address comes to a router: what any router left there, earlier ones and (for the
/// children of a redirection, which begin again at the first router) later ones. Which of them an address met is not
/// known here. All of them tainted is certain enough: an address that met none has no value at all.
class AddressData {
 public:
  AddressData(const Config& config, const TaintScope& flows) : config_(config) {
    for (const DriverInstance& router : config.routers) {
      if (router.def == nullptr) continue;
      TaintScope scope = router_scope(config, router, flows);
      add_router_variables(config, router, scope);
      put(router, scope);
    }
    set_ = false;
  }
  /// Puts the value after `router` into `scope`. For the routers in their order.
  void put(const DriverInstance& router, TaintScope& scope) {
    if (set_) scope.variables["address_data"] = certain_ ? before_ : known(TaintState::depends);
    const auto* data = option_value<Expansion>(config_, router, "address_data", OptionType::expanded);
    if (data == nullptr || !data->is_set()) return;
    TaintFlow flow = taint_of(*data, scope);
    if (flow.state == TaintState::tainted) {
      add_step(config_, flow, "address_data", fmt::format("router \"{}\"", router.name), data->pos());
      if (!set_) before_ = flow;
    } else {
      certain_ = false;
    }
    set_ = true;
    scope.variables["address_data"] = std::move(flow);
  }

 private:
  const Config& config_;
  bool set_ = false, certain_ = true;
  TaintFlow before_;  ///< of the first router that sets it: an example for the notes
};

class SinkCheck {
 public:
  SinkCheck(const Config& config, Diagnostics& diagnostics) : config_(config), diagnostics_(diagnostics) {}

  void driver(const DriverInstance& d, std::string_view family, const TaintScope& scope) {
    const DriverFamily* f = config_.registries->families[static_cast<std::size_t>(d.def->kind)];
    options(d.def->options, d.options.get(), d, family, scope);
    if (f != nullptr) options(f->generic_options, d.generic.get(), d, family, scope);
  }

  /// The value of an ACL word that becomes a file name.
  void acl_file(const AclValue& v, const TaintScope& scope) {
    TaintFlow flow = taint_of(*v.value, scope);
    if (flow.state == TaintState::tainted)
      report(fmt::format("ACL \"{}\": \"{}\" would use tainted data", v.acl, v.word), *v.value, flow);
  }

 private:
  void options(std::span<const OptionDef> defs, DriverOptions* bound, const DriverInstance& d, std::string_view family,
               const TaintScope& scope) {
    if (bound == nullptr) return;
    for (const OptionDef& o : defs) {
      // A command is split into words first; only its program name refuses taint, which run time checks.
      if ((o.sink != "file" && o.sink != "directory") || o.type != OptionType::expanded || o.ref == nullptr) continue;
      const auto* e = static_cast<const Expansion*>(o.ref(bound));
      if (!e->is_set() || e->is_constant()) continue;
      TaintFlow flow = taint_of(*e, scope);
      if (flow.state == TaintState::tainted)
        report(fmt::format("{} \"{}\": option \"{}\" would use tainted data", family, d.name, o.name), *e, flow);
    }
  }

  void report(const std::string& message, const Expansion& e, const TaintFlow& flow) {
    for (const Diagnostic& d : diagnostics_.all())
      if (d.code == "taint" && d.message == message) return;
    Diagnostic& out = diagnostics_.error("taint", e.pos(), static_cast<std::uint32_t>(e.source_text().size()), message,
                                         fmt::format("${} comes from the message or the peer", flow.culprit));
    for (const std::string_view step : split(flow.path, '\n'))
      if (!step.empty()) out.notes.emplace_back(step);
    out.notes.push_back(taint_remedy(flow.culprit));
  }

  const Config& config_;
  Diagnostics& diagnostics_;
};

}  // namespace

std::string taint_remedy(const std::string& culprit) {
  if (culprit.starts_with("local_part"))
    return "$local_part_data is the trusted form: it needs local_parts = dsearch;/the/directory (or another lookup) on "
           "the router";
  if (culprit == "domain")
    return "$domain_data is the trusted form: it needs domains = dsearch;/the/directory (or a list of domains) on the "
           "router";
  return "look the value up with ${lookup ...}: what a lookup finds is trusted";
}

const TaintFlow* TaintScope::find(std::string_view name) const {
  for (const TaintScope* s = this; s != nullptr; s = s->outer)
    if (const auto it = s->variables.find(name); it != s->variables.end()) return &it->second;
  return nullptr;
}

TaintFlow taint_of(const Node& node, const TaintScope& scope) { return Walker(scope).node(&node); }

TaintScope acl_variable_flows(const Config& config) {
  TaintScope known_now;
  const AclCompiler* acls = config.registries->acl_compiler;
  if (acls == nullptr || !acls->each_value) return known_now;
  // A variable may be made from another; a chain longer than this stays "depends".
  for (int pass = 0; pass < 4; ++pass) {
    TaintScope next;
    bool any = false;
    acls->each_value(config, [&](const AclValue& v) {
      if (v.variable.empty() || v.value == nullptr) return;
      any = true;
      TaintFlow flow = taint_of(*v.value, known_now);
      add_step(config, flow, v.variable, fmt::format("ACL \"{}\"", v.acl), v.pos);
      const auto [it, fresh] = next.variables.try_emplace(std::string(v.variable), flow);
      if (!fresh && it->second.state != flow.state) it->second = known(TaintState::depends);
    });
    if (!any) break;
    const bool same = pass > 0 && std::equal(next.variables.begin(), next.variables.end(), known_now.variables.begin(),
                                             known_now.variables.end(), [](const auto& a, const auto& b) {
                                               return a.first == b.first && a.second.state == b.second.state;
                                             });
    known_now = std::move(next);
    if (same) break;
  }
  return known_now;
}

TaintFlow taint_of(const Expansion& expansion, const TaintScope& scope) {
  if (!expansion.is_set() || expansion.is_constant()) return {};
  return Walker(scope).node(expansion.root());
}

void check_taint(const Config& config, const TaintScope& flows, Diagnostics& diagnostics) {
  if (config.registries == nullptr || config.main.allow_insecure_tainted_data) return;
  SinkCheck check(config, diagnostics);
  std::map<std::string, std::vector<TaintScope>, std::less<>> reaching;
  AddressData address_data(config, flows);
  if (const AclCompiler* acls = config.registries->acl_compiler; acls != nullptr && acls->each_value)
    acls->each_value(config, [&](const AclValue& v) {
      if (v.word == "decode" && v.value != nullptr) check.acl_file(v, flows);
    });
  for (const DriverInstance& router : config.routers) {
    if (router.def == nullptr) continue;
    TaintScope scope = router_scope(config, router, flows);
    add_router_variables(config, router, scope);
    address_data.put(router, scope);
    check.driver(router, "router", scope);
    const auto* transport = option_value<Expansion>(config, router, "transport", OptionType::expanded);
    if (transport != nullptr && transport->is_set() && transport->is_constant())
      reaching[transport->constant()].push_back(std::move(scope));
  }
  for (const DriverInstance& transport : config.transports) {
    if (transport.def == nullptr) continue;
    const auto it = reaching.find(transport.name);
    if (it == reaching.end()) {
      check.driver(transport, "transport", flows);
      continue;
    }
    for (const TaintScope& scope : it->second) check.driver(transport, "transport", scope);
  }
}

}  // namespace remex::lang
