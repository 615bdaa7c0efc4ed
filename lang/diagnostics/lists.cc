// Kinds of diagnostics: what can be wrong with lists and lookups.
#include "lang/diagnostic_kinds.h"

namespace remex::lang {
namespace {

constexpr DiagnosticKind defs[] = {
    {"E0401", "bad-list-item", "An item of a list is wrong",
     "A bad pattern, network mask or lookup. The message names the item.",
     R"(hostlist relay = 192.168.0.0/33
)",
     R"(hostlist relay = 192.168.0.0/24
)"},
    {"E0402", "list-name", "The name of a named list is missing or wrong", "Letters, digits and \"_\", a letter first.",
     R"(domainlist = example.org
)",
     R"(domainlist local_domains = example.org
)"},
    {"E0403", "duplicate-list", "A named list is defined twice",
     "Each of the four kinds has names of its own; within a kind a name is unique.",
     R"(domainlist mine = a.example
domainlist mine = b.example
)",
     R"(domainlist mine = a.example : b.example
)"},
    {"E0404", "unknown-list", "A list refers to a named list that does not exist",
     "\"+name\" needs a list of the same kind: a domainlist for domains, a hostlist for hosts.",
     R"(domainlist local_domains = example.org
begin acl
a:
  accept domains = +local_domain
)",
     R"(domainlist local_domains = example.org
begin acl
a:
  accept domains = +local_domains
)"},
    {"E0405", "list-ring", "A named list refers to itself", "Directly or through others; no answer could be found.",
     R"(domainlist a = +b
domainlist b = x.example : +a
)",
     R"(domainlist a = +b
domainlist b = x.example
)"},
    {"E0406", "unknown-lookup", "There is no lookup type of this name", "The hint shows the nearest one.",
     R"(smtp_banner = ${lookup{x}lserch{/etc/aliases}}
)",
     R"(smtp_banner = ${lookup{x}lsearch{/etc/aliases}}
)"},
    {"E0407", "missing-lookup-type", "The type of a lookup is missing",
     "${lookup{key} type {file}} or ${lookup type {query}}.",
     R"(smtp_banner = ${lookup{x}}
)",
     R"(smtp_banner = ${lookup{x}lsearch{/etc/aliases}}
)"},
    {"E0408", "lookup-style", "A key is given to a query type, or none to a single-key type",
     "Files are asked with ${lookup{key} type {file}}, databases with ${lookup type {query}}.",
     R"(smtp_banner = ${lookup lsearch{/etc/aliases}}
)",
     R"(smtp_banner = ${lookup{x}lsearch{/etc/aliases}}
)"},
    {"W0430", "list-injection", "Data from a message can add items to a list",
     "A list is expanded first and then split at its separators. Text that a stranger chose can hold a "
     "separator, and what follows it becomes an item of your list: \"*\", \"!x\" or a lookup. Compare with"
     " ${if eq...} in a condition, or let a lookup decide.",
     R"(begin acl
a:
  accept senders = $h_from:
)",
     R"(begin acl
a:
  accept condition = ${if eqi{$sender_address}{$h_from:}}
)"},
    {"W0431", "list-separator", "An item has blanks or a comma in it and can never match",
     "Items are separated by colons, or by what follows \"<\" at the start of the list. Domains and hosts "
     "have no blanks or commas.",
     R"(domainlist local_domains = a.example, b.example
)",
     R"(domainlist local_domains = a.example : b.example
)"},
    {"W0432", "broken-address", "A host item looks like a part of an IP address",
     "\"10.0.0\" is taken as a host name, and so are the pieces of an IPv6 address, which the colons of "
     "the list have cut. Double the colons or change the separator with \"<;\".",
     R"(hostlist relay = 127.0.0.1 : 2001:db8::1
)",
     R"(hostlist relay = <; 127.0.0.1 ; 2001:db8::1
)"},
    {"H0433", "names-before-addresses", "A host name stands before an IP address in a host list",
     "When the name of the client (or the address of the name) cannot be found, the list ends there as "
     "\"no match\" and the address behind it is not looked at. Put addresses first.",
     R"(hostlist relay = *.example.org : 192.0.2.0/24
)",
     R"(hostlist relay = 192.0.2.0/24 : *.example.org
)"},
    {"H0434", "list-unused", "A named list is never used", "Perhaps what should refer to it has another name.",
     R"(domainlist relay_to = a.example
)",
     R"(domainlist relay_to = a.example
begin acl
a:
  accept domains = +relay_to
)"},
    {"H0435", "lookup-file-missing", "The file of a lookup does not exist here",
     "While it is missing every lookup in it is a temporary error: mail waits instead of being refused or "
     "delivered.",
     R"(domainlist local_domains = lsearch;/nonexistent/domains
)",
     R"(domainlist local_domains = lsearch;/etc/services
)"},
    {"W0436", "bad-list-in-expansion", "An item of a list that is read at run time is wrong",
     "A list with variables in it, or the list of match_domain and its relatives: an item names a lookup "
     "type or a named list that does not exist, or a bad pattern or mask. Asking it is a temporary error.",
     R"(domainlist local_domains = a.example
begin acl
a:
  accept condition = ${if match_domain{$sender_address_domain}{+local_domain}}
)",
     R"(domainlist local_domains = a.example
begin acl
a:
  accept condition = ${if match_domain{$sender_address_domain}{+local_domains}}
)"},
};

}  // namespace
}  // namespace remex::lang

namespace remex::registry::diagnostics {
extern const std::span<const lang::DiagnosticKind> lists;
constinit const std::span<const lang::DiagnosticKind> lists{lang::defs};
}  // namespace remex::registry::diagnostics
