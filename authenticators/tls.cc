// tls: the TLS session authenticates the client, there is no AUTH command. server_condition looks at the certificate.
#include "authenticators/authenticator.h"
#include "lang/diagnostics.h"

namespace remex::authenticators {
namespace {

using lang::OptionType;
using lang::ref;

struct TlsOptions : lang::DriverOptions {
  lang::Expansion server_param1, server_param2, server_param3;
};
using O = TlsOptions;

constexpr OptionDef kOptions[] = {
    with_examples({"server_param", OptionType::expanded, ref<&O::server_param1>, "", "the same as server_param1"},
                  {"$tls_in_peerdn"}),
    with_examples({"server_param1", OptionType::expanded, ref<&O::server_param1>, "",
                   "expanded into $auth1 before server_condition"},
                  {"$tls_in_peerdn"}),
    with_examples({"server_param2", OptionType::expanded, ref<&O::server_param2>, "",
                   "expanded into $auth2 before server_condition"},
                  {"$tls_in_certificate_verified"}),
    with_examples({"server_param3", OptionType::expanded, ref<&O::server_param3>, "",
                   "expanded into $auth3 before server_condition"},
                  {"$sender_host_address"}),
};

ServerResult server(lang::Scope& scope, const lang::DriverInstance& a, const std::string*, const Challenge&) {
  const auto& o = static_cast<const TlsOptions&>(*a.options);
  std::vector<std::string> values;
  for (const lang::Expansion* e : {&o.server_param1, &o.server_param2, &o.server_param3}) {
    if (!e->is_set()) break;
    auto text = e->eval(scope);
    if (!text) {
      ServerResult r;
      if (text.error().kind != ErrorKind::forced_fail) r.kind = ServerResult::Kind::deferred;
      r.message = text.error().text;
      return r;
    }
    values.push_back(text->str());
    set_auth_variables(scope, values);
  }
  return decide(scope, a);
}

constexpr AuthenticatorDef defs[] = {{
    .driver =
        {.kind = lang::DriverKind::authenticator,
         .name = "tls",
         .summary = "the client certificate, without AUTH",
         .doc = "Runs when the client has started TLS and says EHLO; when server_condition is true the connection is "
                "authenticated and AUTH is not offered.",
         .options = kOptions,
         .make_options = []() -> std::unique_ptr<lang::DriverOptions> { return std::make_unique<TlsOptions>(); },
         .examples = {{R"(by_certificate:
  driver = tls
  server_param1 = $tls_in_peerdn
  server_condition = ${if eq{$auth1}{CN=relay.example.com}}
  server_set_id = $auth1)"},
                      {R"(by_certificate:
  driver = tls
  server_secret = x)",
                       "", "E0203"}}},
    .server = &server,
    .implicit = true,
}};

}  // namespace
}  // namespace remex::authenticators

namespace remex::registry::authenticators {
extern const std::span<const AuthenticatorDef> tls;
constinit const std::span<const AuthenticatorDef> tls{remex::authenticators::defs};
}  // namespace remex::registry::authenticators
