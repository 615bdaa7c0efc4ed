// The thread pool behind offload(): grows on demand to 16 threads, so that a mode that never offloads starts none.
//
// Threads take no signals (the loop's thread does). A job's exception travels back to the fiber that asked.
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <condition_variable>
#include <deque>
#include <exception>
#include <thread>

#include "core/io/scheduler.h"

namespace remex::io {
namespace {

constexpr std::size_t kMaxThreads = 16;
constexpr std::size_t kThreadStack = 2u << 20;

class Pool {
 public:
  /// The pool of this process; never destroyed, its threads wait in it until the process ends. After a fork the child
  /// has none of the threads, so it gets a pool of its own.
  static Pool& instance() {
    static std::mutex mutex;
    static Pool* pool = nullptr;
    const std::lock_guard lock(mutex);
    if (pool == nullptr || pool->owner_ != ::getpid()) pool = new Pool;
    return *pool;
  }

  void submit(std::function<void()> job) {
    std::unique_lock lock(mutex_);
    jobs_.push_back(std::move(job));
    if (jobs_.size() > idle_ && threads_ < kMaxThreads && start_thread()) {
      ++threads_;
    } else {
      lock.unlock();
      wake_.notify_one();
    }
  }

 private:
  bool start_thread() {
    sigset_t everything;
    sigset_t before;
    sigfillset(&everything);
    pthread_sigmask(SIG_SETMASK, &everything, &before);
    pthread_attr_t attr;
    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, kThreadStack);
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    pthread_t id;
    const int rc = pthread_create(
        &id, &attr,
        [](void* self) -> void* {
          static_cast<Pool*>(self)->serve();
          return nullptr;
        },
        this);
    pthread_attr_destroy(&attr);
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    if (rc != 0 && threads_ == 0) {  // no thread at all: the job would never run
      throw std::runtime_error("cannot start a thread");
    }
    return rc == 0;
  }

  void serve() {
    std::unique_lock lock(mutex_);
    for (;;) {
      ++idle_;
      wake_.wait(lock, [this] { return !jobs_.empty(); });
      --idle_;
      auto job = std::move(jobs_.front());
      jobs_.pop_front();
      lock.unlock();
      job();
      job = nullptr;
      lock.lock();
    }
  }

  const pid_t owner_ = ::getpid();
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::function<void()>> jobs_;
  std::size_t idle_ = 0;
  std::size_t threads_ = 0;
};

}  // namespace

void offload_void(std::function<void()> fn) {
  if (!in_fiber()) {
    fn();
    return;
  }
  Loop& loop = Loop::current();
  WaitNode node;
  std::exception_ptr thrown;
  Pool::instance().submit([&loop, &node, &thrown, &fn] {
    try {
      fn();
    } catch (...) {
      thrown = std::current_exception();
    }
    // The fiber parks before the loop runs what is posted, so the node is always parked when this wakes it.
    post(loop, [&node] { wake(node); });
  });
  (void)park(node, kParkFirm);
  if (thrown) std::rethrow_exception(thrown);
}

}  // namespace remex::io
