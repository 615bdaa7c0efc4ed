// AUTH (RFC 4954): mechanisms are the configured authenticators whose server side works and may be advertised now.

#include <fmt/core.h>

#include "authenticators/authenticator.h"
#include "core/base/strings.h"
#include "core/io/fiber.h"
#include "core/smtp/session.h"

namespace remex::smtp {

namespace {
constexpr std::size_t kMaxResponse = 12288;  // RFC 4954 4.3: 12288 octets

bool advertised(const lang::DriverInstance& a, lang::Scope& scope) {
  const auto& g = authenticators::generic(a);
  const auto* def = authenticators::find_authenticator_def(a.def);
  if (!authenticators::is_server(a) || def->implicit) return false;
  if (!g.server_advertise_condition.is_set()) return true;
  auto v = g.server_advertise_condition.eval(scope);
  return v && lang::is_loosely_true(v->view());
}
}  // namespace

std::string Session::auth_mechanisms() {
  std::string out;
  if (!opt_.is_tcp || !from_.authenticator.empty() || config_->authenticators.empty() ||
      !host_matches(config_->main.auth_advertise_hosts, "auth_advertise_hosts"))
    return out;
  for (const auto& a : config_->authenticators)
    if (advertised(a, scope_)) out += " " + to_upper(authenticators::public_name(a));
  return out;
}

/// The authenticators that need no command: the TLS session says who the client is.
void Session::authenticate_by_tls() {
  if (!tls_active_ || !from_.authenticator.empty()) return;
  for (const auto& a : config_->authenticators) {
    const auto* def = authenticators::find_authenticator_def(a.def);
    if (def == nullptr || !def->implicit || !authenticators::is_server(a)) continue;
    const auto nobody = [](const std::string&) -> Result<std::string> { return fail("no dialogue"); };
    const authenticators::ServerResult r = def->server(scope_, a, nullptr, nobody);
    scope_.captures.clear();
    if (r.kind == authenticators::ServerResult::Kind::ok) {
      from_.authenticator = a.name;
      from_.authenticated_id = r.id;
      return;
    }
    if (r.kind == authenticators::ServerResult::Kind::deferred)
      log_line(log::kMain, fmt::format("{} authenticator: {}: {}", a.name, peer(), printable(r.message)));
  }
}

Session::Next Session::cmd_auth(const Command& c) {
  const bool lenient = effects_.allow_auth_unadvertised;
  if (!auth_advertised_ && !lenient)
    return protocol_error(503, "AUTH command used when not advertised", state_.command);
  if (!from_.authenticator.empty()) return protocol_error(503, "already authenticated", state_.command);
  if (in_transaction_) return protocol_error(503, "not permitted in mail transaction", state_.command);
  const acl::Outcome o = run_acl(acl::Hook::auth, config_->main.acl_smtp_auth);
  if (o.verdict != acl::Verdict::accept)
    return refuse(o, fmt::format("AUTH {}", printable(c.argument.substr(0, c.argument.find_first_of(" \t")))));

  const std::size_t blank = std::min(c.argument.find_first_of(" \t"), c.argument.size());
  const std::string_view mechanism = c.argument.substr(0, blank);
  const std::string_view initial_text = trim(c.argument.substr(blank));
  const lang::DriverInstance* found = nullptr;
  for (const auto& a : config_->authenticators)
    if (found == nullptr && iequals(authenticators::public_name(a), mechanism) &&
        (lenient ? authenticators::is_server(a) && !authenticators::find_authenticator_def(a.def)->implicit
                 : advertised(a, scope_)))
      found = &a;
  const authenticators::AuthenticatorDef* def =
      found != nullptr ? authenticators::find_authenticator_def(found->def) : nullptr;
  if (def == nullptr || def->server == nullptr)
    return protocol_error(504, fmt::format("{} authentication mechanism not supported", printable(mechanism)), "AUTH");

  const auto broken = [&](std::string_view why) {
    log_line(log::kMain | log::kReject,
             fmt::format("{} authenticator failed for {}: 501 {}", found->name, peer(), why));
    return protocol_error(501, why, "AUTH");
  };
  std::optional<std::string> initial;
  if (!initial_text.empty()) {
    initial = initial_text == "=" ? std::optional<std::string>(std::string()) : base64_decode(initial_text);
    if (!initial) return broken("Invalid base64 data");
  }
  const authenticators::Challenge challenge = [this](const std::string& raw) -> Result<std::string> {
    reply(334, base64_encode(raw));
    if (!flush()) return fail(ErrorKind::closed, "connection lost");
    const io::DeadlineScope deadline(receive_timeout());
    auto line = reader_.read_line(kMaxResponse);
    if (!line) return std::unexpected(line.error());
    const std::string_view text = trim(*line);
    if (text == "*") return fail(ErrorKind::cancelled, "cancelled by client");
    auto decoded = base64_decode(text);
    if (!decoded) return fail("invalid base64 data");
    return *decoded;
  };
  authenticators::ServerResult r = def->server(scope_, *found, initial ? &*initial : nullptr, challenge);
  scope_.captures.clear();
  state_.command = "AUTH";  // the argument is a secret: never logged, never shown
  state_.argument = std::string(mechanism);
  using Kind = authenticators::ServerResult::Kind;
  switch (r.kind) {
    case Kind::ok:
      from_.authenticator = found->name;
      from_.authenticated_id = r.id;
      state_.authentication_failed = false;
      set_protocol();
      reply(235, "Authentication succeeded");
      return Next::go_on;
    case Kind::cancelled: return broken("Authentication cancelled");
    case Kind::bad_data: return broken("Invalid base64 data");
    case Kind::deferred:
      reply(435, r.message.empty() ? "Unable to authenticate at present"
                                   : "Unable to authenticate at present: " + r.message);
      log_line(log::kMain | log::kReject,
               fmt::format("{} authenticator failed for {}: 435 Unable to authenticate at present{}{}{}", found->name,
                           peer(), r.id.empty() ? "" : fmt::format(" (set_id={})", printable(r.id)),
                           r.message.empty() ? "" : ": ", printable(r.message)));
      return Next::go_on;
    case Kind::rejected: break;
  }
  state_.authentication_failed = true;
  state_.authenticated_fail_id = r.id;
  reply(535, "Incorrect authentication data");
  log_line(log::kMain | log::kReject,
           fmt::format("{} authenticator failed for {}: 535 Incorrect authentication data{}", found->name, peer(),
                       r.id.empty() ? "" : fmt::format(" (set_id={})", printable(r.id))));
  return Next::go_on;
}

}  // namespace remex::smtp
