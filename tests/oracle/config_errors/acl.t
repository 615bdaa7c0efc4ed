== a statement before any name
begin acl
accept
== a condition before any verb
begin acl
a:
  domains = x.test
  accept
== an unknown verb
begin acl
a:
  permit
== an unknown condition
begin acl
a:
  accept nonsense = 3
== an unknown condition on its own line
begin acl
a:
  accept domains = x.test
         nonsense = 3
== an unknown condition without equals
begin acl
a:
  accept nonsense
== a condition without equals
begin acl
a:
  accept domains x.test
== a condition with nothing
begin acl
a:
  accept domains
== an empty condition
begin acl
a:
  accept domains =
== a negated modifier
begin acl
a:
  deny !message = no
== a negated verb
begin acl
a:
  !deny message = no
== a negated control
begin acl
a:
  accept !control = freeze
== set without a variable
begin acl
a:
  warn set = 1
== set of an unknown variable
begin acl
a:
  warn set nonsense = 1
== set of acl_x
begin acl
a:
  warn set acl_x0 = 1
== set of acl_c without more
begin acl
a:
  warn set acl_c = 1
== set of acl_c with a word
begin acl
a:
  warn set acl_cabc = 1
== set of acl_m0 with a word
begin acl
a:
  warn set acl_m0abc = 1
== set without equals
begin acl
a:
  warn set acl_m0 1
== set without anything
begin acl
a:
  warn set
== set with spaces in the name
begin acl
a:
  warn set acl_m_a-b = 1
== endpass with a value
@known remex refuses what has no meaning
begin acl
a:
  accept endpass = yes
== endpass in deny
begin acl
a:
  deny domains = x.test
       endpass
== endpass in warn
begin acl
a:
  warn endpass
== text behind endpass
@known remex refuses what has no meaning
begin acl
a:
  accept endpass more
== an unknown control
@known remex looks at it when the file is read
begin acl
a:
  accept control = nonsense
== a control that needs a value
begin acl
a:
  accept control = fakereject
         control = dscp
== an unknown verify
@known remex looks at it when the file is read
begin acl
a:
  accept verify = nonsense
== an empty verify
@known remex looks at it when the file is read
begin acl
a:
  accept verify =
== a verify with an unknown callout option
@known remex looks at it when the file is read
begin acl
a:
  accept verify = recipient/callout=nonsense
== a ratelimit that is wrong
@known remex looks at it when the file is read
begin acl
a:
  accept ratelimit = x
== a delay that is wrong
begin acl
a:
  accept delay = soon
== an acl twice
begin acl
a:
  accept
a:
  deny
== an acl with a bad name
@known remex takes such a name
begin acl
2a:
  accept
== an acl with text behind its name
@known Exim ignores the text
begin acl
a: accept
== an acl without a colon
begin acl
a
  accept
== an acl name with a hyphen
@known remex takes such a name
begin acl
a-b:
  accept
== an acl name with a blank
begin acl
a b:
  accept
== log_reject_target that is wrong
@known remex looks at it when the file is read
begin acl
a:
  deny log_reject_target = nonsense
== an unknown named list in a condition
acl_smtp_rcpt = a
begin acl
a:
  accept domains = +nonsense
== a bad expansion in a message
begin acl
a:
  deny message = ${nonsense:x}
== an unknown variable in a condition
begin acl
a:
  deny condition = $nonsense
== dnslists without anything
begin acl
a:
  deny dnslists =
== an error behind a continuation
begin acl
a:
  deny message = a \
                 b
       nonsense = 3
== an error on a continued line
begin acl
a:
  deny nonsense = a \
                 b
  accept
== an ACL with nothing in it, then an error
begin acl
a:
b:
  permit
== discard with message
begin acl
a:
  discard message = x
  foo
== a macro between ACLs that is defined twice
A = 1
begin acl
A = 2
a:
  accept
== an ACL at its end
begin acl
a:
  accept hosts = *
  nonsense
== a mime condition in the wrong place
acl_smtp_rcpt = a
begin acl
a:
  deny decode = default
== a driver option in an acl
begin acl
driver = accept
== queue without a value
begin acl
a:
  warn queue
== udpsend
begin acl
a:
  warn udpsend = x
== a condition after hidden verb
begin acl
a:
  hide accept
== verb in capitals
begin acl
a:
  ACCEPT
== a quoted value that is open
begin acl
a:
  accept message = "abc
