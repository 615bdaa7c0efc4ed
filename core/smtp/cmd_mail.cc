// MAIL and RCPT (RFC 5321 4.1.1.2, 4.1.1.3) with their parameters (SIZE RFC 1870, BODY RFC 6152, AUTH RFC 4954, DSN RFC 3461).

#include <fmt/core.h>

#include "core/base/strings.h"
#include "core/mail/address.h"
#include "core/smtp/fixups.h"
#include "core/smtp/session.h"

namespace remex::smtp {

std::int64_t Session::size_limit() {
  const lang::Expansion& e = config_->main.message_size_limit;
  if (!e.is_set()) return std::int64_t{50} * 1024 * 1024;
  auto v = e.eval(scope_);
  if (!v) {
    log_line(log::kMain | log::kPanic, fmt::format("unable to expand message_size_limit: {}", v.error().text));
    return std::int64_t{50} * 1024 * 1024;
  }
  std::string_view t = trim(v->view());
  std::int64_t scale = 1;
  if (!t.empty()) {
    const char last = ascii_lower(t.back());
    scale = last == 'k' ? 1024 : last == 'm' ? 1024 * 1024 : last == 'g' ? 1024 * 1024 * 1024 : 1;
    if (scale != 1) t.remove_suffix(1);
  }
  const auto n = parse_int(t);
  if (!n || *n < 0 || *n > (std::int64_t{1} << 50) / scale) {
    log_line(log::kMain | log::kPanic, fmt::format("invalid message_size_limit \"{}\"", printable(v->view())));
    return std::int64_t{50} * 1024 * 1024;
  }
  return *n * scale;
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
      // Believed only from an authenticated client (RFC 4954 5).
      if (ok && !from_.authenticator.empty() && *v != "<>") from_.authenticated_sender = *v;
    } else {
      reply(555, fmt::format("{}: unsupported parameter", printable(p.keyword)));
      return false;
    }
    if (!ok) {
      reply(501, fmt::format("{}: invalid parameter value", printable(p.keyword)));
      return false;
    }
  }
  return true;
}

/// The spool can take a message of the declared size and stay above check_spool_space.
bool Session::spool_space_ok() {
  if (server_.store == nullptr || !config_->main.smtp_check_spool_space) return true;
  const auto space = scope_.services->spool_space();
  if (space < 0) return true;
  const std::int64_t declared = std::max<std::int64_t>(0, state_.declared_size) / 1024;
  return space - declared >= config_->main.check_spool_space / 1024;
}

Session::Next Session::cmd_mail(const Command& c) {
  const auto& m = config_->main;
  if (in_transaction_) return protocol_error(503, "sender already given", state_.command);
  if (from_.helo_name.empty() && opt_.is_tcp && host_matches(m.hosts_require_helo)) return protocol_error(503, "HELO or EHLO required", state_.command);
  if (from_.protocol.empty()) set_protocol();
  auto pc = parse_path_command(c.argument, "FROM:");
  if (!pc) {
    if (!istarts_with(c.argument, "FROM")) return protocol_error(501, "must have a sender: MAIL FROM:<address>", state_.command);
    return protocol_error(501, pc.error().text, state_.command);
  }
  if (m.smtp_accept_max_per_connection.is_set() && opt_.is_tcp)
    if (auto v = m.smtp_accept_max_per_connection.eval(scope_))
      if (const auto max = parse_int(trim(v->view())); max && *max > 0 && mail_commands_ >= *max) {
        reply(421, "too many messages in this connection");
        log_line(log::kMain | log::kReject, fmt::format("rejected MAIL command {}: too many messages in one connection", host_text()));
        return Next::close;
      }
  ++mail_commands_;
  envelope_.sender.clear();
  acl_m_.clear();
  if (!mail_parameters(*pc)) return Next::go_on;
  const std::int64_t limit = size_limit();
  if (limit > 0 && state_.declared_size > limit) {
    reply(552, "Message size exceeds maximum permitted");
    if (server_.log->on(log::Selector::size_reject))
      log_line(log::kMain | log::kReject,
               fmt::format("{} rejected MAIL FROM:{}: message too big: size={} max={}", host_text(), printable(pc->path), state_.declared_size, limit));
    return Next::go_on;
  }
  mail::PathOptions po;
  po.allow_null = true;
  po.allow_unqualified = true;
  po.allow_domain_literal = m.allow_domain_literals;
  po.strip_trailing_dot = m.strip_trailing_dot;
  auto addr = mail::parse_path(pc->path, po);
  if (!addr) {
    log_line(log::kMain | log::kReject, fmt::format("{} rejected MAIL: {}", host_text(), addr.error().text));
    return protocol_error(501, addr.error().text, state_.command);
  }
  if (addr->domain.empty() && !addr->local_part.empty()) {
    if (opt_.is_tcp && !host_matches(m.sender_unqualified_hosts)) {
      log_line(log::kMain | log::kReject, fmt::format("{} rejected MAIL: unqualified sender rejected: <{}>", host_text(), printable(addr->str())));
      reply(501, fmt::format("<{}>: sender address must contain a domain", printable(addr->str())));
      return Next::go_on;
    }
    addr->domain = qualify_domain(*config_, server_.primary_hostname);
  }
  if (!spool_space_ok()) {
    reply(452, "space shortage, please try later");
    log_line(log::kMain, fmt::format("{} temporarily rejected MAIL: space shortage on the spool", host_text()));
    return Next::go_on;
  }
  envelope_.sender = addr->str();
  if (!opt_.sender_override.empty()) envelope_.sender = opt_.sender_override == "<>" ? "" : opt_.sender_override;
  const acl::Outcome o = run_acl(acl::Hook::mail, m.acl_smtp_mail);
  if (o.verdict != acl::Verdict::accept && o.verdict != acl::Verdict::discard) {
    const std::string what = fmt::format("MAIL FROM:<{}>", printable(envelope_.sender));
    const Next next = refuse(o, what);
    envelope_.sender.clear();
    return next;
  }
  in_transaction_ = true;
  discarded_sender_ = o.verdict == acl::Verdict::discard;
  effects_.discarded = discarded_sender_;
  reply(250, o.user_message.empty() ? "OK" : reply_from_acl(o, 250, "OK", *server_.log).text);
  return Next::go_on;
}

Session::Next Session::cmd_rcpt(const Command& c) {
  const auto& m = config_->main;
  if (!in_transaction_) return protocol_error(503, "sender not yet given", state_.command);
  auto pc = parse_path_command(c.argument, "TO:");
  if (!pc) {
    if (!istarts_with(c.argument, "TO")) return protocol_error(501, "must have a recipient: RCPT TO:<address>", state_.command);
    return protocol_error(501, pc.error().text, state_.command);
  }
  if (!pc->parameters.empty()) {
    reply(555, fmt::format("{}: unsupported parameter", printable(pc->parameters.front().keyword)));
    return Next::go_on;
  }
  ++state_.rcpt_count;
  mail::PathOptions po;
  po.allow_unqualified = true;
  po.allow_domain_literal = m.allow_domain_literals;
  po.strip_trailing_dot = m.strip_trailing_dot;
  auto addr = mail::parse_path(pc->path, po);
  if (!addr) {
    ++state_.rcpt_fail_count;
    log_line(log::kMain | log::kReject, fmt::format("{} F=<{}> rejected RCPT: {}", host_text(), printable(envelope_.sender), addr.error().text));
    return protocol_error(501, addr.error().text, state_.command);
  }
  if (addr->domain.empty()) {
    const bool postmaster = iequals(addr->local_part, "postmaster");  // RFC 5321 4.5.1
    if (opt_.is_tcp && !postmaster && !host_matches(m.recipient_unqualified_hosts)) {
      ++state_.rcpt_fail_count;
      log_line(log::kMain | log::kReject, fmt::format("{} F=<{}> rejected RCPT: unqualified recipient rejected: <{}>", host_text(), printable(envelope_.sender), printable(addr->str())));
      reply(501, fmt::format("<{}>: recipient address must contain a domain", printable(addr->str())));
      return Next::go_on;
    }
    addr->domain = qualify_recipient(*config_, server_.primary_hostname);
  }
  std::int64_t max = 50000;
  if (m.recipients_max.is_set())
    if (auto v = m.recipients_max.eval(scope_)) max = parse_int(trim(v->view())).value_or(max);
  if (max > 0 && state_.rcpt_count > max) {
    if (m.recipients_max_reject) {
      ++state_.rcpt_fail_count;
      reply(552, "too many recipients");
    } else {
      ++state_.rcpt_defer_count;
      reply(452, "too many recipients");
    }
    if (state_.rcpt_count == max + 1) log_line(log::kMain | log::kReject, fmt::format("too many recipients ({}) from {}", max, host_text()));
    return Next::go_on;
  }
  lang::AddressState a;
  a.address = addr->str();
  a.cased_local_part = addr->local_part;
  a.local_part = to_lower(addr->local_part);
  a.domain = to_lower(addr->domain);
  scope_.address = &a;
  scope_.acl_domain_data = scope_.acl_local_part_data = scope_.recipient_data = Text();
  effects_.discarded = discarded_sender_;
  acl::Outcome o;
  if (discarded_sender_) o.verdict = acl::Verdict::discard;
  else if (!opt_.is_tcp && !m.acl_smtp_rcpt.is_set()) o.verdict = acl::Verdict::accept;
  else o = run_acl(acl::Hook::rcpt, m.acl_smtp_rcpt);
  scope_.address = nullptr;
  switch (o.verdict) {
    case acl::Verdict::accept:
    case acl::Verdict::discard: {
      accepted_any_rcpt_ = true;
      if (o.verdict == acl::Verdict::accept) {
        mail::Recipient r;
        r.address = a.address;
        envelope_.recipients.push_back(std::move(r));
      } else {
        log_line(log::kMain | log::kReject, fmt::format("{} F=<{}> rejected RCPT <{}>: discarded by {} ACL{}{}", host_text(), printable(envelope_.sender),
                                                        printable(a.address), discarded_sender_ ? "MAIL" : "RCPT", o.log_message.empty() ? "" : ": ", printable(o.log_message)));
      }
      effects_.discarded = false;
      reply(250, o.user_message.empty() ? "Accepted" : reply_from_acl(o, 250, "Accepted", *server_.log).text);
      return Next::go_on;
    }
    case acl::Verdict::defer: ++state_.rcpt_defer_count; break;
    default: ++state_.rcpt_fail_count; break;
  }
  return refuse(o, fmt::format("RCPT <{}>", printable(a.address)));
}

}  // namespace remex::smtp
