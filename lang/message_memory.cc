// See message_memory.h. One list in order of use, one index; answers and list results share the bound.
#include "lang/message_memory.h"

#include <list>
#include <unordered_map>

#include "core/base/clock.h"
#include "lang/scope.h"

namespace remex::lang {

namespace {

/// A message may stay in reception for long; its policy should not be decided on old data.
constexpr auto kLife = std::chrono::seconds(60);
constexpr std::size_t kMaxSize = 64U << 10U;

struct Entry {
  std::string id;
  std::optional<Text> value;
  RememberedMatch match;
  Instant until;
};

}  // namespace

struct MessageMemory::Impl {
  std::size_t max_entries;
  std::list<Entry> entries;  ///< most recently used first
  std::unordered_map<std::string_view, std::list<Entry>::iterator> by_id;

  void drop(std::list<Entry>::iterator it) {
    by_id.erase(it->id);
    entries.erase(it);
  }
  Entry* find(std::string_view id) {
    const auto it = by_id.find(id);
    if (it == by_id.end()) return nullptr;
    if (it->second->until < monotonic_now()) {
      drop(it->second);
      return nullptr;
    }
    entries.splice(entries.begin(), entries, it->second);
    return &entries.front();
  }
  void put(Entry entry) {
    if (auto it = by_id.find(entry.id); it != by_id.end()) drop(it->second);
    entries.push_front(std::move(entry));
    by_id.emplace(entries.front().id, entries.begin());
    while (entries.size() > max_entries) drop(std::prev(entries.end()));
  }
};

MessageMemory::MessageMemory(std::size_t max_entries) : impl_(std::make_unique<Impl>()) {
  impl_->max_entries = max_entries;
}
MessageMemory::~MessageMemory() = default;

std::size_t MessageMemory::size() const { return impl_->entries.size(); }

std::optional<std::optional<Text>> MessageMemory::answer(std::string_view id) {
  const Entry* e = impl_->find(id);
  if (e == nullptr) return std::nullopt;
  return e->value;
}

void MessageMemory::store(std::string id, const std::optional<Text>& value) {
  if (id.size() + (value ? value->size() : 0) > kMaxSize) return;
  impl_->put({std::move(id), value, {}, monotonic_now() + kLife});
}

const RememberedMatch* MessageMemory::match(std::string_view id) {
  const Entry* e = impl_->find(id);
  return e != nullptr ? &e->match : nullptr;
}

void MessageMemory::store_match(std::string id, RememberedMatch result) {
  if (id.size() + result.match.data.size() > kMaxSize) return;
  impl_->put({std::move(id), std::nullopt, std::move(result), monotonic_now() + kLife});
}

MessageMemory& memory_of(Scope& scope) {
  if (!scope.memory) scope.memory = std::make_shared<MessageMemory>();
  return *scope.memory;
}

}  // namespace remex::lang
