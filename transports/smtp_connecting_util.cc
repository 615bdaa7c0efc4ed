// See smtp_delivery_util.h: how a connection shall be, from the options, DANE, MTA-STS and OCSP; the pool of idle ones.

#include "transports/smtp_delivery_util.h"

#include <fmt/core.h>

#include <algorithm>

#include "core/base/strings.h"
#include "core/io/activity.h"
#include "core/io/dscp.h"
#include "core/mail/address.h"
#include "transports/connection_pool.h"

namespace remex::transports {
namespace {

/// Of the hints: what hosts with PIPECONNECT said, by "[ip]:port".
constexpr std::string_view kEarlyTable = "pipe_connect";

/// No list is given, or one without any text.
bool is_blank(const lang::MatchList& list) {
  return !list.is_set() || list.source_text().find_first_not_of(" \t\n") == std::string::npos;
}

}  // namespace

Result<int> SmtpDelivery::port_of(const routers::HostItem& h) {
  if (h.port > 0) return h.port;
  REMEX_TRY(const std::string text, expand(o_.port, "port",
                                           o_.protocol == "lmtp"                                    ? "lmtp"
                                           : o_.protocol == "smtps" || o_.protocol == "submissions" ? "submissions"
                                                                                                    : "smtp"));
  if (const auto n = parse_uint(text); n && *n > 0 && *n < 65536) return static_cast<int>(*n);
  static constexpr std::pair<std::string_view, int> kServices[] = {
      {"smtp", 25}, {"submission", 587}, {"smtps", 465}, {"submissions", 465}, {"ssmtp", 465}, {"lmtp", 24}};
  for (const auto& [name, port] : kServices)
    if (text == name) return port;
  return defer(fmt::format("TCP port \"{}\" is not defined for {} transport", printable(text), t_.name));
}

void SmtpDelivery::set_host_variables(const routers::HostItem& h, int port) {
  if (ctx_.scope.delivery == nullptr) return;
  ctx_.scope.delivery->host = h.name;
  ctx_.scope.delivery->host_address = h.ip;
  ctx_.scope.delivery->host_port = port;
  ctx_.scope.delivery->tls_dane.clear();
  ctx_.scope.delivery->tls_tlsa_usage.clear();
}

/// Null: there is no connection yet.
void set_tls_variables(const lang::Scope& scope, const SmtpConnection* c) {
  if (scope.delivery == nullptr) return;
  lang::DeliveryState& d = *scope.delivery;
  const io::TlsInfo none, &info = c != nullptr && c->tls() != nullptr ? *c->tls() : none;
  d.tls_cipher = info.cipher;
  d.tls_cipher_std = info.cipher_std;
  d.tls_version = info.version;
  d.tls_bits = info.bits;
  d.tls_sni = info.sni;
  d.tls_peer_dn = info.peer_dn;
  d.tls_ocsp = info.ocsp;
  d.tls_peercert = info.peer_cert_pem;
  d.tls_ourcert = info.our_cert_pem;
  d.tls_certificate_verified = info.peer_verified;
  if (c != nullptr) d.tls_dane = c->dane() ? "yes" : "no";
}

EventHook SmtpDelivery::event_hook() const {
  const lang::Expansion& action = generic(t_).event_action;
  if (!action.is_set()) return {};
  return [&scope = ctx_.scope, &action](const SmtpConnection* c, std::string_view name, std::string_view data,
                                        const std::string& certificate) {
    set_tls_variables(scope, c);
    if (scope.delivery != nullptr && !certificate.empty()) scope.delivery->tls_peercert = certificate;
    return lang::raise_event(scope, action, name, data);
  };
}

Status SmtpDelivery::use_dane(const routers::HostItem& h, SmtpConnectOptions& c) {
  REMEX_TRY(const bool required, in_list(o_.hosts_require_dane, h));
  REMEX_TRY(const bool wanted, in_list(o_.hosts_try_dane, h, true));
  if (!required && !wanted) return {};
  const auto refuse = [&](std::string_view why) {
    (void)event("dane:fail", why);
    return defer(fmt::format("DANE error: {} [{}]: {}", h.name, h.ip, why));
  };
  if (!h.mx_secure || c.lmtp || mail::is_ip_address(h.name) || ctx_.scope.services == nullptr)
    return required ? Status(refuse("the host was not found by DNSSEC")) : Status();
  TlsaAnswer a = find_tlsa(ctx_.scope.services->resolver(), h.name, c.to.port);
  if (ctx_.scope.delivery != nullptr) ctx_.scope.delivery->tls_tlsa_usage = std::to_string(a.usages);
  switch (a.kind) {
    case TlsaAnswer::Kind::trouble: return refuse("TLSA lookup: " + a.why);
    case TlsaAnswer::Kind::none: return required ? Status(refuse("it has no validated TLSA record")) : Status();
    case TlsaAnswer::Kind::unusable:
      if (required) return refuse("none of its TLSA records can be used");
      c.require_tls = c.try_tls = true;  // RFC 7672 2.2: encrypted at least
      return {};
    case TlsaAnswer::Kind::usable: break;
  }
  c.dane = c.require_tls = c.try_tls = true;
  c.must_verify = false;
  c.tlsa = std::move(a.records);
  c.dane_names = {h.name, batch_.front()->state.domain};
  c.sni = h.name;
  c.verify_name.clear();
  c.tls.verify_certificates.clear();
  c.tls.crl_file.clear();
  REMEX_TRY(c.tls.priority, expand(o_.dane_require_tls_ciphers, "dane_require_tls_ciphers", c.tls.priority));
  return {};
}

Status SmtpDelivery::use_ocsp(const routers::HostItem& h, SmtpConnectOptions& c) {
  REMEX_TRY(c.require_ocsp, in_list(o_.hosts_require_ocsp, h));
  // The record says what to trust, and the staple is checked against no other chain (docs/differences.md).
  c.require_ocsp = c.require_ocsp && !c.dane;
  // Records of the certificate itself (DANE-EE) make its issuer's word superfluous: the manual, 43.18.
  const auto ends_trust = [](const TlsaRecord& r) { return r.usage != 2; };
  const bool asks = !c.dane || std::none_of(c.tlsa.begin(), c.tlsa.end(), ends_trust);
  REMEX_TRY(c.tls.request_ocsp, in_list(o_.hosts_request_ocsp, h, asks));
  c.tls.request_ocsp = c.tls.request_ocsp || c.require_ocsp;
  return {};
}

void SmtpDelivery::log_for_message(const std::string& line) {
  if (ctx_.scope.services != nullptr)
    ctx_.scope.services->log(static_cast<int>(lang::LogTarget::main_log),
                             fmt::format("{} {}", ctx_.job.envelope.id, line));
}

Status SmtpDelivery::find_sts(const routers::Addr& a) {
  if (!o_.mta_sts_domains.is_set() || ctx_.scope.services == nullptr || o_.protocol == "lmtp") return {};
  auto ascii = mail::domain_to_ascii(a.state.domain);
  const std::string domain = ascii ? *ascii : a.state.domain;
  if (domain == sts_domain_) return {};
  sts_.reset();
  sts_domain_ = domain;
  auto m = o_.mta_sts_domains.match(ctx_.scope, Text::tainted(a.state.domain));
  if (!m && m.error().kind != ErrorKind::forced_fail)
    return defer(fmt::format("{} transport: mta_sts_domains: {}", t_.name, m.error().text));
  if (!m || !m->matched) return {};
  REMEX_TRY(const std::string ca, expand(o_.tls_verify_certificates, "tls_verify_certificates", "system"));
  sts_domain_.clear();  // a failure is no answer for the next one
  REMEX_TRY(sts_, find_mta_sts(*ctx_.scope.services, domain, ca));
  sts_domain_ = domain;
  return {};
}

Status SmtpDelivery::use_sts(const routers::HostItem& h, SmtpConnectOptions& c) {
  // RFC 8461 2: a host with usable TLSA records is judged by them alone.
  if (!sts_ || c.dane) return {};
  const bool enforce = sts_->mode == MtaStsPolicy::Mode::enforce;
  if (!mta_sts_allows(*sts_, h.name)) {
    const std::string why =
        fmt::format("MTA-STS: {} [{}] is not among the mx of the policy of {}", h.name, h.ip, sts_domain_);
    if (enforce) return defer(why);
    log_for_message(why + " (testing)");
    return {};
  }
  if (!enforce) return {};
  c.require_tls = c.try_tls = c.must_verify = true;
  c.verify_name = h.name;
  if (c.sni.empty()) c.sni = h.name;
  c.demanded_by = fmt::format(" (MTA-STS of {})", sts_domain_);
  return {};
}

void SmtpDelivery::test_sts(const routers::HostItem& h, const SmtpConnection& c) {
  if (!sts_ || sts_->mode != MtaStsPolicy::Mode::testing || c.dane()) return;
  if (c.tls() == nullptr)
    log_for_message(
        fmt::format("MTA-STS: {} [{}] offers no TLS, the policy of {} wants it (testing)", h.name, h.ip, sts_domain_));
  else if (!c.tls()->peer_verified)
    log_for_message(fmt::format("MTA-STS: the certificate of {} [{}] does not fit: {} (testing, policy of {})", h.name,
                                h.ip, printable(c.tls()->verify_error), sts_domain_));
}

Result<std::string> SmtpDelivery::helo_name(const std::string& local_ip, int local_port) {
  if (ctx_.scope.delivery != nullptr) {
    ctx_.scope.delivery->sending_ip_address = local_ip;
    ctx_.scope.delivery->sending_port = local_port;
  }
  std::string name = ctx_.config.main.primary_hostname;
  if (o_.helo_data.is_set()) {
    auto text = o_.helo_data.eval(ctx_.scope);
    if (!text) return defer(fmt::format("failed to expand helo_data: {}", text.error().text));
    name = trim(text->view());
  }
  if (mail::has_8bit(name))
    if (auto ascii = mail::domain_to_ascii(name)) name = std::move(*ascii);
  if (name.empty() || name.find_first_of(std::string_view("\r\n\0 ", 4)) != std::string::npos)
    return defer(fmt::format("helo_data \"{}\" cannot be sent", printable(name)));
  return name;
}

Result<SmtpConnectOptions> SmtpDelivery::connect_options(const routers::HostItem& h) {
  SmtpConnectOptions c;
  REMEX_TRY(const int port, port_of(h));
  c.to = {h.ip, static_cast<std::uint16_t>(port)};
  c.host = h.name;
  set_host_variables(h, port);
  c.helo_from = [this](const std::string& ip, int from_port) { return helo_name(ip, from_port); };
  auto interfaces = o_.interface.is_set() ? o_.interface.eval(ctx_.scope) : Result<Text>(Text());
  if (!interfaces && interfaces.error().kind != ErrorKind::forced_fail)
    return expansion_failed(o_.interface, t_.name, interfaces.error(),
                            {.words = "failed to expand \"interface\" option for {1} transport"});
  for (const std::string& ip : lang::split_list(interfaces ? interfaces->view() : std::string_view())) {
    if (!c.local_ip.empty()) break;
    if (!mail::is_ip_address(ip))
      return misconfigured(fmt::format("\"{}\" is not a valid IP address for the \"interface\" option for {} transport",
                                       printable(ip), t_.name));
    if (mail::is_ipv6(ip) == c.to.is_v6()) c.local_ip = ip;
  }
  c.lmtp = o_.protocol == "lmtp";
  c.keepalive = o_.keepalive;
  c.tls_on_connect = o_.protocol == "smtps" || o_.protocol == "submissions";
  c.connect_timeout = Seconds(std::max<std::int64_t>(1, o_.connect_timeout > 0 ? o_.connect_timeout : 300));
  c.command_timeout = Seconds(std::max<std::int64_t>(1, o_.command_timeout));
  REMEX_TRY(c.avoid_esmtp, in_list(o_.hosts_avoid_esmtp, h));
  REMEX_TRY(const bool avoid, in_list(o_.hosts_avoid_tls, h));
  REMEX_TRY(c.require_tls, in_list(o_.hosts_require_tls, h));
  REMEX_TRY(c.must_verify, in_list(o_.tls_verify_hosts, h));
  c.try_tls = c.require_tls || !avoid;
  c.clear_after_4xx = o_.tls_tempfail_tryclear;
  REMEX_TRY(c.sni, expand(o_.tls_sni, "tls_sni"));
  REMEX_TRY(const bool by_name, in_list(o_.tls_verify_cert_hostnames, h, true));
  if (by_name) c.verify_name = h.name;  // of an IP address: one the certificate is for
  REMEX_TRY(c.tls.priority, expand(o_.tls_require_ciphers, "tls_require_ciphers"));
  REMEX_TRY(c.tls.certificate_file, expand(o_.tls_certificate, "tls_certificate"));
  REMEX_TRY(c.tls.private_key_file, expand(o_.tls_privatekey, "tls_privatekey"));
  REMEX_TRY(c.tls.verify_certificates, expand(o_.tls_verify_certificates, "tls_verify_certificates", "system"));
  // As Exim: with neither list (an empty value takes the default away, a colon is a list) every certificate must
  // verify.
  if (o_.tls_try_verify_hosts.is_set() && is_blank(o_.tls_try_verify_hosts) && is_blank(o_.tls_verify_hosts))
    c.must_verify = c.must_verify || !c.tls.verify_certificates.empty();
  REMEX_TRY(c.tls.crl_file, expand(o_.tls_crl, "tls_crl"));
  c.tls.dh_min_bits = static_cast<unsigned>(std::clamp<std::int64_t>(o_.tls_dh_min_bits, 0, 16384));
  REMEX_TRY(const std::string dscp, expand(o_.dscp, "dscp"));
  if (!dscp.empty()) {
    const auto value = io::parse_dscp(dscp);
    if (!value) return defer(fmt::format("{} transport: dscp \"{}\" is no DSCP value", t_.name, printable(dscp)));
    c.dscp = *value;
  }
  c.event = event_hook();
  REMEX_CHECK(use_dane(h, c));
  REMEX_CHECK(use_sts(h, c));
  REMEX_CHECK(use_ocsp(h, c));
  REMEX_TRY(const std::string proxies, expand(o_.socks_proxy, "socks_proxy"));
  auto parsed = parse_socks_proxies(proxies);
  if (!parsed) return defer(parsed.error().text);
  c.proxies = std::move(*parsed);
  return c;
}

KnownServer SmtpDelivery::recall(const routers::HostItem& h, const SmtpConnectOptions& c) {
  if (c.lmtp || c.avoid_esmtp || c.event || ctx_.mua_wrapper || ctx_.scope.services == nullptr) return {};
  // What needs SMTPUTF8 fails where it is not offered: not on the strength of a hint.
  const auto wants_utf8 = [](const routers::Addr* a) { return mail::has_8bit(a->state.address); };
  if (ctx_.job.envelope.smtputf8 || mail::has_8bit(sender_) || std::any_of(batch_.begin(), batch_.end(), wants_utf8))
    return {};
  const auto wanted = in_list(o_.hosts_pipe_connect, h);
  const auto avoided = in_list(o_.hosts_avoid_pipelining, h);
  if (!wanted || !*wanted || !avoided || *avoided) return {};
  const auto kept = ctx_.scope.services->get_hint(std::string(kEarlyTable), fmt::format("[{}]:{}", h.ip, c.to.port));
  return kept && *kept ? KnownServer::parse(**kept) : KnownServer();
}

void SmtpDelivery::remember(const routers::HostItem& h, const SmtpConnectOptions& c, const KnownServer& heard) {
  if (ctx_.scope.services == nullptr || c.lmtp) return;
  const auto wanted = in_list(o_.hosts_pipe_connect, h);
  if (!wanted || !*wanted) return;
  const std::string key = fmt::format("[{}]:{}", h.ip, c.to.port), text = heard.text();
  const auto kept = ctx_.scope.services->get_hint(std::string(kEarlyTable), key);
  // A hint that is lost costs a round trip.
  if (kept && kept->value_or("") != text) (void)ctx_.scope.services->put_hint(std::string(kEarlyTable), key, text);
}

std::string SmtpDelivery::pool_key(const routers::HostItem& h, const SmtpConnectOptions& c) const {
  // Credentials may depend on the sender: a connection with them serves that sender only.
  const bool auth = o_.hosts_try_auth.is_set() || o_.hosts_require_auth.is_set();
  std::string by;
  for (const SocksProxy& p : c.proxies) by += fmt::format("{}:{}/{},", p.at.ip, p.at.port, p.name);
  for (const TlsaRecord& r : c.tlsa) by += fmt::format("{}{}{}{}", r.usage, r.selector, r.matching, hex_encode(r.data));
  for (const std::string& name : c.dane_names) by += "," + name;
  by += fmt::format("|{}{}{}|{}", c.require_ocsp, c.tls.request_ocsp, c.tls.dh_min_bits, c.dscp);
  return fmt::format("{}|{}|{}|{}|{}|{}{}{}{}{}{}|{}|{}|{}|{}|{}|{}|{}", auth ? t_.name + "/" + sender_ : "", h.name,
                     c.to.ip, c.to.port, c.local_ip, c.lmtp, c.tls_on_connect, c.try_tls, c.require_tls, c.avoid_esmtp,
                     c.must_verify, c.sni, c.tls.priority, c.tls.certificate_file, c.tls.private_key_file,
                     c.tls.verify_certificates + c.tls.crl_file, c.verify_name, by);
}

HostResultOf<std::unique_ptr<SmtpConnection>> SmtpDelivery::connect(const routers::HostItem& h, SmtpConnectOptions& c,
                                                                    bool fresh, bool& reused) {
  reused = false;
  // event_action may veto a connection when it is made.
  if (ctx_.pool != nullptr && !fresh && !generic(t_).event_action.is_set())
    if (auto idle = ctx_.pool->take(pool_key(h, c), ctx_.outcome.get())) {
      // helo_data may say something else for this message.
      const auto name = helo_name(idle->local_ip(), idle->local_port());
      const bool others = idle->outcome && idle->outcome != ctx_.outcome && ctx_.await_outcome;
      if (name && *name == idle->helo() && (!others || ctx_.await_outcome(*idle->outcome))) {
        reused = true;
        return idle;
      }
      idle->quit();
    }
  auto opened = open_counted(c);
  if (opened || !opened.error().tls_failed || c.require_tls || !o_.tls_tempfail_tryclear) return opened;
  if (ctx_.scope.services != nullptr)
    ctx_.scope.services->log(static_cast<int>(lang::LogTarget::main_log),
                             fmt::format("{} H={} [{}]: {}: delivering unencrypted", ctx_.job.envelope.id, h.name, h.ip,
                                         opened.error().message));
  SmtpConnectOptions clear = c;
  clear.try_tls = false;
  return open_counted(clear);
}

HostResultOf<std::unique_ptr<SmtpConnection>> SmtpDelivery::open_counted(const SmtpConnectOptions& c) {
  std::shared_ptr<void> lease;
  if (permit_ && rule_.connections > 0) {
    lease = ctx_.limits->slot(rule_);
    // An idle one that does not fit this message (another sender's login, other TLS) makes room.
    while (lease == nullptr && ctx_.pool != nullptr && ctx_.pool->drop_idle(rule_.name))
      lease = ctx_.limits->slot(rule_);
    if (lease == nullptr) {
      HostTrouble t;
      t.waits = true;
      return std::unexpected(std::move(t));
    }
  }
  auto opened = SmtpConnection::open(c);
  if (opened) {
    (*opened)->lease = std::move(lease);
    (*opened)->destination = rule_.name;
  }
  return opened;
}

HostResultOf<std::unique_ptr<SmtpConnection>> SmtpDelivery::open_for_callout(const routers::HostItem& h,
                                                                             Seconds connect_timeout,
                                                                             Seconds command_timeout) {
  const Status policy = find_sts(*batch_.front());
  auto options = policy ? connect_options(h) : Result<SmtpConnectOptions>(std::unexpected(policy.error()));
  auto avoid_tls = in_list(o_.hosts_verify_avoid_tls, h);
  if (!options || !avoid_tls) {
    HostTrouble t;
    t.message = !options ? options.error().text : avoid_tls.error().text;
    return std::unexpected(std::move(t));
  }
  options->connect_timeout = connect_timeout;
  options->command_timeout = command_timeout;
  if (*avoid_tls) options->try_tls = options->require_tls;
  bool reused = false;
  return connect(h, *options, true, reused);
}

}  // namespace remex::transports
