// RSET QUIT VRFY HELP.

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
  text += " HELO EHLO MAIL RCPT DATA BDAT NOOP QUIT RSET HELP";
  if (config_->main.acl_smtp_etrn.is_set()) text += " ETRN";
  if (config_->main.acl_smtp_expn.is_set()) text += " EXPN";
  if (config_->main.acl_smtp_vrfy.is_set()) text += " VRFY";
  reply(214, text);
  return Next::go_on;
}

Session::Next Session::cmd_vrfy(const Command& c) {
  if (c.argument.empty()) return protocol_error(501, "empty address", state_.command);
  const acl::Outcome o = run_acl(acl::Hook::vrfy, config_->main.acl_smtp_vrfy);
  if (o.verdict != acl::Verdict::accept) {
    // The same answer for every address: nothing to be learnt (RFC 5321 3.5.3).
    log_line(log::kMain | log::kReject, fmt::format("{} rejected VRFY {}", host_text(), printable(c.argument)));
    reply(252, "Administrative prohibition");
    return Next::go_on;
  }
  std::string_view text = c.argument;  // RFC 6531 3.7.4.2: "VRFY user SMTPUTF8"
  if (const auto blank = text.find(' ');
      smtputf8_advertised_ && blank != std::string_view::npos && iequals(trim(text.substr(blank)), "SMTPUTF8"))
    text = text.substr(0, blank);
  mail::PathOptions po;
  po.allow_unqualified = true;
  po.allow_utf8 = smtputf8_advertised_;
  auto addr = mail::parse_path(text, po);
  if (!addr) return protocol_error(501, addr.error().text, state_.command);
  if (addr->domain.empty()) addr->domain = qualify_recipient(*config_, server_.primary_hostname);
  const lang::VerifyOutcome v = services_.verify_recipient(scope_, addr->str(), {});
  switch (v.kind) {
    case lang::VerifyOutcome::Kind::ok: reply(250, fmt::format("<{}> is deliverable", printable(addr->str()))); break;
    case lang::VerifyOutcome::Kind::defer:
      reply(451, fmt::format("<{}> could not be resolved at this time", printable(addr->str())));
      break;
    case lang::VerifyOutcome::Kind::fail:
      log_line(log::kMain, fmt::format("VRFY failed for {} {}", printable(c.argument), host_text()));
      reply(550, fmt::format("<{}> {}", printable(addr->str()),
                             v.user_message.empty() ? "Unrouteable address" : v.user_message));
      break;
  }
  return Next::go_on;
}

}  // namespace remex::smtp
