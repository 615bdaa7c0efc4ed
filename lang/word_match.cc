// See word_match.h.
#include "lang/word_match.h"

namespace remex::lang {

std::string_view constant_part(std::string_view source) { return source.substr(0, source.find_first_of("$\\")); }

WordPattern word_pattern(std::string_view source) {
  const std::string_view start = constant_part(source);
  return {std::string(start), start.size() == source.size(), false};
}

bool words_match(std::span<const WordPattern> patterns, std::span<const std::string> words) {
  // As with the asterisks of a file name pattern: only the last `many` has to be tried again.
  constexpr std::size_t kNone = static_cast<std::size_t>(-1);
  std::size_t p = 0, w = 0, many = kNone, tried = 0;
  while (w < words.size()) {
    if (p < patterns.size() && patterns[p].many) {
      many = p++;
      tried = w;
    } else if (p < patterns.size() && patterns[p].matches(words[w])) {
      ++p;
      ++w;
    } else if (many != kNone) {
      p = many + 1;
      w = ++tried;
    } else {
      return false;
    }
  }
  while (p < patterns.size() && patterns[p].many) ++p;
  return p == patterns.size();
}

}  // namespace remex::lang
