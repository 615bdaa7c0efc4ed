// HELO and EHLO (RFC 5321 4.1.1.1).

#include <fmt/core.h>

#include "core/base/strings.h"
#include "core/smtp/session.h"

namespace remex::smtp {

void Session::set_protocol() {
  // With -oMa it is as if it came from that host.
  std::string p = !opt_.is_tcp && from_.host_address.empty() ? "local-" : "";
  p += esmtp_ ? "esmtp" : "smtp";
  if (tls_active_) p += 's';
  if (!from_.authenticator.empty()) p += 'a';
  if (opt_.batched) p = "local-bsmtp";
  from_.protocol = p;
}

void Session::forget_advertised() {
  pipelining_advertised_ = early_advertised_ = tls_advertised_ = auth_advertised_ = enhanced_ = false;
  chunking_advertised_ = dsn_advertised_ = prdr_advertised_ = smtputf8_advertised_ = false;
}

namespace {
/// "HOST Hello [IDENT at ]CLIENT[ [ADDRESS]]"; who called from this machine is told with his login.
std::string greeting(const std::string& host, const mail::ReceivedFrom& from, const std::string& login) {
  const std::string& ident = from.ident.empty() && from.host_address.empty() ? login : from.ident;
  const std::string& who = from.host_name.empty() ? from.helo_name : from.host_name;
  return fmt::format("{} Hello {}{}{}{}", host, ident, ident.empty() ? "" : " at ", who,
                     from.host_address.empty() ? "" : fmt::format(" [{}]", from.host_address));
}
}  // namespace

/// "\nLIMITS MAILMAX=1000 RCPTMAX=50000" (RFC 9422); empty when there are none.
std::string Session::limits_keyword() {
  std::string out;
  if (const std::int64_t n = max_messages(); n > 0) out += fmt::format(" MAILMAX={}", n);
  if (const std::int64_t n = recipients_max(scope_); n > 0) out += fmt::format(" RCPTMAX={}", n);
  return out.empty() ? out : "\nLIMITS" + out;
}

bool Session::may_pipeline_early() {
  const auto& m = config_->main;
  return opt_.is_tcp && !effects_.no_pipelining &&
         host_matches(m.pipelining_connect_advertise_hosts, "pipelining_connect_advertise_hosts") &&
         host_matches(m.pipelining_advertise_hosts, "pipelining_advertise_hosts");
}

std::string Session::pipelining_field() const {
  if (!pipelining_advertised_) return {};
  return fmt::format("L{}{}", early_used_ ? "*" : early_advertised_ ? "." : "", pipelined_ ? "" : "-");
}

std::string Session::ehlo_reply() {
  const auto& m = config_->main;
  std::string text = greeting(active_hostname_, from_, opt_.login);
  forget_advertised();
  if (const std::int64_t limit = size_limit(); limit > 0)
    text += fmt::format("\nSIZE {}", limit);
  else
    text += "\nSIZE";
  if (!opt_.batched && host_matches(m.limits_advertise_hosts, "limits_advertise_hosts")) text += limits_keyword();
  if (m.accept_8bitmime) text += "\n8BITMIME";
  if (host_matches(m.dsn_advertise_hosts, "dsn_advertise_hosts")) {
    text += "\nDSN";
    dsn_advertised_ = true;
  }
  if (m.acl_smtp_etrn.is_set()) text += "\nETRN";
  if (m.acl_smtp_vrfy.is_set()) text += "\nVRFY";
  if (m.acl_smtp_expn.is_set()) text += "\nEXPN";
  if (!opt_.is_tcp || host_matches(m.pipelining_advertise_hosts, "pipelining_advertise_hosts")) {
    if (!effects_.no_pipelining) {
      text += "\nPIPELINING";
      pipelining_advertised_ = true;
    }
  }
  if (pipelining_advertised_ && may_pipeline_early()) {
    text += "\nPIPECONNECT";
    early_advertised_ = true;
  }
  if (const std::string mechanisms = auth_mechanisms(); !mechanisms.empty()) {
    text += "\nAUTH" + mechanisms;
    auth_advertised_ = true;
  }
  if (!opt_.batched && host_matches(m.chunking_advertise_hosts, "chunking_advertise_hosts")) {
    text += "\nCHUNKING";
    chunking_advertised_ = true;
  }
  if (opt_.is_tcp && !tls_active_ && host_matches(m.tls_advertise_hosts, "tls_advertise_hosts")) {
    text += "\nSTARTTLS";
    tls_advertised_ = true;
  }
  if (opt_.is_tcp && host_matches(m.enhanced_status_codes_advertise_hosts, "enhanced_status_codes_advertise_hosts")) {
    text += "\nENHANCEDSTATUSCODES";
    enhanced_ = true;
  }
  if (m.prdr_enable && !opt_.batched) {
    text += "\nPRDR";
    prdr_advertised_ = true;
  }
  if (m.accept_8bitmime && host_matches(m.smtputf8_advertise_hosts, "smtputf8_advertise_hosts")) {
    text += "\nSMTPUTF8";
    smtputf8_advertised_ = true;
  }
  text += "\nHELP";
  return text;
}

bool Session::helo_allowed(bool extended) {
  const auto& m = config_->main;
  const auto demanded = opt_.is_tcp ? find_host(m.helo_verify_hosts, "helo_verify_hosts") : false;
  if (!demanded) {
    (void)cannot_tell("helo_verify_hosts");
    give_up_ = true;
    return false;
  }
  const bool must = *demanded;
  if (!must && !(opt_.is_tcp && host_matches(m.helo_try_verify_hosts, "helo_try_verify_hosts"))) return true;
  const dns::Outcome found = acl::verify_helo(scope_);
  if (found == dns::Outcome::found || !must) return true;
  const bool later = found == dns::Outcome::try_again;
  log_line(log::kMain | log::kReject,
           fmt::format("{} {}rejected \"{} {}\": verification {}", host_text(), later ? "temporarily " : "",
                       extended ? "EHLO" : "HELO", printable(from_.helo_name), later ? "deferred" : "failed"));
  from_.helo_name.clear();
  reply(later ? 451 : 550,
        fmt::format("{} verification {}", extended ? "EHLO" : "HELO", later ? "deferred" : "failed"));
  return false;
}

Session::Next Session::cmd_hello(const Command& c, bool extended) {
  const auto& m = config_->main;
  std::string_view name = c.argument;
  if (!is_acceptable_helo(name, m.helo_allow_chars) &&
      !host_matches(m.helo_accept_junk_hosts, "helo_accept_junk_hosts")) {
    log_line(log::kMain | log::kReject,
             fmt::format("rejected {} from {}: syntactically invalid argument(s): {}", extended ? "EHLO" : "HELO",
                         peer(), name.empty() ? "(no argument given)" : printable(c.argument.substr(0, 256))));
    return protocol_error(501, fmt::format("Syntactically invalid {} argument(s)", extended ? "EHLO" : "HELO"),
                          state_.command);
  }
  reset_message();
  esmtp_ = state_.esmtp = extended;
  from_.helo_name = std::string(name);
  state_.helo_verified = state_.helo_verify_failed = state_.helo_verify_tried = false;
  authenticate_by_tls();
  set_protocol();
  // A client that says it is this host: who is it really? A list that cannot be asked is no match.
  trace_.option = "helo_lookup_domains";
  if (opt_.is_tcp && from_.host_name.empty() && m.helo_lookup_domains.is_set())
    if (const auto ours = m.helo_lookup_domains.match_tainted(scope_, from_.helo_name); ours && ours->matched)
      learn_host_name();
  trace_.option = {};
  if (!helo_allowed(extended)) return give_up_ ? Next::close : Next::go_on;
  const acl::Outcome o = run_acl(acl::Hook::helo, m.acl_smtp_helo);
  if (o.verdict != acl::Verdict::accept && o.verdict != acl::Verdict::discard) {
    const Next next = refuse(o, fmt::format("EHLO or HELO {}", printable(from_.helo_name)));
    from_.helo_name.clear();
    return next;
  }
  if (extended) {
    reply(250, ehlo_reply());
  } else {
    forget_advertised();
    reply(250, greeting(active_hostname_, from_, opt_.login));
  }
  return Next::go_on;
}

}  // namespace remex::smtp
