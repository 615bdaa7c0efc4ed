// manualroute: hosts are written in the configuration (route_list) or found by an expansion (route_data). A host that
// does not exist is a mistake by default: the message is frozen (host_find_failed).
#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <optional>

#include "core/base/strings.h"
#include "core/mail/address.h"
#include "lang/diagnostics.h"
#include "routers/host_text.h"
#include "routers/internal.h"

namespace remex::routers {
namespace {

using lang::OptionType;
using lang::ref;

struct Rule {
  lang::MatchList pattern;
  lang::Expansion hosts;  ///< may be unset
  std::vector<std::string> words;
};

struct ManualrouteOptions : lang::DriverOptions {
  std::string route_list, host_find_failed = "freeze", host_all_ignored = "defer";
  lang::Expansion route_data;
  lang::ExpandedBool hosts_randomize;
  bool same_domain_copy_routing = false;
  std::vector<Rule> rules;  ///< made by check() from route_list
};
using O = ManualrouteOptions;

constexpr OptionDef kOptions[] = {
    with_examples({"host_all_ignored", OptionType::string, ref<&O::host_all_ignored>, "defer",
                   "what to do when every host was ignored: decline, defer, fail, freeze, pass"},
                  {"fail"}, {"forget", "", "E0610"}),
    with_examples({"host_find_failed", OptionType::string, ref<&O::host_find_failed>, "freeze",
                   "what to do when a host does not exist: decline, defer, fail, freeze, ignore, pass"},
                  {"decline"}, {"nothing", "", "E0610"}),
    with_examples({"hosts_randomize", OptionType::expanded_boolean, ref<&O::hosts_randomize>, "false",
                   "shuffle the hosts; + separates groups"},
                  {"true"}),
    with_examples({"route_data", OptionType::expanded, ref<&O::route_data>, "",
                   "hosts and options; empty or forced failure declines"},
                  {.input = "${lookup{$domain}lsearch{/etc/remex/routes}}",
                   .setup = "driver = manualroute\ntransport = remote_smtp"}),
    with_examples({"route_list", OptionType::string, ref<&O::route_list>, "",
                   "rules \"domain hosts options\", separated by semicolons"},
                  {"example.net mx1.example.net:mx2.example.net byname; *.example.org 192.0.2.5"},
                  {"+relay_to_domains mx1.example.net"}),
    with_examples({"same_domain_copy_routing", OptionType::boolean, ref<&O::same_domain_copy_routing>, "false",
                   "one routing for all addresses of a domain"},
                  {"true"}),
};

// ------------------------------------------------------------------ reading rules

struct Word {
  std::size_t from = 0;  ///< offset of the first character (inside the quotes)
  std::string text;
  bool quoted = false;
};

/// The next word of a rule; "quoted words" lose their quotes and backslash escapes.
std::optional<Word> next_word(std::string_view s, std::size_t& at) {
  while (at < s.size() && is_space(s[at])) ++at;
  if (at >= s.size()) return std::nullopt;
  Word w;
  if (s[at] != '"') {
    w.from = at;
    while (at < s.size() && !is_space(s[at])) ++at;
    w.text = std::string(s.substr(w.from, at - w.from));
    return w;
  }
  w.quoted = true;
  w.from = ++at;
  for (; at < s.size() && s[at] != '"'; ++at) {
    if (s[at] == '\\' && at + 1 < s.size()) ++at;
    w.text += s[at];
  }
  if (at < s.size()) ++at;
  return w;
}

/// A pattern is one list item even when it has colons in it.
lang::SourceText as_single_item(const Word& w, lang::Pos pos) {
  for (const char sep : {':', ';', '|', '~', '%', '&'})
    if (w.text.find(sep) == std::string::npos)
      return sep == ':' ? lang::SourceText(w.text, pos) : lang::SourceText(fmt::format("<{} {}", sep, w.text), pos);
  return lang::SourceText(w.text, pos);
}

constexpr std::array<std::string_view, 6> kFailWords = {"decline", "defer", "fail", "freeze", "pass", "ignore"};

void check_word(const lang::DriverInstance& r, lang::Diagnostics& diag, std::string_view option,
                const std::string& value, bool ignore_too) {
  for (std::string_view w : kFailWords)
    if (value == w && (ignore_too || w != "ignore")) return;
  const auto* given = r.find_given(option);
  diag.error("bad-option-value", given != nullptr ? given->pos : r.pos, static_cast<std::uint32_t>(option.size()),
             fmt::format("router \"{}\": \"{}\" is not a value of {}", r.name, value, option),
             ignore_too ? "decline, defer, fail, freeze, ignore or pass" : "decline, defer, fail, freeze or pass");
}

constexpr std::string_view kRuleWords[] = {"randomize", "no_randomize", "byname", "bydns", "ipv4_only", "ipv4_prefer"};

/// An option word of a rule, or the name of a transport.
void check_rule_word(const lang::DriverInstance& r, const lang::Config& config, lang::Diagnostics& diag,
                     const std::string& word, lang::Pos pos) {
  if (std::ranges::find(kRuleWords, word) != std::end(kRuleWords) || config.find_transport(word) != nullptr) return;
  std::vector<std::string_view> names(std::begin(kRuleWords), std::end(kRuleWords));
  for (const lang::DriverInstance& t : config.transports) names.push_back(t.name);
  const auto near = nearest(word, names);
  diag.error(
      "unknown-transport", pos, static_cast<std::uint32_t>(std::max<std::size_t>(1, word.size())),
      fmt::format("router \"{}\": \"{}\" in route_list is neither a routing option nor a transport", r.name, word),
      near.empty() ? "" : fmt::format("did you mean \"{}\"?", near));
}

/// The rule is known to lead to an smtp transport; a local one gets the host list as text, whatever it is.
bool is_remote(const lang::DriverInstance& r, const lang::Config& config, const Rule& rule) {
  const lang::DriverInstance* t = nullptr;
  if (generic(r).transport.is_constant()) t = config.find_transport(trim(generic(r).transport.constant()));
  for (const std::string& word : rule.words)
    if (const auto* named = config.find_transport(word)) t = named;
  return t != nullptr && t->def != nullptr && t->def->name == "smtp";
}

/// The constant host list of a rule.
void check_hosts(const lang::DriverInstance& r, lang::Diagnostics& diag, const std::string& hosts, lang::Pos pos) {
  for (const std::string& text : lang::split_list(hosts)) {
    bool mx = false;
    if (text == "+" || text.empty()) continue;  // between groups
    if (auto host = parse_host_item(text, mx); !host)
      diag.error("bad-host", pos, static_cast<std::uint32_t>(std::max<std::size_t>(1, hosts.size())),
                 fmt::format("router \"{}\": {} in route_list", r.name, host.error().text),
                 "hosts look like mx.example.net, mx.example.net:587, [192.0.2.1]:25 or example.net/mx");
  }
}

void check(lang::DriverInstance& r, const lang::Config& config, lang::Diagnostics& diag) {
  check_generic(r, config, diag);
  auto& o = static_cast<ManualrouteOptions&>(*r.options);
  const auto* given = r.find_given("route_list");
  if (o.route_data.is_set() == !o.route_list.empty())
    diag.error("bad-router", r.pos, static_cast<std::uint32_t>(r.name.size()),
               fmt::format("router \"{}\": manualroute needs exactly one of route_list and route_data", r.name));
  check_word(r, diag, "host_find_failed", o.host_find_failed, true);
  check_word(r, diag, "host_all_ignored", o.host_all_ignored, false);
  if (o.route_list.empty()) return;

  const lang::SourceText source =
      given != nullptr && given->value.text() == o.route_list ? given->value : lang::SourceText(o.route_list, r.pos);
  const lang::CompileContext ctx{config.registries.get(), &diag,
                                 fmt::format("router \"{}\": option \"route_list\"", r.name)};
  for (const lang::SourceText& item : lang::split_list_source(source, ';')) {
    std::size_t at = 0;
    const auto pattern = next_word(item.text(), at);
    if (!pattern) continue;
    Rule rule;
    auto list = lang::MatchList::compile(lang::ListKind::domain, as_single_item(*pattern, item.at(pattern->from)), ctx);
    if (!list) continue;
    rule.pattern = std::move(*list);
    if (const auto hosts = next_word(item.text(), at)) {
      auto e = lang::Expansion::compile(hosts->quoted ? lang::SourceText(hosts->text, item.at(hosts->from))
                                                      : item.substr(hosts->from, hosts->text.size()),
                                        ctx);
      if (!e) continue;
      rule.hosts = std::move(*e);
      while (auto word = next_word(item.text(), at)) {
        check_rule_word(r, config, diag, word->text, item.at(word->from));
        rule.words.push_back(std::move(word->text));
      }
      if (rule.hosts.is_constant() && is_remote(r, config, rule))
        check_hosts(r, diag, rule.hosts.constant(), item.at(hosts->from));
    }
    o.rules.push_back(std::move(rule));
  }
}

// ------------------------------------------------------------------ routing

struct Plan {
  std::string hosts;
  bool randomize = false;
  LookupOptions lookup;
};

/// Reads the option words; one that is none of them names the transport.
Status read_words(RouteContext& ctx, const lang::DriverInstance& r, Addr& addr, const std::vector<std::string>& words,
                  Plan& plan) {
  for (const std::string& w : words) {
    if (w == "randomize") {
      plan.randomize = true;
    } else if (w == "no_randomize") {
      plan.randomize = false;
    } else if (w == "byname") {
      plan.lookup.how = LookupHow::by_name;
    } else if (w == "bydns") {
      plan.lookup.how = LookupHow::dns_only;
    } else if (w == "ipv4_only") {
      plan.lookup.ipv4_only = true;
    } else if (w == "ipv4_prefer") {
      plan.lookup.ipv4_prefer = true;
    } else {
      addr.transport = ctx.config.find_transport(w);
      if (addr.transport == nullptr)
        return defer(fmt::format("the {} router has an unknown option or transport \"{}\"", r.name, printable(w)));
    }
  }
  return {};
}

RouteResult act(const std::string& word, std::string why) {
  if (word == "decline") return declined();
  if (word == "pass") return passed();
  if (word == "fail") return failed(std::move(why));
  if (word == "defer") return deferred(std::move(why));
  return deferred(std::move(why), true);
}

RouteResult add_hosts(RouteContext& ctx, const lang::DriverInstance& r, Addr& addr, const Plan& plan) {
  const auto& o = static_cast<const ManualrouteOptions&>(*r.options);
  bool first = true;
  addr.hosts_randomized = plan.randomize;
  for (const auto& [text, place] : arrange_host_list(lang::split_list(plan.hosts), plan.randomize)) {
    bool mx = false;
    auto host = parse_host_item(text, mx);
    if (!host) return deferred(fmt::format("{} router: {}", r.name, host.error().text), true);
    std::vector<HostItem> found;
    HostFindResult res;
    if (mx) {
      bool null_mx = false;
      MxOptions opt;
      opt.lookup = plan.lookup;
      opt.fall_back_to_address = false;
      res = find_mx_hosts(ctx, r, host->name, host->port, opt, found, null_mx);
    } else {
      host->mx_secure = true;  // named by the configuration, so only its address needs DNSSEC
      res = find_addresses(ctx, r, *host, plan.lookup, found);
    }
    if (res.outcome == HostFind::again) return generic(r).pass_on_timeout ? passed() : deferred(std::move(res.message));
    if (res.outcome == HostFind::ignored) continue;
    if (res.outcome == HostFind::not_found) {
      if (o.host_find_failed == "ignore") continue;
      addr.retry_error = "lookup";
      return act(o.host_find_failed, std::move(res.message));
    }
    for (HostItem& h : found) {
      h.place = place;
      if (h.is_self && !first) return accepted();  // this and what follows is cut off
      if (h.is_self && generic(r).self != "send") return handle_self(ctx, r, addr, h);
      addr.hosts.push_back(std::move(h));
      first = generic(r).self == "send";
    }
  }
  if (addr.hosts.empty())
    return act(o.host_all_ignored, fmt::format("lookup failed for all hosts in {} router: host_find_failed={} "
                                               "host_all_ignored={}",
                                               r.name, o.host_find_failed, o.host_all_ignored));
  return accepted();
}

/// The rule whose pattern matches; its captures and data are visible to the host list. nullopt hosts: declined.
Result<std::optional<Plan>> choose(RouteContext& ctx, const lang::DriverInstance& r, Addr& addr) {
  const auto& o = static_cast<const ManualrouteOptions&>(*r.options);
  Plan plan;
  auto randomize = o.hosts_randomize.eval(ctx.scope);
  plan.randomize = randomize && *randomize;
  if (o.route_data.is_set()) {
    auto data = o.route_data.eval(ctx.scope);
    if (!data) {
      if (data.error().kind == ErrorKind::forced_fail) return std::nullopt;
      return defer(fmt::format("route_data: {}", data.error().text));
    }
    std::size_t at = 0;
    const auto hosts = next_word(data->view(), at);
    if (!hosts) return std::nullopt;
    plan.hosts = hosts->text;
    if (plan.hosts.find('$') != std::string::npos) {  // the host list is expanded by itself, unless a peer wrote it
      if (data->is_tainted()) return defer("route_data: attempt to expand tainted data");
      auto again = lang::expand_once(plan.hosts, ctx.scope);
      if (!again && again.error().kind == ErrorKind::forced_fail) return std::nullopt;
      if (!again) return defer(fmt::format("route_data: {}", again.error().text));
      plan.hosts = again->str();
    }
    std::vector<std::string> words;
    while (auto word = next_word(data->view(), at)) words.push_back(std::move(word->text));
    REMEX_CHECK(read_words(ctx, r, addr, words, plan));
    return plan;
  }
  for (const Rule& rule : o.rules) {
    lang::SavedCaptures captures(ctx.scope);
    auto m = rule.pattern.match(ctx.scope, Text::tainted(addr.state.domain));
    if (!m) {
      if (m.error().kind == ErrorKind::forced_fail) continue;
      return defer(fmt::format("route_list: {}", m.error().text));
    }
    if (!m->matched) continue;
    if (rule.hosts.is_set()) {
      const auto saved = ctx.scope.value;
      ctx.scope.value = m->data;
      auto hosts = rule.hosts.eval(ctx.scope);
      ctx.scope.value = saved;
      if (!hosts) {
        if (hosts.error().kind != ErrorKind::forced_fail)
          return defer(fmt::format("route_list: {}", hosts.error().text));
        debug_line(ctx, fmt::format("{} router: host list: {}", r.name, hosts.error().text));
        return std::nullopt;
      }
      plan.hosts = hosts->str();
    }
    REMEX_CHECK(read_words(ctx, r, addr, rule.words, plan));
    return plan;
  }
  return std::nullopt;
}

RouteResult route(RouteContext& ctx, const lang::DriverInstance& r, Addr& addr) {
  auto plan = choose(ctx, r, addr);
  if (!plan) return deferred(plan.error().text);
  if (!*plan) return declined();
  if (addr.transport == nullptr && generic(r).transport.is_set()) {
    auto t = find_transport(ctx, r, generic(r).transport, "transport");
    if (!t) return deferred(t.error().text);
    addr.transport = *t;
  }
  // A local transport gets the host list as text and looks nothing up.
  const bool remote =
      addr.transport == nullptr || (addr.transport->def != nullptr && addr.transport->def->name == "smtp");
  if (!remote) {
    if (!(*plan)->hosts.empty()) {
      HostItem item;
      item.name = (*plan)->hosts;
      addr.hosts.push_back(std::move(item));
    }
    return accepted();
  }
  if (trim((*plan)->hosts).empty()) {
    if (addr.transport != nullptr) return accepted();  // the transport's own hosts
    return act("freeze", fmt::format("the {} router has no hosts for {}", r.name, addr.state.domain));
  }
  return add_hosts(ctx, r, addr, **plan);
}

constexpr RouterDef defs[] = {
    {.driver = {.kind = lang::DriverKind::router,
                .name = "manualroute",
                .summary = "routes to hosts named in the configuration",
                .doc = "Exactly one of route_list and route_data. Hosts are names, IP addresses, name/MX, each with an "
                       "optional :port; the list separator can be changed with <.",
                .options = kOptions,
                .make_options =
                    +[]() -> std::unique_ptr<lang::DriverOptions> { return std::make_unique<ManualrouteOptions>(); },
                .check = check,
                .examples = {{R"(smarthost:
  driver = manualroute
  domains = ! +local_domains
  route_list = * smarthost.example.net::587 byname
  transport = remote_smtp)"},
                             {R"(smarthost:
  driver = manualroute
  route_list = * smarthost.example.net
  route_data = smarthost.example.net
  transport = remote_smtp)",
                              "", "E0609"}}},
     .route = route,
     .asks_courier = false,
     .copies_routing =
         +[](const lang::DriverInstance& r) {
           return static_cast<const ManualrouteOptions&>(*r.options).same_domain_copy_routing;
         }},
};

}  // namespace
}  // namespace remex::routers

namespace remex::registry::routers {
extern const std::span<const RouterDef> manualroute;
constinit const std::span<const RouterDef> manualroute{remex::routers::defs};
}  // namespace remex::registry::routers
