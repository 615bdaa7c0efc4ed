// external: EXTERNAL (RFC 4422 appendix A): who the client is was settled outside SASL, by its TLS certificate; the
// client only says as whom it wants to act. server_condition decides.
#include "authenticators/authenticator.h"
#include "lang/diagnostics.h"

namespace remex::authenticators {
namespace {

using lang::OptionType;
using lang::ref;

struct ExternalOptions : lang::DriverOptions {
  lang::Expansion server_param2, server_param3, client_send;
};
using O = ExternalOptions;

constexpr OptionDef kOptions[] = {
    with_examples({"client_send", OptionType::expanded, ref<&O::client_send>, "", "the identity sent as a client"},
                  {"relay.example.com"}),
    with_examples({"server_param2", OptionType::expanded, ref<&O::server_param2>, "",
                   "expanded into $auth2 before server_condition"},
                  {"$tls_in_peerdn"}),
    with_examples({"server_param3", OptionType::expanded, ref<&O::server_param3>, "",
                   "expanded into $auth3 before server_condition"},
                  {"$sender_host_address"}),
};

ServerResult server(lang::Scope& scope, const lang::DriverInstance& a, const std::string* initial,
                    const Challenge& challenge) {
  using Kind = ServerResult::Kind;
  const auto& o = static_cast<const ExternalOptions&>(*a.options);
  ServerResult r;
  std::vector<std::string> values(1);
  if (initial != nullptr) {
    values[0] = *initial;
  } else {
    auto answer = challenge("");
    if (!answer) {
      r.kind = answer.error().kind == ErrorKind::cancelled ? Kind::cancelled : Kind::bad_data;
      return r;
    }
    values[0] = std::move(*answer);
  }
  set_auth_variables(scope, values);
  for (const lang::Expansion* e : {&o.server_param2, &o.server_param3}) {
    if (!e->is_set()) break;
    auto text = e->eval(scope);
    if (!text) {
      r.kind = text.error().kind == ErrorKind::forced_fail ? Kind::rejected : Kind::deferred;
      r.message = text.error().text;
      return r;
    }
    values.push_back(text->str());
    set_auth_variables(scope, values);
  }
  return decide(scope, a);
}

ClientResult client(lang::Scope& scope, const lang::DriverInstance& a, const ClientDialogue& talk) {
  using Kind = ClientResult::Kind;
  auto text = static_cast<const ExternalOptions&>(*a.options).client_send.eval(scope);
  if (!text && text.error().kind == ErrorKind::forced_fail) return {Kind::skipped, {}};
  if (!text) return {Kind::deferred, "expansion of client_send failed: " + text.error().text};
  return judge_reply(talk.begin(text->str()));
}

constexpr AuthenticatorDef defs[] = {{
    .driver = {.kind = lang::DriverKind::authenticator,
               .name = "external",
               .summary = "EXTERNAL (RFC 4422): the client's certificate, with AUTH",
               .doc =
                   "The client's identity string becomes $auth1; server_condition looks at it and at the certificate.",
               .options = kOptions,
               .make_options = []() -> std::unique_ptr<lang::DriverOptions> {
                 return std::make_unique<ExternalOptions>();
               },
               .examples = {{R"(certificate:
  driver = external
  public_name = EXTERNAL
  server_param2 = $tls_in_peerdn
  server_condition = ${if eq{$auth2}{CN=relay.example.com}}
  server_set_id = $auth1)"},
                            {R"(certificate:
  driver = external
  public_name = EXTERNAL
  server_condition = ${if eq{$auth2}{CN=relay.example.com})",
                             "", "E0301"}}},
    .server = &server,
    .client = &client,
    .asks =
        [](const lang::DriverInstance& a) {
          return static_cast<const ExternalOptions&>(*a.options).client_send.is_set();
        },
}};

}  // namespace
}  // namespace remex::authenticators

namespace remex::registry::authenticators {
extern const std::span<const AuthenticatorDef> external;
constinit const std::span<const AuthenticatorDef> external{remex::authenticators::defs};
}  // namespace remex::registry::authenticators
