// Generic options of authenticators and the family the configuration reader binds.

#include <fmt/core.h>

#include "authenticators/authenticator.h"
#include "lang/diagnostics.h"

namespace remex::registry::authenticators {
extern const std::span<const std::span<const AuthenticatorDef>* const> all;
}

namespace remex::authenticators {
namespace {

using lang::OptionType;
using lang::ref;
using lang::State;
using G = AuthenticatorGeneric;

constexpr OptionDef kGenericOptions[] = {
    with_examples({"client_condition", OptionType::expanded, ref<&G::client_condition>, "",
                   "skip as a client when false", State::works, "", "", 2},
                  {"${if !eq{$tls_out_cipher}{}}"}),
    with_examples({"client_set_id", OptionType::expanded, ref<&G::client_set_id>, "",
                   "id logged for outgoing authentication", State::works, "", "", 2},
                  {"${extract{2}{:}{$auth1}}"}),
    with_examples({"driver", OptionType::special, nullptr, "", "which authenticator driver this is"},
                  {.input = "plaintext",
                   .setup = "public_name = PLAIN\nserver_advertise_condition = ${if "
                            "def:tls_in_cipher}\nserver_condition = ${if eq{$auth2}{jane}{no}{no}}"},
                  {.input = "plain",
                   .error = "E0603",
                   .setup = "public_name = PLAIN\nserver_advertise_condition = ${if "
                            "def:tls_in_cipher}\nserver_condition = ${if eq{$auth2}{jane}{no}{no}}"}),
    with_examples({"public_name", OptionType::string, ref<&G::public_name>, "the instance's name",
                   "SASL mechanism name that is advertised"},
                  {"PLAIN"}, {"LOGIN"}),
    with_examples({"server_advertise_condition", OptionType::expanded, ref<&G::server_advertise_condition>, "",
                   "advertise the mechanism only when true"},
                  {"${if def:tls_in_cipher}"}),
    with_examples({"server_condition", OptionType::expanded, ref<&G::server_condition>, "",
                   "the decision: true, false, or a temporary error's text"},
                  {"${if and{{!eq{$auth2}{}}{crypteq{$auth3}{${lookup{$auth2}lsearch{/etc/remex/passwd}}}}}}"}),
    with_examples({"server_debug_print", OptionType::expanded, ref<&G::server_debug_print>, "",
                   "text for the debug output", State::works, "", "", 3},
                  {"login of $auth2"}),
    with_examples({"server_mail_auth_condition", OptionType::expanded, ref<&G::server_mail_auth_condition>, "",
                   "accept AUTH= on MAIL when true", State::works, "", "", 3},
                  {"${if eq{$sender_host_address}{192.168.1.20}}"}),
    with_examples({"server_set_id", OptionType::expanded, ref<&G::server_set_id>, "",
                   "$authenticated_id after success, $authenticated_fail_id after failure"},
                  {"$auth2"}),
};

}  // namespace

extern const lang::DriverFamily authenticator_family;
const lang::DriverFamily authenticator_family{
    lang::DriverKind::authenticator, kGenericOptions,
    []() -> std::unique_ptr<lang::DriverOptions> { return std::make_unique<AuthenticatorGeneric>(); }};

const AuthenticatorGeneric& generic(const lang::DriverInstance& a) {
  return static_cast<const AuthenticatorGeneric&>(*a.generic);
}

const AuthenticatorDef* find_authenticator_def(const lang::DriverDef* def) {
  for (const AuthenticatorDef* d : lang::flatten<AuthenticatorDef>(registry::authenticators::all))
    if (&d->driver == def) return d;
  return nullptr;
}

std::string public_name(const lang::DriverInstance& a) {
  return generic(a).public_name.empty() ? a.name : generic(a).public_name;
}

bool is_server(const lang::DriverInstance& a) {
  const AuthenticatorDef* def = find_authenticator_def(a.def);
  if (def == nullptr || def->server == nullptr) return false;
  return def->serves != nullptr ? def->serves(a) : generic(a).server_condition.is_set();
}

bool is_client(const lang::DriverInstance& a) {
  const AuthenticatorDef* def = find_authenticator_def(a.def);
  return def != nullptr && def->client != nullptr && def->asks != nullptr && def->asks(a);
}

ClientResult judge_reply(const Result<ClientReply>& r) {
  using Kind = ClientResult::Kind;
  if (!r) return {Kind::deferred, r.error().text};
  if (r->code / 100 == 2) return {Kind::ok, {}};
  return {r->code / 100 == 5 ? Kind::rejected : Kind::deferred, r->text};
}

void set_auth_variables(lang::Scope& scope, const std::vector<std::string>& values) {
  for (int i = 1; i <= 4; ++i) scope.extra.erase("auth" + std::to_string(i));
  scope.captures.assign(1, Text());
  for (std::size_t i = 0; i < values.size() && i < 9; ++i) {
    if (i < 4) scope.extra["auth" + std::to_string(i + 1)] = values[i];
    scope.captures.push_back(Text::tainted(values[i]));
  }
}

ServerResult authorize(lang::Scope& scope, const lang::DriverInstance& a) {
  if (generic(a).server_condition.is_set()) return decide(scope, a);
  ServerResult r;
  r.kind = ServerResult::Kind::ok;
  if (generic(a).server_set_id.is_set())
    if (auto v = generic(a).server_set_id.eval(scope)) r.id = std::move(*v).str();
  return r;
}

ServerResult decide(lang::Scope& scope, const lang::DriverInstance& a) {
  const AuthenticatorGeneric& g = generic(a);
  ServerResult r;
  if (g.server_debug_print.is_set() && scope.services->debugging())
    if (auto text = g.server_debug_print.eval(scope)) scope.services->debug(text->view());
  const auto set_id = [&] {
    if (!g.server_set_id.is_set()) return;
    if (auto v = g.server_set_id.eval(scope)) r.id = std::move(*v).str();
  };
  if (!g.server_condition.is_set()) {
    r.kind = ServerResult::Kind::rejected;
    return r;
  }
  auto v = g.server_condition.eval(scope);
  set_id();
  if (!v) {
    if (v.error().kind == ErrorKind::forced_fail) return r;
    r.kind = ServerResult::Kind::deferred;
    r.message = v.error().text;
    return r;
  }
  bool truth = false;
  if (v->empty() || (lang::parse_strict_bool(v->view(), truth) && !truth)) return r;
  if (lang::parse_strict_bool(v->view(), truth) && truth) {
    r.kind = ServerResult::Kind::ok;
    return r;
  }
  r.kind = ServerResult::Kind::deferred;
  r.message = std::move(*v).str();
  return r;
}

}  // namespace remex::authenticators
