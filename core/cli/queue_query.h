// The question of "remex queue": which messages are meant.
//
// Words: FIELD OP VALUE, joined by and, or, not and parentheses; "and" may be left out. An empty question means every
// message. Fields: id, sender, recipient, domain (of the waiting recipients), queue, error (what deliveries said), age,
// next (time until the next attempt), size, recipients (how many wait); and the bare words frozen, damaged, bounce,
// due. Operators: = != (with * as wildcard), ~ !~ (contains, any case), < > <= >= (times as 90s, 2h, 1d12h; sizes as
// 10K, 2M). Pure: no I/O; the caller looks up what is expensive when it is asked for.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "core/base/result.h"
#include "core/store/store.h"

namespace remex::cli {

/// What a question may look at beside the entry itself.
struct QueryFacts {
  std::int64_t now = 0;                                       ///< epoch seconds
  std::function<std::string(const std::string& id)> history;  ///< the message's log, for `error`
};

class QueueQuery {
 public:
  struct Node;
  /// Errors name the word that was not understood and say what is possible there.
  static Result<QueueQuery> parse(std::string_view text);
  bool matches(const store::QueueEntry& e, const QueryFacts& facts) const;

 private:
  std::shared_ptr<const Node> root_;
};

/// "*" stands for any text; letters in any case.
bool wildcard_match(std::string_view pattern, std::string_view text);

}  // namespace remex::cli
