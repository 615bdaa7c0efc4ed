// See dovecot_protocol.h.
#include "authenticators/dovecot_protocol.h"

#include "core/base/strings.h"

namespace remex::authenticators {

std::optional<DovecotLine> parse_dovecot_line(std::string_view line) {
  if (line.size() > 8192) return std::nullopt;
  for (const char c : line)
    if (c != '\t' && static_cast<unsigned char>(c) < 32) return std::nullopt;
  DovecotLine out;
  std::size_t n = 0;
  for (std::string_view part : split(line, '\t')) {
    if (n == 0) out.word = part;
    if (n == 1) out.first = part;
    if (n >= 2) {
      if (n == 2) out.rest = part;
      const auto eq = part.find('=');
      if (out.values.size() < 100)
        out.values[std::string(part.substr(0, eq))] =
            eq == std::string_view::npos ? "" : std::string(part.substr(eq + 1));
    }
    ++n;
  }
  return out;
}

}  // namespace remex::authenticators
