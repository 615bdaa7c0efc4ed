// See activity.h.
#include "core/io/activity.h"

#include "core/base/strings.h"

namespace remex::io {
namespace {

constexpr std::size_t kMostOctets = 300;

struct List {
  Activity* first = nullptr;
  Activity* last = nullptr;
};
/// No reference to it is kept across a wait: each use looks it up.
List& list() {
  thread_local List l;
  return l;
}

}  // namespace

Activity::Activity(std::function<std::string()> tell)
    : tell_(std::move(tell)), began_(monotonic_now()), prev_(list().last), next_(nullptr) {
  (prev_ != nullptr ? prev_->next_ : list().first) = this;
  list().last = this;
}

Activity::~Activity() {
  (prev_ != nullptr ? prev_->next_ : list().first) = next_;
  (next_ != nullptr ? next_->prev_ : list().last) = prev_;
}

std::vector<Activity::Line> Activity::all(std::size_t most) {
  std::vector<Line> out;
  const Instant now = monotonic_now();
  for (const Activity* a = list().first; a != nullptr && out.size() < most; a = a->next_)
    out.push_back({printable(a->tell_()).substr(0, kMostOctets), std::chrono::duration_cast<Millis>(now - a->began_)});
  return out;
}

}  // namespace remex::io
