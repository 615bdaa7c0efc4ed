// DKIM verification (RFC 6376, 8301, 8463) of one message, streamed: headers first, then body pieces, then keys. Used
// by SMTP reception; the results feed the DKIM ACL, the $dkim_* variables, log lines, DMARC and Authentication-Results.
// No I/O: keys come through a callback. Nothing a message holds makes this fail as a whole; every fault is the status
// of its signature.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/mail/message.h"
#include "core/msgauth/dkim_canon.h"

namespace remex::msgauth {

/// What DNS said about <selector>._domainkey.<domain>.
struct KeyAnswer {
  enum class Kind : std::uint8_t { found, not_found, temporary };
  Kind kind = Kind::not_found;
  std::vector<std::string> records;  ///< TXT records, the strings of each joined without blanks
};
/// May wait (a fiber parks in it). Called at most once per name.
using KeyLookup = std::function<KeyAnswer(const std::string& name)>;

struct DkimVerifyOptions {
  std::size_t max_signatures = 20;                      ///< later ones get no result at all
  std::vector<std::string> hashes{"sha256", "sha512"};  ///< dkim_verify_hashes
  std::vector<std::string> keytypes{"ed25519", "rsa"};  ///< dkim_verify_keytypes
  unsigned min_rsa_bits = 1024;                         ///< dkim_verify_min_keysizes
  unsigned min_ed25519_bits = 250;
  bool minimal = false;  ///< dkim_verify_minimal: stop after the first pass
  std::int64_t now = 0;  ///< seconds since the epoch, for x=; 0 = do not check
};
/// Reads "rsa=1024 ed25519=250" into the options; an unknown type or bad number is an error.
Status parse_min_keysizes(std::string_view text, DkimVerifyOptions& opt);

enum class DkimStatus : std::uint8_t { none, invalid, fail, pass };
/// "none", "invalid", "fail", "pass" ($dkim_verify_status).
std::string_view to_string(DkimStatus s);

/// One signature and what became of it; everything the $dkim_* variables show.
struct DkimSignature {
  DkimStatus status = DkimStatus::none;
  /// $dkim_verify_reason: pubkey_unavailable, pubkey_syntax, bodyhash_mismatch, signature_incorrect; beyond Exim's
  /// words: signature_invalid (syntax), signature_expired, pubkey_revoked, pubkey_too_short, pubkey_unusable. Empty for
  /// a pass.
  std::string reason;
  std::string detail;      ///< for people, as in Exim's log line; may hold nothing foreign unescaped
  bool temporary = false;  ///< the key could not be looked up now

  std::string domain;    ///< d=, lower case
  std::string selector;  ///< s=
  std::string identity;  ///< i= decoded, domain in lower case; empty when absent
  std::string algo;      ///< a=, e.g. "rsa-sha256"
  Canon canon_headers = Canon::simple, canon_body = Canon::simple;
  std::string copied_headers;             ///< z= decoded
  std::int64_t body_length = -1;          ///< l=, -1 = none
  std::int64_t created = 0;               ///< t=, 0 = none
  std::int64_t expires = -1;              ///< x=, -1 = none
  std::vector<std::string> header_names;  ///< h= in order
  std::string b_prefix;  ///< first 8 characters of b=, to tell signatures apart (RFC 6008) and to notice replays

  unsigned key_bits = 0;
  bool key_testing = false;       ///< t=y
  bool key_nosubdomains = false;  ///< t=s
  std::string key_srvtype = "*", key_granularity = "*", key_notes;

  std::uint64_t body_octets = 0;  ///< canonicalised body; more than body_length means part of it is unsigned
  bool covers_whole_body() const { return body_length < 0 || static_cast<std::uint64_t>(body_length) >= body_octets; }
  /// h= names this header at least once, case-insensitively.
  bool signs(std::string_view header) const;
  /// "DKIM: d=example.org s=sel c=relaxed/relaxed a=rsa-sha256 b=2048 [verification succeeded]" (log_selector
  /// dkim_verbose).
  std::string log_line() const;
};

class DkimVerifier {
 public:
  /// Reads the signatures. `headers` must stay unchanged until finish(); it is not copied.
  DkimVerifier(const mail::HeaderList& headers, DkimVerifyOptions opt);
  ~DkimVerifier();
  DkimVerifier(const DkimVerifier&) = delete;
  DkimVerifier& operator=(const DkimVerifier&) = delete;

  /// False when there is nothing to verify: body() and finish() may be skipped.
  bool wanted() const;
  /// DNS names whose TXT records finish() may ask for, without duplicates: for lookups ahead of time.
  std::vector<std::string> key_names() const;
  /// Consecutive pieces of the body, LF line ends. CPU only; may run in offload.
  void body(std::string_view piece);
  /// End of the body: checks hashes, asks for keys of signatures whose body hash is right, verifies. Call once.
  const std::vector<DkimSignature>& finish(const KeyLookup& lookup);
  const std::vector<DkimSignature>& results() const;
  /// DKIM-Signature headers beyond max_signatures.
  std::size_t ignored() const;

 private:
  struct Work;
  struct State;
  void check(Work& w, const KeyLookup& lookup);
  std::unique_ptr<State> state_;
};

/// $dkim_signers: domains and identities of the signatures that are syntactically right, colon-separated, each once.
std::string dkim_signers(const std::vector<DkimSignature>& results);

}  // namespace remex::msgauth
