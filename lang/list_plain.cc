// Lists of nothing but names: literals, "*.example.org" and +names of such lists. They are asked most, with the subject
// as it stands: no copy, no lower case made, nothing parks. And the tables of long lists.
//
// Used by lang/list.cc, lang/list_scan.cc and the match_ conditions. Never fails: what is not plain is left to
// scan_list.
#include "core/base/strings.h"
#include "lang/config.h"
#include "lang/list_cursor.h"
#include "lang/list_internal.h"
#include "lang/scope.h"

namespace remex::lang {

namespace {

constexpr int kMaxDepth = 20;  ///< as scan_list: deeper is an error, which it reports

bool is_hit(const ListItem& item, std::string_view subject) {
  return item.kind == ItemKind::literal ? iequals(subject, item.lower) : iends_with(subject, item.lower);
}

/// The list behind a +name when it is plain and is not to be remembered for the message.
const CompiledList* plain_list(const Scope& scope, const ListItem& item, ListKind kind) {
  const NamedList* named = resolve_named(scope, item, kind);
  if (named == nullptr || named->force_cache || item.resolved.worth_remembering) return nullptr;
  const CompiledList* items = named->list.constant_items();
  return items != nullptr && items->plain ? items : nullptr;
}

}  // namespace

const NamedList* resolve_named(const Scope& scope, const ListItem& item, ListKind kind) {
  if (scope.config == nullptr) return nullptr;
  const std::uint64_t serial = scope.config->serial.value();
  ListItem::Resolved& known = item.resolved;
  if (known.serial != serial) {
    const NamedList* named = scope.config->named_list(kind, item.target);
    if (named == nullptr) return nullptr;
    known = {serial, named, worth_remembering(scope, *named)};
  }
  return known.list;
}

void capture_wildcard(Scope& scope, std::string_view subject, std::size_t suffix, Taint taint) {
  make_captures(scope, 2);
  reassign(scope.captures[0], subject, taint);
  reassign(scope.captures[1], subject.substr(0, subject.size() - suffix), taint);
}

bool can_use_index(const CompiledList& list, ListKind kind, bool caseful) {
  return list.index != nullptr && !list.has_caseful && (!caseful || kind == ListKind::domain);
}

std::size_t find_in_index(const CompiledList& list, std::string_view lower) {
  std::size_t first = list.items.size();
  const auto& [literals, suffixes, others] = *list.index;
  if (!literals.empty())
    if (const auto it = literals.find(lower); it != literals.end()) first = it->second;
  if (suffixes.empty()) return first;
  for (std::size_t dot = lower.find('.'); dot != std::string_view::npos; dot = lower.find('.', dot + 1))
    if (const auto it = suffixes.find(lower.substr(dot)); it != suffixes.end())
      first = std::min<std::size_t>(first, it->second);
  return first;
}

namespace {

/// One item; false: it is not plain after all.
bool ask_plain(const Scope& scope, const ListItem& item, ListKind kind, std::string_view subject, int depth,
               PlainMatch& out, bool& hit) {
  if (item.kind != ItemKind::named) {
    hit = is_hit(item, subject);
    if (!hit) return true;
    out.item = &item;
    if (item.kind == ItemKind::suffix) out.wildcard = &item;
    return true;
  }
  const CompiledList* inner = depth < kMaxDepth ? plain_list(scope, item, kind) : nullptr;
  if (inner == nullptr) return false;
  const PlainMatch got = match_plain(scope, *inner, kind, subject, depth + 1);
  if (got.wildcard != nullptr) out.wildcard = got.wildcard;
  hit = got.matched;
  if (hit) out.item = got.item;
  return got.known;
}

}  // namespace

PlainMatch match_plain(const Scope& scope, const CompiledList& list, ListKind kind, std::string_view subject,
                       int depth) {
  PlainMatch out;
  if (!list.plain) return out;
  const auto decide = [&out](const ListItem& item) {
    out.known = true;
    out.matched = !item.negated;
    return out;
  };
  bool hit = false;
  if (!can_use_index(list, kind, false)) {
    for (const ListItem& item : list.items) {
      if (!ask_plain(scope, item, kind, subject, depth, out, hit)) return {};
      if (hit) return decide(item);
    }
  } else {
    thread_local std::string lower;
    lower.assign(subject);
    for (char& c : lower) c = ascii_lower(c);
    const std::size_t limit = find_in_index(list, lower);
    for (const std::uint32_t i : list.index->others) {
      if (i > limit) break;
      if (!ask_plain(scope, list.items[i], kind, subject, depth, out, hit)) return {};
      if (hit) return decide(list.items[i]);
    }
    if (limit < list.items.size()) {
      ask_plain(scope, list.items[limit], kind, subject, depth, out, hit);
      return decide(list.items[limit]);
    }
  }
  out.known = true;
  out.matched = list.ends_negative();
  return out;
}

}  // namespace remex::lang
