#include "transports/smtp_turns.h"

#include <map>

namespace remex::transports {
namespace {

/// Of this loop; entries go with their last user.
std::map<std::string, std::weak_ptr<io::Semaphore>>& turns() {
  thread_local std::map<std::string, std::weak_ptr<io::Semaphore>> map;
  return map;
}

}  // namespace

std::unique_ptr<HostTurn> HostTurn::take(const std::string& ip, Millis limit) {
  auto& map = turns();
  if (map.size() > 1000) std::erase_if(map, [](const auto& entry) { return entry.second.expired(); });
  std::shared_ptr<io::Semaphore> s = map[ip].lock();
  if (s == nullptr) map[ip] = s = std::make_shared<io::Semaphore>(1);
  if (!s->try_acquire()) {
    const io::DeadlineScope deadline{limit};
    if (!s->acquire()) return nullptr;
  }
  return std::unique_ptr<HostTurn>(new HostTurn(std::move(s)));
}

HostTurn::~HostTurn() { semaphore_->release(); }

}  // namespace remex::transports
