// See smtp_client_util.h: the beginning of a connection. Connecting, the greeting, EHLO, STARTTLS, and all of them at
// once with a server that offered PIPECONNECT before.
#include <fmt/core.h>

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <map>
#include <mutex>

#include "core/base/strings.h"
#include "core/hooks/hooks.h"
#include "core/io/dscp.h"
#include "core/io/fiber.h"
#include "transports/smtp_client_util.h"

namespace remex::transports {
namespace {

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
  t.trouble = Trouble::Kind::connect;
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

std::vector<std::string> keywords_of(const SmtpReply& ehlo) {
  std::vector<std::string> out;
  for (std::size_t i = 1; i < ehlo.lines.size(); ++i) out.push_back(to_upper(trim(ehlo.lines[i])));
  return out;
}

/// Does a server that says `now` keep what commands sent on the strength of `before` rely on?
bool keeps(const std::vector<std::string>& before, const std::vector<std::string>& now, bool wants_tls) {
  for (const std::string& line : before) {
    const std::string_view word = std::string_view(line).substr(0, line.find_first_of(" ="));
    if (word == "LIMITS" ? std::find(now.begin(), now.end(), line) == now.end() : !has_keyword(now, word)) return false;
  }
  return has_keyword(before, "LIMITS") == has_keyword(now, "LIMITS") &&
         !(wants_tls && has_keyword(now, "STARTTLS") && !has_keyword(before, "STARTTLS"));
}

}  // namespace

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
    t.trouble = timeout                       ? Trouble::Kind::connect_timeout
                : t.sys_errno == ECONNREFUSED ? Trouble::Kind::refused
                : !reset                      ? Trouble::Kind::connect
                : opt.proxies.empty()         ? Trouble::Kind::closed
                                              : Trouble::Kind::broken;
    t.message = !opt.proxies.empty() ? printable(socket.error().text)
                : reset              ? "Remote host closed connection in response to initial connection"
                : timeout            ? "Connection timed out"
                : t.sys_errno != 0   ? std::strerror(t.sys_errno)
                                     : socket.error().text;
    SmtpDialogue::connecting(opt.host, opt.to.ip, opt.to.port, opt.local_ip, t.message);
    return std::unexpected(std::move(t));
  }
  SmtpDialogue::connecting(opt.host, opt.to.ip, opt.to.port, opt.local_ip, {});
  const int alive = opt.keepalive ? 1 : 0;
  (void)::setsockopt((*socket)->fd(), SOL_SOCKET, SO_KEEPALIVE, &alive, sizeof alive);
  if (opt.dscp >= 0) (void)io::set_dscp((*socket)->fd(), opt.dscp);  // a wish, as the network takes it
  const io::Endpoint local = (*socket)->local();
  const std::string proxy_ip = (*socket)->peer().ip;
  return start(std::move(*socket), opt, local, opt.proxies.empty() ? "" : proxy_ip);
}

HostResultOf<std::unique_ptr<SmtpConnection>> SmtpConnection::start(std::unique_ptr<io::Stream> stream,
                                                                    const SmtpConnectOptions& opt) {
  return start(std::move(stream), opt, {}, {});
}

HostResultOf<std::unique_ptr<SmtpConnection>> SmtpConnection::start(std::unique_ptr<io::Stream> stream,
                                                                    const SmtpConnectOptions& opt,
                                                                    const io::Endpoint& local,
                                                                    const std::string& proxy_ip) {
  std::unique_ptr<SmtpConnection> c(new SmtpConnection);
  c->stream_ = std::move(stream);
  c->told_ = SmtpDialogue::begin();
  c->local_ip_ = local.ip;
  c->local_port_ = local.port;
  c->proxy_ip_ = proxy_ip;
  c->helo_ = opt.helo;
  c->reader_ = std::make_unique<io::Reader>(*c->stream_);
  c->lmtp_ = opt.lmtp;
  c->event_ = opt.event;
  if (opt.helo_from) {
    auto name = opt.helo_from(local.ip, local.port);
    if (!name) {
      c->quit();
      HostTrouble t;
      t.trouble = Trouble::Kind::helo;
      t.trouble.in_session = true;
      t.message = name.error().text;
      return std::unexpected(std::move(t));
    }
    c->helo_ = std::move(*name);
  }
  if (auto g = c->greet(opt); !g) {
    if (g.error().early) c->broken_ = true;
    c->quit();
    return std::unexpected(g.error());
  }
  return c;
}

HostResultOf<void> SmtpConnection::read_banner(Seconds timeout) {
  auto banner = read_reply(timeout, "initial connection");
  if (!banner) return std::unexpected(banner.error());
  if (banner->first() != 2) return std::unexpected(reply_trouble(*banner, "initial connection"));
  if (const std::string why = raise("smtp:connect", event_text(*banner)); !why.empty())
    return std::unexpected(forbidden("smtp:connect", why, kForbiddenSmtp));
  return {};
}

HostResultOf<void> SmtpConnection::greet(const SmtpConnectOptions& opt) {
  if (opt.tls_on_connect)
    if (auto s = start_tls(opt, true); !s) return s;
  const auto& known = tls_ ? opt.known.secure : opt.known.clear;
  if (KnownServer::early(known)) {
    const bool offers_tls = !tls_ && opt.try_tls && has_keyword(known, "STARTTLS");
    if (offers_tls) {
      auto go = early_starttls(opt);
      return go ? finish_starttls(opt, *go) : std::unexpected(go.error());
    }
    if (tls_ || !opt.require_tls) {
      hello_later(opt, known, true);
      return {};
    }
  }
  if (auto s = read_banner(opt.command_timeout); !s) return s;
  if (auto s = say_hello(opt); !s) return s;
  if (tls_ || !opt.try_tls || !has("STARTTLS")) {
    if (opt.require_tls && !tls_) {
      HostTrouble t;
      t.trouble = Trouble::Kind::tls_required;
      t.message = "a TLS session is required, but the server did not offer TLS support" + opt.demanded_by;
      return std::unexpected(std::move(t));
    }
    return {};
  }
  auto go = command("STARTTLS", opt.command_timeout, "STARTTLS");
  return go ? finish_starttls(opt, *go) : std::unexpected(go.error());
}

HostResultOf<void> SmtpConnection::finish_starttls(const SmtpConnectOptions& opt, const SmtpReply& go) {
  if (go.code != 220) {
    HostTrouble t =
        opt.require_tls ? reply_trouble(go, "STARTTLS", Trouble::Kind::tls_required) : reply_trouble(go, "STARTTLS");
    t.permanent = false;
    t.tls_failed = !opt.require_tls;
    // A server that merely refuses may be used in clear on this connection.
    if (!opt.require_tls && !broken_ && !closing_ && (go.first() == 5 || opt.clear_after_4xx)) return {};
    if (opt.require_tls)
      t.message = "a TLS session is required, but an attempt to start TLS failed: " + go.text() + opt.demanded_by;
    return std::unexpected(std::move(t));
  }
  if (auto s = start_tls(opt, false); !s) return s;
  if (KnownServer::early(opt.known.secure)) {
    hello_later(opt, opt.known.secure, false);
    return {};
  }
  return say_hello(opt);
}

HostResultOf<void> SmtpConnection::start_tls(const SmtpConnectOptions& opt, bool on_connect) {
  HostTrouble t;
  t.trouble = opt.require_tls || on_connect ? Trouble::Kind::tls_required : Trouble::Kind::tls_failed;
  t.tls_failed = !on_connect;
  // RFC 3207 4.2, and CVE-2011-0411: what came in clear behind the answer must not be read as if it came over TLS.
  if (reader_->discard() > 0 || (!on_connect && stream_->has_pending_input())) {
    broken_ = true;
    t.trouble.in_session = false;
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
      t.trouble = Trouble::Kind::tls_required;
      t.trouble.in_session = false;
      t.message = fmt::format("DANE attempt failed: {}", printable(why));
      (void)raise("dane:fail", "validation-failure");
      return std::unexpected(std::move(t));
    }
    dane_ = tls_info_.peer_verified = true;
  }
  if (opt.require_ocsp && tls_info_.ocsp != io::TlsInfo::good) {
    t.tls_failed = false;
    t.trouble = Trouble::Kind::tls_required;
    t.message = fmt::format("TLS session failure: hosts_require_ocsp, and the certificate status {}{}",
                            tls_info_.ocsp == io::TlsInfo::no_response    ? "was not sent"
                            : tls_info_.ocsp == io::TlsInfo::not_verified ? "could not be verified"
                                                                          : "is not good",
                            opt.demanded_by);
    return std::unexpected(std::move(t));
  }
  if (opt.must_verify && !tls_info_.peer_verified) {
    t.tls_failed = false;
    t.trouble = Trouble::Kind::tls_required;
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
    const std::string line = fmt::format("{} {}", lmtp_ ? "LHLO" : "EHLO", helo_);
    auto r = command(line, opt.command_timeout, line);
    if (!r) return std::unexpected(r.error());
    if (r->first() == 2) {
      esmtp_ = true;
      take_keywords(keywords_of(*r));
      (void)raise("smtp:ehlo", event_text(*r));
      return {};
    }
    // Old servers: an error to EHLO, then HELO (RFC 5321 3.2). One that is leaving is not asked again.
    if (lmtp_ || r->first() < 4 || broken_ || closing_) return std::unexpected(reply_trouble(*r, line));
  }
  const std::string line = fmt::format("HELO {}", helo_);
  auto r = command(line, opt.command_timeout, line);
  if (!r) return std::unexpected(r.error());
  if (r->first() != 2) return std::unexpected(reply_trouble(*r, line));
  return {};
}

// ------------------------------------------------------------------ early pipelining (PIPECONNECT)

bool KnownServer::early(const std::vector<std::string>& keywords) {
  return has_keyword(keywords, "PIPECONNECT") && has_keyword(keywords, "PIPELINING");
}

std::string KnownServer::text() const {
  constexpr std::size_t kMaxText = 4096;
  if (!early(clear) && !early(secure)) return {};
  std::string out;
  for (const std::string& line : clear) out += line + "\n";
  out += "\n";
  for (const std::string& line : secure) out += line + "\n";
  return out.size() <= kMaxText ? out : std::string();
}

KnownServer KnownServer::parse(std::string_view text) {
  KnownServer out;
  std::vector<std::string>* part = &out.clear;
  for (const std::string_view line : split(text, '\n')) {
    if (!line.empty())
      part->emplace_back(line);
    else if (part == &out.clear)
      part = &out.secure;
  }
  return out;
}

void SmtpConnection::take_keywords(std::vector<std::string> keywords) {
  keywords_ = std::move(keywords);
  (tls_ ? heard_.secure : heard_.clear) = keywords_;
  limits_ = peer_limits(keyword_values("LIMITS"));
}

void SmtpConnection::hello_later(const SmtpConnectOptions& opt, const std::vector<std::string>& known, bool banner) {
  pending_ = std::make_unique<PendingHello>();
  pending_->unsent = fmt::format("EHLO {}\r\n", helo_);
  pending_->banner = banner;
  pending_->wants_tls = !tls_ && opt.try_tls;
  pending_->expected = known;
  pending_->timeout = opt.command_timeout;
  esmtp_ = early_ = true;
  keywords_ = known;
  limits_ = peer_limits(keyword_values("LIMITS"));
}

HostResultOf<void> SmtpConnection::settle_hello() {
  if (!pending_) return {};
  const std::unique_ptr<PendingHello> p = std::move(pending_);
  const auto early = [](HostTrouble t) {
    // A host that is silent, or says 4xx, would do so without our haste.
    t.early = !t.trouble.is_timeout() && t.code / 100 != 4;
    return std::unexpected(std::move(t));
  };
  if (!p->unsent.empty())
    if (auto w = write(p->unsent, p->timeout, "EHLO"); !w) return early(w.error());
  if (p->banner)
    if (auto b = read_banner(p->timeout); !b) return early(b.error());
  auto r = read_reply(p->timeout, "EHLO");
  if (!r) return early(r.error());
  std::vector<std::string> now = keywords_of(*r);
  if (r->first() != 2 || !keeps(p->expected, now, p->wants_tls)) {
    broken_ = true;  // whatever was sent behind it must not be carried out
    HostTrouble t = reply_trouble(*r, "pipelined EHLO");
    t.permanent = false;
    return early(std::move(t));
  }
  take_keywords(std::move(now));
  return {};
}

HostResultOf<SmtpReply> SmtpConnection::early_starttls(const SmtpConnectOptions& opt) {
  hello_later(opt, opt.known.clear, true);
  pending_->unsent += "STARTTLS\r\n";
  if (auto s = settle_hello(); !s) return std::unexpected(s.error());
  return read_reply(opt.command_timeout, "STARTTLS");
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

}  // namespace remex::transports
