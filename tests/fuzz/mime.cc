// Fuzz target: MIME headers, structure and decoding. Properties: the pieces do not matter, parts lie within the input
// and in order, decoding never makes more than was there.
// links: core/mail
#include <cstdint>
#include <cstdlib>

#include "core/mail/mime.h"

using namespace remex::mail;

namespace {

std::vector<MimePart> scan(std::string_view s, std::size_t step) {
  MimeScanner scanner{MimeScanner::Limits{.max_parts = 500}};
  for (std::size_t i = 0; i < s.size(); i += step) scanner.feed(s.substr(i, step));
  scanner.finish();
  return scanner.parts();
}

void decode(std::string_view s, TransferEncoding e) {
  MimeDecoder whole(e), pieces(e);
  std::string a, b;
  whole.feed(s, a);
  whole.finish(a);
  for (std::size_t i = 0; i < s.size(); i += 3) pieces.feed(s.substr(i, 3), b);
  pieces.finish(b);
  if (a != b || a.size() > s.size() || whole.broken() != pieces.broken()) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view s(reinterpret_cast<const char*>(data), size);
  const auto parts = scan(s, size + 1);
  const auto again = scan(s, 5);
  if (parts.size() != again.size() || parts.empty()) std::abort();
  std::uint64_t head = 0;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const MimePart& p = parts[i];
    if (p.head_begin < head || p.body_begin < p.head_begin || p.body_end < p.body_begin || p.body_end > size)
      std::abort();
    if (again[i].body_begin != p.body_begin || again[i].body_end != p.body_end || again[i].cover != p.cover)
      std::abort();
    head = p.head_begin;
    (void)parse_mime_header(s.substr(p.head_begin, p.body_begin - p.head_begin));
  }
  (void)parse_mime_header(s);
  decode(s, TransferEncoding::base64);
  decode(s, TransferEncoding::quoted_printable);
  return 0;
}
