// Kinds of diagnostics: what can be wrong with access control lists.
#include "lang/diagnostic_kinds.h"

namespace remex::lang {
namespace {

constexpr DiagnosticKind defs[] = {
    {"E0501", "acl-name", "A statement stands before the name of an ACL", "Each ACL begins with a line \"name:\".",
     R"(begin acl
  accept
)",
     R"(begin acl
check_rcpt:
  accept
)"},
    {"E0502", "duplicate-acl", "Two ACLs have the same name", "Which one is meant would depend on their order.",
     R"(begin acl
a:
  accept
a:
  deny
)",
     R"(begin acl
a:
  accept
b:
  deny
)"},
    {"E0503", "unknown-acl", "There is no ACL of this name", "An option or an \"acl =\" condition names it.",
     R"(acl_smtp_mail = check_mial
begin acl
check_mail:
  accept
)",
     R"(acl_smtp_mail = check_mail
begin acl
check_mail:
  accept
)"},
    {"E0504", "acl-verb", "A condition stands before any verb",
     "A statement begins with accept, defer, deny, discard, drop, require or warn.",
     R"(begin acl
a:
  hosts = 127.0.0.1
)",
     R"(begin acl
a:
  accept hosts = 127.0.0.1
)"},
    {"E0505", "unknown-acl-word", "A word is no verb, condition or modifier of ACLs", "The hint shows the nearest one.",
     R"(begin acl
a:
  accept hsts = 127.0.0.1
)",
     R"(begin acl
a:
  accept hosts = 127.0.0.1
)"},
    {"E0506", "acl-missing-equals", "\"=\" is missing in an ACL", "Between the condition and its value.",
     R"(begin acl
a:
  accept hosts 127.0.0.1
)",
     R"(begin acl
a:
  accept hosts = 127.0.0.1
)"},
    {"E0507", "acl-value", "A word of an ACL has a value that it cannot have",
     "endpass stands alone; the others say what was expected.",
     R"(begin acl
a:
  accept endpass = yes
)",
     R"(begin acl
a:
  accept endpass
)"},
    {"E0508", "acl-negation", "A modifier is negated", "Only conditions have an opposite.",
     R"(begin acl
a:
  deny !message = no
)",
     R"(begin acl
a:
  deny message = no
)"},
    {"E0509", "acl-variable", "A variable cannot be set in an ACL",
     "Names are acl_c or acl_m, followed by a digit or by an underscore and a word.",
     R"(begin acl
a:
  warn set acl_x = 1
)",
     R"(begin acl
a:
  warn set acl_m_x = 1
)"},
    {"E0510", "unknown-control", "There is no control of this name", "The hint shows the nearest one.",
     R"(begin acl
a:
  accept control = submision
)",
     R"(begin acl
a:
  accept control = submission
)"},
    {"E0511", "unknown-verify", "There is nothing of this name to verify",
     "sender, recipient, helo, header_syntax and others.",
     R"(begin acl
a:
  require verify = recipiant
)",
     R"(begin acl
a:
  require verify = recipient
)"},
    {"E0512", "bad-callout", "The parameters of a callout are wrong",
     "Known ones are a time, connect=, defer_ok, fullpostmaster, hold, mailfrom=, maxwait=, no_cache, "
     "postmaster, postmaster_mailfrom=, random, use_postmaster, use_sender. Some belong to recipients "
     "only.",
     R"(begin acl
a:
  require verify = recipient/callout=fast
)",
     R"(begin acl
a:
  require verify = recipient/callout=10s,defer_ok
)"},
    {"E0513", "bad-scanner", "A scanner is not named or not described well",
     "The malware condition needs av_scanner; spamd_address and av_scanner list servers with host and "
     "port, or a socket.",
     R"(begin acl
a:
  deny malware = *
)",
     R"(av_scanner = clamd:127.0.0.1 3310
begin acl
a:
  deny malware = *
)"},
    {"W0530", "acl-never-accepts", "An ACL can never accept",
     "Every ACL ends in an implicit deny. Without an accept that can be reached, this one refuses "
     "everything it is asked about.",
     R"(acl_smtp_mail = check_mail
begin acl
check_mail:
  deny hosts = 192.0.2.1
)",
     R"(acl_smtp_mail = check_mail
begin acl
check_mail:
  deny hosts = 192.0.2.1
  accept
)"},
    {"W0531", "acl-denies-everything", "Two statements together deny everything",
     "One denies what matches, the next what does not match. Probably one of the two was meant for another"
     " condition (domains instead of sender_domains).",
     R"(begin acl
a:
  deny sender_domains = a.example
  deny !sender_domains = a.example
  accept
)",
     R"(begin acl
a:
  deny sender_domains = a.example
  deny !domains = a.example
  accept
)"},
    {"W0532", "dkim-status-none", "dkim_status = none in a DKIM ACL",
     "The DKIM ACL runs once for each signature, so a message without one never gets there. Only signers "
     "that dkim_verify_signers names without a signature have the status none. Test for a missing "
     "signature in the DATA ACL.",
     R"(acl_smtp_dkim = check_dkim
begin acl
check_dkim:
  deny dkim_status = none
  accept
)",
     R"(acl_smtp_dkim = check_dkim
begin acl
check_dkim:
  deny dkim_status = fail
  accept
)"},
    {"W0533", "acl-unreachable", "Statements stand behind one that always decides",
     "accept, deny, drop, defer or discard without a condition ends the ACL for everybody. A deny that has"
     " only a message denies everything: its condition may have got lost.",
     R"(begin acl
a:
  deny message = relay not permitted
  accept hosts = 127.0.0.1
)",
     R"(begin acl
a:
  accept hosts = 127.0.0.1
  deny message = relay not permitted
)"},
    {"W0534", "open-relay", "Anybody can send to anybody",
     "The RCPT ACL was followed for a client from nowhere in particular that is not authenticated and "
     "writes to a domain that is not ours, and it is accepted; a router sends such addresses on. Open "
     "relays are found within hours and blocked by everybody. Accept only domains of ours (domains = "
     "+local_domains), clients you know (hosts = +relay_from_hosts) or authenticated ones. Senders prove "
     "nothing: anybody can write any sender.",
     R"(acl_smtp_rcpt = check_rcpt
begin acl
check_rcpt:
  accept sender_domains = example.org
begin routers
out:
  driver = dnslookup
  transport = smtp
begin transports
smtp:
  driver = smtp
begin retry
* * F,4d,15m
)",
     R"(acl_smtp_rcpt = check_rcpt
begin acl
check_rcpt:
  accept domains = example.org
  accept hosts = 192.168.0.0/16
  accept authenticated = *
begin routers
out:
  driver = dnslookup
  transport = smtp
begin transports
smtp:
  driver = smtp
begin retry
* * F,4d,15m
)"},
    {"W0535", "acl-word-elsewhere", "A condition or modifier cannot be used in this ACL",
     "domains, local_parts and recipients exist only while a recipient is judged; what looks at the "
     "message exists only after it has been read. Asking at the wrong time is a temporary error for "
     "everybody who gets there.",
     R"(acl_smtp_data = check_data
begin acl
check_data:
  deny domains = a.example
  accept
)",
     R"(acl_smtp_data = check_data
begin acl
check_data:
  deny sender_domains = a.example
  accept
)"},
    {"W0536", "not-a-boolean", "A condition in an ACL is neither true nor false",
     "The value of \"condition\" must come out as empty, 0, no, false, or another number, yes, true. Text "
     "that is always something else makes every use a temporary error. A comparison is written ${if "
     "eq{...}{...}}; an opposite is written \"!condition =\".",
     R"(begin acl
a:
  deny condition = $sender_address == x@a.example
  accept
)",
     R"(begin acl
a:
  deny condition = ${if eq{$sender_address}{x@a.example}}
  accept
)"},
    {"W0537", "acl-calls-itself", "An ACL calls itself",
     "Directly or through others. ACLs nest at most 20 deep; deeper is a temporary error.",
     R"(begin acl
a:
  accept acl = b
b:
  accept acl = a
)",
     R"(begin acl
a:
  accept acl = b
b:
  accept
)"},
    {"W0538", "dkim-login-unaligned", "A signature decides, but not whose",
     "The only way to be accepted is a DKIM signature that verifies, and nothing ties its domain to the "
     "sender. Everybody who owns a domain can make a valid signature of it. Use dkim_login, or compare "
     "$dkim_cur_signer with $sender_address_domain and with the domain of From:.",
     R"(acl_smtp_dkim = check_dkim
begin acl
check_dkim:
  accept dkim_status = pass
)",
     R"(acl_smtp_data = check_data
begin acl
check_data:
  accept dkim_login = example.org
)"},
    {"W0539", "no-rcpt-acl", "acl_smtp_rcpt is not set",
     "Other SMTP options are, but without this one every recipient over SMTP is refused with "
     "\"administrative prohibition\".",
     R"(acl_smtp_data = check_data
begin acl
check_data:
  accept
)",
     R"(acl_smtp_rcpt = check_rcpt
acl_smtp_data = check_data
begin acl
check_rcpt:
  accept domains = example.org
check_data:
  accept
)"},
    {"H0540", "acl-unused", "An ACL is never used", "No option and no \"acl =\" names it.",
     R"(begin acl
check_rcpt:
  accept
)",
     R"(acl_smtp_mail = check_mail
begin acl
check_mail:
  accept
)"},
    {"H0541", "condition-constant", "A condition in an ACL is always the same",
     "It is true (or false) for everything, so the statement could be written without it (or left out).",
     R"(begin acl
a:
  deny condition = ${if eq{a}{b}}
  accept
)",
     R"(begin acl
a:
  accept
)"},
};

}  // namespace
}  // namespace remex::lang

namespace remex::registry::diagnostics {
extern const std::span<const lang::DiagnosticKind> acls;
constinit const std::span<const lang::DiagnosticKind> acls{lang::defs};
}  // namespace remex::registry::diagnostics
