// log_selector: the names, Exim's defaults, and the parser of "+name -name".
#include <fmt/format.h>

#include <array>
#include <vector>

#include "core/base/strings.h"
#include "core/log/log.h"
#include "core/log/selector_names.h"

namespace remex::log {
namespace {

struct Row {
  std::string_view name;
  Selector selector;
  bool on;
};

constexpr std::size_t kUnused = static_cast<std::size_t>(Selector::kCount);

// The names of selectors whose events remex never has (dmarc, spf, ...) are accepted and ask for nothing.
constexpr Row kRows[] = {
    {"8bitmime", Selector::eight_bitmime, false},
    {"acl_warn_skipped", Selector::acl_warn_skipped, true},
    {"address_rewrite", Selector::address_rewrite, false},
    {"all_parents", Selector::all_parents, false},
    {"arguments", Selector::arguments, false},
    {"connection_id", Selector::connection_id, false},
    {"connection_reject", Selector::connection_reject, true},
    {"delay_delivery", Selector::delay_delivery, true},
    {"deliver_time", Selector::deliver_time, false},
    {"delivery_size", Selector::delivery_size, false},
    {"dkim", Selector::dkim, true},
    {"dkim_verbose", Selector::dkim_verbose, false},
    {"dmarc", Selector::kCount, false},
    {"dmarc_verbose", Selector::kCount, false},
    {"dnslist_defer", Selector::dnslist_defer, true},
    {"dnssec", Selector::dnssec, false},
    {"etrn", Selector::etrn, true},
    {"host_lookup_failed", Selector::host_lookup_failed, true},
    {"ident_timeout", Selector::ident_timeout, false},
    {"incoming_interface", Selector::incoming_interface, false},
    {"incoming_port", Selector::incoming_port, false},
    {"lost_incoming_connection", Selector::lost_incoming_connection, true},
    {"millisec", Selector::millisec, false},
    {"msg_id", Selector::msg_id, true},
    {"msg_id_created", Selector::msg_id_created, false},
    {"outgoing_interface", Selector::outgoing_interface, false},
    {"outgoing_port", Selector::outgoing_port, false},
    {"pid", Selector::pid, false},
    {"pipelining", Selector::pipelining, false},
    {"protocol_detail", Selector::protocol_detail, false},
    {"proxy", Selector::proxy, false},
    {"queue_run", Selector::queue_run, true},
    {"queue_time", Selector::queue_time, false},
    {"queue_time_exclusive", Selector::queue_time_exclusive, false},
    {"queue_time_overall", Selector::queue_time_overall, false},
    {"receive_time", Selector::receive_time, false},
    {"received_recipients", Selector::received_recipients, false},
    {"received_sender", Selector::received_sender, false},
    {"rejected_header", Selector::rejected_header, true},
    {"retry_defer", Selector::retry_defer, true},
    {"return_path_on_delivery", Selector::return_path_on_delivery, false},
    {"sender_on_delivery", Selector::sender_on_delivery, false},
    {"sender_verify_fail", Selector::sender_verify_fail, true},
    {"size_reject", Selector::size_reject, true},
    {"skip_delivery", Selector::skip_delivery, true},
    {"smtp_confirmation", Selector::smtp_confirmation, true},
    {"smtp_connection", Selector::smtp_connection, false},
    {"smtp_incomplete_transaction", Selector::smtp_incomplete_transaction, false},
    {"smtp_mailauth", Selector::smtp_mailauth, false},
    {"smtp_no_mail", Selector::smtp_no_mail, false},
    {"smtp_protocol_error", Selector::smtp_protocol_error, false},
    {"smtp_syntax_error", Selector::smtp_syntax_error, false},
    {"spf", Selector::kCount, false},
    {"spf_verbose", Selector::kCount, false},
    {"subject", Selector::subject, false},
    {"tls_certificate_verified", Selector::tls_certificate_verified, true},
    {"tls_cipher", Selector::tls_cipher, true},
    {"tls_on_connect", Selector::tls_on_connect, false},
    {"tls_peerdn", Selector::tls_peerdn, false},
    {"tls_resumption", Selector::tls_resumption, false},
    {"tls_sni", Selector::tls_sni, false},
    {"unknown_in_list", Selector::unknown_in_list, false},
};

}  // namespace

Selectors default_selectors() {
  Selectors s;
  for (const Row& r : kRows)
    if (r.on) s.set(static_cast<std::size_t>(r.selector));
  return s;
}

Result<Selectors> parse_selectors(std::string_view text) {
  Selectors s = default_selectors();
  std::size_t at = 0;
  while (true) {
    while (at < text.size() && is_space(text[at])) ++at;
    if (at == text.size()) return s;
    const char sign = text[at];
    if (sign != '+' && sign != '-') {
      return fail(ErrorKind::config,
                  fmt::format("malformed log_selector setting: + or - expected but found \"{}\"", text.substr(at)));
    }
    ++at;
    while (at < text.size() && is_space(text[at])) ++at;
    std::size_t end = at;
    while (end < text.size() && !is_space(text[end]) && text[end] != '+' && text[end] != '-') ++end;
    const std::string_view name = text.substr(at, end - at);
    at = end;
    if (name == "all") {
      sign == '+' ? s.set() : s.reset();
      continue;
    }
    const Row* found = nullptr;
    std::vector<std::string_view> names;
    for (const Row& r : kRows) {
      names.push_back(r.name);
      if (r.name == name) found = &r;
    }
    if (found == nullptr) {
      const std::string_view near = nearest(name, names);
      return fail(ErrorKind::config, fmt::format("unknown log_selector setting: {}{}{}{}", sign, name,
                                                 near.empty() ? "" : "; did you mean ", near));
    }
    if (const auto i = static_cast<std::size_t>(found->selector); i < kUnused) s.set(i, sign == '+');
  }
}

std::vector<std::string_view> selector_names() {
  std::vector<std::string_view> out;
  for (const Row& r : kRows) out.push_back(r.name);
  return out;
}

}  // namespace remex::log
