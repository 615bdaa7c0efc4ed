// Variables: the connection, the session and who is at the other end.
#include "lang/variables/variable_util.h"

#include "core/io/fiber.h"
#include "lang/client_name.h"
#include "lang/config.h"

namespace remex::lang {
namespace {

constexpr TaintRule kClean = TaintRule::cleans;
constexpr TaintRule kPeer = TaintRule::taints;
constexpr TaintRule kKeeps = TaintRule::keeps;

// Reverse lookup with forward confirmation, once per connection.
Status find_host_name(Scope& s) {
  if (s.from == nullptr || s.session == nullptr || s.services == nullptr) return {};
  if (s.from->host_address.empty() || !s.from->host_name.empty() || s.session->host_lookup_done) return {};
  s.session->host_lookup_done = true;
  dns::HostName found = look_up_client(s, s.from->host_address);
  s.session->host_lookup_deferred = found.outcome == dns::Outcome::try_again;
  s.session->host_lookup_failed = found.name.empty() && !s.session->host_lookup_deferred;
  s.from->host_name = std::move(found.name);
  s.from->host_dnssec = found.secure;
  s.session->host_aliases = std::move(found.aliases);
  return {};
}
Result<Text> sender_host_name(Scope& s, std::string_view) {
  REMEX_CHECK(find_host_name(s));
  const auto* f = origin(s);
  return f == nullptr ? Text{} : *from_peer(f->host_name);
}
Result<Text> sender_host_dnssec(Scope& s, std::string_view) {
  const auto* f = origin(s);
  return trusted(f != nullptr && f->host_dnssec ? "yes" : "no");
}
Result<Text> host_lookup_failed(Scope& s, std::string_view) {
  return trusted(s.session != nullptr && s.session->host_lookup_failed ? "1" : "0");
}
Result<Text> host_lookup_deferred(Scope& s, std::string_view) {
  return trusted(s.session != nullptr && s.session->host_lookup_deferred ? "1" : "0");
}
Result<Text> sender_host_port(Scope& s, std::string_view) {
  return number(origin(s) == nullptr ? 0 : origin(s)->host_port);
}
Result<Text> interface_port(Scope& s, std::string_view) {
  const auto* f = origin(s);
  return number(f == nullptr || f->interface_address.empty() ? -1 : f->interface_port);
}
bool helo_differs(const mail::ReceivedFrom& f) {
  return !f.helo_name.empty() && f.helo_name != f.host_name && f.helo_name != "[" + f.host_address + "]";
}
// "name (helo) [ip]:port" as in Exim's log lines.
Result<Text> sender_fullhost(Scope& s, std::string_view) {
  const auto* f = origin(s);
  if (f == nullptr || f->host_address.empty()) return Text{};
  std::string out = f->host_name;
  if (helo_differs(*f)) out += (out.empty() ? "(" : " (") + f->helo_name + ")";
  out += (out.empty() ? "[" : " [") + f->host_address + "]";
  if (f->host_port > 0 && s.config != nullptr && s.extra.contains("log_incoming_port"))
    out += ":" + std::to_string(f->host_port);
  return from_peer(out);
}
// The text behind "from" in Received: (RFC 5321 4.4, the form Exim writes).
Result<Text> sender_rcvhost(Scope& s, std::string_view) {
  const auto* f = origin(s);
  if (f == nullptr || f->host_address.empty()) return Text{};
  std::string inner;
  const auto add = [&inner](const std::string& word) { inner += (inner.empty() ? "" : " ") + word; };
  const std::string ip = "[" + f->host_address + "]";
  if (!f->host_name.empty()) {
    add(ip);
    if (helo_differs(*f)) add("helo=" + f->helo_name);
    if (!f->ident.empty()) add("ident=" + f->ident);
    return from_peer(f->host_name + " (" + inner + ")");
  }
  if (helo_differs(*f)) add("helo=" + f->helo_name);
  if (!f->ident.empty()) add("ident=" + f->ident);
  return from_peer(inner.empty() ? ip : ip + " (" + inner + ")");
}
Result<Text> smtp_active_hostname(Scope& s, std::string_view) {
  const auto* f = origin(s);
  if (f != nullptr && !f->active_hostname.empty()) return trusted(f->active_hostname);
  return s.config == nullptr ? Text{} : Text(s.config->main.primary_hostname);
}
Result<Text> tls_verified(Scope& s, std::string_view) {
  const auto* f = origin(s);
  return trusted(f != nullptr && f->tls_certificate_verified ? "1" : "0");
}
Result<Text> tls_bits(Scope& s, std::string_view) { return number(origin(s) == nullptr ? 0 : origin(s)->tls_bits); }
Result<Text> helo_verified(Scope& s, std::string_view) {
  return trusted(s.session == nullptr ? "" : s.session->helo_verified ? "yes" : "no");
}
Result<Text> authentication_failed(Scope& s, std::string_view) {
  return trusted(s.session != nullptr && s.session->authentication_failed ? "1" : "0");
}
Result<Text> history(Scope& s, std::string_view) {
  std::string out;
  if (s.session != nullptr) {
    for (const std::string& c : s.session->history) out += (out.empty() ? "" : ",") + c;
  }
  return from_peer(out);
}
/// Of the session, later what was kept with the message.
Result<Text> proxy_session(Scope& s, std::string_view name) {
  if (s.from != nullptr && s.from->proxy_session) return trusted("yes");
  const bool kept = s.envelope != nullptr && s.envelope->saved.contains(std::string(name));
  return trusted(kept ? "yes" : "no");
}
template <std::string mail::ReceivedFrom::* M>
Result<Text> proxy_address(Scope& s, std::string_view name) {
  if (s.from != nullptr && s.from->proxy_session) return trusted(s.from->*M);
  REMEX_TRY(const Text kept, saved(s, name));
  return Text(kept.str());  // an address, read as one when it came
}
template <int mail::ReceivedFrom::* M>
Result<Text> proxy_port(Scope& s, std::string_view name) {
  if (s.from != nullptr && s.from->proxy_session) return number(s.from->*M);
  REMEX_TRY(const Text kept, saved(s, name));
  return trusted(kept.empty() ? "0" : kept.view());
}

/// International messages have "utf8" in front (RFC 6531 4.3 has names of its own; these are Exim's).
Result<Text> received_protocol(Scope& s, std::string_view name) {
  REMEX_TRY(Text t, origin_clean<&mail::ReceivedFrom::protocol>(s, name));
  if (s.envelope == nullptr || !s.envelope->smtputf8 || t.empty()) return t;
  return t.with("utf8" + t.str());
}

/// Of the session, later what was kept with the message.
Result<Text> peer_certificate(Scope& s, std::string_view name) {
  if (s.session != nullptr && !s.session->tls_peercert.empty()) return from_peer(s.session->tls_peercert);
  return saved(s, name);
}

constexpr VariableDef defs[] = {
    {.name = "sender_host_address",
     .taint = kClean,
     .summary = "Client IP; empty for local",
     .get = origin_clean<&mail::ReceivedFrom::host_address>,
     .tier = 1,
     .where = Where::rcpt,
     .examples = {{"$sender_host_address", "192.0.2.7"},
                  {"${if match_ip{$sender_host_address}{+relay_from_hosts}{ours}{foreign}}", "foreign"}}},
    {.name = "sender_host_name",
     .taint = kPeer,
     .summary = "Forward-confirmed client name",
     .get = sender_host_name,
     .tier = 1,
     .where = Where::rcpt,
     .examples = {{"$sender_host_name", "client.example.net"},
                  {.input = "<$sender_host_name>", .output = "<>", .where = Where::anywhere}}},
    {.name = "sender_host_port",
     .taint = kClean,
     .summary = "Client port",
     .get = sender_host_port,
     .tier = 2,
     .where = Where::rcpt,
     .examples = {{"$sender_host_port", "40000"},
                  {"${if >{$sender_host_port}{1023}{unprivileged}{privileged}}", "unprivileged"}}},
    {.name = "sender_host_dnssec",
     .taint = kClean,
     .summary = "True if both lookups were DNSSEC-backed",
     .get = sender_host_dnssec,
     .tier = 3,
     .where = Where::rcpt,
     .examples = {{"$sender_host_dnssec", "no"},
                  {"${if eq{$sender_host_dnssec}{yes}{signed}{not signed}}", "not signed"}}},
    {.name = "sender_host_authenticated",
     .taint = kClean,
     .summary = "Authenticator instance name",
     .get = origin_clean<&mail::ReceivedFrom::authenticator>,
     .tier = 2,
     .where = Where::rcpt,
     .examples = {{"$sender_host_authenticated", "plain"},
                  {"${if def:sender_host_authenticated{as $authenticated_id}{not at all}}", "as jane"}}},
    {.name = "host_lookup_failed",
     .taint = kClean,
     .summary = "1 on definite failure",
     .get = host_lookup_failed,
     .tier = 1,
     .where = Where::rcpt,
     .examples = {{"$host_lookup_failed", "0"},
                  {"${if bool{$host_lookup_failed}{no name}{has a name}}", "has a name"}}},
    {.name = "host_lookup_deferred",
     .taint = kClean,
     .summary = "1 if lookup could not complete",
     .get = host_lookup_deferred,
     .tier = 2,
     .where = Where::rcpt,
     .examples = {{"$host_lookup_deferred", "0"},
                  {"${if bool{$host_lookup_deferred}{try later}{has a name}}", "has a name"}}},
    {.name = "sender_fullhost",
     .taint = kPeer,
     .summary = "Name, HELO and [ip] in one string",
     .get = sender_fullhost,
     .tier = 2,
     .where = Where::rcpt,
     .examples = {{"$sender_fullhost", "client.example.net [192.0.2.7]"},
                  {.input = "<$sender_fullhost>", .output = "<>", .where = Where::anywhere}}},
    {.name = "sender_rcvhost",
     .taint = kPeer,
     .summary = "Text for Received: header",
     .get = sender_rcvhost,
     .tier = 2,
     .where = Where::rcpt,
     .examples = {{"$sender_rcvhost", "client.example.net ([192.0.2.7])"},
                  {.input = "<$sender_rcvhost>", .output = "<>", .where = Where::anywhere}}},
    {.name = "sender_helo_name",
     .taint = kPeer,
     .summary = "HELO argument",
     .get = origin_tainted<&mail::ReceivedFrom::helo_name>,
     .tier = 1,
     .where = Where::rcpt,
     .examples = {{"$sender_helo_name", "client.example.net"},
                  {"${if isip{$sender_helo_name}{an address}{a name}}", "a name"}}},
    {.name = "sender_helo_verified",
     .taint = kClean,
     .summary = "Outcome of HELO verification (4.97+)",
     .get = helo_verified,
     .tier = 3,
     .where = Where::rcpt,
     .examples = {{"$sender_helo_verified", "no"},
                  {"${if eq{$sender_helo_verified}{yes}{verified}{not tried}}", "not tried"}}},
    {.name = "sender_helo_dnssec",
     .taint = kClean,
     .summary = "yes if DNSSEC-backed",
     .get = extra_yes_no,
     .tier = 3,
     .where = Where::rcpt,
     .examples = {{"$sender_helo_dnssec", "no"},
                  {"${if eq{$sender_helo_dnssec}{yes}{signed}{not signed}}", "not signed"}}},
    {.name = "sender_ident",
     .taint = kPeer,
     .summary = "Ident reply or local login",
     .get = origin_tainted<&mail::ReceivedFrom::ident>,
     .tier = 2,
     .where = Where::rcpt,
     .examples = {{"<$sender_ident>", "<>"}, {"${if def:sender_ident{$sender_ident}{unknown}}", "unknown"}}},
    {.name = "received_ip_address",
     .taint = kClean,
     .summary = "Local IP of connection",
     .get = origin_clean<&mail::ReceivedFrom::interface_address>,
     .tier = 2,
     .where = Where::rcpt,
     .examples = {{"$received_ip_address", "198.51.100.25"},
                  {"${if eq{$received_ip_address}{198.51.100.26}{second}{first}}", "first"}}},
    {.name = "received_port",
     .taint = kClean,
     .summary = "Local port of connection",
     .get = interface_port,
     .tier = 1,
     .where = Where::rcpt,
     .examples = {{"$received_port", "587"},
                  {"${if eq{$received_port}{25}{from another server}{from a user}}", "from a user"}}},
    {.name = "interface_address",
     .taint = kClean,
     .summary = "Old name of received_ip_address",
     .get = origin_clean<&mail::ReceivedFrom::interface_address>,
     .tier = 1,
     .where = Where::rcpt,
     .examples = {{"$interface_address", "198.51.100.25"},
                  {.input = "<$interface_address>", .output = "<>", .where = Where::anywhere}}},
    {.name = "interface_port",
     .taint = kClean,
     .summary = "Old name of received_port",
     .get = interface_port,
     .tier = 1,
     .where = Where::rcpt,
     .examples = {{"$interface_port", "587"}, {.input = "$interface_port", .output = "-1", .where = Where::anywhere}}},
    {.name = "received_protocol",
     .taint = kClean,
     .summary = "smtp/esmtp with s and a suffixes, or local names",
     .get = received_protocol,
     .tier = 1,
     .where = Where::rcpt,
     .examples = {{"$received_protocol", "esmtpa"},
                  {"${if match{$received_protocol}{a\\$}{authenticated}{anonymous}}", "authenticated"}}},
    {.name = "smtp_active_hostname",
     .taint = kClean,
     .summary = "Active host name",
     .get = smtp_active_hostname,
     .tier = 1,
     .where = Where::rcpt,
     .examples = {{"$smtp_active_hostname", "mail.example.com"},
                  {"${if eq{$smtp_active_hostname}{$primary_hostname}{the usual}{another}}", "the usual"}}},
    {.name = "authenticated_id",
     .taint = kKeeps,
     .summary = "Value of server_set_id",
     .get = origin_tainted<&mail::ReceivedFrom::authenticated_id>,
     .tier = 1,
     .where = Where::rcpt,
     .examples = {{"$authenticated_id", "jane"},
                  {.input = "<$authenticated_id>", .output = "<>", .where = Where::helo}}},
    {.name = "authenticated_sender",
     .taint = kPeer,
     .summary = "Trusted AUTH= sender",
     .get = origin_tainted<&mail::ReceivedFrom::authenticated_sender>,
     .tier = 2,
     .where = Where::rcpt,
     .examples = {{"$authenticated_sender", "jane@example.net"},
                  {.input = "<$authenticated_sender>", .output = "<>", .where = Where::helo}}},
    {.name = "authenticated_fail_id",
     .taint = kKeeps,
     .summary = "Id of the last failed attempt",
     .get = (member<&Scope::session, &SessionState::authenticated_fail_id, true>),
     .tier = 2,
     .where = Where::rcpt,
     .examples = {{"<$authenticated_fail_id>", "<>"},
                  {"${if def:authenticated_fail_id{$authenticated_fail_id failed}{nobody failed}}", "nobody failed"}}},
    {.name = "authentication_failed",
     .taint = kClean,
     .summary = "1 after an unsuccessful AUTH",
     .get = authentication_failed,
     .tier = 2,
     .where = Where::rcpt,
     .examples = {{"$authentication_failed", "0"}, {"${if bool{$authentication_failed}{wrong}{right}}", "right"}}},
    {.name = "tls_in_cipher",
     .taint = kClean,
     .summary = "Cipher suite; empty in clear",
     .get = origin_clean<&mail::ReceivedFrom::tls_cipher>,
     .tier = 1,
     .where = Where::tls,
     .examples = {{"${if match{$tls_in_cipher}{^TLS1\\\\.3:}{TLS 1.3}{something old}}", "TLS 1.3"},
                  {.input = "<$tls_in_cipher>", .output = "<>", .where = Where::rcpt}}},
    {.name = "tls_in_cipher_std",
     .taint = kClean,
     .summary = "Standard suite name",
     .get = origin_clean<&mail::ReceivedFrom::tls_cipher_std>,
     .tier = 3,
     .where = Where::tls,
     .examples = {{"$tls_in_cipher_std", "TLS_AES_256_GCM_SHA384"},
                  {.input = "<$tls_in_cipher_std>", .output = "<>", .where = Where::rcpt}}},
    {.name = "tls_in_ver",
     .taint = kClean,
     .summary = "Protocol version",
     .get = origin_clean<&mail::ReceivedFrom::tls_version>,
     .tier = 2,
     .where = Where::tls,
     .examples = {{"$tls_in_ver", "TLS1.3"},
                  {.input = "${if def:tls_in_ver{encrypted}{in clear}}", .output = "in clear", .where = Where::rcpt}}},
    {.name = "tls_in_sni",
     .taint = kPeer,
     .summary = "SNI from client",
     .get = origin_tainted<&mail::ReceivedFrom::tls_sni>,
     .tier = 2,
     .where = Where::tls,
     .examples = {{"$tls_in_sni", "mail.example.com"},
                  {.input = "<$tls_in_sni>", .output = "<>", .where = Where::rcpt}}},
    {.name = "tls_in_peerdn",
     .taint = kKeeps,
     .summary = "Client certificate DN",
     .get = origin_tainted<&mail::ReceivedFrom::tls_peer_dn>,
     .tier = 2,
     .where = Where::tls,
     .examples = {{"<$tls_in_peerdn>", "<>"},
                  {"${if def:tls_in_peerdn{$tls_in_peerdn}{no certificate}}", "no certificate"}}},
    {.name = "tls_in_bits",
     .taint = kClean,
     .summary = "Cipher strength",
     .get = tls_bits,
     .tier = 3,
     .where = Where::tls,
     .examples = {{"$tls_in_bits", "256"}, {.input = "$tls_in_bits", .output = "0", .where = Where::rcpt}}},
    {.name = "tls_in_certificate_verified",
     .taint = kClean,
     .summary = "1 if client cert verified",
     .get = tls_verified,
     .tier = 2,
     .where = Where::tls,
     .examples = {{"$tls_in_certificate_verified", "0"},
                  {"${if bool{$tls_in_certificate_verified}{known client}{unknown client}}", "unknown client"}}},
    {.name = "tls_cipher",
     .taint = kClean,
     .summary = "Deprecated in/out alias",
     .get = origin_clean<&mail::ReceivedFrom::tls_cipher>,
     .tier = 1,
     .where = Where::tls,
     .examples = {{"${if def:tls_cipher{encrypted}{in clear}}", "encrypted"},
                  {.input = "<$tls_cipher>", .output = "<>", .where = Where::rcpt}}},
    {.name = "tls_sni",
     .taint = kPeer,
     .summary = "Deprecated in/out alias",
     .get = origin_tainted<&mail::ReceivedFrom::tls_sni>,
     .tier = 3,
     .where = Where::tls,
     .examples = {{"$tls_sni", "mail.example.com"}, {.input = "<$tls_sni>", .output = "<>", .where = Where::rcpt}}},
    {.name = "tls_peerdn",
     .taint = kKeeps,
     .summary = "Deprecated in/out alias",
     .get = origin_tainted<&mail::ReceivedFrom::tls_peer_dn>,
     .tier = 3,
     .where = Where::tls,
     .examples = {{"<$tls_peerdn>", "<>"}, {"${if def:tls_peerdn{$tls_peerdn}{no certificate}}", "no certificate"}}},
    {.name = "tls_bits",
     .taint = kClean,
     .summary = "Deprecated in/out alias",
     .get = tls_bits,
     .tier = 4,
     .where = Where::tls,
     .examples = {{"$tls_bits", "256"}, {.input = "$tls_bits", .output = "0", .where = Where::rcpt}}},
    {.name = "tls_certificate_verified",
     .taint = kClean,
     .summary = "Deprecated in/out alias",
     .get = tls_verified,
     .tier = 4,
     .where = Where::tls,
     .examples = {{"$tls_certificate_verified", "0"},
                  {.input = "$tls_certificate_verified", .output = "0", .where = Where::rcpt}}},
    {.name = "tls_in_ocsp",
     .taint = kClean,
     .summary =
         "Client's request for the status of our certificate: 0 there was none, 1 no proof to send, 4 it was sent",
     .get = (number_member<&Scope::session, &SessionState::tls_ocsp>),
     .tier = 3,
     .where = Where::tls,
     .examples = {{"$tls_in_ocsp", "0"}, {.input = "$tls_in_ocsp", .output = "0", .where = Where::rcpt}}},
    {.name = "tls_in_ourcert",
     .taint = kClean,
     .summary = "Certificate shown to the client, for certextract and digests",
     .get = (member<&Scope::session, &SessionState::tls_ourcert>),
     .tier = 3,
     .examples = {{.input = "<$tls_in_ourcert>", .output = "<>", .where = Where::rcpt},
                  {"${if def:tls_in_ourcert{shown}{none}}", "none"}}},
    {.name = "tls_in_peercert",
     .taint = kPeer,
     .summary = "The client's certificate, for certextract and digests",
     .get = peer_certificate,
     .tier = 3,
     .examples = {{.input = "<$tls_in_peercert>", .output = "<>", .where = Where::rcpt},
                  {"${if def:tls_in_peercert{shown}{none}}", "none"}}},
    {.name = "tls_in_resumption",
     .taint = kClean,
     .summary = "Resumption bit field; here 0: sessions are not resumed",
     .get = zero,
     .tier = 3,
     .where = Where::tls,
     .examples = {{"$tls_in_resumption", "0"}, {.input = "$tls_in_resumption", .output = "0", .where = Where::rcpt}}},
    {.name = "smtp_command",
     .taint = kPeer,
     .summary = "Whole command",
     .get = (member<&Scope::session, &SessionState::command, true>),
     .tier = 2,
     .where = Where::rcpt,
     .examples = {{"$smtp_command", "RCPT TO:<joe@example.com>"},
                  {.input = "<$smtp_command>", .output = "<>", .where = Where::anywhere}}},
    {.name = "smtp_command_argument",
     .taint = kPeer,
     .summary = "Command argument",
     .get = (member<&Scope::session, &SessionState::argument, true>),
     .tier = 2,
     .where = Where::rcpt,
     .examples = {{"$smtp_command_argument", "TO:<joe@example.com>"},
                  {.input = "$smtp_command_argument", .output = "client.example.net", .where = Where::helo}}},
    {.name = "smtp_command_history",
     .taint = kPeer,
     .summary = "Recent commands, comma-joined",
     .get = history,
     .tier = 3,
     .where = Where::rcpt,
     .examples = {{"$smtp_command_history", "EHLO,AUTH,MAIL,VRFY,RCPT"},
                  {"${if match{$smtp_command_history}{AUTH}{tried to log in}{did not}}", "tried to log in"}}},
    {.name = "smtp_notquit_reason",
     .taint = kClean,
     .summary = "Why the session ended",
     .get = (member<&Scope::session, &SessionState::notquit_reason>),
     .tier = 2,
     .where = Where::notquit,
     .examples = {{"$smtp_notquit_reason", "connection-lost"},
                  {.input = "<$smtp_notquit_reason>", .output = "<>", .where = Where::rcpt}}},
    {.name = "smtp_count_at_connection_start",
     .taint = kClean,
     .summary = "Connections when accepted",
     .get = (number_member<&Scope::session, &SessionState::connection_count_at_start>),
     .tier = 3,
     .where = Where::rcpt,
     .examples = {{"$smtp_count_at_connection_start", "0"},
                  {"${if >{$smtp_count_at_connection_start}{100}{busy}{quiet}}", "quiet"}}},
    {.name = "connection_id",
     .taint = kClean,
     .summary = "Identifier for custom logging",
     .get = (member<&Scope::session, &SessionState::connection_id>),
     .tier = 3,
     .where = Where::tls,
     .examples = {{"${if def:connection_id{an id}{none}}", "an id"},
                  {.input = "<$connection_id>", .output = "<>", .where = Where::anywhere}}},
    {.name = "rcpt_count",
     .taint = kClean,
     .summary = "RCPT commands so far including current",
     .get = (number_member<&Scope::session, &SessionState::rcpt_count>),
     .tier = 1,
     .where = Where::rcpt,
     .examples = {{"$rcpt_count", "1"}, {.input = "$rcpt_count", .output = "1", .where = Where::data}}},
    {.name = "rcpt_defer_count",
     .taint = kClean,
     .summary = "RCPTs deferred",
     .get = (number_member<&Scope::session, &SessionState::rcpt_defer_count>),
     .tier = 3,
     .where = Where::data,
     .examples = {{"$rcpt_defer_count", "0"}, {"${if >{$rcpt_defer_count}{0}{some wait}{none waits}}", "none waits"}}},
    {.name = "rcpt_fail_count",
     .taint = kClean,
     .summary = "RCPTs rejected",
     .get = (number_member<&Scope::session, &SessionState::rcpt_fail_count>),
     .tier = 2,
     .where = Where::data,
     .examples = {{"$rcpt_fail_count", "0"}, {"${if >{$rcpt_fail_count}{3}{a guesser}{fine}}", "fine"}}},
    {.name = "auth1",
     .taint = kKeeps,
     .summary = "See the item that sets it",
     .get = extra_tainted,
     .tier = 3,
     .where = Where::auth,
     .examples = {{"<$auth1>", "<>"}, {"${if eq{$auth1}{}{acts for itself}{acts for $auth1}}", "acts for itself"}}},
    {.name = "auth2",
     .taint = kKeeps,
     .summary = "See the item that sets it",
     .get = extra_tainted,
     .tier = 3,
     .where = Where::auth,
     .examples = {{"$auth2", "jane"}, {.input = "<$auth2>", .output = "<>", .where = Where::anywhere}}},
    {.name = "auth3",
     .taint = kKeeps,
     .summary = "See the item that sets it",
     .get = extra_tainted,
     .tier = 3,
     .where = Where::auth,
     .examples = {{"${strlen:$auth3}", "6"}, {"${if eq{$auth3}{secret}{right}{wrong}}", "right"}}},
    {.name = "auth4",
     .taint = kKeeps,
     .summary = "See the item that sets it",
     .get = extra_tainted,
     .tier = 3,
     .where = Where::auth,
     .examples = {{"<$auth4>", "<>"}, {"${if def:auth4{four strings}{three strings}}", "three strings"}}},
    {.name = "proxy_session",
     .taint = kClean,
     .summary = "yes when the client is behind a proxy (hosts_proxy), else no",
     .get = proxy_session,
     .tier = 3,
     .where = Where::rcpt,
     .examples = {{"$proxy_session", "no"}, {"${if bool{$proxy_session}{by proxy}{direct}}", "direct"}}},
    {.name = "proxy_external_address",
     .taint = kKeeps,
     .summary = "Address that the client connected to, at the proxy; empty without a proxy",
     .get = proxy_address<&mail::ReceivedFrom::proxy_external_address>,
     .tier = 3,
     .where = Where::rcpt,
     .examples = {{"<$proxy_external_address>", "<>"},
                  {"${if def:proxy_external_address{by proxy}{direct}}", "direct"}}},
    {.name = "proxy_external_port",
     .taint = kClean,
     .summary = "Port that the client connected to, at the proxy; 0 without a proxy",
     .get = proxy_port<&mail::ReceivedFrom::proxy_external_port>,
     .tier = 3,
     .where = Where::rcpt,
     .examples = {{"$proxy_external_port", "0"},
                  {.input = "$proxy_external_port", .output = "0", .where = Where::anywhere}}},
    {.name = "proxy_local_address",
     .taint = kKeeps,
     .summary = "Address of the proxy, as it connected to this host; empty without a proxy",
     .get = proxy_address<&mail::ReceivedFrom::proxy_local_address>,
     .tier = 3,
     .where = Where::rcpt,
     .examples = {{"<$proxy_local_address>", "<>"}, {"${if def:proxy_local_address{by proxy}{direct}}", "direct"}}},
    {.name = "proxy_local_port",
     .taint = kClean,
     .summary = "Port of the proxy, as it connected to this host; 0 without a proxy",
     .get = proxy_port<&mail::ReceivedFrom::proxy_local_port>,
     .tier = 3,
     .where = Where::rcpt,
     .examples = {{"$proxy_local_port", "0"}, {.input = "$proxy_local_port", .output = "0", .where = Where::anywhere}}},
    {.name = "atrn_host",
     .taint = kKeeps,
     .summary = "Client IP and port for manualroute",
     .state = State::later,
     .tier = 4},
    {.name = "atrn_mode",
     .taint = kClean,
     .summary = "P provider, C customer, else empty",
     .state = State::later,
     .tier = 4},
};
[[maybe_unused]] constexpr TaintRule kUsed[] = {kClean, kPeer, kKeeps};

}  // namespace
}  // namespace remex::lang

namespace remex::registry::variables {
extern const std::span<const VariableDef> connection;
constinit const std::span<const VariableDef> connection{lang::defs};
}  // namespace remex::registry::variables
