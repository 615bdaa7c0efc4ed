// LookupCache: open handles, least-recently-used and bounded.
//
// A handle remembers what stat said when it was opened; another inode, size, mtime or ctime opens the file anew, so an
// edited alias file counts at the next lookup. Handles are shared pointers: one evicted while a fiber is parked in a
// lookup lives until that lookup ends.
#include <sys/stat.h>

#include <cerrno>
#include <list>
#include <unordered_map>

#include "lang/lookup_engine.h"

namespace remex::lang {

namespace {

struct FileStamp {
  bool exists = false;
  dev_t dev = 0;
  ino_t ino = 0;
  off_t size = 0;
  timespec mtime{}, ctime{};

  static FileStamp of(const std::string& file) {
    struct stat st{};
    if (file.empty() || ::stat(file.c_str(), &st) != 0) return {};
    return {true, st.st_dev, st.st_ino, st.st_size, st.st_mtim, st.st_ctim};
  }
  friend bool operator==(const FileStamp& a, const FileStamp& b) {
    return a.exists == b.exists && a.dev == b.dev && a.ino == b.ino && a.size == b.size &&
           a.mtime.tv_sec == b.mtime.tv_sec && a.mtime.tv_nsec == b.mtime.tv_nsec && a.ctime.tv_sec == b.ctime.tv_sec &&
           a.ctime.tv_nsec == b.ctime.tv_nsec;
  }
};

struct OpenHandle {
  std::string id;
  FileStamp stamp;
  std::shared_ptr<LookupHandle> handle;
};

}  // namespace

struct LookupCache::Impl {
  std::size_t max_handles;
  std::list<OpenHandle> handles;  ///< most recently used first
  std::unordered_map<std::string_view, std::list<OpenHandle>::iterator> by_id;

  void drop(std::list<OpenHandle>::iterator it) {
    by_id.erase(it->id);
    handles.erase(it);
  }
  void trim_handles() {
    while (handles.size() > max_handles) drop(std::prev(handles.end()));
  }
};

LookupCache::LookupCache(std::size_t max_handles) : impl_(std::make_unique<Impl>()) {
  impl_->max_handles = max_handles > 0 ? max_handles : 1;
}
LookupCache::~LookupCache() = default;

void LookupCache::set_max_handles(std::size_t n) {
  impl_->max_handles = n > 0 ? n : 1;
  impl_->trim_handles();
}

void LookupCache::clear() {
  impl_->by_id.clear();
  impl_->handles.clear();
}

std::size_t LookupCache::open_handles() const { return impl_->handles.size(); }

Result<std::shared_ptr<LookupHandle>> LookupCache::handle(Scope& scope, const LookupDef& def, const std::string& file) {
  std::string id(def.name);
  id.push_back('\0');
  id += file;
  const FileStamp now = FileStamp::of(file);
  if (auto it = impl_->by_id.find(id); it != impl_->by_id.end()) {
    if (it->second->stamp == now) {
      impl_->handles.splice(impl_->handles.begin(), impl_->handles, it->second);
      return it->second->handle;
    }
    impl_->drop(it->second);
  }
  REMEX_TRY(std::unique_ptr<LookupHandle> fresh, def.open(scope, file));
  std::shared_ptr<LookupHandle> shared(std::move(fresh));
  // open may have parked and another fiber may have opened the same file meanwhile.
  if (auto it = impl_->by_id.find(id); it != impl_->by_id.end()) impl_->drop(it->second);
  impl_->handles.push_front({std::move(id), now, shared});
  impl_->by_id.emplace(impl_->handles.front().id, impl_->handles.begin());
  impl_->trim_handles();
  return shared;
}

}  // namespace remex::lang
