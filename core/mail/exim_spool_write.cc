// Writer of -H files; see exim_spool.h.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <span>

#include "core/mail/exim_spool.h"

namespace remex::mail {
namespace {

/// A value that must stay on its line.
std::string one_line(std::string_view s) {
  std::string out(s);
  std::replace_if(out.begin(), out.end(), [](char c) { return static_cast<unsigned char>(c) < 32 || c == 127; }, '?');
  return out;
}

/// The sorted names as a balanced tree: each node in front of its left and its right branch.
void write_tree(std::span<const std::string> names, std::string& out) {
  if (names.empty()) return;
  const std::size_t middle = names.size() / 2;
  const auto left = names.first(middle), right = names.subspan(middle + 1);
  out += fmt::format("{}{} {}\n", left.empty() ? 'N' : 'Y', right.empty() ? 'N' : 'Y', one_line(names[middle]));
  write_tree(left, out);
  write_tree(right, out);
}

std::string finished_addresses(const Envelope& e) {
  std::vector<std::string> names = e.non_recipients;
  for (const auto& r : e.recipients)
    if (r.done) names.push_back(r.address);
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  if (names.empty()) return "XX\n";
  std::string out;
  write_tree(names, out);
  return out;
}

/// The address, and behind it what DSN (RFC 3461) and one_time noted: "ORCPT LENGTH,NOTIFY ERRORS-TO LENGTH,PARENT#3".
std::string recipient_line(const Recipient& r) {
  std::string out = one_line(r.address);
  if (r.orcpt.empty() && r.errors_to.empty() && r.dsn_notify == 0 && r.parent < 0) return out;
  const std::string orcpt = one_line(r.orcpt), errors_to = one_line(r.errors_to);
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

/// "-name value" of what this host made, "--name value" of what a stranger said.
class Items {
 public:
  void own(std::string_view name, std::string_view value) {
    if (!value.empty()) out_ += fmt::format("-{} {}\n", name, one_line(value));
  }
  void foreign(std::string_view name, std::string_view value) {
    if (!value.empty()) out_ += fmt::format("--{} {}\n", name, one_line(value));
  }
  void flag(std::string_view name, bool on) {
    if (on) out_ += fmt::format("-{}\n", name);
  }
  void text(std::string_view lines) { out_ += lines; }
  std::string take() { return std::move(out_); }

 private:
  std::string out_;
};

void client(const ReceivedFrom& from, Items& items) {
  items.foreign("helo_name", from.helo_name);
  if (!from.host_address.empty())
    items.foreign("host_address", fmt::format("[{}]:{}", from.host_address, from.host_port));
  items.foreign("host_name", from.host_name);
  items.foreign("host_auth", from.authenticator);
  if (!from.interface_address.empty())
    items.foreign("interface_address", fmt::format("[{}]:{}", from.interface_address, from.interface_port));
  items.own("ident", from.ident);
  items.own("received_protocol", from.protocol);
}

void encryption(const ReceivedFrom& from, Items& items) {
  items.flag("tls_certificate_verified", from.tls_certificate_verified);
  items.foreign("tls_cipher", from.tls_cipher);
  items.foreign("tls_peerdn", from.tls_peer_dn);
  items.foreign("tls_sni", from.tls_sni);
  items.own("tls_ver", from.tls_version);
}

}  // namespace

std::string exim_header_file(const Envelope& e, const HeaderList& headers, std::string_view primary_hostname) {
  const auto us = std::chrono::duration_cast<std::chrono::microseconds>(e.received.time_since_epoch()).count();
  const auto complete = us + e.received_complete_us;
  const auto saved = [&e](const char* name) {
    const auto it = e.saved.find(name);
    return it == e.saved.end() ? std::string() : it->second;
  };
  Items items;
  items.text(fmt::format("{}-H\n{} {} {}\n<{}>\n{} {}\n", e.id, e.login.empty() ? "-" : one_line(e.login), e.caller_uid,
                         e.caller_gid, one_line(e.sender), us / 1000000, e.warnings_sent));
  items.text(fmt::format("-received_time_usec .{:06}\n", us % 1000000));
  items.text(fmt::format("-received_time_complete {}.{:06}\n", complete / 1000000, complete % 1000000));
  if (e.from.active_hostname != primary_hostname) items.own("active_hostname", e.from.active_hostname);
  client(e.from, items);
  items.text(variables(e.acl_c, 'c') + variables(e.acl_m, 'm'));
  items.foreign("auth_id", e.from.authenticated_id);
  items.foreign("auth_sender", e.from.authenticated_sender);
  items.text(fmt::format("-body_linecount {}\n-max_received_linelength {}\n", e.body_lines, e.max_line));
  if (e.body_zeros > 0) items.own("body_zerocount", std::to_string(e.body_zeros));
  items.flag("deliver_firsttime", e.deliver_first_time);
  if (e.frozen) items.own("frozen", std::to_string(e.frozen_at));
  items.flag("local", e.from.is_local && e.from.host_address.empty());
  items.flag("localerror", e.local_error_message);
  items.flag("manual_thaw", e.manual_thaw);
  items.own("queue_name", e.queue_name);
  items.own("dsn_envid", e.dsn_envid);
  if (!e.dsn_ret.empty()) items.own("dsn_ret", e.dsn_ret == "FULL" ? "1" : "2");
  encryption(e.from, items);
  for (const char* name : {"spam_bar", "spam_score", "spam_score_int"}) items.foreign(name, saved(name));
  items.flag("smtputf8", e.smtputf8);
  if (const std::string convert = saved("utf8_downconvert"); !convert.empty() && convert != "0")
    items.flag(convert == "1" ? "utf8_downcvt" : "utf8_optdowncvt", true);
  items.text(finished_addresses(e));
  items.text(fmt::format("{}\n", e.recipients.size()));
  for (const auto& r : e.recipients) items.text(recipient_line(r) + "\n");
  items.text("\n");
  for (const auto& h : headers.all()) items.text(fmt::format("{:03}{} {}", h.text.size(), h.type, h.text));
  return items.take();
}

}  // namespace remex::mail
