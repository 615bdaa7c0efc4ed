// See connection_pool.h. The list is short (64), so it is searched from the end: the last given back is the freshest.
#include "transports/connection_pool.h"

#include <algorithm>
#include <vector>

#include "core/io/fiber.h"
#include "transports/smtp_client_util.h"

namespace remex::transports {

struct ConnectionPool::Impl {
  struct Entry {
    std::string key;
    std::unique_ptr<SmtpConnection> connection;
  };
  std::size_t max_idle;
  Seconds idle;
  std::vector<Entry> entries;
  bool reaping = false;
  io::Nursery nursery;  // last: its destructor joins the fiber that uses the rest

  /// Runs while something is idle.
  void reap() {
    while (!entries.empty()) {
      if (!io::sleep_for(Millis(1000))) break;
      const Instant limit = monotonic_now() - idle;
      std::vector<std::unique_ptr<SmtpConnection>> old;
      for (Entry& e : entries)
        if (e.connection->idle_since < limit || !e.connection->usable()) old.push_back(std::move(e.connection));
      std::erase_if(entries, [](const Entry& e) { return !e.connection; });
      for (auto& c : old) c->quit();
    }
    reaping = false;
  }
};

ConnectionPool::ConnectionPool(std::size_t max_idle, int idle_seconds) : impl_(std::make_unique<Impl>()) {
  impl_->max_idle = max_idle;
  impl_->idle = Seconds(idle_seconds);
}

ConnectionPool::~ConnectionPool() = default;

std::unique_ptr<SmtpConnection> ConnectionPool::take(const std::string& key, const Outcome* own) {
  auto& list = impl_->entries;
  for (std::size_t i = list.size(); i-- > 0;) {
    if (list[i].key != key) continue;
    const auto& last = list[i].connection->outcome;
    if (last && !last->recorded && last.get() != own) continue;
    auto c = std::move(list[i].connection);
    list.erase(list.begin() + static_cast<std::ptrdiff_t>(i));
    if (c->usable()) return c;
  }
  return nullptr;
}

void ConnectionPool::give(const std::string& key, std::unique_ptr<SmtpConnection> connection) {
  connection->idle_since = monotonic_now();
  std::unique_ptr<SmtpConnection> oldest;
  if (impl_->entries.size() >= impl_->max_idle) {
    oldest = std::move(impl_->entries.front().connection);
    impl_->entries.erase(impl_->entries.begin());
  }
  impl_->entries.push_back({key, std::move(connection)});
  if (!impl_->reaping) {
    Impl* impl = impl_.get();
    impl_->nursery.spawn("idle smtp connections", [impl] { impl->reap(); }, io::StackSize::small);
    impl_->reaping = true;
  }
  if (oldest) oldest->quit();
}

bool ConnectionPool::drop_idle(const std::string& destination) {
  auto& list = impl_->entries;
  const auto it =
      std::find_if(list.begin(), list.end(), [&](const auto& e) { return e.connection->destination == destination; });
  if (it == list.end()) return false;
  const auto c = std::move(it->connection);
  list.erase(it);
  c->quit();
  return true;
}

void ConnectionPool::close_all() {
  std::vector<Impl::Entry> all;
  all.swap(impl_->entries);
  for (auto& e : all) e.connection->quit();
}

std::size_t ConnectionPool::idle() const { return impl_->entries.size(); }

}  // namespace remex::transports
