#include "core/msgauth/public_suffix.h"

#include <fmt/core.h>

#include <cerrno>
#include <map>
#include <mutex>

#include "core/base/file_stamp.h"
#include "core/base/strings.h"
#include "core/msgauth/psl_api.h"

namespace remex::msgauth {
namespace {

struct Loaded {
  std::shared_ptr<const PublicSuffixes> list;
  FileStamp stamp;
};

}  // namespace

PublicSuffixes::~PublicSuffixes() {
  if (!builtin_) psl_free(static_cast<psl_ctx_t*>(list_));
}

Result<std::shared_ptr<const PublicSuffixes>> PublicSuffixes::load(const std::string& path) {
  static std::mutex mutex;
  static std::map<std::string, Loaded> loaded;
  const std::scoped_lock lock(mutex);
  const FileStamp stamp = FileStamp::of(path);
  if (!path.empty() && !stamp.exists) {
    const auto e = fail_errno(errno, "public suffix list " + printable(path));
    return defer(e.error().text);
  }
  Loaded& have = loaded[path];
  if (have.list != nullptr && have.stamp == stamp) return have.list;
  const std::shared_ptr<PublicSuffixes> fresh(new PublicSuffixes);
  fresh->builtin_ = path.empty();
  if (fresh->builtin_)
    fresh->list_ = const_cast<psl_ctx_t*>(psl_builtin());
  else
    fresh->list_ = psl_load_file(path.c_str());
  if (fresh->list_ == nullptr || psl_suffix_count(static_cast<const psl_ctx_t*>(fresh->list_)) <= 0)
    return defer(fmt::format("{} is not a public suffix list", path.empty() ? "the built-in one" : printable(path)));
  have = {fresh, stamp};
  return have.list;
}

std::string PublicSuffixes::organizational(std::string_view domain) const {
  const std::string name(domain);
  const char* found = psl_registrable_domain(static_cast<const psl_ctx_t*>(list_), name.c_str());
  return found != nullptr ? std::string(found) : name;
}

}  // namespace remex::msgauth
