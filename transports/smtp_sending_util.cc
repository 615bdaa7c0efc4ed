// See smtp_delivery_util.h: the transactions with one server, and what its answers mean for each address.

#include "transports/smtp_delivery_util.h"

#include <fmt/core.h>

#include <algorithm>
#include <set>

#include "core/base/clock.h"
#include "core/base/strings.h"
#include "core/mail/address.h"

namespace remex::transports {
namespace {

constexpr int kRcpt4xx = -44;  ///< $event_defer_errno and "defer (-44)" in the log, as Exim's

/// dsn_lasthop of the router: the next host is not told what was asked for.
bool ends_dsn(const routers::Addr& a) {
  return a.router != nullptr && a.router->generic != nullptr &&
         static_cast<const routers::RouterGeneric&>(*a.router->generic).dsn_lasthop;
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
    if (trace && mail::has_8bit(text))
      for (const auto& [from, to] : changes) text = replace_all(text, from, to);
    out += text;
  }
  return out;
}

}  // namespace

void SmtpDelivery::recipient_waits(routers::Addr& a, const std::string& why) {
  lang::AddressState* const batch = ctx_.scope.address;
  ctx_.scope.address = &a.state;
  (void)event("msg:rcpt:host:defer", why, kRcpt4xx);
  ctx_.scope.address = batch;
}

void SmtpDelivery::take_answers(const routers::HostItem& h, int port, const SmtpConnection& c,
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
    r.early = c.used_early() && c.messages == 1;
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
    r.trouble = s.trouble;
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

/// utf8_downconvert of the transport when it is set there, else what an ACL's control asked for, else -1.
Result<int> SmtpDelivery::downconvert_mode(bool& chosen) {
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

HostResultOf<void> SmtpDelivery::log_in(const routers::HostItem& h, SmtpConnection& c,
                                        const SmtpConnectOptions& options) {
  auto required = in_list(o_.hosts_require_auth, h), wanted = in_list(o_.hosts_try_auth, h);
  if (!required || !wanted) {
    HostTrouble t;
    t.trouble = Trouble::Kind::login;
    t.message = !required ? required.error().text : wanted.error().text;
    return std::unexpected(std::move(t));
  }
  if (!*required && !*wanted) return {};
  set_tls_variables(ctx_.scope, &c);
  auto done = authenticate(ctx_, h, c, *required, options.command_timeout);
  c.poolable = c.authenticated;
  return done;
}

/// AUTH= (RFC 4954 5): only to a server that knows us, unless forced. Error: the option cannot be expanded now.
Result<std::string> SmtpDelivery::auth_parameter(const SmtpConnection& c) {
  std::string sender = ctx_.job.envelope.from.authenticated_sender;
  if (o_.authenticated_sender.is_set()) {
    auto v = o_.authenticated_sender.eval(ctx_.scope);
    if (v)
      sender = std::string(trim(v->view()));
    else if (v.error().kind != ErrorKind::forced_fail)
      return expansion_failed(
          o_.authenticated_sender, t_.name, v.error(),
          {.words = "failed to expand authenticated_sender", .number = kExpansionFailed, .panic = false});
  }
  std::string out;
  if (!c.authenticated && !(o_.authenticated_sender_force && c.has("AUTH"))) return out;
  for (const char ch : sender)
    if (is_printable(ch) && ch != ' ' && ch != '+' && ch != '=')
      out += ch;
    else
      out += fmt::format("+{:02X}", static_cast<unsigned char>(ch));
  return out;
}

Result<bool> SmtpDelivery::internationalise(const SmtpConnection& c, TransactionOptions& tx,
                                            std::vector<RcptState>& rcpts) {
  const auto local_part = [](std::string_view a) { return a.substr(0, a.rfind('@')); };
  bool addresses = mail::has_8bit(tx.sender), locals = mail::has_8bit(local_part(tx.sender));
  for (const RcptState& r : rcpts) {
    addresses = addresses || mail::has_8bit(r.address);
    locals = locals || mail::has_8bit(local_part(r.address));
  }
  const bool headers = ctx_.job.envelope.smtputf8 && mail::has_8bit(head_);
  if (!addresses && !headers) return false;
  const bool offered = c.has("SMTPUTF8");
  bool chosen = false;
  REMEX_TRY(const int mode, downconvert_mode(chosen));
  // Of itself only a domain is converted, whose A-label means the same. A local part in disguise, or headers that the
  // host cannot read, are sent when the configuration says so (RFC 6531 3.2).
  if (!offered && !chosen) {
    if (!locals && headers) tx.head = plain_head_ = with_ascii_trace(head_, tx.sender, rcpts);
    if (locals || (ctx_.job.envelope.smtputf8 && mail::has_8bit(tx.head)))
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

SmtpDelivery::Group SmtpDelivery::share(const SmtpConnection& c, const Group& open, Group& later) const {
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

TransactionOptions SmtpDelivery::transaction(const routers::HostItem& h, const SmtpConnectOptions& options,
                                             const Group& group) {
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
  tx.command_timeout = options.command_timeout;
  tx.data_timeout = Seconds(std::max<std::int64_t>(1, o_.data_timeout));
  tx.final_timeout = Seconds(std::max<std::int64_t>(1, o_.final_timeout));
  if (std::any_of(group.begin(), group.end(), [&](std::size_t i) { return !ends_dsn(*batch_[i]); }))
    tx.mail_parameters = dsn_mail_parameters(ctx_.job.envelope);
  if (auto prdr = in_list(o_.hosts_try_prdr, h, true); prdr) tx.prdr = *prdr && !ctx_.mua_wrapper;
  return tx;
}

SmtpDelivery::Sent SmtpDelivery::send_share(const routers::HostItem& h, const SmtpConnectOptions& options,
                                            SmtpConnection& c, bool reused, Group& now, Group& later) {
  const int port = options.to.port;
  if (transactions_ > 0 && ctx_.settle)
    if (Status recorded = ctx_.settle(results_); !recorded) {
      now.insert(now.end(), later.begin(), later.end());
      later.clear();
      wait_for_record(now, recorded.error());
      return Sent::refused;
    }
  TransactionOptions tx = transaction(h, options, now);
  if (auto auth = auth_parameter(c)) {
    tx.auth = std::move(*auth);
  } else {
    for (const std::size_t i : now) results_[i] = deferred_for(auth.error());
    now.clear();
    return Sent::refused;
  }
  std::vector<RcptState> rcpts;
  for (const std::size_t i : now) {
    RcptState s;
    s.address = rcpt_address(t_, *batch_[i]);
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
  const bool unreadable = !sent && sent.error().trouble.kind == Trouble::Kind::unreadable;
  // A connection that was idle may have died meanwhile, or ends after a transaction: that is no fault of the host.
  if (!sent && (reused || !c.begun || sent.error().early) && !c.data_sent && !unreadable) return Sent::again;
  const Group offered = now;
  take_answers(h, port, c, rcpts, confirmation, now);
  if (sent) return Sent::answered;
  if (sent.error().of == HostTrouble::Of::host) {
    now.insert(now.end(), later.begin(), later.end());
    host_failed(h, port, sent.error(), now);
  } else {
    Group unanswered;
    for (std::size_t n = 0; n < offered.size(); ++n)
      if (rcpts[n].fate == RcptState::Fate::pending || rcpts[n].fate == RcptState::Fate::accepted)
        unanswered.push_back(offered[n]);
    const auto asked =
        std::find_if(rcpts.begin(), rcpts.end(), [](const RcptState& r) { return r.fate == RcptState::Fate::pending; });
    transaction_failed(
        h, port, sent.error(), unanswered, later,
        asked == rcpts.end() ? offered.size() : offered[static_cast<std::size_t>(asked - rcpts.begin())]);
    now.insert(now.end(), later.begin(), later.end());
  }
  // The server may have it: no second copy through another host now. Where it cannot be read here, no host gets it.
  if (c.data_sent)
    for (std::size_t n = 0; n < offered.size(); ++n)
      if (rcpts[n].fate == RcptState::Fate::accepted) results_[offered[n]].doubt = true;
  std::erase_if(now, [&](std::size_t i) { return unreadable || results_[i].doubt; });
  later.clear();
  return Sent::lost;
}

void SmtpDelivery::transaction_failed(const routers::HostItem& h, int port, const HostTrouble& trouble,
                                      const Group& unanswered, const Group& later, std::size_t asked) {
  Group all = unanswered;
  all.insert(all.end(), later.begin(), later.end());
  if (cut_short(all)) return;
  Trouble kind = trouble.trouble;
  kind.mx = h.mx >= 0;
  (void)event("msg:host:defer", trouble.message, trouble.sys_errno);
  bool named = true;  // the recipients up to the one without an answer were
  for (const std::size_t i : all) {
    AddrResult r;
    r.transaction = transactions_;
    r.message = trouble.message;
    r.trouble = kind;
    r.sys_errno = trouble.sys_errno;
    if (named) {
      r.host_name = h.name;
      r.host_ip = h.ip;
      r.host_port = port;
    }
    if (trouble.of == HostTrouble::Of::message)
      r.retry_scope = AddrResult::Scope::message;
    else
      r.retry_scope = i == asked ? AddrResult::Scope::address : AddrResult::Scope::none;
    named = named && !(trouble.of == HostTrouble::Of::recipient && i == asked);
    results_[i] = std::move(r);
  }
}

SmtpDelivery::Sent SmtpDelivery::use_connection(const routers::HostItem& h, const SmtpConnectOptions& options,
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

bool SmtpDelivery::full(const SmtpConnection& c) const {
  return (o_.connection_max_messages > 0 && c.messages >= o_.connection_max_messages) ||
         (c.limits().messages > 0 && static_cast<std::uint64_t>(c.messages) >= c.limits().messages);
}

}  // namespace remex::transports
