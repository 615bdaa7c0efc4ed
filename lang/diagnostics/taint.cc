// Kinds of diagnostics: what strangers could reach.
#include "lang/diagnostic_kinds.h"

namespace remex::lang {
namespace {

constexpr DiagnosticKind defs[] = {
    {"E0801", "taint", "Data from a message or a peer would become a file name, a directory or a command",
     "A stranger who chooses the name chooses the file. Such data is refused when it is used; here it "
     "always would be, so the configuration is refused at once. Text becomes trusted by being looked up: "
     "what local_parts, domains, a lookup or dsearch found is your own data. The notes show the way the "
     "data takes.",
     R"(begin routers
r:
  driver = accept
  transport = t
begin transports
t:
  driver = appendfile
  maildir_format
  directory = /var/mail/$local_part
)",
     R"(begin routers
r:
  driver = accept
  local_parts = dsearch,filter=subdir;/var/mail
  transport = t
begin transports
t:
  driver = appendfile
  maildir_format
  directory = /var/mail/$local_part_data
)"},
    {"W0802", "taint-in-expansion", "Data from a message or a peer would be refused inside an expansion",
     "The name of a file, of a program or of a socket in ${lookup...}, ${readfile...}, ${run...} or "
     "${readsocket...} comes from a stranger. Such an expansion always fails.",
     R"(begin acl
a:
  warn set acl_m_x = ${readfile{/var/lib/remex/$sender_address_domain}}
)",
     R"(begin acl
a:
  warn set acl_m_x = ${lookup{$sender_address_domain}lsearch{/var/lib/remex/domains}}
)"},
};

}  // namespace
}  // namespace remex::lang

namespace remex::registry::diagnostics {
extern const std::span<const lang::DiagnosticKind> taint;
constinit const std::span<const lang::DiagnosticKind> taint{lang::defs};
}  // namespace remex::registry::diagnostics
