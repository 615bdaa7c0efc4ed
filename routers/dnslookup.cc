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
  lang::Expansion check_srv, ipv4_only, ipv4_prefer;
  lang::MatchList fail_defer_domains, mx_domains, mx_fail_domains, srv_fail_domains;
  std::vector<std::string> widen_domains;
};
using O = DnslookupOptions;

constexpr OptionDef kOptions[] = {
    with_examples({"check_secondary_mx", OptionType::boolean, ref<&O::check_secondary_mx>, "false",
                   "decline unless this host is one of the MXs", State::works, "", "", 3},
                  {"true"}),
    with_examples({"check_srv", OptionType::expanded, ref<&O::check_srv>, "",
                   "service whose SRV records are tried before MX", State::works, "", "", 3},
                  {"smtp"}),
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
    {"rewrite_headers", OptionType::boolean, ref<&O::rewrite_headers>, "true",
     "no effect: headers are not rewritten, so widen_domains wants it false", State::later, "*", "", 3},
    with_examples({"same_domain_copy_routing", OptionType::boolean, ref<&O::same_domain_copy_routing>, "false",
                   "one routing for all addresses of a domain"},
                  {"true"}),
    {"search_parents", OptionType::boolean, nullptr, "false", "search parent domains", State::later, "false", "", 3},
    with_examples({"srv_fail_domains", OptionType::domain_list, ref<&O::srv_fail_domains>, "",
                   "domains whose SRV trouble counts as no SRV", State::works, "", "", 3},
                  {"example.net"}),
    with_examples(
        {"widen_domains", OptionType::string_list, ref<&O::widen_domains>, "",
         "suffixes to try for a domain that is not found; needs rewrite_headers = false", State::works, "", "", 3},
        {.input = "example.org", .setup = "driver = dnslookup\ntransport = remote_smtp\nrewrite_headers = false"},
        {.input = "example.org", .error = "E0609", .setup = "driver = dnslookup\ntransport = remote_smtp"}),
};

void check(lang::DriverInstance& r, const lang::Config& config, lang::Diagnostics& diag) {
  check_generic(r, config, diag);
  const RouterGeneric& g = generic(r);
  if (!g.transport.is_set() && !g.verify_only)
    diag.error("missing-transport", r.pos, static_cast<std::uint32_t>(r.name.size()),
               fmt::format("router \"{}\": dnslookup needs a transport unless verify_only is set", r.name));
  const auto& o = static_cast<const DnslookupOptions&>(*r.options);
  if (!o.widen_domains.empty() && o.rewrite_headers)
    diag.error("bad-router", r.pos, static_cast<std::uint32_t>(r.name.size()),
               fmt::format("router \"{}\": widen_domains needs rewrite_headers = false: headers are not rewritten here",
                           r.name));
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

/// A name the DNS may have; an internationalised one counts in its A-label form (RFC 5890), which is what is looked up.
bool is_mail_domain(const std::string& domain) {
  if (mail::is_ip_address(domain)) return false;  // domain literals are ipliteral's
  return mail::has_8bit(domain) ? mail::domain_to_ascii(domain).has_value() : mail::is_domain_name(domain, true);
}

/// SRV records when check_srv asks for them and there are some, else MX.
HostFindResult find_hosts(RouteContext& ctx, const lang::DriverInstance& r, const std::string& domain,
                          const MxOptions& opt, std::vector<HostItem>& hosts, bool& no_service) {
  const auto& o = static_cast<const DnslookupOptions&>(*r.options);
  no_service = false;
  if (o.check_srv.is_set()) {
    auto service = o.check_srv.eval(ctx.scope);
    if (!service && service.error().kind != ErrorKind::forced_fail)
      return {HostFind::again, fmt::format("failed to expand check_srv: {}", service.error().text)};
    const std::string name(service ? trim(service->view()) : std::string_view());
    if (!name.empty()) {
      MxOptions srv = opt;
      auto lax = domain_in(ctx, o.srv_fail_domains, domain);
      if (!lax) return {HostFind::again, lax.error().text};
      srv.mx_fail_is_none = *lax;
      HostFindResult found = find_srv_hosts(ctx, r, domain, name, srv, hosts, no_service);
      if (found.outcome != HostFind::not_found || no_service) return found;
    }
  }
  return find_mx_hosts(ctx, r, domain, -1, opt, hosts, no_service);
}

/// widen_domains: the address in the first longer domain that has hosts; nullopt: there is none.
std::optional<RouteResult> widen(RouteContext& ctx, const lang::DriverInstance& r, Addr& addr, const MxOptions& opt) {
  const auto& o = static_cast<const DnslookupOptions&>(*r.options);
  for (const std::string& suffix : o.widen_domains) {
    const std::string longer = addr.state.domain + "." + suffix;
    std::vector<HostItem> hosts;
    bool no_service = false;
    const HostFindResult found = find_hosts(ctx, r, longer, opt, hosts, no_service);
    if (found.outcome == HostFind::again) return generic(r).pass_on_timeout ? passed() : deferred(found.message);
    if (found.outcome != HostFind::found) continue;
    const std::string local = mail::split_address(addr.state.address).local_part;
    addr.children.push_back(make_child(addr, fmt::format("{}@{}", local, longer)));
    return RouteResult{Outcome::rerouted, {}, {}, false};
  }
  return std::nullopt;
}

RouteResult route(RouteContext& ctx, const lang::DriverInstance& r, Addr& addr) {
  const auto& o = static_cast<const DnslookupOptions&>(*r.options);
  const std::string& domain = addr.state.domain;
  if (!is_mail_domain(domain)) {
    addr.message = fmt::format("mail domain \"{}\" is syntactically invalid", printable(domain));
    return declined();
  }
  auto opt = read_options(ctx, o, domain);
  if (!opt) return deferred(opt.error().text);
  bool null_mx = false;
  HostFindResult found = find_hosts(ctx, r, domain, *opt, addr.hosts, null_mx);
  if (found.outcome == HostFind::not_found && !null_mx && addr.hosts.empty())
    if (auto wider = widen(ctx, r, addr, *opt)) return std::move(*wider);
  debug_line(ctx, fmt::format("{} router: {} hosts for {} {}", r.name, addr.hosts.size(), domain, found.message));
  switch (found.outcome) {
    case HostFind::again: return generic(r).pass_on_timeout ? passed() : deferred(std::move(found.message));
    case HostFind::ignored:
    case HostFind::not_found: {
      auto defers = domain_in(ctx, o.fail_defer_domains, domain);
      if (!defers) return deferred(defers.error().text);
      if (*defers) {
        addr.retry_error = "lookup";
        return deferred("missing MX, or all MXs point to missing A records, and defer requested");
      }
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
    RouteResult self = handle_self(ctx, r, addr, addr.hosts.front());
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
     .asks_courier = false,
     .copies_routing =
         +[](const lang::DriverInstance& r) {
           return static_cast<const DnslookupOptions&>(*r.options).same_domain_copy_routing;
         }},
};

}  // namespace
}  // namespace remex::routers

namespace remex::registry::routers {
extern const std::span<const RouterDef> dnslookup;
constinit const std::span<const RouterDef> dnslookup{remex::routers::defs};
}  // namespace remex::registry::routers
