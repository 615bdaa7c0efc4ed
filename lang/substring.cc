// Substring arithmetic.
#include "lang/substring.h"

#include <algorithm>

namespace remex::lang {

std::string_view substring(std::string_view s, std::int64_t start, std::int64_t count) {
  const auto size = static_cast<std::int64_t>(s.size());
  if (start < 0) {
    if (count < 0) {  // what stands before the place
      start += size;
      return s.substr(0, static_cast<std::size_t>(std::max<std::int64_t>(start, 0)));
    }
    start += size;
    if (start < 0) {  // it begins before the string: that much less is left
      count += start;
      start = 0;
      if (count <= 0) return {};
    }
  }
  if (start >= size) return {};
  if (count < 0) count = size;
  return s.substr(static_cast<std::size_t>(start), static_cast<std::size_t>(count));
}

}  // namespace remex::lang
