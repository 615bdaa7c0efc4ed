// Substring arithmetic, and the two string hashes of the language.
//
// The hashes have no published algorithm: they were found by feeding strings to a black box and agree with it on all
// that was tried.
#include "lang/substring.h"

#include <algorithm>
#include <array>

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

// The first m bytes, each with later ones rotated and added in turn, as indices into the first n symbols.
void text_hash(std::string& text, std::size_t from, std::int64_t m, std::int64_t n) {
  static constexpr std::string_view kSymbols = "abcdefghijklmnopqrtsuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
  const auto length = static_cast<std::size_t>(std::max<std::int64_t>(m, 0));
  const std::size_t size = text.size() - from;
  if (length < size && length > 0 && n >= 1) {
    auto* const bytes = reinterpret_cast<unsigned char*>(text.data()) + from;
    std::size_t at = 0;  // i modulo length
    for (std::size_t i = length; i < size; ++i) {
      const unsigned c = bytes[i];
      const unsigned shift = (c + static_cast<unsigned>(i)) & 7U;
      bytes[at] = static_cast<unsigned char>(bytes[at] ^ (c << shift | c >> (8 - shift)));
      if (++at == length) at = 0;
    }
    const auto symbols = static_cast<unsigned>(std::min<std::int64_t>(n, std::ssize(kSymbols)));
    for (std::size_t i = 0; i < length; ++i) bytes[i] = static_cast<unsigned char>(kSymbols[bytes[i] % symbols]);
  }
  if (length < size) text.resize(from + length);
}

// Bytes weighted with the primes below 114, from the largest down, again and again.
std::string numeric_hash(std::string_view s, std::int64_t n, std::int64_t m) {
  static constexpr std::array<std::uint8_t, 29> kPrimes{113, 109, 107, 103, 101, 97, 89, 83, 79, 73, 71, 67, 61, 59, 53,
                                                        47,  43,  41,  37,  31,  29, 23, 19, 17, 13, 11, 7,  5,  3};
  std::uint64_t sum = 0;
  std::size_t i = 0;
  for (const char c : s) {
    sum += static_cast<std::uint64_t>(kPrimes[i]) * static_cast<unsigned char>(c);
    if (++i == kPrimes.size()) i = 0;
  }
  const auto first = static_cast<std::uint64_t>(std::max<std::int64_t>(n, 1));
  if (m <= 0) return std::to_string(sum % first);
  const auto second = static_cast<std::uint64_t>(m);
  const std::uint64_t both = sum / second % first;
  return std::to_string(both) + '/' + std::to_string(sum % second);
}

}  // namespace remex::lang
