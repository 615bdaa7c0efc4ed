// See queue_view.h.

#include "core/cli/queue_view.h"

#include <fmt/core.h>

#include <algorithm>
#include <chrono>

#include "core/base/clock.h"
#include "core/base/strings.h"

namespace remex::cli {

std::string age_text(std::int64_t seconds) {
  const std::int64_t minutes = (seconds + 30) / 60;
  if (minutes < 90) return fmt::format("{:2}m", minutes);
  const std::int64_t hours = (minutes + 30) / 60;
  if (hours <= 72) return fmt::format("{:2}h", hours);
  return fmt::format("{:2}d", (hours + 12) / 24);
}

std::string size_text(std::uint64_t n) {
  if (n < 1024) return fmt::format("{:5}", n);
  if (n < 10 * 1024) return fmt::format("{:4.1f}K", static_cast<double>(n) / 1024.0);
  if (n < 1024 * 1024) return fmt::format("{:4}K", (n + 512) / 1024);
  if (n < 10 * 1024 * 1024) return fmt::format("{:4.1f}M", static_cast<double>(n) / (1024.0 * 1024.0));
  return fmt::format("{:4}M", (n + 512 * 1024) / (1024 * 1024));
}

std::string span_text(std::int64_t seconds) {
  seconds = std::max<std::int64_t>(0, seconds);
  if (seconds < 60) return fmt::format("{}s", seconds);
  const std::int64_t minutes = seconds / 60, hours = minutes / 60, days = hours / 24;
  if (hours == 0) return fmt::format("{}m", minutes);
  if (days == 0) return minutes % 60 == 0 ? fmt::format("{}h", hours) : fmt::format("{}h{}m", hours, minutes % 60);
  return hours % 24 == 0 ? fmt::format("{}d", days) : fmt::format("{}d{}h", days, hours % 24);
}

std::string queue_entry(const store::QueueEntry& e, std::int64_t now, Recipients which) {
  std::string out =
      fmt::format("{} {} {} <{}>", age_text(now - e.received), size_text(e.size), e.id, printable(e.sender));
  if (e.frozen) out += " *** frozen ***";
  out += '\n';
  for (const auto& r : e.recipients)
    if (!r.done || which != Recipients::undelivered)
      out += fmt::format("        {} {}\n", r.done ? "D" : " ", printable(r.address));
  if (which == Recipients::generated)
    for (const auto& c : e.children) out += fmt::format("       +D {}\n", printable(c));
  out += '\n';
  return out;
}

namespace {

/// The finished addresses as the tree that the -H file keeps: here every node has a right branch only.
std::string done_tree(const mail::Envelope& e) {
  std::vector<std::string> names = e.non_recipients;
  for (const auto& r : e.recipients)
    if (r.done) names.push_back(r.address);
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  if (names.empty()) return "XX\n";
  std::string out;
  for (std::size_t i = 0; i < names.size(); ++i)
    out += fmt::format("N{} {}\n", i + 1 < names.size() ? 'Y' : 'N', printable(names[i]));
  return out;
}

/// The address, and behind it what DSN (RFC 3461) and one_time noted: "ORCPT LENGTH,NOTIFY ERRORS-TO LENGTH,PARENT#3".
std::string recipient_line(const mail::Recipient& r) {
  std::string out = printable(r.address);
  if (r.orcpt.empty() && r.errors_to.empty() && r.dsn_notify == 0 && r.parent < 0) return out;
  const std::string orcpt = printable(r.orcpt), errors_to = printable(r.errors_to);
  return fmt::format("{} {} {},{} {} {},{}#3", out, orcpt, orcpt.size(), r.dsn_notify << 1, errors_to, errors_to.size(),
                     r.parent);
}

std::string variables(const std::map<std::string, Text>& vars, char kind) {
  std::string out;
  for (const auto& [name, value] : vars)
    out += fmt::format("{}acl{} {} {}\n{}\n", value.is_tainted() ? "--" : "-", kind, name.substr(1), value.str().size(),
                       value.str());
  return out;
}

}  // namespace

std::string header_file(const store::StoredMessage& m) {
  const auto& e = m.envelope;
  const auto us = std::chrono::duration_cast<std::chrono::microseconds>(e.received.time_since_epoch()).count();
  std::string out = e.id + "-H\n";
  out += fmt::format("{} {} {}\n<{}>\n{} {}\n", e.login.empty() ? "-" : e.login, e.caller_uid, e.caller_gid,
                     printable(e.sender), us / 1000000, e.warnings_sent);
  out += fmt::format("-received_time_usec .{:06}\n", us % 1000000);
  const auto complete = us + e.received_complete_us;
  out += fmt::format("-received_time_complete {}.{:06}\n", complete / 1000000, complete % 1000000);
  const auto foreign = [&](const char* name, const std::string& value) {
    if (!value.empty()) out += fmt::format("--{} {}\n", name, printable(value));
  };
  foreign("helo_name", e.from.helo_name);
  if (!e.from.host_address.empty())
    out += fmt::format("--host_address [{}]:{}\n", e.from.host_address, e.from.host_port);
  foreign("host_name", e.from.host_name);
  foreign("host_auth", e.from.authenticator);
  if (!e.from.interface_address.empty())
    out += fmt::format("--interface_address [{}]:{}\n", e.from.interface_address, e.from.interface_port);
  if (!e.from.ident.empty()) out += fmt::format("-ident {}\n", printable(e.from.ident));
  if (!e.from.protocol.empty()) out += fmt::format("-received_protocol {}\n", e.from.protocol);
  out += variables(e.acl_c, 'c') + variables(e.acl_m, 'm');
  foreign("auth_id", e.from.authenticated_id);
  foreign("auth_sender", e.from.authenticated_sender);
  out += fmt::format("-body_linecount {}\n-max_received_linelength {}\n", e.body_lines, e.max_line);
  if (e.body_zeros > 0) out += fmt::format("-body_zerocount {}\n", e.body_zeros);
  if (e.deliver_first_time) out += "-deliver_firsttime\n";
  if (e.frozen) out += fmt::format("-frozen {}\n", e.frozen_at);
  if (e.from.is_local && e.from.host_address.empty()) out += "-local\n";
  if (e.local_error_message) out += "-localerror\n";
  if (e.manual_thaw) out += "-manual_thaw\n";
  if (!e.queue_name.empty()) out += fmt::format("-queue_name {}\n", printable(e.queue_name));
  if (!e.dsn_envid.empty()) out += fmt::format("-dsn_envid {}\n", printable(e.dsn_envid));
  if (!e.dsn_ret.empty()) out += fmt::format("-dsn_ret {}\n", e.dsn_ret == "FULL" ? 1 : 2);
  foreign("tls_cipher", e.from.tls_cipher);
  foreign("tls_peerdn", e.from.tls_peer_dn);
  foreign("tls_sni", e.from.tls_sni);
  if (e.smtputf8) out += "-smtputf8\n";
  if (const auto it = e.saved.find("utf8_downconvert"); it != e.saved.end() && it->second != "0")
    out += it->second == "1" ? "-utf8_downcvt\n" : "-utf8_optdowncvt\n";
  out += done_tree(e);
  out += fmt::format("{}\n", e.recipients.size());
  for (const auto& r : e.recipients) out += recipient_line(r) + "\n";
  out += '\n';
  for (const auto& h : m.headers.all()) out += fmt::format("{:03}{} {}", h.text.size(), h.type, h.text);
  return out;
}

std::string received_line(const mail::Envelope& e) {
  const auto& from = e.from;
  return fmt::format("{} Received from {}{}{}{} S={}", log_timestamp(e.received),
                     e.sender.empty() ? "<>" : printable(e.sender),
                     from.host_address.empty() ? " U=" + printable(e.login) : fmt::format(" H=[{}]", from.host_address),
                     from.protocol.empty() ? "" : " P=" + printable(from.protocol),
                     from.authenticator.empty() ? "" : " A=" + printable(from.authenticator), e.size);
}

}  // namespace remex::cli
