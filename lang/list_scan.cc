// Scanning a compiled list: first match decides; falling off the end matches when the last item was negative.
//
// Literal items of a caseless scan are found through the hash, everything else is asked in order up to that place.
#include <fmt/format.h>

#include "core/base/strings.h"
#include "core/mail/address.h"
#include "lang/config.h"
#include "lang/list_cursor.h"
#include "lang/list_internal.h"
#include "lang/list_trace.h"
#include "lang/node.h"
#include "lang/scope.h"

namespace remex::lang {

namespace {

constexpr int kMaxListDepth = 20;  ///< named lists in named lists, files in lists
constexpr int kMaxChain = 50;      ///< ">key" links of @@ lookups

/// Outcome of one item: nullopt data = does not match.
using ItemMatch = Result<std::optional<Text>>;

/// A literal item matches.
bool is_same(const ListItem& item, const Subject& s) {
  return s.caseful && s.kind != ListKind::domain ? s.text.view() == item.text : s.lower == item.lower;
}

std::optional<Text> plain(const Subject& s, const ListItem& item) { return Text(item.text, s.list_taint); }

std::string_view kind_name(ListKind kind) {
  switch (kind) {
    case ListKind::domain: return "domain";
    case ListKind::host: return "host";
    case ListKind::address: return "address";
    default: return "local part";
  }
}

ItemMatch ask_suffix(Scope& scope, const ListItem& item, const Subject& s) {
  const std::string& have = s.caseful ? s.text.str() : s.lower;
  const std::string& want = s.caseful ? item.target : item.lower;
  if (!have.ends_with(want)) return std::optional<Text>();
  capture_wildcard(scope, s.text.view(), want.size(), s.text.taint());
  return plain(s, item);
}

ItemMatch ask_regex(Scope& scope, const ListItem& item, const Subject& s) {
  const Regex& re = s.caseful && item.caseful_regex ? *item.caseful_regex : *item.regex;
  thread_local Regex::Spans spans;
  auto hit = re.search(s.text.view(), &spans);
  if (!hit) return defer(hit.error().text);
  if (!*hit) return std::optional<Text>();
  make_captures(scope, spans.size());
  for (std::size_t i = 0; i < spans.size(); ++i) {
    const auto [from, to] = spans[i];
    const bool set = from != std::string_view::npos;
    reassign(scope.captures[i], set ? s.text.view().substr(from, to - from) : std::string_view{}, s.text.taint());
  }
  return plain(s, item);
}

ItemMatch ask_lookup(Scope& scope, const ListItem& item, const Subject& s) {
  const Text target(item.target, s.list_taint);
  if (item.lookup->style() == LookupStyle::query) return run_lookup(scope, *item.lookup, target, {});
  if (s.kind == ListKind::address && item.lookup->partial >= 0) {
    LookupSpec whole = *item.lookup;  // no partial matching of whole addresses
    whole.partial = -1;
    return run_lookup(scope, whole, s.text.with(s.caseful ? s.text.str() : s.lower), target);
  }
  PartialMatch partial;
  const bool caseful_key = s.caseful && s.kind != ListKind::domain;
  const Text key = s.text.with(caseful_key ? s.text.str() : s.lower);
  auto got = run_lookup(scope, *item.lookup, key, target, &partial);
  if (got && *got && partial.used) set_captures(scope, {key.str(), partial.wild, partial.fixed}, s.text.taint());
  return got;
}

/// Makes `out`, which is fresh, the subject for a part of an address.
void make_part(Subject& out, const Subject& s, ListKind kind, std::string_view text) {
  out.kind = kind;
  out.lower.assign(text);
  for (char& c : out.lower) c = ascii_lower(c);
  reassign(out.text, text, s.text.taint());
  out.caseful = kind == ListKind::local_part && s.caseful;
  out.list_taint = s.list_taint;
  out.depth = s.depth + 1;
}

ItemMatch data_of(Result<ListMatch> match) {
  if (!match) return std::unexpected(std::move(match).error());
  return match->matched ? ItemMatch(std::move(match->data)) : ItemMatch(std::nullopt);
}

ItemMatch ask_named(Scope& scope, const ListItem& item, Subject& s) {
  if (s.list_taint == Taint::tainted)
    return fail(ErrorKind::taint,
                fmt::format("attempt to use a tainted name \"+{}\" for a named list", printable(item.target)));
  if (s.depth >= kMaxListDepth)
    return defer(fmt::format("named lists nest too deeply at \"+{}\"", printable(item.target)));
  const NamedList* named = resolve_named(scope, item, s.kind);
  if (named == nullptr)
    return defer(fmt::format("unknown named {} list \"+{}\"", kind_name(s.kind), printable(item.target)));
  if (scope.trace != nullptr && trace_asked_before(scope, *named, s)) {
    ItemMatch known = [&] {
      const TraceSilenced silent(scope);
      return data_of(named->list.match_subject(scope, s));
    }();
    s.hit = " - cached";
    return known;
  }
  if (!item.resolved.worth_remembering && !named->force_cache) return data_of(named->list.match_subject(scope, s));
  NamedListMemory memory(scope, *named, s);
  if (std::optional<ListMatch> known = memory.recall()) return data_of(std::move(*known));
  auto got = named->list.match_subject(scope, s);
  if (got) memory.keep(*got);
  return data_of(std::move(got));
}

/// How missing names are taken in a host list; changed by +include_unknown and its relatives, for the rest of the list
/// and the files in it.
struct HostMood {
  enum class Take : std::uint8_t { end_list, include, ignore } unknown = Take::end_list, deferred = Take::end_list;
  bool note(ItemKind kind) {
    switch (kind) {
      case ItemKind::include_unknown: unknown = Take::include; return true;
      case ItemKind::ignore_unknown: unknown = Take::ignore; return true;
      case ItemKind::include_defer: deferred = Take::include; return true;
      case ItemKind::ignore_defer: deferred = Take::ignore; return true;
      default: return false;
    }
  }
};

/// How the scan of a list, or of a file in one, ended.
struct Scanned {
  /// none: no item matched. item: one did. missing: a host name that is not to be had ends all lists it is needed for.
  enum class By : std::uint8_t { none, item, missing } by = By::none;
  bool positive = false;  ///< what that means for the list; none: what it means when nothing stands behind
  Text data;              ///< of the item
};

Result<Scanned> scan_items(Scope& scope, const CompiledList& list, Subject& s, const HostMood& mood = {});

/// The lines of a file stand for items in the place of its name; "!" before that turns what they say.
Result<Scanned> scan_file(Scope& scope, const ListItem& item, Subject& s, const HostMood& mood) {
  if (s.list_taint == Taint::tainted)
    return fail(ErrorKind::taint, fmt::format("Tainted filename '{}' in a list", printable(item.target)));
  auto lines = read_list_file(item.target, s.kind);
  if (!lines) return std::unexpected(std::move(lines).error());
  const auto list = compile_items(s.kind, *lines, registries_of(scope), true);
  const bool caseful = s.caseful;
  ++s.depth;
  auto got = scan_items(scope, *list, s, mood);
  --s.depth;
  s.caseful = caseful;
  if (got && got->by != Scanned::By::missing && item.negated) got->positive = !got->positive;
  if (got && got->by == Scanned::By::item && scope.trace != nullptr) s.hit += " in " + item.target;
  return got;
}

/// The domain half of an address item. Literals and suffixes, the usual ones, are compared here; `wild` gets what a
/// suffix's asterisk stood for, `data` the value of another kind of item.
Result<bool> ask_address_domain(Scope& scope, const ListItem& item, const Subject& s, std::string_view& wild,
                                Text& data) {
  const ListItem& d = item.domain->items.front();
  const std::string& have = s.domain;
  if (!d.negated && d.kind == ItemKind::literal) return have == d.lower;
  if (!d.negated && d.kind == ItemKind::suffix) {
    if (!have.ends_with(d.lower)) return false;
    wild = std::string_view(have).substr(0, have.size() - d.lower.size());
    return true;
  }
  const SubjectLease domain;
  make_part(*domain, s, ListKind::domain, have);
  const auto saved = scope.captures;
  REMEX_TRY(ListMatch got, scan_list(scope, *item.domain, *domain));
  if (!got.matched) scope.captures = saved;
  data = std::move(got.data);
  return got.matched;
}

ItemMatch ask_address(Scope& scope, const ListItem& item, Subject& s) {
  if (s.text.empty() || !s.has_at) return std::optional<Text>();
  std::string_view wild, domain_wild;
  if (item.kind == ItemKind::address) {
    const std::string_view have =
        s.caseful ? std::string_view(s.local) : std::string_view(s.lower).substr(0, s.local.size());
    const std::string& want = s.caseful ? item.target : item.lower;
    if (item.local_is_star ? !have.ends_with(want) : have != want) return std::optional<Text>();
    if (item.local_is_star) wild = std::string_view(s.local).substr(0, s.local.size() - want.size());
  }
  Text data;
  REMEX_TRY(const bool matched, ask_address_domain(scope, item, s, domain_wild, data));
  if (scope.trace != nullptr) trace_domain(scope, s, item.domain->items.front().text, matched);
  if (!matched) return std::optional<Text>();
  // $0 the address, then what each wildcard stood for.
  const ItemKind dk = item.domain->items.front().kind;
  std::size_t n = 0;
  make_captures(scope, 1U + (item.local_is_star ? 1U : 0U) + (dk == ItemKind::suffix ? 1U : 0U));
  reassign(scope.captures[n++], s.text.view(), s.text.taint());
  if (item.local_is_star) reassign(scope.captures[n++], wild, s.text.taint());
  if (dk == ItemKind::suffix) reassign(scope.captures[n++], domain_wild, s.text.taint());
  if (item.kind == ItemKind::address && dk != ItemKind::literal && dk != ItemKind::suffix && dk != ItemKind::regex) {
    Text local((item.local_is_star ? "*" : "") + item.target + "@", s.list_taint);
    local.append(data);
    return std::optional<Text>(std::move(local));
  }
  return plain(s, item);
}

/// @@lookup: the domain finds a list of local part patterns; a last ">key" continues elsewhere.
ItemMatch ask_per_domain(Scope& scope, const ListItem& item, Subject& s) {
  if (s.text.empty() || !s.has_at) return std::optional<Text>();
  const bool query = item.lookup->style() == LookupStyle::query;
  Text key = query ? Text(item.target, s.list_taint) : Text(s.domain, s.text.taint());
  const Text file = query ? Text() : Text(item.target, s.list_taint);
  for (int link = 0; link < kMaxChain; ++link) {
    auto data = run_lookup(scope, *item.lookup, key, file);
    if (!data) return std::unexpected(std::move(data).error());
    if (!*data) return std::optional<Text>();
    std::vector<std::string> patterns = split_list((*data)->view());
    std::string next;
    if (!query && !patterns.empty() && patterns.back().starts_with('>')) {
      next = std::string(trim(std::string_view(patterns.back()).substr(1)));
      patterns.pop_back();
    }
    const auto list = compile_items(ListKind::local_part, patterns, registries_of(scope));
    const SubjectLease local;
    make_part(*local, s, ListKind::local_part, s.local);
    local->list_taint = (*data)->taint();
    REMEX_TRY(Scanned got, scan_items(scope, *list, *local));
    // An item that matches ends the chain, a negative one too. Here the end of a list never matches.
    if (got.by != Scanned::By::none)
      return got.positive ? std::optional<Text>(std::move(got.data)) : std::optional<Text>();
    if (next.empty()) return std::optional<Text>();
    key = Text(std::move(next), (*data)->taint());
  }
  return defer(fmt::format("loop in \"{}\" lookup data: more than {} links", printable(item.text), kMaxChain));
}

ItemMatch ask_text_item(Scope& scope, const ListItem& item, Subject& s) {
  switch (item.kind) {
    case ItemKind::empty: return s.text.empty() ? std::optional<Text>(Text()) : std::nullopt;
    case ItemKind::literal: return is_same(item, s) ? plain(s, item) : std::nullopt;
    case ItemKind::suffix: return ask_suffix(scope, item, s);
    case ItemKind::regex: return ask_regex(scope, item, s);
    case ItemKind::lookup: return ask_lookup(scope, item, s);
    case ItemKind::address:
    case ItemKind::address_domain: return ask_address(scope, item, s);
    case ItemKind::per_domain_lookup: return ask_per_domain(scope, item, s);
    case ItemKind::primary_name: {
      const std::string name = primary_host_name(scope);
      return iequals(s.text.view(), name) ? std::optional<Text>(Text(name)) : std::nullopt;
    }
    case ItemKind::local_literal: {
      const std::string_view v = s.text.view();
      if (v.size() < 3 || v.front() != '[' || v.back() != ']') return std::optional<Text>();
      std::string_view inner = v.substr(1, v.size() - 2);
      if (istarts_with(inner, "IPv6:")) inner.remove_prefix(5);
      const auto ip = IpNet::parse(inner, false);
      return ip && is_local_ip(scope, *ip) ? plain(s, item) : std::nullopt;
    }
    case ItemKind::mx_any:
    case ItemKind::mx_primary:
    case ItemKind::mx_secondary: {
      REMEX_TRY(const bool hit, ask_mx_item(scope, item, s.lower));
      return hit ? plain(s, item) : std::nullopt;
    }
    default: return std::optional<Text>();
  }
}

/// For the trace: the item that decides. What stood in `hit` is about a named list that has been told.
void note_hit(const Scope& scope, const ListItem& item, Subject& s) {
  if (scope.trace == nullptr) return;
  const bool cached = item.kind == ItemKind::named && s.hit == " - cached";
  s.hit = trace_hit(item) + (cached ? s.hit : std::string());
}

/// A host list. The order decides: the first name that is needed and missing ends it.
Result<Scanned> scan_hosts(Scope& scope, const CompiledList& list, Subject& s, HostMood mood) {
  using By = Scanned::By;
  bool end = list.ends_negative();
  for (const ListItem& item : list.items) {
    if (mood.note(item.kind)) continue;
    if (item.kind == ItemKind::invalid) return defer(item.error);
    if (item.kind == ItemKind::file) {
      REMEX_TRY(Scanned inside, scan_file(scope, item, s, mood));
      if (inside.by != By::none) return inside;
      if (&item == &list.items.back()) end = inside.positive;
      continue;
    }
    std::optional<Text> hit;
    if (item.kind == ItemKind::ip) {
      if (!s.ip || !item.net.contains(*s.ip)) continue;
      hit = plain(s, item);
    } else if (item.kind == ItemKind::named) {
      REMEX_TRY(hit, ask_named(scope, item, s));
    } else {
      REMEX_TRY(HostAnswer answer, ask_host_item(scope, item, s));
      using Kind = HostAnswer::Kind;
      if (answer.kind == Kind::yes) hit = std::move(answer.data);
      const auto take = answer.kind == Kind::unknown ? mood.unknown : mood.deferred;
      if (answer.kind == Kind::unknown || answer.kind == Kind::defer) {
        if (scope.trace != nullptr && take != HostMood::Take::ignore)
          s.hit = fmt::format("failed to find {}", item.kind == ItemKind::host_name
                                                       ? "IP address for " + printable(item.target)
                                                       : "host name for " + s.ip_text);
        if (take == HostMood::Take::include) return Scanned{By::missing, true, {}};
        if (take == HostMood::Take::end_list) {
          if (answer.kind == Kind::defer) return defer(answer.why);
          return Scanned{By::missing, false, {}};
        }
        continue;
      }
    }
    if (hit) {
      note_hit(scope, item, s);
      return Scanned{By::item, !item.negated, std::move(*hit)};
    }
  }
  return Scanned{By::none, end, {}};
}

/// One item that is no file, of a list of another kind.
ItemMatch ask(Scope& scope, const ListItem& item, Subject& s) {
  switch (item.kind) {
    case ItemKind::named: return ask_named(scope, item, s);
    case ItemKind::invalid: return defer(item.error);
    default: return ask_text_item(scope, item, s);
  }
}

Result<Scanned> scan_item(Scope& scope, const ListItem& item, Subject& s) {
  if (item.kind == ItemKind::file) return scan_file(scope, item, s, {});
  REMEX_TRY(auto hit, ask(scope, item, s));
  if (scope.trace != nullptr && item.kind == ItemKind::empty && s.has_at) trace_domain(scope, s, {}, false);
  if (!hit) return Scanned{Scanned::By::none, item.negated, {}};
  note_hit(scope, item, s);
  return Scanned{Scanned::By::item, !item.negated, std::move(*hit)};
}

Result<Scanned> scan_items(Scope& scope, const CompiledList& list, Subject& s, const HostMood& mood) {
  using By = Scanned::By;
  if (s.kind == ListKind::host) return scan_hosts(scope, list, s, mood);
  bool end = list.ends_negative();
  const bool indexed = scope.trace == nullptr && can_use_index(list, s.kind, s.caseful);
  if (!indexed) {
    for (const ListItem& item : list.items) {
      if (item.kind == ItemKind::caseful) {
        s.caseful = true;
        continue;
      }
      if (item.kind == ItemKind::literal && !is_same(item, s)) continue;
      REMEX_TRY(Scanned got, scan_item(scope, item, s));
      if (got.by != By::none) return got;
      if (&item == &list.items.back()) end = got.positive;
    }
    return Scanned{By::none, end, {}};
  }
  const std::size_t limit = find_in_index(list, s.lower);
  for (const std::uint32_t i : list.index->others) {
    if (i > limit) break;
    const ListItem& item = list.items[i];
    REMEX_TRY(Scanned got, scan_item(scope, item, s));
    if (got.by != By::none) return got;
    if (&item == &list.items.back()) end = got.positive;
  }
  if (limit < list.items.size()) return scan_item(scope, list.items[limit], s);
  return Scanned{By::none, end, {}};
}

}  // namespace

void set_captures(Scope& scope, std::vector<std::string> values, Taint taint) {
  scope.captures.clear();
  for (std::string& v : values) scope.captures.emplace_back(std::move(v), taint);
}

Result<ListMatch> scan_list(Scope& scope, const CompiledList& list, Subject& s) {
  REMEX_TRY(Scanned got, scan_items(scope, list, s));
  if (got.by == Scanned::By::none) s.hit.clear();
  if (!got.positive) got.data = Text();
  return ListMatch{got.positive, std::move(got.data)};
}

}  // namespace remex::lang
