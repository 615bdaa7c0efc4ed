// The cryptography DKIM needs, over GnuTLS: running hashes, RSA (PKCS#1 v1.5) and Ed25519 (RFC 8463) keys. Synchronous;
// a signature costs up to a few milliseconds, so callers on the loop use offload. Objects are movable, not shared
// between threads.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>

#include "core/base/result.h"
#include "core/io/gnutls.h"

namespace remex::msgauth {

enum class HashKind : std::uint8_t { sha256, sha512 };
enum class KeyKind : std::uint8_t { rsa, ed25519 };

/// A running digest.
class Hash {
 public:
  explicit Hash(HashKind kind);
  void add(std::string_view bytes);
  /// The digest of what was added so far; adding may go on.
  std::string snapshot() const;

 private:
  struct Free {
    void operator()(hash_hd_st* h) const { gnutls_hash_deinit(h, nullptr); }
  };
  HashKind kind_;
  std::unique_ptr<hash_hd_st, Free> handle_;
};

/// A signer's key from DNS.
class PublicKey {
 public:
  /// `der`: SubjectPublicKeyInfo or bare RSAPublicKey for RSA (both are in use, RFC 6376 erratum 3017), 32 octets for
  /// Ed25519.
  static Result<PublicKey> import(KeyKind kind, std::string_view der);
  KeyKind kind() const { return kind_; }
  unsigned bits() const { return bits_; }
  /// `digest` is the hash of the canonicalised headers.
  bool verify(HashKind hash, std::string_view digest, std::string_view signature) const;

 private:
  struct Free {
    void operator()(gnutls_pubkey_t k) const { gnutls_pubkey_deinit(k); }
  };
  KeyKind kind_ = KeyKind::rsa;
  unsigned bits_ = 0;
  std::unique_ptr<std::remove_pointer_t<gnutls_pubkey_t>, Free> key_;
};

/// Our own signing key. Error texts never hold key material.
class PrivateKey {
 public:
  /// PEM (PKCS#1 or PKCS#8, unencrypted), DER, or base64 of DER on one line.
  static Result<PrivateKey> import(std::string_view text);
  KeyKind kind() const { return kind_; }
  unsigned bits() const { return bits_; }
  Result<std::string> sign(HashKind hash, std::string_view digest) const;
  /// What goes into p= of the DNS record, base64.
  Result<std::string> dns_public_key() const;

 private:
  struct Free {
    void operator()(gnutls_privkey_t k) const { gnutls_privkey_deinit(k); }
  };
  KeyKind kind_ = KeyKind::rsa;
  unsigned bits_ = 0;
  std::unique_ptr<std::remove_pointer_t<gnutls_privkey_t>, Free> key_;
};

}  // namespace remex::msgauth
