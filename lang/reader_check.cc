// After everything is read: names in one section that must exist in another. Named list references and taint are
// run_static_checks' business, references between ACLs the ACL compiler's.
#include <fmt/format.h>
#include <grp.h>
#include <pwd.h>

#include "core/base/strings.h"
#include "core/dns/resolver.h"
#include "core/log/log.h"
#include "core/log/selector_names.h"
#include "core/mail/rfc2047.h"
#include "lang/reader.h"
#include "lang/regex.h"

namespace remex::lang {
namespace {

std::uint32_t width_of(std::string_view s) { return static_cast<std::uint32_t>(s.empty() ? 1 : s.size()); }

std::string meant(std::string_view word, const std::vector<DriverInstance>& list) {
  std::vector<std::string_view> names;
  names.reserve(list.size());
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
  names.reserve(st.config.acl_positions.size());
  for (const auto& [name, pos] : st.config.acl_positions) names.push_back(name);
  const auto best = nearest(text, names);
  st.diag.error("unknown-acl", g.value.at(0), width_of(text),
                fmt::format("{} names the ACL \"{}\", which does not exist", g.def->name, text),
                best.empty() ? std::string() : fmt::format("did you mean \"{}\"?", best));
}

// ---------------------------------------------------------------- values of main options

/// A problem with a value: the diagnostic's code and text; empty: none.
struct ValueProblem {
  std::string code, text, hint;
};

ValueProblem from_status(const Status& s) { return s ? ValueProblem{} : ValueProblem{"bad-value", s.error().text, {}}; }

ValueProblem check_regex(const std::string& pattern) {
  auto made = Regex::compile(pattern);
  return made ? ValueProblem{} : ValueProblem{"bad-regex", made.error().text, {}};
}

ValueProblem check_user(const std::string& name) {
  if (name.empty() || parse_uint(name) || ::getpwnam(name.c_str()) != nullptr) return {};
  return {"unknown-user", fmt::format("there is no user \"{}\" on this system", name), {}};
}

ValueProblem check_group(const std::string& name) {
  if (name.empty() || parse_uint(name) || ::getgrnam(name.c_str()) != nullptr) return {};
  return {"unknown-group", fmt::format("there is no group \"{}\" on this system", name), {}};
}

ValueProblem check_host_number(const MainOptions& m) {
  constexpr std::uint64_t kMost = 16;  // of the manual; it becomes a part of message ids
  const std::string_view text = trim(m.localhost_number);
  const auto n = parse_uint(text);
  if (text.empty() || (n && *n <= kMost)) return {};
  return {"bad-value", fmt::format("localhost_number: \"{}\" is not a number from 0 to {}", text, kMost), {}};
}

ValueProblem check_facility(const MainOptions& m) {
  if (m.syslog_facility.empty() || log::syslog_facility(m.syslog_facility)) return {};
  return {"bad-value", fmt::format("syslog_facility: \"{}\" is not a facility", m.syslog_facility),
          "mail, user, news, uucp, daemon, or local0 to local7"};
}

ValueProblem check_lookup_order(const MainOptions& m) {
  for (const std::string& way : m.host_lookup_order)
    if (way != "bydns" && way != "byaddr")
      return {"bad-value", fmt::format("host_lookup_order: \"{}\" is no way to look up a host", way), "bydns, byaddr"};
  return {};
}

ValueProblem check_charset(const MainOptions& m) {
  if (mail::convert_charset("a", m.headers_charset, "UTF-8")) return {};
  return {"bad-value", fmt::format("headers_charset: \"{}\" is not a charset that iconv knows", m.headers_charset),
          "iconv -l lists them"};
}

ValueProblem check_selectors(const MainOptions& m) {
  auto parsed = log::parse_selectors(m.log_selector);
  return parsed ? ValueProblem{} : from_status(std::unexpected(parsed.error()));
}

ValueProblem check_dns(const dns::ResolverConfig& options) {
  auto made = dns::Resolver::create(options);
  return made ? ValueProblem{} : from_status(std::unexpected(made.error()));
}

ValueProblem check_paths(const std::vector<std::string>& paths) {
  for (const std::string& path : paths)
    if (!path.starts_with('/')) return from_status(fail(fmt::format("\"{}\" is not an absolute path", path)));
  return {};
}

/// Which files the logs are: "syslog", or a path with one %s for main, reject and panic.
ValueProblem check_log_path(const MainOptions& m) {
  for (const std::string& item : m.log_file_path) {
    const std::string_view path = trim(item);
    if (path.empty() || path == "syslog") continue;
    const std::size_t name = path.find("%s");
    if (name == std::string_view::npos)
      return {"bad-value", fmt::format("log_file_path \"{}\" does not contain \"%s\"", path),
              "like /var/log/remex/%slog"};
    for (std::size_t at = path.find('%'); at != std::string_view::npos; at = path.find('%', at + 1)) {
      const char kind = at + 1 < path.size() ? path[at + 1] : ' ';
      if (at != name && kind != 'D' && kind != 'M')
        return {"bad-value", fmt::format("log_file_path \"{}\" contains unexpected \"%\" character", path), {}};
    }
  }
  return {};
}

ValueProblem check_most_connections(const MainOptions& m) {
  const bool per_host = m.smtp_accept_max_per_host.is_constant() && m.smtp_accept_max_per_host.constant() != "0";
  if (m.smtp_accept_max != 0 || (m.smtp_accept_queue == 0 && !per_host)) return {};
  return {"bad-value", "smtp_accept_max must be set if smtp_accept_queue or smtp_accept_max_per_host is set", {}};
}

/// Options whose values other parts parse: what is wrong is said when they are read, not when they are first needed.
constexpr struct {
  std::string_view option;
  ValueProblem (*check)(const MainOptions&);
} kValueChecks[] = {
    {"dns_resolvers", [](const MainOptions& m) { return check_dns({.resolvers = m.dns_resolvers}); }},
    {"dns_local_data", [](const MainOptions& m) { return check_dns({.local_data = m.dns_local_data}); }},
    {"log_selector", check_selectors},
    {"log_file_path", check_log_path},
    {"smtp_accept_max", check_most_connections},
    {"syslog_facility", check_facility},
    {"localhost_number", check_host_number},
    {"uucp_from_pattern", [](const MainOptions& m) { return check_regex(m.uucp_from_pattern); }},
    {"gecos_pattern", [](const MainOptions& m) { return check_regex(m.gecos_pattern); }},
    {"dns_check_names_pattern", [](const MainOptions& m) { return check_regex(m.dns_check_names_pattern); }},
    {"headers_charset", check_charset},
    {"host_lookup_order", check_lookup_order},
    {"exim_user", [](const MainOptions& m) { return check_user(m.exim_user); }},
    {"exim_group", [](const MainOptions& m) { return check_group(m.exim_group); }},
    {"sandbox_writable_directories", [](const MainOptions& m) { return check_paths(m.sandbox_writable_directories); }},
    {"system_filter_user", [](const MainOptions& m) { return check_user(m.system_filter_user); }},
    {"system_filter_group", [](const MainOptions& m) { return check_group(m.system_filter_group); }},
};

void check_values(ReaderState& st) {
  for (const auto& g : st.config.main_given)
    for (const auto& [option, check] : kValueChecks) {
      if (g.def->name != option) continue;
      const ValueProblem p = check(st.config.main);
      if (p.code.empty()) continue;
      st.diag.error(p.code, g.value.at(0), width_of(g.value.text()),
                    p.text.starts_with(option) ? p.text : fmt::format("{}: {}", option, p.text), p.hint);
    }
}

}  // namespace

void check_references(ReaderState& st) {
  check_values(st);
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
