// Variables: the address being verified, routed or delivered, and its parents.
#include "lang/variables/variable_util.h"

namespace remex::lang {
namespace {

constexpr TaintRule kClean = TaintRule::cleans;
constexpr TaintRule kPeer = TaintRule::taints;
constexpr TaintRule kKeeps = TaintRule::keeps;

const AddressState* top(const Scope& s) {
  const AddressState* a = s.address;
  while (a != nullptr && a->parent != nullptr) a = a->parent;
  return a;
}
const AddressState* parent(const Scope& s) { return s.address == nullptr ? nullptr : s.address->parent; }

std::string_view part(const AddressState* a, bool domain) {
  if (a == nullptr) return {};
  const std::string_view full = a->address;
  const std::size_t at = full.rfind('@');
  if (domain) return at == std::string_view::npos ? std::string_view(a->domain) : full.substr(at + 1);
  return at == std::string_view::npos ? full : full.substr(0, at);
}

// A domain or local part list puts its subject here while it is matched (see lang/list.h).
Result<Text> domain(Scope& s, std::string_view name) {
  if (const auto* v = extra(s, name)) return from_peer(*v);
  return s.address == nullptr ? Text{} : *from_peer(s.address->domain);
}
Result<Text> local_part(Scope& s, std::string_view name) {
  if (const auto* v = extra(s, name)) return from_peer(*v);
  return s.address == nullptr ? Text{} : *from_peer(s.address->local_part);
}
Result<Text> domain_data(Scope& s, std::string_view) {
  return s.address != nullptr && !s.address->domain_data.empty() ? s.address->domain_data : s.acl_domain_data;
}
Result<Text> local_part_data(Scope& s, std::string_view) {
  return s.address != nullptr && !s.address->local_part_data.empty() ? s.address->local_part_data
                                                                     : s.acl_local_part_data;
}
Result<Text> address_data(Scope& s, std::string_view) {
  return s.address != nullptr ? s.address->address_data : s.verify_address_data;
}
Result<Text> prefix(Scope& s, std::string_view) {
  if (s.address == nullptr) return Text{};
  return s.address->prefix_tainted ? from_peer(s.address->prefix) : trusted(s.address->prefix);
}
Result<Text> suffix(Scope& s, std::string_view) {
  if (s.address == nullptr) return Text{};
  return s.address->suffix_tainted ? from_peer(s.address->suffix) : trusted(s.address->suffix);
}
Result<Text> home(Scope& s, std::string_view) {
  if (s.address == nullptr) return Text{};
  return s.address->home_tainted ? from_peer(s.address->home) : trusted(s.address->home);
}
Result<Text> router_variable(Scope& s, std::string_view name) {
  if (s.address == nullptr) return Text{};
  const auto it = s.address->router_variables.find(std::string(name.substr(2)));
  return it == s.address->router_variables.end() ? Text{} : it->second;
}
Result<Text> original_domain(Scope& s, std::string_view) { return from_peer(part(top(s), true)); }
Result<Text> original_local_part(Scope& s, std::string_view) { return from_peer(part(top(s), false)); }
Result<Text> parent_domain(Scope& s, std::string_view) { return from_peer(part(parent(s), true)); }
Result<Text> parent_local_part(Scope& s, std::string_view) { return from_peer(part(parent(s), false)); }

// Unset is the largest id, as Exim shows it.
Result<Text> user_id(std::int64_t id) { return number(id < 0 ? 4294967295 : id); }
Result<Text> local_user_uid(Scope& s, std::string_view) {
  return user_id(s.address == nullptr ? -1 : s.address->local_user_uid);
}
Result<Text> local_user_gid(Scope& s, std::string_view) {
  return user_id(s.address == nullptr ? -1 : s.address->local_user_gid);
}

constexpr VariableDef defs[] = {
    {.name = "domain",
     .taint = kPeer,
     .summary = "Current domain, lower-cased",
     .get = domain,
     .tier = 1,
     .where = Where::rcpt,
     .examples = {{"$domain", "example.com"}, {"${if match_domain{$domain}{+local_domains}{ours}{not ours}}", "ours"}}},
    {.name = "domain_data",
     .taint = kKeeps,
     .summary = "Match value of domain list; usually untainted",
     .get = domain_data,
     .tier = 1,
     .where = Where::router,
     .examples = {{"$domain_data", "example.com"},
                  {.input = "<$domain_data>", .output = "<>", .where = Where::anywhere}}},
    {.name = "local_part",
     .taint = kPeer,
     .summary = "Current local part, affixes removed, normally lower case",
     .get = local_part,
     .tier = 1,
     .where = Where::rcpt,
     .examples = {{"$local_part", "joe"}, {"${if eq{$local_part}{postmaster}{the boss}{$local_part}}", "joe"}}},
    {.name = "local_part_data",
     .taint = kKeeps,
     .summary = "Match value; usually untainted",
     .get = local_part_data,
     .tier = 1,
     .where = Where::router,
     .examples = {{"$local_part_data", "list"},
                  {.input = "<$local_part_data>", .output = "<>", .where = Where::anywhere}}},
    {.name = "local_part_prefix",
     .taint = kKeeps,
     .summary = "Matched prefix; tainted only if wildcarded",
     .get = prefix,
     .tier = 2,
     .where = Where::router,
     .examples = {{"<$local_part_prefix>", "<>"}, {"${if def:local_part_prefix{owner}{list}}", "list"}}},
    {.name = "local_part_prefix_v",
     .taint = kPeer,
     .summary = "Wildcard portion",
     .get = (member<&Scope::address, &AddressState::prefix_v, true>),
     .tier = 2,
     .where = Where::router,
     .examples = {{"<$local_part_prefix_v>", "<>"}, {"${if eq{$local_part_prefix_v}{}{none}{some}}", "none"}}},
    {.name = "local_part_suffix",
     .taint = kKeeps,
     .summary = "Matched suffix; tainted only if wildcarded",
     .get = suffix,
     .tier = 1,
     .where = Where::router,
     .examples = {{"$local_part_suffix", "+minutes"},
                  {.input = "<$local_part_suffix>", .output = "<>", .where = Where::anywhere}}},
    {.name = "local_part_suffix_v",
     .taint = kPeer,
     .summary = "Wildcard portion",
     .get = (member<&Scope::address, &AddressState::suffix_v, true>),
     .tier = 2,
     .where = Where::router,
     .examples = {{"$local_part_suffix_v", "minutes"}, {"${sg{$local_part_suffix_v}{[^a-z]}{_}}", "minutes"}}},
    {.name = "address_data",
     .taint = kKeeps,
     .summary = "Value of router address_data; inherited by children",
     .get = address_data,
     .tier = 1,
     .where = Where::router,
     .examples = {{"${extract{shelf}{$address_data}}", "3"},
                  {.input = "${extract{lang}{$address_data}{$value}{de}}", .output = "de", .where = Where::anywhere}}},
    {.name = "r_*",
     .taint = kKeeps,
     .summary = "Router variables, travel with address",
     .get = router_variable,
     .tier = 2,
     .where = Where::router,
     .examples = {{"$r_quota", "50M"}, {"<$r_other>", "<>"}}},
    {.name = "home",
     .taint = kKeeps,
     .summary = "Home directory",
     .get = home,
     .tier = 1,
     .where = Where::router,
     .examples = {{"$home", "/var/list"}, {"${if exists{$home/.forward}{forwards}{stays}}", "stays"}}},
    {.name = "local_user_uid",
     .taint = kClean,
     .summary = "Uid; -1 otherwise",
     .get = local_user_uid,
     .tier = 1,
     .where = Where::router,
     .examples = {{"$local_user_uid", "38"},
                  {.input = "$local_user_uid", .output = "4294967295", .where = Where::anywhere}}},
    {.name = "local_user_gid",
     .taint = kClean,
     .summary = "Gid; -1 otherwise",
     .get = local_user_gid,
     .tier = 2,
     .where = Where::router,
     .examples = {{"$local_user_gid", "38"},
                  {.input = "$local_user_gid", .output = "4294967295", .where = Where::anywhere}}},
    {.name = "original_domain",
     .taint = kPeer,
     .summary = "Domain of top ancestor",
     .get = original_domain,
     .tier = 1,
     .where = Where::router,
     .examples = {{"$original_domain", "example.com"},
                  {.input = "<$original_domain>", .output = "<>", .where = Where::anywhere}}},
    {.name = "original_local_part",
     .taint = kPeer,
     .summary = "Local part of top ancestor including affixes",
     .get = original_local_part,
     .tier = 2,
     .where = Where::router,
     .examples = {{"$original_local_part", "joe"},
                  {"${if eq{$original_local_part}{$local_part}{direct}{by alias}}", "by alias"}}},
    {.name = "parent_domain",
     .taint = kPeer,
     .summary = "Domain of immediate parent",
     .get = parent_domain,
     .tier = 2,
     .where = Where::router,
     .examples = {{"$parent_domain", "example.com"},
                  {.input = "<$parent_domain>", .output = "<>", .where = Where::anywhere}}},
    {.name = "parent_local_part",
     .taint = kPeer,
     .summary = "Local part of immediate parent",
     .get = parent_local_part,
     .tier = 2,
     .where = Where::router,
     .examples = {{"$parent_local_part", "joe"},
                  {.input = "<$parent_local_part>", .output = "<>", .where = Where::anywhere}}},
    {.name = "router_name",
     .taint = kClean,
     .summary = "Router instance",
     .get = (member<&Scope::address, &AddressState::router_name>),
     .tier = 2,
     .where = Where::router,
     .examples = {{"$router_name", "local"}, {.input = "<$router_name>", .output = "<>", .where = Where::anywhere}}},
    {.name = "self_hostname",
     .taint = kKeeps,
     .summary = "Local host that was met",
     .get = (member<&Scope::address, &AddressState::self_hostname, true>),
     .tier = 3,
     .where = Where::router,
     .examples = {{"<$self_hostname>", "<>"}, {"${if def:self_hostname{loop at $self_hostname}{no loop}}", "no loop"}}},
    {.name = "verify_mode",
     .taint = kClean,
     .summary = "S, R or empty",
     .get = scope_clean<&Scope::verify_mode>,
     .tier = 3,
     .where = Where::router,
     .examples = {{"<$verify_mode>", "<>"}, {"${if eq{$verify_mode}{R}{only asking}{delivering}}", "delivering"}}},
};
[[maybe_unused]] constexpr TaintRule kUsed[] = {kClean, kPeer, kKeeps};

}  // namespace
}  // namespace remex::lang

namespace remex::registry::variables {
extern const std::span<const VariableDef> address;
constinit const std::span<const VariableDef> address{lang::defs};
}  // namespace remex::registry::variables
