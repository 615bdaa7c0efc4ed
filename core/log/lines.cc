// Arrival and delivery lines; see log.h and delivery_lines.h.
#include <fmt/format.h>

#include <cstring>

#include "core/base/strings.h"
#include "core/log/delivery_lines.h"
#include "core/log/log.h"

namespace remex::log {
namespace {

bool is_on(const Selectors& s, Selector x) { return s[static_cast<std::size_t>(x)]; }

/// The first address is what was delivered to, then the original recipient (all ancestors with +all_parents).
std::string address_text(const DeliveryFields& f, const Selectors& sel) {
  std::string out = f.address;
  if (f.parents.empty()) return out;
  if (is_on(sel, Selector::all_parents)) {
    for (std::size_t i = 0; i + 1 < f.parents.size(); ++i) out += fmt::format(" ({})", f.parents[i]);
  }
  out += fmt::format(" <{}>", f.parents.back());
  return out;
}

void host_fields(std::string& out, const DeliveryFields& f, const Selectors& sel) {
  if (f.host_name.empty() && f.host_ip.empty()) return;
  out += fmt::format(" H={} [{}]", f.host_name, f.host_ip);
  if (is_on(sel, Selector::outgoing_port)) out += fmt::format(":{}", f.host_port);
  if (f.second_on_connection) out += '*';
  if (is_on(sel, Selector::outgoing_interface) && !f.local_ip.empty()) {
    out += fmt::format(" I=[{}]", f.local_ip);
    if (f.local_port != 0) out += fmt::format(":{}", f.local_port);
  }
  if (is_on(sel, Selector::proxy) && !f.proxy_ip.empty()) out += " PRX=" + f.proxy_ip;
}

void tls_fields(std::string& out, const DeliveryFields& f, const Selectors& sel) {
  if (f.tls_cipher.empty()) return;
  if (is_on(sel, Selector::tls_cipher)) out += " X=" + f.tls_cipher;
  if (is_on(sel, Selector::tls_certificate_verified))
    out += f.tls_dane ? " CV=dane" : f.tls_verified ? " CV=yes" : " CV=no";
  if (is_on(sel, Selector::tls_peerdn) && !f.tls_peer_dn.empty())
    out += fmt::format(" DN=\"{}\"", printable(f.tls_peer_dn));
}

}  // namespace

std::string log_interval(std::int64_t us, const Selectors& sel) {
  if (us < 0) us = 0;
  if (is_on(sel, Selector::millisec)) return fmt::format("{}.{:03}s", us / 1000000, us / 1000 % 1000);
  return format_interval(us / 1000000);
}

std::string sender_fullhost(const mail::ReceivedFrom& from) {
  std::string out;
  if (!from.host_name.empty()) {
    out = from.host_name;
    if (!from.helo_name.empty() && !iequals(from.helo_name, from.host_name) &&
        from.helo_name != fmt::format("[{}]", from.host_address))
      out += fmt::format(" ({})", from.helo_name);
    out += ' ';
  } else if (!from.helo_name.empty() && from.helo_name != fmt::format("[{}]", from.host_address)) {
    out = fmt::format("({}) ", from.helo_name);
  }
  if (from.host_address.empty()) return std::string(trim(out));
  return out + fmt::format("[{}]:{}", from.host_address, from.host_port);
}

std::string host_and_ident(const mail::ReceivedFrom& from, const Selectors& sel, bool with_h_prefix) {
  std::string out;
  if (!from.host_address.empty()) {
    std::string host = sender_fullhost(from);
    if (!is_on(sel, Selector::incoming_port)) host.resize(host.rfind(':'));
    out = (with_h_prefix ? "H=" : "") + host;
    if (is_on(sel, Selector::incoming_interface) && !from.interface_address.empty())
      out += fmt::format(" I=[{}]:{}", from.interface_address, from.interface_port);
  } else if (!from.ident.empty() && !with_h_prefix) {
    return from.ident;
  }
  if (!from.ident.empty()) out += fmt::format("{}U={}", out.empty() ? "" : " ", printable(from.ident));
  return out;
}

std::string arrival_line(const mail::Envelope& e, const Selectors& sel, const ArrivalExtras& extras) {
  const mail::ReceivedFrom& from = e.from;
  std::string out = fmt::format("<= {}", e.sender.empty() ? "<>" : e.sender);
  if (!extras.bounced_id.empty()) out += " R=" + extras.bounced_id;
  if (const std::string host = host_and_ident(from, sel, true); !host.empty()) out += " " + host;
  if (!from.protocol.empty()) out += fmt::format(" P={}{}", e.smtputf8 ? "utf8" : "", from.protocol);
  if (is_on(sel, Selector::pipelining) && !extras.pipelining.empty()) out += " " + extras.pipelining;
  if (!from.tls_cipher.empty()) {
    if (is_on(sel, Selector::tls_cipher)) out += " X=" + from.tls_cipher;
    if (is_on(sel, Selector::tls_certificate_verified)) out += from.tls_certificate_verified ? " CV=yes" : " CV=no";
    if (is_on(sel, Selector::tls_peerdn) && !from.tls_peer_dn.empty())
      out += fmt::format(" DN=\"{}\"", printable(from.tls_peer_dn));
    if (is_on(sel, Selector::tls_sni) && !from.tls_sni.empty())
      out += fmt::format(" SNI=\"{}\"", printable(from.tls_sni));
  }
  if (!from.authenticator.empty()) {
    out += " A=" + from.authenticator;
    if (!from.authenticated_id.empty()) out += ":" + printable(from.authenticated_id);
    if (is_on(sel, Selector::smtp_mailauth) && !from.authenticated_sender.empty())
      out += ":" + printable(from.authenticated_sender);
  }
  if (is_on(sel, Selector::proxy) && !from.proxy_local_address.empty()) out += " PRX=" + from.proxy_local_address;
  out += fmt::format(" S={}", e.size);
  if (is_on(sel, Selector::eight_bitmime))
    out += fmt::format(" M8S={}", e.body_type == "8BITMIME" ? 8 : e.body_type == "7BIT" ? 7 : 0);
  if (is_on(sel, Selector::receive_time)) out += " RT=" + log_interval(e.received_complete_us, sel);
  if (!e.queue_name.empty()) out += " Q=" + e.queue_name;
  if (is_on(sel, Selector::dkim)) {
    if (const auto it = e.saved.find("dkim_log"); it != e.saved.end() && !it->second.empty())
      out += " DKIM=" + printable(it->second);
  }
  if (is_on(sel, extras.id_created ? Selector::msg_id_created : Selector::msg_id) && !e.user_message_id.empty()) {
    std::string_view id = e.user_message_id;
    if (id.starts_with('<')) id.remove_prefix(1);
    if (id.ends_with('>')) id.remove_suffix(1);
    out += (extras.id_created ? " id*=" : " id=") + printable(id);
  }
  if (is_on(sel, Selector::subject) && !extras.subject.empty())
    out += fmt::format(" T=\"{}\"", replace_all(printable(extras.subject), "\"", "\\\""));
  if (is_on(sel, Selector::received_sender))
    out += fmt::format(" from <{}>", extras.raw_sender != nullptr ? *extras.raw_sender : e.sender);
  if (is_on(sel, Selector::received_recipients)) {
    out += " for";
    // Bounded: a message with 50 000 recipients is one line, but not one of megabytes.
    std::vector<std::string> all;
    if (extras.raw_recipients == nullptr)
      for (const auto& r : e.recipients) all.push_back(r.address);
    const std::vector<std::string>& shown = extras.raw_recipients != nullptr ? *extras.raw_recipients : all;
    for (std::size_t i = 0; i < shown.size() && out.size() < 30000; ++i) out += " " + shown[i];
  }
  return out;
}

std::string delivered_line(std::string_view flag, const DeliveryFields& f, const Selectors& sel) {
  std::string out = fmt::format("{} {}", flag, address_text(f, sel));
  const bool thrown_away = f.transport.empty();  // ":blackhole:": there is no sender and no time to tell
  if (!thrown_away && is_on(sel, Selector::sender_on_delivery)) out += fmt::format(" F=<{}>", f.sender);
  if (!thrown_away && is_on(sel, Selector::return_path_on_delivery)) out += fmt::format(" P=<{}>", f.return_path);
  if (!f.router.empty()) out += " R=" + f.router;
  if (thrown_away) return out;
  out += " T=" + f.transport;
  if (is_on(sel, Selector::delivery_size) && f.size >= 0) out += fmt::format(" S={}", f.size);
  host_fields(out, f, sel);
  tls_fields(out, f, sel);
  if (!f.authenticator.empty()) out += " A=" + f.authenticator;
  if (is_on(sel, Selector::pipelining) && f.pipelining) out += f.early ? " L*" : " L";
  if (f.prdr) out += " PRDR";
  if (f.chunking) out += " K";
  if (is_on(sel, Selector::smtp_confirmation) && !f.confirmation.empty())
    out += fmt::format(" C=\"{}\"", replace_all(replace_all(printable(f.confirmation), "\\\\", "\\"), "\"", "\\\""));
  if (!f.shadow.empty()) out += " ST=" + f.shadow;
  if (is_on(sel, Selector::queue_time)) out += " QT=" + log_interval(f.queue_us, sel);
  if (is_on(sel, Selector::deliver_time)) out += " DT=" + log_interval(f.delivery_us, sel);
  return out;
}

std::string failed_line(const DeliveryFields& f, const Selectors& sel) {
  std::string out = fmt::format("** {}", address_text(f, sel));
  if (is_on(sel, Selector::sender_on_delivery)) out += fmt::format(" F=<{}>", f.sender);
  if (is_on(sel, Selector::return_path_on_delivery) && !f.transport.empty())
    out += fmt::format(" P=<{}>", f.return_path);
  if (!f.router.empty()) out += " R=" + f.router;
  if (!f.transport.empty()) out += " T=" + f.transport;
  host_fields(out, f, sel);
  tls_fields(out, f, sel);
  if (!f.message.empty()) out += ": " + f.message;
  if (is_on(sel, Selector::deliver_time)) out += " DT=" + log_interval(f.delivery_us, sel);
  return out;
}

std::string deferred_line(const DeliveryFields& f, const Selectors& sel) {
  std::string out = fmt::format("== {}", address_text(f, sel));
  if (!f.router.empty()) out += " R=" + f.router;
  if (!f.transport.empty()) out += " T=" + f.transport;
  out += fmt::format(" defer ({})", f.defer_errno);
  const std::string why = f.defer_errno > 0 ? std::strerror(f.defer_errno) : "";
  if (!why.empty()) out += ": " + why;
  if (is_on(sel, Selector::deliver_time)) out += " DT=" + log_interval(f.delivery_us, sel);
  // A host that could not be reached has its own line; one that answered is named before its answer.
  if (why.empty() || f.message != why) host_fields(out, f, sel);
  if (!f.message.empty() && f.message != why) out += ": " + f.message;
  return out;
}

std::string completed_line(std::int64_t queue_us, const Selectors& sel) {
  if (!is_on(sel, Selector::queue_time_overall)) return "Completed";
  return "Completed QT=" + log_interval(queue_us, sel);
}

}  // namespace remex::log
