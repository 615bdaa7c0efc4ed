// Hexadecimal and base 64 (RFC 4648), declared in strings.h. Decoders refuse what is not well formed: the callers
// feed them bytes from peers.
#include <algorithm>
#include <array>

#include "core/base/strings.h"

namespace remex {
namespace {

constexpr std::string_view kBase64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

constexpr std::array<std::int16_t, 256> kBase64Values = [] {
  std::array<std::int16_t, 256> table{};
  for (auto& entry : table) entry = -1;
  for (std::size_t i = 0; i < kBase64.size(); ++i) {
    table[static_cast<unsigned char>(kBase64[i])] = static_cast<std::int16_t>(i);
  }
  return table;
}();

int hex_value(char c) {
  if (is_digit(c)) return c - '0';
  const char lower = ascii_lower(c);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

}  // namespace

std::string hex_encode(std::string_view bytes, bool upper) {
  const char* digits = upper ? "0123456789ABCDEF" : "0123456789abcdef";
  std::string out;
  out.reserve(bytes.size() * 2);
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    out += digits[byte >> 4];
    out += digits[byte & 15];
  }
  return out;
}

std::optional<std::string> hex_decode(std::string_view hex) {
  if (hex.size() % 2 != 0) return std::nullopt;
  std::string out;
  out.reserve(hex.size() / 2);
  for (std::size_t i = 0; i < hex.size(); i += 2) {
    const int high = hex_value(hex[i]);
    const int low = hex_value(hex[i + 1]);
    if (high < 0 || low < 0) return std::nullopt;
    out += static_cast<char>(high * 16 + low);
  }
  return out;
}

std::string base64_encode(std::string_view bytes) {
  std::string out;
  out.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const std::size_t n = std::min<std::size_t>(3, bytes.size() - i);
    std::uint32_t group = 0;
    for (std::size_t k = 0; k < 3; ++k) {
      group = group << 8 | (k < n ? static_cast<unsigned char>(bytes[i + k]) : 0U);
    }
    out += kBase64[group >> 18 & 63];
    out += kBase64[group >> 12 & 63];
    out += n > 1 ? kBase64[group >> 6 & 63] : '=';
    out += n > 2 ? kBase64[group & 63] : '=';
  }
  return out;
}

std::optional<std::string> base64_decode(std::string_view text, bool lenient) {
  std::string out;
  out.reserve(text.size() / 4 * 3 + 3);
  std::uint32_t group = 0;
  int count = 0;    // characters of the present group of four, padding included
  int padding = 0;  // '=' seen; nothing but padding may follow
  for (const char c : text) {
    if (lenient && is_space(c)) continue;
    if (c == '=') {
      if (count < 2 || ++padding > 2) return std::nullopt;
    } else {
      const int value = kBase64Values[static_cast<unsigned char>(c)];
      if (value < 0 || padding != 0) return std::nullopt;
      group |= static_cast<std::uint32_t>(value) << (18 - 6 * count);
    }
    if (++count < 4) continue;
    for (int k = 0; k < 3 - padding; ++k) out += static_cast<char>(group >> (16 - 8 * k) & 255);
    group = 0;
    count = padding == 0 ? 0 : -100;  // after a padded group every further character is an error
  }
  if (count != 0 && count != -100) return std::nullopt;
  return out;
}

}  // namespace remex
