// Authenticator drivers that are known by name only; configuring one is an error at load.

#include "authenticators/authenticator.h"

namespace remex::authenticators {
namespace {

std::unique_ptr<lang::DriverOptions> no_options() { return std::make_unique<lang::DriverOptions>(); }

using lang::OptionType;

constexpr OptionDef later(std::string_view name, OptionType type, std::string_view summary, std::uint8_t tier) {
  return {.name = name, .type = type, .summary = summary, .state = lang::State::later, .tier = tier};
}

constexpr OptionDef kCyrusSasl[] = {
    later("server_hostname", OptionType::expanded, "Host name given to SASL", 3),
    later("server_mech", OptionType::string, "Underlying mechanism", 3),
    later("server_realm", OptionType::expanded, "Realm", 3),
    later("server_service", OptionType::string, "Service name", 3),
};
constexpr OptionDef kHeimdalGssapi[] = {
    later("server_hostname", OptionType::expanded, "Host name for principal", 4),
    later("server_keytab", OptionType::expanded, "Keytab path", 4),
    later("server_service", OptionType::expanded, "Service name", 4),
};
constexpr OptionDef kSpa[] = {
    later("client_domain", OptionType::expanded, "NTLM domain", 2),
    later("client_password", OptionType::expanded, "Password", 2),
    later("client_username", OptionType::expanded, "User name", 2),
    later("server_password", OptionType::expanded, "Password for $auth1", 3),
};
constexpr AuthenticatorDef row(std::string_view name, std::string_view summary, std::span<const OptionDef> options) {
  return {.driver = {.kind = lang::DriverKind::authenticator,
                     .name = name,
                     .summary = summary,
                     .doc = {},
                     .options = options,
                     .make_options = &no_options,
                     .state = lang::State::later}};
}

constexpr AuthenticatorDef defs[] = {
    row("cyrus_sasl", "mechanisms of the Cyrus SASL library", kCyrusSasl),
    row("heimdal_gssapi", "GSSAPI (Heimdal Kerberos)", kHeimdalGssapi),
    row("spa", "NTLM, Microsoft's secure password authentication", kSpa),
};

}  // namespace
}  // namespace remex::authenticators

namespace remex::registry::authenticators {
extern const std::span<const AuthenticatorDef> later;
constinit const std::span<const AuthenticatorDef> later{remex::authenticators::defs};
}  // namespace remex::registry::authenticators
