// DKIM canonicalisation (RFC 6376 3.4) of headers and of streamed bodies. Input lines end in LF, output lines in CRLF.
// Linear, constant memory: white space and empty lines not yet known to matter are kept as counters.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "core/msgauth/dkim_crypto.h"

namespace remex::msgauth {

enum class Canon : std::uint8_t { simple, relaxed };

/// Appends one canonicalised header, CRLF included. `text` is name, colon, value with folds and final LF.
void canon_header(Canon canon, std::string_view text, std::string& out);

/// Feeds canonicalised body bytes to `sink` in pieces of about 64 KiB.
class BodyCanon {
 public:
  using Sink = std::function<void(std::string_view)>;
  BodyCanon(Canon canon, Sink sink);
  void add(std::string_view piece);
  /// End of the body: completes the last line (and turns an empty simple body into one CRLF).
  void finish();

 private:
  void add_simple(std::string_view piece);
  void add_relaxed(std::string_view piece);
  /// Part of one line, no LF in it, relaxed.
  void relaxed_part(std::string_view part);
  void before_content();
  void put(std::string_view s);
  void put(char c) {
    if (buffer_.size() >= kBuffer) flush();
    buffer_ += c;
  }
  void flush();

  static constexpr std::size_t kBuffer = 64 * 1024;
  Canon canon_;
  Sink sink_;
  std::string buffer_;
  std::uint64_t newlines_ = 0;  ///< line ends seen and not yet written
  bool in_line_ = false;        ///< the present line has content that was written
  bool blank_ = false;          ///< relaxed: white space seen and not yet written
  bool any_ = false;            ///< something was written
};

/// All body hashes of one message: each (canonicalisation, hash) runs once whatever the number of signatures; a length
/// limit (l=) takes a snapshot at its place.
class BodyHashes {
 public:
  static constexpr std::uint64_t kNoLimit = ~std::uint64_t{0};
  BodyHashes() = default;
  BodyHashes(const BodyHashes&) = delete;  // the canonicalisers point back here
  BodyHashes& operator=(const BodyHashes&) = delete;
  /// Before the first add().
  void want(Canon canon, HashKind hash, std::uint64_t limit);
  void add(std::string_view piece);
  void finish();
  /// After finish(). The digest; empty when the body was shorter than `limit`.
  std::string digest(Canon canon, HashKind hash, std::uint64_t limit) const;
  /// Octets of the canonicalised body.
  std::uint64_t length(Canon canon) const { return total_[static_cast<std::size_t>(canon)]; }

 private:
  struct Run {
    Run(Canon c, HashKind h) : canon(c), kind(h), hash(h) {}
    Canon canon;
    HashKind kind;
    Hash hash;
    std::uint64_t count = 0;
    std::map<std::uint64_t, std::string> at;  ///< limit -> digest
  };
  void canonical(Canon canon, std::string_view bytes);

  std::vector<Run> runs_;
  std::vector<BodyCanon> canons_;
  std::uint64_t total_[2] = {0, 0};
};

}  // namespace remex::msgauth
