// Kinds of diagnostics: known words that cannot be used.
#include "lang/diagnostic_kinds.h"

namespace remex::lang {
namespace {

constexpr DiagnosticKind defs[] = {
    {"E0901", "not-supported", "A name is known, but this version cannot do it",
     "The word belongs to the language and is understood; using it would silently do nothing, so it is "
     "refused. The reference lists what works.",
     R"(begin local_scan
local_scan_timeout = 5m
)",
     R"(begin acl
)"},
};

}  // namespace
}  // namespace remex::lang

namespace remex::registry::diagnostics {
extern const std::span<const lang::DiagnosticKind> unsupported;
constinit const std::span<const lang::DiagnosticKind> unsupported{lang::defs};
}  // namespace remex::registry::diagnostics
