// lsearch files in memory: records of key and data in file order. Shared by lsearch, wildlsearch, nwildlsearch,
// iplsearch.
//
// A file is read whole at its first use and again when the engine sees that it changed. Plain system calls: a file on a
// dead network mount would hold up the loop. Not a regular file, unreadable or larger than 256 MiB: kind defer.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"

namespace remex::lookups {

struct LinearRecord {
  std::string key;
  std::string data;
  std::string gap;  ///< what stood between key and data, for ret=full
};

/// `type` is for the error text ("lsearch").
Result<std::vector<LinearRecord>> read_linear_file(const std::string& path, std::string_view type);
/// Parses text; never fails (any text is some file).
std::vector<LinearRecord> parse_linear(std::string_view text);
/// The record as ret=full returns it.
std::string full_line(const LinearRecord& r);
/// Whether "ret=full" is among the options; an unknown one is an error text (empty = fine).
bool wants_full(std::string_view options);

}  // namespace remex::lookups
