// See smtp_client_util.h: connections, from the socket to the answer to EHLO, and what is said over them.
#include "transports/smtp_client_util.h"

#include <fmt/core.h>

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <map>
#include <mutex>

#include "core/base/strings.h"
#include "core/hooks/hooks.h"
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

/// Reading the system's certificates takes milliseconds, so contexts are kept for some minutes. Never parks.
Result<std::shared_ptr<io::TlsClientContext>> client_context(const io::TlsClientConfig& cfg) {
  struct Kept {
    std::shared_ptr<io::TlsClientContext> context;
    Instant made;
  };
  static std::mutex mutex;
  static std::map<std::string, Kept> kept;
  const std::string key =
      fmt::format("{}\n{}\n{}\n{}\n{}\n{}\n{}", cfg.priority, cfg.certificate_file, cfg.private_key_file,
                  cfg.verify_certificates, cfg.crl_file, cfg.request_ocsp, cfg.dh_min_bits);
  const std::lock_guard lock(mutex);
  if (const auto it = kept.find(key); it != kept.end() && monotonic_now() - it->second.made < Seconds(300))
    return it->second.context;
  REMEX_TRY(auto fresh, io::TlsClientContext::create(cfg));
  if (kept.size() > 32) kept.clear();
  kept[key] = {fresh, monotonic_now()};
  return fresh;
}

constexpr int kForbiddenConnect = -58, kForbiddenSmtp = -27;  ///< error numbers of what events forbid, as Exim's

HostTrouble forbidden(std::string_view event, std::string_view why, int error) {
  HostTrouble t;
  t.retry_error = "connect";
  t.message = fmt::format("deferred by {} event expansion: {}", event, printable(why));
  t.sys_errno = error;
  return t;
}

/// A reply as events tell it: its lines as they came.
std::string event_text(const SmtpReply& r) {
  std::string out;
  for (std::size_t i = 0; i < r.lines.size(); ++i)
    out += fmt::format("{}{}{}{}", i == 0 ? "" : "\n", r.code, i + 1 < r.lines.size() ? '-' : ' ', r.lines[i]);
  return out;
}

}  // namespace

HostTrouble reply_trouble(const SmtpReply& r, std::string_view after, std::string word) {
  HostTrouble t;
  t.retry_error = std::move(word);
  t.message = fmt::format("SMTP error from remote mail server after {}: {}", after, r.text());
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
    t.retry_error = "timeout";
    t.sys_errno = ETIMEDOUT;
    t.message = fmt::format("SMTP timeout after {}", after);
    if (after == kEndOfData) t.message += fmt::format(" ({} bytes written)", written_);
  } else if (e.kind == ErrorKind::closed || e.sys_errno == ECONNRESET || e.sys_errno == EPIPE) {
    t.retry_error = "lost_connection";
    t.message = fmt::format("Remote host closed connection in response to {}", after);
  } else {
    t.retry_error = "lost_connection";
    t.message = fmt::format("{} after {}", e.text, after);
  }
  return t;
}

HostResultOf<void> SmtpConnection::write(std::string_view bytes, Seconds timeout, std::string_view what) {
  const io::DeadlineScope deadline{std::chrono::duration_cast<Millis>(timeout)};
  if (Status s = stream_->write_all(bytes); !s) return std::unexpected(lost(s.error(), what));
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
      t.message =
          total > kMaxReply || reply.lines.size() >= kMaxReplyLines
              ? fmt::format("Too long an SMTP reply in response to {}", after)
              : fmt::format("Malformed SMTP reply in response to {}: {}", after, printable(text.substr(0, 200)));
      return std::unexpected(std::move(t));
    }
    reply.code = code;
    reply.lines.emplace_back(text.size() > 4 ? text.substr(4) : std::string_view());
    if (text.size() == 3 || text[3] == ' ') break;
  }
  if (reply.code == 421) closing_ = true;  // the server is leaving (RFC 5321 3.8)
  return reply;
}

HostResultOf<SmtpReply> SmtpConnection::command(const std::string& line, Seconds timeout, std::string_view after) {
  if (auto w = write(line + "\r\n", timeout, after); !w) return std::unexpected(w.error());
  return read_reply(timeout, after);
}

// ------------------------------------------------------------------ opening

HostResultOf<std::unique_ptr<SmtpConnection>> SmtpConnection::open(const SmtpConnectOptions& opt) {
  if (const std::string why = opt.event ? opt.event(nullptr, "tcp:connect", {}, {}) : std::string(); !why.empty())
    return std::unexpected(forbidden("tcp:connect", why, kForbiddenConnect));
  Result<std::unique_ptr<io::Socket>> socket;
  {
    const io::DeadlineScope deadline{std::chrono::duration_cast<Millis>(opt.connect_timeout)};
    socket = opt.proxies.empty() ? io::connect_tcp(opt.to, opt.local_ip)
                                 : connect_through(opt.proxies, opt.to, opt.local_ip);
  }
  if (!socket) {
    HostTrouble t;
    t.sys_errno = socket.error().sys_errno;
    if (t.sys_errno == ECONNREFUSED && hooks::refused_is_timeout(opt.connect_timeout.count())) t.sys_errno = ETIMEDOUT;
    const bool timeout = socket.error().kind == ErrorKind::timed_out || t.sys_errno == ETIMEDOUT;
    const bool reset = t.sys_errno == ECONNRESET || socket.error().kind == ErrorKind::closed;
    t.retry_error = timeout                       ? "timeout_connect"
                    : t.sys_errno == ECONNREFUSED ? "refused"
                    : reset                       ? "lost_connection"
                                                  : "connect";
    t.message = !opt.proxies.empty() ? printable(socket.error().text)
                : reset              ? "Remote host closed connection in response to initial connection"
                : timeout            ? "Connection timed out"
                : t.sys_errno != 0   ? std::strerror(t.sys_errno)
                                     : socket.error().text;
    return std::unexpected(std::move(t));
  }
  const int alive = opt.keepalive ? 1 : 0;
  (void)::setsockopt((*socket)->fd(), SOL_SOCKET, SO_KEEPALIVE, &alive, sizeof alive);
  const io::Endpoint local = (*socket)->local();
  const std::string proxy_ip = (*socket)->peer().ip;
  auto c = start(std::move(*socket), opt);
  if (c) {
    (*c)->local_ip_ = local.ip;
    (*c)->local_port_ = local.port;
    if (!opt.proxies.empty()) (*c)->proxy_ip_ = proxy_ip;
  }
  return c;
}

HostResultOf<std::unique_ptr<SmtpConnection>> SmtpConnection::start(std::unique_ptr<io::Stream> stream,
                                                                    const SmtpConnectOptions& opt) {
  std::unique_ptr<SmtpConnection> c(new SmtpConnection);
  c->stream_ = std::move(stream);
  c->reader_ = std::make_unique<io::Reader>(*c->stream_);
  c->lmtp_ = opt.lmtp;
  c->event_ = opt.event;
  if (auto g = c->greet(opt); !g) {
    c->quit();
    return std::unexpected(g.error());
  }
  return c;
}

HostResultOf<void> SmtpConnection::greet(const SmtpConnectOptions& opt) {
  if (opt.tls_on_connect)
    if (auto s = start_tls(opt, true); !s) return s;
  auto banner = read_reply(opt.command_timeout, "initial connection");
  if (!banner) return std::unexpected(banner.error());
  if (banner->first() != 2) return std::unexpected(reply_trouble(*banner, "initial connection", ""));
  if (const std::string why = raise("smtp:connect", event_text(*banner)); !why.empty())
    return std::unexpected(forbidden("smtp:connect", why, kForbiddenSmtp));
  if (auto s = say_hello(opt); !s) return s;
  if (tls_ || !opt.try_tls || !has("STARTTLS")) {
    if (opt.require_tls && !tls_) {
      HostTrouble t;
      t.retry_error = "tls_required";
      t.message = "a TLS session is required, but the server did not offer TLS support" + opt.demanded_by;
      return std::unexpected(std::move(t));
    }
    return {};
  }
  auto go = command("STARTTLS", opt.command_timeout, "STARTTLS");
  if (!go) return std::unexpected(go.error());
  if (go->code != 220) {
    HostTrouble t = reply_trouble(*go, "STARTTLS", "tls_required");
    t.permanent = false;
    t.tls_failed = !opt.require_tls;
    // A server that merely refuses may be used in clear on this connection.
    if (!opt.require_tls && !broken_ && !closing_ && (go->first() == 5 || opt.clear_after_4xx)) return {};
    if (opt.require_tls)
      t.message = "a TLS session is required, but an attempt to start TLS failed: " + go->text() + opt.demanded_by;
    return std::unexpected(std::move(t));
  }
  if (auto s = start_tls(opt, false); !s) return s;
  return say_hello(opt);
}

HostResultOf<void> SmtpConnection::start_tls(const SmtpConnectOptions& opt, bool on_connect) {
  HostTrouble t;
  t.retry_error = opt.require_tls || on_connect ? "tls_required" : "tls_failed";
  t.tls_failed = !on_connect;
  // RFC 3207 4.2, and CVE-2011-0411: what came in clear behind the answer must not be read as if it came over TLS.
  if (reader_->discard() > 0 || (!on_connect && stream_->has_pending_input())) {
    broken_ = true;
    t.message = "the server sent plaintext behind its answer to STARTTLS";
    t.tls_failed = false;
    return std::unexpected(std::move(t));
  }
  keywords_.clear();  // only what is said inside TLS counts
  auto context = client_context(opt.tls);
  if (!context) {
    broken_ = true;
    t.message = fmt::format("TLS client setup failed: {}", context.error().text);
    return std::unexpected(std::move(t));
  }
  const io::DeadlineScope deadline{std::chrono::duration_cast<Millis>(opt.command_timeout)};
  auto tls = (*context)->connect(std::move(stream_), opt.sni, opt.verify_name);
  if (!tls) {
    broken_ = true;
    t.message = fmt::format("TLS session failure: {}{}", printable(tls.error().text), opt.demanded_by);
    return std::unexpected(std::move(t));
  }
  tls_info_ = (*tls)->info();
  tls_ = true;
  stream_ = std::move(*tls);
  reader_->rebind(*stream_);
  if (std::string why = certificate_objection(); !why.empty()) {
    broken_ = true;
    t.message = fmt::format("TLS session failure: certificate refused by event_action, {}{}", why, opt.demanded_by);
    return std::unexpected(std::move(t));
  }
  if (opt.dane) {
    if (const std::string why = dane_objection(tls_info_.peer_chain, opt.tlsa, opt.dane_names); !why.empty()) {
      t.tls_failed = false;
      t.retry_error = "tls_required";
      t.message = fmt::format("DANE attempt failed: {}", printable(why));
      (void)raise("dane:fail", "validation-failure");
      return std::unexpected(std::move(t));
    }
    dane_ = tls_info_.peer_verified = true;
  }
  if (opt.require_ocsp && tls_info_.ocsp != io::TlsInfo::good) {
    t.tls_failed = false;
    t.retry_error = "tls_required";
    t.message = fmt::format("TLS session failure: hosts_require_ocsp, and the certificate status {}{}",
                            tls_info_.ocsp == io::TlsInfo::no_response    ? "was not sent"
                            : tls_info_.ocsp == io::TlsInfo::not_verified ? "could not be verified"
                                                                          : "is not good",
                            opt.demanded_by);
    return std::unexpected(std::move(t));
  }
  if (opt.must_verify && !tls_info_.peer_verified) {
    t.tls_failed = false;
    t.retry_error = "tls_required";
    t.message =
        fmt::format("TLS certificate verification failed: {}{}", printable(tls_info_.verify_error), opt.demanded_by);
    return std::unexpected(std::move(t));
  }
  return {};
}

HostResultOf<void> SmtpConnection::say_hello(const SmtpConnectOptions& opt) {
  keywords_.clear();
  limits_ = {};
  esmtp_ = false;
  if (!opt.avoid_esmtp || lmtp_) {
    const std::string line = fmt::format("{} {}", lmtp_ ? "LHLO" : "EHLO", opt.helo);
    auto r = command(line, opt.command_timeout, line);
    if (!r) return std::unexpected(r.error());
    if (r->first() == 2) {
      esmtp_ = true;
      for (std::size_t i = 1; i < r->lines.size(); ++i) keywords_.push_back(to_upper(trim(r->lines[i])));
      limits_ = peer_limits(keyword_values("LIMITS"));
      (void)raise("smtp:ehlo", event_text(*r));
      return {};
    }
    // Old servers: an error to EHLO, then HELO (RFC 5321 3.2). One that is leaving is not asked again.
    if (lmtp_ || r->first() < 4 || broken_ || closing_) return std::unexpected(reply_trouble(*r, line, ""));
  }
  const std::string line = fmt::format("HELO {}", opt.helo);
  auto r = command(line, opt.command_timeout, line);
  if (!r) return std::unexpected(r.error());
  if (r->first() != 2) return std::unexpected(reply_trouble(*r, line, ""));
  return {};
}

PeerLimits peer_limits(std::string_view values) {
  PeerLimits out;
  const std::pair<std::string_view, std::uint64_t*> known[] = {
      {"MAILMAX=", &out.messages}, {"RCPTMAX=", &out.recipients}, {"RCPTDOMAINMAX=", &out.domains}};
  for (const std::string_view word : split(values, ' '))
    for (const auto& [name, limit] : known)
      if (istarts_with(word, name))
        if (const auto n = parse_uint(word.substr(name.size()))) *limit = *n;
  return out;
}

bool SmtpConnection::has(std::string_view keyword) const {
  return std::any_of(keywords_.begin(), keywords_.end(), [&](const std::string& k) {
    return k.starts_with(keyword) &&
           (k.size() == keyword.size() || k[keyword.size()] == ' ' || k[keyword.size()] == '=');
  });
}

std::string SmtpConnection::keyword_values(std::string_view keyword) const {
  std::string out;
  for (const std::string& k : keywords_)
    if (k.starts_with(keyword) && k.size() > keyword.size() && (k[keyword.size()] == ' ' || k[keyword.size()] == '='))
      out += (out.empty() ? "" : " ") + k.substr(keyword.size() + 1);
  return out;
}

bool SmtpConnection::usable() { return !broken_ && !closing_ && stream_ && !reader_->has_pending(); }

void SmtpConnection::quit() {
  if (stream_ && broken_) stream_->abort();
  if (stream_ && !broken_) {
    if (write("QUIT\r\n", Seconds(5), "QUIT")) (void)read_reply(Seconds(2), "QUIT");
    stream_->close();
  }
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
