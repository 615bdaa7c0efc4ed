// Kinds of diagnostics: where versions of Exim differ.
#include "lang/diagnostic_kinds.h"

namespace remex::lang {
namespace {

constexpr DiagnosticKind defs[] = {
    {"H1002", "changed-meaning", "A construct means something else than in older versions",
     "${run...} splits the command before it expands the arguments since 4.96 (before: after, so data "
     "could add arguments). \"warn message =\" is the old spelling of add_header. The message says which "
     "construct it is.",
     R"(begin acl
a:
  warn message = X-Spam: yes
       hosts = 192.0.2.1
  accept
)",
     R"(begin acl
a:
  warn add_header = X-Spam: yes
       hosts = 192.0.2.1
  accept
)"},
};

}  // namespace
}  // namespace remex::lang

namespace remex::registry::diagnostics {
extern const std::span<const lang::DiagnosticKind> versions;
constinit const std::span<const lang::DiagnosticKind> versions{lang::defs};
}  // namespace remex::registry::diagnostics
