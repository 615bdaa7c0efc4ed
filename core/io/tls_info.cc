// What a finished handshake is called, in the words of Exim's log fields and variables.
#include <fmt/format.h>

#include "core/hooks/hooks.h"
#include "core/io/tls_session.h"

namespace remex::io {
namespace {

/// GnuTLS says "(TLS1.3)-(ECDHE-X25519)-(RSA-PSS-RSAE-SHA256)-(AES-256-GCM)"; Exim logs
/// "TLS1.3:ECDHE_X25519__RSA_PSS_RSAE_SHA256__AES_256_GCM:256".
std::string exim_cipher(std::string_view desc, int bits) {
  std::string out;
  bool first = true;
  while (!desc.empty()) {
    std::size_t sep = desc.find(")-(");
    std::string_view part = desc.substr(0, sep);
    desc.remove_prefix(sep == std::string_view::npos ? desc.size() : sep + 3);
    if (part.starts_with('(')) part.remove_prefix(1);
    if (part.ends_with(')')) part.remove_suffix(1);
    if (!out.empty()) out += first ? ":" : "__";
    if (!out.empty()) first = false;
    for (const char c : part) out += c == '-' ? '_' : c;
  }
  return fmt::format("{}:{}", out, bits);
}

constexpr unsigned kMaxChain = 20;

struct Crt {
  gnutls_x509_crt_t crt = nullptr;
  Crt() { gnutls_x509_crt_init(&crt); }
  ~Crt() { gnutls_x509_crt_deinit(crt); }
  Crt(const Crt&) = delete;
  Crt& operator=(const Crt&) = delete;
};

std::string take(gnutls_datum_t& d) {
  std::string s(reinterpret_cast<const char*>(d.data), d.size);
  gnutls_free(d.data);
  return s;
}

void describe_certificate(const gnutls_datum_t& der, std::string* dn, std::string& pem) {
  Crt c;
  if (gnutls_x509_crt_import(c.crt, &der, GNUTLS_X509_FMT_DER) != 0) return;
  gnutls_datum_t out{};
  // the order Exim shows: country first
  if (dn != nullptr && gnutls_x509_crt_get_dn3(c.crt, &out, GNUTLS_X509_DN_FLAG_COMPAT) == 0) *dn = take(out);
  if (gnutls_x509_crt_export2(c.crt, GNUTLS_X509_FMT_PEM, &out) == 0) pem = take(out);
}

bool stapled(gnutls_session_t session) {
  return gnutls_ocsp_status_request_is_checked(session, GNUTLS_OCSP_SR_IS_AVAIL) != 0;
}

/// What is left of a verification's outcome when the age of status proofs does not count; `old` when it was wrong.
unsigned without_dates(unsigned status, bool& old) {
  constexpr unsigned kDates = GNUTLS_CERT_REVOCATION_DATA_SUPERSEDED | GNUTLS_CERT_REVOCATION_DATA_ISSUED_IN_FUTURE;
  old = (status & kDates) != 0;
  if (!old) return status;
  status &= ~kDates;
  return status == GNUTLS_CERT_INVALID ? 0 : status;
}

/// `old_proof`: the status proof was out of date, which does not count (test mode).
void verify_peer(gnutls_session_t session, bool server, const std::string& name, TlsInfo& info, bool& old_proof) {
  gnutls_typed_vdata_st data[2] = {};
  unsigned count = 0;
  data[count].type = GNUTLS_DT_KEY_PURPOSE_OID;
  data[count++].data =
      reinterpret_cast<unsigned char*>(const_cast<char*>(server ? GNUTLS_KP_TLS_WWW_CLIENT : GNUTLS_KP_TLS_WWW_SERVER));
  if (!name.empty()) {
    data[count].type = GNUTLS_DT_DNS_HOSTNAME;
    data[count++].data = reinterpret_cast<unsigned char*>(const_cast<char*>(name.c_str()));
  }
  unsigned status = 0;
  if (int rc = gnutls_certificate_verify_peers(session, data, count, &status); rc != 0) {
    info.verify_error = tls_error_text(rc);
    return;
  }
  if (hooks::ignore_ocsp_dates() && !server && stapled(session)) status = without_dates(status, old_proof);
  info.peer_verified = status == 0;
  if (status == 0) return;
  gnutls_datum_t text{};
  if (gnutls_certificate_verification_status_print(status, GNUTLS_CRT_X509, &text, 0) == 0)
    info.verify_error = take(text);
  while (!info.verify_error.empty() && (info.verify_error.back() == ' ' || info.verify_error.back() == '.'))
    info.verify_error.pop_back();
}

TlsInfo::Ocsp staple_outcome(gnutls_session_t session, const TlsMaterial& material, bool good_but_old) {
  if (!material.request_ocsp) return TlsInfo::not_requested;
  if (!stapled(session)) return TlsInfo::no_response;
  if (!material.verify_peer) return TlsInfo::not_verified;
  if (good_but_old) return TlsInfo::good;
  return gnutls_ocsp_status_request_is_checked(session, 0) != 0 ? TlsInfo::good : TlsInfo::bad;
}

}  // namespace

std::string certificate_pem(std::string_view der) {
  const gnutls_datum_t in{reinterpret_cast<unsigned char*>(const_cast<char*>(der.data())),
                          static_cast<unsigned>(der.size())};
  std::string out;
  describe_certificate(in, nullptr, out);
  return out;
}

std::string tls_server_name(gnutls_session_t session) {
  char name[256];
  std::size_t size = sizeof name;
  unsigned type = 0;
  if (gnutls_server_name_get(session, name, &size, &type, 0) != 0 || type != GNUTLS_NAME_DNS) return {};
  while (size > 0 && name[size - 1] == '\0') --size;
  return std::string(name, size);
}

void tls_describe(gnutls_session_t session, const TlsMaterial& material, bool server, const std::string& verify_name,
                  TlsInfo& info) {
  info.bits = static_cast<int>(gnutls_cipher_get_key_size(gnutls_cipher_get(session)) * 8);
  info.version = gnutls_protocol_get_name(gnutls_protocol_get_version(session));
  if (const char* std_name = gnutls_ciphersuite_get(session)) info.cipher_std = std_name;
  if (char* desc = gnutls_session_get_desc(session)) {
    info.cipher = exim_cipher(desc, info.bits);
    gnutls_free(desc);
  }
  if (server) info.sni = tls_server_name(session);
  if (const gnutls_datum_t* ours = gnutls_certificate_get_ours(session); ours != nullptr)
    describe_certificate(*ours, nullptr, info.our_cert_pem);
  unsigned count = 0;
  const gnutls_datum_t* chain = gnutls_certificate_get_peers(session, &count);
  if (chain == nullptr || count == 0) {
    info.verify_error = "no certificate";
    return;
  }
  describe_certificate(chain[0], &info.peer_dn, info.peer_cert_pem);
  for (unsigned i = 0; i < count && i < kMaxChain; ++i)
    info.peer_chain.emplace_back(reinterpret_cast<const char*>(chain[i].data), chain[i].size);
  bool old_proof = false;
  if (material.verify_peer) {
    verify_peer(session, server, verify_name, info, old_proof);
  } else {
    info.verify_error = "not verified: no trusted certificates configured";
  }
  // known once the certificate was verified
  if (!server) info.ocsp = staple_outcome(session, material, old_proof && info.peer_verified);
}

}  // namespace remex::io
