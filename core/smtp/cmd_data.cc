// DATA (RFC 5321 4.1.1.4): predata ACL, 354, the bytes, the verdict. A client that vanishes before the final dot leaves
// nothing.

#include <fmt/core.h>

#include <algorithm>

#include "core/base/strings.h"
#include "core/io/fiber.h"
#include "core/smtp/fixups.h"
#include "core/smtp/session.h"

namespace remex::smtp {

namespace {
constexpr std::size_t kMinProgress = 4096;
}  // namespace

/// Feeds the reader until the end of data. False: the session is over. Every smtp_receive_timeout at least kMinProgress
/// octets must come: one octet now and then does not keep a session alive.
bool Session::receive_data(DataReader& data) {
  const Millis timeout = receive_timeout();
  auto window_ends = monotonic_now() + timeout;
  std::size_t in_window = 0;
  while (!data.finished()) {
    if (monotonic_now() >= window_ends) {
      if (in_window < kMinProgress && opt_.is_tcp && !opt_.stdio) return data_lost(ErrorKind::timed_out);
      window_ends = monotonic_now() + timeout;
      in_window = 0;
    }
    const io::DeadlineScope deadline(timeout);
    auto bytes = reader_.peek();
    if (!bytes) return data_lost(bytes.error().kind);
    if (bytes->empty()) {
      return data_lost(ErrorKind::closed);
    }
    in_window += bytes->size();
    const std::size_t used = data.feed(*bytes);
    if (opt_.batched)
      batch_line_ += static_cast<std::size_t>(
          std::count(bytes->begin(), bytes->begin() + static_cast<std::ptrdiff_t>(used), '\n'));
    reader_.consume(used);
  }
  return true;
}

bool Session::data_lost(ErrorKind why) {
  if (why == ErrorKind::timed_out) {
    reply(421, active_hostname_ + " SMTP incoming data timeout - closing connection.");
    log_line(log::kMain, fmt::format("SMTP data timeout (message abandoned) on connection from {} F=<{}>", peer(),
                                     printable(envelope_.sender)));
    close_reason_ = "data-timeout";
  } else if (why == ErrorKind::cancelled) {
    reply(421, active_hostname_ + ": server is shutting down - closing connection");
    close_reason_ = "signal-exit";
  } else {
    ++batch_line_;  // the line that is missing
    reply(421, "Lost incoming connection");
    server_.log->write(log::kMain, "",
                       fmt::format("SMTP connection from {} lost while reading message data{}", peer(),
                                   receiving_ != nullptr && receiving_->in_header() ? " (header)" : ""));
    close_reason_ = "connection-lost";
  }
  return false;
}

void Session::take_local_sender() {
  if (opt_.is_tcp || server_.fake || opt_.trusted || opt_.login.empty()) return;
  const auto& permitted = config_->main.untrusted_set_sender;
  if (permitted.is_set() && !envelope_.sender.empty()) {
    const auto found = permitted.match(scope_, Text::tainted(envelope_.sender));
    if (found && found->matched) return;
  }
  envelope_.sender = opt_.login + "@" + qualify_domain(*config_, server_.primary_hostname);
}

/// What the session knows about how the message shall be handled.
void Session::prepare_reception(Reception& reception) {
  const auto& m = config_->main;
  take_local_sender();
  reception.load_latch = &load_latch_;
  reception.discarded_by = discarded_sender_ ? "MAIL" : !discarded_rcpts_.empty() ? "RCPT" : "";
  if (m.smtp_accept_queue_per_connection > 0 && accepted_messages_ >= m.smtp_accept_queue_per_connection)
    reception.leave_queued =
        fmt::format("more than {} messages received in one connection", m.smtp_accept_queue_per_connection);
  else if (m.smtp_accept_queue > 0 && state_.connection_count_at_start > m.smtp_accept_queue)
    reception.leave_queued =
        fmt::format("too many connections ({}, max {})", state_.connection_count_at_start, m.smtp_accept_queue);
  if (qualifies_local() || host_matches(m.sender_unqualified_hosts, "sender_unqualified_hosts"))
    reception.header_sender_domain = qualify_domain(*config_, server_.primary_hostname);
  if (qualifies_local() || host_matches(m.recipient_unqualified_hosts, "recipient_unqualified_hosts"))
    reception.header_recipient_domain = qualify_recipient(*config_, server_.primary_hostname);
  reception.ignore_from_line =
      opt_.is_tcp ? host_matches(m.ignore_fromline_hosts, "ignore_fromline_hosts") : m.ignore_fromline_local;
  reception.discarded_rcpts = discarded_rcpts_;
  if (prdr_requested_)
    reception.prdr_reply = [this](const Reply& r) {
      reply(r);
      (void)flush();
    };
  if (opt_.trusted) scope_.extra.insert_or_assign("trusted_caller", "1");
  reception.pipelining = pipelining_field();
}

/// The verdict on a whole message goes out and the transaction ends.
Session::Next Session::end_of_message(const Reply& r) {
  free_commands_ = static_cast<std::uint8_t>(free_commands_ & 7U);  // one RSET per message is free
  const bool taken = r.code / 100 == 2;
  if (taken) {
    ++accepted_messages_;
    nonmail_ = 0;
  }
  reply(r);
  if (r.close) close_reason_ = "acl-drop";
  if (taken && server_.fake) {
    (void)flush();
    (void)stream_->write_all("\n**** SMTP testing: that is not a real message id!\n\n");
  }
  reset_message();
  batch_in_data_ = false;
  batch_began_ = batch_line_;
  return r.close ? Next::close : Next::go_on;
}

Session::Next Session::cmd_data(const Command& c) {
  const auto& m = config_->main;
  if (!c.argument.empty()) return protocol_error(501, "unexpected argument data", state_.command);
  if (bdat_ != nullptr || chunk_failed_)
    return protocol_error(503, "DATA not permitted after BDAT", state_.command);  // RFC 3030 2
  if (!accepted_any_rcpt_) {
    std::string text;
    if (!rcpt_error_.empty() && !rcpt_errors_differ_)
      text = "All RCPT commands were rejected with this error:\n" + rcpt_error_ + "\n";
    return protocol_error(
        503, text + (in_transaction_ && !text.empty() ? "Valid" : "valid") + " RCPT command must precede DATA",
        state_.command);
  }
  if (too_many_rcpt_) {
    reply(554, "Too many recipients");
    return Next::go_on;
  }
  const acl::Outcome o = run_acl(acl::Hook::predata, m.acl_smtp_predata);
  if (o.verdict != acl::Verdict::accept) return refuse(o, "DATA");
  reply(354, o.user_message.empty() ? "Enter message, ending with \".\" on a line by itself"
                                    : reply_from_acl(o, 354, "", *server_.log).text);
  if (!flush()) return Next::close;

  Reply r;
  {
    Reception reception(server_, scope_, effects_, size_limit());
    prepare_reception(reception);
    DataReader::Options opt;
    opt.lf_ends_data = opt_.stdio;
    DataReader data(reception, opt);
    receiving_ = &reception;
    batch_in_data_ = true;
    const bool whole = receive_data(data);
    receiving_ = nullptr;
    if (!whole) return Next::close;
    r = reception.complete(data, opt_.batched ? acl::Hook::not_smtp : acl::Hook::data);
  }
  return end_of_message(r);
}

}  // namespace remex::smtp
