// RSET QUIT VRFY EXPN HELP ETRN.

#include <fmt/core.h>

#include "core/base/strings.h"
#include "core/mail/address.h"
#include "core/smtp/fixups.h"
#include "core/smtp/session.h"

namespace remex::smtp {

Session::Next Session::cmd_rset() {
  reset_message();
  reply(250, "Reset OK");
  return Next::go_on;
}

Session::Next Session::cmd_quit() {
  quit_ = true;
  std::string text = active_hostname_ + " closing connection";
  if (config_->main.acl_smtp_quit.is_set()) {
    const acl::Outcome o = run_acl(acl::Hook::quit, config_->main.acl_smtp_quit);
    if (!o.user_message.empty()) text = o.user_message;
  }
  reply(221, text);
  return Next::close;
}

Session::Next Session::cmd_help() {
  std::string text = "Commands supported:\nAUTH";
  if (tls_advertised_) text += " STARTTLS";
  text += " HELO EHLO MAIL RCPT DATA NOOP QUIT RSET HELP";
  if (config_->main.acl_smtp_etrn.is_set()) text += " ETRN";
  if (config_->main.acl_smtp_expn.is_set()) text += " EXPN";
  if (config_->main.acl_smtp_vrfy.is_set()) text += " VRFY";
  reply(214, text);
  return Next::go_on;
}

Session::Next Session::cmd_vrfy(const Command& c, bool expn) {
  const auto& m = config_->main;
  if (c.argument.empty()) return protocol_error(501, "empty address", state_.command);
  const lang::Expansion& option = expn ? m.acl_smtp_expn : m.acl_smtp_vrfy;
  const acl::Outcome o = run_acl(expn ? acl::Hook::expn : acl::Hook::vrfy, option);
  if (o.verdict != acl::Verdict::accept) {
    if (expn) return refuse(o, fmt::format("EXPN {}", printable(c.argument)));
    // The same answer for every address: nothing to be learnt (RFC 5321 3.5.3).
    log_line(log::kMain | log::kReject, fmt::format("{} rejected VRFY {}", host_text(), printable(c.argument)));
    reply(252, "Administrative prohibition");
    return Next::go_on;
  }
  mail::PathOptions po;
  po.allow_unqualified = true;
  auto addr = mail::parse_path(c.argument, po);
  if (!addr) return protocol_error(501, addr.error().text, state_.command);
  if (addr->domain.empty()) addr->domain = qualify_recipient(*config_, server_.primary_hostname);
  const lang::VerifyOutcome v = services_.verify_recipient(scope_, addr->str(), {});
  switch (v.kind) {
    case lang::VerifyOutcome::Kind::ok:
      reply(250, fmt::format("<{}> {}", printable(addr->str()), expn ? "" : "is deliverable"));
      break;
    case lang::VerifyOutcome::Kind::defer:
      reply(451, fmt::format("<{}> {}", printable(addr->str()), "could not be resolved at this time"));
      break;
    case lang::VerifyOutcome::Kind::fail:
      log_line(log::kMain,
               fmt::format("{} failed for {} {}", expn ? "EXPN" : "VRFY", printable(c.argument), host_text()));
      reply(550, fmt::format("<{}> {}", printable(addr->str()),
                             v.user_message.empty() ? "Unrouteable address" : v.user_message));
      break;
  }
  return Next::go_on;
}

Session::Next Session::cmd_etrn(const Command& c) {
  if (in_transaction_) return protocol_error(503, "ETRN is not permitted inside a transaction", state_.command);
  if (server_.log->on(log::Selector::etrn))
    log_line(log::kMain, fmt::format("ETRN {} received from {}", printable(c.argument), peer()));
  const acl::Outcome o = run_acl(acl::Hook::etrn, config_->main.acl_smtp_etrn);
  if (o.verdict != acl::Verdict::accept) {
    if (o.verdict != acl::Verdict::deny || !o.user_message.empty())
      return refuse(o, fmt::format("ETRN {}", printable(c.argument)));
    log_line(log::kMain | log::kReject, fmt::format("{} rejected ETRN {}", host_text(), printable(c.argument)));
    reply(458, "Administrative prohibition");  // RFC 1985 5.2
    return Next::go_on;
  }
  reply(458, "ETRN is not available");
  return Next::go_on;
}

}  // namespace remex::smtp
