// An open relay, found before the spammers do: the RCPT ACL is followed for a stranger's mail to a stranger.
//
// Every condition is answered with yes, no or unknown for one made-up client (an address of a documentation network,
// not authenticated, able to use TLS, not on any block list) and one recipient domain that exists nowhere. The sender
// is the attacker's choice, so those that the ACL itself mentions are tried too. Only an accept that is reached with
// certainty is reported: whatever cannot be answered from the configuration ends the search without a word.
#include <fmt/core.h>

#include <algorithm>
#include <map>

#include "acl/check.h"
#include "core/base/strings.h"
#include "lang/diagnostics.h"
#include "lang/list_internal.h"

namespace remex::acl {
namespace {

using lang::CompiledList;
using lang::ItemKind;
using lang::ListItem;
using lang::ListKind;
using lang::MatchList;

constexpr std::string_view kClient = "203.0.113.77";
constexpr std::string_view kDomain = "relay-test.invalid";
constexpr std::string_view kLocalPart = "someone";
constexpr int kMaxDepth = 20;
constexpr std::size_t kMaxSenders = 8;
constexpr int kMaxLists = 10000;  // named lists opened for all questions together; then nothing is certain any more

enum class Tri : std::uint8_t { no, yes, unknown };
Tri negate(Tri t) { return t == Tri::yes ? Tri::no : t == Tri::no ? Tri::yes : t; }
Tri tri(bool b) { return b ? Tri::yes : Tri::no; }

struct Who {
  std::string sender_local = "x", sender_domain = "attacker.invalid";
  bool null_sender = false;
};

class Lists {
 public:
  explicit Lists(const lang::Config& config) : config_(config) {}

  Tri domain(const MatchList& list, std::string_view subject) const {
    return scan(list, [&](const ListItem& it) { return domain_item(it, subject); });
  }
  Tri local_part(const MatchList& list, std::string_view subject) const {
    return scan(list, [&](const ListItem& it) { return domain_item(it, subject); });
  }
  Tri address(const MatchList& list, std::string_view local, std::string_view domain, bool empty) const {
    return scan(list, [&](const ListItem& it) { return address_item(it, local, domain, empty); });
  }
  Tri host(const MatchList& list) const {
    return scan(list, [&](const ListItem& it) { return host_item(it); });
  }

 private:
  template <class Ask>
  Tri scan(const MatchList& list, const Ask& ask, int depth = 0) const {
    if (!list.is_set() || list.constant_items() == nullptr || depth > kMaxDepth || --budget_ < 0) return Tri::unknown;
    return scan_items(*list.constant_items(), list.kind(), ask, depth);
  }

  template <class Ask>
  Tri scan_items(const CompiledList& items, ListKind kind, const Ask& ask, int depth) const {
    for (const ListItem& it : items.items) {
      Tri t = Tri::unknown;
      if (it.kind == ItemKind::named) {
        const lang::NamedList* named = config_.named_list(kind, it.target);
        if (named != nullptr) t = scan(named->list, ask, depth + 1);
      } else {
        t = ask(it);
      }
      if (t == Tri::unknown) return t;
      if (t == Tri::yes) return tri(!it.negated);
    }
    return tri(items.ends_negative());
  }

  static Tri regex(const ListItem& it, std::string_view subject) {
    if (!it.regex) return Tri::unknown;
    auto hit = it.regex->search(subject, nullptr);
    return hit ? tri(*hit) : Tri::unknown;
  }

  /// Domains and local parts. "@" and literals are this host's: not the stranger's.
  static Tri domain_item(const ListItem& it, std::string_view subject) {
    switch (it.kind) {
      case ItemKind::empty: return tri(subject.empty());
      case ItemKind::literal: return tri(it.lower == subject);
      case ItemKind::suffix: return tri(subject.ends_with(it.lower));
      case ItemKind::everything: return Tri::yes;
      case ItemKind::regex: return regex(it, subject);
      case ItemKind::primary_name:
      case ItemKind::local_literal:
      case ItemKind::caseful: return Tri::no;
      case ItemKind::lookup: return own_file(it) ? Tri::no : Tri::unknown;
      default: return Tri::unknown;
    }
  }

  /// A lookup of whole keys in a file or directory of ours: the made-up domain is not there.
  static bool own_file(const ListItem& it) {
    if (!it.lookup || it.lookup->partial >= 0 || it.lookup->defaults != lang::LookupSpec::Default::none) return false;
    for (const std::string_view name : {"dsearch", "lsearch", "cdb", "dbm", "lmdb", "passwd"})
      if (it.lookup->def->name == name) return true;
    return false;
  }

  Tri address_item(const ListItem& it, std::string_view local, std::string_view domain, bool empty) const {
    const std::string whole = empty ? std::string() : fmt::format("{}@{}", local, domain);
    switch (it.kind) {
      case ItemKind::empty: return tri(empty);
      case ItemKind::caseful: return Tri::no;
      case ItemKind::regex: return regex(it, whole);
      case ItemKind::address:
      case ItemKind::address_domain: break;
      default: return Tri::unknown;
    }
    if (empty) return Tri::no;
    if (it.kind == ItemKind::address && !(it.local_is_star ? local.ends_with(it.lower) : local == it.lower))
      return Tri::no;
    if (!it.domain) return Tri::unknown;
    return scan_items(*it.domain, ListKind::domain, [&](const ListItem& d) { return domain_item(d, domain); }, 0);
  }

  static Tri host_item(const ListItem& it) {
    switch (it.kind) {
      case ItemKind::empty:
      case ItemKind::local_literal:
      case ItemKind::host_name: return Tri::no;
      case ItemKind::everything: return Tri::yes;
      case ItemKind::suffix: return tri(it.target.empty());
      case ItemKind::ip: return tri(it.net.contains(*lang::IpNet::parse(kClient, false)));
      default: return Tri::unknown;
    }
  }

  const lang::Config& config_;
  mutable int budget_ = kMaxLists;
};

class Relay {
 public:
  explicit Relay(lang::CheckContext& c) : c_(c), lists_(c.config) {}

  /// The statement that accepts the stranger; null = none, or not certain.
  const Statement* accepts(const Acl& acl, const Who& who, int depth = 0) {
    const Statement* decider = nullptr;
    answers_.clear();
    return run(acl, who, depth, &decider) == Tri::yes ? decider : nullptr;
  }

  /// Senders to try: any, none, and those the ACL accepts by name.
  std::vector<Who> senders(const Acl& acl) const {
    std::vector<Who> out{{}, {"", "", true}};
    for (const Statement& s : acl.statements)
      for (const Item& it : s.items) {
        if (s.verb != Verb::accept || it.negated || !it.list.is_set() || it.list.constant_items() == nullptr) continue;
        if (it.word->name != "senders" && it.word->name != "sender_domains") continue;
        for (const ListItem& item : it.list.constant_items()->items)
          if (out.size() < kMaxSenders && !item.negated) out.push_back(from(item));
      }
    return out;
  }

  /// Whether a router sends mail for any domain on to another host.
  bool routes_strangers() const {
    for (const lang::DriverInstance& r : c_.config.routers) {
      if (r.def == nullptr || (r.def->name != "dnslookup" && r.def->name != "manualroute")) continue;
      if (lang::driver_flag(c_.config, r, "verify_only", false) || r.find_given("condition") != nullptr ||
          r.find_given("senders") != nullptr || r.find_given("local_parts") != nullptr)
        continue;
      const auto* domains = lang::driver_option<MatchList>(c_.config, r, "domains", lang::OptionType::domain_list);
      if (domains != nullptr && domains->is_set() && lists_.domain(*domains, kDomain) != Tri::yes) continue;
      const auto* routes = r.find_given("route_list");
      if (routes != nullptr && !trim(routes->value.text()).starts_with('*')) continue;
      if (routes != nullptr && trim(routes->value.text()).starts_with("*.")) continue;
      return true;
    }
    return false;
  }

 private:
  static Who from(const ListItem& item) {
    Who who;
    const ListItem* domain = &item;
    if (item.kind == ItemKind::address || item.kind == ItemKind::address_domain) {
      if (!item.local_is_star && !item.lower.empty()) who.sender_local = item.lower;
      if (item.domain && !item.domain->items.empty()) domain = &item.domain->items.front();
    }
    if (domain->kind == ItemKind::literal) who.sender_domain = domain->lower;
    if (domain->kind == ItemKind::suffix) who.sender_domain = "a" + domain->lower;
    return who;
  }

  Tri run(const Acl& acl, const Who& who, int depth, const Statement** decider) {
    if (depth > kMaxDepth) return Tri::unknown;
    for (const Statement& s : acl.statements) {
      if (s.verb == Verb::warn) continue;
      bool endpass = false;
      const Tri t = conditions(s, who, depth, endpass);
      if (t == Tri::unknown) return t;
      if (s.verb == Verb::require) {
        if (t == Tri::no) return Tri::no;
      } else if (t == Tri::yes) {
        *decider = &s;
        return tri(s.verb == Verb::accept);
      } else if (endpass && s.verb == Verb::accept) {
        return Tri::no;
      }
    }
    return Tri::no;
  }

  /// All conditions of a statement; a certain "no" outweighs what cannot be told.
  Tri conditions(const Statement& s, const Who& who, int depth, bool& endpass) {
    Tri all = Tri::yes;
    bool passed = false;
    for (const Item& it : s.items) {
      if (it.word->name == "endpass") passed = true;
      if (it.word->kind != WordKind::condition) continue;
      Tri t = condition(it, who, depth);
      if (it.negated) t = negate(t);
      if (t == Tri::no) {
        endpass = passed && all == Tri::yes;
        return passed && all == Tri::unknown ? Tri::unknown : Tri::no;
      }
      if (t == Tri::unknown) all = Tri::unknown;
    }
    return all;
  }

  Tri condition(const Item& it, const Who& who, int depth) {
    const std::string_view w = it.word->name;
    if (w == "hosts") return lists_.host(it.list);
    if (w == "domains") return lists_.domain(it.list, kDomain);
    if (w == "local_parts") return lists_.local_part(it.list, kLocalPart);
    if (w == "recipients") return lists_.address(it.list, kLocalPart, kDomain, false);
    if (w == "senders") return lists_.address(it.list, who.sender_local, who.sender_domain, who.null_sender);
    if (w == "sender_domains") return lists_.domain(it.list, who.null_sender ? std::string_view() : who.sender_domain);
    if (w == "authenticated" || w == "dnslists" || w == "ratelimit") return Tri::no;
    if (w == "encrypted") return it.value.is_constant() && trim(it.value.constant()) == "*" ? Tri::yes : Tri::unknown;
    if (w == "verify") return verify(it);
    if (w == "acl") {
      const Acl* inner = nested(c_.config, it);
      const Statement* unused = nullptr;
      if (inner == nullptr) return Tri::unknown;
      // Once per ACL, however many ways lead to it; one that calls itself has no answer.
      if (answers_.emplace(inner, Tri::unknown).second) answers_[inner] = run(*inner, who, depth + 1, &unused);
      return answers_[inner];
    }
    const auto fixed = w == "condition" ? fixed_truth(it) : std::nullopt;
    if (!fixed) return Tri::unknown;
    return tri(it.negated ? !*fixed : *fixed);  // the caller negates again
  }

  /// What the stranger can arrange. A recipient verifies when a router takes it, and one does.
  static Tri verify(const Item& it) {
    if (!it.value.is_constant()) return Tri::unknown;
    const std::string_view what = trim(it.value.constant());
    for (const std::string_view word : {"sender", "recipient", "helo", "reverse_host_lookup", "csa"})
      if (what.starts_with(word)) return Tri::yes;
    return what.starts_with("certificate") ? Tri::no : Tri::unknown;
  }

  lang::CheckContext& c_;
  Lists lists_;
  std::map<const Acl*, Tri> answers_;  ///< of nested ACLs for the present sender
};

/// The ACL of acl_smtp_rcpt: by name, or its text compiled.
std::shared_ptr<const Acl> rcpt_acl(const lang::Config& config) {
  const lang::Expansion& e = config.main.acl_smtp_rcpt;
  if (!e.is_set() || !e.is_constant()) return nullptr;
  if (const Acl* acl = named_by(config, e); acl != nullptr) return {std::shared_ptr<const Acl>(), acl};
  Verb verb{};
  const std::string_view text = trim(e.constant());
  if (!parse_verb(text.substr(0, text.find_first_of(" \t\n")), verb)) return nullptr;
  std::vector<lang::LogicalLine> lines;
  for (const std::string_view line : split(text, '\n')) lines.push_back({lang::SourceText(std::string(line), e.pos())});
  return compile_acl("acl_smtp_rcpt", lines, {config.registries.get(), nullptr, {}});
}

}  // namespace

void check_relay(lang::CheckContext& c) {
  if (c.config.main.mua_wrapper || lang::listens_on_loopback_only(c.config)) return;
  const auto acl = rcpt_acl(c.config);
  Relay relay(c);
  if (acl == nullptr || !relay.routes_strangers()) return;
  for (const Who& who : relay.senders(*acl)) {
    const Statement* s = relay.accepts(*acl, who);
    if (s == nullptr) continue;
    const std::string sender =
        who.null_sender ? "<>" : fmt::format("<{}@{}>", printable(who.sender_local), printable(who.sender_domain));
    auto& d = c.diag.warning("open-relay", s->pos, static_cast<std::uint32_t>(to_string(s->verb).size()),
                             fmt::format("ACL \"{}\" is an open relay: strangers can send to strangers", acl->name),
                             "this statement accepts them");
    d.notes.push_back(fmt::format("followed for MAIL FROM:{} and RCPT TO:<{}@{}> from {}, not authenticated", sender,
                                  kLocalPart, kDomain, kClient));
    return;
  }
}

}  // namespace remex::acl
