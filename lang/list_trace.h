// What -bh tells of the lists that are asked, in Exim's words: 'host in "192.0.2.0/24"? no (end of list)'. Nothing here
// changes an answer.
#pragma once

#include <functional>
#include <set>
#include <string>
#include <string_view>

#include "lang/list.h"

namespace remex::lang {

class Scope;
struct ListItem;
struct NamedList;
struct Subject;

/// State of one session's trace; Scope::trace points to it. One fiber.
struct ListTrace {
  /// A condition whose value is being found out: told with the value when that is known.
  struct Check {
    std::string line;    ///< "check domains = +local"
    std::size_t column;  ///< of "=" in it
    std::string source;  ///< the value as written
  };
  std::string_view option;      ///< the option whose list is asked next; empty: the list is told by its text
  std::set<std::string> asked;  ///< named lists that answered before for the same subject
  Check* check = nullptr;
  std::size_t depth = 0;  ///< blanks in front: nested ACLs, expansions
};

/// One line.
void trace_line(Scope& scope, std::string_view text);
/// The condition that waits to be told, now that its value is known; nothing when there is none.
void trace_check(Scope& scope, std::string_view value);
/// While it lives an expansion is evaluated: what lists it asks is told in front of the condition, indented.
class ExpansionTraced {
 public:
  explicit ExpansionTraced(Scope& scope);
  ~ExpansionTraced();
  ExpansionTraced(const ExpansionTraced&) = delete;
  ExpansionTraced& operator=(const ExpansionTraced&) = delete;

 private:
  ListTrace* trace_;
  ListTrace::Check* check_ = nullptr;
  std::string_view option_;
};
/// While it lives nothing is told.
class TraceSilenced {
 public:
  explicit TraceSilenced(Scope& scope);
  ~TraceSilenced();
  TraceSilenced(const TraceSilenced&) = delete;
  TraceSilenced& operator=(const TraceSilenced&) = delete;

 private:
  Scope& scope_;
  ListTrace* trace_;
};

/// After a list was scanned: `list` is its text.
void trace_list(Scope& scope, const Subject& subject, std::string_view list, const Result<ListMatch>& match);
/// The domain of an address was compared with a part of an address item.
void trace_domain(Scope& scope, const Subject& subject, std::string_view pattern, bool matched);
/// How an item that decided is told: 'matched "! a.test"'.
std::string trace_hit(const ListItem& item);
/// The items of a list whose text is not at hand.
std::string text_of(const CompiledList& list);
/// Has this named list answered for this subject? Noted for the next time; false for lists that change.
bool trace_asked_before(Scope& scope, const NamedList& named, const Subject& subject);

}  // namespace remex::lang
