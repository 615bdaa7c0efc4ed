// The verbs: how a statement ends when its conditions are met, and when they are not. They run in acl/run.cc.
#include <iterator>

#include "acl/internal.h"

namespace remex::acl {
namespace {

constexpr AclWordDef row(std::string_view name, std::string_view summary, lang::Example met, lang::Example unmet) {
  return with_examples({.name = name, .kind = WordKind::verb, .value = ValueKind::none, .summary = summary}, met,
                       unmet);
}

// In the order of enum Verb.
constexpr AclWordDef defs[] = {
    row("accept", "Accepts when all conditions are met; with endpass behind them, a later false one denies",
        {"accept  domains = +local_domains", "250 2.1.5 Accepted"},
        {"accept  domains = other.example\n        endpass\n        senders = :",
         "550 5.7.1 Administrative prohibition"}),
    row("defer", "Asks the client to try again later (451) when all conditions are met",
        {"defer   message = the mailbox is being moved\n        local_parts = joe",
         "451 4.3.0 the mailbox is being moved"},
        {"defer   local_parts = nobody\naccept", "250 2.1.5 Accepted"}),
    row("deny", "Refuses (550) when all conditions are met",
        {"deny    message = no mail for Joe\n        local_parts = joe", "550 5.7.1 no mail for Joe"},
        {"deny    local_parts = nobody\naccept", "250 2.1.5 Accepted"}),
    row("discard", "Accepts and throws away, the recipient or the message, when all conditions are met",
        {"discard local_parts = joe", "250 2.1.5 Accepted"},
        {"discard local_parts = nobody\ndeny    message = still here", "550 5.7.1 still here"}),
    row("drop", "Refuses and closes the connection when all conditions are met",
        {"drop    message = goodbye\n        local_parts = joe", "550 5.7.1 goodbye"},
        {"drop    local_parts = nobody\naccept", "250 2.1.5 Accepted"}),
    row("require", "Refuses unless all conditions are met",
        {"require domains = +local_domains\naccept", "250 2.1.5 Accepted"},
        {"require message = relaying is not permitted\n        domains = other.example",
         "550 5.7.1 relaying is not permitted"}),
    row("warn", "Goes on with the next statement; modifiers in front of a false condition have acted",
        {"warn    set acl_m_joe = yes\n        local_parts = joe\ndeny    message = joe: $acl_m_joe",
         "550 5.7.1 joe: yes"},
        {"warn    local_parts = nobody\n        set acl_m_nobody = yes\ndeny    message = nobody: $acl_m_nobody",
         "550 5.7.1 nobody:"}),
};

}  // namespace

std::string_view to_string(Verb v) { return defs[static_cast<std::size_t>(v)].name; }

bool parse_verb(std::string_view word, Verb& out) {
  for (std::size_t i = 0; i < std::size(defs); ++i)
    if (defs[i].name == word) {
      out = static_cast<Verb>(i);
      return true;
    }
  return false;
}

}  // namespace remex::acl

namespace remex::registry::acl_words {
extern const std::span<const acl::AclWordDef> verbs;
constinit const std::span<const acl::AclWordDef> verbs{acl::defs};
}  // namespace remex::registry::acl_words
