// Kinds of diagnostics: what can be wrong with the text of a file: includes, conditions, macros, quotes.
#include "lang/diagnostic_kinds.h"

namespace remex::lang {
namespace {

constexpr DiagnosticKind defs[] = {
    {"E0101", "cannot-read", "A configuration file cannot be read",
     "The file does not exist, is a directory, is larger than 8M, or may not be read by this user. An "
     "included file that may be absent is taken with .include_if_exists.",
     R"(.include /nonexistent/part.conf
)",
     R"(.include_if_exists /nonexistent/part.conf
)"},
    {"E0102", "include-name", "The name behind .include is missing or not allowed",
     ".include takes an absolute path or one relative to the file it stands in; .include_if_exists takes "
     "an absolute path only.",
     R"(.include_if_exists part.conf
)",
     R"(.include_if_exists /etc/remex/part.conf
)"},
    {"E0103", "include-loop", "A file includes itself", "Directly or through other files. The note shows the chain.",
     "", ""},
    {"E0104", "include-depth", "Too many included files",
     "Files may be nested 20 deep, and one configuration may have 2000.", "", ""},
    {"E0105", "missing-endif", "A .ifdef has no .endif", "Conditions end in the file they began in.",
     R"(.ifdef DEBUG
log_selector = +all
)",
     R"(.ifdef DEBUG
log_selector = +all
.endif
)"},
    {"E0106", "stray-directive", ".else, .elifdef or .endif where no condition is open",
     "Also a second .else of the same condition.",
     R"(log_selector = +all
.endif
)",
     R"(.ifdef DEBUG
log_selector = +all
.endif
)"},
    {"E0107", "conditions-too-deep", "More than 100 conditions inside each other",
     "No configuration that a person wrote needs this many; a generator has probably lost its .endif "
     "lines.",
     "", ""},
    {"E0108", "line-too-long", "A line or the whole configuration is too large",
     "A line with its continuations and after macros may have 1M characters, the configuration 32M. Long "
     "lists belong into a file that a lookup reads.",
     "", ""},
    {"E0109", "nul-byte", "A NUL byte in the configuration",
     "The file is damaged or not text, or a quoted value has \\0 in it.",
     R"(smtp_banner = "hello\0"
)",
     R"(smtp_banner = "hello"
)"},
    {"E0110", "missing-quote", "The closing quote of a value is missing",
     "A value that begins with a double quote ends with one, on the same (continued) line.",
     R"(smtp_banner = "hello
)",
     R"(smtp_banner = "hello"
)"},
    {"E0111", "after-quote", "Text follows the closing quote",
     "A quote inside a quoted value is written \\\". A value needs no quotes at all when it does not begin"
     " with one.",
     R"(smtp_banner = "hello" world
)",
     R"(smtp_banner = hello world
)"},
    {"E0112", "macro-defined-twice", "A macro is defined twice", "A macro gets its second value with \"==\".",
     R"(DOMAIN = a.example
DOMAIN = b.example
)",
     R"(DOMAIN = a.example
DOMAIN == b.example
)"},
    {"E0113", "macro-undefined", "A macro is redefined that was not defined",
     "\"==\" changes an existing macro; the first definition has one \"=\".",
     R"(DOMAIN == a.example
)",
     R"(DOMAIN = a.example
)"},
    {"E0114", "macro-substring", "The name of an earlier macro is part of the name",
     "Macros replace text blindly, so the new name could never be seen: its inner part would be replaced "
     "first. Define the longer name first or choose another.",
     R"(DIR = /var
MAIL_DIR = /var/mail
)",
     R"(MAIL_DIR = /var/mail
DIR = /var
)"},
    {"W0115", "writable-config", "Somebody else can write a configuration file",
     "The server is started by root and obeys this file: whoever can write it can become root. Take the "
     "right away with chmod go-w.",
     "", ""},
    {"W0116", "allow-unknown", "A \"remex: allow\" comment names no warning",
     "Errors cannot be allowed, and a code that does not exist silences nothing.",
     R"(# remex: allow W9999
qualify_domain = example.org
)",
     R"(# remex: allow H0231
primary_hostname = mail
)"},
    {"H0117", "allow-unused", "A \"remex: allow\" comment has nothing to silence",
     "What it was written for is gone, or the comment does not stand directly before the line.",
     R"(# remex: allow H0231
primary_hostname = mail.example.org
)",
     R"(# remex: allow H0231
primary_hostname = mail
)"},
    {"H0118", "macro-unused", "A macro is defined and never used",
     "Often a misspelled name where it should be used: that text is then taken literally.",
     R"(MAIL_DOMAIN = example.org
qualify_domain = MAILDOMAIN
)",
     R"(MAIL_DOMAIN = example.org
qualify_domain = MAIL_DOMAIN
)"},
};

}  // namespace
}  // namespace remex::lang

namespace remex::registry::diagnostics {
extern const std::span<const lang::DiagnosticKind> reading;
constinit const std::span<const lang::DiagnosticKind> reading{lang::defs};
}  // namespace remex::registry::diagnostics
