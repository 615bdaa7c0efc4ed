// links: core/cli
// Any file as a log: no line is lost or shown twice, and what is read of a line lies within it.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "core/base/strings.h"
#include "core/cli/log_messages.h"

using namespace remex;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view all(reinterpret_cast<const char*>(data), size);
  for (const bool related : {false, true}) {
    std::size_t known = 0, shown = 0;
    cli::GrepOptions o;
    o.matches = [](const std::string&) -> Result<bool> { return true; };
    o.related = related;
    cli::LogMessages m(std::move(o), [&shown](const std::string& text) {
      std::size_t lines = 0;
      for (const std::string_view line : split(text, '\n'))
        lines += line.empty() || line.ends_with(" has not completed +++") ? 0U : 1U;
      shown += lines;
    });
    for (const std::string_view line : split(all, '\n')) {
      const auto l = cli::read_log_line(line);
      known += l.known && !l.text.empty() && !l.text.ends_with(" has not completed +++") ? 1U : 0U;
      if (!l.text.empty() && (l.text.data() < line.data() || l.text.data() + l.text.size() > line.data() + line.size()))
        std::abort();
      if (!m.add(line)) std::abort();
    }
    m.finish();
    if (known != shown) std::abort();
  }
  return 0;
}
