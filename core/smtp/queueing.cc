// See queueing.h.

#include "core/smtp/queueing.h"

#include <fmt/core.h>
#include <unistd.h>

#include "core/io/process.h"

namespace remex::smtp {

Queueing queueing_on_arrival(const lang::MainOptions& options, bool& latched, bool overridden) {
  if (options.queue_only && !overridden) return {true, ""};
  for (const auto& file : options.queue_only_file)
    if (!overridden && !file.starts_with("smtp/") && ::access(file.c_str(), F_OK) == 0) return {true, file + " exists"};
  if (options.queue_only_load < 0) return {};
  const std::int64_t load = io::load_average_thousandths();
  if (latched || load > options.queue_only_load) {
    latched = options.queue_only_load_latch;
    return {true, fmt::format("load average {:.2f}", static_cast<double>(load) / 1000)};
  }
  return {};
}

}  // namespace remex::smtp
