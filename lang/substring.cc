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
std::string text_hash(std::string_view s, std::int64_t m, std::int64_t n) {
  static constexpr std::string_view kSymbols = "abcdefghijklmnopqrtsuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
  const auto length = static_cast<std::size_t>(std::max<std::int64_t>(m, 0));
  if (length >= s.size() || length == 0 || n < 1) return std::string(s.substr(0, length));
  std::string out(s.substr(0, length));
  std::size_t at = 0;  // i modulo length
  for (std::size_t i = length; i < s.size(); ++i) {
    const auto c = static_cast<unsigned char>(s[i]);
    const unsigned shift = (c + i) & 7U;
    const unsigned rotated = (static_cast<unsigned>(c) << shift | static_cast<unsigned>(c) >> (8 - shift)) & 0xFFU;
    char& place = out[at];
    if (++at == length) at = 0;
    place = static_cast<char>(static_cast<unsigned char>(place) ^ rotated);
  }
  const auto symbols = static_cast<std::size_t>(std::min<std::int64_t>(n, static_cast<std::int64_t>(kSymbols.size())));
  for (char& c : out) c = kSymbols[static_cast<unsigned char>(c) % symbols];
  return out;
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
