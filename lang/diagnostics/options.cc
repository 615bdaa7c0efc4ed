// Kinds of diagnostics: what can be wrong with sections, names of options and their values.
#include "lang/diagnostic_kinds.h"

namespace remex::lang {
namespace {

constexpr DiagnosticKind defs[] = {
    {"E0201", "unknown-section", "A \"begin\" line names no section",
     "The sections are acl, routers, transports, authenticators, retry, rewrite. Every line of an unknown "
     "one is skipped.",
     R"(begin transport
)",
     R"(begin transports
)"},
    {"E0202", "section-twice", "A section begins twice", "Put both parts together.",
     R"(begin acl
begin acl
)",
     R"(begin acl
)"},
    {"E0203", "unknown-option", "There is no option of this name",
     "The hint shows the nearest name. Options of a driver can stand only behind its \"driver =\" line, "
     "and only in an instance of that driver. Main options stand before the first \"begin\".",
     R"(primary_hostnam = mail.example.org
)",
     R"(primary_hostname = mail.example.org
)"},
    {"E0204", "no-option", "A line is no setting",
     "A setting has the form \"name = value\". A statement that belongs to another section, or a "
     "continuation whose line before lost its backslash, looks like this.",
     R"(/etc/remex/domains
)",
     R"(domainlist local_domains = /etc/remex/domains
)"},
    {"E0205", "missing-equals", "\"=\" is missing", "Between the name and the value.",
     R"(qualify_domain example.org
)",
     R"(qualify_domain = example.org
)"},
    {"E0206", "missing-value", "An option stands without its value", "Only boolean options may stand alone.",
     R"(qualify_domain
)",
     R"(qualify_domain = example.org
)"},
    {"E0207", "negated-value", "no_option has a value as well", "Leave out \"no_\" or the value.",
     R"(no_split_spool_directory = true
)",
     R"(no_split_spool_directory
)"},
    {"E0208", "option-twice", "An option is set twice",
     "The second would win or be ignored depending on the option; it is refused instead. condition, set, "
     "headers_add and headers_remove may be repeated.",
     R"(qualify_domain = a.example
qualify_domain = b.example
)",
     R"(qualify_domain = b.example
)"},
    {"E0209", "bad-boolean", "A value is neither true nor false", "true, false, yes or no.",
     R"(split_spool_directory = maybe
)",
     R"(split_spool_directory = true
)"},
    {"E0210", "bad-integer", "A value is not an integer, or out of range",
     "Decimal, 0octal or 0xhex, with K, M or G behind it.",
     R"(smtp_accept_max = ten
)",
     R"(smtp_accept_max = 10
)"},
    {"E0211", "bad-octal", "A value is not an octal number", "File modes are octal: digits 0 to 7.",
     R"(begin transports
t:
  driver = appendfile
  maildir_format
  directory = /var/mail/x
  directory_mode = 0890
)",
     R"(begin transports
t:
  driver = appendfile
  maildir_format
  directory = /var/mail/x
  directory_mode = 0750
)"},
    {"E0212", "bad-fixed", "A value is not a fixed-point number", "Like 4 or 2.5, at most three decimals.",
     R"(begin retry
* * G,2h,15m,one
)",
     R"(begin retry
* * G,2h,15m,1.5
)"},
    {"E0213", "bad-time", "A value is not a time",
     "Numbers with a unit each: s, m, h, d, w. \"2d12h\" is fine, a bare number is not.",
     R"(timeout_frozen_after = 7
)",
     R"(timeout_frozen_after = 7d
)"},
    {"E0214", "bad-value", "A value is not one this option can have", "The message names what was not understood.",
     R"(log_selector = +evrything
)",
     R"(log_selector = +all
)"},
    {"E0215", "unknown-user", "There is no such user on this system",
     "A name must be in the password database when the configuration is read; a number is taken as it is.",
     R"(trusted_users = nosuchuser
)",
     R"(trusted_users = mail
)"},
    {"E0216", "unknown-group", "There is no such group on this system",
     "A name must be in the group database when the configuration is read; a number is taken as it is.",
     R"(trusted_groups = nosuchgroup
)",
     R"(trusted_groups = mail
)"},
    {"E0217", "expansion-failed", "An option that is expanded at start could not be",
     "spool_directory, log_file_path, pid_file_path and a few lists are expanded once, when the "
     "configuration is read.",
     R"(spool_directory = ${if eq{a}{b}{/var/spool/remex}fail}
)",
     R"(spool_directory = ${if eq{a}{a}{/var/spool/remex}fail}
)"},
    {"E0218", "not-an-option", "A word of the language stands where an option is set",
     "driver and the named list words have places of their own.", "", ""},
    {"W0230", "missing-file", "A file that an option names does not exist",
     "Without its certificate the server cannot start TLS, without its key it cannot prove who it is; "
     "clients will be refused or fall back to clear text.",
     R"(tls_certificate = /nonexistent/fullchain.pem
tls_privatekey = /nonexistent/privkey.pem
)",
     R"(# Without the two options a self-signed certificate is made at start.
tls_advertise_hosts = *
)"},
    {"H0231", "host-name-without-dot", "primary_hostname has no dot",
     "Other servers refuse a HELO name that is not a full domain name. Set primary_hostname to the name "
     "that the address's reverse record has.",
     R"(primary_hostname = mail
)",
     R"(primary_hostname = mail.example.org
)"},
};

}  // namespace
}  // namespace remex::lang

namespace remex::registry::diagnostics {
extern const std::span<const lang::DiagnosticKind> options;
constinit const std::span<const lang::DiagnosticKind> options{lang::defs};
}  // namespace remex::registry::diagnostics
