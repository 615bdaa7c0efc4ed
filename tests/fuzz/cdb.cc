// links: lookups
// Fuzz target: a cdb file. The first byte is the length of the key, the key follows, the rest is the file. Whatever the
// file says, a look-up ends, reads nothing outside and finds no more than the file holds.
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "lookups/cdb_file.h"

using namespace remex::lookups;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2 || size > (1U << 20U)) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data + 1), size - 1);
  const std::size_t n = std::min<std::size_t>(data[0], text.size());
  const std::string_view key = text.substr(0, n);
  const std::string_view content = text.substr(n);
  const int fd = ::memfd_create("cdb", MFD_CLOEXEC);
  if (fd < 0 || ::write(fd, content.data(), content.size()) != static_cast<ssize_t>(content.size())) __builtin_trap();
  auto file = CdbFile::adopt(fd, "fuzz");
  if (!file) return 0;
  auto found = file->find(key);
  if (found && *found && (*found)->size() > content.size()) __builtin_trap();
  return 0;
}
