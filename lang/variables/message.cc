// Variables: the message: envelope, headers, body.
#include "lang/variables/variable_util.h"

#include <algorithm>

#include "core/base/strings.h"
#include "core/mail/rfc2047.h"
#include "lang/config.h"
#include "lang/list.h"

namespace remex::lang {
namespace {

constexpr TaintRule kClean = TaintRule::cleans;
constexpr TaintRule kPeer = TaintRule::taints;
constexpr TaintRule kKeeps = TaintRule::keeps;

Result<Text> sender_address(Scope& s, std::string_view) {
  return s.envelope == nullptr ? Text{} : *from_peer(s.envelope->sender);
}
Result<Text> sender_part(Scope& s, std::string_view name) {
  if (s.envelope == nullptr) return Text{};
  const std::string_view a = s.envelope->sender;
  const std::size_t at = a.rfind('@');
  if (name.ends_with("domain")) return from_peer(at == std::string_view::npos ? std::string_view{} : a.substr(at + 1));
  return from_peer(a.substr(0, at));
}
Result<Text> message_size(Scope& s, std::string_view) {
  if (s.envelope != nullptr && s.envelope->size > 0) return number(static_cast<std::int64_t>(s.envelope->size));
  return number(s.session != nullptr ? s.session->declared_size : 0);
}
// A piece of the body; newlines and NULs become spaces unless message_body_newlines.
Result<Text> body_piece(Scope& s, bool end) {
  if (s.body == nullptr) return Text{};
  const std::uint64_t visible =
      s.config == nullptr ? 500 : static_cast<std::uint64_t>(s.config->main.message_body_visible);
  const std::uint64_t n = std::min<std::uint64_t>(visible, s.body->size());
  REMEX_TRY(std::string bytes, s.body->read(end ? s.body->size() - n : 0, n));
  const bool newlines = s.config != nullptr && s.config->main.message_body_newlines;
  for (char& c : bytes) {
    if (c == 0 || (c == '\n' && !newlines)) c = ' ';
  }
  return from_peer(bytes);
}
Result<Text> message_body(Scope& s, std::string_view) { return body_piece(s, false); }
Result<Text> message_body_end(Scope& s, std::string_view) { return body_piece(s, true); }
Result<Text> message_body_size(Scope& s, std::string_view) {
  return number(s.body == nullptr ? 0 : static_cast<std::int64_t>(s.body->size()));
}
Result<Text> headers_raw(Scope& s, std::string_view) {
  return from_peer(s.headers == nullptr ? std::string{} : s.headers->raw());
}
Result<Text> headers_decoded(Scope& s, std::string_view) {
  if (s.headers == nullptr) return Text{};
  std::string raw = s.headers->raw();
  if (auto decoded = mail::decode_rfc2047(raw)) raw = std::move(*decoded);
  return from_peer(raw);
}
/// A user's filter does not see who else got the message.
Result<Text> recipients(Scope& s, std::string_view) {
  std::string out;
  if (s.envelope != nullptr && extra(s, "recipients_hidden") == nullptr) {
    for (const auto& r : s.envelope->recipients) out += (out.empty() ? "" : ", ") + r.address;
  }
  return from_peer(out);
}
Result<Text> recipients_list(Scope& s, std::string_view) {
  std::vector<std::string> all;
  if (s.envelope != nullptr && extra(s, "recipients_hidden") == nullptr) {
    for (const auto& r : s.envelope->recipients) all.push_back(r.address);
  }
  return from_peer(join_list(all));
}
Result<Text> recipients_count(Scope& s, std::string_view) {
  return number(s.envelope == nullptr ? 0 : static_cast<std::int64_t>(s.envelope->recipients.size()));
}
Result<Text> received_count(Scope& s, std::string_view) {
  return number(s.headers == nullptr ? 0 : static_cast<std::int64_t>(s.headers->find_all("Received").size()));
}
Result<Text> received_for(Scope& s, std::string_view) {
  if (s.envelope == nullptr || s.envelope->recipients.size() != 1) return Text{};
  return from_peer(s.envelope->recipients[0].address);
}
std::int64_t received_seconds(const Scope& s) {
  return s.envelope == nullptr ? 0
                               : std::chrono::duration_cast<Seconds>(s.envelope->received.time_since_epoch()).count();
}
Result<Text> received_time(Scope& s, std::string_view) {
  const std::int64_t at = received_seconds(s);
  return number(at);
}
Result<Text> message_age(Scope& s, std::string_view) {
  const std::int64_t at = received_seconds(s);
  return number(at == 0 ? 0 : std::max<std::int64_t>(0, wall_seconds() - at));
}
Result<Text> linecount(Scope& s, std::string_view) {
  if (s.envelope == nullptr) return number(0);
  std::int64_t lines = static_cast<std::int64_t>(s.envelope->body_lines);
  if (s.headers != nullptr) {
    const std::string raw = s.headers->raw();
    lines += std::count(raw.begin(), raw.end(), '\n');
  }
  return number(lines);
}
Result<Text> reply_address(Scope& s, std::string_view) {
  if (s.headers == nullptr) return Text{};
  for (const char* name : {"Reply-To", "From"}) {
    if (const mail::Header* h = s.headers->find(name); h != nullptr && !trim(h->value()).empty())
      return from_peer(trim(h->value()));
  }
  return Text{};
}
Result<Text> originator_uid(Scope& s, std::string_view) {
  return number(s.envelope == nullptr ? 0 : std::max<std::int64_t>(s.envelope->caller_uid, 0));
}
Result<Text> originator_gid(Scope& s, std::string_view) {
  return number(s.envelope == nullptr ? 0 : std::max<std::int64_t>(s.envelope->caller_gid, 0));
}
Result<Text> smtputf8(Scope& s, std::string_view) {
  return trusted(s.envelope != nullptr && s.envelope->smtputf8 ? "yes" : "no");
}

constexpr VariableDef defs[] = {
    {.name = "sender_address",
     .taint = kPeer,
     .summary = "Envelope sender, case kept; empty for bounce",
     .get = sender_address,
     .tier = 1,
     .where = Where::rcpt,
     .examples = {{"$sender_address", "jane@example.net"},
                  {"${if eq{$sender_address}{}{a bounce}{from $sender_address}}", "from jane@example.net"}}},
    {.name = "sender_address_local_part",
     .taint = kPeer,
     .summary = "Local part of sender",
     .get = sender_part,
     .tier = 1,
     .where = Where::rcpt,
     .examples = {{"$sender_address_local_part", "jane"},
                  {.input = "<$sender_address_local_part>", .output = "<>", .where = Where::helo}}},
    {.name = "sender_address_domain",
     .taint = kPeer,
     .summary = "Domain of sender",
     .get = sender_part,
     .tier = 1,
     .where = Where::rcpt,
     .examples = {{"$sender_address_domain", "example.net"},
                  {"${if match_domain{$sender_address_domain}{+local_domains}{ours}{foreign}}", "foreign"}}},
    {.name = "message_exim_id",
     .taint = kClean,
     .summary = "Local message id",
     .get = (member<&Scope::envelope, &mail::Envelope::id>),
     .tier = 1,
     .where = Where::data,
     .examples = {{"${if match{$message_exim_id}{^\\\\w+-\\\\w+-\\\\w+\\$}{an id}{none}}", "an id"},
                  {.input = "<$message_exim_id>", .output = "<>", .where = Where::anywhere}}},
    {.name = "message_id",
     .taint = kClean,
     .summary = "Deprecated alias",
     .get = (member<&Scope::envelope, &mail::Envelope::id>),
     .tier = 1,
     .where = Where::data,
     .examples = {{"${if eq{$message_id}{$message_exim_id}{the same}{another}}", "the same"},
                  {.input = "<$message_id>", .output = "<>", .where = Where::anywhere}}},
    {.name = "message_size",
     .taint = kClean,
     .summary = "Bytes; SIZE value or -1 before data",
     .get = message_size,
     .tier = 1,
     .where = Where::rcpt,
     .examples = {{"$message_size", "1000"},
                  {.input = "${if >{$message_size}{1M}{large}{small}}", .output = "small", .where = Where::data}}},
    {.name = "message_body",
     .taint = kPeer,
     .summary = "Start of body",
     .get = message_body,
     .tier = 1,
     .where = Where::data,
     .examples = {{"$message_body", "Hello Joe,  the minutes are on the server. Jane "},
                  {"${if match{$message_body}{minutes}{about minutes}{about something else}}", "about minutes"}}},
    {.name = "message_body_end",
     .taint = kPeer,
     .summary = "End of body",
     .get = message_body_end,
     .tier = 2,
     .where = Where::data,
     .examples = {{"$message_body_end", "Hello Joe,  the minutes are on the server. Jane "},
                  {"${substr_-5_4:$message_body_end}", "Jane"}}},
    {.name = "message_body_size",
     .taint = kClean,
     .summary = "Body bytes",
     .get = message_body_size,
     .tier = 2,
     .where = Where::data,
     .examples = {{"$message_body_size", "48"}, {"${if >{$message_body_size}{1M}{long}{short}}", "short"}}},
    {.name = "message_headers",
     .taint = kPeer,
     .summary = "All headers decoded",
     .get = headers_decoded,
     .tier = 2,
     .where = Where::data,
     .examples = {{"${if match{$message_headers}{(?m)^Subject: (.*)\\$}{$1}{none}}", "Minutes of the meeting"},
                  {.input = "<$message_headers>", .output = "<>", .where = Where::rcpt}}},
    {.name = "message_headers_raw",
     .taint = kPeer,
     .summary = "All headers raw",
     .get = headers_raw,
     .tier = 2,
     .where = Where::data,
     .examples = {{"${if match{$message_headers_raw}{(?m)^Subject: (.*)\\$}{$1}{none}}", "Minutes of the meeting"},
                  {.input = "<$message_headers_raw>", .output = "<>", .where = Where::rcpt}}},
    {.name = "message_linecount",
     .taint = kClean,
     .summary = "Header plus body lines",
     .get = linecount,
     .tier = 3,
     .where = Where::data,
     .examples = {{"$message_linecount", "25"}, {.input = "$message_linecount", .output = "0", .where = Where::rcpt}}},
    {.name = "body_linecount",
     .taint = kClean,
     .summary = "Lines in body",
     .get = (number_member<&Scope::envelope, &mail::Envelope::body_lines>),
     .tier = 2,
     .where = Where::data,
     .examples = {{"$body_linecount", "4"}, {.input = "$body_linecount", .output = "0", .where = Where::rcpt}}},
    {.name = "body_zerocount",
     .taint = kClean,
     .summary = "NULs in body",
     .get = (number_member<&Scope::envelope, &mail::Envelope::body_zeros>),
     .tier = 3,
     .where = Where::data,
     .examples = {{"$body_zerocount", "0"}, {"${if >{$body_zerocount}{0}{binary}{text}}", "text"}}},
    {.name = "max_received_linelength",
     .taint = kClean,
     .summary = "Longest line; invalid with spool_wireformat",
     .get = (number_member<&Scope::envelope, &mail::Envelope::max_line>),
     .tier = 1,
     .where = Where::data,
     .examples = {{"$max_received_linelength", "91"},
                  {"${if >{$max_received_linelength}{998}{too long}{fine}}", "fine"}}},
    {.name = "message_age",
     .taint = kClean,
     .summary = "Seconds since receipt, fixed per attempt",
     .get = message_age,
     .tier = 2,
     .where = Where::transport,
     .examples = {{"${if <{$message_age}{3600}{young}{old}}", "young"},
                  {.input = "$message_age", .output = "0", .where = Where::anywhere}}},
    {.name = "received_time",
     .taint = kClean,
     .summary = "Epoch seconds of receipt",
     .get = received_time,
     .tier = 3,
     .where = Where::data,
     .examples = {{"${if match{$received_time}{\\N^\\d+$\\N}{a time}{none}}", "a time"},
                  {.input = "$received_time", .output = "0", .where = Where::anywhere}}},
    {.name = "received_count",
     .taint = kClean,
     .summary = "Received headers, including own",
     .get = received_count,
     .tier = 2,
     .where = Where::data,
     .examples = {{"$received_count", "1"}, {"${if >{$received_count}{20}{a loop}{fine}}", "fine"}}},
    {.name = "received_for",
     .taint = kPeer,
     .summary = "Sole recipient",
     .get = received_for,
     .tier = 2,
     .where = Where::data,
     .examples = {{"$received_for", "joe@example.com"},
                  {.input = "<$received_for>", .output = "<>", .where = Where::anywhere}}},
    {.name = "recipients",
     .taint = kPeer,
     .summary = "Envelope recipients joined by comma-space",
     .get = recipients,
     .tier = 1,
     .where = Where::data,
     .examples = {{"$recipients", "joe@example.com"}, {"${if match{$recipients}{,}{several}{one}}", "one"}}},
    {.name = "recipients_list",
     .taint = kPeer,
     .summary = "Proper colon list of recipients",
     .get = recipients_list,
     .tier = 2,
     .where = Where::data,
     .examples = {{"$recipients_list", "joe@example.com"}, {"${listcount:$recipients_list}", "1"}}},
    {.name = "recipients_count",
     .taint = kClean,
     .summary = "Accepted recipients",
     .get = recipients_count,
     .tier = 1,
     .where = Where::data,
     .examples = {{"$recipients_count", "1"}, {"${if >{$recipients_count}{50}{many}{few}}", "few"}}},
    {.name = "reply_address",
     .taint = kPeer,
     .summary = "Reply-To or From, raw",
     .get = reply_address,
     .tier = 2,
     .where = Where::data,
     .examples = {{"$reply_address", "Minutes <minutes@example.net>"},
                  {"${address:$reply_address}", "minutes@example.net"}}},
    {.name = "originator_uid",
     .taint = kClean,
     .summary = "caller_uid at reception",
     .get = originator_uid,
     .tier = 2,
     .where = Where::submitted,
     .examples = {{"$originator_uid", "0"}, {"${if eq{$originator_uid}{0}{root}{a user}}", "root"}}},
    {.name = "originator_gid",
     .taint = kClean,
     .summary = "caller_gid at reception",
     .get = originator_gid,
     .tier = 3,
     .where = Where::submitted,
     .examples = {{"$originator_gid", "0"}, {"${if eq{$originator_gid}{0}{root}{a group}}", "root"}}},
    {.name = "queue_name",
     .taint = kClean,
     .summary = "Named queue, empty default",
     .get = (member<&Scope::envelope, &mail::Envelope::queue_name>),
     .tier = 3,
     .where = Where::data,
     .examples = {{"<$queue_name>", "<>"}, {"${if def:queue_name{$queue_name}{the usual queue}}", "the usual queue"}}},
    {.name = "message_smtputf8",
     .taint = kClean,
     .summary = "True for international messages",
     .get = smtputf8,
     .tier = 3,
     .where = Where::data,
     .examples = {{"${if bool{$message_smtputf8}{international}{ASCII}}", "ASCII"}, {"<$message_smtputf8>", "<no>"}}},
    {.name = "prdr_requested",
     .taint = kClean,
     .summary = "yes or no",
     .get = extra_yes_no,
     .tier = 3,
     .where = Where::data,
     .examples = {{"$prdr_requested", "no"}, {"${if bool{$prdr_requested}{each}{all}}", "all"}}},
};
[[maybe_unused]] constexpr TaintRule kUsed[] = {kClean, kPeer, kKeeps};

}  // namespace
}  // namespace remex::lang

namespace remex::registry::variables {
extern const std::span<const VariableDef> message;
constinit const std::span<const VariableDef> message{lang::defs};
}  // namespace remex::registry::variables
