// links: core/daemon
// The configuration reader with the real language: any text either loads or is refused with diagnostics.
#include <cstddef>
#include <cstdint>
#include <string>

#include "core/daemon/registries.h"
#include "lang/config.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size > 64U << 10) return 0;
  std::string text(reinterpret_cast<const char*>(data), size);
  if (text.find(".include") != std::string::npos) return 0;  // no reading of the tester's files
  auto files = std::make_shared<remex::lang::SourceFiles>();
  remex::lang::Diagnostics diag(*files);
  const auto config =
      remex::lang::load_config_text("fuzz.conf", text, {}, remex::daemon::all_registries(), diag, files);
  if (!config && !diag.has_errors()) __builtin_trap();
  (void)diag.render();
  return 0;
}
