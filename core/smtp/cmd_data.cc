// DATA (RFC 5321 4.1.1.4): predata ACL, 354, the bytes, the verdict. A client that vanishes before the final dot leaves nothing.

#include <fmt/core.h>

#include "core/base/strings.h"
#include "core/io/fiber.h"
#include "core/smtp/session.h"

namespace remex::smtp {

/// Feeds the reader until the end of data. False: the session is over.
bool Session::receive_data(DataReader& data) {
  const Millis timeout = receive_timeout();
  while (!data.finished()) {
    const io::DeadlineScope deadline(timeout);
    auto bytes = reader_.peek();
    if (!bytes) {
      if (bytes.error().kind == ErrorKind::timed_out) {
        reply(421, active_hostname_ + ": SMTP incoming data timeout - closing connection.");
        log_line(log::kMain, fmt::format("SMTP data timeout (message abandoned) on connection from {} F=<{}>", host_text(), printable(envelope_.sender)));
      } else if (bytes.error().kind == ErrorKind::cancelled) {
        reply(421, active_hostname_ + " closing connection: server is shutting down");
      } else {
        log_line(log::kMain, fmt::format("SMTP connection lost (message abandoned) from {} F=<{}>: {}", host_text(), printable(envelope_.sender), bytes.error().text));
      }
      return false;
    }
    if (bytes->empty()) {
      if (!opt_.is_tcp && opt_.batched) {
        data.finish();
        return true;
      }
      log_line(log::kMain, fmt::format("unexpected disconnection while reading SMTP data from {} F=<{}>", host_text(), printable(envelope_.sender)));
      return false;
    }
    reader_.consume(data.feed(*bytes));
  }
  return true;
}

Session::Next Session::cmd_data(const Command& c) {
  const auto& m = config_->main;
  if (!c.argument.empty()) return protocol_error(501, "DATA command takes no argument", state_.command);
  if (!in_transaction_) return protocol_error(503, "MAIL or RCPT command must precede DATA", state_.command);
  if (!accepted_any_rcpt_) {
    if (state_.rcpt_count == 0) return protocol_error(503, "valid RCPT command must precede DATA", state_.command);
    reply(503, "valid RCPT command must precede DATA");
    return Next::go_on;
  }
  const acl::Outcome o = run_acl(acl::Hook::predata, m.acl_smtp_predata);
  if (o.verdict != acl::Verdict::accept) return refuse(o, "DATA");
  reply(354, o.user_message.empty() ? "Enter message, ending with \".\" on a line by itself" : reply_from_acl(o, 354, "", *server_.log).text);
  if (!flush()) return Next::close;

  Reply r;
  {
    Reception reception(server_, scope_, effects_, size_limit());
    DataReader::Options opt;
    opt.lf_ends_data = opt_.stdio;
    DataReader data(reception, opt);
    if (!receive_data(data)) return Next::close;
    r = reception.complete(data, acl::Hook::data);
  }
  if (r.code == 250) {
    ++accepted_messages_;
    nonmail_ = 0;
  }
  reply(r);
  if (r.code == 250 && server_.fake) {
    (void)flush();
    (void)stream_->write_all("\n**** SMTP testing: that is not a real message id!\n\n");
  }
  reset_message();
  return r.close ? Next::close : Next::go_on;
}

/// CHUNKING is not offered; the octets are still swallowed, so that they are never read as commands (RFC 3030 2).
Session::Next Session::cmd_bdat(const Command& c) {
  const auto size = parse_uint(c.argument.substr(0, c.argument.find_first_of(" \t")));
  if (!size || *size > (std::uint64_t{1} << 40)) {
    reply(501, "missing or bad size for BDAT command");
    return Next::close;
  }
  std::uint64_t left = *size;
  const Millis timeout = receive_timeout();
  while (left > 0) {
    const io::DeadlineScope deadline(timeout);
    auto bytes = reader_.peek();
    if (!bytes || bytes->empty()) return Next::close;
    const std::size_t n = static_cast<std::size_t>(std::min<std::uint64_t>(left, bytes->size()));
    reader_.consume(n);
    left -= n;
  }
  return protocol_error(503, "BDAT command used when CHUNKING not advertised", state_.command);
}

}  // namespace remex::smtp
