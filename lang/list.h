// Lists: domain, host, address, local part and string lists; compiled when constant, split after expansion otherwise.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "core/base/text.h"
#include "lang/expand.h"

namespace remex::lang {

struct Subject;  // lang/list_internal.h
struct CompiledList;

enum class ListKind : std::uint8_t { domain, host, address, local_part, string };

/// Outcome of matching. `data` is the value that becomes $domain_data, $local_part_data, ... (plain item, lookup data,
/// ...).
struct ListMatch {
  bool matched = false;
  Text data;
};

/// How a list is being asked.
struct ListOptions {
  bool caseful = false;               ///< local parts and addresses
  bool keep_domain_variable = false;  ///< ACL sender_domains leaves $domain alone
  bool fresh = false;                 ///< for -bh: Exim remembers no named lists here
};

class MatchList {
 public:
  MatchList() = default;  ///< unset
  /// Reports syntax errors of constant items (bad regex, unknown lookup, unknown named list later) to the diagnostics.
  static Result<MatchList> compile(ListKind kind, SourceText source, const CompileContext& ctx);

  bool is_set() const { return static_cast<bool>(impl_); }
  const std::string& source_text() const;
  const Expansion& expansion() const;

  /// Errors: defer (a lookup could not be done), forced_fail / failed (the list's own expansion).
  /// Sets $0.. captures of a matching pattern in the scope. `subject` is tainted when it came from a peer.
  Result<ListMatch> match(Scope& scope, const Text& subject, ListOptions opt = {}) const;
  /// The same for text of a peer.
  Result<ListMatch> match_tainted(Scope& scope, std::string_view subject, ListOptions opt = {}) const;
  /// Host lists: the host is described by address and (lazily looked up, may be empty) name. Empty ip = no remote host.
  Result<ListMatch> match_host(Scope& scope, std::string_view ip, std::string_view name = {}) const;
  /// For lang/list_*.cc: the scan itself, with the caller's subject (nested named lists share it).
  Result<ListMatch> match_subject(Scope& scope, Subject& subject) const;
  /// The items when the list is constant, else null; for static checks.
  const CompiledList* constant_items() const;
  ListKind kind() const;

 private:
  struct Impl;
  Result<ListMatch> match_made(Scope& scope, Subject& subject, ListOptions opt) const;
  std::shared_ptr<const Impl> impl_;
};

/// Splits an expanded list: leading "<x" changes the separator, doubled separators are literal, blanks around items are
/// dropped, a final separator makes no empty item. `:` alone is one empty item.
std::vector<std::string> split_list(std::string_view list, char default_separator = ':');
/// The same for text as written, places kept; empty items are kept too.
std::vector<SourceText> split_list_source(const SourceText& list, char default_separator = ':');
/// Joins with `sep`, doubling it inside items.
std::string join_list(const std::vector<std::string>& items, char sep = ':');

/// Matches against list text that is already expanded (match_domain{}{} second argument, inlist, forany, ...).
Result<ListMatch> match_list_text(Scope& scope, ListKind kind, const Text& list, const Text& subject,
                                  ListOptions opt = {});

}  // namespace remex::lang
