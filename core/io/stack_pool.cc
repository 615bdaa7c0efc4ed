// Stacks come from mmap so that untouched pages cost nothing; a few used ones are kept warm.
//
// The guard is a MADV_GUARD_INSTALL region where the kernel has it (6.13: it does not split the mapping, so
// thousands of stacks stay one kernel object), else a PROT_NONE page.
#include "core/io/stack_pool.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <new>

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#endif

namespace remex::io {
namespace {

constexpr std::size_t kMaxWarm = 64;  // stacks kept with their dirty pages; more would be memory a burst left behind
constexpr int kMadvGuardInstall = 102;

std::size_t page_size() {
  static const auto size = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  return size;
}

void unmap(const Stack& s) { ::munmap(s.base - page_size(), s.size + page_size()); }

}  // namespace

StackPool::~StackPool() {
  for (const Stack& s : free_) unmap(s);
}

Stack StackPool::take(std::size_t size) {
  for (std::size_t i = free_.size(); i-- > 0;) {
    if (free_[i].size != size) continue;
    Stack s = free_[i];
    free_[i] = free_.back();
    free_.pop_back();
    return s;
  }
  const std::size_t guard = page_size();
  void* p = ::mmap(nullptr, size + guard, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
  if (p == MAP_FAILED) throw std::bad_alloc();
  // A huge page under a stack would make every idle session cost 2 MiB.
  ::madvise(p, size + guard, MADV_NOHUGEPAGE);
  if (::madvise(p, guard, kMadvGuardInstall) != 0 && ::mprotect(p, guard, PROT_NONE) != 0) {
    ::munmap(p, size + guard);
    throw std::bad_alloc();
  }
  return Stack{static_cast<char*>(p) + guard, size};
}

void StackPool::give_back(Stack s) {
#ifdef __SANITIZE_ADDRESS__
  // The last frame of the fiber never returned, so its red zones are still marked.
  __asan_unpoison_memory_region(s.base, s.size);
#endif
  if (free_.size() < kMaxWarm) {
    free_.push_back(s);
  } else {
    unmap(s);
  }
}

void StackPool::trim(const Stack& s, const void* sp) {
  const auto page = static_cast<std::uintptr_t>(page_size());
  const auto low = reinterpret_cast<std::uintptr_t>(s.base);
  const auto high = reinterpret_cast<std::uintptr_t>(sp) / page * page;
  if (high > low) ::madvise(s.base, high - low, MADV_DONTNEED);
}

}  // namespace remex::io
