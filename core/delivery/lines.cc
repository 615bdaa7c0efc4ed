// See lines.h.

#include "core/delivery/lines.h"

#include <fmt/core.h>

#include "core/base/strings.h"

namespace remex::delivery {

namespace {

bool on(const log::Selectors& sel, log::Selector s) { return sel[static_cast<std::size_t>(s)]; }

const routers::Addr& top_of(const routers::Addr& a) {
  const routers::Addr* p = &a;
  while (p->parent != nullptr) p = p->parent;
  return *p;
}

std::string host_part(const transports::AddrResult& r, const log::Selectors& sel) {
  std::string out;
  if (r.host_name.empty() && r.host_ip.empty()) return out;
  out += " H=" + r.host_name + (r.host_name.empty() ? "[" : " [") + r.host_ip + "]";
  if (on(sel, log::Selector::outgoing_port)) out += fmt::format(":{}", r.host_port);
  if (on(sel, log::Selector::outgoing_interface) && !r.local_ip.empty()) out += " I=[" + r.local_ip + "]";
  if (on(sel, log::Selector::tls_cipher) && !r.tls_cipher.empty()) out += " X=" + r.tls_cipher;
  if (on(sel, log::Selector::tls_certificate_verified) && !r.tls_cipher.empty()) out += r.tls_verified ? " CV=yes" : " CV=no";
  return out;
}

std::string seconds_text(std::int64_t us, const log::Selectors& sel) {
  if (us < 0) us = 0;
  if (on(sel, log::Selector::millisec)) return fmt::format("{}.{:03}s", us / 1000000, us / 1000 % 1000);
  return format_interval(us / 1000000);
}

std::string queue_time(const mail::Envelope& e, const log::Selectors& sel) { return " QT=" + seconds_text((wall_now() - e.received).count(), sel); }

}  // namespace

std::string log_address(const routers::Addr& a, bool local, const log::Selectors& sel) {
  std::string text;
  const std::string full = a.is_file || a.is_pipe || a.is_directory ? a.special.str() : a.state.address;
  if ((local || a.log_as_local) && !a.is_file && !a.is_pipe && !a.is_directory) {
    const std::string affixed = a.state.cased_local_part.empty() ? a.state.local_part : a.state.cased_local_part;
    text = printable(affixed);
    if (a.parent == nullptr) return text + " <" + printable(full) + ">";
  } else {
    text = printable(full);
  }
  if (a.parent != nullptr) {
    if (on(sel, log::Selector::all_parents))
      for (const routers::Addr* p = a.parent; p->parent != nullptr; p = p->parent) text += " (" + printable(p->state.address) + ")";
    text += " <" + printable(top_of(a).state.address) + ">";
  }
  return text;
}

std::string delivered_line(std::string_view flag, const routers::Addr& a, const transports::AddrResult& r, bool local, const mail::Envelope& e,
                           const log::Selectors& sel) {
  std::string line = fmt::format("{} {}", flag, log_address(a, local, sel));
  if (on(sel, log::Selector::sender_on_delivery)) line += " F=<" + printable(e.sender) + ">";
  if (on(sel, log::Selector::return_path_on_delivery)) line += " P=<" + printable(a.has_errors_to ? a.errors_to : e.sender) + ">";
  if (a.router != nullptr) line += " R=" + a.router->name;
  if (a.transport != nullptr) line += " T=" + a.transport->name;
  if (on(sel, log::Selector::delivery_size)) line += fmt::format(" S={}", e.size);
  line += host_part(r, sel);
  if (r.pipelined && on(sel, log::Selector::pipelining)) line += " L";
  if (r.used_chunking) line += " K";
  if (on(sel, log::Selector::smtp_confirmation) && !r.confirmation.empty()) {
    std::string c;
    for (const char ch : printable(r.confirmation)) {
      if (ch == '"' || ch == '\\') c += '\\';
      c += ch;
    }
    line += " C=\"" + c + "\"";
  }
  if (on(sel, log::Selector::queue_time)) line += queue_time(e, sel);
  return line;
}

std::string failed_line(std::string_view flag, const routers::Addr& a, const std::string& text, const transports::AddrResult* r, const log::Selectors& sel) {
  std::string line = fmt::format("{} {}", flag, log_address(a, false, sel));
  if (a.router != nullptr) line += " R=" + a.router->name;
  if (a.transport != nullptr) line += " T=" + a.transport->name;
  if (r != nullptr) line += host_part(*r, sel);
  if (flag == "==") {
    line += " defer";
    if (r != nullptr && r->sys_errno != 0) line += fmt::format(" ({})", r->sys_errno);
    else line += " (-1)";
    if (!text.empty()) line += ": " + printable(text);
  } else if (!text.empty()) {
    line += ": " + printable(text);
  }
  return line;
}

std::string completed_line(const mail::Envelope& e, const log::Selectors& sel) {
  std::string line = "Completed";
  if (on(sel, log::Selector::queue_time_overall)) line += queue_time(e, sel);
  return line;
}

}  // namespace remex::delivery
