// Answers of spamd, rspamd and clamd: whatever a scanner says, the verdict is bounded and the score is a number.
// links: acl
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "acl/scan_protocol.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view reply(reinterpret_cast<const char*>(data) + 1, size - 1);
  using namespace remex::acl;
  if (data[0] % 3 == 2) {
    if (const auto v = parse_clamd_reply(reply); v && v->infected == v->name.empty()) std::abort();
    return 0;
  }
  const auto v = data[0] % 3 == 0 ? parse_spamd_reply(reply) : parse_rspamd_reply(reply);
  if (!v) return 0;
  if (!std::isfinite(v->score) || v->report.size() > size || spam_bar(v->score).size() > 50) std::abort();
  if (spam_score_text(v->score).empty() || spam_score_int(v->score).empty()) std::abort();
  return 0;
}
