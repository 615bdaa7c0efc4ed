// What a caller hands over to the daemon: any octets are a request within its bounds, or none; what was read can be
// written and read again.
// links: core/daemon
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "core/daemon/submit_request.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace remex::daemon;
  const std::string_view octets(reinterpret_cast<const char*>(data), size);
  if (const auto head = decode_frame_head(octets.substr(0, kFrameHead)); head && head->size > kMaxFrame) std::abort();
  const auto request = decode_request(octets);
  if (!request) return 0;
  if (request->arguments.size() > kMaxRequestArguments || request->sender.size() > kMaxRequestText) std::abort();
  const auto again = encode_request(*request);
  constexpr std::size_t kChoices = 12;  // two fields that are always written
  if (!again && size + kChoices <= kMaxRequest) std::abort();
  if (!again) return 0;
  const auto back = decode_request(*again);
  if (!back || *encode_request(*back) != *again) std::abort();
  return 0;
}
