// Remembering what named lists answered, for the life of a message.
//
// A list is remembered when its text and the text of all lists it names are constant and something in them is dear, or
// when the configuration says so (domainlist_cache and relatives). Address lists inside address items are followed too.
#include "lang/config.h"
#include "lang/list_internal.h"
#include "lang/message_memory.h"
#include "lang/scope.h"

namespace remex::lang {

namespace {

constexpr int kMaxDepth = 20;

struct Traits {
  bool constant = true, dear = false;
};

void look_at(const Config& config, ListKind kind, const CompiledList& list, int depth, Traits& out);

void follow(const Config& config, ListKind kind, const std::string& name, int depth, Traits& out) {
  const NamedList* named = config.named_list(kind, name);
  const CompiledList* items = named != nullptr ? named->list.constant_items() : nullptr;
  if (items == nullptr || depth >= kMaxDepth) {
    out.constant = named != nullptr && named->force_cache && out.constant;
    return;
  }
  look_at(config, kind, *items, depth + 1, out);
}

void look_at(const Config& config, ListKind kind, const CompiledList& list, int depth, Traits& out) {
  out.dear = out.dear || list.dear;
  for (const std::uint32_t i : list.named) follow(config, kind, list.items[i].target, depth, out);
  if (kind != ListKind::address) return;
  for (const ListItem& item : list.items)
    if (const auto& domain = item.domain) look_at(config, ListKind::domain, *domain, depth, out);
}

}  // namespace

bool worth_remembering(const Scope& scope, const NamedList& named) {
  const CompiledList* items = named.list.constant_items();
  if (items == nullptr || scope.config == nullptr) return false;
  Traits traits;
  look_at(*scope.config, named.list.kind(), *items, 0, traits);
  return traits.constant && traits.dear;
}

bool can_be_remembered(const Scope& scope, const NamedList& named) {
  if (named.force_cache) return true;
  const CompiledList* items = named.list.constant_items();
  if (items == nullptr || scope.config == nullptr) return false;
  Traits traits;
  look_at(*scope.config, named.list.kind(), *items, 0, traits);
  return traits.constant;
}

NamedListMemory::NamedListMemory(Scope& scope, const NamedList& named, const Subject& subject) : scope_(scope) {
  id_ += '+';
  id_ += static_cast<char>('0' + static_cast<int>(subject.kind));
  id_ += subject.caseful ? 'c' : '-';
  id_ += subject.ip_only ? 'i' : '-';
  // A reload makes another configuration while messages of the old one are under way.
  const auto config = reinterpret_cast<std::uintptr_t>(scope.config);
  id_.append(reinterpret_cast<const char*>(&config), sizeof config);
  id_ += named.name;
  id_ += '\0';
  id_ += subject.text.view();
  for (const std::string& name : subject.names) {
    id_ += '\0';
    id_ += name;
  }
}

NamedListMemory::~NamedListMemory() {
  if (scope_.captures.empty()) scope_.captures = std::move(before_);
}

std::optional<ListMatch> NamedListMemory::recall() {
  if (const RememberedMatch* known = memory_of(scope_).match(id_)) {
    if (!known->captures.empty()) scope_.captures = known->captures;
    return known->match;
  }
  before_ = std::exchange(scope_.captures, {});
  return std::nullopt;
}

void NamedListMemory::keep(const ListMatch& match) {
  memory_of(scope_).store_match(std::move(id_), {match, scope_.captures});
}

}  // namespace remex::lang
