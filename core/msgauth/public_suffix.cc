#include "core/msgauth/public_suffix.h"

#include <fmt/core.h>
#include <sys/stat.h>

#include <cerrno>
#include <map>
#include <mutex>

#include "core/base/strings.h"
#include "core/msgauth/psl_api.h"

namespace remex::msgauth {
namespace {

struct Loaded {
  std::shared_ptr<const PublicSuffixes> list;
  std::int64_t size = 0, seconds = 0, nanoseconds = 0;
};

}  // namespace

PublicSuffixes::~PublicSuffixes() {
  if (!builtin_) psl_free(static_cast<psl_ctx_t*>(list_));
}

Result<std::shared_ptr<const PublicSuffixes>> PublicSuffixes::load(const std::string& path) {
  static std::mutex mutex;
  static std::map<std::string, Loaded> loaded;
  const std::scoped_lock lock(mutex);
  struct stat st{};
  if (!path.empty() && ::stat(path.c_str(), &st) != 0) {
    const auto e = fail_errno(errno, "public suffix list " + printable(path));
    return defer(e.error().text);
  }
  Loaded& have = loaded[path];
  if (have.list != nullptr && have.size == st.st_size && have.seconds == st.st_mtim.tv_sec &&
      have.nanoseconds == st.st_mtim.tv_nsec)
    return have.list;
  const std::shared_ptr<PublicSuffixes> fresh(new PublicSuffixes);
  fresh->builtin_ = path.empty();
  if (fresh->builtin_)
    fresh->list_ = const_cast<psl_ctx_t*>(psl_builtin());
  else
    fresh->list_ = psl_load_file(path.c_str());
  if (fresh->list_ == nullptr || psl_suffix_count(static_cast<const psl_ctx_t*>(fresh->list_)) <= 0)
    return defer(fmt::format("{} is not a public suffix list", path.empty() ? "the built-in one" : printable(path)));
  have = {fresh, st.st_size, st.st_mtim.tv_sec, st.st_mtim.tv_nsec};
  return have.list;
}

std::string PublicSuffixes::organizational(std::string_view domain) const {
  const std::string name(domain);
  const char* found = psl_registrable_domain(static_cast<const psl_ctx_t*>(list_), name.c_str());
  return found != nullptr ? std::string(found) : name;
}

}  // namespace remex::msgauth
