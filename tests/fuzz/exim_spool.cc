// links: core/mail
// Fuzz target: -H and -J files of an Exim spool. Properties: nothing is out of bounds (sanitizers); what is taken has
// addresses without control characters, and headers that are read back as the same headers.
#include <algorithm>
#include <cstdlib>

#include "core/mail/exim_spool.h"

using namespace remex::mail;

namespace {
bool clean(const std::string& s) {
  return std::none_of(s.begin(), s.end(), [](char c) { return static_cast<unsigned char>(c) < 32 || c == 127; });
}
}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view s(reinterpret_cast<const char*>(data), size);
  const auto dash = s.find("-H\n");
  auto m = parse_exim_header_file(s, s.substr(0, std::min(dash, size)));
  if (!m) {
    if (m.error().text.find(": ") == std::string::npos) std::abort();
    return 0;
  }
  if (!clean(m->envelope.sender)) std::abort();
  for (const auto& r : m->envelope.recipients)
    if (r.address.empty() || !clean(r.address) || !clean(r.errors_to) || !clean(r.orcpt) ||
        r.parent >= static_cast<int>(m->envelope.recipients.size()))
      std::abort();
  HeaderList again;
  const std::string raw = m->headers.raw();
  if (split_headers(raw, again) != raw.size() || again.all().size() != m->headers.all().size()) std::abort();
  (void)apply_exim_journal(s, *m);
  for (const auto& a : m->envelope.non_recipients)
    if (!clean(a)) std::abort();
  return 0;
}
