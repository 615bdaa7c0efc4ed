// The way of one delivery over SMTP; see deliver_by_smtp in smtp_options_util.h.
//
// Hosts are tried in order until every address has an answer: 5xx fails an address, 4xx and trouble with a connection
// move on to the next host. What then remains is deferred with the last trouble and its retry-rule word. An idle
// connection from the pool is used when there is one.
#include <fmt/core.h>

#include <algorithm>
#include <numeric>
#include <set>

#include "core/base/clock.h"
#include "core/base/strings.h"
#include "core/io/activity.h"
#include "core/mail/address.h"
#include "lang/events.h"
#include "routers/router.h"
#include "transports/callout.h"
#include "transports/connection_pool.h"
#include "transports/mta_sts.h"
#include "transports/smtp_client_util.h"
#include "transports/smtp_options_util.h"
#include "transports/smtp_turns.h"

namespace remex::transports {
namespace {

using mail::has_8bit;

constexpr int kRcpt4xx = -44;  ///< $event_defer_errno and "defer (-44)" in the log, as Exim's

/// All that stays the same while hosts are tried.
class Delivery {
 public:
  Delivery(DeliverContext& ctx, const lang::DriverInstance& t, std::span<routers::Addr* const> batch)
      : ctx_(ctx), t_(t), o_(static_cast<const SmtpOptions&>(*t.options)), batch_(batch), results_(batch.size()) {}

  std::vector<AddrResult> run();

  Result<std::vector<routers::HostItem>> hosts_for_callout() { return host_list(); }
  HostResultOf<std::unique_ptr<SmtpConnection>> open_for_callout(const routers::HostItem& h, Seconds connect_timeout,
                                                                 Seconds command_timeout);

 private:
  using Group = std::vector<std::size_t>;  ///< indices into batch_

  std::vector<AddrResult> all(const Error& e) {
    return same_for_all(batch_.size(), e.kind == ErrorKind::failed ? failed_result(e.text) : deferred_result(e.text));
  }
  Result<std::string> expand(const lang::Expansion& e, std::string_view what, std::string fallback = {});
  Result<bool> in_list(const lang::MatchList& list, const routers::HostItem& h, bool when_unset = false);
  Status prepare();
  /// transport_filter over headers and body_.
  Status filter(std::string& headers, bool body_only);
  Result<std::vector<routers::HostItem>> host_list();
  /// `which` addresses, as max_rcpt, multi_domain and policies of single domains divide them.
  Result<std::vector<Group>> groups(const Group& which);
  std::string rcpt_address(const routers::Addr& a) const;
  Result<int> port_of(const routers::HostItem& h);
  Result<SmtpConnectOptions> connect_options(const routers::HostItem& h);
  /// Asks for TLSA records and sets `c` accordingly. Error: the host must not be used now.
  Status use_dane(const routers::HostItem& h, SmtpConnectOptions& c);
  /// hosts_request_ocsp and hosts_require_ocsp.
  Status use_ocsp(const routers::HostItem& h, SmtpConnectOptions& c);
  /// Finds the policy of the domain of `a`.
  Status find_sts(const routers::Addr& a);
  /// Demands what the policy does. Error: the host must not be used.
  Status use_sts(const routers::HostItem& h, SmtpConnectOptions& c);
  /// mode testing: what would have failed is logged, nothing more.
  void test_sts(const routers::HostItem& h, const SmtpConnection& c);
  void log_for_message(const std::string& line);
  /// event_action: a hook that outlives this object, but not the context.
  EventHook event_hook() const;
  std::string event(std::string_view name, std::string_view data = {}, int error = 0) {
    return lang::raise_event(ctx_.scope, generic(t_).event_action, name, data, error);
  }
  std::string pool_key(const routers::HostItem& h, const SmtpConnectOptions& c) const;

  void deliver_group(const Group& group, const std::vector<routers::HostItem>& hosts);
  /// Asks whether the destination may have this message now. False: the addresses of `group` have been told to wait.
  bool enter(const Group& group, const std::vector<routers::HostItem>& hosts);
  void wait_for_turn(const Group& group, const DestinationLimits::Refusal& why);
  /// Opens a connection that counts for the destination.
  HostResultOf<std::unique_ptr<SmtpConnection>> open_counted(const SmtpConnectOptions& c);
  /// Tries one host for the addresses of `open`; takes out those that got an answer that ends the matter.
  void try_host(const routers::HostItem& h, Group& open);
  /// answered: as told for each address. refused: this message cannot go to this server. again: the connection was dead
  /// before anything was sent. lost: it broke; what is left is for other hosts.
  /// closed: answered by 421, which is the answer for the next transactions, too.
  enum class Sent : std::uint8_t { answered, refused, again, lost, closed };
  /// Sends to the addresses of `open`, in as many transactions as the server's limits ask for and it allows. What is
  /// still in `open` needs another connection; `undone` gets what this host does not take now.
  Sent use_connection(const routers::HostItem& h, const SmtpConnectOptions& options, SmtpConnection& c, bool reused,
                      Group& open, Group& undone);
  /// One transaction for `now`, which keeps the addresses that are still to be delivered.
  Sent send_share(const routers::HostItem& h, const SmtpConnectOptions& options, SmtpConnection& c, bool reused,
                  Group& now, Group& later);
  TransactionOptions transaction(const routers::HostItem& h, const SmtpConnectOptions& options, const SmtpConnection& c,
                                 const Group& group);
  /// Those of `open` that fit into one transaction with this server (RFC 9422); the others go to `later`.
  Group share(const SmtpConnection& c, const Group& open, Group& later) const;
  /// It takes no more messages: connection_max_messages, or the server's limit.
  bool full(const SmtpConnection& c) const;
  HostResultOf<std::unique_ptr<SmtpConnection>> connect(const routers::HostItem& h, SmtpConnectOptions& c, bool fresh,
                                                        bool& reused);
  /// A host does not take this recipient now.
  void recipient_waits(routers::Addr& a, const std::string& why);
  void host_failed(const routers::HostItem& h, int port, const HostTrouble& trouble, Group& open);
  void take_answers(const routers::HostItem& h, int port, const SmtpConnection& c, const std::vector<RcptState>& rcpts,
                    const std::string& confirmation, Group& open);
  HostResultOf<void> log_in(const routers::HostItem& h, SmtpConnection& c, const SmtpConnectOptions& options);
  std::string auth_parameter(const SmtpConnection& c);
  /// `chosen`: somebody said so; otherwise it is the default.
  Result<int> downconvert_mode(bool& chosen);
  /// Whether the transaction needs SMTPUTF8; turns its addresses into A-labels where that is wanted. Error: it cannot
  /// go to this host.
  Result<bool> internationalise(const SmtpConnection& c, TransactionOptions& tx, std::vector<RcptState>& rcpts);
  void set_host_variables(const routers::HostItem& h, int port);

  DeliverContext& ctx_;
  const lang::DriverInstance& t_;
  const SmtpOptions& o_;
  std::span<routers::Addr* const> batch_;
  std::vector<AddrResult> results_;
  std::optional<MtaStsPolicy> sts_;  ///< of the domain being delivered to
  std::string sts_domain_;
  DestinationRule rule_;                             ///< of the hosts that are being tried
  std::optional<DestinationLimits::Permit> permit_;  ///< while they are
  int transactions_ = 0;
  std::string sender_, head_, plain_head_;
  std::shared_ptr<const mail::Body> body_;
};

Result<std::string> Delivery::expand(const lang::Expansion& e, std::string_view what, std::string fallback) {
  if (!e.is_set()) return fallback;
  auto text = e.eval(ctx_.scope);
  if (text) return std::string(trim(text->view()));
  if (text.error().kind == ErrorKind::forced_fail) return fallback;
  return defer(fmt::format("failed to expand \"{}\" in {} transport: {}", what, t_.name, text.error().text));
}

Result<bool> Delivery::in_list(const lang::MatchList& list, const routers::HostItem& h, bool when_unset) {
  if (!list.is_set()) return when_unset;
  auto m = list.match_host(ctx_.scope, h.ip, h.name);
  if (m) return m->matched;
  if (m.error().kind == ErrorKind::forced_fail) return false;
  return defer(fmt::format("{} transport: host list: {}", t_.name, m.error().text));
}

/// No list is given, or one without any text.
bool is_blank(const lang::MatchList& list) {
  return !list.is_set() || list.source_text().find_first_not_of(" \t\n") == std::string::npos;
}

/// The body without stray CRs, so that what is signed is what goes out. Nearly always the body itself.
Result<std::shared_ptr<const mail::Body>> clean_body(const std::shared_ptr<const mail::Body>& body) {
  bool dirty = false;
  REMEX_CHECK(body->for_each([&](std::string_view s) -> Status {
    dirty = dirty || s.find('\r') != std::string_view::npos;
    return {};
  }));
  if (!dirty) return body;
  std::string text;
  bool pending = false;
  REMEX_CHECK(body->for_each([&](std::string_view s) -> Status {
    for (const char c : s) {
      if (pending && c != '\n') text += ' ';
      pending = c == '\r';
      if (!pending) text += c;
    }
    return {};
  }));
  return mail::Body::from_string(std::move(text));
}

Status Delivery::filter(std::string& headers, bool body_only) {
  // A signature covers what is sent: the filter comes first.
  REMEX_TRY(const Identity id, find_identity(ctx_, t_, *batch_.front()));
  MessageText m;
  m.head = body_only ? std::string() : headers + "\n";
  m.body = body_;
  REMEX_CHECK(apply_filter(ctx_, t_, id, batch_, m));
  body_ = m.body;
  headers = m.head.ends_with("\n\n") ? m.head.substr(0, m.head.size() - 1) : m.head == "\n" ? "" : m.head;
  return {};
}

Status Delivery::prepare() {
  const mail::Envelope& env = ctx_.job.envelope;
  REMEX_CHECK(check_size_limit(ctx_, t_, env.size));
  if (o_.message_linelength_limit > 0 && env.max_line > static_cast<std::uint64_t>(o_.message_linelength_limit))
    return fail(fmt::format("message has lines too long for transport (received: {}, max: {})", env.max_line,
                            o_.message_linelength_limit));
  REMEX_TRY(sender_, return_path(ctx_, t_, *batch_.front()));
  REMEX_TRY(const bool body_only, generic(t_).body_only.eval(ctx_.scope));
  REMEX_TRY(const bool headers_only, generic(t_).headers_only.eval(ctx_.scope));
  body_ = headers_only || !ctx_.job.body ? mail::Body::from_string({}) : ctx_.job.body;
  std::string headers;
  if (!body_only) {
    REMEX_TRY(headers, build_headers(ctx_, t_, batch_));
  }
  if (generic(t_).transport_filter.is_set()) REMEX_CHECK(filter(headers, body_only));
  if (o_.dkim_domain.is_set()) {
    REMEX_TRY(body_, clean_body(body_));
  }
  if (body_only) return {};
  REMEX_TRY(std::string signatures, sign_message(ctx_, t_, headers, *body_));
  head_ = std::move(signatures) + headers + "\n";
  return {};
}

Result<std::vector<routers::HostItem>> Delivery::host_list() {
  const routers::Addr& first = *batch_.front();
  if (!first.hosts.empty() && !o_.hosts_override) return resolve_items(ctx_, o_, first.hosts, false);
  if (!o_.hosts.is_set()) return defer(fmt::format("{} transport called with no hosts set", t_.name));
  REMEX_TRY(const std::string list, expand(o_.hosts, "hosts"));
  if (list.empty()) return defer(fmt::format("{} transport called with no hosts set", t_.name));
  REMEX_TRY(const bool randomize, o_.hosts_randomize.eval(ctx_.scope));
  return resolve_hosts(ctx_, o_, list, randomize);
}

Result<std::vector<Delivery::Group>> Delivery::groups(const Group& which) {
  REMEX_TRY(const std::string limit_text, expand(o_.max_rcpt, "max_rcpt", "100"));
  const auto limit = parse_uint(limit_text);
  if (!limit) return defer(fmt::format("max_rcpt \"{}\" is not a number", printable(limit_text)));
  REMEX_TRY(const bool multi_domain, o_.multi_domain.eval(ctx_.scope));
  // mua_wrapper promises one transaction for all; a policy is that of one domain.
  const bool multi = (multi_domain && !o_.mta_sts_domains.is_set()) || ctx_.mua_wrapper;
  std::vector<Group> out;
  for (const std::size_t i : which) {
    const std::string& domain = batch_[i]->state.domain;
    const auto fits = [&](const Group& g) {
      return (*limit == 0 || ctx_.mua_wrapper || g.size() < *limit) &&
             (multi || batch_[g.front()]->state.domain == domain);
    };
    auto g = std::find_if(out.begin(), out.end(), fits);
    if (g == out.end()) g = out.insert(out.end(), Group());
    g->push_back(i);
  }
  return out;
}

std::string Delivery::rcpt_address(const routers::Addr& a) const {
  std::string local = a.state.cased_local_part;
  if (!generic(t_).rcpt_include_affixes) {
    if (a.state.suffix.size() <= local.size()) local.erase(local.size() - a.state.suffix.size());
    if (a.state.prefix.size() <= local.size()) local.erase(0, a.state.prefix.size());
  }
  // Octets beyond ASCII need no quotes (RFC 6532 3.2); what else needs them is looked for without those.
  std::string ascii;
  for (const char c : local) ascii += has_8bit({&c, 1}) ? 'x' : c;
  if (mail::quote_local_part(ascii) != ascii) local = mail::quote_local_part(local);
  return a.state.domain.empty() ? local : local + "@" + a.state.domain;
}

Result<int> Delivery::port_of(const routers::HostItem& h) {
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

void Delivery::set_host_variables(const routers::HostItem& h, int port) {
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

EventHook Delivery::event_hook() const {
  const lang::Expansion& action = generic(t_).event_action;
  if (!action.is_set()) return {};
  return [&scope = ctx_.scope, &action](const SmtpConnection* c, std::string_view name, std::string_view data,
                                        const std::string& certificate) {
    set_tls_variables(scope, c);
    if (scope.delivery != nullptr && !certificate.empty()) scope.delivery->tls_peercert = certificate;
    return lang::raise_event(scope, action, name, data);
  };
}

Status Delivery::use_dane(const routers::HostItem& h, SmtpConnectOptions& c) {
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

Status Delivery::use_ocsp(const routers::HostItem& h, SmtpConnectOptions& c) {
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

void Delivery::log_for_message(const std::string& line) {
  if (ctx_.scope.services != nullptr)
    ctx_.scope.services->log(static_cast<int>(lang::LogTarget::main_log),
                             fmt::format("{} {}", ctx_.job.envelope.id, line));
}

Status Delivery::find_sts(const routers::Addr& a) {
  if (!o_.mta_sts_domains.is_set() || ctx_.scope.services == nullptr || o_.protocol == "lmtp") return {};
  auto ascii = mail::domain_to_ascii(a.state.domain);
  const std::string domain = ascii ? std::move(*ascii) : a.state.domain;
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

Status Delivery::use_sts(const routers::HostItem& h, SmtpConnectOptions& c) {
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

void Delivery::test_sts(const routers::HostItem& h, const SmtpConnection& c) {
  if (!sts_ || sts_->mode != MtaStsPolicy::Mode::testing || c.dane()) return;
  if (c.tls() == nullptr)
    log_for_message(
        fmt::format("MTA-STS: {} [{}] offers no TLS, the policy of {} wants it (testing)", h.name, h.ip, sts_domain_));
  else if (!c.tls()->peer_verified)
    log_for_message(fmt::format("MTA-STS: the certificate of {} [{}] does not fit: {} (testing, policy of {})", h.name,
                                h.ip, printable(c.tls()->verify_error), sts_domain_));
}

Result<SmtpConnectOptions> Delivery::connect_options(const routers::HostItem& h) {
  SmtpConnectOptions c;
  REMEX_TRY(const int port, port_of(h));
  c.to = {h.ip, static_cast<std::uint16_t>(port)};
  set_host_variables(h, port);
  REMEX_TRY(c.helo, expand(o_.helo_data, "helo_data", ctx_.config.main.primary_hostname));
  if (has_8bit(c.helo))
    if (auto ascii = mail::domain_to_ascii(c.helo)) c.helo = std::move(*ascii);
  if (c.helo.empty() || c.helo.find_first_of(std::string_view("\r\n\0 ", 4)) != std::string::npos)
    return defer(fmt::format("helo_data \"{}\" cannot be sent", printable(c.helo)));
  REMEX_TRY(const std::string interfaces, expand(o_.interface, "interface"));
  for (const std::string& ip : lang::split_list(interfaces))
    if (c.local_ip.empty() && mail::is_ip_address(ip) && mail::is_ipv6(ip) == c.to.is_v6()) c.local_ip = ip;
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

std::string Delivery::pool_key(const routers::HostItem& h, const SmtpConnectOptions& c) const {
  // Credentials may depend on the sender: a connection with them serves that sender only.
  const bool auth = o_.hosts_try_auth.is_set() || o_.hosts_require_auth.is_set();
  std::string by;
  for (const SocksProxy& p : c.proxies) by += fmt::format("{}:{}/{},", p.at.ip, p.at.port, p.name);
  for (const TlsaRecord& r : c.tlsa) by += fmt::format("{}{}{}{}", r.usage, r.selector, r.matching, hex_encode(r.data));
  for (const std::string& name : c.dane_names) by += "," + name;
  by += fmt::format("|{}{}{}", c.require_ocsp, c.tls.request_ocsp, c.tls.dh_min_bits);
  return fmt::format("{}|{}|{}|{}|{}|{}|{}{}{}{}{}{}|{}|{}|{}|{}|{}|{}|{}", auth ? t_.name + "/" + sender_ : "", h.name,
                     c.to.ip, c.to.port, c.local_ip, c.helo, c.lmtp, c.tls_on_connect, c.try_tls, c.require_tls,
                     c.avoid_esmtp, c.must_verify, c.sni, c.tls.priority, c.tls.certificate_file,
                     c.tls.private_key_file, c.tls.verify_certificates + c.tls.crl_file, c.verify_name, by);
}

HostResultOf<std::unique_ptr<SmtpConnection>> Delivery::connect(const routers::HostItem& h, SmtpConnectOptions& c,
                                                                bool fresh, bool& reused) {
  reused = false;
  // event_action may veto a connection when it is made.
  if (ctx_.pool != nullptr && !fresh && !generic(t_).event_action.is_set())
    if (auto idle = ctx_.pool->take(pool_key(h, c))) {
      reused = true;
      return idle;
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

HostResultOf<std::unique_ptr<SmtpConnection>> Delivery::open_counted(const SmtpConnectOptions& c) {
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

void Delivery::wait_for_turn(const Group& group, const DestinationLimits::Refusal& why) {
  for (const std::size_t i : group) {
    results_[i] = deferred_result(why.why);
    results_[i].retry_scope = AddrResult::Scope::none;
    results_[i].wait_until = why.again;
    results_[i].waited_before = why.repeated;
  }
}

bool Delivery::enter(const Group& group, const std::vector<routers::HostItem>& hosts) {
  permit_.reset();
  if (ctx_.limits == nullptr) return true;
  auto rule = destination_rule(ctx_, t_, hosts);
  if (!rule) {
    for (const std::size_t i : group) results_[i] = deferred_result(rule.error().text);
    return false;
  }
  rule_ = std::move(*rule);
  if (!rule_.limits()) return true;
  auto permit = ctx_.limits->enter(rule_, ctx_.job.envelope.id, ctx_.scope.services);
  if (!permit) {
    wait_for_turn(group, permit.error());
    return false;
  }
  permit_.emplace(std::move(*permit));
  return true;
}

void Delivery::host_failed(const routers::HostItem& h, int port, const HostTrouble& trouble, Group& open) {
  std::string word = trouble.retry_error;
  if (word == "refused" || word == "timeout_connect" || word == "timeout") word += h.mx >= 0 ? "_MX" : "_A";
  HostResult hr{h.name, h.ip, port, word.empty() ? "error" : word, trouble.message};
  ctx_.host_results.push_back(std::move(hr));
  (void)event("msg:host:defer", trouble.message, trouble.sys_errno);
  ++transactions_;
  for (const std::size_t i : open) {
    AddrResult& r = results_[i];
    r = AddrResult();
    r.transaction = transactions_;
    r.fate = trouble.permanent ? Fate::failed : Fate::deferred;
    r.message = trouble.message;
    r.host_name = h.name;
    r.host_ip = h.ip;
    r.host_port = port;
    r.retry_scope = AddrResult::Scope::host;
    r.retry_error = word;
    r.smtp_code = trouble.code;
    r.sys_errno = trouble.sys_errno;
  }
  if (trouble.permanent) open.clear();
}

/// dsn_lasthop of the router: the next host is not told what was asked for.
bool ends_dsn(const routers::Addr& a) {
  return a.router != nullptr && a.router->generic != nullptr &&
         static_cast<const routers::RouterGeneric&>(*a.router->generic).dsn_lasthop;
}

void Delivery::recipient_waits(routers::Addr& a, const std::string& why) {
  lang::AddressState* const batch = ctx_.scope.address;
  ctx_.scope.address = &a.state;
  (void)event("msg:rcpt:host:defer", why, kRcpt4xx);
  ctx_.scope.address = batch;
}

void Delivery::take_answers(const routers::HostItem& h, int port, const SmtpConnection& c,
                            const std::vector<RcptState>& rcpts, const std::string& confirmation, Group& open) {
  Group rest;
  ++transactions_;
  for (std::size_t n = 0; n < open.size(); ++n) {
    const RcptState& s = rcpts[n];
    AddrResult r;
    r.transaction = transactions_;
    r.host_name = h.name;
    r.host_ip = h.ip;
    r.host_port = port;
    r.local_ip = c.local_ip();
    r.proxy_ip = c.proxy_ip();
    r.pipelined = c.used_pipelining();
    r.used_dsn = c.has("DSN") && !ends_dsn(*batch_[open[n]]);
    r.used_prdr = c.used_prdr();
    r.used_chunking = c.used_chunking();
    if (c.tls() != nullptr) {
      r.tls_cipher = c.tls()->cipher;
      r.tls_verified = c.tls()->peer_verified;
      r.tls_dane = c.dane();
      r.tls_peer_dn = c.tls()->peer_dn;
    }
    r.authenticator = c.authenticator;
    r.smtp_code = s.code;
    r.message = s.message;
    r.retry_error = s.retry_error;
    switch (s.fate) {
      case RcptState::Fate::delivered:
        r.fate = Fate::delivered;
        r.message.clear();
        r.confirmation = s.message.empty() ? confirmation : s.message;
        break;
      case RcptState::Fate::failed: r.fate = Fate::failed; break;
      default:
        r.fate = Fate::deferred;
        r.retry_scope = s.message_scope ? AddrResult::Scope::message : AddrResult::Scope::address;
        r.retry_for_sender = o_.address_retry_include_sender;
        if (r.message.empty()) r.message = "no answer for this recipient";
        if (s.code >= 400 && !s.message_scope) recipient_waits(*batch_[open[n]], r.message);
        rest.push_back(open[n]);
    }
    results_[open[n]] = std::move(r);
  }
  open = std::move(rest);
}

/// RFC 3461 5.2.1: what the sender asked for goes along to a server that knows DSN.
std::string dsn_mail_parameters(const mail::Envelope& e) {
  std::string out;
  if (!e.dsn_ret.empty()) out += " RET=" + e.dsn_ret;
  if (!e.dsn_envid.empty()) out += " ENVID=" + e.dsn_envid;
  return out;
}

std::string dsn_rcpt_parameters(const mail::Envelope& e, const routers::Addr& a) {
  const auto index = static_cast<std::size_t>(a.top_index);
  if (ends_dsn(a) || a.top_index < 0 || index >= e.recipients.size()) return {};
  const mail::Recipient& r = e.recipients[index];
  std::string out, words;
  static constexpr std::pair<std::uint32_t, std::string_view> kBits[] = {
      {1, "NEVER"}, {2, "SUCCESS"}, {4, "FAILURE"}, {8, "DELAY"}};
  for (const auto& [bit, name] : kBits)
    if ((r.dsn_notify & bit) != 0) words += (words.empty() ? "" : ",") + std::string(name);
  if (!words.empty()) out += " NOTIFY=" + words;
  if (!r.orcpt.empty()) out += " ORCPT=" + r.orcpt;
  return out;
}

/// utf8_downconvert of the transport when it is set there, else what an ACL's control asked for, else -1.
Result<int> Delivery::downconvert_mode(bool& chosen) {
  const auto& saved = ctx_.job.envelope.saved;
  std::string text = "-1";
  if (const auto it = saved.find("utf8_downconvert"); it != saved.end()) {
    text = it->second;
    chosen = true;
  }
  if (t_.find_given("utf8_downconvert") != nullptr) {
    REMEX_TRY(const std::string own, expand(o_.utf8_downconvert, "utf8_downconvert"));
    if (!own.empty()) {
      text = own;
      chosen = true;
    }
  }
  if (text == "1" || text == "0" || text == "-1") return text == "1" ? 1 : text == "0" ? 0 : -1;
  return defer(fmt::format("utf8_downconvert \"{}\" is not 1, 0 or -1", printable(text)));
}

HostResultOf<void> Delivery::log_in(const routers::HostItem& h, SmtpConnection& c, const SmtpConnectOptions& options) {
  auto required = in_list(o_.hosts_require_auth, h), wanted = in_list(o_.hosts_try_auth, h);
  if (!required || !wanted) {
    HostTrouble t;
    t.retry_error = "auth_failed";
    t.message = !required ? required.error().text : wanted.error().text;
    return std::unexpected(std::move(t));
  }
  if (!*required && !*wanted) return {};
  set_tls_variables(ctx_.scope, &c);
  auto done = authenticate(ctx_, h, c, *required, options.command_timeout);
  c.poolable = c.authenticated;
  return done;
}

/// AUTH= (RFC 4954 5): only to a server that knows us, unless forced.
std::string Delivery::auth_parameter(const SmtpConnection& c) {
  if (!c.authenticated && !(o_.authenticated_sender_force && c.has("AUTH"))) return {};
  std::string sender = ctx_.job.envelope.from.authenticated_sender;
  if (o_.authenticated_sender.is_set())
    if (auto v = o_.authenticated_sender.eval(ctx_.scope)) sender = std::string(trim(v->view()));
  std::string out;
  for (const char ch : sender)
    if (is_printable(ch) && ch != ' ' && ch != '+' && ch != '=')
      out += ch;
    else
      out += fmt::format("+{:02X}", static_cast<unsigned char>(ch));
  return out;
}

/// The addresses of this transaction in Received: headers (which this host wrote) with A-labels for domains. All other
/// headers stay: they may be signed.
std::string with_ascii_trace(const std::string& head, const std::string& sender, const std::vector<RcptState>& rcpts) {
  std::vector<std::pair<std::string, std::string>> changes;
  const auto change = [&](const std::string& a) {
    if (auto ascii = mail::address_to_ascii(a); ascii && *ascii != a) changes.emplace_back(a, std::move(*ascii));
  };
  change(sender);
  for (const RcptState& r : rcpts) change(r.address);
  std::string out;
  bool trace = false;
  for (std::string_view rest = head; !rest.empty();) {
    const std::string_view line = rest.substr(0, std::min(rest.find('\n'), rest.size() - 1) + 1);
    rest.remove_prefix(line.size());
    if (line.front() != ' ' && line.front() != '\t') trace = istarts_with(line, "received:");
    std::string text(line);
    if (trace && has_8bit(text))
      for (const auto& [from, to] : changes) text = replace_all(text, from, to);
    out += text;
  }
  return out;
}

Result<bool> Delivery::internationalise(const SmtpConnection& c, TransactionOptions& tx,
                                        std::vector<RcptState>& rcpts) {
  const auto local_part = [](std::string_view a) { return a.substr(0, a.rfind('@')); };
  bool addresses = has_8bit(tx.sender), locals = has_8bit(local_part(tx.sender));
  for (const RcptState& r : rcpts) {
    addresses = addresses || has_8bit(r.address);
    locals = locals || has_8bit(local_part(r.address));
  }
  const bool headers = ctx_.job.envelope.smtputf8 && has_8bit(head_);
  if (!addresses && !headers) return false;
  const bool offered = c.has("SMTPUTF8");
  bool chosen = false;
  REMEX_TRY(const int mode, downconvert_mode(chosen));
  // Of itself only a domain is converted, whose A-label means the same. A local part in disguise, or headers that the
  // host cannot read, are sent when the configuration says so (RFC 6531 3.2).
  if (!offered && !chosen) {
    if (!locals && headers) tx.head = plain_head_ = with_ascii_trace(head_, tx.sender, rcpts);
    if (locals || (ctx_.job.envelope.smtputf8 && has_8bit(tx.head)))
      return fail("5.6.7 the remote server does not support SMTPUTF8");
  }
  if (!addresses && (mode != 0 || offered)) return offered;
  if (mode == 1 || (mode == -1 && !offered)) {
    REMEX_TRY(tx.sender, mail::address_to_ascii(tx.sender));
    for (RcptState& r : rcpts) {
      REMEX_TRY(r.address, mail::address_to_ascii(r.address));
    }
    return headers && offered;
  }
  if (!offered) return fail("5.6.7 the remote server does not support SMTPUTF8");
  return true;
}

Delivery::Group Delivery::share(const SmtpConnection& c, const Group& open, Group& later) const {
  if (ctx_.mua_wrapper) return open;  // one transaction was promised
  const PeerLimits& limits = c.limits();
  Group out;
  std::set<std::string_view> domains;
  for (const std::size_t i : open) {
    const std::string& domain = batch_[i]->state.domain;
    if ((limits.recipients > 0 && out.size() >= limits.recipients) ||
        (limits.domains > 0 && domains.size() >= limits.domains && !domains.contains(domain))) {
      later.push_back(i);
      continue;
    }
    domains.insert(domain);
    out.push_back(i);
  }
  return out;
}

TransactionOptions Delivery::transaction(const routers::HostItem& h, const SmtpConnectOptions& options,
                                         const SmtpConnection& c, const Group& group) {
  TransactionOptions tx;
  tx.sender = sender_;
  tx.head = head_;
  tx.body = body_.get();
  if (o_.size_addition >= 0) tx.size = head_.size() + body_->size() + static_cast<std::uint64_t>(o_.size_addition);
  tx.body_8bit = ctx_.job.envelope.body_8bit;
  auto avoid = in_list(o_.hosts_avoid_pipelining, h);
  tx.pipelining = avoid && !*avoid;
  auto chunking = in_list(o_.hosts_try_chunking, h, true);
  tx.chunking = chunking && *chunking;
  tx.all_or_none = ctx_.mua_wrapper;
  tx.can_wait = ctx_.can_wait;
  tx.ignore_quota = o_.lmtp_ignore_quota;
  tx.auth = auth_parameter(c);
  tx.command_timeout = options.command_timeout;
  tx.data_timeout = Seconds(std::max<std::int64_t>(1, o_.data_timeout));
  tx.final_timeout = Seconds(std::max<std::int64_t>(1, o_.final_timeout));
  if (std::any_of(group.begin(), group.end(), [&](std::size_t i) { return !ends_dsn(*batch_[i]); }))
    tx.mail_parameters = dsn_mail_parameters(ctx_.job.envelope);
  if (auto prdr = in_list(o_.hosts_try_prdr, h, true); prdr) tx.prdr = *prdr && !ctx_.mua_wrapper;
  return tx;
}

Delivery::Sent Delivery::send_share(const routers::HostItem& h, const SmtpConnectOptions& options, SmtpConnection& c,
                                    bool reused, Group& now, Group& later) {
  const int port = options.to.port;
  TransactionOptions tx = transaction(h, options, c, now);
  std::vector<RcptState> rcpts;
  for (const std::size_t i : now) {
    RcptState s;
    s.address = rcpt_address(*batch_[i]);
    s.parameters = dsn_rcpt_parameters(ctx_.job.envelope, *batch_[i]);
    rcpts.push_back(std::move(s));
  }
  if (auto utf8 = internationalise(c, tx, rcpts); utf8) {
    tx.smtputf8 = *utf8;
  } else {
    const bool fails = utf8.error().kind == ErrorKind::failed;
    for (const std::size_t i : now)
      results_[i] = fails ? failed_result(utf8.error().text) : deferred_result(utf8.error().text);
    now.clear();
    return Sent::refused;
  }
  std::string confirmation;
  if (permit_) permit_->used();
  auto sent = c.send(tx, rcpts, confirmation);
  // A connection that was idle may have died meanwhile, or ends after a transaction: that is no fault of the host.
  if (!sent && (reused || !c.begun) && !c.data_sent) return Sent::again;
  const bool doubt = c.data_sent;
  take_answers(h, port, c, rcpts, confirmation, now);
  if (sent) return Sent::answered;
  now.insert(now.end(), later.begin(), later.end());
  host_failed(h, port, sent.error(), now);
  // The server may have it: no second copy through another host now.
  if (doubt && !now.empty()) now = later;
  later.clear();
  return Sent::lost;
}

void Delivery::try_host(const routers::HostItem& h, Group& open) {
  auto options = connect_options(h);
  if (!options) {
    for (const std::size_t i : open) results_[i] = deferred_result(options.error().text);
    return;
  }
  const int port = options->to.port;
  std::unique_ptr<HostTurn> turn;
  if (auto serial = in_list(o_.serialize_hosts, h); serial && *serial) {
    turn = HostTurn::take(h.ip, std::chrono::duration_cast<Millis>(options->connect_timeout));
    if (turn == nullptr) {
      for (const std::size_t i : open)
        results_[i] = deferred_result(
            fmt::format("connection to {} [{}] waits: another is open (serialize_hosts)", h.name, h.ip));
      return;
    }
  }
  const io::Activity activity([&] {
    return fmt::format("delivering {} to {} [{}]", ctx_.job.envelope.id, h.name.empty() ? h.ip : h.name, h.ip);
  });
  Group undone;  // for the next host
  for (bool fresh = false; !open.empty();) {
    bool reused = false;
    auto opened = connect(h, *options, fresh, reused);
    if (!opened && opened.error().waits) {
      Group waits;  // who has an answer of a host keeps it
      std::copy_if(open.begin(), open.end(), std::back_inserter(waits), [this](std::size_t i) {
        const auto scope = results_[i].retry_scope;
        return scope != AddrResult::Scope::address && scope != AddrResult::Scope::message;
      });
      wait_for_turn(waits, DestinationLimits::no_slot(rule_));
      break;
    }
    if (!opened) {
      host_failed(h, port, opened.error(), open);
      break;
    }
    SmtpConnection& c = **opened;
    if (!reused)
      if (auto known = log_in(h, c, *options); !known) {
        c.quit();
        host_failed(h, port, known.error(), open);
        break;
      }
    if (ctx_.scope.delivery != nullptr) {
      ctx_.scope.delivery->sending_ip_address = c.local_ip();
      ctx_.scope.delivery->sending_port = c.local_port();
    }
    set_tls_variables(ctx_.scope, &c);
    test_sts(h, c);
    const Sent sent = use_connection(h, *options, c, reused, open, undone);
    if (sent == Sent::again) fresh = true;
    if (sent == Sent::again || sent == Sent::lost) {
      c.quit();
      if (sent == Sent::lost) break;
      continue;
    }
    if (sent == Sent::answered || sent == Sent::closed) ctx_.host_results.push_back({h.name, h.ip, port, "", ""});
    if (sent == Sent::closed) {
      c.quit();
      break;
    }
    // Who wants to know of connections is told when they close.
    const bool keep = ctx_.pool != nullptr && !generic(t_).event_action.is_set();
    if (sent == Sent::answered && keep && !full(c) && c.poolable && c.usable())
      ctx_.pool->give(pool_key(h, *options), std::move(*opened));
    else
      c.quit();
  }
  open.insert(open.begin(), undone.begin(), undone.end());
}

Delivery::Sent Delivery::use_connection(const routers::HostItem& h, const SmtpConnectOptions& options,
                                        SmtpConnection& c, bool reused, Group& open, Group& undone) {
  for (;;) {
    Group later, now = share(c, open, later);
    const Group offered = now;
    const Sent sent = send_share(h, options, c, reused, now, later);
    if (sent == Sent::again) return sent;
    if (sent == Sent::lost) {
      open = std::move(now);
      return sent;
    }
    const bool delivered = std::any_of(offered.begin(), offered.end(),
                                       [this](std::size_t i) { return results_[i].fate == Fate::delivered; });
    const auto closer =
        std::find_if(now.begin(), now.end(), [this](std::size_t i) { return results_[i].smtp_code == 421; });
    const bool closed = c.closing() && !delivered && closer != now.end();
    if (closed)
      for (const std::size_t i : later) results_[i] = results_[*closer];
    undone.insert(undone.end(), now.begin(), now.end());
    open = std::move(later);
    reused = false;
    if (closed) return Sent::closed;
    if (open.empty() || sent == Sent::refused || full(c) || !c.usable()) return sent;
  }
}

bool Delivery::full(const SmtpConnection& c) const {
  return (o_.connection_max_messages > 0 && c.messages >= o_.connection_max_messages) ||
         (c.limits().messages > 0 && static_cast<std::uint64_t>(c.messages) >= c.limits().messages);
}

void Delivery::deliver_group(const Group& group, const std::vector<routers::HostItem>& hosts) {
  Group open = group;
  for (const std::size_t i : open) {
    results_[i] = deferred_result(fmt::format("retry time not reached for any host for '{}'", batch_[i]->state.domain));
    results_[i].retry_scope = AddrResult::Scope::none;
  }
  if (Status s = find_sts(*batch_[group.front()]); !s) {
    for (const std::size_t i : group) results_[i] = deferred_result(s.error().text);
    return;
  }
  if (!enter(group, hosts)) return;
  // hosts_max_try (manual 30.5): hosts that wait, and those past their last retry time, do not count. After it one host
  // of each further MX preference is tried.
  std::int64_t counted = 0, tried = 0;
  bool given_up = !hosts.empty();
  std::optional<int> only_beyond;  // the MX preference that has had its share
  for (std::size_t n = 0; n < hosts.size(); ++n) {
    const routers::HostItem& h = hosts[n];
    if (open.empty() || tried >= o_.hosts_max_try_hardlimit) return;
    if (only_beyond && h.mx <= *only_beyond) continue;
    routers::HostItem known = h;  // its retry time depends on the port that is really used
    if (known.port < 0) {
      set_host_variables(h, 0);
      if (auto port = port_of(h)) known.port = *port;
    }
    const HostGate gate = ctx_.host_gate ? ctx_.host_gate(known, o_.delay_after_cutoff) : HostGate::open;
    given_up = given_up && gate == HostGate::given_up;
    if (gate == HostGate::wait || gate == HostGate::given_up) continue;
    if (gate == HostGate::open && counted >= o_.hosts_max_try) {
      const auto other = [&](const routers::HostItem& later) { return later.mx > h.mx; };
      if (std::none_of(hosts.begin() + static_cast<std::ptrdiff_t>(n), hosts.end(), other)) return;
      only_beyond = h.mx;
    } else if (gate == HostGate::open) {
      ++counted;
    }
    ++tried;
    try_host(h, open);
    // Another host is the same destination. Those that have an answer keep it.
    if (std::any_of(open.begin(), open.end(), [this](std::size_t i) { return results_[i].wait_until > 0; })) return;
  }
  if (!given_up) return;
  for (const std::size_t i : open)
    results_[i] = failed_result(fmt::format(
        "all hosts for '{}' have been failing for a long time {}", batch_[i]->state.domain,
        o_.delay_after_cutoff ? "(and retry time not reached)" : "and were last tried after this message arrived"));
}

std::vector<AddrResult> Delivery::run() {
  if (Status s = prepare(); !s) return all(s.error());
  Group everyone(batch_.size());
  std::iota(everyone.begin(), everyone.end(), 0U);
  auto parts = groups(everyone);
  if (!parts) return all(parts.error());
  auto hosts = host_list();
  if (!hosts) {
    AddrResult r = deferred_result(hosts.error().text, "timeout_DNS");
    return same_for_all(batch_.size(), r);
  }
  for (const routers::Addr* a : batch_) {
    const std::string address = rcpt_address(*a);
    if (address.find_first_of(std::string_view("\r\n<>\0", 5)) != std::string::npos && address.front() != '"')
      return same_for_all(batch_.size(),
                          failed_result(fmt::format("address \"{}\" cannot be sent", printable(address))));
  }
  for (const Group& g : *parts) deliver_group(g, *hosts);
  permit_.reset();

  // fallback_hosts: for what is still deferred, when the address did not come through MX records.
  Group rest;
  for (std::size_t i = 0; i < results_.size(); ++i)
    if (results_[i].fate == Fate::deferred && results_[i].wait_until == 0) rest.push_back(i);
  const routers::Addr& first = *batch_.front();
  const bool from_mx = !first.hosts.empty() && first.hosts.front().mx >= 0;
  if (rest.empty() || from_mx || (first.fallback_hosts.empty() && !o_.fallback_hosts.is_set()))
    return std::move(results_);
  Result<std::vector<routers::HostItem>> more;
  if (!first.fallback_hosts.empty()) {
    more = resolve_items(ctx_, o_, first.fallback_hosts, true);
  } else if (auto list = expand(o_.fallback_hosts, "fallback_hosts"); list) {
    more = resolve_hosts(ctx_, o_, *list, false);
  }
  if (more && !more->empty()) {
    std::reverse(rest.begin(), rest.end());  // as log readers know it from Exim
    parts = groups(rest);
    if (!parts) more = std::unexpected(parts.error());
  }
  if (!more)
    for (const std::size_t i : rest) results_[i].message += "; fallback_hosts: " + more.error().text;
  else if (!more->empty())
    for (const Group& g : *parts) deliver_group(g, *more);
  return std::move(results_);
}

HostResultOf<std::unique_ptr<SmtpConnection>> Delivery::open_for_callout(const routers::HostItem& h,
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

}  // namespace

bool can_call_out(const lang::DriverInstance& t) { return t.def->name == "smtp"; }

Result<std::vector<routers::HostItem>> callout_hosts(DeliverContext& ctx, const lang::DriverInstance& t,
                                                     const routers::Addr& a) {
  const auto& o = static_cast<const SmtpOptions&>(*t.options);
  if (a.hosts.empty() && !o.hosts.is_set()) return std::vector<routers::HostItem>();
  routers::Addr* one[] = {const_cast<routers::Addr*>(&a)};
  return Delivery(ctx, t, one).hosts_for_callout();
}

std::string destination_text(DeliverContext& ctx, const lang::DriverInstance& t, const routers::Addr& a) {
  if (!can_call_out(t)) return {};
  const auto& o = static_cast<const SmtpOptions&>(*t.options);
  if (!o.destination_max_connections.is_set() && !o.destination_rate.is_set()) return {};
  const auto hosts = callout_hosts(ctx, t, a);
  if (!hosts) return fmt::format("limits unknown: {}", hosts.error().text);
  const auto rule = destination_rule(ctx, t, *hosts);
  if (!rule) return fmt::format("limits unknown: {}", rule.error().text);
  std::string out;
  if (rule->connections > 0)
    out = fmt::format("at most {} connection{}", rule->connections, rule->connections == 1 ? "" : "s");
  if (rule->rate.messages > 0)
    out += fmt::format("{}{} message{} in {}", out.empty() ? "at most " : ", ", rule->rate.messages,
                       rule->rate.messages == 1 ? "" : "s", format_interval(rule->rate.period));
  return out.empty() ? out : fmt::format("destination {}: {}", printable(rule->name), out);
}

HostResultOf<std::unique_ptr<SmtpConnection>> open_callout(DeliverContext& ctx, const lang::DriverInstance& t,
                                                           const routers::Addr& a, const routers::HostItem& host,
                                                           Seconds connect_timeout, Seconds command_timeout) {
  routers::Addr* one[] = {const_cast<routers::Addr*>(&a)};
  return Delivery(ctx, t, one).open_for_callout(host, connect_timeout, command_timeout);
}

std::vector<AddrResult> deliver_by_smtp(DeliverContext& ctx, const lang::DriverInstance& t,
                                        std::span<routers::Addr* const> batch) {
  if (batch.empty()) return {};
  Delivery d(ctx, t, batch);
  return d.run();
}

}  // namespace remex::transports
