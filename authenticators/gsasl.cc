// gsasl: the mechanisms of GNU SASL (SCRAM-SHA-1, SCRAM-SHA-256, DIGEST-MD5, CRAM-MD5, PLAIN ...), server and client.
//
// libgsasl is opened when a configuration has such an authenticator; missing, or without the mechanism, is a load
// error. The library computes only; what it wants to know it asks the callback below, which expands the options on the
// session's fiber. An expansion that fails defers the attempt. Channel binding does not exist here.
#include "authenticators/authenticator.h"
#include "lang/diagnostics.h"

#if __has_include(<gsasl.h>)
#include <gsasl.h>
#endif

#include <fmt/core.h>

#include "core/base/late_library.h"
#include "core/base/strings.h"

namespace remex::authenticators {
namespace {

using lang::OptionType;
using lang::ref;
using lang::State;

struct GsaslOptions : lang::DriverOptions {
  lang::Expansion client_authz, client_password, client_spassword, client_username, server_hostname, server_key,
      server_password, server_realm, server_scram_iter, server_scram_salt, server_skey;
  std::string server_mech, server_service = "smtp";
};
using O = GsaslOptions;

#if __has_include(<gsasl.h>)
constexpr State kState = State::works;
#else
constexpr State kState = State::later;
#endif

constexpr OptionDef row(std::string_view name, void* (*bound)(void*), std::string_view default_text,
                        std::string_view summary, lang::Example example) {
  return {.name = name,
          .type = OptionType::expanded,
          .ref = bound,
          .default_text = default_text,
          .summary = summary,
          .state = kState,
          .tier = 3,
          .examples = {example}};
}

constexpr OptionDef kOptions[] = {
    row("client_authz", ref<&O::client_authz>, "", "identity to act as, when it is not client_username",
        {"postmaster"}),
    {.name = "client_channelbinding",
     .type = OptionType::boolean,
     .default_text = "false",
     .summary = "channel binding",
     .state = State::later,
     .harmless = "false",
     .tier = 3},
    row("client_password", ref<&O::client_password>, "", "password, in clear",
        {"${lookup{$host}lsearch{/etc/remex/passwords}{$value}fail}"}),
    row("client_spassword", ref<&O::client_spassword>, "",
        "salted SCRAM password in hex; $auth1 user, $auth2 iterations, $auth3 salt",
        {"${lookup{$auth1}lsearch{/etc/remex/salted}{$value}fail}"}),
    row("client_username", ref<&O::client_username>, "", "user name", {"relay"}),
    {.name = "server_channelbinding",
     .type = OptionType::boolean,
     .default_text = "false",
     .summary = "channel binding",
     .state = State::later,
     .harmless = "false",
     .tier = 3},
    row("server_hostname", ref<&O::server_hostname>, "$primary_hostname", "name of this host for the mechanism",
        {"mail.example.com"}),
    row("server_key", ref<&O::server_key>, "", "SCRAM ServerKey, base64",
        {"${lookup{$auth1}lsearch{/etc/remex/server_keys}{$value}fail}"}),
    {.name = "server_mech",
     .type = OptionType::string,
     .ref = ref<&O::server_mech>,
     .default_text = "the public name",
     .summary = "mechanism of the library",
     .state = kState,
     .tier = 3,
     .examples = {{"SCRAM-SHA-256"}, {"NONESUCH", "", "E0612"}}},
    row("server_password", ref<&O::server_password>, "", "password of $auth1 in clear; $auth3 is the realm",
        {"${lookup{$auth1}lsearch{/etc/remex/users}{$value}fail}"}),
    row("server_realm", ref<&O::server_realm>, "", "realm", {"example.com"}),
    row("server_scram_iter", ref<&O::server_scram_iter>, "4096", "SCRAM iterations", {"10000"}),
    row("server_scram_salt", ref<&O::server_scram_salt>, "", "SCRAM salt, base64; random when empty",
        {"${lookup{$auth1}lsearch{/etc/remex/salts}{$value}fail}"}),
    {.name = "server_service",
     .type = OptionType::string,
     .ref = ref<&O::server_service>,
     .default_text = "smtp",
     .summary = "name of the service",
     .state = kState,
     .tier = 3,
     .examples = {{"smtp"},
                  {.input = "smtp", .error = "E0612", .setup = "driver = gsasl\npublic_name = SCRAM-SHA-256"}}},
    row("server_skey", ref<&O::server_skey>, "", "SCRAM StoredKey, base64",
        {"${lookup{$auth1}lsearch{/etc/remex/stored_keys}{$value}fail}"}),
};

#if __has_include(<gsasl.h>)

constinit const io::LateLibrary gsasl_library{"libgsasl.so.18"};
#define REMEX_LATE(name) constinit const io::LateFunction<decltype(&::name)> late_##name{gsasl_library, #name};
REMEX_LATE(gsasl_callback_set)
REMEX_LATE(gsasl_client_start)
REMEX_LATE(gsasl_client_support_p)
REMEX_LATE(gsasl_done)
REMEX_LATE(gsasl_finish)
REMEX_LATE(gsasl_free)
REMEX_LATE(gsasl_init)
REMEX_LATE(gsasl_property_fast)
REMEX_LATE(gsasl_property_set)
REMEX_LATE(gsasl_server_start)
REMEX_LATE(gsasl_server_support_p)
REMEX_LATE(gsasl_session_hook_get)
REMEX_LATE(gsasl_session_hook_set)
REMEX_LATE(gsasl_step)
REMEX_LATE(gsasl_strerror_name)
#undef REMEX_LATE

constexpr std::int64_t kMaxIterations = 600'000;  ///< a hostile server must not keep this process computing

std::string mechanism(const lang::DriverInstance& a) {
  const auto& o = static_cast<const GsaslOptions&>(*a.options);
  return to_upper(o.server_mech.empty() ? public_name(a) : o.server_mech);
}

/// One dialogue with the library.
class Dialogue {
 public:
  Dialogue(lang::Scope& scope, const lang::DriverInstance& a, bool server)
      : scope_(scope), a_(a), o_(static_cast<const GsaslOptions&>(*a.options)), server_(server) {
    if (!gsasl_library.open() || late_gsasl_init(&library_) != GSASL_OK) return;
    late_gsasl_callback_set(library_, &Dialogue::called);
    const std::string mech = server ? mechanism(a) : to_upper(public_name(a));
    const int rc = server ? late_gsasl_server_start(library_, mech.c_str(), &session_)
                          : late_gsasl_client_start(library_, mech.c_str(), &session_);
    if (rc != GSASL_OK) session_ = nullptr;
    if (session_ != nullptr) late_gsasl_session_hook_set(session_, this);
  }
  ~Dialogue() {
    if (session_ != nullptr) late_gsasl_finish(session_);
    if (library_ != nullptr) late_gsasl_done(library_);
  }
  Dialogue(const Dialogue&) = delete;
  Dialogue& operator=(const Dialogue&) = delete;

  bool usable() const { return session_ != nullptr; }
  int step(std::string_view in, std::string& out) {
    char* text = nullptr;
    std::size_t size = 0;
    const int rc = late_gsasl_step(session_, in.data(), in.size(), &text, &size);
    out.assign(text == nullptr ? "" : text, text == nullptr ? 0 : size);
    if (text != nullptr) late_gsasl_free(text);
    return rc;
  }
  std::string property(Gsasl_property p) const {
    const char* value = late_gsasl_property_fast(session_, p);
    return value == nullptr ? std::string() : value;
  }
  const std::string& trouble() const { return trouble_; }                    ///< an expansion failed: defer
  const std::optional<ServerResult>& decision() const { return decision_; }  ///< made while the library asked

 private:
  static int called(Gsasl*, Gsasl_session* session, Gsasl_property p) {
    auto* self = session == nullptr ? nullptr : static_cast<Dialogue*>(late_gsasl_session_hook_get(session));
    if (self == nullptr) return GSASL_NO_CALLBACK;
    return self->server_ ? self->answer_server(p) : self->answer_client(p);
  }

  void set(Gsasl_property p, const std::string& value) { late_gsasl_property_set(session_, p, value.c_str()); }

  void show_user() {
    set_auth_variables(scope_, {property(GSASL_AUTHID), property(GSASL_AUTHZID), property(GSASL_REALM)});
  }

  /// Expands and sets; `size` nonzero: other lengths do not count.
  int from_option(Gsasl_property p, const lang::Expansion& e, std::string_view name, int otherwise,
                  std::size_t size = 0) {
    if (!e.is_set()) return otherwise;
    auto text = e.eval(scope_);
    if (!text) {
      if (trouble_.empty())
        trouble_ = text.error().kind == ErrorKind::forced_fail && server_
                       ? fmt::format("{}: forced failure", name)
                       : fmt::format("expansion of {} failed: {}", name, text.error().text);
      return otherwise;
    }
    if (size != 0 && text->size() != size) return otherwise;
    if (text->empty() && p == GSASL_SCRAM_SALT) return otherwise;
    if (text->empty() && p == GSASL_PASSWORD && server_) return otherwise;  // a table without this user gives nothing
    set(p, text->str());
    return GSASL_OK;
  }

  std::size_t key_size() const { return mechanism(a_).starts_with("SCRAM-SHA-256") ? 44 : 28; }

  int answer_server(Gsasl_property p) {
    switch (p) {
      case GSASL_SERVICE: set(p, o_.server_service); return GSASL_OK;
      case GSASL_HOSTNAME:
        if (o_.server_hostname.is_set())
          return from_option(p, o_.server_hostname, "server_hostname", GSASL_NO_HOSTNAME);
        set(p, scope_.config->main.primary_hostname);
        return GSASL_OK;
      case GSASL_REALM: return from_option(p, o_.server_realm, "server_realm", GSASL_NO_CALLBACK);
      case GSASL_PASSWORD: show_user(); return from_option(p, o_.server_password, "server_password", GSASL_NO_PASSWORD);
      case GSASL_SCRAM_STOREDKEY:
        show_user();
        return from_option(p, o_.server_skey, "server_skey", GSASL_NO_CALLBACK, key_size());
      case GSASL_SCRAM_SERVERKEY:
        show_user();
        return from_option(p, o_.server_key, "server_key", GSASL_NO_CALLBACK, key_size());
      case GSASL_SCRAM_ITER:
        show_user();
        if (o_.server_scram_iter.is_set())
          return from_option(p, o_.server_scram_iter, "server_scram_iter", GSASL_NO_CALLBACK);
        set(p, "4096");
        return GSASL_OK;
      case GSASL_SCRAM_SALT:
        show_user();
        return from_option(p, o_.server_scram_salt, "server_scram_salt", GSASL_NO_CALLBACK);
      case GSASL_VALIDATE_SIMPLE:
        set_auth_variables(scope_, {property(GSASL_AUTHID), property(GSASL_AUTHZID), property(GSASL_PASSWORD)});
        return decided();
      case GSASL_VALIDATE_EXTERNAL: set_auth_variables(scope_, {property(GSASL_AUTHZID)}); return decided();
      case GSASL_VALIDATE_ANONYMOUS: set_auth_variables(scope_, {property(GSASL_ANONYMOUS_TOKEN)}); return decided();
      default: return GSASL_NO_CALLBACK;
    }
  }

  int decided() {
    decision_ = decide(scope_, a_);
    return decision_->kind == ServerResult::Kind::ok ? GSASL_OK : GSASL_AUTHENTICATION_ERROR;
  }

  int answer_client(Gsasl_property p) {
    switch (p) {
      case GSASL_SERVICE: set(p, "smtp"); return GSASL_OK;
      case GSASL_HOSTNAME: set(p, scope_.delivery != nullptr ? scope_.delivery->host : std::string()); return GSASL_OK;
      case GSASL_AUTHID:
      case GSASL_ANONYMOUS_TOKEN: return from_option(p, o_.client_username, "client_username", GSASL_NO_AUTHID);
      case GSASL_AUTHZID: return from_option(p, o_.client_authz, "client_authz", GSASL_NO_AUTHZID);
      case GSASL_PASSWORD: return from_option(p, o_.client_password, "client_password", GSASL_NO_PASSWORD);
      case GSASL_SCRAM_SALTED_PASSWORD:
        set_auth_variables(scope_, {property(GSASL_AUTHID), property(GSASL_SCRAM_ITER), property(GSASL_SCRAM_SALT)});
        return from_option(p, o_.client_spassword, "client_spassword", GSASL_NO_CALLBACK,
                           to_upper(public_name(a_)).starts_with("SCRAM-SHA-256") ? 64 : 40);
      default: return GSASL_NO_CALLBACK;
    }
  }

  lang::Scope& scope_;
  const lang::DriverInstance& a_;
  const GsaslOptions& o_;
  bool server_;
  Gsasl* library_ = nullptr;
  Gsasl_session* session_ = nullptr;
  std::string trouble_;
  std::optional<ServerResult> decision_;
};

ServerResult server(lang::Scope& scope, const lang::DriverInstance& a, const std::string* initial,
                    const Challenge& challenge) {
  using Kind = ServerResult::Kind;
  ServerResult r;
  Dialogue d(scope, a, true);
  if (!d.usable()) {
    r.kind = Kind::deferred;
    r.message = fmt::format("GNU SASL cannot serve {}", mechanism(a));
    return r;
  }
  std::string in = initial != nullptr ? *initial : std::string(), out;
  bool first = initial == nullptr;
  int rc = GSASL_OK;
  for (int turn = 0;; ++turn) {
    rc = d.step(in, out);
    if (first && rc == GSASL_MECHANISM_PARSE_ERROR && in.empty()) rc = GSASL_NEEDS_MORE;  // the client speaks first
    first = false;
    if ((rc != GSASL_NEEDS_MORE && !(rc == GSASL_OK && !out.empty())) || turn > 10) break;
    auto answer = challenge(out);
    if (!answer) {
      r.kind = answer.error().kind == ErrorKind::cancelled ? Kind::cancelled : Kind::bad_data;
      return r;
    }
    if (rc == GSASL_OK) break;  // RFC 4954 4: the last word of the server was acknowledged
    in = std::move(*answer);
  }
  const std::string user = d.property(GSASL_AUTHID);
  if (!d.trouble().empty()) {
    r.kind = Kind::deferred;
    r.message = d.trouble();
    return r;
  }
  if (d.decision()) return *d.decision();
  set_auth_variables(scope, {user, d.property(GSASL_AUTHZID), d.property(GSASL_REALM)});
  if (rc == GSASL_OK) return authorize(scope, a);
  if (rc == GSASL_MECHANISM_PARSE_ERROR || rc == GSASL_BASE64_ERROR) {
    r.kind = Kind::bad_data;
    return r;
  }
  const char* name = late_gsasl_strerror_name(rc);
  r.message = name == nullptr ? "" : name;
  if (generic(a).server_set_id.is_set())
    if (auto id = generic(a).server_set_id.eval(scope)) r.id = std::move(*id).str();
  return r;
}

/// i= of a SCRAM server's first message (RFC 5802 5.1).
std::int64_t iterations(std::string_view challenge) {
  for (const std::string_view part : split(challenge, ','))
    if (part.starts_with("i=")) return parse_int(part.substr(2)).value_or(kMaxIterations + 1);
  return 0;
}

ClientResult client(lang::Scope& scope, const lang::DriverInstance& a, const ClientDialogue& talk) {
  using Kind = ClientResult::Kind;
  const std::string mech = to_upper(public_name(a));
  Dialogue d(scope, a, false);
  if (!d.usable()) return {Kind::deferred, fmt::format("GNU SASL cannot be a client of {}", mech)};
  std::string out;
  int rc = d.step({}, out);
  const auto failed = [&]() -> ClientResult {
    if (!d.trouble().empty()) return {Kind::deferred, d.trouble()};
    const char* name = late_gsasl_strerror_name(rc);
    return {Kind::deferred, fmt::format("{}: {}", mech, name == nullptr ? "failed" : name)};
  };
  if (!d.trouble().empty() || (rc != GSASL_OK && rc != GSASL_NEEDS_MORE)) return failed();
  auto reply = talk.begin(out.empty() && mech != "EXTERNAL" ? std::nullopt : std::optional(out));
  for (int turn = 0; reply && reply->code == 334 && turn < 10; ++turn) {
    if (!reply->challenge || (mech.starts_with("SCRAM") && iterations(*reply->challenge) > kMaxIterations)) {
      const bool text = reply->challenge.has_value();
      (void)talk.cancel();
      return {Kind::deferred,
              text ? "the server wants too many SCRAM iterations" : "invalid base64 data from server in a challenge"};
    }
    if (rc == GSASL_OK && reply->challenge->empty()) {
      reply = talk.answer("");
      continue;
    }
    rc = d.step(*reply->challenge, out);
    if (!d.trouble().empty() || (rc != GSASL_OK && rc != GSASL_NEEDS_MORE)) {
      (void)talk.cancel();
      return failed();
    }
    reply = talk.answer(out);
  }
  ClientResult result = judge_reply(reply);
  if (result.kind == Kind::ok && rc != GSASL_OK)
    return {Kind::deferred, fmt::format("{}: the server did not prove that it knows the password", mech)};
  if (result.kind == Kind::ok)
    set_auth_variables(scope, {d.property(GSASL_AUTHID), d.property(GSASL_SCRAM_ITER), d.property(GSASL_SCRAM_SALT),
                               d.property(GSASL_SCRAM_SALTED_PASSWORD)});
  return result;
}

bool serves(const lang::DriverInstance& a) {
  const auto& o = static_cast<const GsaslOptions&>(*a.options);
  return o.server_password.is_set() || o.server_skey.is_set() || generic(a).server_condition.is_set();
}
bool asks(const lang::DriverInstance& a) {
  const auto& o = static_cast<const GsaslOptions&>(*a.options);
  return o.client_username.is_set() || o.client_password.is_set() || o.client_spassword.is_set();
}

void check(lang::DriverInstance& a, const lang::Config&, lang::Diagnostics& diag) {
  const auto complain = [&](const std::string& text) {
    diag.error("bad-authenticator", a.pos, static_cast<std::uint32_t>(a.name.size()),
               fmt::format("authenticator \"{}\": {}", a.name, text));
  };
  if (!serves(a) && !asks(a)) return complain("gsasl needs server_password, server_condition or client_username");
  if (Status st = gsasl_library.open(); !st) return complain("gsasl needs libgsasl18: " + st.error().text);
  Gsasl* library = nullptr;
  if (late_gsasl_init(&library) != GSASL_OK) return complain("GNU SASL cannot be initialized");
  if (serves(a)) {
    const std::string mech = mechanism(a);
    if (late_gsasl_server_support_p(library, mech.c_str()) == 0)
      complain(fmt::format("GNU SASL cannot serve the mechanism {}", mech));
    const bool decides = mech == "PLAIN" || mech == "LOGIN" || mech == "EXTERNAL" || mech == "ANONYMOUS";
    if (decides && !generic(a).server_condition.is_set())
      complain(fmt::format("the mechanism {} needs server_condition", mech));
  }
  if (asks(a) && late_gsasl_client_support_p(library, to_upper(public_name(a)).c_str()) == 0)
    complain(fmt::format("GNU SASL cannot be a client of the mechanism {}", to_upper(public_name(a))));
  late_gsasl_done(library);
}
#endif

constexpr AuthenticatorDef defs[] = {{
    .driver =
        {.kind = lang::DriverKind::authenticator,
         .name = "gsasl",
         .summary = "mechanisms of GNU SASL, SCRAM among them",
         .doc = "server_password (or, for SCRAM, server_skey and server_key) tells what the user should know; PLAIN, "
                "LOGIN, EXTERNAL and ANONYMOUS are decided by server_condition. As a client the mechanism is the "
                "public name. A SCRAM server that wants more than 600000 iterations is refused.",
         .options = kOptions,
         .make_options = []() -> std::unique_ptr<lang::DriverOptions> { return std::make_unique<GsaslOptions>(); },
#if __has_include(<gsasl.h>)
         .check = &check,
         .examples = {{R"(scram:
  driver = gsasl
  public_name = SCRAM-SHA-256
  server_password = ${lookup{$auth1}lsearch{/etc/remex/users}{$value}fail}
)"},
                      {R"(scram:
  driver = gsasl
  public_name = SCRAM-SHA-256
)",
                       "", "E0612"}}},
    .server = &server,
    .client = &client,
    .serves = &serves,
    .asks = &asks,
#else
         .state = State::later},
#endif
}};

}  // namespace
}  // namespace remex::authenticators

namespace remex::registry::authenticators {
extern const std::span<const AuthenticatorDef> gsasl;
constinit const std::span<const AuthenticatorDef> gsasl{remex::authenticators::defs};
}  // namespace remex::registry::authenticators
