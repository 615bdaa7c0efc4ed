// See callout.h.

#include "core/delivery/callout.h"

#include <fmt/format.h>

#include "core/base/clock.h"
#include "core/base/strings.h"
#include "core/delivery/attempt.h"
#include "core/mail/address.h"
#include "transports/callout.h"

namespace remex::delivery {
namespace {

using Kind = lang::VerifyOutcome::Kind;
using transports::SmtpConnection;
using transports::SmtpReply;

constexpr std::string_view kReused = "(result of an earlier callout reused).";

/// What is known about a domain: three answers, each with its time. 0 unknown, 1 good, 2 bad; `setup` also 3: only
/// MAIL FROM:<> is refused.
struct DomainRecord {
  std::int64_t setup_at = 0, postmaster_at = 0, random_at = 0;
  int setup = 0, postmaster = 0, random = 0;

  std::string str() const {
    return fmt::format("{} {} {} {} {} {}", setup_at, setup, postmaster_at, postmaster, random_at, random);
  }
  static DomainRecord parse(std::string_view text) {
    DomainRecord r;
    std::vector<std::int64_t> n;
    for (const std::string_view word : split(text, ' ')) n.push_back(parse_int(word).value_or(-1));
    if (n.size() != 6 || *std::min_element(n.begin(), n.end()) < 0) return r;
    r.setup_at = n[0];
    r.setup = static_cast<int>(n[1]);
    r.postmaster_at = n[2];
    r.postmaster = static_cast<int>(n[3]);
    r.random_at = n[4];
    r.random = static_cast<int>(n[5]);
    return r;
  }
};

class Callout {
 public:
  Callout(Engine& eng, lang::Scope& scope, Addr& a, std::string address, bool sender, const lang::CalloutOptions& opt)
      : eng_(eng),
        main_(eng.config->main),
        scope_(scope),
        addr_(a),
        address_(std::move(address)),
        domain_(to_lower(a.state.domain)),
        sender_(sender),
        opt_(opt),
        now_(wall_seconds()) {
    const std::string& qualify =
        main_.qualify_domain.empty() ? eng.config->main.primary_hostname : main_.qualify_domain;
    if (sender)
      from_ = opt.mail_from;
    else if (opt.use_sender && scope.envelope != nullptr)
      from_ = scope.envelope->sender;
    else if (opt.use_postmaster)
      from_ = "postmaster@" + qualify;
    key_ = from_.empty() ? address_ : address_ + "/<" + from_ + ">";
  }

  lang::VerifyOutcome run();

 private:
  /// Decided by what is remembered.
  std::optional<lang::VerifyOutcome> cached();
  enum class Step : std::uint8_t { done, next_host };
  Step talk(SmtpConnection& c, const routers::HostItem& h, lang::VerifyOutcome& out);
  /// The postmaster check after a good answer.
  Step check_postmaster(SmtpConnection& c, const routers::HostItem& h, lang::VerifyOutcome& out);
  transports::HostResultOf<SmtpReply> say(SmtpConnection& c, const std::string& line) {
    return c.exchange(line, Seconds(opt_.timeout));
  }
  Step trouble(const routers::HostItem& h, std::string text) {
    last_ = fmt::format("{} [{}] : {}", h.name, h.ip, text);
    return Step::next_host;
  }
  lang::VerifyOutcome refused(const routers::HostItem& h, std::string_view sent, const std::string& reply,
                              std::string_view failure, std::string log_text) const;
  lang::VerifyOutcome reused(std::string_view failure, std::string_view text) const;
  lang::VerifyOutcome unreachable() const;
  void remember_domain();
  void remember_address(bool good);
  std::optional<std::string> hint(const std::string& key);
  void put(const std::string& key, const std::string& value);
  std::string random_address();

  Engine& eng_;
  const lang::MainOptions& main_;
  lang::Scope& scope_;
  Addr& addr_;
  std::string address_, domain_;
  bool sender_;
  const lang::CalloutOptions& opt_;
  std::int64_t now_;
  std::string from_, key_, last_;
  DomainRecord record_;
};

std::optional<std::string> Callout::hint(const std::string& key) {
  if (opt_.no_cache || eng_.services == nullptr) return std::nullopt;
  auto h = eng_.services->get_hint("callout", key);
  return h ? *h : std::nullopt;
}

void Callout::put(const std::string& key, const std::string& value) {
  if (opt_.no_cache || eng_.services == nullptr) return;
  if (auto st = eng_.services->put_hint("callout", key, value); !st && eng_.log)
    eng_.log->write(log::kMain, "", "callout cache: " + st.error().text);
}

void Callout::remember_domain() { put("domain:" + domain_, record_.str()); }

void Callout::remember_address(bool good) { put("address:" + key_, fmt::format("{} {}", now_, good ? 1 : 2)); }

lang::VerifyOutcome Callout::reused(std::string_view failure, std::string_view text) const {
  lang::VerifyOutcome v;
  v.kind = Kind::fail;
  v.failure = failure;
  v.user_message = text;
  v.log_message = text;
  return v;
}

std::optional<lang::VerifyOutcome> Callout::cached() {
  const std::int64_t negative = main_.callout_domain_negative_expire, positive = main_.callout_domain_positive_expire;
  const auto young = [this](std::int64_t at, std::int64_t life) { return at + life > now_; };
  if (const auto text = hint("domain:" + domain_)) record_ = DomainRecord::parse(*text);
  if (record_.setup >= 2 && !young(record_.setup_at, negative)) record_.setup = 0;
  if (!young(record_.postmaster_at, record_.postmaster == 2 ? negative : positive)) record_.postmaster = 0;
  if (!young(record_.random_at, positive)) record_.random = 0;
  if (record_.setup == 2 || (record_.setup == 3 && from_.empty())) return reused("mail", kReused);
  if (opt_.random && record_.random == 1) {
    lang::VerifyOutcome ok;
    ok.failure = "random";
    return ok;
  }
  if (opt_.postmaster && record_.postmaster == 2) return reused("postmaster", kReused);
  const auto text = hint("address:" + key_);
  if (!text) return std::nullopt;
  const auto blank = text->find(' ');
  const auto at = parse_int(std::string_view(*text).substr(0, blank));
  if (!at || blank == std::string::npos) return std::nullopt;
  const bool good = text->ends_with(" 1");
  if (!young(*at, good ? main_.callout_positive_expire : main_.callout_negative_expire)) return std::nullopt;
  if (!good) return reused("recipient", "Previous (cached) callout verification failure");
  // a good address is not enough when the postmaster must be asked and was not
  if (opt_.postmaster && record_.postmaster == 0) return std::nullopt;
  return lang::VerifyOutcome();
}

lang::VerifyOutcome Callout::refused(const routers::HostItem& h, std::string_view sent, const std::string& reply,
                                     std::string_view failure, std::string log_text) const {
  lang::VerifyOutcome v;
  v.kind = Kind::fail;
  v.failure = failure;
  v.log_message = fmt::format("{} [{}] : {}", h.name, h.ip, log_text);
  const std::string shown = replace_all(reply, "\\n", "\n");
  v.user_message = sender_ ? fmt::format("Called:   {}\nSent:     {}\nResponse: {}", h.ip, printable(sent),
                                         replace_all(shown, "\n", "\n          "))
                           : "Callout verification failed:\n" + shown;
  return v;
}

lang::VerifyOutcome Callout::unreachable() const {
  lang::VerifyOutcome v;
  if (opt_.defer_ok) return v;
  v.kind = Kind::defer;
  v.failure = "callout";
  const std::string_view who = sender_ ? "sender" : "recipient";
  v.log_message = fmt::format("Could not complete {} verify callout: {}", who, last_);
  v.user_message = fmt::format("Could not complete {} verify callout", who);
  if (!main_.smtp_return_error_details) return v;
  v.user_message += fmt::format(
      " for <{}>.\nThe mail server(s) for the domain may be temporarily unreachable, or\nthey may be permanently "
      "unreachable from this server. In the latter case,\n{}",
      printable(address_),
      sender_ ? "you need to change the address or create an MX record for its domain\nif it is supposed to be "
                "generally accessible from the Internet.\nTalk to your mail administrator for details."
              : "the address will never be accepted.");
  return v;
}

std::string Callout::random_address() {
  auto local = main_.callout_random_local_part.eval(scope_);
  if (!local || local->empty()) return {};
  return mail::quote_local_part(local->view().substr(0, 64)) + "@" + addr_.state.domain;
}

Callout::Step Callout::check_postmaster(SmtpConnection& c, const routers::HostItem& h, lang::VerifyOutcome& out) {
  if (!opt_.postmaster || record_.postmaster == 1) return Step::done;
  auto reset = say(c, "RSET");
  if (!reset) return trouble(h, reset.error().message);
  auto mail = say(c, fmt::format("MAIL FROM:<{}>", opt_.postmaster_mail_from));
  if (!mail) return trouble(h, mail.error().message);
  const std::string rcpt = fmt::format("RCPT TO:<postmaster@{}>", addr_.state.domain);
  auto answer = mail->first() == 2 ? say(c, rcpt) : std::move(mail);
  if (answer && answer->first() == 5 && opt_.full_postmaster) answer = say(c, "RCPT TO:<postmaster>");
  if (!answer) return trouble(h, answer.error().message);
  record_.postmaster_at = now_;
  if (answer->first() == 2) {
    record_.postmaster = 1;
    remember_domain();
    return Step::done;
  }
  const std::string text =
      fmt::format("SMTP error from remote mail server after {}: {}", printable(rcpt), answer->text());
  if (answer->first() != 5) return trouble(h, text);
  record_.postmaster = 2;
  remember_domain();
  out = refused(h, rcpt, answer->text(), "postmaster", text);
  return Step::done;
}

Callout::Step Callout::talk(SmtpConnection& c, const routers::HostItem& h, lang::VerifyOutcome& out) {
  const std::string mail = fmt::format("MAIL FROM:<{}>", from_), rcpt = fmt::format("RCPT TO:<{}>", address_);
  const auto after = [](std::string_view line, const SmtpReply& r) {
    return fmt::format("SMTP error from remote mail server after {}: {}", printable(line), r.text());
  };
  auto m = say(c, mail);
  if (!m) return trouble(h, m.error().message);
  if (m->first() == 5) {
    if (from_.empty()) {
      record_.setup = 3;
      record_.setup_at = now_;
      remember_domain();
    }
    out = refused(h, mail, m->text(), "mail", fmt::format("response to \"{}\" was: {}", printable(mail), m->text()));
    return Step::done;
  }
  if (m->first() != 2) return trouble(h, after(mail, *m));
  if (record_.setup != 1) {
    record_.setup = 1;
    record_.setup_at = now_;
    remember_domain();
  }
  if (const std::string any = opt_.random && record_.random == 0 ? random_address() : std::string(); !any.empty()) {
    auto r = say(c, fmt::format("RCPT TO:<{}>", any));
    if (!r) return trouble(h, r.error().message);
    if (r->first() == 2 || r->first() == 5) {
      record_.random = r->first() == 2 ? 1 : 2;
      record_.random_at = now_;
      remember_domain();
    }
    if (r->first() == 2) {
      out.failure = "random";
      return Step::done;
    }
    auto reset = say(c, "RSET");
    auto again = reset ? say(c, mail) : std::move(reset);
    if (!again) return trouble(h, again.error().message);
    if (again->first() != 2) return trouble(h, after(mail, *again));
  }
  auto r = say(c, rcpt);
  if (!r) return trouble(h, r.error().message);
  if (r->first() == 2) {
    remember_address(true);
    return check_postmaster(c, h, out);
  }
  if (r->first() != 5) return trouble(h, after(rcpt, *r));
  remember_address(false);
  out = refused(h, rcpt, r->text(), "recipient", after(rcpt, *r));
  return Step::done;
}

lang::VerifyOutcome Callout::run() {
  if (address_.find_first_of(std::string_view("\r\n<>\0", 5)) != std::string::npos && address_.front() != '"')
    return reused("qualify", "address cannot be sent");
  if (auto known = cached()) return *known;
  lang::DeliveryState state;
  lang::DeliveryState* const saved = scope_.delivery;
  scope_.delivery = &state;
  state.transport_name = addr_.transport->name;
  mail::HeaderList no_headers;
  mail::Envelope no_envelope;
  transports::Job job{scope_.envelope != nullptr ? *scope_.envelope : no_envelope,
                      scope_.headers != nullptr ? *scope_.headers : no_headers, nullptr};
  lang::AddressState* const address = scope_.address;
  scope_.address = &addr_.state;
  lang::VerifyOutcome out;
  bool decided = false;
  {
    transports::DeliverContext ctx{*eng_.config, scope_, job, {}, {}};
    const Instant end = monotonic_now() + Seconds(opt_.max_wait > 0 ? opt_.max_wait : 4 * opt_.timeout);
    auto hosts = transports::callout_hosts(ctx, *addr_.transport, addr_);
    if (!hosts) last_ = hosts.error().text;
    decided = hosts && hosts->empty();  // nobody to ask
    for (std::size_t i = 0; hosts && i < hosts->size() && !decided; ++i) {
      if (i > 0 && monotonic_now() >= end) break;
      const routers::HostItem& h = (*hosts)[i];
      scope_.extra["callout_address"] = h.ip;
      auto c = transports::open_callout(ctx, *addr_.transport, addr_, h,
                                        Seconds(opt_.connect > 0 ? opt_.connect : opt_.timeout), Seconds(opt_.timeout));
      if (c) {
        decided = talk(**c, h, out) == Step::done;
        (*c)->quit();
        continue;
      }
      (void)trouble(h, c.error().message);
      if (!c.error().permanent) continue;
      record_.setup = 2;
      record_.setup_at = now_;
      remember_domain();
      out = refused(h, c.error().command, c.error().answer, "mail", c.error().message);
      decided = true;
    }
  }
  scope_.address = address;
  scope_.delivery = saved;
  return decided ? out : unreachable();
}

}  // namespace

lang::VerifyOutcome call_out(Engine& eng, lang::Scope& scope, Addr& a, const std::string& address, bool sender,
                             const lang::CalloutOptions& opt) {
  if (!eng.callouts || a.transport == nullptr || !transports::can_call_out(*a.transport)) return {};
  lang::VerifyOutcome v = Callout(eng, scope, a, address, sender, opt).run();
  if (v.kind == Kind::ok && !sender && v.failure.empty()) {
    // the host vouches for the address: its parts may be used as names
    scope.acl_domain_data = Text(a.state.domain);
    scope.acl_local_part_data = Text(a.state.local_part);
  }
  return v;
}

}  // namespace remex::delivery
