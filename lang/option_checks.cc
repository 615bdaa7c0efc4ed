// Warnings about main options, authenticators and retry rules that are legal and can hardly be meant.
#include <fmt/format.h>
#include <sys/stat.h>

#include <cerrno>
#include <map>

#include "core/base/strings.h"
#include "lang/checks.h"
#include "lang/list_internal.h"
#include "lang/node.h"

namespace remex::lang {
namespace {

const DriverInstance::Given* main_given(const Config& c, std::string_view name) {
  for (const auto& g : c.main_given)
    if (g.def->name == name) return &g;
  return nullptr;
}

std::uint32_t width_of(std::string_view s) { return static_cast<std::uint32_t>(std::max<std::size_t>(s.size(), 1)); }

bool absent(const std::string& path) {
  struct stat st{};
  return ::stat(path.c_str(), &st) != 0 && (errno == ENOENT || errno == ENOTDIR);
}

/// Options whose value is a file that must be there: certificates and keys.
void check_file(CheckContext& c, const std::string& who, const DriverInstance::Given& g) {
  if (!(g.def->name.starts_with("tls_") || g.def->name == "dkim_private_key") || g.def->sink != "file") return;
  const std::string& text = g.value.text();
  if (text.find('$') != std::string::npos || text.find('/') == std::string::npos) return;
  for (const std::string& path : split_list(text))
    if (path.starts_with('/') && absent(path))
      c.diag.warning("missing-file", g.value.at(0), width_of(text),
                     fmt::format("{}option \"{}\": there is no file {}", who, g.def->name, printable(path)));
}

void check_files(CheckContext& c) {
  for (const auto& g : c.config.main_given) check_file(c, "", g);
  for (const DriverInstance& t : c.config.transports)
    for (const auto& g : t.given) check_file(c, fmt::format("transport \"{}\": ", t.name), g);
}

void check_identity(CheckContext& c) {
  const auto* g = main_given(c.config, "primary_hostname");
  if (c.hints && g != nullptr && c.config.main.primary_hostname.find('.') == std::string::npos &&
      c.config.main.primary_hostname.find(':') == std::string::npos)
    c.diag.hint("host-name-without-dot", g->value.at(0), width_of(g->value.text()),
                fmt::format("primary_hostname \"{}\" is not a full domain name", c.config.main.primary_hostname));
  if (main_given(c.config, "acl_smtp_rcpt") != nullptr || c.config.main.mua_wrapper) return;
  for (const std::string_view name : {"acl_smtp_mail", "acl_smtp_data", "acl_smtp_predata", "acl_smtp_mime"})
    if (const auto* other = main_given(c.config, name); other != nullptr) {
      c.diag.warning("no-rcpt-acl", other->pos, width_of(name),
                     fmt::format("{} is set, but acl_smtp_rcpt is not: every recipient over SMTP is refused", name));
      return;
    }
}

// ------------------------------------------------------------------ authenticators

bool any_host(const MatchList& list) {
  const CompiledList* items = list.constant_items();
  if (items == nullptr) return false;
  for (const ListItem& item : items->items) {
    if (item.kind == ItemKind::everything || (item.kind == ItemKind::suffix && item.target.empty()))
      return !item.negated;
    if (item.negated || item.kind == ItemKind::named) return false;
  }
  return false;
}

bool encryption_is_judged(const Config& config) {
  const AclCompiler* acls = config.registries->acl_compiler;
  bool judged = false;
  if (acls != nullptr && acls->each_value)
    acls->each_value(config, [&](const AclValue& v) {
      judged = judged || v.word == "encrypted" ||
               (v.value != nullptr && v.value->is_set() && v.value->source_text().find("tls_") != std::string::npos);
    });
  return judged;
}

/// Text that is neither true nor false is a temporary error to everybody.
void check_server_condition(CheckContext& c, const DriverInstance& a, const Expansion& e) {
  std::string certain;
  if (e.root() != nullptr && e.root()->kind == NodeKind::sequence)
    for (const NodePtr& part : e.root()->children)
      if (part && part->kind == NodeKind::constant) certain += part->text;
  if (certain.find_first_of("{}$=") == std::string::npos) return;
  c.diag.warning("server-condition-text", e.pos(), width_of(e.source_text()),
                 fmt::format("authenticator \"{}\": there is always \"{}\" in server_condition: nobody can log in",
                             a.name, printable(trim(certain))),
                 "it must come out as true or false");
}

void check_authenticators(CheckContext& c) {
  std::map<std::string, const DriverInstance*> mechanisms;
  // tls_on_connect_ports: what is encrypted from the first byte has no clear text to worry about; acl_smtp_auth may
  // judge.
  const bool guarded = listens_on_loopback_only(c.config) || main_given(c.config, "tls_on_connect_ports") != nullptr ||
                       main_given(c.config, "acl_smtp_auth") != nullptr || c.config.main.mua_wrapper ||
                       encryption_is_judged(c.config);
  const auto* advertise = main_given(c.config, "auth_advertise_hosts");
  const bool everybody = advertise == nullptr || any_host(c.config.main.auth_advertise_hosts);
  for (const DriverInstance& a : c.config.authenticators) {
    if (a.def == nullptr) continue;
    const auto* condition = a.find_given("server_condition");
    const auto* name = a.find_given("public_name");
    if (a.find_given("server_advertise_condition") == nullptr) {
      const std::string key = to_upper(name != nullptr ? trim(name->value.text()) : std::string_view(a.name));
      bool server = condition != nullptr;
      for (const auto& g : a.given) server = server || g.def->name.starts_with("server_");
      const auto [it, fresh] = mechanisms.emplace(key, &a);
      if (!fresh && server)
        c.diag.warning("mechanism-twice", name != nullptr ? name->value.at(0) : a.pos, width_of(key),
                       fmt::format("authenticator \"{}\" has the public name of \"{}\"", a.name, it->second->name),
                       "the server uses the first only");
    }
    if (a.def->name != "plaintext" || condition == nullptr) continue;
    const auto* value = driver_option<Expansion>(c.config, a, "server_condition", OptionType::expanded);
    bool truth = false;
    if (value != nullptr) check_server_condition(c, a, *value);
    if (value != nullptr)
      if (const auto text = closed_value(*value); text && parse_strict_bool(*text, truth) && truth)
        c.diag.warning("anyone-can-authenticate", condition->value.at(0), width_of(condition->value.text()),
                       fmt::format("authenticator \"{}\": server_condition is always true", a.name),
                       "every password is right");
    if (!guarded && everybody && a.find_given("server_advertise_condition") == nullptr)
      c.diag.warning("password-in-clear", a.pos, width_of(a.name),
                     fmt::format("authenticator \"{}\" is offered without TLS: passwords travel in clear text", a.name),
                     "server_advertise_condition = ${if def:tls_in_cipher}");
  }
}

// ------------------------------------------------------------------ retry rules

void check_retry(CheckContext& c) {
  if (c.config.main.mua_wrapper) return;
  const RetryRule* catch_all = nullptr;
  for (const RetryRule& r : c.config.retry) {
    if (catch_all != nullptr) {
      c.diag
          .warning("retry-unreachable", r.pos, width_of(r.pattern_text),
                   fmt::format("retry rule for \"{}\" is never reached", printable(r.pattern_text)),
                   "an earlier rule applies to everything")
          .notes.push_back("it is at " + (c.config.files ? c.config.files->where(catch_all->pos) : std::string()));
      return;
    }
    if ((r.pattern_text == "*" || r.pattern_text == "*@*") && r.error == "*" && !r.senders.is_set()) catch_all = &r;
  }
  if (c.config.retry.empty()) {
    for (const DriverInstance& t : c.config.transports)
      if (t.def != nullptr && (t.def->name == "smtp" || t.def->name == "lmtp")) {
        c.diag.warning(
            "no-retry", t.pos, width_of(t.name),
            fmt::format("there is no retry rule: what transport \"{}\" cannot deliver at once is bounced", t.name),
            "begin retry: * * F,2h,15m; G,16h,1h,1.5; F,4d,6h");
        return;
      }
  } else if (catch_all == nullptr && c.hints) {
    const RetryRule& last = c.config.retry.back();
    c.diag.hint("retry-without-catch-all", last.pos, width_of(last.pattern_text),
                "no retry rule applies to everything: what none matches is bounced at once", "* * F,4d,6h");
  }
}

}  // namespace

bool listens_on_loopback_only(const Config& config) {
  const auto* g = main_given(config, "local_interfaces");
  if (g == nullptr) return false;
  for (const std::string& item : split_list(g->value.text())) {
    std::string_view address = item;
    if (address.starts_with('[')) address = address.substr(1, address.find(']') - 1);
    if (!address.starts_with("127.") && address != "::1") return false;
  }
  return true;
}

void check_options(CheckContext& c) {
  check_files(c);
  check_identity(c);
  check_authenticators(c);
  check_retry(c);
}

}  // namespace remex::lang
