// Reader of constant databases (cdb, https://cr.yp.to/cdb/cdb.txt), with pread: a file cut short while it is open is an
// error, not a signal. Used by the cdb lookup and its fuzz target. The file is made by others, so every position is
// checked against the size and a look-up ends after one round of its hash table.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/base/result.h"

namespace remex::lookups {

class CdbFile {
 public:
  /// Kind defer, with Exim's text, when it cannot be opened or is no cdb file.
  static Result<CdbFile> open(const std::string& path);
  /// Takes an open descriptor over. `path` is for errors.
  static Result<CdbFile> adopt(int fd, std::string path);
  CdbFile(CdbFile&& other) noexcept;
  CdbFile& operator=(CdbFile&&) = delete;
  ~CdbFile();

  /// Data of the first record with exactly this key. Kind defer: the file is damaged or cannot be read.
  Result<std::optional<std::string>> find(std::string_view key) const;

 private:
  static constexpr std::size_t kTables = 256;

  CdbFile(int fd, std::string path) : fd_(fd), path_(std::move(path)) {}
  Status load();
  Status read_at(std::uint64_t position, char* into, std::size_t n) const;
  Result<std::optional<std::string>> record(std::uint32_t position, std::string_view key) const;
  std::unexpected<Error> damaged(std::string_view what) const;

  int fd_;
  std::string path_;
  std::uint64_t size_ = 0;
  std::array<std::uint32_t, 2 * kTables> header_{};  ///< position and number of slots of each table
};

}  // namespace remex::lookups
