// The beginning of a session: limits, a proxy's header, who the client says he is, the connect ACL, the greeting.

#include <fmt/core.h>

#include <algorithm>

#include <cstring>

#include "core/base/ids.h"
#include "core/base/strings.h"
#include "core/hooks/hooks.h"
#include "core/io/fiber.h"
#include "core/io/process.h"
#include "core/smtp/ident.h"
#include "core/smtp/proxy_protocol.h"
#include "core/smtp/session.h"

namespace remex::smtp {

bool Session::turn_away(int code, std::string_view text, std::string_view why) {
  reply(code, text);
  (void)flush();
  if (server_.log->on(log::Selector::connection_reject))
    log_line(log::kMain | log::kReject, why.empty()
                                            ? fmt::format("refused connection from {} (host_reject_connection)", peer())
                                            : fmt::format("Connection from {} refused: {}", peer(), why));
  return false;
}

bool Session::cannot_tell(std::string_view option) {
  return turn_away(421, active_hostname_ + ": Temporary local problem; please try again later.",
                   fmt::format("{} cannot be looked at", option));
}

bool Session::within_limits() {
  const auto& m = config_->main;
  Counters& c = *server_.counters;
  const auto busy = [&](std::string_view why) {
    return turn_away(421, active_hostname_ + ": Too many concurrent SMTP connections; please try again later.", why);
  };
  if (m.smtp_load_reserve >= 0)
    if (const auto load = io::load_average_thousandths();
        load > m.smtp_load_reserve && !host_matches(m.smtp_reserve_hosts, "smtp_reserve_hosts"))
      return turn_away(421, active_hostname_ + ": Too much load; please try again later.",
                       fmt::format("load average = {:.2f}", static_cast<double>(load) / 1000));
  if (m.smtp_accept_max > 0 && m.smtp_accept_reserve > 0 && c.sessions > m.smtp_accept_max - m.smtp_accept_reserve &&
      !host_matches(m.smtp_reserve_hosts, "smtp_reserve_hosts"))
    return busy("reserved slots");
  // Behind a proxy the client is counted, not the proxy.
  const int mine = ++c.per_host[from_.host_address];
  counted_host_ = from_.host_address;
  if (m.smtp_accept_max_per_host.is_set())
    if (auto v = m.smtp_accept_max_per_host.eval(scope_))
      if (const auto max = parse_int(trim(v->view())); max && *max > 0 && mine > *max)
        return turn_away(
            421,
            active_hostname_ + ": Too many concurrent SMTP connections from this IP address; please try again later.",
            "too many connections from that IP address");
  return true;
}

void Session::tell_of_the_beginning() {
  const auto& m = config_->main;
  if (!server_.log->on(log::Selector::smtp_connection) ||
      host_matches(m.hosts_connection_nolog, "hosts_connection_nolog"))
    return;
  log_line(log::kMain, fmt::format("SMTP connection from {}{}", peer(),
                                   opt_.is_tcp && server_.counters != nullptr
                                       ? fmt::format(" (TCP/IP connection count = {})", server_.counters->sessions)
                                       : std::string()));
}

bool Session::meet_proxy() {
  ProxyHeaderParser parser;
  Status good;
  {
    const io::DeadlineScope deadline{
        std::chrono::duration_cast<Millis>(Seconds(std::max<std::int64_t>(config_->main.proxy_protocol_timeout, 1)))};
    std::string octets;
    while (good && parser.wanted() > 0) {
      octets.resize(parser.wanted());
      // Not by reader_: what follows may be a TLS handshake.
      if (const auto n = stream_->read_some(octets); !n)
        good = std::unexpected(n.error());
      else if (*n == 0)
        good = fail("the connection ended before the PROXY header did");
      else
        good = parser.feed(std::string_view(octets).substr(0, *n));
    }
  }
  if (!good) {
    log_line(log::kMain | log::kReject,
             fmt::format("PROXY negotiation with {} (in hosts_proxy) failed, connection closed: {}", peer(),
                         good.error().kind == ErrorKind::timed_out ? "no complete header within proxy_protocol_timeout"
                                                                   : printable(good.error().text)));
    return false;
  }
  from_.proxy_session = true;
  if (!parser.header().proxied) return true;
  from_.proxy_local_address = std::move(from_.host_address);
  from_.proxy_local_port = from_.host_port;
  from_.proxy_external_address = parser.header().destination.ip;
  from_.proxy_external_port = parser.header().destination.port;
  from_.host_address = parser.header().client.ip;
  from_.host_port = parser.header().client.port;
  // What was found out was about the proxy.
  from_.host_name.clear();
  from_.host_dnssec = false;
  state_.host_aliases.clear();
  state_.host_lookup_done = state_.host_lookup_deferred = state_.host_lookup_failed = false;
  return true;
}

void Session::ask_ident() {
  const auto& m = config_->main;
  if (m.rfc1413_query_timeout <= 0 || from_.proxy_session || !host_matches(m.rfc1413_hosts, "rfc1413_hosts")) return;
  IdentQuery q;
  q.server = {from_.host_address, static_cast<std::uint16_t>(m.rfc1413_port)};
  q.from_ip = from_.interface_address;
  q.client_port = static_cast<std::uint16_t>(from_.host_port);
  q.server_port = static_cast<std::uint16_t>(from_.interface_port);
  const io::DeadlineScope deadline{std::chrono::duration_cast<Millis>(Seconds(m.rfc1413_query_timeout))};
  bool too_late = false;
  from_.ident = query_ident(q, too_late);
  if (too_late && server_.log->on(log::Selector::ident_timeout))
    log_line(log::kMain, fmt::format("ident connection to {} timed out", from_.host_address));
}

namespace {

struct ClientList {
  std::string_view option;
  lang::MatchList lang::MainOptions::* list;
};
/// In the order in which Exim asks.
constexpr ClientList kClientLists[] = {{"hosts_connection_nolog", &lang::MainOptions::hosts_connection_nolog},
                                       {"host_lookup", &lang::MainOptions::host_lookup},
                                       {"host_reject_connection", &lang::MainOptions::host_reject_connection},
                                       {"sender_unqualified_hosts", &lang::MainOptions::sender_unqualified_hosts},
                                       {"recipient_unqualified_hosts", &lang::MainOptions::recipient_unqualified_hosts},
                                       {"helo_verify_hosts", &lang::MainOptions::helo_verify_hosts},
                                       {"helo_try_verify_hosts", &lang::MainOptions::helo_try_verify_hosts},
                                       {"helo_accept_junk_hosts", &lang::MainOptions::helo_accept_junk_hosts},
                                       {"hosts_proxy", &lang::MainOptions::hosts_proxy}};
/// Asked behind the ACL of the connection.
constexpr std::string_view kEarlyList = "pipelining_connect_advertise_hosts";

}  // namespace

bool Session::tells_of(std::string_view option) const {
  if (scope_.trace == nullptr || option == "enhanced_status_codes_advertise_hosts") return false;
  return explaining_client_ || (option != kEarlyList &&
                                std::ranges::none_of(kClientLists, [&](const auto& l) { return l.option == option; }));
}

void Session::explain_client() {
  if (scope_.trace == nullptr || !opt_.is_tcp) return;
  explaining_client_ = true;
  for (const ClientList& l : kClientLists)
    if (host_matches(config_->main.*l.list, l.option) && l.option == "host_lookup") learn_host_name();
  explaining_client_ = false;
}

void Session::explain_early() {
  if (scope_.trace == nullptr || !opt_.is_tcp) return;
  const auto& list = config_->main.pipelining_connect_advertise_hosts;
  explaining_client_ = true;
  if (list.is_set())
    (void)host_matches(list, kEarlyList);
  else
    lang::trace_line(scope_, fmt::format("host in {}? no (end of list)", kEarlyList));
  explaining_client_ = false;
}

bool Session::spoke_well() {
  constexpr std::string_view kHello = "EHLO ";
  const auto peeked = reader_.peek();
  if (!peeked || peeked->empty()) return true;  // it went away
  const std::string_view begin = peeked->substr(0, kHello.size());
  return early_used_ = iequals(begin, kHello.substr(0, begin.size())) && may_pipeline_early();
}

bool Session::greet(const acl::Outcome& o) {
  const auto& m = config_->main;
  // A client that talks before the greeting is not a mail client (unless the ACL relaxed it, or it was told that it
  // may).
  if (opt_.is_tcp && !opt_.stdio && m.smtp_enforce_sync && !effects_.no_enforce_sync && reader_.has_pending() &&
      !spoke_well()) {
    auto peeked = reader_.peek();
    if (peeked && !peeked->empty()) {
      log_line(log::kMain | log::kReject, fmt::format("SMTP protocol synchronization error (input sent without waiting "
                                                      "for greeting): rejected connection from {} input=\"{}\"",
                                                      host_text(), shown(*peeked, 150)));
      reply(554, "SMTP synchronization error");
      (void)flush();
      return false;
    }
  }
  if (opt_.batched) return true;
  std::string banner;
  if (!o.user_message.empty()) {
    banner = reply_from_acl(o, 220, "", *server_.log).text;
  } else if (m.smtp_banner.is_set()) {
    if (auto v = m.smtp_banner.eval(scope_)) banner = std::move(*v).str();
  }
  if (banner.empty())
    banner = fmt::format("{} ESMTP {} {} {}", active_hostname_, hooks::product(), hooks::version(),
                         rfc5322_date(wall_now()));
  reply(220, banner);
  explain_early();
  return true;
}

bool Session::connect() {
  const auto& m = config_->main;
  active_hostname_ = server_.primary_hostname;
  if (m.smtp_active_hostname.is_set())
    if (auto v = m.smtp_active_hostname.eval(scope_); v && !v->empty()) active_hostname_ = v->str();
  from_.active_hostname = active_hostname_;
  state_.connection_id = new_message_id();
  const bool counted = opt_.is_tcp && server_.counters != nullptr;
  if (counted) {
    Counters& c = *server_.counters;
    ++c.sessions;
    counted_ = true;
    state_.connection_count_at_start = static_cast<int>(c.sessions);
    if (m.smtp_accept_max > 0 && c.sessions > m.smtp_accept_max)
      return turn_away(421, active_hostname_ + ": Too many concurrent SMTP connections; please try again later.",
                       "too many connections");
  }
  explain_client();
  const auto in_proxies = opt_.is_tcp ? find_host(m.hosts_proxy, "hosts_proxy") : false;
  if (!in_proxies) return cannot_tell("hosts_proxy");
  const bool by_proxy = *in_proxies;
  if (by_proxy) {
    tell_of_the_beginning();  // it is the proxy that connected
    if (!meet_proxy()) return false;
  }
  if (counted && !within_limits()) return false;
  const auto unwanted = opt_.is_tcp ? find_host(m.host_reject_connection, "host_reject_connection") : false;
  if (!unwanted) return cannot_tell("host_reject_connection");
  if (*unwanted) return turn_away(554, "SMTP service not available", "");
  if (opt_.is_tcp && host_matches(m.host_lookup, "host_lookup") && !state_.host_lookup_done) learn_host_name();
  if (!by_proxy) tell_of_the_beginning();
  if (opt_.is_tcp && !opt_.stdio) ask_ident();
  if (opt_.tls_on_connect && !start_tls()) return false;  // what the ACL answers goes through TLS already
  const acl::Outcome o = run_acl(acl::Hook::connect, m.acl_smtp_connect);
  dkim_off_ = effects_.dkim_disable_verify;
  dmarc_off_ = effects_.dmarc_disable_verify;
  if (o.verdict != acl::Verdict::accept && o.verdict != acl::Verdict::discard) {
    const Reply r = reply_from_acl(o, 220, "", *server_.log);
    reply(r);
    (void)flush();
    log_line(o.log_targets, fmt::format("{} {}rejected connection in \"connect\" ACL{}{}", host_text(),
                                        o.verdict == acl::Verdict::defer ? "temporarily " : "",
                                        o.log_message.empty() ? "" : ": ", printable(o.log_message)));
    return false;
  }
  return greet(o);
}

}  // namespace remex::smtp
