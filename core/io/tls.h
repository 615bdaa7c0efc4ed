// TLS over a Stream (GnuTLS inside; nothing of GnuTLS shows here). Contexts are immutable and shared.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/base/result.h"
#include "core/io/stream.h"

namespace remex::io {

/// What was negotiated; the texts are those of Exim's log fields and variables.
struct TlsInfo {
  std::string cipher;      ///< "TLS1.3:ECDHE_X25519__ECDSA_SECP256R1_SHA256__AES_256_GCM:256" ($tls_in_cipher)
  std::string cipher_std;  ///< "TLS_AES_256_GCM_SHA384"
  std::string version;     ///< "TLS1.3"
  int bits = 0;
  std::string sni;      ///< tainted
  std::string peer_dn;  ///< tainted; empty when the peer sent no certificate
  bool peer_verified = false;
  std::string verify_error;  ///< why peer_verified is false (client side, or a server that asked)
  std::string peer_cert_pem, our_cert_pem;
  std::vector<std::string> peer_chain;  ///< DER, the peer's own first
  /// The certificate status of the server (OCSP stapling, RFC 6066 8), as $tls_in_ocsp and $tls_out_ocsp number it.
  enum Ocsp : std::uint8_t { not_requested, no_response, not_verified, bad, good };
  Ocsp ocsp = not_requested;
};

struct TlsServerConfig {
  std::string certificate_file;  ///< PEM; empty: a self-signed certificate for `hostname` is made in memory
  std::string private_key_file;  ///< empty: same file as the certificate
  /// Further certificates and keys (an RSA and an ECDSA one): what the client can use is chosen.
  std::vector<std::pair<std::string, std::string>> more_key_pairs;
  /// Status proofs (OCSP responses, DER or PEM) for the certificates in their order; empty: none for that one.
  std::vector<std::string> ocsp_files;
  std::string hostname;
  std::string priority;   ///< GnuTLS priority string; empty = NORMAL without TLS < 1.2
  std::string dh_params;  ///< reserved, GnuTLS negotiates groups by itself
  bool request_client_certificate = false;
  bool require_client_certificate = false;
  std::string verify_certificates;  ///< PEM file/directory or "system"
  std::string crl_file;             ///< PEM, revocation lists for what verify_certificates vouches for; empty: none
};

struct TlsClientConfig {
  std::string priority;
  std::string certificate_file, private_key_file;  ///< client certificate, optional
  std::string verify_certificates;                 ///< "system", file or directory
  std::string crl_file;                            ///< as on the server's side
  bool request_ocsp = true;                        ///< false: what the server staples is not looked at
  unsigned dh_min_bits = 0;                        ///< of a finite-field Diffie-Hellman group; 0: GnuTLS's own limit
};

/// A certificate in DER as PEM.
std::string certificate_pem(std::string_view der);

class TlsStream : public Stream {
 public:
  virtual const TlsInfo& info() const = 0;
};

class TlsServerContext {
 public:
  static Result<std::shared_ptr<TlsServerContext>> create(const TlsServerConfig& cfg);
  virtual ~TlsServerContext() = default;
  /// The context for the server name a client asked for (RFC 6066 3, tainted). Called once at most, inside the
  /// handshake; may park. An error ends the handshake with its text.
  using ForName = std::function<Result<std::shared_ptr<TlsServerContext>>(const std::string& server_name)>;
  /// Does the handshake over `under` (kept alive by the result). Error text is GnuTLS's, one line. `for_name` may be
  /// empty: every name gets this context.
  virtual Result<std::unique_ptr<TlsStream>> accept(std::unique_ptr<Stream> under, const ForName& for_name = {}) = 0;
};

class TlsClientContext {
 public:
  static Result<std::shared_ptr<TlsClientContext>> create(const TlsClientConfig& cfg);
  virtual ~TlsClientContext() = default;
  /// `verify_name`: checked against the certificate (result in info().peer_verified, not an error). `sni` may be empty.
  virtual Result<std::unique_ptr<TlsStream>> connect(std::unique_ptr<Stream> under, const std::string& sni,
                                                     const std::string& verify_name) = 0;
};

}  // namespace remex::io
