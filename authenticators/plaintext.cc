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
  lang::Expansion server_prompts, client_send;
  bool client_ignore_invalid_base64 = false;
  std::vector<lang::Expansion> items;  ///< of client_send, split before expansion; made by check()
};

constexpr OptionDef kOptions[] = {
    with_examples(
        {"client_ignore_invalid_base64", OptionType::boolean, ref<&PlaintextOptions::client_ignore_invalid_base64>,
         "false", "a challenge that is not base64 is taken as empty", State::works, "", "", 3},
        {"true"}),
    with_examples(
        {"client_send", OptionType::expanded, ref<&PlaintextOptions::client_send>, "",
         "strings sent as a client, separated by colons; ^ is a NUL, ^^ a caret; an empty first one sends AUTH alone"},
        {"^relay^secret"}),
    with_examples({"server_prompts", OptionType::expanded_list, ref<&PlaintextOptions::server_prompts>, "",
                   "prompts for the strings; \":\" is one empty prompt (PLAIN)"},
                  {"Username:: : Password::"}),
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

/// ^ is NUL, ^^ is ^.
std::string with_nuls(std::string_view s) {
  std::string out;
  for (std::size_t i = 0; i < s.size(); ++i) {
    if (s[i] != '^') {
      out += s[i];
    } else if (i + 1 < s.size() && s[i + 1] == '^') {
      out += s[i++];
    } else {
      out += '\0';
    }
  }
  return out;
}

ClientResult client(lang::Scope& scope, const lang::DriverInstance& a, const ClientDialogue& talk) {
  using Kind = ClientResult::Kind;
  const auto& o = static_cast<const PlaintextOptions&>(*a.options);
  std::vector<std::string> challenges;
  set_auth_variables(scope, challenges);
  bool begun = false;
  Result<ClientReply> reply = fail("nothing to send");
  for (const lang::Expansion& item : o.items) {
    auto text = item.eval(scope);
    if (!text) {
      if (begun) (void)talk.cancel();
      if (text.error().kind == ErrorKind::forced_fail) return {Kind::skipped, {}};
      return {Kind::deferred, "expansion of client_send failed: " + text.error().text};
    }
    const std::string raw = with_nuls(text->view());
    reply = begun ? talk.answer(raw) : talk.begin(raw.empty() ? std::nullopt : std::optional(raw));
    begun = true;
    if (!reply || reply->code != 334) return judge_reply(reply);
    if (!reply->challenge && !o.client_ignore_invalid_base64) {
      (void)talk.cancel();
      return {Kind::rejected, "invalid base64 data from server in a challenge"};  // another mechanism may do
    }
    challenges.push_back(reply->challenge.value_or(""));
    set_auth_variables(scope, challenges);
  }
  // It wants more than there is.
  (void)talk.cancel();
  return {Kind::deferred, "the server asks for more than client_send has"};
}

/// The separator: the one after "<", else a colon; doubled ones stand for themselves.
std::vector<std::string> split_items(std::string_view s) {
  char sep = ':';
  s = trim_left(s);
  if (s.size() >= 2 && s[0] == '<') {
    sep = s[1];
    s.remove_prefix(2);
  }
  std::vector<std::string> items(1);
  for (std::size_t i = 0; i < s.size(); ++i) {
    if (s[i] != sep) {
      items.back() += s[i];
    } else if (i + 1 < s.size() && s[i + 1] == sep) {
      items.back() += s[i++];
    } else {
      items.emplace_back();
    }
  }
  for (std::string& item : items) item = std::string(trim(item));
  return items;
}

void check(lang::DriverInstance& a, const lang::Config& config, lang::Diagnostics& diag) {
  const auto& g = static_cast<const AuthenticatorGeneric&>(*a.generic);
  auto& o = static_cast<PlaintextOptions&>(*a.options);
  if (o.client_send.is_set()) {
    const lang::CompileContext ctx{config.registries.get(), &diag,
                                   "authenticator \"" + a.name + "\": option \"client_send\""};
    for (std::string& item : split_items(o.client_send.source_text()))
      if (auto e = lang::Expansion::compile(lang::SourceText(std::move(item), o.client_send.pos()), ctx))
        o.items.push_back(*e);
  }
  if (!g.server_condition.is_set() && !o.client_send.is_set())
    diag.warning("authenticator-without-condition", a.pos, static_cast<std::uint32_t>(a.name.size()),
                 "authenticator \"" + a.name + "\" has neither server_condition nor client_send: it is not used");
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
               .check = &check,
               .examples = {{R"(plain:
  driver = plaintext
  public_name = PLAIN
  server_advertise_condition = ${if def:tls_in_cipher}
  server_prompts = :
  server_condition = ${if crypteq{$auth3}{${lookup{$auth2}lsearch{/etc/remex/passwd}{$value}{*}}}}
  server_set_id = $auth2)"},
                            {R"(plain:
  driver = plaintext
  public_name = PLAIN
  server_prompt = :)",
                             "", "E0203"}}},
    .server = &server,
    .client = &client,
    .asks =
        [](const lang::DriverInstance& a) { return !static_cast<const PlaintextOptions&>(*a.options).items.empty(); },
}};

}  // namespace
}  // namespace remex::authenticators

namespace remex::registry::authenticators {
extern const std::span<const AuthenticatorDef> plaintext;
constinit const std::span<const AuthenticatorDef> plaintext{remex::authenticators::defs};
}  // namespace remex::registry::authenticators
