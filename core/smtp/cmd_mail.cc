// MAIL and RCPT (RFC 5321 4.1.1.2, 4.1.1.3) with their parameters (SIZE RFC 1870, BODY RFC 6152, AUTH RFC 4954, DSN RFC
// 3461).

#include <fmt/core.h>

#include "authenticators/authenticator.h"
#include "core/base/strings.h"
#include "core/io/fiber.h"
#include "core/mail/address.h"
#include "core/smtp/fixups.h"
#include "core/smtp/session.h"
#include "lang/rewrite.h"
#include "lang/smtp_ratelimit.h"

namespace remex::smtp {

namespace {
constexpr std::size_t kMaxShownPath = 400;  ///< of a bad address, in a reply
constexpr std::size_t kMaxEnvid = 100;      ///< RFC 3461 4.4
constexpr std::size_t kMaxOrcpt = 500;      ///< RFC 3461 4.2

/// "FROM:..." or "FROM :...", whatever follows.
bool has_keyword(std::string_view argument, std::string_view word) {
  return istarts_with(argument, word) && trim_left(argument.substr(word.size())).starts_with(':');
}

/// <<a@b>> as <a@b> when strip_excess_angle_brackets allows it.
std::string stripped(std::string_view path, const lang::MainOptions& m) {
  while (m.strip_excess_angle_brackets && path.starts_with("<<") && path.ends_with(">>"))
    path = path.substr(1, path.size() - 2);
  return std::string(path);
}
}  // namespace

std::int64_t Session::size_limit() { return message_size_limit(scope_, *server_.log); }

bool Session::parameter_error(int code, std::string_view text) {
  if (protocol_error(code, text, state_.command) == Next::close) give_up_ = true;
  return false;
}

bool Session::mail_parameters(const PathCommand& pc) {
  for (const Parameter& p : pc.parameters) {
    bool ok = true;
    if (p.keyword == "SIZE") {
      const auto n = parse_uint(p.value);
      ok = n.has_value() && *n < (std::uint64_t{1} << 60);
      if (ok) state_.declared_size = static_cast<std::int64_t>(*n);
    } else if (p.keyword == "BODY") {
      ok = config_->main.accept_8bitmime && (iequals(p.value, "7BIT") || iequals(p.value, "8BITMIME"));
      if (ok) envelope_.body_type = to_upper(p.value);
    } else if (p.keyword == "AUTH") {
      auto v = decode_xtext(p.value);
      ok = v.has_value();
      // Believed only from an authenticated client (RFC 4954 5), and when acl_smtp_mailauth agrees.
      if (ok && !from_.authenticator.empty() && *v != "<>") {
        from_.authenticated_sender = *v;
        if (!mail_auth_holds() ||
            run_acl(acl::Hook::mailauth, config_->main.acl_smtp_mailauth).verdict != acl::Verdict::accept) {
          from_.authenticated_sender.clear();
          log_line(log::kMain, fmt::format("{} ignoring AUTH={} from MAIL command", host_text(), printable(*v)));
        }
      }
    } else if (p.keyword == "RET" && dsn_advertised_) {
      ok = iequals(p.value, "FULL") || iequals(p.value, "HDRS");
      if (ok) envelope_.dsn_ret = to_upper(p.value);
    } else if (p.keyword == "ENVID" && dsn_advertised_) {
      ok = !p.value.empty() && p.value.size() <= kMaxEnvid && decode_xtext(p.value).has_value();
      if (ok) envelope_.dsn_envid = p.value;
    } else if (p.keyword == "PRDR" && prdr_advertised_) {
      ok = !p.has_value;
      prdr_requested_ = true;
    } else if (p.keyword == "SMTPUTF8" && smtputf8_advertised_) {
      ok = !p.has_value;  // RFC 6531 3.4
      envelope_.smtputf8 = true;
    } else {
      return parameter_error(555, fmt::format("{}: unsupported parameter", printable(p.keyword)));
    }
    if (!ok) {
      return parameter_error(501, fmt::format("{}: invalid parameter value", printable(p.keyword)));
    }
  }
  return true;
}

/// server_mail_auth_condition of the authenticator in use; unset agrees.
bool Session::mail_auth_holds() {
  for (const auto& a : config_->authenticators) {
    if (a.name != from_.authenticator) continue;
    const auto& condition = authenticators::generic(a).server_mail_auth_condition;
    if (!condition.is_set()) return true;
    auto v = condition.eval(scope_);
    return v && lang::is_loosely_true(v->view());
  }
  return true;
}

/// NOTIFY= and ORCPT= (RFC 3461 4.1, 4.2); anything else is unknown.
bool Session::rcpt_parameters(const PathCommand& pc, mail::Recipient& r) {
  for (const Parameter& p : pc.parameters) {
    bool ok = true;
    if (p.keyword == "NOTIFY" && dsn_advertised_) {
      for (const std::string_view word : split(p.value, ',')) {
        static constexpr std::pair<std::string_view, std::uint32_t> kBits[] = {
            {"NEVER", 1}, {"SUCCESS", 2}, {"FAILURE", 4}, {"DELAY", 8}};
        std::uint32_t bit = 0;
        for (const auto& [name, value] : kBits)
          if (iequals(name, word)) bit = value;
        ok = ok && bit != 0 && (r.dsn_notify & bit) == 0;
        r.dsn_notify |= bit;
      }
      ok = ok && ((r.dsn_notify & 1U) == 0 || r.dsn_notify == 1);  // NEVER stands alone
    } else if (p.keyword == "ORCPT" && dsn_advertised_) {
      const std::size_t semicolon = p.value.find(';');
      ok = semicolon != std::string::npos && semicolon > 0 && semicolon + 1 < p.value.size() &&
           p.value.size() <= kMaxOrcpt && decode_xtext(p.value.substr(semicolon + 1)).has_value();
      for (const char ch : p.value.substr(0, ok ? semicolon : 0)) ok = ok && (is_alnum(ch) || ch == '-');
      if (ok) r.orcpt = p.value;
    } else {
      reply(555, fmt::format("{}: unsupported parameter", printable(p.keyword)));
      note_rcpt_error("555 unsupported parameter");
      return false;
    }
    if (!ok) {
      const std::string text = fmt::format("{}: invalid parameter value", printable(p.keyword));
      reply(501, text);
      note_rcpt_error("501 " + text);
      return false;
    }
  }
  return true;
}

/// "threshold,initial delay,factor,maximum": commands beyond the threshold wait longer and longer.
void Session::slow_down(const std::string& option, int count) {
  if (option.empty() || !opt_.is_tcp || server_.fake ||
      !host_matches(config_->main.smtp_ratelimit_hosts, "smtp_ratelimit_hosts"))
    return;
  const lang::RateLimit limit = lang::parse_rate_limit(option).value_or(lang::RateLimit());
  const double delay = limit.delay_ms(count);
  if (delay < 1 || !flush()) return;
  (void)io::sleep_for(Millis(static_cast<std::int64_t>(delay)));
}

/// The disks can take a message of the declared size and stay above what check_spool_space and its like say.
Status Session::disk_room() {
  if (server_.store == nullptr) return {};
  const std::int64_t declared =
      config_->main.smtp_check_spool_space ? std::max<std::int64_t>(0, state_.declared_size) : 0;
  return scope_.services->room_for(declared);
}

Session::Next Session::bad_address(std::string_view path, const Error& e) {
  return protocol_error(501, fmt::format("{}: {}", printable(path.substr(0, kMaxShownPath)), e.text), state_.command);
}

std::int64_t Session::max_messages() {
  const lang::Expansion& e = config_->main.smtp_accept_max_per_connection;
  if (!e.is_set()) return 0;
  const auto v = e.eval(scope_);
  return v ? parse_int(trim(v->view())).value_or(0) : 0;
}

Session::Next Session::cmd_mail(const Command& c) {
  const auto& m = config_->main;
  // What does not begin "MAIL FROM:" is no command at all.
  auto pc = parse_path_command(c.argument, "FROM:");
  if (!pc && !has_keyword(c.argument, "FROM")) return unknown_command();
  if (in_transaction_) return protocol_error(503, "sender already given", state_.command);
  if (from_.helo_name.empty() && !opt_.batched &&
      find_host(m.hosts_require_helo, "hosts_require_helo").value_or(true)) {
    log_line(log::kMain | log::kReject, fmt::format("rejected MAIL from {}: no HELO/EHLO given", peer()));
    reply(503, "HELO or EHLO required");
    return Next::go_on;
  }
  if (from_.protocol.empty()) set_protocol();
  if (!pc) return protocol_error(501, pc.error().text, state_.command);
  slow_down(m.smtp_ratelimit_mail, mail_commands_ + 1);
  if (pc->path.empty()) return protocol_error(501, "MAIL must have an address operand", state_.command);
  if (const std::int64_t max = max_messages(); opt_.is_tcp && max > 0 && mail_commands_ >= max) {
    reply(421, "too many messages in this connection");
    close_reason_ = "bad-commands";
    log_line(log::kMain | log::kReject,
             fmt::format("rejected MAIL command {}: too many messages in one connection", host_text()));
    return Next::close;
  }
  ++mail_commands_;
  reset_message();  // nothing of a MAIL that was refused may survive (SIZE=, BODY=, acl_m variables)
  if (!mail_parameters(*pc)) return give_up_ ? Next::close : Next::go_on;
  const std::int64_t limit = size_limit();
  if (limit > 0 && state_.declared_size > limit) {
    reply(552, "Message size exceeds maximum permitted");
    if (server_.log->on(log::Selector::size_reject))
      log_line(log::kMain | log::kReject, fmt::format("rejected MAIL FROM:{} {}: message too big: size={} max={}",
                                                      printable(pc->path), host_text(), state_.declared_size, limit));
    return Next::go_on;
  }
  mail::PathOptions po;
  po.allow_null = true;
  po.role = "sender";
  po.allow_utf8 = envelope_.smtputf8 || m.allow_utf8_domains;
  po.allow_unqualified = qualifies_local() || host_matches(m.sender_unqualified_hosts, "sender_unqualified_hosts");
  po.allow_domain_literal = m.allow_domain_literals;
  po.strip_trailing_dot = m.strip_trailing_dot;
  const std::string path = lang::Rewriter(scope_, config_->rewrite).smtp_path(stripped(pc->path, m), true);
  auto addr = mail::parse_path(path, po);
  if (!addr) return bad_address(path, addr.error());
  if (addr->domain.empty() && !addr->local_part.empty())
    addr->domain = qualify_domain(*config_, server_.primary_hostname);
  if (const Status room = disk_room(); !room) {
    reply(452, "Space shortage, please try later");
    log_line(log::kMain, room.error().text);
    return Next::go_on;
  }
  envelope_.sender = addr->str();
  if (prdr_requested_) scope_.extra["prdr_requested"] = "yes";
  const acl::Outcome o = run_acl(acl::Hook::mail, m.acl_smtp_mail);
  if (o.verdict != acl::Verdict::accept && o.verdict != acl::Verdict::discard) {
    const Next next = refuse(o, fmt::format("MAIL <{}>", printable(envelope_.sender)));
    envelope_.sender.clear();
    return next;
  }
  in_transaction_ = true;
  discarded_sender_ = o.verdict == acl::Verdict::discard;
  reply(reply_from_acl(o, 250, prdr_requested_ ? "OK, PRDR Requested" : "OK", *server_.log));
  return Next::go_on;
}

void Session::note_rcpt_error(std::string_view text) {
  if (rcpt_error_.empty())
    rcpt_error_ = text.substr(0, 512);
  else
    rcpt_errors_differ_ = rcpt_errors_differ_ || rcpt_error_ != text.substr(0, 512);
}

Session::Next Session::too_many_recipients(std::int64_t max) {
  const bool reject = config_->main.recipients_max_reject;
  ++(reject ? state_.rcpt_fail_count : state_.rcpt_defer_count);
  too_many_rcpt_ = too_many_rcpt_ || reject;
  reply(reject ? 552 : 452, "too many recipients");
  if (state_.rcpt_count == max + 1)
    log_line(log::kMain | log::kReject, fmt::format("too many recipients: {}: sender=<{}> {}",
                                                    reject ? "message rejected" : "excess temporarily rejected",
                                                    printable(envelope_.sender), host_text()));
  return Next::go_on;
}

/// The recipient was accepted or discarded: the client hears the same.
void Session::answer_rcpt(const acl::Outcome& o, const lang::AddressState& a) {
  accepted_any_rcpt_ = true;
  if (o.verdict == acl::Verdict::accept) {
    mail::Recipient r = std::move(rcpt_dsn_);
    r.address = a.address;
    envelope_.recipients.push_back(std::move(r));
  } else {
    discarded_rcpts_.emplace_back(envelope_.recipients.size(), a.address);
    log_line(log::kMain | log::kReject,
             fmt::format("{} F=<{}> RCPT <{}>: discarded by {} ACL{}{}", host_text(), printable(envelope_.sender),
                         printable(a.address), discarded_sender_ ? "MAIL" : "RCPT", o.log_message.empty() ? "" : ": ",
                         printable(o.log_message)));
  }
  reply(reply_from_acl(o, 250, "Accepted", *server_.log));
}

/// With cut-through delivery the client hears at RCPT what the next host says to the recipient. Only its refusal
/// counts: an address that goes nowhere now is queued.
void Session::refused_by_next_host(const std::string& address, acl::Outcome& o) {
  if (server_.fake || prdr_requested_) return;
  const auto v = services_.verify_recipient(scope_, address, "callout=30s,use_sender,no_cache");
  if (v.kind != lang::VerifyOutcome::Kind::fail || v.failure == "route") return;
  o.verdict = acl::Verdict::deny;
  o.user_message = v.user_message;
  o.log_message = v.log_message;
}

Session::Next Session::cmd_rcpt(const Command& c) {
  const auto& m = config_->main;
  auto pc = parse_path_command(c.argument, "TO:");
  if (!pc && !has_keyword(c.argument, "TO")) return unknown_command();
  if (!in_transaction_) {
    note_rcpt_error("503 sender not yet given");
    return protocol_error(503, "sender not yet given", state_.command);
  }
  if (bdat_ != nullptr) return protocol_error(503, "only BDAT permissible after non-LAST BDAT", state_.command);
  ++state_.rcpt_count;
  const auto syntax = [&](int code, const std::string& text) {
    ++state_.rcpt_fail_count;
    note_rcpt_error(text);
    return protocol_error(code, text, state_.command);
  };
  if (!pc) return syntax(501, pc.error().text);
  if (pc->path.empty()) return syntax(501, "RCPT must have an address operand");
  rcpt_dsn_ = mail::Recipient();
  if (!rcpt_parameters(*pc, rcpt_dsn_)) {
    ++state_.rcpt_fail_count;
    return Next::go_on;
  }
  slow_down(m.smtp_ratelimit_rcpt, state_.rcpt_count);
  mail::PathOptions po;
  po.allow_postmaster = true;  // RFC 5321 4.5.1
  po.allow_utf8 = envelope_.smtputf8 || m.allow_utf8_domains;
  po.allow_unqualified =
      qualifies_local() || host_matches(m.recipient_unqualified_hosts, "recipient_unqualified_hosts");
  po.allow_domain_literal = m.allow_domain_literals;
  po.strip_trailing_dot = m.strip_trailing_dot;
  const std::string path = lang::Rewriter(scope_, config_->rewrite).smtp_path(stripped(pc->path, m), false);
  auto addr = mail::parse_path(path, po);
  if (!addr) return syntax(501, fmt::format("{}: {}", printable(path.substr(0, kMaxShownPath)), addr.error().text));
  lang::AddressState a;
  a.address = addr->str();
  if (addr->domain.empty()) {
    // A bare postmaster reaches the RCPT ACL unqualified, as Exim does: its domain is empty there.
    if (!iequals(addr->local_part, "postmaster") || po.allow_unqualified) {
      addr->domain = qualify_recipient(*config_, server_.primary_hostname);
      a.address = addr->str();
    }
  }
  const std::int64_t max = recipients_max(scope_);
  if (max > 0 && state_.rcpt_count > max) return too_many_recipients(max);
  a.cased_local_part = mail::unquote_local_part(addr->local_part);
  a.local_part = to_lower(a.cased_local_part);
  a.domain = to_lower(addr->domain);
  acl::Outcome o;
  {
    struct Guard {
      lang::Scope& scope;
      ~Guard() { scope.address = nullptr; }
    } const guard{scope_};
    scope_.address = &a;
    scope_.acl_domain_data = scope_.acl_local_part_data = scope_.recipient_data = Text();
    scope_.recipient_verify_failure.clear();
    if (discarded_sender_)
      o.verdict = acl::Verdict::discard;
    else
      o = run_acl(acl::Hook::rcpt, m.acl_smtp_rcpt);
  }
  if (o.verdict == acl::Verdict::accept && effects_.cutthrough) refused_by_next_host(a.address, o);
  if (o.verdict == acl::Verdict::accept || o.verdict == acl::Verdict::discard) {
    if (addr->domain.empty()) a.address += "@" + qualify_recipient(*config_, server_.primary_hostname);
    answer_rcpt(o, a);
    return Next::go_on;
  }
  ++(o.verdict == acl::Verdict::defer ? state_.rcpt_defer_count : state_.rcpt_fail_count);
  return refuse(o, fmt::format("RCPT <{}>", printable(a.address)), true);
}

}  // namespace remex::smtp
