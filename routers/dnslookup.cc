// dnslookup: hosts from the MX records of the domain, or its addresses when it has none (RFC 5321 5.1). A domain that
// does not exist is declined, not failed; DNS trouble defers.
#include <fmt/core.h>

#include "core/base/strings.h"
#include "core/mail/address.h"
#include "lang/diagnostics.h"
#include "routers/internal.h"

namespace remex::routers {
namespace {

using lang::OptionType;
using lang::ref;
using lang::State;

struct DnslookupOptions : lang::DriverOptions {
  bool check_secondary_mx = false, qualify_single = true, rewrite_headers = true, same_domain_copy_routing = false;
  lang::Expansion ipv4_only, ipv4_prefer;
  lang::MatchList fail_defer_domains, mx_domains, mx_fail_domains;
};
using O = DnslookupOptions;

constexpr OptionDef kOptions[] = {
    with_examples({"check_secondary_mx", OptionType::boolean, ref<&O::check_secondary_mx>, "false",
                   "decline unless this host is one of the MXs", State::works, "", "", 3},
                  {"true"}),
    {"check_srv", OptionType::expanded_list, nullptr, "", "SRV services to try before MX", State::later, "", "", 3},
    with_examples({"fail_defer_domains", OptionType::domain_list, ref<&O::fail_defer_domains>, "",
                   "domains that defer when they do not exist", State::works, "", "", 3},
                  {"*.example.net"}),
    with_examples(
        {"ipv4_only", OptionType::expanded, ref<&O::ipv4_only>, "", "look up A records only", State::works, "", "", 3},
        {"yes"}),
    with_examples({"ipv4_prefer", OptionType::expanded, ref<&O::ipv4_prefer>, "", "A records before AAAA", State::works,
                   "", "", 3},
                  {"${if eq{$domain}{example.net}{yes}{no}}"}),
    with_examples({"mx_domains", OptionType::domain_list, ref<&O::mx_domains>, "", "domains that must have MX records",
                   State::works, "", "", 3},
                  {"*.example.org"}),
    with_examples({"mx_fail_domains", OptionType::domain_list, ref<&O::mx_fail_domains>, "",
                   "domains whose MX trouble counts as no MX", State::works, "", "", 3},
                  {"example.net"}),
    {"qualify_single", OptionType::boolean, ref<&O::qualify_single>, "true", "no effect: names are absolute",
     State::later, "*", "", 3},
    {"rewrite_headers", OptionType::boolean, ref<&O::rewrite_headers>, "true", "no effect: domains are never widened",
     State::later, "*", "", 3},
    with_examples({"same_domain_copy_routing", OptionType::boolean, ref<&O::same_domain_copy_routing>, "false",
                   "addresses of one domain may share a routing result"},
                  {"true"}),
    {"search_parents", OptionType::boolean, nullptr, "false", "search parent domains", State::later, "false", "", 3},
    {"srv_fail_domains", OptionType::domain_list, nullptr, "", "domains whose SRV trouble counts as no SRV",
     State::later, "", "", 3},
    {"widen_domains", OptionType::string_list, nullptr, "", "suffixes to try when a lookup fails", State::later, "", "",
     3},
};

void check(lang::DriverInstance& r, const lang::Config& config, lang::Diagnostics& diag) {
  check_generic(r, config, diag);
  const RouterGeneric& g = generic(r);
  if (!g.transport.is_set() && !g.verify_only)
    diag.error("missing-transport", r.pos, static_cast<std::uint32_t>(r.name.size()),
               fmt::format("router \"{}\": dnslookup needs a transport unless verify_only is set", r.name));
}

Result<bool> domain_in(RouteContext& ctx, const lang::MatchList& list, const std::string& domain) {
  if (!list.is_set()) return false;
  auto m = list.match(ctx.scope, Text::tainted(domain));
  if (m) return m->matched;
  if (m.error().kind == ErrorKind::forced_fail) return false;
  return defer(m.error().text);
}

Result<bool> flag(RouteContext& ctx, const lang::Expansion& e) {
  if (!e.is_set()) return false;
  auto text = e.eval(ctx.scope);
  if (text) return lang::is_loosely_true(text->view());
  if (text.error().kind == ErrorKind::forced_fail) return false;
  return defer(text.error().text);
}

Result<MxOptions> read_options(RouteContext& ctx, const DnslookupOptions& o, const std::string& domain) {
  MxOptions opt;
  opt.lookup.how = LookupHow::dns_only;
  opt.check_secondary = o.check_secondary_mx;
  REMEX_TRY(opt.lookup.ipv4_only, flag(ctx, o.ipv4_only));
  REMEX_TRY(opt.lookup.ipv4_prefer, flag(ctx, o.ipv4_prefer));
  REMEX_TRY(const bool needs_mx, domain_in(ctx, o.mx_domains, domain));
  opt.fall_back_to_address = !needs_mx;
  REMEX_TRY(opt.mx_fail_is_none, domain_in(ctx, o.mx_fail_domains, domain));
  return opt;
}

RouteResult route(RouteContext& ctx, const lang::DriverInstance& r, Addr& addr) {
  const auto& o = static_cast<const DnslookupOptions&>(*r.options);
  const std::string& domain = addr.state.domain;
  // Domain literals are ipliteral's; what is no domain name is not in the DNS.
  if (!mail::is_domain_name(domain, true) || mail::is_ip_address(domain)) {
    addr.message = fmt::format("mail domain \"{}\" is syntactically invalid", printable(domain));
    return declined();
  }
  auto opt = read_options(ctx, o, domain);
  if (!opt) return deferred(opt.error().text);
  bool null_mx = false;
  HostFindResult found = find_mx_hosts(ctx, r, domain, -1, *opt, addr.hosts, null_mx);
  debug_line(ctx, fmt::format("{} router: {} hosts for {} {}", r.name, addr.hosts.size(), domain, found.message));
  switch (found.outcome) {
    case HostFind::again: return generic(r).pass_on_timeout ? passed() : deferred(std::move(found.message));
    case HostFind::ignored:
    case HostFind::not_found: {
      auto defers = domain_in(ctx, o.fail_defer_domains, domain);
      if (!defers) return deferred(defers.error().text);
      if (*defers) return deferred(std::move(found.message));
      // Said when no later router takes the address either.
      if (null_mx)
        addr.message = "an MX or SRV record indicated no SMTP service";
      else if (found.outcome == HostFind::ignored || found.message.starts_with("all relevant MX"))
        addr.message = "all relevant MX records point to non-existent hosts";
      return declined();
    }
    case HostFind::found: break;
  }
  if (!addr.hosts.empty() && addr.hosts.front().is_self) {
    // A secondary MX routes to the better ones; here this host is the best there is.
    RouteResult self = handle_self(ctx, r, addr, addr.hosts.front().name);
    if (self.outcome != Outcome::accept) addr.hosts.clear();
    return self;
  }
  return accepted();
}

constexpr RouterDef defs[] = {
    {.driver =
         {.kind = lang::DriverKind::router,
          .name = "dnslookup",
          .summary = "routes by MX and address records",
          .doc = "Hosts in order of preference, equal ones shuffled; this host and what is not better than it are cut "
                 "off. A null MX (RFC 7505) declines.",
          .options = kOptions,
          .make_options =
              +[]() -> std::unique_ptr<lang::DriverOptions> { return std::make_unique<DnslookupOptions>(); },
          .check = check,
          .examples = {{R"(outgoing:
  driver = dnslookup
  domains = ! +local_domains
  ignore_target_hosts = 0.0.0.0 : 127.0.0.0/8
  transport = remote_smtp
  no_more)"},
                       {R"(outgoing:
  driver = dnslookup
  transport = remote)",
                        "", "E0606"}}},
     .route = route,
     .asks_courier = false},
};

}  // namespace
}  // namespace remex::routers

namespace remex::registry::routers {
extern const std::span<const RouterDef> dnslookup;
constinit const std::span<const RouterDef> dnslookup{remex::routers::defs};
}  // namespace remex::registry::routers
