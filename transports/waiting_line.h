// Messages that wait for something there is too little of (runs of a transport, connections of a destination), in the
// order in which they came.
#pragma once

#include <algorithm>
#include <cstddef>
#include <deque>
#include <string>
#include <utility>

namespace remex::transports {

/// Identifiers of messages, each once. At most `most` wait; others have to ask again. One loop, no locks.
class WaitingLine {
 public:
  explicit WaitingLine(std::size_t most) : most_(most) {}

  /// How many wait before it; one that does not wait: how many there are.
  std::size_t place(const std::string& id) const {
    return static_cast<std::size_t>(std::find(ids_.begin(), ids_.end(), id) - ids_.begin());
  }
  bool contains(const std::string& id) const { return place(id) < ids_.size(); }
  bool is_first(const std::string& id) const { return !ids_.empty() && ids_.front() == id; }
  bool empty() const { return ids_.empty(); }
  std::size_t size() const { return ids_.size(); }
  /// False: it does not wait, since too many do.
  bool join(const std::string& id) {
    if (contains(id)) return true;
    if (ids_.size() >= most_) return false;
    ids_.push_back(id);
    return true;
  }
  void leave(const std::string& id) { std::erase(ids_, id); }
  /// Takes the one that has waited longest out; there must be one.
  std::string next() {
    std::string id = std::move(ids_.front());
    ids_.pop_front();
    return id;
  }

 private:
  std::size_t most_;
  std::deque<std::string> ids_;
};

}  // namespace remex::transports
