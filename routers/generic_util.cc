// The generic options of routers: one row per option, the family the configuration reader binds, and the cross-option
// rules. What the options do is in precondition_util.cc and route_util.cc.
#include <fmt/core.h>

#include <algorithm>

#include "core/base/strings.h"
#include "lang/diagnostics.h"
#include "routers/internal.h"

namespace remex::registry::routers {
extern const std::span<const std::span<const RouterDef>* const> all;
}

namespace remex::routers {
namespace {

using lang::OptionType;
using lang::ref;
using lang::State;
using G = RouterGeneric;

constexpr OptionDef kGenericOptions[] = {
    with_examples({"address_data", OptionType::expanded, ref<&G::address_data>, "",
                   "text kept with the address as $address_data; forced failure declines"},
                  {"${lookup{$local_part}lsearch{/etc/remex/users}{$value}fail}"}),
    with_examples(
        {"address_test", OptionType::boolean, ref<&G::address_test>, "true", "when false the router is skipped by -bt"},
        {"false"}),
    with_examples({"cannot_route_message", OptionType::expanded, ref<&G::cannot_route_message>, "",
                   "text when no router is left; the last router considered wins"},
                  {"No user \"$local_part\" here"}),
    with_examples({"caseful_local_part", OptionType::boolean, ref<&G::caseful_local_part>, "false",
                   "keep the case of $local_part while this router runs"},
                  {"true"}),
    with_examples({"check_local_user", OptionType::boolean, ref<&G::check_local_user>, "false",
                   "the local part must be a login name; sets $home and $local_part_data"},
                  {"true"}),
    with_examples({"condition", OptionType::repeated_expanded, ref<&G::condition>, "",
                   "run only when the expansion is not empty, 0, no or false; may be repeated"},
                  {"${if eq{$h_precedence:}{bulk}{no}{yes}}"}),
    with_examples({"debug_print", OptionType::expanded, ref<&G::debug_print>, "",
                   "text for the debug output when the router runs"},
                  {"routing $local_part@$domain"}),
    with_examples(
        {"disable_logging", OptionType::boolean, ref<&G::disable_logging>, "false", "no log lines about this router"},
        {"true"}),
    with_examples({"dnssec_request_domains", OptionType::domain_list, ref<&G::dnssec_request_domains>, "*",
                   "domains looked up with DNSSEC"},
                  {"*"}),
    with_examples({"dnssec_require_domains", OptionType::domain_list, ref<&G::dnssec_require_domains>, "",
                   "domains whose answers must be DNSSEC-validated"},
                  {"example.net"}),
    with_examples(
        {"domains", OptionType::domain_list, ref<&G::domains>, "", "the domain must match; sets $domain_data"},
        {"+local_domains"}),
    with_examples({"driver", OptionType::special, nullptr, "", "which router driver this is"},
                  {.input = "accept", .setup = "transport = remote_smtp"},
                  {.input = "acept", .error = "E0603", .setup = "transport = remote_smtp"}),
    with_examples(
        {"dsn_lasthop", OptionType::boolean, ref<&G::dsn_lasthop>, "false",
         "do not pass DSN requests to the next host: tell of success as if it knew no DSN", State::works, "", "", 4},
        {"true"}),
    with_examples({"errors_to", OptionType::expanded, ref<&G::errors_to>, "",
                   "where bounces of these deliveries go; must verify; empty discards them"},
                  {"postmaster@$domain"}),
    with_examples({"expn", OptionType::boolean, ref<&G::expn>, "true", "when false the router is skipped by EXPN"},
                  {"false"}),
    with_examples({"fail_verify", OptionType::boolean, ref<&G::fail_verify>, "false",
                   "sets fail_verify_recipient and fail_verify_sender"},
                  {"true"}),
    with_examples({"fail_verify_recipient", OptionType::boolean, ref<&G::fail_verify_recipient>, "false",
                   "accepting here fails recipient verification"},
                  {"true"}),
    with_examples({"fail_verify_sender", OptionType::boolean, ref<&G::fail_verify_sender>, "false",
                   "accepting here fails sender verification"},
                  {"true"}),
    with_examples({"fallback_hosts", OptionType::expanded_list, ref<&G::fallback_hosts>, "",
                   "hosts to try when all others are unavailable"},
                  {"backup.example.net : [192.0.2.77]:2525"}),
    with_examples({"group", OptionType::group, ref<&G::group>, "", "group for the transport unless it sets one"},
                  {"mail"}),
    with_examples({"headers_add", OptionType::repeated_expanded, ref<&G::headers_add>, "",
                   "header lines to add when the message is transported; may be repeated"},
                  {"X-Envelope-Recipient: $local_part@$domain"}),
    with_examples({"headers_remove", OptionType::repeated_expanded, ref<&G::headers_remove>, "",
                   "names of headers to leave out; may be repeated"},
                  {"X-Internal : X-Debug"}),
    with_examples({"ignore_target_hosts", OptionType::host_list, ref<&G::ignore_target_hosts>, "",
                   "addresses treated as if the host had none"},
                  {"0.0.0.0 : 127.0.0.0/8 : 10.0.0.0/8"}),
    with_examples({"initgroups", OptionType::boolean, ref<&G::initgroups>, "false",
                   "the transport runs with the user's supplementary groups"},
                  {"true"}),
    with_examples({"local_part_prefix", OptionType::string_list, ref<&G::local_part_prefix>, "",
                   "the local part must begin with one of these"},
                  {"owner- : real-"}, {"*-"}),
    with_examples({"local_part_prefix_optional", OptionType::boolean, ref<&G::local_part_prefix_optional>, "false",
                   "the prefix may be absent"},
                  {.input = "true", .setup = "driver = accept\nlocal_part_prefix = real-\ntransport = remote_smtp"}),
    with_examples({"local_part_suffix", OptionType::string_list, ref<&G::local_part_suffix>, "",
                   "the local part must end with one of these"},
                  {"+* : -*"}, {"-request"}),
    with_examples({"local_part_suffix_optional", OptionType::boolean, ref<&G::local_part_suffix_optional>, "false",
                   "the suffix may be absent"},
                  {.input = "true", .setup = "driver = accept\nlocal_part_suffix = +*\ntransport = remote_smtp"}),
    with_examples({"local_parts", OptionType::local_part_list, ref<&G::local_parts>, "",
                   "the local part must match; sets $local_part_data"},
                  {"postmaster : ^info-"}),
    with_examples({"log_as_local", OptionType::boolean, ref<&G::log_as_local>, "true for accept, else false",
                   "log deliveries by local part only"},
                  {"false"}),
    with_examples({"more", OptionType::expanded_boolean, ref<&G::more>, "true", "when false, declining is failing"},
                  {"${if eq{$domain}{example.org}{no}{yes}}"}),
    with_examples({"pass_on_timeout", OptionType::boolean, ref<&G::pass_on_timeout>, "false",
                   "a host lookup that times out passes the address on"},
                  {"true"}),
    with_examples({"pass_router", OptionType::string, ref<&G::pass_router>, "", "router that gets passed addresses"},
                  {"last_resort"}, {"nowhere", "", "E0607"}),
    with_examples({"redirect_router", OptionType::string, ref<&G::redirect_router>, "",
                   "router at which generated addresses start"},
                  {"last_resort"}, {"nowhere", "", "E0607"}),
    with_examples({"require_files", OptionType::expanded_list, ref<&G::require_files>, "",
                   "files that must (with ! must not) exist"},
                  {"$home/.forward : !/etc/remex/nologin"}),
    with_examples({"retry_use_local_part", OptionType::boolean, ref<&G::retry_use_local_part>,
                   "depends on the preconditions", "routing retries are per address, not per domain"},
                  {"true"}),
    with_examples({"router_home_directory", OptionType::expanded, ref<&G::router_home_directory>, "",
                   "$home while the router runs"},
                  {"/srv/mail/$domain_data"}),
    with_examples({"self", OptionType::string, ref<&G::self>, "freeze",
                   "what to do when the first host is this one: freeze, defer, reroute: <domain>, pass, fail, send"},
                  {.input = "pass", .setup = "driver = dnslookup\ntransport = remote_smtp"},
                  {.input = "maybe", .error = "E0610", .setup = "driver = dnslookup\ntransport = remote_smtp"}),
    with_examples({"senders", OptionType::address_list, ref<&G::senders>, "", "the envelope sender must match"},
                  {"*@example.net : :"}),
    with_examples({"set", OptionType::repeated_expanded, ref<&G::set>, "",
                   "\"r_name = value\": variables kept with the address; may be repeated"},
                  {"r_quota = ${lookup{$local_part}lsearch{/etc/remex/quotas}{$value}{100M}}"},
                  {"quota = 100M", "", "E0611"}),
    with_examples({"translate_ip_address", OptionType::expanded, ref<&G::translate_ip_address>, "",
                   "maps each address found for a host ($host_address) to another", State::works, "", "", 4},
                  {"${lookup{$host_address}lsearch{/etc/remex/translations}{$value}fail}"}),
    with_examples(
        {"transport", OptionType::expanded, ref<&G::transport>, "", "the transport that delivers accepted addresses"},
        {"local_delivery"}, {"local_delivry", "", "E0606"}),
    with_examples({"transport_current_directory", OptionType::expanded, ref<&G::transport_current_directory>, "",
                   "working directory of a local transport"},
                  {"/var/empty"}),
    with_examples({"transport_home_directory", OptionType::expanded, ref<&G::transport_home_directory>, "",
                   "$home of a local transport"},
                  {"/srv/mail/$domain_data/$local_part_data"}),
    with_examples({"unseen", OptionType::expanded_boolean, ref<&G::unseen>, "false",
                   "a copy of an accepted address goes on to the next router"},
                  {"true"}),
    with_examples({"user", OptionType::user, ref<&G::user>, "", "user for the transport unless it sets one"}, {"mail"}),
    with_examples({"verify", OptionType::boolean, ref<&G::verify>, "true", "sets verify_recipient and verify_sender"},
                  {"false"}),
    with_examples({"verify_only", OptionType::boolean, ref<&G::verify_only>, "false", "run only when verifying"},
                  {"true"}),
    with_examples(
        {"verify_recipient", OptionType::boolean, ref<&G::verify_recipient>, "true", "run when verifying recipients"},
        {"false"}),
    with_examples({"verify_sender", OptionType::boolean, ref<&G::verify_sender>, "true", "run when verifying senders"},
                  {"false"}),
};

std::unique_ptr<lang::DriverOptions> make_generic() { return std::make_unique<RouterGeneric>(); }

/// `verify` and `fail_verify` set two options each; what was written later in the file wins.
void spread(const lang::DriverInstance& r, std::string_view both_name, bool both, std::string_view name, bool& member) {
  bool use_both = false;
  for (const auto& g : r.given) {
    if (g.def == nullptr) continue;
    if (g.def->name == both_name) use_both = true;
    if (g.def->name == name) use_both = false;
  }
  if (use_both) member = both;
}

bool is_self_word(std::string_view s) {
  return s == "freeze" || s == "defer" || s == "pass" || s == "fail" || s == "send" || s == "fail_soft" ||
         s.starts_with("reroute:");
}

void compile_variables(RouterGeneric& g, const lang::DriverInstance& r, const lang::CompileContext& ctx,
                       lang::Diagnostics& diag) {
  for (const lang::Expansion& e : g.set) {
    for (const lang::SourceText& item : lang::split_list_source(e.source(), ';')) {
      const std::string& text = item.text();
      const auto eq = text.find('=');
      const std::string name(trim(std::string_view(text).substr(0, eq)));
      if (eq == std::string::npos || !name.starts_with("r_") || name.size() == 2) {
        diag.error("bad-router-variable", item.at(0), 1,
                   fmt::format("router \"{}\": set: \"{}\" is not of the form \"r_name = value\"", r.name, text));
        continue;
      }
      std::size_t from = eq + 1;
      while (from < text.size() && is_space(text[from])) ++from;
      if (auto value = lang::Expansion::compile(item.substr(from), ctx))
        g.variables.emplace_back(name.substr(2), *value);
    }
  }
}

}  // namespace

const lang::DriverFamily router_family{lang::DriverKind::router, kGenericOptions, make_generic};

const RouterDef* find_router_def(const lang::DriverDef* def) {
  for (const auto* file : registry::routers::all)
    for (const RouterDef& d : *file)
      if (&d.driver == def) return &d;
  // A registry made by hand (tests) holds copies: the name decides.
  for (const auto* file : registry::routers::all)
    for (const RouterDef& d : *file)
      if (def != nullptr && d.driver.name == def->name) return &d;
  return nullptr;
}

bool may_ask_courier(const lang::Config& config) {
  return std::any_of(config.routers.begin(), config.routers.end(), [](const lang::DriverInstance& r) {
    const RouterDef* def = find_router_def(r.def);
    return def == nullptr || def->asks_courier || generic(r).require_files.is_set();
  });
}

std::vector<lang::Expansion> compile_items(const lang::SourceText& text, char separator,
                                           const lang::CompileContext& ctx) {
  std::vector<lang::Expansion> out;
  for (lang::SourceText& item : lang::split_list_source(text, separator)) {
    if (item.empty()) continue;
    if (auto e = lang::Expansion::compile(std::move(item), ctx)) out.push_back(std::move(*e));
  }
  return out;
}

void check_generic(lang::DriverInstance& r, const lang::Config& config, lang::Diagnostics& diag) {
  auto& g = static_cast<RouterGeneric&>(*r.generic);
  spread(r, "verify", g.verify, "verify_recipient", g.verify_recipient);
  spread(r, "verify", g.verify, "verify_sender", g.verify_sender);
  spread(r, "fail_verify", g.fail_verify, "fail_verify_recipient", g.fail_verify_recipient);
  spread(r, "fail_verify", g.fail_verify, "fail_verify_sender", g.fail_verify_sender);

  g.retry_use_local_part_set = r.find_given("retry_use_local_part") != nullptr;
  if (!g.retry_use_local_part_set)
    g.retry_use_local_part = g.check_local_user || g.local_parts.is_set() || !g.condition.empty() ||
                             !g.local_part_prefix.empty() || !g.local_part_suffix.empty() || g.senders.is_set() ||
                             g.require_files.is_set();

  if (!is_self_word(g.self)) {
    const auto* given = r.find_given("self");
    diag.error("bad-option-value", given != nullptr ? given->pos : r.pos, 4,
               fmt::format("router \"{}\": \"{}\" is not a value of self", r.name, g.self),
               "freeze, defer, reroute: <domain>, pass, fail or send");
  } else if (g.self.starts_with("reroute:") && istarts_with(trim(std::string_view(g.self).substr(8)), "rewrite:")) {
    const auto* given = r.find_given("self");
    diag.error("bad-option-value", given != nullptr ? given->pos : r.pos, 4,
               fmt::format("router \"{}\": self = reroute: rewrite: changes headers, which is not done here", r.name),
               "self = reroute: <domain>, and headers_remove with headers_add for what must change");
  }

  lang::CompileContext ctx{config.registries.get(), &diag,
                           fmt::format("router \"{}\": option \"require_files\"", r.name)};
  if (g.require_files.is_set()) g.require_files_items = compile_items(g.require_files.source(), ':', ctx);
  ctx.where = fmt::format("router \"{}\": option \"headers_remove\"", r.name);
  for (const lang::Expansion& e : g.headers_remove)
    for (lang::Expansion& item : compile_items(e.source(), ':', ctx)) g.headers_remove_items.push_back(std::move(item));
  ctx.where = fmt::format("router \"{}\": option \"set\"", r.name);
  compile_variables(g, r, ctx, diag);
}

}  // namespace remex::routers
