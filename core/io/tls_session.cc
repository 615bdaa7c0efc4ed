// TLS records over a Stream. Input never parks inside GnuTLS: a read that finds nothing returns to here first, so an
// idle session keeps a shallow stack. Output may park inside GnuTLS's push callback, which is harmless on a fiber.
//
// A failure leaves the session unusable; the error text is GnuTLS's, or the underlying stream's when that failed.
#include "core/io/tls_session.h"

#include <array>
#include <cerrno>

#include "core/io/fiber.h"

namespace remex::io {
namespace {

constexpr auto kHandshakeLimit = std::chrono::minutes(2);
constexpr auto kGoodbyeLimit = Millis(2000);
constexpr std::size_t kAhead = 4096;
constexpr int kMaxWarnings = 8;  // alerts a peer may send before it is cut off

class TlsStreamImpl final : public TlsStream {
 public:
  TlsStreamImpl(std::shared_ptr<const TlsMaterial> material, std::unique_ptr<Stream> under)
      : material_(std::move(material)), under_(std::move(under)) {}
  ~TlsStreamImpl() override {
    if (session_ != nullptr) gnutls_deinit(session_);
  }

  Status handshake(bool server, const TlsPeerNames& names, const TlsMaterialForName& for_name);
  /// After a failed handshake: lets an alert we sent reach the peer.
  void close_below() { under_->close(); }

  Result<std::size_t> read_some(std::span<char> into) override {
    for (;;) {
      REMEX_TRY(const auto n, try_read(into));
      if (n) return *n;
      REMEX_CHECK(under_->wait_readable());
      spurious_ = true;
    }
  }
  Result<std::optional<std::size_t>> try_read(std::span<char> into) override;
  Status write_all(std::string_view bytes) override;
  bool has_pending_input() override {
    look_ahead();
    return !ahead_.empty();
  }
  Status wait_readable() override {
    for (;;) {
      look_ahead();
      if (!ahead_.empty() || ended_ || !broken_.text.empty()) return {};
      REMEX_CHECK(under_->wait_readable());
      spurious_ = true;
    }
  }
  void close() override;
  void abort() override {
    dead_ = true;
    under_->abort();
  }
  int fd() const override { return under_->fd(); }
  const TlsInfo& info() const override { return info_; }

 private:
  static ssize_t pull(gnutls_transport_ptr_t self, void* data, std::size_t size);
  static ssize_t push(gnutls_transport_ptr_t self, const void* data, std::size_t size);
  /// After the ClientHello: the certificate for the name the client asked for.
  static int client_hello(gnutls_session_t session);
  /// What the client's ClientHello asks for.
  static int hello_extensions(gnutls_session_t session, unsigned type, unsigned when, unsigned incoming,
                              const gnutls_datum_t* hello);
  void use(std::shared_ptr<const TlsMaterial> material);
  static int pull_timeout(gnutls_transport_ptr_t, unsigned int) { return 1; }

  /// Decrypts what is there into ahead_, so that records without application data do not count as input.
  void look_ahead();
  Result<std::optional<std::size_t>> receive(std::span<char> into);
  Error failure(int code);

  std::shared_ptr<const TlsMaterial> material_, first_material_;
  std::unique_ptr<Stream> under_;
  gnutls_session_t session_ = nullptr;
  TlsInfo info_;
  std::string ahead_;
  std::size_t ahead_pos_ = 0;
  Error broken_{ErrorKind::failed, "", 0};  // text set: the session failed while reading ahead
  Error under_error_{ErrorKind::failed, "", 0};
  TlsMaterialForName for_name_;  // until it was asked
  int warnings_ = 0;
  bool wants_status_ = false;  // server: the client asked for the certificate status
  bool spurious_ = false;  // woken; when try_read of the stream below finds nothing, it has to be read with read_some
  bool ended_ = false;
  bool dead_ = false;
};

ssize_t TlsStreamImpl::pull(gnutls_transport_ptr_t ptr, void* data, std::size_t size) {
  auto* self = static_cast<TlsStreamImpl*>(ptr);
  const std::span<char> into(static_cast<char*>(data), size);
  auto n = self->under_->try_read(into);
  if (n && !*n && self->spurious_) {
    // A stream that has no try_read (the default) but said it is readable.
    if (auto got = self->under_->read_some(into)) {
      n = std::optional<std::size_t>(*got);
    } else {
      n = std::unexpected(std::move(got).error());
    }
  }
  self->spurious_ = false;
  if (n && *n) return static_cast<ssize_t>(**n);
  if (!n) self->under_error_ = std::move(n).error();
  gnutls_transport_set_errno(self->session_, self->under_error_.text.empty() ? EAGAIN : EIO);
  return -1;
}

ssize_t TlsStreamImpl::push(gnutls_transport_ptr_t ptr, const void* data, std::size_t size) {
  auto* self = static_cast<TlsStreamImpl*>(ptr);
  if (auto st = self->under_->write_all({static_cast<const char*>(data), size}); !st) {
    self->under_error_ = std::move(st).error();
    gnutls_transport_set_errno(self->session_, EIO);
    return -1;
  }
  return static_cast<ssize_t>(size);
}

void TlsStreamImpl::use(std::shared_ptr<const TlsMaterial> material) {
  first_material_ = std::exchange(material_, std::move(material));  // the session still has its priorities
  gnutls_credentials_set(session_, GNUTLS_CRD_CERTIFICATE, material_->credentials);
  gnutls_certificate_server_set_request(session_, material_->require_peer   ? GNUTLS_CERT_REQUIRE
                                                  : material_->request_peer ? GNUTLS_CERT_REQUEST
                                                                            : GNUTLS_CERT_IGNORE);
}

int TlsStreamImpl::client_hello(gnutls_session_t session) {
  auto* self = static_cast<TlsStreamImpl*>(gnutls_transport_get_ptr(session));
  const TlsMaterialForName for_name = std::exchange(self->for_name_, {});  // a second ClientHello changes nothing
  if (!for_name) return 0;
  const std::string name = tls_server_name(session);
  if (name.empty()) return 0;
  auto material = for_name(name);
  if (!material) {
    self->under_error_ = std::move(material).error();
    return GNUTLS_E_UNRECOGNIZED_NAME;
  }
  self->use(std::move(*material));
  return 0;
}

int TlsStreamImpl::hello_extensions(gnutls_session_t session, unsigned, unsigned, unsigned,
                                    const gnutls_datum_t* hello) {
  auto* self = static_cast<TlsStreamImpl*>(gnutls_transport_get_ptr(session));
  const auto each = [](void* stream, unsigned extension, const unsigned char*, unsigned) {
    constexpr unsigned kStatusRequest = 5;  // RFC 6066 8
    if (extension == kStatusRequest) static_cast<TlsStreamImpl*>(stream)->wants_status_ = true;
    return 0;
  };
  (void)gnutls_ext_raw_parse(self, each, hello, GNUTLS_EXT_RAW_FLAG_TLS_CLIENT_HELLO);
  return 0;
}

Error TlsStreamImpl::failure(int code) {
  dead_ = true;
  if (!under_error_.text.empty()) return under_error_;
  std::string text = tls_error_text(code);
  if (code == GNUTLS_E_FATAL_ALERT_RECEIVED || code == GNUTLS_E_WARNING_ALERT_RECEIVED) {
    if (const char* name = gnutls_alert_get_name(gnutls_alert_get(session_))) text += std::string(": ") + name;
  }
  const bool gone = code == GNUTLS_E_PREMATURE_TERMINATION;
  return Error{gone ? ErrorKind::closed : ErrorKind::failed, std::move(text), 0};
}

Status TlsStreamImpl::handshake(bool server, const TlsPeerNames& names, const TlsMaterialForName& for_name) {
  const unsigned flags = (server ? GNUTLS_SERVER : GNUTLS_CLIENT) | GNUTLS_NONBLOCK | GNUTLS_NO_SIGNAL;
  if (int rc = gnutls_init(&session_, flags); rc != 0) return fail(tls_error_text(rc));
  gnutls_priority_set(session_, material_->priority);
  gnutls_credentials_set(session_, GNUTLS_CRD_CERTIFICATE, material_->credentials);
  gnutls_transport_set_ptr(session_, this);
  gnutls_transport_set_pull_function(session_, pull);
  gnutls_transport_set_push_function(session_, push);
  gnutls_transport_set_pull_timeout_function(session_, pull_timeout);
  gnutls_handshake_set_timeout(session_, 0);  // the fiber's deadline does it
  if (server) {
    gnutls_handshake_set_hook_function(session_, GNUTLS_HANDSHAKE_CLIENT_HELLO, GNUTLS_HOOK_PRE, hello_extensions);
    use(material_);
    for_name_ = for_name;
    if (for_name_) gnutls_handshake_set_post_client_hello_function(session_, client_hello);
  } else if (material_->dh_min_bits > 0) {
    gnutls_dh_set_prime_bits(session_, material_->dh_min_bits);
  }
  if (!server && !names.sni.empty()) {
    gnutls_server_name_set(session_, GNUTLS_NAME_DNS, names.sni.data(), names.sni.size());
  }

  const DeadlineScope limit(kHandshakeLimit);
  for (;;) {
    const int rc = gnutls_handshake(session_);
    if (rc == 0) break;
    if (gnutls_error_is_fatal(rc) != 0) {
      const bool peer_knows = rc == GNUTLS_E_FATAL_ALERT_RECEIVED || rc == GNUTLS_E_PREMATURE_TERMINATION;
      Error e = failure(rc);
      if (!peer_knows && (under_error_.text.empty() || rc == GNUTLS_E_UNRECOGNIZED_NAME))
        gnutls_alert_send_appropriate(session_, rc);
      return std::unexpected(std::move(e));
    }
    if (rc == GNUTLS_E_AGAIN) {
      REMEX_CHECK(under_->wait_readable());
      spurious_ = true;
    } else if (++warnings_ > kMaxWarnings) {
      return fail("too many TLS warning alerts");
    }
  }
  tls_describe(session_, *material_, server, names.verify_name, info_);
  if (server && wants_status_) info_.ocsp = material_->has_ocsp ? TlsInfo::good : TlsInfo::no_response;
  if (server && material_->require_peer && material_->verify_peer && !info_.peer_verified) {
    gnutls_alert_send(session_, GNUTLS_AL_FATAL, GNUTLS_A_BAD_CERTIFICATE);
    return fail("certificate verification failed: " + info_.verify_error);
  }
  return {};
}

Result<std::optional<std::size_t>> TlsStreamImpl::receive(std::span<char> into) {
  for (;;) {
    if (ended_) return std::optional<std::size_t>(0);
    if (dead_) return fail(ErrorKind::closed, "TLS session ended");
    const ssize_t n = gnutls_record_recv(session_, into.data(), into.size());
    if (n > 0) return std::optional<std::size_t>(static_cast<std::size_t>(n));
    const int code = static_cast<int>(n);
    if (code == GNUTLS_E_AGAIN) return std::optional<std::size_t>();
    // Many mail clients drop the connection without close_notify. SMTP marks its own ends, so nothing can be cut off
    // unnoticed (RFC 8446 6.1 leaves it to the application).
    if (n == 0 || code == GNUTLS_E_PREMATURE_TERMINATION) {
      ended_ = true;
      return std::optional<std::size_t>(0);
    }
    if (code == GNUTLS_E_REHANDSHAKE) {
      gnutls_alert_send(session_, GNUTLS_AL_WARNING, GNUTLS_A_NO_RENEGOTIATION);
      dead_ = true;
      return fail("TLS renegotiation refused");
    }
    if (gnutls_error_is_fatal(code) != 0 || ++warnings_ > kMaxWarnings) return std::unexpected(failure(code));
  }
}

Result<std::optional<std::size_t>> TlsStreamImpl::try_read(std::span<char> into) {
  if (!ahead_.empty()) {
    const std::size_t n = ahead_.copy(into.data(), into.size(), ahead_pos_);
    ahead_pos_ += n;
    if (ahead_pos_ == ahead_.size()) {
      std::string().swap(ahead_);
      ahead_pos_ = 0;
    }
    return std::optional<std::size_t>(n);
  }
  if (!broken_.text.empty()) return std::unexpected(broken_);
  return receive(into);
}

void TlsStreamImpl::look_ahead() {
  if (!ahead_.empty() || ended_ || dead_ || !broken_.text.empty()) return;
  std::array<char, kAhead> block;
  auto n = receive(block);
  if (!n) {
    broken_ = std::move(n).error();
  } else if (*n) {
    ahead_.assign(block.data(), **n);
  }
}

Status TlsStreamImpl::write_all(std::string_view bytes) {
  while (!bytes.empty()) {
    if (dead_) return fail(ErrorKind::closed, "TLS session ended");
    const ssize_t n = gnutls_record_send(session_, bytes.data(), bytes.size());
    if (n >= 0) {
      bytes.remove_prefix(static_cast<std::size_t>(n));
    } else if (gnutls_error_is_fatal(static_cast<int>(n)) != 0) {
      return std::unexpected(failure(static_cast<int>(n)));
    }
  }
  return {};
}

void TlsStreamImpl::close() {
  if (!dead_ && session_ != nullptr) {
    const DeadlineScope limit(kGoodbyeLimit);
    gnutls_bye(session_, GNUTLS_SHUT_WR);
    dead_ = true;
  }
  under_->close();
}

}  // namespace

std::string tls_error_text(int code) {
  std::string text = gnutls_strerror(code);
  if (text.ends_with('.')) text.pop_back();
  return text;
}

Result<std::unique_ptr<TlsStream>> tls_handshake(std::shared_ptr<const TlsMaterial> material,
                                                 std::unique_ptr<Stream> under, bool server, const TlsPeerNames& names,
                                                 const TlsMaterialForName& for_name) {
  auto s = std::make_unique<TlsStreamImpl>(std::move(material), std::move(under));
  if (auto st = s->handshake(server, names, for_name); !st) {
    s->close_below();
    return std::unexpected(std::move(st).error());
  }
  return s;
}

}  // namespace remex::io
