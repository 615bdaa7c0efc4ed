// One TLS session over a Stream, either side. Private to core/io.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "core/io/gnutls.h"
#include "core/io/tls.h"

namespace remex::io {

/// Owns the credentials and priorities of a context; sessions share it, so a reload frees it after the last session.
struct TlsMaterial {
  gnutls_certificate_credentials_t credentials = nullptr;
  gnutls_priority_t priority = nullptr;
  bool verify_peer = false;
  bool request_peer = false;
  bool require_peer = false;
  bool has_ocsp = false;      ///< server: there is a status to staple
  bool request_ocsp = false;  ///< client
  unsigned dh_min_bits = 0;   ///< client

  TlsMaterial() = default;
  ~TlsMaterial();
  TlsMaterial(const TlsMaterial&) = delete;
  TlsMaterial& operator=(const TlsMaterial&) = delete;
};

struct TlsPeerNames {
  std::string sni;
  std::string verify_name;
};
/// Server side: what to go on with when the client names a server.
using TlsMaterialForName = std::function<Result<std::shared_ptr<const TlsMaterial>>(const std::string& server_name)>;

/// Handshake and all. `server` chooses the side.
Result<std::unique_ptr<TlsStream>> tls_handshake(std::shared_ptr<const TlsMaterial> material,
                                                 std::unique_ptr<Stream> under, bool server, const TlsPeerNames& names,
                                                 const TlsMaterialForName& for_name = {});
/// The server name of a ClientHello; empty when there is none or it is no name.
std::string tls_server_name(gnutls_session_t session);
/// GnuTLS's text without the final full stop.
std::string tls_error_text(int code);
/// Fills info from a session whose handshake ended.
void tls_describe(gnutls_session_t session, const TlsMaterial& material, bool server, const std::string& verify_name,
                  TlsInfo& info);

}  // namespace remex::io
