// See smtp_client_util.h.
#include "transports/smtp_client_util.h"

#include <fmt/core.h>

#include <algorithm>
#include <cerrno>

#include "core/base/strings.h"
#include "core/io/fiber.h"

namespace remex::transports {
namespace {

constexpr std::size_t kMaxLine = 4096;
constexpr std::size_t kMaxReply = 64 * 1024;
constexpr std::size_t kMaxReplyLines = 500;

bool code_ok(std::string_view line) {
  return line.size() >= 3 && line[0] >= '2' && line[0] <= '5' && is_digit(line[1]) && is_digit(line[2]) &&
         (line.size() == 3 || line[3] == ' ' || line[3] == '-');
}

bool is_keyword(std::string_view line, std::string_view keyword) {
  return line.starts_with(keyword) &&
         (line.size() == keyword.size() || line[keyword.size()] == ' ' || line[keyword.size()] == '=');
}

}  // namespace

HostTrouble reply_trouble(const SmtpReply& r, std::string_view after, Trouble::Kind kind) {
  HostTrouble t;
  t.trouble = Trouble(kind, r.code);
  t.command = after;
  t.answer = r.text();
  t.message = fmt::format("SMTP error from remote mail server after {}: {}", after, t.answer);
  t.code = r.code;
  t.permanent = r.first() == 5;
  return t;
}

std::string SmtpReply::text() const {
  std::string out;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    if (i > 0) out += "\\n";
    const std::string_view sep = i + 1 < lines.size() ? "-" : " ";
    out += lines[i].empty() ? fmt::format("{}", code) : fmt::format("{}{}{}", code, sep, printable(lines[i]));
    if (out.size() > 1000) {
      out.resize(1000);
      break;
    }
  }
  return out;
}

// ------------------------------------------------------------------ encoding

void WireEncoder::encode(std::string_view in, std::string& out) {
  // One search for each kind of line end: a message rarely has a CR at all, and looking for either of two is slow.
  std::size_t cr = std::min(in.find('\r'), in.size());
  std::size_t i = 0;
  while (i < in.size()) {
    if (pending_cr_) {
      pending_cr_ = false;
      if (in[i] != '\n') {
        out += ' ';
        at_line_start_ = false;
      }
    }
    if (dots_ && at_line_start_ && in[i] == '.') out += '.';
    if (cr < i) cr = std::min(in.find('\r', i), in.size());
    const std::size_t stop = std::min(in.substr(0, cr).find('\n', i), cr);
    if (stop > i) {
      out.append(in, i, stop - i);
      at_line_start_ = false;
      i = stop;
      continue;
    }
    if (in[i] == '\n') {
      out += "\r\n";
      at_line_start_ = true;
    } else {
      pending_cr_ = true;
    }
    ++i;
  }
}

void WireEncoder::finish(std::string& out) {
  if (pending_cr_ || !at_line_start_) out += "\r\n";
  if (dots_) out += ".\r\n";
  at_line_start_ = true;
  pending_cr_ = false;
}

// ------------------------------------------------------------------ plumbing

SmtpConnection::~SmtpConnection() {
  if (stream_) stream_->abort();
}

HostTrouble SmtpConnection::lost(const Error& e, std::string_view after) {
  broken_ = true;
  HostTrouble t;
  t.sys_errno = e.sys_errno;
  if (e.kind == ErrorKind::timed_out) {
    t.trouble = Trouble::Kind::timeout;
    t.sys_errno = ETIMEDOUT;
    t.message = fmt::format("SMTP timeout after {}", after);
    if (after == kEndOfData) t.message += fmt::format(" ({} bytes written)", written_);
  } else if (e.kind == ErrorKind::closed || e.sys_errno == ECONNRESET || e.sys_errno == EPIPE) {
    if (told_) told_->lost();
    t.trouble = Trouble::Kind::closed;
    t.message = fmt::format("Remote host closed connection in response to {}", after);
  } else {
    t.trouble = Trouble::Kind::broken;
    t.message = fmt::format("{} after {}", e.text, after);
  }
  return t;
}

HostResultOf<void> SmtpConnection::write(std::string_view bytes, Seconds timeout, std::string_view what, bool secret) {
  if (told_) told_->sent(bytes, secret);
  const io::DeadlineScope deadline{std::chrono::duration_cast<Millis>(timeout)};
  if (Status s = stream_->write_all(bytes); !s) return std::unexpected(lost(s.error(), what));
  written_ += bytes.size();
  return {};
}

HostResultOf<void> SmtpConnection::write_text(std::string_view bytes, Seconds timeout) {
  const io::DeadlineScope deadline{std::chrono::duration_cast<Millis>(timeout)};
  if (Status s = stream_->write_all(bytes); !s) return std::unexpected(lost(s.error(), "sending data block"));
  written_ += bytes.size();
  return {};
}

HostResultOf<SmtpReply> SmtpConnection::read_reply(Seconds timeout, std::string_view after) {
  const io::DeadlineScope deadline{std::chrono::duration_cast<Millis>(timeout)};
  SmtpReply reply;
  std::size_t total = 0;
  for (;;) {
    auto line = reader_->read_line(kMaxLine);
    if (!line) return std::unexpected(lost(line.error(), after));
    if (!line->ends_with('\n')) return std::unexpected(lost(Error{ErrorKind::closed, "end of input"}, after));
    total += line->size();
    std::string_view text = *line;
    while (text.ends_with('\n') || text.ends_with('\r')) text.remove_suffix(1);
    const int code = code_ok(text) ? (text[0] - '0') * 100 + (text[1] - '0') * 10 + (text[2] - '0') : 0;
    if (code == 0 || (reply.code != 0 && code != reply.code) || total > kMaxReply ||
        reply.lines.size() >= kMaxReplyLines) {
      broken_ = true;
      HostTrouble t;
      if (total > kMaxReply || reply.lines.size() >= kMaxReplyLines) {
        t.message = fmt::format("Too long an SMTP reply in response to {}", after);
      } else {
        t.trouble = Trouble::Kind::malformed_reply;
        t.message = fmt::format("Malformed SMTP reply in response to {}: {}", after, printable(text.substr(0, 200)));
      }
      return std::unexpected(std::move(t));
    }
    if (told_) told_->heard(text, reply.lines.empty());
    reply.code = code;
    reply.lines.emplace_back(text.size() > 4 ? text.substr(4) : std::string_view());
    if (text.size() == 3 || text[3] == ' ') break;
  }
  if (reply.code == 421) closing_ = true;  // the server is leaving (RFC 5321 3.8)
  return reply;
}

HostResultOf<SmtpReply> SmtpConnection::command(const std::string& line, Seconds timeout, std::string_view after) {
  if (auto s = settle_hello(); !s) return std::unexpected(s.error());
  const bool secret = line != after && line != ".";  // what may be seen is named otherwise
  if (auto w = write(line + "\r\n", timeout, after, secret); !w) return std::unexpected(w.error());
  return read_reply(timeout, after);
}

bool has_keyword(const std::vector<std::string>& keywords, std::string_view keyword) {
  return std::any_of(keywords.begin(), keywords.end(), [&](const std::string& k) { return is_keyword(k, keyword); });
}

bool SmtpConnection::has(std::string_view keyword) const { return has_keyword(keywords_, keyword); }

std::string SmtpConnection::keyword_values(std::string_view keyword) const {
  std::string out;
  for (const std::string& k : keywords_)
    if (k.starts_with(keyword) && k.size() > keyword.size() && (k[keyword.size()] == ' ' || k[keyword.size()] == '='))
      out += (out.empty() ? "" : " ") + k.substr(keyword.size() + 1);
  return out;
}

bool SmtpConnection::usable() { return !pending_ && !broken_ && !closing_ && stream_ && !reader_->has_pending(); }

void SmtpConnection::quit() {
  if (pending_) broken_ = true;  // it has said nothing yet that an answer to QUIT could follow
  if (stream_ && broken_) stream_->abort();
  if (stream_ && !broken_) {
    if (write("QUIT\r\n", Seconds(5), "QUIT")) (void)read_reply(Seconds(2), "QUIT");
    stream_->close();
  }
  if (stream_ && told_) told_->close();
  broken_ = true;
  stream_.reset();
  (void)raise("tcp:close");
  event_ = nullptr;
}

std::string SmtpConnection::raise(std::string_view name, std::string_view data, const std::string& certificate) {
  return event_ ? event_(this, name, data, certificate) : std::string();
}

std::string SmtpConnection::certificate_objection() {
  if (!event_) return {};
  for (std::size_t depth = tls_info_.peer_chain.size(); depth-- > 0;) {
    const std::string why = raise("tls:cert", std::to_string(depth), io::certificate_pem(tls_info_.peer_chain[depth]));
    if (!why.empty()) return fmt::format("depth {}: {}", depth, printable(why));
  }
  return {};
}

}  // namespace remex::transports
