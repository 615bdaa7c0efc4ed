// Fuzz target: a whole message through the DKIM verifier with a foreign key record. The input is "key record NUL
// message". Properties: no crash; the verdict does not depend on how the body was cut.
#include <cstdlib>

#include "core/msgauth/dkim.h"

using namespace remex;
using namespace remex::msgauth;

static std::string run(std::string_view record, const mail::HeaderList& list, std::string_view body,
                       std::size_t piece) {
  DkimVerifier v(list, {.now = 1800000000});
  for (std::size_t i = 0; i < body.size(); i += piece) v.body(body.substr(i, piece));
  std::string out;
  for (const DkimSignature& s :
       v.finish([&](const std::string&) { return KeyAnswer{KeyAnswer::Kind::found, {std::string(record)}}; })) {
    out += s.log_line() + "\n";
  }
  return out + dkim_signers(v.results());
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view s(reinterpret_cast<const char*>(data), size);
  const std::size_t nul = std::min(s.find('\0'), s.size());
  const std::string_view message = s.substr(std::min(nul + 1, s.size()));
  mail::HeaderList list;
  const std::string_view body = message.substr(mail::split_headers(message, list));
  if (run(s.substr(0, nul), list, body, body.size() + 1) != run(s.substr(0, nul), list, body, 3)) std::abort();
  return 0;
}
