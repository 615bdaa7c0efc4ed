// LookupCache: open handles, least-recently-used and bounded.
//
// A handle remembers what stat said when it was opened; another inode, size, mtime or ctime opens the file anew, so an
// edited alias file counts at the next lookup. Where the same turn of the loop looks again (a loop over a list),
// nothing was heard since from whoever edited it, and stat is not asked again for some milliseconds. Handles are shared
// pointers: one evicted while a fiber is parked in a lookup lives until that lookup ends.
#include <ctime>
#include <list>
#include <unordered_map>

#include "core/base/file_stamp.h"
#include "core/io/fiber.h"
#include "lang/lookup_engine.h"

namespace remex::lang {

namespace {

/// A moment of this thread that is as good as now: the turn of the loop and the kernel's coarse clock (a few
/// milliseconds).
struct Moment {
  std::uint64_t turn = 0;  ///< 0: never the same as another
  timespec tick{};

  static Moment now() {
    if (!io::in_fiber()) return {};
    Moment m{.turn = io::current_turn()};
    ::clock_gettime(CLOCK_MONOTONIC_COARSE, &m.tick);
    return m;
  }
  bool is_same(const Moment& o) const {
    return turn != 0 && turn == o.turn && tick.tv_sec == o.tick.tv_sec && tick.tv_nsec == o.tick.tv_nsec;
  }
};

struct OpenHandle {
  std::string id;
  const LookupDef* def = nullptr;
  std::string file;
  FileStamp stamp;
  bool settled = false;  ///< the stamp stands for the content
  Moment looked;         ///< when stat was asked last
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
  const Moment moment = Moment::now();
  if (!impl_->handles.empty())
    if (const OpenHandle& last = impl_->handles.front();
        last.def == &def && last.file == file && last.looked.is_same(moment))
      return last.handle;
  std::string id(def.name);
  id.push_back('\0');
  id += file;
  const FileStamp now = FileStamp::of(file);
  if (auto it = impl_->by_id.find(id); it != impl_->by_id.end()) {
    if (it->second->stamp == now && it->second->settled) {
      it->second->looked = moment;
      impl_->handles.splice(impl_->handles.begin(), impl_->handles, it->second);
      return it->second->handle;
    }
    impl_->drop(it->second);
  }
  const bool settled = !now.exists || now.is_settled();
  REMEX_TRY(std::unique_ptr<LookupHandle> fresh, def.open(scope, file));
  std::shared_ptr<LookupHandle> shared(std::move(fresh));
  // open may have parked and another fiber may have opened the same file meanwhile.
  if (auto it = impl_->by_id.find(id); it != impl_->by_id.end()) impl_->drop(it->second);
  impl_->handles.push_front({std::move(id), &def, file, now, settled, moment, shared});
  impl_->by_id.emplace(impl_->handles.front().id, impl_->handles.begin());
  impl_->trim_handles();
  return shared;
}

}  // namespace remex::lang
