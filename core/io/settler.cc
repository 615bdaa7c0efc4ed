// See settler.h.
#include "core/io/settler.h"

#include <fmt/core.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <utility>

namespace remex::io {
namespace {

/// How long a delivery waits for company. A crash in this time may repeat it, so it is short.
constexpr auto kGather = std::chrono::milliseconds(50);

}  // namespace

UnsyncedDirectory::UnsyncedDirectory(int fd, std::string path) : fd_(fd), path_(std::move(path)) {
  struct stat st{};
  if (::fstat(fd_, &st) == 0) device_ = st.st_dev, inode_ = st.st_ino;
}

UnsyncedDirectory::~UnsyncedDirectory() { ::close(fd_); }

Status UnsyncedDirectory::sync() const {
  if (::fsync(fd_) == 0) return {};
  return fail_errno(errno, fmt::format("sync {}", path_));
}

Settler::~Settler() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void Settler::add(std::vector<UnsyncedPtr> directories, Done done) {
  {
    const std::lock_guard lock(mutex_);
    // One descriptor for each directory, however many deliveries wait.
    for (auto& d : directories)
      for (const Item& item : items_)
        for (const auto& known : item.directories)
          if (known->same_as(*d)) d = known;
    items_.push_back({std::move(directories), std::move(done)});
    if (!thread_.joinable()) {
      sigset_t everything;
      sigset_t before;
      sigfillset(&everything);
      pthread_sigmask(SIG_SETMASK, &everything, &before);
      thread_ = std::thread([this] { run(); });
      pthread_sigmask(SIG_SETMASK, &before, nullptr);
    }
  }
  wake_.notify_one();
}

void Settler::flush() {
  std::unique_lock lock(mutex_);
  hurry_ = true;
  wake_.notify_all();
  settled_.wait(lock, [this] { return items_.empty() && !busy_; });
  hurry_ = false;
}

void Settler::settle(std::vector<Item>& items) {
  std::vector<std::pair<UnsyncedPtr, Status>> synced;
  for (Item& item : items) {
    Status all;
    for (const auto& d : item.directories) {
      auto it = std::find_if(synced.begin(), synced.end(), [&](const auto& s) { return s.first->same_as(*d); });
      if (it == synced.end()) it = synced.insert(synced.end(), {d, d->sync()});
      if (!it->second && all) all = it->second;
    }
    item.done(all);
  }
}

void Settler::run() {
  std::unique_lock lock(mutex_);
  for (;;) {
    wake_.wait(lock, [this] { return stopping_ || !items_.empty(); });
    if (items_.empty()) return;
    wake_.wait_for(lock, kGather, [this] { return stopping_ || hurry_; });
    std::vector<Item> items = std::exchange(items_, {});
    busy_ = true;
    lock.unlock();
    settle(items);
    items.clear();  // what the callbacks held goes before anybody is told
    lock.lock();
    busy_ = false;
    settled_.notify_all();
  }
}

}  // namespace remex::io
