// Public Suffix List: the domain an organisation registered. Used by DMARC (RFC 7489 3.2).
//
// A list is read from its file at the first use and again when the file has changed; one copy per process.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "core/base/result.h"

namespace remex::msgauth {

class PublicSuffixes {
 public:
  /// `path` is absolute; "" is the list built into libpsl. Unreadable or not such a list: kind defer. Reads a file of
  /// some 250 KB when it is new: callers on a loop use io::offload. Any thread.
  static Result<std::shared_ptr<const PublicSuffixes>> load(const std::string& path);
  ~PublicSuffixes();
  PublicSuffixes(const PublicSuffixes&) = delete;
  PublicSuffixes& operator=(const PublicSuffixes&) = delete;

  /// "example.co.uk" for "www.example.co.uk"; the name itself when it is a public suffix or has no dot. `domain` is in
  /// lower case, without final dot.
  std::string organizational(std::string_view domain) const;

 private:
  PublicSuffixes() = default;
  void* list_ = nullptr;  ///< psl_ctx_t
  bool builtin_ = false;
};

}  // namespace remex::msgauth
