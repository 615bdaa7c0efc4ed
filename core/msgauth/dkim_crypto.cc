// GnuTLS wrapped for DKIM (see dkim_crypto.h). A failing hash object means the library is broken: that throws.
#include "core/msgauth/dkim_crypto.h"

#include <stdexcept>

#include "core/base/strings.h"

namespace remex::msgauth {
namespace {

/// View as gnutls_datum_t; GnuTLS does not write through it.
gnutls_datum_t datum(std::string_view s) {
  return {reinterpret_cast<unsigned char*>(const_cast<char*>(s.data())), static_cast<unsigned>(s.size())};
}

gnutls_digest_algorithm_t digest_of(HashKind k) {
  return k == HashKind::sha512 ? GNUTLS_DIG_SHA512 : GNUTLS_DIG_SHA256;
}
gnutls_sign_algorithm_t rsa_with(HashKind k) {
  return k == HashKind::sha512 ? GNUTLS_SIGN_RSA_SHA512 : GNUTLS_SIGN_RSA_SHA256;
}

constexpr std::size_t kMaxKeyText = 64 * 1024;
/// Largest RSA modulus we compute with: verification time grows with the cube, and the key is the stranger's choice.
constexpr unsigned kMaxRsaBits = 8192;

/// DER length octets.
std::string der_length(std::size_t n) {
  if (n < 128) return std::string(1, static_cast<char>(n));
  if (n < 256) return {static_cast<char>(0x81), static_cast<char>(n)};
  return {static_cast<char>(0x82), static_cast<char>(n >> 8), static_cast<char>(n & 0xff)};
}
std::string der(char tag, const std::string& inside) { return tag + der_length(inside.size()) + inside; }

/// RSAPublicKey -> SubjectPublicKeyInfo.
std::string wrap_rsa(std::string_view rsa_public_key) {
  static constexpr std::string_view kAlgorithm("\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01\x05\x00", 15);
  return der('\x30', std::string(kAlgorithm) + der('\x03', std::string(1, '\0') + std::string(rsa_public_key)));
}

}  // namespace

Hash::Hash(HashKind kind) : kind_(kind) {
  gnutls_hash_hd_t h = nullptr;
  if (gnutls_hash_init(&h, digest_of(kind)) < 0) throw std::logic_error("gnutls_hash_init failed");
  handle_.reset(h);
}

void Hash::add(std::string_view bytes) {
  if (!bytes.empty() && gnutls_hash(handle_.get(), bytes.data(), bytes.size()) < 0)
    throw std::logic_error("gnutls_hash failed");
}

std::string Hash::snapshot() const {
  gnutls_hash_hd_t copy = gnutls_hash_copy(handle_.get());
  if (copy == nullptr) throw std::logic_error("gnutls_hash_copy failed");
  std::string out(gnutls_hash_get_len(digest_of(kind_)), '\0');
  gnutls_hash_deinit(copy, out.data());
  return out;
}

Result<PublicKey> PublicKey::import(KeyKind kind, std::string_view bytes) {
  if (bytes.size() > kMaxKeyText) return fail("public key too long");
  gnutls_pubkey_t raw = nullptr;
  if (gnutls_pubkey_init(&raw) < 0) return fail("gnutls_pubkey_init failed");
  PublicKey key;
  key.kind_ = kind;
  key.key_.reset(raw);
  int rc;
  if (kind == KeyKind::ed25519) {
    if (bytes.size() != 32) return fail("Ed25519 public key is not 32 octets");
    const gnutls_datum_t x = datum(bytes);
    rc = gnutls_pubkey_import_ecc_raw(raw, GNUTLS_ECC_CURVE_ED25519, &x, nullptr);
  } else {
    gnutls_datum_t d = datum(bytes);
    rc = gnutls_pubkey_import(raw, &d, GNUTLS_X509_FMT_DER);
    if (rc < 0) {
      const std::string wrapped = wrap_rsa(bytes);
      d = datum(wrapped);
      rc = gnutls_pubkey_import(raw, &d, GNUTLS_X509_FMT_DER);
    }
  }
  if (rc < 0) return fail(std::string("public key: ") + gnutls_strerror(rc));
  const int algorithm = gnutls_pubkey_get_pk_algorithm(raw, &key.bits_);
  const int expected = kind == KeyKind::rsa ? GNUTLS_PK_RSA : GNUTLS_PK_EDDSA_ED25519;
  if (algorithm != expected) return fail("public key is of another type than k= says");
  if (kind == KeyKind::rsa && key.bits_ > kMaxRsaBits) return fail("RSA public key too large");
  return key;
}

bool PublicKey::verify(HashKind hash, std::string_view digest, std::string_view signature) const {
  const gnutls_datum_t d = datum(digest), s = datum(signature);
  if (kind_ == KeyKind::ed25519) {
    // RFC 8463 3: PureEdDSA over the SHA-256 digest.
    return gnutls_pubkey_verify_data2(key_.get(), GNUTLS_SIGN_EDDSA_ED25519, 0, &d, &s) >= 0;
  }
  return gnutls_pubkey_verify_hash2(key_.get(), rsa_with(hash), 0, &d, &s) >= 0;
}

Result<PrivateKey> PrivateKey::import(std::string_view text) {
  if (text.size() > kMaxKeyText) return fail("private key too long");
  gnutls_privkey_t raw = nullptr;
  if (gnutls_privkey_init(&raw) < 0) return fail("gnutls_privkey_init failed");
  PrivateKey key;
  key.key_.reset(raw);
  std::string decoded;
  const bool pem = text.find("-----BEGIN") != std::string_view::npos;
  if (pem && text.find("ENCRYPTED") != std::string_view::npos)
    return fail("private key is encrypted: keys with a password are not supported");
  if (!pem) {
    if (auto bytes = base64_decode(text, true)) decoded = std::move(*bytes);
  }
  const gnutls_datum_t d = datum(decoded.empty() ? text : std::string_view(decoded));
  const int rc = gnutls_privkey_import_x509_raw(raw, &d, pem ? GNUTLS_X509_FMT_PEM : GNUTLS_X509_FMT_DER, nullptr, 0);
  gnutls_memset(decoded.data(), 0, decoded.size());
  if (rc < 0) return fail(std::string("private key: ") + gnutls_strerror(rc));
  switch (gnutls_privkey_get_pk_algorithm(raw, &key.bits_)) {
    case GNUTLS_PK_RSA: key.kind_ = KeyKind::rsa; break;
    case GNUTLS_PK_EDDSA_ED25519: key.kind_ = KeyKind::ed25519; break;
    default: return fail("private key is neither RSA nor Ed25519");
  }
  return key;
}

Result<std::string> PrivateKey::sign(HashKind hash, std::string_view digest) const {
  const gnutls_datum_t d = datum(digest);
  gnutls_datum_t signature{};
  const int rc = kind_ == KeyKind::ed25519
                     ? gnutls_privkey_sign_data2(key_.get(), GNUTLS_SIGN_EDDSA_ED25519, 0, &d, &signature)
                     : gnutls_privkey_sign_hash2(key_.get(), rsa_with(hash), 0, &d, &signature);
  if (rc < 0) return fail(std::string("signing: ") + gnutls_strerror(rc));
  std::string out(reinterpret_cast<const char*>(signature.data), signature.size);
  gnutls_free(signature.data);
  return out;
}

Result<std::string> PrivateKey::dns_public_key() const {
  gnutls_pubkey_t raw = nullptr;
  if (gnutls_pubkey_init(&raw) < 0) return fail("gnutls_pubkey_init failed");
  const auto free_key = [](gnutls_pubkey_t k) { gnutls_pubkey_deinit(k); };
  const std::unique_ptr<std::remove_pointer_t<gnutls_pubkey_t>, decltype(free_key)> pub(raw, free_key);
  gnutls_datum_t out{};
  int rc = gnutls_pubkey_import_privkey(raw, key_.get(), 0, 0);
  if (rc >= 0) {
    gnutls_ecc_curve_t curve;
    rc = kind_ == KeyKind::ed25519 ? gnutls_pubkey_export_ecc_raw(raw, &curve, &out, nullptr)
                                   : gnutls_pubkey_export2(raw, GNUTLS_X509_FMT_DER, &out);
  }
  if (rc < 0) return fail(std::string("public key: ") + gnutls_strerror(rc));
  std::string text = base64_encode(std::string_view(reinterpret_cast<const char*>(out.data), out.size));
  gnutls_free(out.data);
  return text;
}

}  // namespace remex::msgauth
