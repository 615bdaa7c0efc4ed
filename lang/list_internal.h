// Inside of lists: compiled items and how each kind is asked. Included by lang/list_*.cc and the static checks only.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "lang/list.h"
#include "lang/lookup_engine.h"
#include "lang/regex.h"

namespace remex::lang {

class Scope;
class Operand;
struct NamedList;

/// Takes "<x" off the front; nullopt = none there.
std::optional<char> take_separator(std::string_view& list);
/// Splits with a known separator.
std::vector<std::string> split_by(std::string_view s, char sep);

/// An IP address or network; IPv4-mapped IPv6 is IPv4.
struct IpNet {
  bool v6 = false;
  std::array<std::uint8_t, 16> bytes{};
  int bits = 32;
  /// "1.2.3.4", "1.2.3.4/8", "::1/64"; nullopt for anything else. A mask beyond the address length is refused.
  static std::optional<IpNet> parse(std::string_view text, bool allow_mask = true);
  bool contains(const IpNet& address) const;
  void mask(int to_bits);
  /// Unabbreviated, lower case; IPv6 groups joined with `v6_separator`.
  std::string full_text(char v6_separator) const;
};

enum class ItemKind : std::uint8_t {
  empty,
  literal,
  everything,
  suffix,
  regex,
  named,
  file,
  lookup,
  primary_name,
  local_literal,
  mx_any,
  mx_primary,
  mx_secondary,
  ip,
  net_lookup,
  host_name,
  include_unknown,
  ignore_unknown,
  include_defer,
  ignore_defer,
  caseful,
  address,
  address_domain,
  per_domain_lookup,
  invalid,
};

struct CompiledList;

struct ListItem {
  ItemKind kind = ItemKind::literal;
  bool negated = false;
  std::string negation;  ///< "!" as written, with the blanks behind it
  std::string text;      ///< without "!"; the value of a plain match
  std::string lower;     ///< text in lower case: literal, suffix (without '*'), local part of address
  std::shared_ptr<const Regex> regex;
  std::shared_ptr<const Regex> caseful_regex;  ///< local parts and addresses after +caseful
  std::shared_ptr<const LookupSpec> lookup;
  std::string target;  ///< lookup: file or query; named: name; file: path; mx: ignore list
  IpNet net;
  int net_bits = -1;                           ///< netN- lookups
  bool local_is_star = false;                  ///< address: local part starts with '*'
  std::shared_ptr<const CompiledList> domain;  ///< address: one domain item
  std::string error;                           ///< invalid: why

  /// named: where the name led in the configuration with this serial number. Evaluation is one thread's work.
  struct Resolved {
    std::uint64_t serial = 0;
    const NamedList* list = nullptr;
    bool worth_remembering = false;  ///< but for NamedList::force_cache
  };
  mutable Resolved resolved;
};

/// Hash tables keyed by text that can be asked with a part of other text.
struct TextHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view s) const { return std::hash<std::string_view>()(s); }
};
using ItemIndex = std::unordered_map<std::string, std::uint32_t, TextHash, std::equal_to<>>;

/// What a list longer than kFewItems has, so that ten thousand domains are a few hash probes.
struct ListIndex {
  ItemIndex literals;                 ///< lower-cased text -> first item
  ItemIndex suffixes;                 ///< domains: ".example.org" of "*.example.org" -> first item
  std::vector<std::uint32_t> others;  ///< all that need asking, in order
};
inline constexpr std::size_t kFewItems = 8;  ///< are compared one by one

/// Items of one list text.
struct CompiledList {
  std::vector<ListItem> items;
  std::unique_ptr<const ListIndex> index;  ///< of long lists
  std::vector<std::uint32_t> named;        ///< +name items
  bool has_caseful = false;
  bool plain = false;                            ///< domains, local parts: only what match_plain() answers
  bool dear = false;                             ///< has items that ask files, databases or the DNS
  mutable bool sees_domain = true;               ///< something in it or in a list it names may look at $domain
  mutable std::uint64_t sees_domain_serial = 0;  ///< configuration for which `sees_domain` was found out
  bool ends_negative() const { return !items.empty() && items.back().negated; }
};

/// Never fails: a bad item is kind invalid and errors (or is reported at load) when met.
std::shared_ptr<const CompiledList> compile_items(ListKind kind, const std::vector<std::string>& texts,
                                                  const Registries& registries, bool in_file = false);

/// What is being asked, for one scan. Reused: strings keep their memory.
struct Subject {
  ListKind kind = ListKind::domain;
  Text text;  ///< as given
  std::string lower;
  std::string local, domain;  ///< addresses: local part as written; domain lower case
  bool has_at = false;
  bool caseful = false;
  Taint list_taint = Taint::clean;  ///< of plain items' values
  int depth = 0;                    ///< nested named lists and files
  // Host lists.
  std::optional<IpNet> ip;
  std::string ip_text;
  std::vector<std::string> names;  ///< known host names
  bool names_tried = false;
  bool ip_only = false;  ///< match_ip: names are never looked up
  // Only while a list is traced.
  bool fresh = false, of_sender = false;  ///< ListOptions; keep_domain_variable
  std::string hit;                        ///< what decided: 'matched "a.test"'; empty: the end of the list
};

/// A Subject out of this thread's stock.
class SubjectLease {
 public:
  SubjectLease();
  ~SubjectLease();
  SubjectLease(const SubjectLease&) = delete;
  SubjectLease& operator=(const SubjectLease&) = delete;
  Subject& operator*() const { return *subject_; }
  Subject* operator->() const { return subject_.get(); }

 private:
  std::unique_ptr<Subject> subject_;
};

/// What plain items alone say: literals, suffixes and names of plain lists.
struct PlainMatch {
  bool known = false;                  ///< false: other items have to be asked, scan_list() answers
  bool matched = false;                ///< of the whole list
  const ListItem* item = nullptr;      ///< whose text is the value; null: the end of the list matched
  const ListItem* wildcard = nullptr;  ///< the last suffix that matched, which set $0 and $1
};
/// For domains and for local parts without case; copies nothing and changes nothing but what is remembered in items.
PlainMatch match_plain(const Scope& scope, const CompiledList& list, ListKind kind, std::string_view subject,
                       int depth = 0);
/// $0 and $1 of a suffix that matched.
void capture_wildcard(Scope& scope, std::string_view subject, std::size_t suffix, Taint taint);
/// The tables of the list say what is in it: it is long, and case does not matter.
bool can_use_index(const CompiledList& list, ListKind kind, bool caseful);
/// The first item that `lower` matches by the tables; the number of items when there is none.
std::size_t find_in_index(const CompiledList& list, std::string_view lower);
/// The list that a +name item names; null: there is none.
const NamedList* resolve_named(const Scope& scope, const ListItem& item, ListKind kind);

/// Scans. Sets captures. The list's taint is in the subject.
Result<ListMatch> scan_list(Scope& scope, const CompiledList& list, Subject& subject);
/// match_list_text with the items already made.
Result<ListMatch> match_compiled(Scope& scope, ListKind kind, const CompiledList& list, Taint list_taint,
                                 const Operand& subject, ListOptions opt = {});
/// Lines of a list file as items; kind defer when it cannot be read.
Result<std::vector<std::string>> read_list_file(const std::string& path, ListKind kind);
/// Whether a host item matches. nullopt with `unknown` set: a name or address that was needed does not exist.
struct HostAnswer {
  enum class Kind : std::uint8_t { no, yes, unknown, defer } kind = Kind::no;
  Text data;
  std::string why;
};
Result<HostAnswer> ask_host_item(Scope& scope, const ListItem& item, Subject& subject);
/// What a named list answered earlier for this message (lang/list_memory.cc): only lists that cannot change within a
/// message and cost something to ask, and those defined with domainlist_cache and its relatives.
bool worth_remembering(const Scope& scope, const NamedList& named);
/// The same without the cost: its text and that of all lists it names is constant, or the configuration says so.
bool can_be_remembered(const Scope& scope, const NamedList& named);
class NamedListMemory {
 public:
  NamedListMemory(Scope& scope, const NamedList& named, const Subject& subject);
  ~NamedListMemory();
  NamedListMemory(const NamedListMemory&) = delete;
  NamedListMemory& operator=(const NamedListMemory&) = delete;
  /// The earlier result, captures set again; nullopt when there is none.
  std::optional<ListMatch> recall();
  void keep(const ListMatch& match);

 private:
  Scope& scope_;
  std::string id_;
  std::vector<Text> before_;  ///< captures set aside, so that those of the list can be told from older ones
};
/// @mx_any and its relatives.
Result<bool> ask_mx_item(Scope& scope, const ListItem& item, const std::string& domain);
/// Addresses of the interfaces of this host.
bool is_local_ip(Scope& scope, const IpNet& ip);
std::string primary_host_name(const Scope& scope);
void set_captures(Scope& scope, std::vector<std::string> values, Taint taint);

}  // namespace remex::lang
