// DKIM signing (RFC 6376 5, RFC 8463) of an outgoing message, with the meaning of the smtp transport's dkim_* options.
// Synchronous and CPU-bound; run it in offload for large bodies. Failure: an Error for that signature; dkim_strict
// decides what it means.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/mail/message.h"
#include "core/msgauth/dkim_crypto.h"

namespace remex::msgauth {

/// _DKIM_SIGN_HEADERS: the default of dkim_sign_headers. Each name once, whether or not the header is there.
extern const std::string_view kDkimSignHeaders;
/// _DKIM_OVERSIGN_HEADERS: the same names with "+".
extern const std::string_view kDkimOversignHeaders;

/// The dkim_* options after expansion, for one domain and selector.
struct DkimSignOptions {
  std::string domain;
  std::string selector;
  std::string private_key;                ///< starts with '/': a file; else PEM, or base64 of DER
  std::shared_ptr<const PrivateKey> key;  ///< when set, used instead of private_key (a cache of the caller)
  std::string canon;                      ///< "relaxed" (also when empty) or "simple", for headers and body
  std::string hash;                       ///< "sha256" (also when empty) or "sha512"; "sha1" is refused (RFC 8301)
  std::string identity;                   ///< i=, not checked, as in Exim
  /// Colon-separated names; "=Name" = all instances present, "+Name" = these and one more (oversigning). Empty = the
  /// default.
  std::string sign_headers;
  std::optional<std::int64_t> timestamps;  ///< seconds until x=; 0 = only t=
  std::int64_t now = 0;                    ///< for t= and x=
};

/// True for the values of dkim_private_key that mean "do not sign": empty, "0", "false".
bool dkim_key_disabled(std::string_view private_key);
/// Reads a key as dkim_private_key gives it. Blocking file read of at most 64 KiB.
Result<PrivateKey> load_dkim_key(const std::string& private_key);

/// One DKIM-Signature header (name, folds, final LF) for the message, to be put at its start.
Result<std::string> dkim_sign(const mail::HeaderList& headers, const mail::Body& body, const DkimSignOptions& opt);
/// Several signatures; the body is read once and each (canonicalisation, hash) computed once. result[i] belongs to
/// opts[i].
std::vector<Result<std::string>> dkim_sign(const mail::HeaderList& headers, const mail::Body& body,
                                           const std::vector<DkimSignOptions>& opts);

}  // namespace remex::msgauth
