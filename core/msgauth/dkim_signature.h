// Private to core/msgauth: a parsed DKIM-Signature header, a parsed key record, and the octets a signature is made
// over.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "core/msgauth/dkim.h"

namespace remex::msgauth {

struct ParsedSignature {
  HashKind hash = HashKind::sha256;
  KeyKind key = KeyKind::rsa;
  std::string b, bh;                   ///< decoded
  std::size_t b_begin = 0, b_end = 0;  ///< where b='s value stands in the header text
};

/// Fills `out` and `sig` from one DKIM-Signature header text; on a fault sets sig.status = invalid with reason and
/// detail and returns false. What could be read (d=, s=) is filled in all the same.
bool parse_signature(std::string_view header_text, const DkimVerifyOptions& opt, ParsedSignature& out,
                     DkimSignature& sig);

struct KeyRecord {
  KeyKind kind = KeyKind::rsa;
  std::string p;  ///< decoded
  bool revoked = false;
  std::vector<std::string> hashes;  ///< empty = all
  std::vector<std::string> services;
  bool testing = false, nosubdomains = false;
  std::string srvtype = "*", granularity = "*", notes;
};
Result<KeyRecord> parse_key_record(std::string_view txt);

/// Live headers by lower-case name, in message order; built once per message and shared by its signatures.
class HeaderIndex {
 public:
  explicit HeaderIndex(const mail::HeaderList& headers);
  /// Appends the canonicalised headers named by h=, each name taking the next instance from the bottom (RFC
  /// 6376 5.4.2). `skip` (the signature's own header) is never taken.
  void append(const std::vector<std::string>& names, Canon canon, const mail::Header* skip, std::string& out) const;
  const std::vector<const mail::Header*>* find(std::string_view lower_name) const;

 private:
  std::map<std::string, std::vector<const mail::Header*>, std::less<>> by_name_;
};

/// Digest over the named headers and the signature header itself with an empty b= and without its final CRLF.
std::string header_digest(HashKind hash, const HeaderIndex& index, const std::vector<std::string>& names, Canon canon,
                          std::string_view signature_header_without_b, const mail::Header* skip);

}  // namespace remex::msgauth
