// Fiber stacks: mapped memory with a guard page below, recycled.
//
// Used by the scheduler only. One pool per loop (no locks). Running out of memory throws std::bad_alloc, which the
// spawner sees before the fiber exists.
#pragma once

#include <cstddef>
#include <vector>

namespace remex::io {

/// One mapped stack. `base` is the lowest usable byte (above the guard page).
struct Stack {
  char* base = nullptr;
  std::size_t size = 0;
  char* top() const { return base + size; }
};

class StackPool {
 public:
  StackPool() = default;
  ~StackPool();
  StackPool(const StackPool&) = delete;
  StackPool& operator=(const StackPool&) = delete;
  /// `size` is a multiple of the page size.
  Stack take(std::size_t size);
  void give_back(Stack s);
  /// Gives the pages below `sp` back to the kernel: nothing live is there while the fiber is parked.
  static void trim(const Stack& s, const void* sp);

 private:
  std::vector<Stack> free_;
};

}  // namespace remex::io
