// plaintext: PLAIN (RFC 4616) and LOGIN. The client's strings become $auth1, $auth2, ...; server_condition decides.

#include "authenticators/authenticator.h"
#include "core/base/strings.h"
#include "lang/diagnostics.h"

namespace remex::authenticators {
namespace {

using lang::OptionType;
using lang::ref;
using lang::State;

struct PlaintextOptions : lang::DriverOptions {
  lang::Expansion server_prompts;
};

constexpr OptionDef kOptions[] = {
    {"client_ignore_invalid_base64", OptionType::boolean, nullptr, "false", "tolerate bad base64 in challenges",
     State::later, "false", "", 3},
    {"client_send", OptionType::expanded, nullptr, "", "strings sent as a client", State::later},
    {"server_prompts", OptionType::expanded_list, ref<&PlaintextOptions::server_prompts>, "",
     "prompts for the strings; \":\" is one empty prompt (PLAIN)"},
};

constexpr int kMaxStrings = 9;

/// NUL-separated strings of one response become the next $authN.
void take(lang::Scope& scope, int& count, std::string_view data) {
  for (std::string_view part : split(data, '\0')) {
    if (count >= kMaxStrings) return;
    ++count;
    if (count <= 4) scope.extra["auth" + std::to_string(count)] = std::string(part);
    scope.captures.resize(static_cast<std::size_t>(count) + 1);
    scope.captures[static_cast<std::size_t>(count)] = Text::tainted(part);
  }
}

ServerResult server(lang::Scope& scope, const lang::DriverInstance& a, const std::string* initial,
                    const Challenge& challenge) {
  const auto& o = static_cast<const PlaintextOptions&>(*a.options);
  ServerResult r;
  for (int i = 1; i <= 4; ++i) scope.extra.erase("auth" + std::to_string(i));
  scope.captures.assign(1, Text());
  std::vector<std::string> prompts;
  if (o.server_prompts.is_set()) {
    auto v = o.server_prompts.eval(scope);
    if (!v) {
      r.kind = ServerResult::Kind::deferred;
      r.message = v.error().text;
      return r;
    }
    prompts = lang::split_list(v->view());
  }
  int count = 0;
  if (initial != nullptr) take(scope, count, *initial);
  // Prompts ask only for the strings that did not come yet.
  for (std::size_t i = static_cast<std::size_t>(count); i < prompts.size();
       i = std::max<std::size_t>(i + 1, static_cast<std::size_t>(count))) {
    auto answer = challenge(prompts[i]);
    if (!answer) {
      r.kind =
          answer.error().kind == ErrorKind::cancelled ? ServerResult::Kind::cancelled : ServerResult::Kind::bad_data;
      return r;
    }
    take(scope, count, *answer);
  }
  if (count == 0) {
    r.kind = ServerResult::Kind::bad_data;
    return r;
  }
  return decide(scope, a);
}

void check(lang::DriverInstance& a, const lang::Config&, lang::Diagnostics& diag) {
  const auto& g = static_cast<const AuthenticatorGeneric&>(*a.generic);
  if (!g.server_condition.is_set())
    diag.warning("authenticator-without-condition", a.pos, static_cast<std::uint32_t>(a.name.size()),
                 "authenticator \"" + a.name + "\" has no server_condition: it is not used as a server");
}

constexpr AuthenticatorDef defs[] = {{
    .driver = {.kind = lang::DriverKind::authenticator,
               .name = "plaintext",
               .summary = "PLAIN and LOGIN",
               .doc = "Checks strings the client sends in clear (inside TLS, one hopes) with server_condition.",
               .options = kOptions,
               .make_options = []() -> std::unique_ptr<lang::DriverOptions> {
                 return std::make_unique<PlaintextOptions>();
               },
               .check = &check},
    .server = &server,
}};

}  // namespace
}  // namespace remex::authenticators

namespace remex::registry::authenticators {
extern const std::span<const AuthenticatorDef> plaintext;
constinit const std::span<const AuthenticatorDef> plaintext{remex::authenticators::defs};
}  // namespace remex::registry::authenticators
