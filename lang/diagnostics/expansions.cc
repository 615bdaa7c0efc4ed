// Kinds of diagnostics: what can be wrong inside expanded strings.
#include "lang/diagnostic_kinds.h"

namespace remex::lang {
namespace {

constexpr DiagnosticKind defs[] = {
    {"E0301", "missing-brace", "A brace is missing",
     "The caret shows where the text ended or where another brace was needed. Count from the inside: every"
     " { of an argument needs its }.",
     R"(qualify_domain = x.example
smtp_banner = ${if eq{a}{b}{yes}{no}
)",
     R"(smtp_banner = ${if eq{a}{b}{yes}{no}}
)"},
    {"E0302", "bad-dollar", "A dollar is followed by nothing that can be inserted",
     "A literal dollar is written \\$ in an expanded string.",
     R"(smtp_banner = costs $ 5
)",
     R"(smtp_banner = costs \$ 5
)"},
    {"E0303", "bad-escape", "A backslash ends the string",
     "It escapes the character behind it, and there is none. A literal one is written \\\\.",
     R"(smtp_banner = "path\\"
)",
     R"(smtp_banner = "path\\\\"
)"},
    {"E0304", "unknown-variable", "There is no variable of this name",
     "The hint shows the nearest one. Own variables are $acl_c_x, $acl_m_x (set in ACLs) and $r_x (set by "
     "routers).",
     R"(smtp_banner = $primary_hostnam
)",
     R"(smtp_banner = $primary_hostname
)"},
    {"E0305", "unknown-operator", "There is no operator of this name",
     "${name:text}. A variable in braces has no colon behind it: ${name}.",
     R"(smtp_banner = ${lcc:$primary_hostname}
)",
     R"(smtp_banner = ${lc:$primary_hostname}
)"},
    {"E0306", "unknown-item", "There is no expansion item of this name", "${name{argument}...}",
     R"(smtp_banner = ${iff eq{a}{b}{yes}}
)",
     R"(smtp_banner = ${if eq{a}{b}{yes}}
)"},
    {"E0307", "unknown-condition", "There is no condition of this name",
     "Conditions stand behind ${if, for example eq, match, exists, def:, and, or.",
     R"(smtp_banner = ${if equal{a}{b}{yes}}
)",
     R"(smtp_banner = ${if eq{a}{b}{yes}}
)"},
    {"E0308", "too-few-arguments", "An item has too few arguments",
     "The reference lists what each item and condition takes.",
     R"(smtp_banner = ${sg{$primary_hostname}{a}}
)",
     R"(smtp_banner = ${sg{$primary_hostname}{a}{b}}
)"},
    {"E0309", "too-many-arguments", "An item has too many arguments", "Often a brace closes too early.",
     R"(smtp_banner = ${sg{$primary_hostname}{a}{b}{c}}
)",
     R"(smtp_banner = ${sg{$primary_hostname}{a}{b}}
)"},
    {"E0310", "bad-operator-argument", "What stands behind the underscore of an operator is wrong",
     "${substr_2_3:text} takes numbers.",
     R"(smtp_banner = ${substr_x:$primary_hostname}
)",
     R"(smtp_banner = ${substr_2:$primary_hostname}
)"},
    {"E0311", "missing-colon", "A colon is missing in def:",
     "def:name asks whether a variable has a value; a header is named h_name: with a colon of its own.",
     R"(smtp_banner = ${if def{primary_hostname}{yes}}
)",
     R"(smtp_banner = ${if def:primary_hostname{yes}}
)"},
    {"E0312", "missing-condition", "A condition is missing", "${if is followed by a condition.",
     R"(smtp_banner = ${if {a}{b}}
)",
     R"(smtp_banner = ${if eq{a}{b}{yes}}
)"},
    {"E0313", "missing-variable", "def: names no variable", "Put the name directly behind the colon.",
     R"(smtp_banner = ${if def:{yes}}
)",
     R"(smtp_banner = ${if def:primary_hostname{yes}}
)"},
    {"E0314", "bad-branch", "Only {text} or the word fail may stand as the second string",
     "A word without braces after the yes string must be \"fail\".",
     R"(smtp_banner = ${if eq{a}{b}{yes}no}
)",
     R"(smtp_banner = ${if eq{a}{b}{yes}fail}
)"},
    {"E0315", "bad-regex", "A regular expression is not well formed",
     "The offset counts characters of the pattern. Protect backslashes and dollars with \\N...\\N.",
     R"(smtp_banner = ${if match{$primary_hostname}{^(mail}{yes}}
)",
     R"(smtp_banner = ${if match{$primary_hostname}{^(mail)}{yes}}
)"},
    {"E0316", "bad-option", "An item has an option that it does not know", "For example ${run,preexpand {...}}.",
     R"(smtp_banner = ${run,preexpnd {/bin/true}}
)",
     R"(smtp_banner = ${run,preexpand {/bin/true}}
)"},
    {"E0317", "empty-key", "The key of extract is empty",
     "It is a number (field of a list) or a name (name=value pairs).",
     R"(smtp_banner = ${extract{}{a=1}}
)",
     R"(smtp_banner = ${extract{a}{a=1}}
)"},
    {"E0318", "too-deep", "An expansion is nested too deeply",
     "100 levels of braces are taken. A chain of ${if...} this long is better a lookup.", "", ""},
    {"W0319", "ignored-suffix", "What stands behind the underscore of an operator has no meaning",
     "It is taken, as others do, and ignored.",
     R"(smtp_banner = ${lc_3:$primary_hostname}
)",
     R"(smtp_banner = ${lc:$primary_hostname}
)"},
    {"W0330", "explosive-regex", "A regular expression takes exponential time for some text",
     "A repeated group whose inside is repeated too, like (a+)+$, can split the same characters in endless"
     " ways. The check has found text of a few dozen characters that runs into the match limit: whoever "
     "sends such text makes the expression fail (a temporary error). Let one of the two repetitions go, or"
     " make the parts disjoint.",
     R"(begin acl
a:
  deny condition = ${if match{$sender_helo_name}{^([a-z0-9]+)*\$}}
)",
     R"(begin acl
a:
  deny condition = ${if match{$sender_helo_name}{^[a-z0-9]*\$}}
)"},
    {"W0331", "dollar-in-list", "The list of match_domain and its relatives is not expanded",
     "In ${if match_domain{subject}{list}} and match_address, match_local_part, match_ip the second "
     "argument is taken literally: a variable in it is only the text of its name. Use inlist, or a named "
     "list.",
     R"(begin acl
a:
  accept condition = ${if match_domain{$sender_address_domain}{$primary_hostname}}
)",
     R"(begin acl
a:
  accept condition = ${if eq{$sender_address_domain}{$primary_hostname}}
)"},
    {"W0332", "never-set", "A variable is used that nothing sets",
     "No ACL sets this $acl_ variable (or no router sets this $r_ variable), so it is always empty. Mostly"
     " one of the two names is misspelled.",
     R"(begin acl
a:
  warn   set acl_m_score = 3
  accept condition = ${if >{$acl_m_scor}{2}}
)",
     R"(begin acl
a:
  warn   set acl_m_score = 3
  accept condition = ${if >{$acl_m_score}{2}}
)"},
    {"H0333", "stray-brace", "A brace without its partner stands between expansions",
     "One brace too many, or one that closes too early: the rest is plain text and becomes part of the "
     "value. \"true}\" is not true.",
     R"(begin acl
a:
  accept condition = ${if eq{$sender_address}{}{yes}{no}}}
)",
     R"(begin acl
a:
  accept condition = ${if eq{$sender_address}{}{yes}{no}}
)"},
};

}  // namespace
}  // namespace remex::lang

namespace remex::registry::diagnostics {
extern const std::span<const lang::DiagnosticKind> expansions;
constinit const std::span<const lang::DiagnosticKind> expansions{lang::defs};
}  // namespace remex::registry::diagnostics
