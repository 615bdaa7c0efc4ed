// List items: text -> what to ask. Never fails; a bad item becomes `invalid` and carries its error text.
#include <fmt/format.h>

#include "core/base/strings.h"
#include "core/mail/address.h"
#include "lang/list_internal.h"

namespace remex::lang {

namespace {

/// Whether asking the item reads files, asks servers or the DNS.
bool is_dear(ListKind kind, const ListItem& item) {
  switch (item.kind) {
    case ItemKind::file:
    case ItemKind::lookup:
    case ItemKind::net_lookup:
    case ItemKind::per_domain_lookup:
    case ItemKind::mx_any:
    case ItemKind::mx_primary:
    case ItemKind::mx_secondary:
    case ItemKind::host_name: return true;
    case ItemKind::suffix:
    case ItemKind::regex: return kind == ListKind::host;  // needs the host's name
    case ItemKind::address:
    case ItemKind::address_domain: return item.domain && item.domain->dear;
    default: return false;
  }
}

void make_invalid(ListItem& item, std::string why) {
  item.kind = ItemKind::invalid;
  item.error = std::move(why);
}

void make_regex(ListItem& item, bool both_cases) {
  auto caseless = Regex::cached(item.text, true);
  if (!caseless) return make_invalid(item, caseless.error().text);
  item.regex = *caseless;
  item.kind = ItemKind::regex;
  if (both_cases)
    if (auto caseful = Regex::cached(item.text, false)) item.caseful_regex = *caseful;
}

/// "type,options;file" in front of `item.text`; false when it has not that shape.
bool make_lookup(ListItem& item, std::string_view text, const Registries& registries) {
  std::string_view spec, rest;
  if (!split_lookup_item(text, spec, rest)) return false;
  auto parsed = parse_lookup_spec(spec, registries);
  item.kind = ItemKind::lookup;
  item.target.assign(rest);
  if (!parsed) {
    make_invalid(item, parsed.error().text);
    return true;
  }
  item.lookup = std::make_shared<const LookupSpec>(std::move(*parsed));
  return true;
}

bool make_mx(ListItem& item) {
  const std::string_view head = std::string_view(item.text).substr(0, item.text.find('/'));
  if (iequals(head, "@mx_any"))
    item.kind = ItemKind::mx_any;
  else if (iequals(head, "@mx_primary"))
    item.kind = ItemKind::mx_primary;
  else if (iequals(head, "@mx_secondary"))
    item.kind = ItemKind::mx_secondary;
  else
    return false;
  constexpr std::string_view kIgnore = "/ignore=";
  const std::string_view tail = std::string_view(item.text).substr(head.size());
  if (istarts_with(tail, kIgnore))
    item.target.assign(tail.substr(kIgnore.size()));
  else if (!tail.empty())
    make_invalid(item,
                 fmt::format("unknown modifier \"{}\" in list item \"{}\"", printable(tail), printable(item.text)));
  return true;
}

/// What domain and local part lists have in common.
void make_text_item(ListItem& item, ListKind kind, const Registries& registries) {
  const std::string& t = item.text;
  if (t.starts_with('^')) return make_regex(item, kind != ListKind::domain);
  if (t.starts_with('*')) {
    item.kind = ItemKind::suffix;
    item.target = t.substr(1);
    item.lower = to_lower(item.target);
    return;
  }
  if (kind == ListKind::domain) {
    if (t == "@") {
      item.kind = ItemKind::primary_name;
      return;
    }
    if (t == "@[]") {
      item.kind = ItemKind::local_literal;
      return;
    }
    if (t.starts_with("@mx_") && make_mx(item)) return;
  }
  if (make_lookup(item, t, registries)) return;
  item.kind = ItemKind::literal;
  item.lower = to_lower(t);
}

/// "net-lsearch;/f", "net24-cdb;/f"
bool make_net_lookup(ListItem& item, const Registries& registries) {
  std::string_view s = item.text;
  if (!s.starts_with("net")) return false;
  s.remove_prefix(3);
  std::size_t digits = 0;
  while (digits < s.size() && is_digit(s[digits])) ++digits;
  if (digits >= s.size() || s[digits] != '-') return false;
  if (digits > 3) {
    make_invalid(item, fmt::format("bad mask length in \"{}\"", printable(item.text)));
    return true;
  }
  const int bits = digits > 0 ? static_cast<int>(*parse_uint(s.substr(0, digits))) : -1;
  if (bits > 128) {
    make_invalid(item, fmt::format("mask length {} in \"{}\" is too large", bits, printable(item.text)));
    return true;
  }
  if (!make_lookup(item, s.substr(digits + 1), registries)) return false;
  item.net_bits = bits;
  if (item.kind == ItemKind::lookup && item.lookup->style() == LookupStyle::single_key)
    item.kind = ItemKind::net_lookup;
  return true;
}

void make_host_item(ListItem& item, const Registries& registries) {
  const std::string& t = item.text;
  if (t == "*") {
    item.kind = ItemKind::everything;
  } else if (t == "@") {
    item.kind = ItemKind::host_name;
    item.target = "@";
  } else if (t == "@[]") {
    item.kind = ItemKind::local_literal;
  } else if (t.starts_with('^')) {
    make_regex(item, false);
  } else if (t.starts_with('*')) {
    item.kind = ItemKind::suffix;
    item.target = t.substr(1);
    item.lower = to_lower(item.target);
  } else if (auto net = IpNet::parse(t)) {
    item.kind = ItemKind::ip;
    item.net = *net;
  } else if (const std::size_t slash = t.rfind('/');
             t.find(';') == std::string::npos && slash != std::string::npos && IpNet::parse(t.substr(0, slash))) {
    make_invalid(item, fmt::format("\"{}\" has a bad mask length", printable(t)));
  } else if (make_net_lookup(item, registries) || make_lookup(item, t, registries)) {
    return;
  } else {
    item.kind = ItemKind::host_name;
    item.target = to_lower(t);
  }
}

void make_address_item(ListItem& item, const Registries& registries) {
  const std::string& t = item.text;
  if (t.starts_with('^')) return make_regex(item, true);
  if (t.starts_with("@@")) {
    if (!make_lookup(item, std::string_view(t).substr(2), registries))
      return make_invalid(item, fmt::format("\"{}\" needs a lookup type behind \"@@\"", printable(t)));
    if (item.kind == ItemKind::lookup) item.kind = ItemKind::per_domain_lookup;
    return;
  }
  if (make_lookup(item, t, registries)) return;
  std::string local, domain;
  // "foo@@": the local part is foo, the domain pattern "@" (this host).
  const std::size_t at = t.ends_with("@@") ? t.size() - 2 : t.find('@');
  if (at == std::string::npos) {
    item.kind = ItemKind::address_domain;
    domain = t;
  } else {
    item.kind = ItemKind::address;
    local = t.substr(0, at);
    domain = t.substr(at + 1);
    // A quoted local part may have an @ of its own.
    if (t.starts_with('"')) {
      const auto parts = mail::split_address(t);
      local = parts.local_part;
      domain = parts.domain;
    }
    item.local_is_star = local.starts_with('*');
    item.target = item.local_is_star ? local.substr(1) : local;
    item.lower = to_lower(item.target);
  }
  auto sub = std::make_shared<CompiledList>();
  ListItem d;
  d.text = domain;
  if (domain.starts_with('+') && at != std::string::npos) {
    d.kind = ItemKind::named;
    d.target = domain.substr(1);
  } else if (at == std::string::npos && !domain.starts_with('*')) {
    d.kind = ItemKind::literal;
    d.lower = to_lower(domain);
  } else {
    make_text_item(d, ListKind::domain, registries);
  }
  if (d.kind == ItemKind::invalid) return make_invalid(item, d.error);
  sub->items.reserve(1);
  if (d.kind == ItemKind::named) sub->named.push_back(0);
  sub->dear = is_dear(ListKind::domain, d);
  sub->items.push_back(std::move(d));
  item.domain = std::move(sub);
}

bool make_plus_item(ListItem& item, ListKind kind) {
  const std::string_view word = std::string_view(item.text).substr(1);
  if (kind == ListKind::host) {
    const std::pair<std::string_view, ItemKind> words[] = {{"include_unknown", ItemKind::include_unknown},
                                                           {"ignore_unknown", ItemKind::ignore_unknown},
                                                           {"include_defer", ItemKind::include_defer},
                                                           {"ignore_defer", ItemKind::ignore_defer}};
    for (const auto& [name, k] : words)
      if (word == name) {
        item.kind = k;
        return true;
      }
  }
  if ((kind == ListKind::address || kind == ListKind::local_part) && word == "caseful") {
    item.kind = ItemKind::caseful;
    return true;
  }
  item.kind = ItemKind::named;
  item.target.assign(word);
  return true;
}

ListItem make_item(ListKind kind, std::string_view text, const Registries& registries, bool in_file) {
  ListItem item;
  if (text.starts_with('!')) {
    item.negated = true;
    const std::string_view behind = trim_left(text.substr(1));
    item.negation.assign(text, 0, text.size() - behind.size());
    text = behind;
  }
  item.text.assign(text);
  if (text.empty()) {
    item.kind = ItemKind::empty;
  } else if (text.starts_with('+') && text.size() > 1) {
    make_plus_item(item, kind);
  } else if (text.starts_with('/')) {
    item.kind = ItemKind::file;
    item.target.assign(text);
    if (in_file) make_invalid(item, fmt::format("\"{}\": a list file may not name another file", printable(text)));
  } else if (kind == ListKind::host) {
    make_host_item(item, registries);
  } else if (kind == ListKind::address) {
    make_address_item(item, registries);
  } else {
    make_text_item(item, kind, registries);
  }
  return item;
}

std::unique_ptr<const ListIndex> make_index(ListKind kind, const std::vector<ListItem>& items) {
  auto index = std::make_unique<ListIndex>();
  for (std::uint32_t i = 0; i < items.size(); ++i) {
    const ListItem& item = items[i];
    if (item.kind == ItemKind::literal)
      index->literals.emplace(item.lower, i);
    else if (kind == ListKind::domain && item.kind == ItemKind::suffix && item.lower.starts_with('.'))
      index->suffixes.emplace(item.lower, i);
    else
      index->others.push_back(i);
  }
  return index;
}

/// An item that match_plain() can ask.
bool is_plain(const ListItem& item) {
  return item.kind == ItemKind::literal || item.kind == ItemKind::suffix || item.kind == ItemKind::named;
}

}  // namespace

std::shared_ptr<const CompiledList> compile_items(ListKind kind, const std::vector<std::string>& texts,
                                                  const Registries& registries, bool in_file) {
  auto list = std::make_shared<CompiledList>();
  list->items.reserve(texts.size());
  list->plain = kind == ListKind::domain || kind == ListKind::local_part;
  for (const std::string& t : texts) {
    ListItem item = make_item(kind, t, registries, in_file);
    const auto index = static_cast<std::uint32_t>(list->items.size());
    if (item.kind == ItemKind::caseful) list->has_caseful = true;
    if (item.kind == ItemKind::named) list->named.push_back(index);
    list->dear = list->dear || is_dear(kind, item);
    list->plain = list->plain && is_plain(item);
    list->items.push_back(std::move(item));
  }
  if (list->items.size() > kFewItems) list->index = make_index(kind, list->items);
  return list;
}

}  // namespace remex::lang
