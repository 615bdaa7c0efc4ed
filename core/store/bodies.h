// Body files: large bodies beside the database, written while they arrive; in a server over files that were used
// before.
//
// Used by SqliteStore. A file is held with a shared flock while a process writes or reads it; the clean-up takes away
// only files that nobody holds and no row names. Files are opened with O_NOFOLLOW and must be regular.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "core/base/result.h"
#include "core/mail/message.h"
#include "core/store/body_pool.h"
#include "core/store/store.h"

namespace remex::store {

/// A finished body file of `directory`. `name` is what the row keeps.
class FileBody : public mail::Body {
 public:
  /// Opens for reading. Errors: failed when the file is missing or shorter than `size`; defer when it cannot be opened
  /// now.
  static Result<std::shared_ptr<const FileBody>> open(const std::string& directory, const std::string& name,
                                                      std::uint64_t size);
  FileBody(int fd, std::string directory, std::string name, std::uint64_t size);
  ~FileBody() override;
  FileBody(const FileBody&) = delete;
  FileBody& operator=(const FileBody&) = delete;

  std::uint64_t size() const override { return size_; }
  Status for_each(const std::function<Status(std::string_view)>& sink) const override;
  Result<std::string> read(std::uint64_t offset, std::size_t n) const override;
  const std::string* in_memory() const override { return nullptr; }
  const std::string& path() const override { return path_; }

  const std::string& name() const { return name_; }
  const std::string& directory() const { return directory_; }
  /// A row names the file now: it stays when the object goes. Until then the destructor removes it.
  void keep() const { kept_ = true; }

 private:
  int fd_;
  std::string directory_, name_, path_;
  std::uint64_t size_;
  mutable bool kept_ = false;
};

/// Memory up to `memory_max`, then a file in `directory`: one of `pool` (may be null), else a new one.
std::unique_ptr<BodyWriter> new_body_writer(std::string directory, std::uint64_t memory_max,
                                            std::shared_ptr<BodyPool> pool);

/// Removes files that nobody holds and `is_known` does not know, or gives them to `pool`. Returns how many went.
int remove_orphans(const std::string& directory, const std::function<bool(const std::string& name)>& is_known,
                   BodyPool* pool);

}  // namespace remex::store
