// After everything is read: names in one section that must exist in another. Named list references and taint are
// run_static_checks' business, references between ACLs the ACL compiler's.
#include <fmt/format.h>

#include "core/base/strings.h"
#include "core/dns/resolver.h"
#include "core/log/log.h"
#include "lang/reader.h"

namespace remex::lang {
namespace {

std::uint32_t width_of(std::string_view s) { return static_cast<std::uint32_t>(s.empty() ? 1 : s.size()); }

std::string meant(std::string_view word, const std::vector<DriverInstance>& list) {
  std::vector<std::string_view> names;
  for (const DriverInstance& d : list) names.push_back(d.name);
  const auto best = nearest(word, names);
  return best.empty() ? std::string() : fmt::format("did you mean \"{}\"?", best);
}

bool constant_name(std::string_view s) { return !s.empty() && s.find_first_of("$\\") == std::string_view::npos; }

void check_transport(ReaderState& st, const DriverInstance& r, const DriverInstance::Given& g) {
  const std::string name(trim(g.value.text()));
  if (!constant_name(name) || st.config.find_transport(name)) return;
  st.diag.error(
      "unknown-transport", g.value.at(0), width_of(name),
      fmt::format("router \"{}\": {} names the transport \"{}\", which does not exist", r.name, g.def->name, name),
      meant(name, st.config.transports));
}

void check_router_name(ReaderState& st, std::size_t index, std::string_view option, bool must_be_later) {
  const auto& routers = st.config.routers;
  const DriverInstance& r = routers[index];
  const auto* g = r.find_given(option);
  if (!g || !constant_name(g->value.text())) return;
  const std::string name(trim(g->value.text()));
  for (std::size_t i = 0; i < routers.size(); ++i)
    if (routers[i].name == name) {
      if (must_be_later && i <= index)
        st.diag.error("router-order", g->value.at(0), width_of(name),
                      fmt::format("router \"{}\": {} names \"{}\", which is not a later router", r.name, option, name));
      return;
    }
  st.diag.error("unknown-router", g->value.at(0), width_of(name),
                fmt::format("router \"{}\": {} names the router \"{}\", which does not exist", r.name, option, name),
                meant(name, routers));
}

// acl_smtp_* set to a plain word: the name of an ACL, unless it can be the text of one or a file.
void check_acl_option(ReaderState& st, const DriverInstance::Given& g) {
  const std::string_view text = trim(g.value.text());
  if (!g.def->name.starts_with("acl_") || !constant_name(text)) return;
  if (text[0] == '/' || text.find_first_of(" \t\n") != std::string_view::npos) return;
  for (const std::string_view verb : {"accept", "deny", "drop", "defer", "discard", "require", "warn"})
    if (text == verb) return;
  if (st.config.acl_positions.contains(std::string(text))) return;
  std::vector<std::string_view> names;
  for (const auto& [name, pos] : st.config.acl_positions) names.push_back(name);
  const auto best = nearest(text, names);
  st.diag.error("unknown-acl", g.value.at(0), width_of(text),
                fmt::format("{} names the ACL \"{}\", which does not exist", g.def->name, text),
                best.empty() ? std::string() : fmt::format("did you mean \"{}\"?", best));
}

/// Values that other rooms parse: said here with their place, not when the daemon first needs them.
void check_foreign_values(ReaderState& st) {
  for (const auto& g : st.config.main_given) {
    Status ok;
    dns::ResolverConfig dns;
    if (g.def->name == "dns_resolvers") {
      dns.resolvers = st.config.main.dns_resolvers;
    } else if (g.def->name == "dns_local_data") {
      dns.local_data = st.config.main.dns_local_data;
    } else if (g.def->name == "log_selector") {
      auto parsed = log::parse_selectors(st.config.main.log_selector);
      if (!parsed) ok = std::unexpected(parsed.error());
    } else if (g.def->name == "sandbox_writable_directories") {
      for (const std::string& path : st.config.main.sandbox_writable_directories)
        if (ok && !path.starts_with('/')) ok = fail(fmt::format("\"{}\" is not an absolute path", path));
    } else {
      continue;
    }
    if (g.def->name.starts_with("dns_")) {
      auto made = dns::Resolver::create(dns);
      if (!made) ok = std::unexpected(made.error());
    }
    if (ok) continue;
    const bool named = ok.error().text.starts_with(g.def->name);
    st.diag.error("bad-value", g.value.at(0), width_of(g.value.text()),
                  named ? ok.error().text : fmt::format("{}: {}", g.def->name, ok.error().text));
  }
}

}  // namespace

void check_references(ReaderState& st) {
  check_foreign_values(st);
  for (std::size_t i = 0; i < st.config.routers.size(); ++i) {
    const DriverInstance& r = st.config.routers[i];
    for (const auto& g : r.given)
      if (g.def->name == "transport" || (g.def->name.ends_with("_transport") && g.def->type == OptionType::expanded))
        check_transport(st, r, g);
    check_router_name(st, i, "pass_router", true);
    check_router_name(st, i, "redirect_router", false);
  }
  // The ACL compiler, when there is one, checks the hooks itself.
  const AclCompiler* acls = st.config.registries->acl_compiler;
  if (!acls || !acls->check)
    for (const auto& g : st.config.main_given) check_acl_option(st, g);
  for (auto* list : {&st.config.routers, &st.config.transports, &st.config.authenticators})
    for (DriverInstance& d : *list)
      // An instance that was not read completely would only be blamed for what is already reported.
      if (d.def && d.def->check && !st.broken.contains(d.pos.line + (std::uint64_t{d.pos.file} << 32)))
        d.def->check(d, st.config, st.diag);
}

}  // namespace remex::lang
