// Fuzz target: splitting and adding headers. Properties: nothing is lost or invented, and added text never opens the
// body.
#include <cstdlib>

#include "core/mail/message.h"

using namespace remex::mail;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view s(reinterpret_cast<const char*>(data), size);
  HeaderList list;
  const std::size_t body = split_headers(s, list);
  if (body > size) std::abort();
  const std::string raw = list.raw();
  std::string_view head = s.substr(0, body);
  if (raw.substr(0, std::min(raw.size(), head.size())) != head.substr(0, raw.size())) std::abort();
  for (const Header& h : list.all()) {
    if (h.name().empty() || h.text.back() != '\n') std::abort();
    (void)h.value();
  }
  HeaderList added;
  added.add("From: a\n");
  added.add(std::string(s), static_cast<Where>(size % 4));
  HeaderList again;
  const std::string text = added.raw();
  if (split_headers(text, again) != text.size() || again.all().size() != added.all().size()) std::abort();
  return 0;
}
