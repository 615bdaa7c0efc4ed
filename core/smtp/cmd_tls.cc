// STARTTLS (RFC 3207). Nothing said before the handshake survives it, buffered input least of all.

#include <fmt/core.h>

#include "core/base/strings.h"
#include "core/io/fiber.h"
#include "core/smtp/session.h"
#include "lang/events.h"

namespace remex::smtp {

namespace {
/// Stands for a connection that is gone.
class NullStream : public io::Stream {
 public:
  Result<std::size_t> read_some(std::span<char>) override { return std::size_t{0}; }
  Status write_all(std::string_view) override { return fail(ErrorKind::closed, "connection closed"); }
  bool has_pending_input() override { return false; }
  Status wait_readable() override { return {}; }
  void close() override {}
  void abort() override {}
  int fd() const override { return -1; }
};
}  // namespace

bool Session::certificates_welcome(const std::vector<std::string>& chain) {
  const lang::Expansion& action = config_->main.event_action;
  if (!action.is_set()) return true;
  const std::string own = state_.tls_peercert;
  std::string why;
  for (std::size_t depth = chain.size(); depth-- > 0 && why.empty();) {
    state_.tls_peercert = io::certificate_pem(chain[depth]);
    why = lang::raise_event(scope_, action, "tls:cert", std::to_string(depth));
    if (!why.empty())
      log_line(log::kMain,
               fmt::format("TLS error on connection from {}: certificate refused by event_action, depth {}: {}", peer(),
                           depth, printable(why)));
  }
  state_.tls_peercert = own;
  return why.empty();
}

bool Session::start_tls() {
  auto context = server_.tls_context(scope_);
  if (!context) {
    log_line(log::kMain | log::kPanic,
             fmt::format("TLS error on connection from {}: {}", peer(), context.error().text));
    return false;
  }
  reader_.discard();
  const io::DeadlineScope deadline(std::min(receive_timeout(), Millis{60000}));
  // The options may look at the name the client asks for: they are expanded again inside the handshake.
  io::TlsServerContext::ForName for_name;
  const auto& m = config_->main;
  if (!m.tls_certificate.is_constant() || !m.tls_privatekey.is_constant() || !m.tls_ocsp_file.is_constant())
    for_name = [this](const std::string& name) {
      from_.tls_sni = name;
      return server_.tls_context(scope_);
    };
  auto tls = (*context)->accept(std::move(stream_), for_name);
  if (!tls) {
    (void)lang::raise_event(scope_, config_->main.event_action, "tls:fail:connect", tls.error().text);
    log_line(log::kMain, fmt::format("TLS error on connection from {} (gnutls_handshake): {}", peer(),
                                     printable(tls.error().text)));
    stream_ = std::make_unique<NullStream>();
    reader_.rebind(*stream_);
    return false;
  }
  const io::TlsInfo& info = (*tls)->info();
  from_.tls_cipher = info.cipher;
  from_.tls_cipher_std = info.cipher_std;
  from_.tls_version = info.version;
  from_.tls_bits = info.bits;
  from_.tls_sni = info.sni;
  from_.tls_peer_dn = info.peer_dn;
  from_.tls_certificate_verified = info.peer_verified;
  state_.tls_peercert = info.peer_cert_pem;
  state_.tls_ourcert = info.our_cert_pem;
  state_.tls_ocsp = info.ocsp;
  stream_ = std::move(*tls);
  reader_.rebind(*stream_);
  tls_active_ = true;
  if (!certificates_welcome(info.peer_chain)) {
    stream_->close();
    stream_ = std::make_unique<NullStream>();
    reader_.rebind(*stream_);
    return false;
  }
  // tls_verify_hosts: no service without a certificate that verifies.
  const auto must = info.peer_verified ? false : find_host(config_->main.tls_verify_hosts, "tls_verify_hosts");
  if (!must || *must) {
    if (!must) (void)cannot_tell("tls_verify_hosts");
    if (must)
      log_line(log::kMain, fmt::format("TLS error on connection from {} (certificate verification failed): {}", peer(),
                                       info.peer_dn.empty() ? "no certificate" : "certificate invalid"));
    stream_->close();
    stream_ = std::make_unique<NullStream>();
    reader_.rebind(*stream_);
    return false;
  }
  return true;
}

Session::Next Session::cmd_starttls(const Command& c) {
  const auto& m = config_->main;
  if (!c.argument.empty()) return protocol_error(501, "unexpected argument data", state_.command);
  if (tls_active_) return protocol_error(503, "Already in TLS", state_.command);
  if (!tls_advertised_) return protocol_error(503, "STARTTLS command used when not advertised", state_.command);
  if (in_transaction_) return protocol_error(503, "STARTTLS is not permitted in a mail transaction", state_.command);
  const acl::Outcome o = run_acl(acl::Hook::starttls, m.acl_smtp_starttls);
  if (o.verdict != acl::Verdict::accept) return refuse(o, "STARTTLS");
  if (auto context = server_.tls_context(scope_); !context) {
    log_line(log::kMain | log::kPanic,
             fmt::format("TLS error on connection from {}: {}", peer(), context.error().text));
    reply(454, "TLS currently unavailable");
    return Next::go_on;
  }
  reply(220, "TLS go ahead");
  if (!flush()) return Next::close;
  if (!start_tls()) {
    close_reason_ = "tls-failed";
    return Next::close;
  }
  // RFC 3207 4.2: forget everything the client said.
  reset_message();
  from_.helo_name.clear();
  from_.authenticator.clear();
  from_.authenticated_id.clear();
  from_.authenticated_sender.clear();
  acl_c_.clear();
  esmtp_ = pipelining_advertised_ = early_advertised_ = tls_advertised_ = auth_advertised_ = enhanced_ =
      chunking_advertised_ = dsn_advertised_ = false;
  nonmail_ = 0;
  free_commands_ = 0;
  set_protocol();
  return Next::go_on;
}

}  // namespace remex::smtp
