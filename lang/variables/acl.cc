// Variables: ACLs, verification and what their conditions found.
#include "lang/variables/variable_util.h"

#include "lang/config.h"

namespace remex::lang {
namespace {

constexpr TaintRule kClean = TaintRule::cleans;
constexpr TaintRule kPeer = TaintRule::taints;
constexpr TaintRule kKeeps = TaintRule::keeps;

/// Null for an unset one.
const Text* look_in(const std::map<std::string, Text>* a, const std::map<std::string, Text>* b, std::string_view name) {
  const std::string key(name.substr(4));
  for (const auto* m : {a, b}) {
    if (m == nullptr) continue;
    if (const auto it = m->find(key); it != m->end()) return &it->second;
  }
  return nullptr;
}
const Text* look_acl_c(const Scope& s, std::string_view name) {
  return look_in(s.acl_c, s.envelope == nullptr ? nullptr : &s.envelope->acl_c, name);
}
const Text* look_acl_m(const Scope& s, std::string_view name) {
  return look_in(s.acl_m, s.envelope == nullptr ? nullptr : &s.envelope->acl_m, name);
}
template <auto look>
Result<Text> acl_variable(Scope& s, std::string_view name) {
  if (const Text* there = look(s, name)) return *there;
  if (s.config != nullptr && s.config->main.strict_acl_vars)
    return fail("unknown variable name \"" + std::string(name) + "\"");
  return Text{};
}
Result<Text> acl_arg(Scope& s, std::string_view name) {
  const auto n = static_cast<std::size_t>(name.back() - '1');
  return n < s.acl_args.size() ? s.acl_args[n] : Text{};
}
template <std::size_t n>
const Text* peek_arg(const Scope& s) {
  return n < s.acl_args.size() ? &s.acl_args[n] : nullptr;
}
Result<Text> acl_narg(Scope& s, std::string_view) { return number(static_cast<std::int64_t>(s.acl_args.size())); }
Result<Text> sender_data(Scope& s, std::string_view) {
  return s.address != nullptr && !s.address->sender_data.empty() ? s.address->sender_data : s.sender_data;
}
Result<Text> recipient_data(Scope& s, std::string_view) {
  return s.address != nullptr && !s.address->recipient_data.empty() ? s.address->recipient_data : s.recipient_data;
}

constexpr VariableDef defs[] = {
    {.name = "acl_c*",
     .taint = kKeeps,
     .summary = "Connection-lifetime ACL variables (acl_c then digit or underscore)",
     .get = acl_variable<look_acl_c>,
     .tier = 1,
     .find = look_acl_c,
     .where = Where::rcpt,
     .examples = {{"${acl{set_c}}$acl_c_client", "client.example.net"},
                  {"${if def:acl_c_other{set}{never set}}", "never set"}}},
    {.name = "acl_m*",
     .taint = kKeeps,
     .summary = "Message-lifetime ACL variables; reset by MAIL/RSET/HELO/TLS start",
     .get = acl_variable<look_acl_m>,
     .tier = 1,
     .find = look_acl_m,
     .where = Where::rcpt,
     .examples = {{"${acl{set_m}}$acl_m_score", "7"}, {"<$acl_m_other>", "<>"}}},
    {.name = "acl_narg",
     .taint = kClean,
     .summary = "Number of ACL arguments",
     .get = acl_narg,
     .tier = 2,
     .where = Where::rcpt,
     .examples = {{"${acl{arguments}{one}{two}}", "2: one two"}, {"<$acl_narg>", "<0>"}}},
    {.name = "acl_arg1",
     .taint = kKeeps,
     .summary = "Argument 1 of the ACL",
     .get = acl_arg,
     .tier = 3,
     .peek = peek_arg<0>,
     .where = Where::rcpt,
     .examples = {{"${acl{arguments}{one}}", "1: one"}, {"<$acl_arg1>", "<>"}}},
    {.name = "acl_arg2",
     .taint = kKeeps,
     .summary = "Argument 2 of the ACL",
     .get = acl_arg,
     .tier = 3,
     .peek = peek_arg<1>,
     .where = Where::rcpt,
     .examples = {{"${acl{arguments}{one}{two}}", "2: one two"}, {"<$acl_arg2>", "<>"}}},
    {.name = "acl_arg3",
     .taint = kKeeps,
     .summary = "Argument 3 of the ACL",
     .get = acl_arg,
     .tier = 3,
     .peek = peek_arg<2>,
     .where = Where::rcpt,
     .examples = {{"${acl{arguments}{1}{2}{3}}", "3: 1 2 3"}, {"<$acl_arg3>", "<>"}}},
    {.name = "acl_arg4",
     .taint = kKeeps,
     .summary = "Argument 4 of the ACL",
     .get = acl_arg,
     .tier = 3,
     .peek = peek_arg<3>,
     .where = Where::rcpt,
     .examples = {{"${acl{arguments}{1}{2}{3}{4}}", "4: 1 2 3 4"}, {"<$acl_arg4>", "<>"}}},
    {.name = "acl_arg5",
     .taint = kKeeps,
     .summary = "Argument 5 of the ACL",
     .get = acl_arg,
     .tier = 3,
     .peek = peek_arg<4>,
     .where = Where::rcpt,
     .examples = {{"${acl{arguments}{1}{2}{3}{4}{5}}", "5: 1 2 3 4 5"}, {"<$acl_arg5>", "<>"}}},
    {.name = "acl_arg6",
     .taint = kKeeps,
     .summary = "Argument 6 of the ACL",
     .get = acl_arg,
     .tier = 3,
     .peek = peek_arg<5>,
     .where = Where::rcpt,
     .examples = {{"${acl{arguments}{1}{2}{3}{4}{5}{6}}", "6: 1 2 3 4 5 6"}, {"<$acl_arg6>", "<>"}}},
    {.name = "acl_arg7",
     .taint = kKeeps,
     .summary = "Argument 7 of the ACL",
     .get = acl_arg,
     .tier = 3,
     .peek = peek_arg<6>,
     .where = Where::rcpt,
     .examples = {{"${acl{arguments}{1}{2}{3}{4}{5}{6}{7}}", "7: 1 2 3 4 5 6 7"}, {"<$acl_arg7>", "<>"}}},
    {.name = "acl_arg8",
     .taint = kKeeps,
     .summary = "Argument 8 of the ACL",
     .get = acl_arg,
     .tier = 3,
     .peek = peek_arg<7>,
     .where = Where::rcpt,
     .examples = {{"${acl{arguments}{1}{2}{3}{4}{5}{6}{7}{8}}", "8: 1 2 3 4 5 6 7 8"}, {"<$acl_arg8>", "<>"}}},
    {.name = "acl_arg9",
     .taint = kKeeps,
     .summary = "Argument 9 of the ACL",
     .get = acl_arg,
     .tier = 3,
     .peek = peek_arg<8>,
     .where = Where::rcpt,
     .examples = {{"${acl{arguments}{1}{2}{3}{4}{5}{6}{7}{8}{9}}", "9: 1 2 3 4 5 6 7 8 9"}, {"<$acl_arg9>", "<>"}}},
    {.name = "acl_verify_message",
     .taint = kKeeps,
     .summary = "Failure text; cleared when the verb ends",
     .get = scope_tainted<&Scope::acl_verify_message>,
     .tier = 1,
     .where = Where::rcpt,
     .examples = {{"${acl{bad_sender}}", "Sender verify failed"},
                  {.input = "<$acl_verify_message>", .output = "<>", .where = Where::helo}}},
    {.name = "recipient_verify_failure",
     .taint = kClean,
     .summary = "qualify/route/mail/recipient/postmaster/quota/random",
     .get = scope_clean<&Scope::recipient_verify_failure>,
     .tier = 2,
     .where = Where::rcpt,
     .examples = {{"<$recipient_verify_failure>", "<>"},
                  {"${if def:recipient_verify_failure{$recipient_verify_failure}{no failure}}", "no failure"}}},
    {.name = "sender_verify_failure",
     .taint = kClean,
     .summary = "Same words as recipient_verify_failure",
     .get = scope_clean<&Scope::sender_verify_failure>,
     .tier = 3,
     .where = Where::rcpt,
     .examples = {{"${acl{bad_sender}}: $sender_verify_failure", "Sender verify failed: route"},
                  {.input = "<$sender_verify_failure>", .output = "<>", .where = Where::helo}}},
    {.name = "sender_address_data",
     .taint = kKeeps,
     .summary = "address_data from sender routing",
     .get = scope_text<&Scope::verify_sender_address_data>,
     .tier = 3,
     .where = Where::rcpt,
     .examples = {{"${acl{good_sender}}$sender_address_data", "partner"},
                  {.input = "<$sender_address_data>", .output = "<>", .where = Where::helo}}},
    {.name = "host_data",
     .taint = kKeeps,
     .summary = "Match value of host list",
     .get = scope_text<&Scope::host_data>,
     .tier = 2,
     .where = Where::rcpt,
     .examples = {{"${acl{known_host}}$host_data", "192.0.2.0/24"},
                  {.input = "<$host_data>", .output = "<>", .where = Where::helo}}},
    {.name = "sender_data",
     .taint = kKeeps,
     .summary = "Match value; until next senders test",
     .get = sender_data,
     .tier = 3,
     .where = Where::rcpt,
     .examples = {{"${acl{known_sender}}$sender_data", "jane@example.net"},
                  {.input = "<$sender_data>", .output = "<>", .where = Where::helo}}},
    {.name = "recipient_data",
     .taint = kKeeps,
     .summary = "Match value; until next recipients test",
     .get = recipient_data,
     .tier = 3,
     .where = Where::rcpt,
     .examples = {{"${acl{known_recipient}}$recipient_data", "joe@example.com"},
                  {.input = "<$recipient_data>", .output = "<>", .where = Where::helo}}},
    {.name = "dnslist_domain",
     .taint = kClean,
     .summary = "List domain that matched",
     .get = scope_clean<&Scope::dnslist_domain>,
     .tier = 1,
     .where = Where::rcpt,
     .examples = {{"${acl{listed}}$dnslist_domain", "bl.example.org"},
                  {.input = "<$dnslist_domain>", .output = "<>", .where = Where::helo}}},
    {.name = "dnslist_matched",
     .taint = kKeeps,
     .summary = "Key that matched, unreversed",
     .get = scope_tainted<&Scope::dnslist_matched>,
     .tier = 2,
     .where = Where::rcpt,
     .examples = {{"${acl{listed}}$dnslist_matched", "192.0.2.7"},
                  {.input = "<$dnslist_matched>", .output = "<>", .where = Where::helo}}},
    {.name = "dnslist_text",
     .taint = kKeeps,
     .summary = "TXT of the entry",
     .get = scope_tainted<&Scope::dnslist_text>,
     .tier = 1,
     .where = Where::rcpt,
     .examples = {{"${acl{listed}}$dnslist_text", "listed since Monday"},
                  {.input = "<$dnslist_text>", .output = "<>", .where = Where::helo}}},
    {.name = "dnslist_value",
     .taint = kKeeps,
     .summary = "A record value(s)",
     .get = scope_tainted<&Scope::dnslist_value>,
     .tier = 1,
     .where = Where::rcpt,
     .examples = {{"${acl{listed}}$dnslist_value", "127.0.0.2"},
                  {.input = "<$dnslist_value>", .output = "<>", .where = Where::helo}}},
    {.name = "headers_added",
     .taint = kKeeps,
     .summary = "Headers queued by add_header, newline list",
     .get = scope_tainted<&Scope::headers_added>,
     .tier = 3,
     .where = Where::rcpt,
     .examples = {{"${acl{tag}}${sg{$headers_added}{\\n}{}}", "X-Tag: seen"},
                  {.input = "<$headers_added>", .output = "<>", .where = Where::helo}}},
    {.name = "sender_rate",
     .taint = kClean,
     .summary = "Measured rate",
     .get = extra_clean,
     .tier = 1,
     .where = Where::rcpt,
     .examples = {{"${acl{rate}}$sender_rate", "1.0"},
                  {.input = "<$sender_rate>", .output = "<>", .where = Where::helo}}},
    {.name = "sender_rate_limit",
     .taint = kClean,
     .summary = "Configured limit",
     .get = extra_clean,
     .tier = 2,
     .where = Where::rcpt,
     .examples = {{"${acl{rate}}$sender_rate_limit", "0"},
                  {.input = "<$sender_rate_limit>", .output = "<>", .where = Where::helo}}},
    {.name = "sender_rate_period",
     .taint = kClean,
     .summary = "Configured period",
     .get = extra_clean,
     .tier = 2,
     .where = Where::rcpt,
     .examples = {{"${acl{rate}}$sender_rate_period", "1h"},
                  {.input = "<$sender_rate_period>", .output = "<>", .where = Where::helo}}},
    {.name = "callout_address",
     .taint = kClean,
     .summary = "Address connected to",
     .get = extra_clean,
     .tier = 3,
     .where = Where::rcpt,
     .examples = {{"<$callout_address>", "<>"},
                  {"${if def:callout_address{asked $callout_address}{nobody was asked}}", "nobody was asked"}}},
    {.name = "csa_status",
     .taint = kClean,
     .summary = "fail, defer, unknown or ok; here empty: no CSA",
     .get = nothing,
     .tier = 4,
     .where = Where::rcpt,
     .examples = {{"<$csa_status>", "<>"}, {"${if eq{$csa_status}{ok}{authorised}{not asked}}", "not asked"}}},
};
[[maybe_unused]] constexpr TaintRule kUsed[] = {kClean, kPeer, kKeeps};

}  // namespace
}  // namespace remex::lang

namespace remex::registry::variables {
extern const std::span<const VariableDef> acl;
constinit const std::span<const VariableDef> acl{lang::defs};
}  // namespace remex::registry::variables
