// Variables: the signer the DKIM ACL looks at, or the domain being signed for.
#include "lang/variables/variable_util.h"

#include <algorithm>

namespace remex::lang {
namespace {

constexpr TaintRule kClean = TaintRule::cleans;
constexpr TaintRule kPeer = TaintRule::taints;
constexpr TaintRule kKeeps = TaintRule::keeps;

using Signature = msgauth::DkimSignature;

const Signature* current(const Scope& s) { return s.dkim == nullptr ? nullptr : s.dkim->current; }

template <std::string Signature::* M>
Result<Text> field(Scope& s, std::string_view) {
  return current(s) == nullptr ? Text{} : *from_peer(current(s)->*M);
}
// While signing these name what is signed for.
Result<Text> domain(Scope& s, std::string_view) {
  if (current(s) != nullptr) return from_peer(current(s)->domain);
  return s.delivery == nullptr ? Text{} : Text(s.delivery->dkim_domain);
}
Result<Text> selector(Scope& s, std::string_view) {
  if (current(s) != nullptr) return from_peer(current(s)->selector);
  return s.delivery == nullptr ? Text{} : Text(s.delivery->dkim_selector);
}
constexpr std::int64_t kUnlimited = 9999999999999;
Result<Text> body_length(Scope& s, std::string_view) {
  return number(current(s) == nullptr || current(s)->body_length < 0 ? kUnlimited : current(s)->body_length);
}
Result<Text> expires(Scope& s, std::string_view) {
  return number(current(s) == nullptr || current(s)->expires < 0 ? kUnlimited : current(s)->expires);
}
Result<Text> created(Scope& s, std::string_view) { return number(current(s) == nullptr ? 0 : current(s)->created); }
Result<Text> key_length(Scope& s, std::string_view) { return number(current(s) == nullptr ? 0 : current(s)->key_bits); }
Result<Text> testing(Scope& s, std::string_view) {
  return trusted(current(s) != nullptr && current(s)->key_testing ? "1" : "0");
}
Result<Text> nosubdomains(Scope& s, std::string_view) {
  return trusted(current(s) != nullptr && current(s)->key_nosubdomains ? "1" : "0");
}
Result<Text> canon(Scope& s, std::string_view name) {
  if (current(s) == nullptr) return Text{};
  const msgauth::Canon c = name.ends_with("body") ? current(s)->canon_body : current(s)->canon_headers;
  return trusted(c == msgauth::Canon::relaxed ? "relaxed" : "simple");
}
Result<Text> identity(Scope& s, std::string_view) {
  if (current(s) == nullptr) return Text{};
  return from_peer(current(s)->identity.empty() ? "@" + current(s)->domain : current(s)->identity);
}
Result<Text> header_names(Scope& s, std::string_view) {
  std::string out;
  if (current(s) != nullptr) {
    for (const std::string& n : current(s)->header_names) out += (out.empty() ? "" : ":") + n;
  }
  return from_peer(out);
}

constexpr VariableDef defs[] = {
    {.name = "dkim_domain",
     .taint = kKeeps,
     .summary = "d= domain, or domain being signed",
     .get = domain,
     .tier = 2,
     .where = Where::dkim,
     .examples = {{"$dkim_domain", "example.net"}, {.input = "<$dkim_domain>", .output = "<>", .where = Where::rcpt}}},
    {.name = "dkim_selector",
     .taint = kKeeps,
     .summary = "Selector",
     .get = selector,
     .tier = 2,
     .where = Where::dkim,
     .examples = {{"$dkim_selector", "mail2026"},
                  {"$dkim_selector._domainkey.$dkim_domain", "mail2026._domainkey.example.net"}}},
    {.name = "dkim_signers",
     .taint = kKeeps,
     .summary = "All signer domains/identities",
     .get = (member<&Scope::dkim, &DkimState::signers, true>),
     .tier = 2,
     .where = Where::data,
     .examples = {{"$dkim_signers", "example.net:jane@example.net"},
                  {.input = "<$dkim_signers>", .output = "<>", .where = Where::rcpt}}},
    {.name = "dkim_cur_signer",
     .taint = kKeeps,
     .summary = "Signer being evaluated",
     .get = (member<&Scope::dkim, &DkimState::cur_signer, true>),
     .tier = 2,
     .where = Where::dkim,
     .examples = {{"$dkim_cur_signer", "example.net"},
                  {"${if eq{$dkim_cur_signer}{$sender_address_domain}{the sender's}{another's}}", "the sender's"}}},
    {.name = "dkim_verify_status",
     .taint = kClean,
     .summary = "none, invalid, fail or pass",
     .get = (member<&Scope::dkim, &DkimState::verify_status>),
     .tier = 2,
     .where = Where::dkim,
     .examples = {{"$dkim_verify_status", "pass"}, {"${if eq{$dkim_verify_status}{pass}{good}{bad}}", "good"}}},
    {.name = "dkim_verify_reason",
     .taint = kKeeps,
     .summary = "Detail of fail/invalid",
     .get = (member<&Scope::dkim, &DkimState::verify_reason, true>),
     .tier = 2,
     .where = Where::dkim,
     .examples = {{"<$dkim_verify_reason>", "<>"},
                  {"${if def:dkim_verify_reason{$dkim_verify_reason}{no complaint}}", "no complaint"}}},
    {.name = "dkim_algo",
     .taint = kKeeps,
     .summary = "Signature algorithm",
     .get = field<&Signature::algo>,
     .tier = 3,
     .where = Where::dkim,
     .examples = {{"$dkim_algo", "ed25519-sha256"}, {"${if match{$dkim_algo}{sha1}{weak}{strong}}", "strong"}}},
    {.name = "dkim_bodylength",
     .taint = kClean,
     .summary = "Signed body bytes; huge number when unlimited",
     .get = body_length,
     .tier = 3,
     .where = Where::dkim,
     .examples = {{"${if >{$dkim_bodylength}{1000000}{the whole body}{a part}}", "the whole body"},
                  {"$dkim_bodylength", "9999999999999"}}},
    {.name = "dkim_created",
     .taint = kClean,
     .summary = "t= timestamp or 0",
     .get = created,
     .tier = 3,
     .where = Where::dkim,
     .examples = {{"$dkim_created", "1700000000"},
                  {"${if <{$dkim_created}{$tod_epoch}{in the past}{in the future}}", "in the past"}}},
    {.name = "dkim_expires",
     .taint = kClean,
     .summary = "x= timestamp or huge number",
     .get = expires,
     .tier = 3,
     .where = Where::dkim,
     .examples = {{"$dkim_expires", "4102444800"}, {"${if <{$dkim_expires}{$tod_epoch}{expired}{valid}}", "valid"}}},
    {.name = "dkim_canon_body",
     .taint = kClean,
     .summary = "Body canonicalisation",
     .get = canon,
     .tier = 3,
     .where = Where::dkim,
     .examples = {{"$dkim_canon_body", "relaxed"},
                  {.input = "<$dkim_canon_body>", .output = "<>", .where = Where::rcpt}}},
    {.name = "dkim_canon_headers",
     .taint = kClean,
     .summary = "Header canonicalisation",
     .get = canon,
     .tier = 3,
     .where = Where::dkim,
     .examples = {{"$dkim_canon_headers", "relaxed"},
                  {.input = "<$dkim_canon_headers>", .output = "<>", .where = Where::rcpt}}},
    {.name = "dkim_copiedheaders",
     .taint = kKeeps,
     .summary = "z= tag contents",
     .get = field<&Signature::copied_headers>,
     .tier = 3,
     .where = Where::dkim,
     .examples = {{"$dkim_copiedheaders", "Subject:Minutes of the meeting"},
                  {.input = "<$dkim_copiedheaders>", .output = "<>", .where = Where::rcpt}}},
    {.name = "dkim_headernames",
     .taint = kKeeps,
     .summary = "Signed header names",
     .get = header_names,
     .tier = 3,
     .where = Where::dkim,
     .examples = {{"$dkim_headernames", "from:to:subject:date:message-id"},
                  {"${if inlisti{subject}{$dkim_headernames}{subject signed}{not signed}}", "subject signed"}}},
    {.name = "dkim_identity",
     .taint = kKeeps,
     .summary = "i= identity",
     .get = identity,
     .tier = 3,
     .where = Where::dkim,
     .examples = {{"$dkim_identity", "jane@example.net"},
                  {"${if eqi{$dkim_identity}{$sender_address}{the sender}{another}}", "the sender"}}},
    {.name = "dkim_key_granularity",
     .taint = kKeeps,
     .summary = "g= tag of key record",
     .get = field<&Signature::key_granularity>,
     .tier = 4,
     .where = Where::dkim,
     .examples = {{"$dkim_key_granularity", "*"},
                  {.input = "<$dkim_key_granularity>", .output = "<>", .where = Where::rcpt}}},
    {.name = "dkim_key_length",
     .taint = kClean,
     .summary = "Key bits",
     .get = key_length,
     .tier = 3,
     .where = Where::dkim,
     .examples = {{"$dkim_key_length", "256"}, {.input = "$dkim_key_length", .output = "0", .where = Where::rcpt}}},
    {.name = "dkim_key_nosubdomains",
     .taint = kClean,
     .summary = "1 if key forbids subdomains",
     .get = nosubdomains,
     .tier = 4,
     .where = Where::dkim,
     .examples = {{"$dkim_key_nosubdomains", "1"},
                  {.input = "$dkim_key_nosubdomains", .output = "0", .where = Where::rcpt}}},
    {.name = "dkim_key_notes",
     .taint = kKeeps,
     .summary = "n= tag of key record",
     .get = field<&Signature::key_notes>,
     .tier = 4,
     .where = Where::dkim,
     .examples = {{"$dkim_key_notes", "mail"}, {.input = "<$dkim_key_notes>", .output = "<>", .where = Where::rcpt}}},
    {.name = "dkim_key_srvtype",
     .taint = kKeeps,
     .summary = "s= tag of key record",
     .get = field<&Signature::key_srvtype>,
     .tier = 4,
     .where = Where::dkim,
     .examples = {{"$dkim_key_srvtype", "email"},
                  {.input = "<$dkim_key_srvtype>", .output = "<>", .where = Where::rcpt}}},
    {.name = "dkim_key_testing",
     .taint = kClean,
     .summary = "1 if key in test mode",
     .get = testing,
     .tier = 3,
     .where = Where::dkim,
     .examples = {{"$dkim_key_testing", "0"}, {"${if bool{$dkim_key_testing}{a test}{in earnest}}", "in earnest"}}},
};
[[maybe_unused]] constexpr TaintRule kUsed[] = {kClean, kPeer, kKeeps};

}  // namespace
}  // namespace remex::lang

namespace remex::registry::variables {
extern const std::span<const VariableDef> dkim;
constinit const std::span<const VariableDef> dkim{lang::defs};
}  // namespace remex::registry::variables
