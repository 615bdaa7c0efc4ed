// Authenticators (AUTH): descriptors and interface. Drivers: plaintext and others as they come.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>

#include "lang/config.h"
#include "lang/driver.h"
#include "lang/scope.h"

namespace remex::authenticators {

struct AuthenticatorGeneric : lang::DriverOptions {
  std::string public_name;
  lang::Expansion server_advertise_condition, server_set_id, server_debug_print, server_mail_auth_condition,
      server_condition, client_condition, client_set_id;
};

struct ServerResult {
  enum class Kind : std::uint8_t { ok, rejected, deferred, cancelled, bad_data } kind = Kind::rejected;
  std::string id;       ///< $authenticated_id
  std::string message;  ///< for deferral / log
};
/// Sends a 334 challenge (raw, base64 done inside) and returns the decoded answer; cancelled when the client sends "*".
using Challenge = std::function<Result<std::string>(const std::string& raw)>;

struct AuthenticatorDef {
  lang::DriverDef driver;
  ServerResult (*server)(lang::Scope&, const lang::DriverInstance&, const std::string* initial,
                         const Challenge&) = nullptr;
};

extern const lang::DriverFamily authenticator_family;
const AuthenticatorDef* find_authenticator_def(const lang::DriverDef* def);
const AuthenticatorGeneric& generic(const lang::DriverInstance& a);
/// The SASL mechanism: public_name, or the instance's name.
std::string public_name(const lang::DriverInstance& a);
/// Evaluates server_condition and server_set_id after the driver put the strings into $auth1...
ServerResult decide(lang::Scope& scope, const lang::DriverInstance& a);

}  // namespace remex::authenticators

namespace remex {
using authenticators::AuthenticatorDef;
}
