// See cdb_file.h.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include <fmt/format.h>

#include "core/base/strings.h"
#include "lookups/cdb_file.h"

namespace remex::lookups {

namespace {

constexpr std::size_t kHeader = 2048;
/// Larger data make no sense as a lookup result and would only cost memory.
constexpr std::uint32_t kMaxData = 16U << 20U;
constexpr std::size_t kSlotsAtOnce = 32;

std::uint32_t hash_of(std::string_view key) {
  std::uint32_t h = 5381;
  for (const char c : key) h = ((h << 5U) + h) ^ static_cast<unsigned char>(c);
  return h;
}

std::uint32_t number_at(const char* p) {
  const auto* u = reinterpret_cast<const unsigned char*>(p);
  return static_cast<std::uint32_t>(u[0]) | static_cast<std::uint32_t>(u[1]) << 8U |
         static_cast<std::uint32_t>(u[2]) << 16U | static_cast<std::uint32_t>(u[3]) << 24U;
}

}  // namespace

Result<CdbFile> CdbFile::open(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
  if (fd < 0) return defer(fmt::format("failed to open {} for cdb lookup: {}", printable(path), std::strerror(errno)));
  return adopt(fd, path);
}

Result<CdbFile> CdbFile::adopt(int fd, std::string path) {
  CdbFile file(fd, std::move(path));
  REMEX_CHECK(file.load());
  return file;
}

CdbFile::CdbFile(CdbFile&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)), path_(std::move(other.path_)), size_(other.size_), header_(other.header_) {}

CdbFile::~CdbFile() {
  if (fd_ >= 0) ::close(fd_);
}

Status CdbFile::load() {
  struct stat st{};
  if (::fstat(fd_, &st) != 0)
    return defer(fmt::format("failed to open {} for cdb lookup: {}", printable(path_), std::strerror(errno)));
  if (!S_ISREG(st.st_mode)) return defer(fmt::format("{} is not a regular file (cdb lookup)", printable(path_)));
  size_ = static_cast<std::uint64_t>(st.st_size);
  if (size_ < kHeader) return defer(fmt::format("{} is too short to be a cdb file", printable(path_)));
  char raw[kHeader];
  REMEX_CHECK(read_at(0, raw, sizeof raw));
  for (std::size_t i = 0; i < header_.size(); ++i) header_[i] = number_at(raw + i * 4);
  for (std::size_t i = 0; i < kTables; ++i) {
    const std::uint64_t end = header_[2 * i] + 8ULL * header_[2 * i + 1];
    if (header_[2 * i + 1] > 0 && (header_[2 * i] < kHeader || end > size_))
      return damaged("a hash table lies outside the file");
  }
  return {};
}

std::unexpected<Error> CdbFile::damaged(std::string_view what) const {
  return defer(fmt::format("{} is not a cdb file or damaged: {}", printable(path_), what));
}

Status CdbFile::read_at(std::uint64_t position, char* into, std::size_t n) const {
  if (position + n > size_) return damaged("a record reaches past the end");
  while (n > 0) {
    const ssize_t got = ::pread(fd_, into, n, static_cast<off_t>(position));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return defer(fmt::format("failed to read {}: {}", printable(path_), std::strerror(errno)));
    if (got == 0) return damaged("it was cut short");
    into += got;
    n -= static_cast<std::size_t>(got);
    position += static_cast<std::uint64_t>(got);
  }
  return {};
}

Result<std::optional<std::string>> CdbFile::record(std::uint32_t position, std::string_view key) const {
  // Lengths, key and most data in one read.
  char head[1024];
  if (position < kHeader || position + 8ULL > size_) return damaged("a record lies outside the file");
  const std::size_t have = std::min<std::uint64_t>(sizeof head, size_ - position);
  REMEX_CHECK(read_at(position, head, have));
  const std::uint32_t key_size = number_at(head);
  const std::uint32_t data_size = number_at(head + 4);
  if (key_size != key.size()) return std::optional<std::string>();
  std::string_view rest(head + 8, have - 8);
  std::string long_key;
  if (rest.size() >= key_size) {
    if (rest.substr(0, key_size) != key) return std::optional<std::string>();
    rest.remove_prefix(key_size);
  } else {
    long_key.resize(key_size);
    REMEX_CHECK(read_at(position + 8ULL, long_key.data(), key_size));
    if (long_key != key) return std::optional<std::string>();
    rest = {};
  }
  if (data_size > kMaxData) return damaged("a record is longer than 16 MiB");
  std::string data(rest.substr(0, data_size));
  const std::size_t already = data.size();
  data.resize(data_size);
  REMEX_CHECK(read_at(position + 8ULL + key_size + already, data.data() + already, data_size - already));
  return std::optional<std::string>(std::move(data));
}

Result<std::optional<std::string>> CdbFile::find(std::string_view key) const {
  const std::uint32_t hash = hash_of(key);
  const std::uint32_t table = header_[2 * (hash & 255U)];
  const std::uint32_t slots = header_[2 * (hash & 255U) + 1];
  if (slots == 0) return std::optional<std::string>();
  char buffer[8 * kSlotsAtOnce];
  std::uint32_t slot = (hash >> 8U) % slots;
  for (std::uint32_t seen = 0; seen < slots;) {
    const auto n = static_cast<std::uint32_t>(std::min<std::size_t>({kSlotsAtOnce, slots - slot, slots - seen}));
    REMEX_CHECK(read_at(table + 8ULL * slot, buffer, 8ULL * n));
    for (std::uint32_t i = 0; i < n; ++i) {
      const std::uint32_t position = number_at(buffer + 8ULL * i + 4);
      if (position == 0) return std::optional<std::string>();
      if (number_at(buffer + 8ULL * i) != hash) continue;
      REMEX_TRY(auto data, record(position, key));
      if (data) return data;
    }
    seen += n;
    slot = (slot + n) % slots;
  }
  return std::optional<std::string>();
}

}  // namespace remex::lookups
