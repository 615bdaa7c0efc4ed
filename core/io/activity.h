// What goes on in a process, for the operator who asks (remex status, SIGUSR1): each session, delivery and queue run
// has an Activity while it lasts. It costs nothing until somebody asks.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "core/base/clock.h"

namespace remex::io {

/// Listed as long as it lives, in the thread that made it (the loop's); it must be destroyed there. Not copied, not
/// moved.
class Activity {
 public:
  /// `tell` is called when somebody asks, on another fiber: it may neither wait nor change anything. One line.
  explicit Activity(std::function<std::string()> tell);
  ~Activity();
  Activity(const Activity&) = delete;
  Activity& operator=(const Activity&) = delete;

  struct Line {
    std::string text;  ///< printable, at most 300 octets
    Millis since;      ///< how long it has lasted
  };
  /// Those of this thread, the oldest first, at most `most` of them.
  static std::vector<Line> all(std::size_t most = 10'000);

 private:
  std::function<std::string()> tell_;
  Instant began_;
  Activity* prev_;
  Activity* next_;
};

}  // namespace remex::io
