// Warnings about routers and what they hand to transports: routers nothing reaches, conditions that are always true,
// data that nothing sets.
#include <fmt/format.h>

#include <map>
#include <set>

#include "core/base/strings.h"
#include "lang/checks.h"
#include "lang/node.h"

namespace remex::lang {
namespace {

bool list_set(const Config& config, const DriverInstance& r, std::string_view name, OptionType type) {
  const auto* list = driver_option<MatchList>(config, r, name, type);
  return list != nullptr && list->is_set();
}

/// Whether anything decides before the driver runs; when not, every address gets there.
bool has_precondition(const Config& config, const DriverInstance& r) {
  if (list_set(config, r, "domains", OptionType::domain_list) ||
      list_set(config, r, "local_parts", OptionType::local_part_list) ||
      list_set(config, r, "senders", OptionType::address_list))
    return true;
  for (const auto& g : r.given)
    if (g.def->name == "condition" || g.def->name == "require_files" || g.def->name == "local_part_prefix" ||
        g.def->name == "local_part_suffix" || g.def->name == "address_data" || g.def->name == "set" ||
        g.def->name == "router_home_directory")
      return true;
  for (const std::string_view flag : {"check_local_user", "verify_only"})
    if (driver_flag(config, r, flag, true)) return true;
  // Modes in which it is skipped let the others be reached.
  for (const std::string_view flag :
       {"verify", "verify_recipient", "verify_sender", "expn", "address_test", "repeat_use"})
    if (!driver_flag(config, r, flag, true)) return true;
  return false;
}

/// Whether no address goes on to the next router.
bool takes_all(const Config& config, const DriverInstance& r) {
  if (r.def == nullptr || has_precondition(config, r) || driver_flag(config, r, "unseen", false)) return false;
  const auto* unseen = driver_option<ExpandedBool>(config, r, "unseen", OptionType::expanded_boolean);
  if (unseen != nullptr && unseen->expansion.is_set()) return false;
  if (r.def->name == "accept") return true;
  if (r.def->name != "dnslookup" && r.def->name != "manualroute" && r.def->name != "ipliteral") return false;
  const auto* more = driver_option<ExpandedBool>(config, r, "more", OptionType::expanded_boolean);
  if (more == nullptr || more->expansion.is_set() || more->value) return false;
  // What passes goes on although there is no more.
  for (const auto& g : r.given) {
    if (g.def->name == "pass_router" || g.def->name == "pass_on_timeout") return false;
    if ((g.def->name == "self" || g.def->name == "host_find_failed" || g.def->name == "host_all_ignored") &&
        g.value.text().find("pass") != std::string::npos)
      return false;
  }
  return true;
}

void check_reachable(CheckContext& c) {
  const DriverInstance* last = nullptr;
  std::set<std::string_view, std::less<>> jumps;  // routers named by reachable ones
  for (const DriverInstance& r : c.config.routers) {
    if (last != nullptr && jumps.contains(r.name)) last = nullptr;
    if (last != nullptr) {
      c.diag
          .warning("router-unreachable", r.pos, static_cast<std::uint32_t>(r.name.size()),
                   fmt::format("router \"{}\" is never reached", r.name),
                   fmt::format("router \"{}\" takes every address", last->name))
          .notes.push_back("it is at " + (c.config.files ? c.config.files->where(last->pos) : std::string()));
      return;  // one report: the others follow from the same cause
    }
    for (const auto& g : r.given)
      if (g.def->name == "pass_router" || g.def->name == "redirect_router") jumps.insert(trim(g.value.text()));
    if (takes_all(c.config, r)) last = &r;
  }
}

/// What is certainly in a text, whatever its variables hold: constants in front of and between them.
std::string certain_text(const Node* n) {
  if (n == nullptr) return {};
  if (n->kind == NodeKind::constant) return n->text;
  std::string out;
  if (n->kind == NodeKind::sequence)
    for (const NodePtr& child : n->children)
      if (child && child->kind == NodeKind::constant) out += child->text;
  return out;
}

/// No completion of this text by other characters is "", "0", "no" or "false".
bool never_false(std::string_view certain) {
  const std::string lower = to_lower(trim(certain));
  if (lower.empty()) return false;
  for (const std::string_view word : {"0", "no", "false"}) {
    std::size_t at = 0;
    for (const char ch : lower) {
      while (at < word.size() && word[at] != ch) ++at;
      if (at == word.size()) {
        at = std::string_view::npos;
        break;
      }
      ++at;
    }
    if (at != std::string_view::npos) return false;  // its letters are in order in the word: it could become it
  }
  return true;
}

void check_conditions(CheckContext& c) {
  for_each_expansion(c.config, [&](const Expansion& e, const CheckPlace& place) {
    if (place.family != "router" || place.option != "condition") return;
    const auto length = static_cast<std::uint32_t>(std::max<std::size_t>(e.source_text().size(), 1));
    if (const auto value = closed_value(e)) {
      const std::string lower = to_lower(trim(*value));
      if (!is_loosely_true(*value)) {
        if (c.hints)
          c.diag.hint("router-never-runs", e.pos(), length,
                      fmt::format("{} is always false: the router never runs", place.text()));
        return;
      }
      const bool said = e.is_constant() && (lower == "true" || lower == "yes" || lower == "1");
      if (!said)
        c.diag.warning("condition-always-true", e.pos(), length,
                       fmt::format("{} can never be false: it is always \"{}\"", place.text(), printable(*value)),
                       "false is an empty text, 0, no or false");
      return;
    }
    bool can_fail = false;  // a forced failure skips the router
    if (e.root() != nullptr) walk(*e.root(), [&](const Node& n) { can_fail = can_fail || n.fail_on_no; });
    if (can_fail) return;
    const std::string certain = certain_text(e.root());
    if (never_false(certain))
      c.diag.warning(
          "condition-always-true", e.pos(), length,
          fmt::format("{} can never be false: there is always \"{}\" in it", place.text(), printable(trim(certain))),
          "only what stands inside ${if ...} is compared");
  });
}

/// Which of $domain_data and $local_part_data an expansion uses.
struct DataUse {
  std::string_view variable, option;
  Pos pos;
  const DriverInstance* driver = nullptr;
};

bool sets(const Config& config, const DriverInstance& r, std::string_view variable) {
  if (variable == "domain_data") return list_set(config, r, "domains", OptionType::domain_list);
  return list_set(config, r, "local_parts", OptionType::local_part_list) ||
         driver_flag(config, r, "check_local_user", false);
}

std::vector<DataUse> data_uses(const Config& config) {
  std::vector<DataUse> out;
  for_each_expansion(config, [&](const Expansion& e, const CheckPlace& place) {
    if (place.driver == nullptr || e.is_constant() || e.root() == nullptr) return;
    // Tested before the list that sets the variable, or written into text that may well be empty.
    if (place.family == "router" && place.option == "domains") return;
    walk(*e.root(), [&](const Node& n) {
      if (n.kind != NodeKind::variable) return;
      for (const std::string_view v : {std::string_view("domain_data"), std::string_view("local_part_data")})
        if (n.text == v) out.push_back({v, place.option, e.source().at(n.offset), place.driver});
    });
  });
  return out;
}

/// What one router set is not seen by the next, so only the routers that name a transport count.
void check_data(CheckContext& c) {
  std::map<std::string_view, std::vector<const DriverInstance*>> users;  // transport -> routers that name it
  bool any_transport = false;                                            // a computed name may be every transport
  for (const DriverInstance& r : c.config.routers) {
    if (r.def == nullptr) continue;
    for (const auto& g : r.given) {
      if (!g.def->name.ends_with("transport")) continue;
      const std::string_view name = trim(g.value.text());
      if (name.find('$') != std::string_view::npos) any_transport = true;
      users[name].push_back(&r);
    }
  }
  for (const DataUse& use : data_uses(c.config)) {
    const bool router = use.driver->def != nullptr && use.driver->def->kind == DriverKind::router;
    std::vector<const DriverInstance*> routers;
    if (router) {
      routers.push_back(use.driver);
    } else {
      if (any_transport) continue;
      const auto it = users.find(use.driver->name);
      if (it == users.end()) continue;
      routers = it->second;
    }
    if (std::any_of(routers.begin(), routers.end(), [&](const auto* r) { return sets(c.config, *r, use.variable); }))
      continue;
    const std::string_view wanted = use.variable == "domain_data" ? "domains" : "local_parts";
    c.diag.warning("data-never-set", use.pos, static_cast<std::uint32_t>(use.variable.size() + 1),
                   fmt::format("{} \"{}\": option \"{}\" uses ${}, which is always empty here",
                               router ? "router" : "transport", use.driver->name, use.option, use.variable),
                   fmt::format("router \"{}\" has no {}", routers.front()->name, wanted));
  }
}

/// manualroute takes its transport from the option or from each rule of route_list.
void check_manualroute(CheckContext& c) {
  for (const DriverInstance& r : c.config.routers) {
    if (r.def == nullptr || r.def->name != "manualroute" || r.find_given("transport") != nullptr ||
        driver_flag(c.config, r, "verify_only", false))
      continue;
    const auto* routes = r.find_given("route_list");
    if (routes == nullptr || routes->value.text().find('$') != std::string::npos) continue;
    bool named = false;
    for (const DriverInstance& t : c.config.transports)
      named = named || routes->value.text().find(t.name) != std::string::npos;
    if (named) continue;
    c.diag.warning("route-without-transport", r.pos, static_cast<std::uint32_t>(r.name.size()),
                   fmt::format("router \"{}\" has no transport, and no rule of its route_list names one", r.name),
                   "add \"transport = ...\"");
  }
}

}  // namespace

void check_routing(CheckContext& c) {
  check_manualroute(c);
  check_reachable(c);
  check_conditions(c);
  check_data(c);
}

}  // namespace remex::lang
