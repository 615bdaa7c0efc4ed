// Warnings about lists: items that cannot match, an order that hides items, and data that can add items.
#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>

#include "core/base/strings.h"
#include "lang/checks.h"
#include "lang/list_internal.h"
#include "lang/node.h"

namespace remex::lang {
namespace {

std::string_view prefix_of(ListKind kind) {
  constexpr std::string_view kNames[] = {"domain", "host", "address", "local part"};
  return kNames[static_cast<std::size_t>(kind)];
}

/// What a stranger can write with a colon in it. Domains of envelope addresses cannot have one.
bool can_hold_separator(std::string_view variable) {
  return !(variable == "domain" || variable == "sender_address_domain" || variable == "original_domain" ||
           variable == "parent_domain" || variable == "sender_host_address" || variable.ends_with("_port") ||
           variable.ends_with("_size") || variable.ends_with("_count"));
}

struct ListCheck {
  CheckContext& c;
  const MatchList& list;
  const CheckPlace& place;

  std::string where() const { return place.text(); }
  void warn(const char* code, std::string_view item, std::string message, std::string hint) const {
    c.diag
        .warning(code, place.pos, static_cast<std::uint32_t>(std::max<std::size_t>(list.source_text().size(), 1)),
                 std::move(message), std::move(hint))
        .notes.push_back(fmt::format("the item is \"{}\"", printable(item)));
  }

  void separator(const ListItem& item) const {
    const ListKind kind = list.kind();
    if (kind == ListKind::local_part || kind == ListKind::string) return;
    if (item.kind != ItemKind::literal && item.kind != ItemKind::host_name && item.kind != ItemKind::suffix &&
        item.kind != ItemKind::address && item.kind != ItemKind::address_domain && item.kind != ItemKind::named)
      return;
    if (item.text.find('"') != std::string::npos) return;
    const std::size_t at = item.text.find_first_of(" \t,");
    if (at == std::string::npos) return;
    warn("list-separator", item.text,
         fmt::format("{}: an item of the {} list has {} in it and can never match", where(), prefix_of(kind),
                     item.text[at] == ',' ? "a comma" : "a blank"),
         "items are separated by \":\", or by what follows \"<\" at the start");
  }

  void broken_address(const ListItem& item) const {
    if (list.kind() != ListKind::host || item.kind != ItemKind::host_name || item.target == "@") return;
    const std::string& t = item.target;
    const bool digits = !t.empty() && t.find_first_not_of("0123456789./") == std::string::npos;
    if (!digits && t.find(':') == std::string::npos) return;
    warn("broken-address", item.text, fmt::format("{}: an item looks like a part of an IP address", where()),
         "IPv6 addresses need doubled colons or another separator: <; ::1 ; 192.0.2.1");
  }

  static bool needs_name(const ListItem& item) {
    return (item.kind == ItemKind::host_name && item.target != "@") || item.kind == ItemKind::regex ||
           (item.kind == ItemKind::suffix && !item.target.empty());
  }

  void order(const CompiledList& items) const {
    if (!c.hints || list.kind() != ListKind::host) return;
    const ListItem* name = nullptr;
    for (const ListItem& item : items.items) {
      if (item.kind == ItemKind::include_unknown || item.kind == ItemKind::ignore_unknown) return;
      if (name == nullptr && needs_name(item)) name = &item;
      if (name == nullptr || item.kind != ItemKind::ip) continue;
      c.diag.hint("names-before-addresses", place.pos, static_cast<std::uint32_t>(list.source_text().size()),
                  fmt::format("{}: \"{}\" stands behind a host name and is not looked at when that name is unknown",
                              where(), printable(item.text)),
                  "put addresses first");
      return;
    }
  }

  void missing_file(const ListItem& item) const {
    if (!c.hints) return;
    const bool file =
        item.kind == ItemKind::file || ((item.kind == ItemKind::lookup || item.kind == ItemKind::net_lookup) &&
                                        item.lookup && item.lookup->style() == LookupStyle::single_key);
    struct stat st{};
    if (!file || !item.target.starts_with('/') || ::stat(item.target.c_str(), &st) == 0 || errno != ENOENT) return;
    c.diag.hint("lookup-file-missing", place.pos, static_cast<std::uint32_t>(list.source_text().size()),
                fmt::format("{}: there is no file {}", where(), printable(item.target)));
  }

  void injection() const {
    const Expansion& e = list.expansion();
    if (!e.is_set() || e.is_constant()) return;
    // The data is the key or the query of a lookup, not an item.
    if (list.source_text().find(';') != std::string::npos) return;
    const TaintFlow flow = taint_of(e, c.flows);
    if (flow.state != TaintState::tainted || !can_hold_separator(flow.culprit)) return;
    c.diag.warning(
        "list-injection", place.pos, static_cast<std::uint32_t>(list.source_text().size()),
        fmt::format("{}: ${} is inserted before the list is split and can add items to it", where(), flow.culprit),
        "use a lookup, or compare with ${if eq...} in a condition");
  }
};

}  // namespace

void check_list_items(CheckContext& c) {
  for_each_given_list(c.config, [&](const MatchList& list, const CheckPlace& place) {
    const ListCheck check{c, list, place};
    check.injection();
    const CompiledList* items = list.constant_items();
    if (items == nullptr) return;
    for (const ListItem& item : items->items) {
      check.separator(item);
      check.broken_address(item);
      check.missing_file(item);
    }
    check.order(*items);
  });
}

}  // namespace remex::lang
