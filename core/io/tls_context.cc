// TLS contexts: certificates, keys, trust and priorities, loaded once. A file that cannot be used is named with the
// reason.
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <ctime>

#include "core/base/clock.h"
#include "core/hooks/hooks.h"
#include "core/io/tls_session.h"

namespace remex::io {
namespace {

constexpr const char* kPriorities = "NORMAL:-VERS-TLS1.1:-VERS-TLS1.0:-VERS-DTLS-ALL";
constexpr std::int64_t kYear = 365 * 24 * 3600;

Status set_priority(TlsMaterial& m, const std::string& text) {
  const char* where = nullptr;
  const int rc = gnutls_priority_init(&m.priority, text.empty() ? kPriorities : text.c_str(), &where);
  if (rc == 0) return {};
  return fail(ErrorKind::config, fmt::format("TLS priority string \"{}\": {} at \"{}\"", text, tls_error_text(rc),
                                             where != nullptr ? where : ""));
}

/// GnuTLS says only "Error while reading file"; the operator wants errno.
Status readable(const std::string& what, const std::string& path) {
  if (::access(path.c_str(), R_OK) == 0) return {};
  return fail_errno(errno, fmt::format("cannot read {} {}", what, path));
}

Status load_key_pair(TlsMaterial& m, const std::string& cert, const std::string& key_file) {
  const std::string& key = key_file.empty() ? cert : key_file;
  REMEX_CHECK(readable("certificate file", cert));
  REMEX_CHECK(readable("private key file", key));
  const int rc = gnutls_certificate_set_x509_key_file(m.credentials, cert.c_str(), key.c_str(), GNUTLS_X509_FMT_PEM);
  if (rc >= 0) return {};
  return fail(ErrorKind::config, fmt::format("certificate {} with key {}: {}", cert, key, tls_error_text(rc)));
}

Status load_trust(TlsMaterial& m, const std::string& source) {
  if (source.empty()) return {};
  m.verify_peer = true;
  int rc = 0;
  if (source == "system") {
    rc = gnutls_certificate_set_x509_system_trust(m.credentials);
  } else {
    REMEX_CHECK(readable("trusted certificates", source));
    struct stat st{};
    const bool directory = ::stat(source.c_str(), &st) == 0 && S_ISDIR(st.st_mode);
    rc = directory ? gnutls_certificate_set_x509_trust_dir(m.credentials, source.c_str(), GNUTLS_X509_FMT_PEM)
                   : gnutls_certificate_set_x509_trust_file(m.credentials, source.c_str(), GNUTLS_X509_FMT_PEM);
  }
  if (rc >= 0) return {};
  return fail(ErrorKind::config, fmt::format("trusted certificates {}: {}", source, tls_error_text(rc)));
}

/// Certificates that a list names do not verify; a list that is out of date vouches for nobody of its issuer.
Status load_crl(TlsMaterial& m, const std::string& file) {
  if (file.empty()) return {};
  REMEX_CHECK(readable("certificate revocation list", file));
  const int rc = gnutls_certificate_set_x509_crl_file(m.credentials, file.c_str(), GNUTLS_X509_FMT_PEM);
  if (rc > 0) return {};
  return fail(ErrorKind::config,
              fmt::format("certificate revocation list {}: {}", file, rc < 0 ? tls_error_text(rc) : "it has none"));
}

/// In DER or PEM; GnuTLS checks that it is about that certificate.
Status load_ocsp(TlsMaterial& m, const std::string& file, unsigned certificate) {
  if (file.empty()) return {};
  REMEX_CHECK(readable("OCSP status file", file));
  int rc =
      gnutls_certificate_set_ocsp_status_request_file2(m.credentials, file.c_str(), certificate, GNUTLS_X509_FMT_DER);
  if (rc < 0 && rc != GNUTLS_E_OCSP_MISMATCH_WITH_CERTS)
    if (const int pem = gnutls_certificate_set_ocsp_status_request_file2(m.credentials, file.c_str(), certificate,
                                                                         GNUTLS_X509_FMT_PEM);
        pem >= 0 || pem == GNUTLS_E_OCSP_MISMATCH_WITH_CERTS)
      rc = pem;
  if (rc < 0) return fail(ErrorKind::config, fmt::format("OCSP status file {}: {}", file, tls_error_text(rc)));
  m.has_ocsp = true;
  return {};
}

int make_certificate(gnutls_x509_crt_t crt, gnutls_x509_privkey_t key, const std::string& hostname) {
  int rc = gnutls_x509_privkey_generate(key, GNUTLS_PK_ECDSA, GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0);
  if (rc < 0) return rc;
  unsigned char serial[16];
  gnutls_rnd(GNUTLS_RND_NONCE, serial, sizeof serial);
  serial[0] &= 0x7f;
  const std::time_t now = std::time(nullptr);
  gnutls_x509_crt_set_version(crt, 3);
  gnutls_x509_crt_set_serial(crt, serial, sizeof serial);
  gnutls_x509_crt_set_activation_time(crt, now - 3600);  // clocks differ
  gnutls_x509_crt_set_expiration_time(crt, now + static_cast<std::time_t>(hooks::certificate_lifetime(kYear)));
  // X.520 allows 64 octets of common name; the alternative name holds it all.
  const std::string cn = hostname.substr(0, 64);
  rc = gnutls_x509_crt_set_dn_by_oid(crt, GNUTLS_OID_X520_COMMON_NAME, 0, cn.data(), static_cast<unsigned>(cn.size()));
  if (rc < 0) return rc;
  gnutls_x509_crt_set_subject_alt_name(crt, GNUTLS_SAN_DNSNAME, hostname.data(), static_cast<unsigned>(hostname.size()),
                                       GNUTLS_FSAN_SET);
  gnutls_x509_crt_set_basic_constraints(crt, 0, -1);
  gnutls_x509_crt_set_key_usage(crt, GNUTLS_KEY_DIGITAL_SIGNATURE);
  gnutls_x509_crt_set_key(crt, key);
  return gnutls_x509_crt_sign2(crt, crt, key, GNUTLS_DIG_SHA256, 0);
}

Status self_signed(TlsMaterial& m, const std::string& hostname) {
  gnutls_x509_crt_t crt = nullptr;
  gnutls_x509_privkey_t key = nullptr;
  gnutls_x509_crt_init(&crt);
  gnutls_x509_privkey_init(&key);
  int rc = make_certificate(crt, key, hostname.empty() ? "localhost" : hostname);
  if (rc >= 0) rc = gnutls_certificate_set_x509_key(m.credentials, &crt, 1, key);
  gnutls_x509_crt_deinit(crt);
  gnutls_x509_privkey_deinit(key);
  if (rc >= 0) return {};
  return fail("making a self-signed certificate: " + tls_error_text(rc));
}

std::shared_ptr<TlsMaterial> new_material() {
  auto m = std::make_shared<TlsMaterial>();
  gnutls_certificate_allocate_credentials(&m->credentials);
  return m;
}

/// All that cfg names, loaded or made.
Result<std::shared_ptr<const TlsMaterial>> server_material(const TlsServerConfig& cfg) {
  auto m = new_material();
  REMEX_CHECK(set_priority(*m, cfg.priority));
  if (cfg.certificate_file.empty()) {
    if (!cfg.private_key_file.empty())
      return fail(ErrorKind::config, "private key " + cfg.private_key_file + " without a certificate");
    REMEX_CHECK(self_signed(*m, cfg.hostname));
  } else {
    REMEX_CHECK(load_key_pair(*m, cfg.certificate_file, cfg.private_key_file));
    for (const auto& [certificate, key] : cfg.more_key_pairs) REMEX_CHECK(load_key_pair(*m, certificate, key));
  }
  if (hooks::ignore_ocsp_dates())
    gnutls_certificate_set_flags(m->credentials, GNUTLS_CERTIFICATE_SKIP_OCSP_RESPONSE_CHECK);
  for (unsigned i = 0; i < cfg.ocsp_files.size(); ++i) REMEX_CHECK(load_ocsp(*m, cfg.ocsp_files[i], i));
  REMEX_CHECK(load_trust(*m, cfg.verify_certificates));
  REMEX_CHECK(load_crl(*m, cfg.crl_file));
  m->request_peer = cfg.request_client_certificate || cfg.require_client_certificate;
  m->require_peer = cfg.require_client_certificate;
  return m;
}

class ServerContext final : public TlsServerContext {
 public:
  ServerContext(TlsServerConfig cfg, std::shared_ptr<const TlsMaterial> m)
      : cfg_(std::move(cfg)), material_(std::move(m)), renew_at_(next_renewal()) {}
  Result<std::unique_ptr<TlsStream>> accept(std::unique_ptr<Stream> under, const ForName& for_name) override {
    TlsMaterialForName material;
    if (for_name)
      material = [&for_name](const std::string& name) -> Result<std::shared_ptr<const TlsMaterial>> {
        REMEX_TRY(const auto context, for_name(name));
        return dynamic_cast<ServerContext&>(*context).material();
      };
    return tls_handshake(this->material(), std::move(under), true, {}, material);
  }

 private:
  static std::int64_t next_renewal() { return wall_seconds() + hooks::certificate_lifetime(kYear) / 2; }

  /// A certificate of our own is made anew in the middle of its time, however long the server runs. When that fails,
  /// the one before stays.
  std::shared_ptr<const TlsMaterial> material() {
    if (!cfg_.certificate_file.empty() || wall_seconds() < renew_at_) return material_;
    if (auto fresh = server_material(cfg_)) {
      material_ = std::move(*fresh);
      renew_at_ = next_renewal();
    }
    return material_;
  }

  const TlsServerConfig cfg_;
  std::shared_ptr<const TlsMaterial> material_;
  std::int64_t renew_at_;  ///< seconds since 1970
};

class ClientContext final : public TlsClientContext {
 public:
  explicit ClientContext(std::shared_ptr<const TlsMaterial> m) : material_(std::move(m)) {}
  Result<std::unique_ptr<TlsStream>> connect(std::unique_ptr<Stream> under, const std::string& sni,
                                             const std::string& verify_name) override {
    return tls_handshake(material_, std::move(under), false, {sni, verify_name});
  }

 private:
  std::shared_ptr<const TlsMaterial> material_;
};

}  // namespace

TlsMaterial::~TlsMaterial() {
  if (credentials != nullptr) gnutls_certificate_free_credentials(credentials);
  if (priority != nullptr) gnutls_priority_deinit(priority);
}

Result<std::shared_ptr<TlsServerContext>> TlsServerContext::create(const TlsServerConfig& cfg) {
  REMEX_TRY(auto m, server_material(cfg));
  return std::make_shared<ServerContext>(cfg, std::move(m));
}

Result<std::shared_ptr<TlsClientContext>> TlsClientContext::create(const TlsClientConfig& cfg) {
  auto m = new_material();
  REMEX_CHECK(set_priority(*m, cfg.priority));
  if (!cfg.certificate_file.empty()) REMEX_CHECK(load_key_pair(*m, cfg.certificate_file, cfg.private_key_file));
  REMEX_CHECK(load_trust(*m, cfg.verify_certificates));
  REMEX_CHECK(load_crl(*m, cfg.crl_file));
  m->request_ocsp = cfg.request_ocsp;
  m->dh_min_bits = cfg.dh_min_bits;
  return std::make_shared<ClientContext>(std::move(m));
}

}  // namespace remex::io
