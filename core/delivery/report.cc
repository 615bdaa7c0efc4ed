// Bounces and delay warnings: multipart/report messages (RFC 3464, RFC 6522) in Exim's wording, stored like any other
// message.
//
// Used by deliveries and -Mg. Everything foreign in them (addresses, reasons, the original's headers) is escaped or
// bounded; the boundary is checked against the parts.
#include <fmt/format.h>
#include <pwd.h>
#include <unistd.h>

#include <algorithm>
#include <random>
#include <unordered_map>
#include <utility>

#include "core/base/ids.h"
#include "core/base/strings.h"
#include "core/delivery/attempt.h"
#include "core/delivery/notice_text.h"
#include "core/smtp/fixups.h"

namespace remex::delivery {
namespace {

constexpr std::size_t kHeadersMax = 256 * 1024;

/// One line of text from somewhere else: no control characters, no 8-bit, bounded.
std::string one_line(std::string_view s, std::size_t max = 2000) { return printable(s.substr(0, max)); }

std::string fresh_boundary(const std::string& parts) {
  static std::minstd_rand random{std::random_device{}()};
  std::string b;
  do b = fmt::format("{}-eximdsn-{}", wall_seconds(), random());
  while (parts.find(b) != std::string::npos);
  return b;
}

/// The lines of a server's answer, which a result has on one ("550-one\\n550 two").
std::vector<std::string> answer_lines(std::string_view text) {
  std::vector<std::string> out;
  std::size_t begin = 0;
  for (std::size_t at = text.find("\\n"); at != std::string_view::npos; at = text.find("\\n", at + 2)) {
    const std::string_view rest = text.substr(at + 2);
    const bool line = rest.size() >= 3 && is_digit(rest[0]) && is_digit(rest[1]) && is_digit(rest[2]) &&
                      (rest.size() == 3 || rest[3] == '-' || rest[3] == ' ') && (at == 0 || text[at - 1] != '\\');
    if (!line) continue;
    out.push_back(one_line(text.substr(begin, at - begin)));
    begin = at + 2;
  }
  out.push_back(one_line(text.substr(begin)));
  return out;
}

std::string status_part(const Engine& eng, const store::StoredMessage& original,
                        const std::vector<FailedRecipient>& about, const std::string& action) {
  std::string out = fmt::format("Reporting-MTA: dns; {}\n", eng.config->main.primary_hostname);
  if (!original.envelope.dsn_envid.empty())
    out += fmt::format("Original-Envelope-ID: {}\n", one_line(original.envelope.dsn_envid));
  std::vector<const FailedRecipient*> order;
  for (const FailedRecipient& r : about) order.push_back(&r);
  if (action != "delayed") std::reverse(order.begin(), order.end());
  std::unordered_map<std::string_view, const mail::Recipient*> tops;  // the first of a name
  for (const mail::Recipient& r : original.envelope.recipients) tops.emplace(r.address, &r);
  for (const FailedRecipient* one : order) {
    const FailedRecipient& r = *one;
    const auto top = tops.find(r.top_address);
    out += "\n";
    if (top != tops.end() && !top->second->orcpt.empty())
      out += fmt::format("Original-Recipient: {}\n", one_line(top->second->orcpt));
    out += fmt::format("Action: {}\nFinal-Recipient: rfc822;{}\nStatus: {}\n", action,
                       one_line(r.top_address.empty() ? r.address : r.top_address), r.status);
    if (!r.remote_mta.empty()) out += fmt::format("Remote-MTA: dns; {}\n", one_line(r.remote_mta));
    if (!r.diagnostic.empty())
      out += fmt::format("Diagnostic-Code: smtp; {}\n", join(answer_lines(r.diagnostic), "\n "));
  }
  return out;
}

/// The original: whole when it is small and wanted, else its headers. `full` says which.
Result<std::string> returned_part(const Engine& eng, const store::StoredMessage& original, bool& full,
                                  std::string& cut_note) {
  const auto& main = eng.config->main;
  std::string out = fmt::format("Return-path: <{}>\n", one_line(original.envelope.sender));
  out += std::string(std::string_view(original.headers.raw()).substr(0, kHeadersMax));
  const auto limit = static_cast<std::uint64_t>(std::max<std::int64_t>(0, main.bounce_return_size_limit));
  if (full && limit != 0 && original.body && out.size() + original.body->size() > limit) {
    full = false;
    cut_note = fmt::format("The message is larger than {}; only its headers are returned.\n",
                           limit >= 1024 ? fmt::format("{}K", limit / 1024) : std::to_string(limit));
  }
  if (!full || !original.body) return full ? out : out + "\n";
  out += "\n";
  REMEX_TRY(const std::string body, original.body->read(0, static_cast<std::size_t>(original.body->size())));
  out += body;
  return out;
}

/// Who it is, for people: a line each.
std::vector<std::string> names_of(const FailedRecipient& r) {
  std::vector<std::string> out;
  for (const std::string& line : r.lines) out.push_back(one_line(line));
  if (!out.empty()) return out;
  out.push_back(one_line(r.address));
  if (r.top_address != r.address && !r.top_address.empty())
    out.push_back(fmt::format("(generated from {})", one_line(r.top_address)));
  return out;
}

std::string failed_addresses(const std::vector<FailedRecipient>& failed) {
  std::string out;
  for (const auto& r : failed)
    if (!r.address.empty()) out += fmt::format("{}{}", out.empty() ? "" : ",\n  ", one_line(r.address, 500));
  return out;
}

/// The three parts of RFC 6522: for people, for programs, and what was sent.
std::string report_body(const std::string& text, const std::string& status, const std::string& returned, bool full,
                        std::string& boundary) {
  boundary = fresh_boundary(text + status + returned);
  std::string body = fmt::format(
      "--{0}\nContent-type: text/plain; charset=us-ascii\n\n{1}\n--{0}\nContent-type: message/delivery-status\n\n{2}\n",
      boundary, text, status);
  if (!returned.empty())
    body += fmt::format("--{}\nContent-type: {}\n\n{}\n", boundary, full ? "message/rfc822" : "text/rfc822-headers",
                        returned);
  return body + fmt::format("--{}--\n", boundary);
}

std::string failed_list(const std::vector<FailedRecipient>& failed) {
  std::string out;
  for (const auto& r : failed) out += address_and_reason(r, "");
  const auto texts = std::count_if(failed.begin(), failed.end(), [](const auto& r) { return !r.output.empty(); });
  if (texts > 0)
    out += fmt::format("\nThe following text was generated during the delivery attempt{}:\n", texts > 1 ? "s" : "");
  for (const auto& r : failed) {
    if (r.output.empty()) continue;
    out += fmt::format("\n------ {} ------\n\n", join(names_of(r), "\n       "));
    std::string_view said = r.output;
    while (said.ends_with('\n')) said.remove_suffix(1);
    for (std::string_view line : split(said, '\n')) out += printable(line) + "\n";
  }
  return out;
}

}  // namespace

std::string address_and_reason(const FailedRecipient& r, std::string_view before) {
  std::string out = fmt::format("  {}\n", join(names_of(r), "\n    "));
  if (!r.host.empty()) out += fmt::format("    {}\n", one_line(r.host));
  const auto answer = r.diagnostic.empty() ? std::string::npos : r.text.find(": " + r.diagnostic);
  if (!r.host.empty() && answer != std::string::npos)
    out += fmt::format("    {}{}:\n    {}\n", before, one_line(r.text.substr(0, answer)),
                       join(answer_lines(r.diagnostic), "\n    "));
  else if (!r.text.empty())
    out += fmt::format("    {}{}\n", before, one_line(r.text));
  return out;
}

const std::string& own_login() {
  static const std::string kLogin = [] {
    const passwd* pw = ::getpwuid(::geteuid());
    return pw != nullptr ? std::string(pw->pw_name) : fmt::format("uid{}", ::geteuid());
  }();
  return kLogin;
}

void add_own_received(Engine& eng, mail::Envelope& envelope, mail::HeaderList& headers) {
  lang::Scope scope;
  scope.config = eng.config.get();
  scope.services = eng.services;
  scope.envelope = &envelope;
  scope.from = &envelope.from;
  scope.headers = &headers;
  if (envelope.recipients.size() == 1) scope.extra["received_for"] = envelope.recipients.front().address;
  smtp::add_received_header(scope, eng.config->main.primary_hostname);
}

std::string qualify_domain(const Engine& eng) {
  const auto& main = eng.config->main;
  return main.qualify_domain.empty() ? main.primary_hostname : main.qualify_domain;
}

std::string bounce_text(const Engine& eng, const std::vector<FailedRecipient>& failed, const std::string& intro,
                        const std::string& other_sender) {
  std::string out = intro;
  if (!intro.empty()) {
    out += "\n" + failed_list(failed);
    return out;
  }
  out = "This message was created automatically by mail delivery software.\n";
  const std::string& extra = eng.config->main.bounce_message_text;
  out += extra.empty() ? "\n" : extra + (extra.ends_with('\n') ? "" : "\n");
  if (other_sender.empty())
    out +=
        "A message that you sent could not be delivered to one or more of its\n"
        "recipients. This is a permanent error. The following address(es) failed:\n\n";
  else
    out += fmt::format(
        "A message sent by\n\n  <{}>\n\n"
        "could not be delivered to one or more of its recipients. The following\naddress(es) failed:\n\n",
        one_line(other_sender));
  out += failed_list(failed);
  return out;
}

ReportText bounce_report(Engine& eng, lang::Scope& scope, const std::string& to,
                         const std::vector<FailedRecipient>& failed) {
  lang::DeliveryState state;
  state.bounce_recipient = to;
  auto* before = std::exchange(scope.delivery, &state);
  const auto items = template_items(eng, eng.config->main.bounce_message_file, 3, scope);
  scope.delivery = before;
  const std::string sender = scope.envelope != nullptr ? scope.envelope->sender : to;
  const bool returned = iequals(sender, to);  // not to an errors_to address
  return {returned ? "Mail delivery failed: returning message to sender" : "Mail delivery failed",
          bounce_text(eng, failed, items[1], returned ? "" : sender),
          "failed",
          true,
          items[0],
          copies_for(eng, to)};
}

Result<store::StoredMessage> make_report(Engine& eng, const store::StoredMessage& original, const std::string& to,
                                         const std::vector<FailedRecipient>& about, const ReportText& what) {
  const auto& main = eng.config->main;
  // Over-long lines are no more welcome to the next server than they were here.
  const auto line_limit = static_cast<std::uint64_t>(std::max<std::int64_t>(0, main.bounce_return_linesize_limit));
  bool full = what.with_body && main.bounce_return_body && original.envelope.dsn_ret != "HDRS" &&
              (line_limit == 0 || original.envelope.max_line <= line_limit);
  std::string note, returned;
  if (main.bounce_return_message && !what.action.empty()) {
    REMEX_TRY(returned, returned_part(eng, original, full, note));
  }
  std::string boundary;
  std::string body = what.text + (note.empty() ? "" : "\n" + note);
  if (!what.action.empty())
    body = report_body(body, status_part(eng, original, about, what.action), returned, full, boundary);

  store::StoredMessage m;
  mail::Envelope& e = m.envelope;
  e.id = new_message_id();
  e.received = wall_now();
  e.local_error_message = true;
  e.from.is_local = true;
  e.from.protocol = "local";
  e.login = e.from.ident = own_login();
  e.from.authenticated_sender = main.bounce_sender_authentication;
  e.recipients.emplace_back().address = to;
  for (const auto& copy : what.copies) e.recipients.emplace_back().address = copy;
  e.user_message_id = fmt::format("E{}@{}", e.id, main.primary_hostname);
  const std::string date = rfc5322_date(e.received);
  if (const std::string failed = failed_addresses(about); what.action == "failed" && !failed.empty())
    m.headers.add(fmt::format("X-Failed-Recipients: {}\n", failed));
  if (!main.errors_reply_to.empty()) m.headers.add("Reply-To: " + main.errors_reply_to + "\n");
  m.headers.add("Auto-Submitted: auto-replied\n");
  std::string from = fmt::format("Mail Delivery System <Mailer-Daemon@{}>", qualify_domain(eng));
  if (main.dsn_from.is_set()) {
    lang::Scope scope;
    scope.config = eng.config.get();
    scope.services = eng.services;
    if (auto v = main.dsn_from.eval(scope); v && !v->empty()) from = replace_all(v->str(), "\n", " ");
  }
  m.headers.add("From: " + from + "\n");
  m.headers.add("To: " + to + "\n");
  if (const auto* id = original.headers.find("Message-ID"); id != nullptr && trim(id->value()).size() < 900)
    m.headers.add("References: " + one_line(trim(id->value())) + "\n");
  if (!boundary.empty()) {
    m.headers.add(fmt::format("Content-Type: multipart/report; report-type=delivery-status; boundary={}\n", boundary));
    m.headers.add("MIME-Version: 1.0\n");
  }
  if (what.headers.empty() || !add_template_headers(eng, what.headers, m.headers))
    m.headers.add("Subject: " + what.subject + "\n");
  m.headers.add(fmt::format("Message-Id: <{}>\n", e.user_message_id));
  m.headers.add("Date: " + date + "\n");
  add_own_received(eng, e, m.headers);
  e.size = m.headers.size_bytes() + 1 + body.size();
  e.body_lines = static_cast<std::uint64_t>(std::count(body.begin(), body.end(), '\n'));
  m.body = mail::Body::from_string(std::move(body));
  REMEX_CHECK(eng.store->insert(m));
  eng.log->write(log::kMain, e.id,
                 log::arrival_line(e, eng.log->selectors(), {original.envelope.id, what.subject, true}));
  return m;
}

Status send_bounce(Engine& eng, const store::StoredMessage& original, const std::string& to,
                   const std::vector<FailedRecipient>& failed) {
  mail::Envelope envelope = original.envelope;  // a scope may be written to
  mail::HeaderList headers = original.headers;
  lang::Scope scope;
  scope.config = eng.config.get();
  scope.services = eng.services;
  scope.envelope = &envelope;
  scope.headers = &headers;
  REMEX_TRY(auto m, make_report(eng, original, to, failed, bounce_report(eng, scope, to, failed)));
  DeliverOptions opt;
  opt.first_attempt = true;
  return deliver_fresh(eng, std::move(m), opt);
}

}  // namespace remex::delivery
