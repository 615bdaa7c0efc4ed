// See smtp_client_util.h: one message over a connection, MAIL to the final answers.
#include <fmt/core.h>

#include <algorithm>

#include "core/base/strings.h"
#include "core/io/fiber.h"
#include "transports/smtp_client_util.h"

namespace remex::transports {
namespace {

constexpr std::size_t kChunk = 64 * 1024;
constexpr std::size_t kBdat = 1024 * 1024;  ///< size of a BDAT chunk that is not the last

void settle(RcptState& rcpt, const SmtpReply& r, std::string_view after, Trouble::Kind kind, bool message_scope) {
  rcpt.code = r.code;
  rcpt.message = fmt::format("SMTP error from remote mail server after {}: {}", after, r.text());
  // A 2xx or 3xx where it makes no sense is the server's confusion, not a refusal: try again later.
  rcpt.fate = r.first() == 5 ? RcptState::Fate::failed : RcptState::Fate::deferred;
  rcpt.trouble = Trouble(kind, r.code);
  rcpt.message_scope = message_scope;
}

/// The trouble came while a recipient was named.
HostTrouble at_rcpt(HostTrouble t) {
  if (t.trouble.kind != Trouble::Kind::timeout) return t;
  t.trouble.kind = Trouble::Kind::rcpt_timeout;
  t.of = HostTrouble::Of::recipient;
  return t;
}

/// The same, to MAIL.
HostTrouble at_mail(HostTrouble t) {
  if (t.trouble.kind == Trouble::Kind::timeout) t.of = HostTrouble::Of::message;
  return t;
}

/// The text was sent to its end.
HostTrouble at_end(HostTrouble t) {
  t.of = HostTrouble::Of::message;
  return t;
}

}  // namespace

HostTrouble SmtpConnection::unreadable_body(const std::string& why) {
  // The message must not be ended as if this were all of it.
  broken_ = true;
  stream_->abort();
  data_sent = false;  // not to its end: the server cannot have it
  HostTrouble t;
  t.trouble = Trouble::Kind::unreadable;
  t.of = HostTrouble::Of::message;
  t.message = fmt::format("cannot read the message body: {}", why);
  return t;
}

template <class Take>
HostResultOf<void> SmtpConnection::each_piece(const TransactionOptions& opt, WireEncoder& encoder, std::string& out,
                                              Take take) {
  encoder.encode(opt.head, out);
  if (opt.body == nullptr) return {};
  const std::string* memory = opt.body->in_memory();
  const std::uint64_t size = opt.body->size();
  for (std::uint64_t at = 0; at < size;) {
    if (memory != nullptr) {
      const std::string_view piece = std::string_view(*memory).substr(at, kChunk);
      encoder.encode(piece, out);
      at += piece.size();
    } else {
      auto piece = io::offload([&] { return opt.body->read(at, kChunk); });
      if (!piece || piece->empty())
        return std::unexpected(unreadable_body(piece ? "it is shorter than recorded" : piece.error().text));
      encoder.encode(*piece, out);
      at += piece->size();
    }
    if (auto taken = take(); !taken) return taken;
  }
  return {};
}

HostResultOf<void> SmtpConnection::send_body(const TransactionOptions& opt) {
  data_sent = true;
  written_ = 0;
  if (told_) told_->text_begins();
  WireEncoder encoder;
  std::string out;
  out.reserve(std::min<std::size_t>(kChunk * 2, opt.head.size() + (opt.body ? opt.body->size() : 0) + 4096));
  const auto flush = [&]() -> HostResultOf<void> {
    auto w = write_text(out, opt.data_timeout);
    out.clear();
    return w;
  };
  auto sent = each_piece(opt, encoder, out,
                         [&]() -> HostResultOf<void> { return out.size() >= kChunk ? flush() : HostResultOf<void>(); });
  if (!sent) return sent;
  encoder.finish(out);
  if (told_) told_->text_ends();
  return flush();
}

HostResultOf<void> SmtpConnection::prdr_answers(const TransactionOptions& opt, std::vector<RcptState>& rcpts) {
  for (RcptState& r : rcpts) {
    if (r.fate != RcptState::Fate::accepted) continue;
    auto answer = read_reply(opt.final_timeout, kEndOfData);
    if (!answer) return std::unexpected(at_end(std::move(answer.error())));
    if (answer->first() != 2) settle(r, *answer, kEndOfData, Trouble::Kind::data, false);
  }
  return {};
}

HostResultOf<void> SmtpConnection::take_final_answer(const TransactionOptions& opt, SmtpReply answer, bool asked_prdr,
                                                     std::vector<RcptState>& rcpts, std::string& confirmation) {
  if (asked_prdr && answer.code == 353) {
    prdr_ = true;
    if (auto each = prdr_answers(opt, rcpts); !each) return each;
    auto last = read_reply(opt.final_timeout, kEndOfData);
    if (!last) return std::unexpected(at_end(std::move(last.error())));
    answer = std::move(*last);
  }
  for (RcptState& r : rcpts) {
    if (r.fate != RcptState::Fate::accepted) continue;
    if (answer.first() == 2) {
      r.fate = RcptState::Fate::delivered;
    } else {
      settle(r, answer, data_sent ? kEndOfData : std::string_view("BDAT"), Trouble::Kind::data, true);
    }
  }
  confirmation = answer.text();
  // after a refused chunk the server waits for RSET
  need_rset_ = chunked_ && answer.first() != 2;
  return {};
}

HostResultOf<SmtpReply> SmtpConnection::send_chunks(const TransactionOptions& opt) {
  WireEncoder encoder(false);
  std::string out;
  out.reserve(std::min<std::size_t>(kBdat + 2 * kChunk, opt.head.size() + (opt.body ? opt.body->size() : 0) + 4096));
  std::optional<SmtpReply> refused;
  const auto chunk = [&](bool last) -> HostResultOf<SmtpReply> {
    const std::string command = fmt::format("BDAT {}{}", out.size(), last ? " LAST" : "");
    data_sent = data_sent || last;
    auto w = write(command + "\r\n", opt.data_timeout, command);
    if (w) w = write_text(out, opt.data_timeout);
    out.clear();
    if (!w) return std::unexpected(w.error());
    auto answer =
        read_reply(last ? opt.final_timeout : opt.data_timeout, last ? kEndOfData : std::string_view(command));
    if (!answer && last) return std::unexpected(at_end(std::move(answer.error())));
    return answer;
  };
  auto sent = each_piece(opt, encoder, out, [&]() -> HostResultOf<void> {
    if (refused || out.size() < kBdat) {
      if (refused) out.clear();
      return {};
    }
    auto reply = chunk(false);
    if (!reply) return std::unexpected(reply.error());
    if (reply->first() != 2) refused = std::move(*reply);
    return {};
  });
  if (!sent) return std::unexpected(sent.error());
  if (refused) return std::move(*refused);
  encoder.finish(out);
  return chunk(true);
}

HostResultOf<void> SmtpConnection::send(const TransactionOptions& opt, std::vector<RcptState>& rcpts,
                                        std::string& confirmation) {
  data_sent = begun = false;
  if (need_rset_) {
    auto r = command("RSET", opt.command_timeout, "RSET");
    if (!r) return std::unexpected(r.error());
    if (r->first() != 2) {
      broken_ = true;
      HostTrouble t = reply_trouble(*r, "RSET");
      t.trouble.kind = Trouble::Kind::broken;
      t.permanent = false;  // it is about this connection, not about recipients that were never named
      return std::unexpected(std::move(t));
    }
  }
  begun = true;
  need_rset_ = true;
  ++messages;
  std::string mail = fmt::format("MAIL FROM:<{}>", opt.sender);
  const std::string mail_name = mail;
  if (opt.size > 0 && has("SIZE")) mail += fmt::format(" SIZE={}", opt.size);
  if (opt.body_8bit && has("8BITMIME")) mail += " BODY=8BITMIME";
  if (opt.smtputf8) mail += " SMTPUTF8";
  const bool asked_prdr = opt.prdr && !lmtp_ && rcpts.size() > 1 && has("PRDR");
  prdr_ = false;
  if (asked_prdr) mail += " PRDR";
  if (!opt.auth.empty()) mail += " AUTH=" + opt.auth;
  const std::string_view extra = lmtp_ && opt.ignore_quota && has("IGNOREQUOTA") ? " IGNOREQUOTA" : "";
  const bool dsn = has("DSN");
  if (dsn) mail += opt.mail_parameters;

  const bool pipeline = opt.pipelining && has("PIPELINING");
  pipelined_ = pipeline;
  if (!pipeline)
    if (auto s = settle_hello(); !s) return s;
  const bool chunking = opt.chunking && has("CHUNKING") && !lmtp_;
  chunked_ = chunking;
  if (pipeline) {
    std::string group;
    if (pending_) group.swap(pending_->unsent);
    group += mail + "\r\n";
    for (const RcptState& r : rcpts)
      group += fmt::format("RCPT TO:<{}>{}{}\r\n", r.address, dsn ? r.parameters : "", extra);
    if (!opt.all_or_none && !chunking) group += "DATA\r\n";
    if (auto w = write(group, opt.command_timeout, mail_name); !w) return w;
  } else if (auto w = write(mail + "\r\n", opt.command_timeout, mail_name); !w) {
    return w;
  }

  if (auto s = settle_hello(); !s) return s;
  auto reply = read_reply(opt.command_timeout, pipeline ? "pipelined " + mail_name : mail_name);
  if (!reply) return std::unexpected(at_mail(std::move(reply.error())));
  const bool mail_ok = reply->first() == 2;
  if (!mail_ok)
    for (RcptState& r : rcpts) settle(r, *reply, mail_name, Trouble::Kind::mail, true);
  if (!mail_ok && (!pipeline || closing_)) return {};
  const bool data_pipelined = pipeline && !opt.all_or_none && !chunking;

  std::size_t accepted = 0;
  for (RcptState& r : rcpts) {
    const std::string name = fmt::format("RCPT TO:<{}>", r.address);
    if (!pipeline)
      if (auto w = write(fmt::format("{}{}{}\r\n", name, dsn ? r.parameters : "", extra), opt.command_timeout, name);
          !w)
        return std::unexpected(at_rcpt(std::move(w.error())));
    auto answer = read_reply(opt.command_timeout, name);
    if (!answer) return std::unexpected(at_rcpt(std::move(answer.error())));
    if (!mail_ok) continue;
    if (answer->first() == 2) {
      r.fate = RcptState::Fate::accepted;
      ++accepted;
    } else {
      settle(r, *answer, name, Trouble::Kind::rcpt, false);
    }
    if (!closing_) continue;
    // 421 in the middle is the answer to all: those that were accepted will not get their text.
    for (RcptState& other : rcpts)
      if (other.fate == RcptState::Fate::pending || other.fate == RcptState::Fate::accepted)
        settle(other, *answer, name, Trouble::Kind::rcpt, false);
    return {};
  }
  if (opt.all_or_none && accepted < rcpts.size()) {
    using Fate = RcptState::Fate;
    const auto find = [&](auto test) { return std::find_if(rcpts.begin(), rcpts.end(), test); };
    auto refused = find([&](const RcptState& r) { return opt.can_wait && r.fate == Fate::deferred; });
    const Fate fate = refused != rcpts.end() ? Fate::deferred : Fate::failed;
    if (refused == rcpts.end()) refused = find([](const RcptState& r) { return r.fate != Fate::accepted; });
    for (RcptState& r : rcpts)
      if (r.fate == Fate::accepted || (fate == Fate::deferred && r.fate == Fate::failed)) {
        r.message = refused->message;
        r.code = refused->code;
        r.trouble = refused->trouble;
      }
    for (RcptState& r : rcpts) r.fate = fate;
    return {};
  }
  if (accepted == 0 && !data_pipelined) return {};

  if (chunking) {
    auto answer = send_chunks(opt);
    if (!answer) return std::unexpected(answer.error());
    return take_final_answer(opt, std::move(*answer), asked_prdr, rcpts, confirmation);
  }
  if (!data_pipelined)
    if (auto w = write("DATA\r\n", opt.command_timeout, "DATA"); !w) return w;
  auto data = read_reply(opt.command_timeout, "DATA");
  if (!data) return std::unexpected(data.error());
  if (data->code != 354) {
    for (RcptState& r : rcpts)
      if (r.fate == RcptState::Fate::accepted) settle(r, *data, "DATA", Trouble::Kind::data, true);
    return {};
  }
  if (accepted == 0) {
    // RFC 2920 3.1: the server waits for text nobody shall get. An empty one is refused by sane servers.
    auto dot = command(".", opt.final_timeout, kEndOfData);
    if (!dot) return std::unexpected(dot.error());
    return {};
  }
  if (auto s = send_body(opt); !s) return s;

  // LMTP answers once for each accepted recipient (RFC 2033 4.2).
  const std::string_view end = kEndOfData;
  if (lmtp_) {
    for (RcptState& r : rcpts) {
      if (r.fate != RcptState::Fate::accepted) continue;
      auto answer = read_reply(opt.final_timeout, end);
      if (!answer) return std::unexpected(at_end(std::move(answer.error())));
      if (answer->first() == 2) {
        r.fate = RcptState::Fate::delivered;
        r.message = answer->text();
        confirmation = r.message;
      } else {
        settle(r, *answer, end, Trouble::Kind::data, false);
      }
    }
  } else {
    auto answer = read_reply(opt.final_timeout, end);
    if (!answer) return std::unexpected(at_end(std::move(answer.error())));
    return take_final_answer(opt, std::move(*answer), asked_prdr, rcpts, confirmation);
  }
  need_rset_ = false;
  return {};
}

}  // namespace remex::transports
