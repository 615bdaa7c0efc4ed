// Kinds of diagnostics: what can be wrong with routers, transports and authenticators.
#include "lang/diagnostic_kinds.h"

namespace remex::lang {
namespace {

constexpr DiagnosticKind defs[] = {
    {"E0601", "driver-name", "The name of a router, transport or authenticator is missing or wrong",
     "Each begins with a line \"name:\"; letters, digits and \"_\", a letter first.",
     R"(begin routers
  driver = accept
)",
     R"(begin routers
local:
  driver = accept
  transport = t
begin transports
t:
  driver = smtp
)"},
    {"E0602", "duplicate-driver", "Two routers, transports or authenticators have the same name", "Rename one.",
     R"(begin transports
t:
  driver = smtp
t:
  driver = smtp
)",
     R"(begin transports
t:
  driver = smtp
u:
  driver = smtp
)"},
    {"E0603", "unknown-driver", "There is no driver of this name",
     "Routers, transports and authenticators have drivers of their own.",
     R"(begin routers
r:
  driver = dnslokup
)",
     R"(begin routers
r:
  driver = dnslookup
  transport = t
begin transports
t:
  driver = smtp
)"},
    {"E0604", "missing-driver", "A router, transport or authenticator has no driver",
     "\"driver =\" comes first: it decides which other options there are.",
     R"(begin transports
t:
  return_path_add
)",
     R"(begin transports
t:
  driver = smtp
  return_path_add
)"},
    {"E0605", "missing-transport", "A router has no transport",
     "An address it accepts could not be delivered. A router that only verifies is marked verify_only.",
     R"(begin routers
r:
  driver = dnslookup
)",
     R"(begin routers
r:
  driver = dnslookup
  transport = t
begin transports
t:
  driver = smtp
)"},
    {"E0606", "unknown-transport", "A router names a transport that does not exist", "The hint shows the nearest name.",
     R"(begin routers
r:
  driver = dnslookup
  transport = remote_smpt
begin transports
remote_smtp:
  driver = smtp
)",
     R"(begin routers
r:
  driver = dnslookup
  transport = remote_smtp
begin transports
remote_smtp:
  driver = smtp
)"},
    {"E0607", "unknown-router", "A router names another that does not exist", "In pass_router or redirect_router.",
     R"(begin routers
r:
  driver = dnslookup
  transport = t
  pass_router = nowhere
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
)"},
    {"E0608", "router-order", "pass_router points backwards",
     "It must name a later router, or an address could go round for ever.",
     R"(begin routers
r:
  driver = dnslookup
  transport = t
s:
  driver = dnslookup
  transport = t
  pass_router = r
begin transports
t:
  driver = smtp
)",
     R"(begin routers
r:
  driver = dnslookup
  transport = t
  pass_router = s
s:
  driver = dnslookup
  transport = t
begin transports
t:
  driver = smtp
)"},
    {"E0609", "bad-router", "The options of a router contradict each other",
     "For example a redirect router with neither data nor file, or a manualroute without a route.",
     R"(begin routers
r:
  driver = redirect
)",
     R"(begin routers
r:
  driver = redirect
  data = postmaster@example.org
)"},
    {"E0610", "bad-option-value", "An option of a driver has a value it cannot have",
     "The hint lists the possible ones.",
     R"(begin routers
r:
  driver = dnslookup
  self = ignore
  transport = t
begin transports
t:
  driver = smtp
)",
     R"(begin routers
r:
  driver = dnslookup
  self = pass
  transport = t
begin transports
t:
  driver = smtp
)"},
    {"E0612", "bad-authenticator", "An authenticator lacks what it cannot work without",
     "cram_md5 needs server_secret or client_secret, dovecot the path of its socket.",
     R"(begin authenticators
cram:
  driver = cram_md5
  public_name = CRAM-MD5
)",
     R"(begin authenticators
cram:
  driver = cram_md5
  public_name = CRAM-MD5
  server_secret = ${lookup{$auth1}lsearch{/etc/remex/secrets}{$value}fail}
)"},
    {"E0613", "bad-host", "A host in route_list is not one",
     "A rule of route_list is a domain pattern, a host list, and option words. Hosts stand between colons, each a "
     "name, an "
     "IP address, either with a port behind another colon (doubled in a list: \"mx.example.net::587\"), or a name with "
     "/mx.",
     R"(begin routers
smarthost:
  driver = manualroute
  transport = t
  route_list = * mx.example.net::smtps

begin transports
t:
  driver = smtp
)",
     R"(begin routers
smarthost:
  driver = manualroute
  transport = t
  route_list = * mx.example.net::465

begin transports
t:
  driver = smtp
)"},
    {"E0611", "bad-router-variable", "A router's \"set\" is not of the form \"r_name = value\"",
     "Several are separated by semicolons.",
     R"(begin routers
r:
  driver = redirect
  set = x = 1
  data = postmaster@example.org
)",
     R"(begin routers
r:
  driver = redirect
  set = r_x = 1
  data = postmaster@example.org
)"},
    {"W0612", "authenticator-without-condition", "An authenticator has no server_condition",
     "It is not offered to clients.",
     R"(begin authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  server_prompts = :
)",
     R"(begin authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  server_prompts = :
  server_advertise_condition = ${if def:tls_in_cipher}
  server_condition = ${if crypteq{$auth3}{${lookup{$auth2}lsearch{/etc/remex/passwd}{$value}fail}}}
)"},
    {"W0630", "router-unreachable", "A router can never be reached",
     "An earlier one takes every address: it has no precondition and accepts (or ends the search with "
     "no_more). Routers are tried in their order.",
     R"(begin routers
all:
  driver = dnslookup
  transport = smtp
  no_more
aliases:
  driver = redirect
  data = ${lookup{$local_part}lsearch{/etc/aliases}}
begin transports
smtp:
  driver = smtp
begin retry
* * F,4d,15m
)",
     R"(begin routers
aliases:
  driver = redirect
  data = ${lookup{$local_part}lsearch{/etc/aliases}}
all:
  driver = dnslookup
  transport = smtp
  no_more
begin transports
smtp:
  driver = smtp
begin retry
* * F,4d,15m
)"},
    {"W0631", "condition-always-true", "A router's condition can never be false",
     "Only an empty text, 0, no and false are false; everything else is true, also \"!no\" and \"$a == "
     "b\". The dollar, braces or ${if may have got lost.",
     R"(begin routers
r:
  driver = redirect
  condition = $domain == a.example
  data = postmaster@example.org
)",
     R"(begin routers
r:
  driver = redirect
  condition = ${if eq{$domain}{a.example}}
  data = postmaster@example.org
)"},
    {"H0632", "router-never-runs", "A router's condition is never true",
     "The condition has no variable in it and comes out as false.",
     R"(begin routers
r:
  driver = redirect
  condition = false
  data = postmaster@example.org
)",
     R"(begin routers
r:
  driver = redirect
  data = postmaster@example.org
)"},
    {"W0633", "data-never-set", "$local_part_data or $domain_data is used where nothing sets it",
     "A router's local_parts (or check_local_user) sets $local_part_data, its domains sets $domain_data, "
     "for itself and for the transport it names. No router that uses this transport has the option, so the"
     " value is always empty: everybody's mail would go to the same file.",
     R"(begin routers
r:
  driver = accept
  domains = example.org
  transport = t
begin transports
t:
  driver = appendfile
  maildir_format
  directory = /var/mail/$local_part_data
)",
     R"(begin routers
r:
  driver = accept
  domains = example.org
  local_parts = dsearch;/var/mail
  transport = t
begin transports
t:
  driver = appendfile
  maildir_format
  directory = /var/mail/$local_part_data
)"},
    {"H0634", "transport-unused", "A transport is never used", "No router and no option names it.",
     R"(begin transports
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
)"},
    {"W0635", "password-in-clear", "Passwords may be sent without encryption",
     "The mechanism sends the password as it is, and it is offered before TLS has started. Everybody on "
     "the way can read it. Offer it inside TLS only.",
     R"(begin authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  server_prompts = :
  server_condition = ${if eq{$auth3}{${lookup{$auth2}lsearch{/etc/remex/passwd}{$value}fail}}}
)",
     R"(begin authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  server_prompts = :
  server_advertise_condition = ${if def:tls_in_cipher}
  server_condition = ${if eq{$auth3}{${lookup{$auth2}lsearch{/etc/remex/passwd}{$value}fail}}}
)"},
    {"W0636", "anyone-can-authenticate", "Every password is right",
     "server_condition has no variable in it and is true: whoever tries is authenticated.",
     R"(begin authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  server_prompts = :
  server_advertise_condition = ${if def:tls_in_cipher}
  server_condition = yes
)",
     R"(begin authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  server_prompts = :
  server_advertise_condition = ${if def:tls_in_cipher}
  server_condition = ${if eq{$auth3}{${lookup{$auth2}lsearch{/etc/remex/passwd}{$value}fail}}}
)"},
    {"W0637", "mechanism-twice", "Two authenticators have the same public name",
     "Clients choose by the name, so the second is never used by the server.",
     R"(auth_advertise_hosts = 127.0.0.1
begin authenticators
a:
  driver = plaintext
  public_name = PLAIN
  server_condition = ${if eq{$auth2}{x}}
b:
  driver = plaintext
  public_name = PLAIN
  server_condition = ${if eq{$auth2}{y}}
)",
     R"(auth_advertise_hosts = 127.0.0.1
begin authenticators
a:
  driver = plaintext
  public_name = PLAIN
  server_condition = ${if inlist{$auth2}{x:y}}
)"},
    {"W0638", "server-condition-text", "server_condition can be neither true nor false",
     "There is text in every value it can have, so every attempt to log in is answered with a temporary "
     "error. A brace may be too many, or ${if may have got lost.",
     R"(begin authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  server_prompts = :
  server_advertise_condition = ${if def:tls_in_cipher}
  server_condition = $auth3 == ${lookup{$auth2}lsearch{/etc/remex/passwd}{$value}fail}
)",
     R"(begin authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  server_prompts = :
  server_advertise_condition = ${if def:tls_in_cipher}
  server_condition = ${if eq{$auth3}{${lookup{$auth2}lsearch{/etc/remex/passwd}{$value}fail}}}
)"},
    {"W0639", "route-without-transport", "A manualroute router has no transport",
     "Neither the option nor a rule of route_list names one: what it routes cannot be delivered.",
     R"(begin routers
r:
  driver = manualroute
  route_list = * smtp.example.org
)",
     R"(begin routers
r:
  driver = manualroute
  route_list = * smtp.example.org
  transport = t
begin transports
t:
  driver = smtp
)"},
};

}  // namespace
}  // namespace remex::lang

namespace remex::registry::diagnostics {
extern const std::span<const lang::DiagnosticKind> drivers;
constinit const std::span<const lang::DiagnosticKind> drivers{lang::defs};
}  // namespace remex::registry::diagnostics
