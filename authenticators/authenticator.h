// Authenticators (AUTH): descriptors and interface. Drivers: plaintext and others as they come.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

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

/// What the server said to AUTH or to a response. 334: `challenge` is its decoded text (nullopt: not base64).
struct ClientReply {
  int code = 0;
  std::optional<std::string> challenge;
  std::string text;  ///< printable, for logs
};
/// The driver's side of a dialogue with a server. Each sends one line and waits. Errors: the connection is gone.
struct ClientDialogue {
  /// "AUTH MECHANISM [initial response]"; nullopt: without one.
  std::function<Result<ClientReply>(const std::optional<std::string>& initial)> begin;
  std::function<Result<ClientReply>(const std::string& raw)> answer;
  /// "*": gives the attempt up.
  std::function<Result<ClientReply>()> cancel;
};
struct ClientResult {
  /// skipped: nothing was sent, the next authenticator may try. rejected: 5xx. deferred: 4xx, a broken connection or a
  /// failing expansion.
  enum class Kind : std::uint8_t { ok, skipped, rejected, deferred } kind = Kind::skipped;
  std::string message;
};

struct AuthenticatorDef {
  lang::DriverDef driver;
  ServerResult (*server)(lang::Scope&, const lang::DriverInstance&, const std::string* initial,
                         const Challenge&) = nullptr;
  /// The client's half; null when there is none.
  ClientResult (*client)(lang::Scope&, const lang::DriverInstance&, const ClientDialogue&) = nullptr;
  /// Is this instance configured as a server (as a client)? Null: server_condition is set (never).
  bool (*serves)(const lang::DriverInstance&) = nullptr;
  bool (*asks)(const lang::DriverInstance&) = nullptr;
  /// Not a SASL mechanism: the TLS session itself authenticates, there is no AUTH command.
  bool implicit = false;
};

extern const lang::DriverFamily authenticator_family;
const AuthenticatorDef* find_authenticator_def(const lang::DriverDef* def);
const AuthenticatorGeneric& generic(const lang::DriverInstance& a);
/// The SASL mechanism: public_name, or the instance's name.
std::string public_name(const lang::DriverInstance& a);
/// It can be used as a server (as a client) with the options it has.
bool is_server(const lang::DriverInstance& a);
bool is_client(const lang::DriverInstance& a);
/// Turns a final reply into a result.
ClientResult judge_reply(const Result<ClientReply>& r);
/// Puts strings into $auth1... and $1...
void set_auth_variables(lang::Scope& scope, const std::vector<std::string>& values);
/// As decide(), where an unset server_condition means yes (drivers with a decision of their own).
ServerResult authorize(lang::Scope& scope, const lang::DriverInstance& a);
/// Evaluates server_condition and server_set_id after the driver put the strings into $auth1...
ServerResult decide(lang::Scope& scope, const lang::DriverInstance& a);

}  // namespace remex::authenticators

namespace remex {
using authenticators::AuthenticatorDef;
}
