// Child processes: started without a shell, waited for with a deadline, always reaped.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/base/result.h"

namespace remex::io {

/// The machine's load average over the last minute, in thousandths; -1 when it is not known. Any thread.
std::int64_t load_average_thousandths();

/// Lets this process have as many descriptors as it may: the soft limit becomes the hard one. What run_process() starts
/// gets the former soft limit, since many programs know no descriptors above it. Call it once, before threads exist.
/// Returns the limit now in force.
std::uint64_t raise_descriptor_limit();

struct ProcessSpec {
  std::vector<std::string> argv;         ///< argv[0] is the path
  std::vector<std::string> environment;  ///< "NAME=value"; nothing is inherited
  std::string input;                     ///< written to its standard input
  std::size_t max_output = 1 << 20;      ///< stdout+stderr beyond this is dropped, `truncated` says so
  std::string directory;                 ///< working directory, empty = unchanged
  bool merge_stderr = true;
};

struct ProcessResult {
  int exit_code = -1;  ///< -1 when ended by a signal
  int signal = 0;
  std::string output;
  bool truncated = false;
};

/// Runs to its end. At the deadline the process group is killed and the error is timed_out. kind not_found: no such
/// program.
Result<ProcessResult> run_process(const ProcessSpec& spec);

}  // namespace remex::io
