// Authenticator drivers that are known by name only; configuring one is an error at load.

#include "authenticators/authenticator.h"

namespace remex::authenticators {
namespace {

std::unique_ptr<lang::DriverOptions> no_options() { return std::make_unique<lang::DriverOptions>(); }

constexpr AuthenticatorDef row(std::string_view name, std::string_view summary) {
  return {.driver = {.kind = lang::DriverKind::authenticator,
                     .name = name,
                     .summary = summary,
                     .doc = {},
                     .make_options = &no_options,
                     .state = lang::State::later}};
}

constexpr AuthenticatorDef defs[] = {
    row("cram_md5", "CRAM-MD5 (RFC 2195)"),
    row("cyrus_sasl", "mechanisms of the Cyrus SASL library"),
    row("dovecot", "asks Dovecot's authentication service"),
    row("external", "EXTERNAL (RFC 4422): the client certificate"),
    row("gsasl", "mechanisms of GNU SASL, SCRAM among them"),
    row("heimdal_gssapi", "GSSAPI (Heimdal Kerberos)"),
    row("spa", "NTLM, Microsoft's secure password authentication"),
    row("tls", "the client certificate, without AUTH"),
};

}  // namespace
}  // namespace remex::authenticators

namespace remex::registry::authenticators {
extern const std::span<const AuthenticatorDef> later;
constinit const std::span<const AuthenticatorDef> later{remex::authenticators::defs};
}  // namespace remex::registry::authenticators
