// MessageMemory: what was looked up while one message is received, or in one attempt to deliver it.
//
// Answers of query lookups and results of named lists, so that one message sees one state of the world and a database
// is asked once per question. The session and the delivery own one per message and drop it at its end; no answer
// outlives the message or a minute, so a change in a database counts from the next message on. Bounded; the least
// recently used go. For one thread.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/text.h"
#include "lang/list.h"

namespace remex::lang {

class Scope;

/// Outcome of a named list for one subject, with the captures it set.
struct RememberedMatch {
  ListMatch match;
  std::vector<Text> captures;
};

class MessageMemory {
 public:
  explicit MessageMemory(std::size_t max_entries = 1000);
  ~MessageMemory();
  MessageMemory(const MessageMemory&) = delete;
  MessageMemory& operator=(const MessageMemory&) = delete;

  /// A stored answer: outer nullopt = unknown, inner nullopt = known to be absent.
  std::optional<std::optional<Text>> answer(std::string_view id);
  /// Answers above 64 KiB are not kept.
  void store(std::string id, const std::optional<Text>& value);

  /// Valid until the next call.
  const RememberedMatch* match(std::string_view id);
  void store_match(std::string id, RememberedMatch result);

  std::size_t size() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// The scope's memory, made when it has none.
MessageMemory& memory_of(Scope& scope);

}  // namespace remex::lang
