// Kinds of diagnostics: what can be wrong with retry and rewriting rules.
#include "lang/diagnostic_kinds.h"

namespace remex::lang {
namespace {

constexpr DiagnosticKind defs[] = {
    {"E0701", "retry-error", "The error field of a retry rule is missing or unknown",
     "The second field names an error, or \"*\" for any.",
     R"(begin retry
* refusd F,2h,15m
)",
     R"(begin retry
* refused F,2h,15m
)"},
    {"E0702", "retry-letter", "A retry interval is of no known kind",
     "F (fixed), G (growing) or H (growing, randomised).",
     R"(begin retry
* * X,2h,15m
)",
     R"(begin retry
* * F,2h,15m
)"},
    {"E0703", "retry-parameters", "A retry interval has the wrong number of parameters or impossible ones",
     "F,cutoff,interval and G,cutoff,first interval,factor.",
     R"(begin retry
* * G,2h,15m
)",
     R"(begin retry
* * G,2h,15m,1.5
)"},
    {"E0705", "rewrite-flag", "A rewriting rule has an unknown flag",
     "A replacement with blanks in it needs quotes, or its rest is read as flags.",
     R"(begin rewrite
*@a.example $1@b.example XY
)",
     R"(begin rewrite
*@a.example $1@b.example Ff
)"},
    {"E0706", "rewrite-replacement", "A rewriting rule has no replacement",
     "A rule is a pattern, a replacement and flags.",
     R"(begin rewrite
*@a.example
)",
     R"(begin rewrite
*@a.example $1@b.example
)"},
    {"W0730", "no-retry", "There are no retry rules",
     "Without a rule that applies a temporary failure is final: the first greylisting or unreachable host "
     "bounces the message at once.",
     R"(begin routers
r:
  driver = dnslookup
  transport = t
begin transports
t:
  driver = smtp
)",
     R"(begin routers
r:
  driver = dnslookup
  transport = t
begin transports
t:
  driver = smtp
begin retry
* * F,2h,15m; G,16h,1h,1.5; F,4d,6h
)"},
    {"H0731", "retry-without-catch-all", "No retry rule applies to everything",
     "What no rule matches is not tried again. End the section with a rule for \"* *\".",
     R"(begin retry
example.org * F,2h,15m
)",
     R"(begin retry
example.org * F,2h,15m
* * F,4d,2h
)"},
    {"W0732", "retry-unreachable", "A retry rule can never be reached",
     "Rules are read from the top, and an earlier one applies to every address and every error.",
     R"(begin retry
* * F,4d,2h
example.org * F,2h,15m
)",
     R"(begin retry
example.org * F,2h,15m
* * F,4d,2h
)"},
};

}  // namespace
}  // namespace remex::lang

namespace remex::registry::diagnostics {
extern const std::span<const lang::DiagnosticKind> rules;
constinit const std::span<const lang::DiagnosticKind> rules{lang::defs};
}  // namespace remex::registry::diagnostics
