// cram_md5: CRAM-MD5 (RFC 2195), server and client. The secret never crosses the network; it must be known in clear
// here.
#include <fmt/core.h>
#include <unistd.h>

#include <atomic>

#include "authenticators/authenticator.h"
#include "core/base/clock.h"
#include "core/base/nettle_api.h"
#include "core/base/strings.h"
#include "core/hooks/hooks.h"
#include "lang/diagnostics.h"

namespace remex::authenticators {
namespace {

using lang::OptionType;
using lang::ref;

struct CramOptions : lang::DriverOptions {
  lang::Expansion server_secret, client_name, client_secret;
};
using O = CramOptions;

constexpr OptionDef kOptions[] = {
    with_examples({"client_name", OptionType::expanded, ref<&O::client_name>, "",
                   "user name sent as a client; unset: primary_hostname"},
                  {"relay"}),
    with_examples({"client_secret", OptionType::expanded, ref<&O::client_secret>, "", "secret used as a client"},
                  {"${readfile{/etc/remex/relay.secret}{}}"}),
    with_examples({"server_secret", OptionType::expanded, ref<&O::server_secret>, "",
                   "the secret of the user in $auth1; a forced failure says there is no such user"},
                  {"${lookup{$auth1}lsearch{/etc/remex/secrets}{$value}fail}"}),
};

std::string digest(std::string_view secret, std::string_view challenge) {
  hmac_md5_ctx ctx;
  hmac_md5_set_key(&ctx, secret.size(), reinterpret_cast<const std::uint8_t*>(secret.data()));
  hmac_md5_update(&ctx, challenge.size(), reinterpret_cast<const std::uint8_t*>(challenge.data()));
  std::string out(MD5_DIGEST_SIZE, '\0');
  hmac_md5_digest(&ctx, out.size(), reinterpret_cast<std::uint8_t*>(out.data()));
  return hex_encode(out);
}

/// Takes the same time wherever two texts of one length differ.
bool same(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  unsigned difference = 0;
  for (std::size_t i = 0; i < a.size(); ++i) difference |= static_cast<unsigned char>(a[i] ^ b[i]);
  return difference == 0;
}

ServerResult server(lang::Scope& scope, const lang::DriverInstance& a, const std::string* initial,
                    const Challenge& challenge) {
  using Kind = ServerResult::Kind;
  const auto& o = static_cast<const CramOptions&>(*a.options);
  ServerResult r;
  if (initial != nullptr) {  // RFC 4954 4: the server speaks first
    r.kind = Kind::bad_data;
    return r;
  }
  static std::atomic<unsigned> serial;
  const std::string text =
      hooks::cram_challenge(fmt::format("<{}.{}.{}@{}>", getpid(), wall_seconds(), ++serial,
                                        scope.config != nullptr ? scope.config->main.primary_hostname : "localhost"));
  auto answer = challenge(text);
  if (!answer) {
    r.kind = answer.error().kind == ErrorKind::cancelled ? Kind::cancelled : Kind::bad_data;
    return r;
  }
  const auto blank = answer->rfind(' ');
  const std::string user = answer->substr(0, blank);
  set_auth_variables(scope, {user});
  if (blank == std::string::npos) {
    r.kind = Kind::bad_data;
    return r;
  }
  auto secret = o.server_secret.eval(scope);
  if (!secret) {
    if (secret.error().kind != ErrorKind::forced_fail) {
      r.kind = Kind::deferred;
      r.message = secret.error().text;
    }
    return r;
  }
  // A table without this user gives nothing, which is no secret.
  if (secret->empty() || !same(digest(secret->view(), text), to_lower(trim(answer->substr(blank + 1))))) {
    if (generic(a).server_set_id.is_set())
      if (auto id = generic(a).server_set_id.eval(scope)) r.id = std::move(*id).str();
    return r;
  }
  return authorize(scope, a);
}

ClientResult client(lang::Scope& scope, const lang::DriverInstance& a, const ClientDialogue& talk) {
  using Kind = ClientResult::Kind;
  const auto& o = static_cast<const CramOptions&>(*a.options);
  std::string name;
  for (const auto& [option, what] :
       {std::pair(&o.client_name, "client_name"), std::pair(&o.client_secret, "client_secret")}) {
    if (!option->is_set()) continue;
    auto text = option->eval(scope);
    if (!text && text.error().kind == ErrorKind::forced_fail) return {Kind::skipped, {}};
    if (!text) return {Kind::deferred, fmt::format("expansion of {} failed: {}", what, text.error().text)};
    if (option == &o.client_name) name = text->str();
  }
  auto secret = o.client_secret.eval(scope);
  if (!secret) return {Kind::deferred, secret.error().text};
  auto reply = talk.begin(std::nullopt);
  if (!reply || reply->code != 334) return judge_reply(reply);
  if (!reply->challenge) {
    (void)talk.cancel();
    return {Kind::deferred, "invalid base64 data from server in a challenge"};
  }
  return judge_reply(talk.answer(fmt::format("{} {}", name, digest(secret->view(), *reply->challenge))));
}

void check(lang::DriverInstance& a, const lang::Config& config, lang::Diagnostics& diag) {
  auto& o = static_cast<CramOptions&>(*a.options);
  if (o.client_secret.is_set() && !o.client_name.is_set())
    o.client_name = lang::Expansion::literal(config.main.primary_hostname);
  if (!o.server_secret.is_set() && !o.client_secret.is_set())
    diag.error("bad-authenticator", a.pos, static_cast<std::uint32_t>(a.name.size()),
               "authenticator \"" + a.name + "\": neither server_secret nor client_secret is set");
}

constexpr AuthenticatorDef defs[] = {{
    .driver = {.kind = lang::DriverKind::authenticator,
               .name = "cram_md5",
               .summary = "CRAM-MD5 (RFC 2195), server and client",
               .doc = "Compares a keyed digest of a fresh challenge; server_secret gives the secret in clear. "
                      "server_condition, when set, decides afterwards.",
               .options = kOptions,
               .make_options = []() -> std::unique_ptr<lang::DriverOptions> { return std::make_unique<CramOptions>(); },
               .check = &check,
               .examples = {{R"(cram:
  driver = cram_md5
  public_name = CRAM-MD5
  server_secret = ${lookup{$auth1}lsearch{/etc/remex/secrets}{$value}fail}
  server_set_id = $auth1)"},
                            {R"(cram:
  driver = cram_md5
  public_name = CRAM-MD5)",
                             "", "E0612"}}},
    .server = &server,
    .client = &client,
    .serves =
        [](const lang::DriverInstance& a) {
          return static_cast<const CramOptions&>(*a.options).server_secret.is_set();
        },
    .asks =
        [](const lang::DriverInstance& a) {
          return static_cast<const CramOptions&>(*a.options).client_secret.is_set();
        },
}};

}  // namespace
}  // namespace remex::authenticators

namespace remex::registry::authenticators {
extern const std::span<const AuthenticatorDef> cram_md5;
constinit const std::span<const AuthenticatorDef> cram_md5{remex::authenticators::defs};
}  // namespace remex::registry::authenticators
