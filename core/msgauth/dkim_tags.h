// Tag lists ("a=b; c=d", RFC 6376 3.2) of DKIM-Signature headers and DNS key records. Foreign bytes: linear, bounded.
// No I/O.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"

namespace remex::msgauth {

inline constexpr std::size_t kMaxTagList = 64 * 1024;  ///< octets of one list
inline constexpr std::size_t kMaxTags = 100;

struct Tag {
  std::string_view name;
  std::string_view value;       ///< outer white space removed, inner kept
  std::size_t value_begin = 0;  ///< offset right after '=' in the list
  std::size_t value_end = 0;    ///< offset of the ';' or the end
};

/// What becomes of a tag that cannot be understood (empty, without '=', with a bad or repeated name, one too many):
/// `strict` refuses the list (RFC 6376 3.2), `lenient` leaves the tag out (RFC 7489 6.3).
enum class TagRules : std::uint8_t { strict, lenient };

class TagList {
 public:
  /// The views point into `text`. A list of more than kMaxTagList octets is refused by either rule.
  static Result<TagList> parse(std::string_view text, TagRules rules = TagRules::strict);
  const Tag* find(std::string_view name) const;
  std::optional<std::string_view> get(std::string_view name) const;
  const std::vector<Tag>& all() const { return tags_; }

 private:
  Status add(std::string_view text, std::size_t begin, std::size_t end);
  std::vector<Tag> tags_;
};

/// Removes folding white space everywhere (base64 values, header lists).
std::string strip_fws(std::string_view s);
/// dkim-quoted-printable (RFC 6376 2.11): white space dropped, =XX decoded; nullopt on a bad escape.
std::optional<std::string> decode_dkim_qp(std::string_view s);
/// "a : b:c" -> {"a","b","c"}, lower case when asked. Empty elements are kept.
std::vector<std::string> colon_list(std::string_view s, bool lower);

}  // namespace remex::msgauth
