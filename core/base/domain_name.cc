// See domain_name.h.
#include "core/base/domain_name.h"

#include <array>

namespace remex {
namespace {

constexpr std::size_t kMaxName = 255;  // RFC 1035 2.3.4

/// Most characters of a name: one look each.
constexpr std::array<bool, 256> kLetterOrDigit = [] {
  std::array<bool, 256> table{};
  for (unsigned c = 0; c < 128; ++c)
    table[c] = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
  return table;
}();

}  // namespace

bool is_domain_name(std::string_view name, bool lax) {
  if (name.empty() || name.size() > kMaxName) return false;
  std::size_t label = 0;
  char previous = '.';
  for (char c : name) {
    if (kLetterOrDigit[static_cast<unsigned char>(c)]) {
      if (++label > 63) return false;
    } else if (c == '.') {
      if (label == 0 || previous == '-') return false;
      label = 0;
    } else if ((c == '-' && label > 0) || (lax && c == '_')) {
      if (++label > 63) return false;
    } else {
      return false;
    }
    previous = c;
  }
  return label > 0 && previous != '-';
}

}  // namespace remex
