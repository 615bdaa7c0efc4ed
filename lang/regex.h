// Regular expressions: PCRE2 with match, depth and heap limits, compiled lazily to machine code, and a bounded cache.
//
// Used by match, sg, lists, ACL conditions and rewriting. A pattern that exceeds its limits is an error, never a "no".
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/result.h"

namespace remex::lang {

class Regex {
 public:
  ~Regex();
  Regex(const Regex&) = delete;
  Regex& operator=(const Regex&) = delete;

  /// Error text as Exim's: `regular expression error in "(": missing closing parenthesis at offset 1`.
  static Result<std::shared_ptr<const Regex>> compile(std::string_view pattern, bool caseless = false);
  /// From the cache of this thread (200 patterns, the least recently used goes).
  static Result<std::shared_ptr<const Regex>> cached(std::string_view pattern, bool caseless = false);

  /// Offsets [start, end) of the whole match and of each group; {npos, npos} for a group that took no part.
  using Spans = std::vector<std::pair<std::size_t, std::size_t>>;
  /// Searches from `start`. `spans` may be null. Kind failed: a limit was exceeded. `not_empty`: an empty match at
  /// `start` does not count (for global replacement).
  Result<bool> search(std::string_view subject, Spans* spans, std::size_t start = 0, bool not_empty = false) const;

 private:
  struct Impl;
  explicit Regex(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace remex::lang
