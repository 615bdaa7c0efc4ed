## How an ACL ends: the texts of the last statement, discard at each hook, arguments with special characters.
[config]
@HEAD@acl_smtp_mail = a_mail
acl_smtp_rcpt = a_rcpt
acl_smtp_predata = a_predata
acl_smtp_data = a_data
begin acl
chk:
  deny  message = chk $acl_arg1
        condition = ${if match{$acl_arg1}{=no}}
  accept
away:
  drop  message = dropped inside
        condition = yes
sub_ends:
  accept message = inner words
        condition = no
acc:
  accept
a_mail:
  accept
a_rcpt:
  deny  local_parts = batv
        acl = chk $sender_address
  accept local_parts = arg
        acl = chk a=b c=$local_part
  deny  message = no such argument
        local_parts = noarg
        !acl = chk a=no
  accept local_parts = plain
  accept local_parts = ended
        endpass
        acl = away
  deny  message = one said
        local_parts = one
        !acl = away
  accept local_parts = held
        message = not dropped
        acl = acc
  accept local_parts = ended
        endpass
        message = ended
        acl = away
  deny  local_parts = denied
        acl = away
  warn  local_parts = warned
        acl = away
  accept local_parts = two
        acl = away
  require local_parts = !sunk
  deny  local_parts = three
        !acl = sub_ends
  discard local_parts = four
        message = discarded
        condition = no
  accept local_parts = five
        message = why $local_part
        log_message = logged
        condition = no
a_predata:
  discard condition = ${if eq{$sender_address}{hole@a.test}}
  accept
a_data:
  discard condition = ${if eq{$sender_address}{void@a.test}}
  accept message = last words
        condition = ${if eq{$sender_address}{good@a.test}}
[session 192.0.2.1]
EHLO client.test
MAIL FROM:<prvs=1234=joe@a.test>
RCPT TO:<batv@box.test>
RCPT TO:<arg@box.test>
RCPT TO:<noarg@box.test>
RCPT TO:<one@box.test>
RCPT TO:<two@box.test>
RCPT TO:<three@box.test>
RCPT TO:<four@box.test>
RCPT TO:<five@box.test>
RCPT TO:<six@box.test>
RCPT TO:<nobody@box.test>
RCPT TO:<denied@box.test>
RCPT TO:<warned@box.test>
QUIT
[session 192.0.2.1]
EHLO client.test
MAIL FROM:<joe@a.test>
RCPT TO:<held@box.test>
RCPT TO:<sunk@box.test>
QUIT
[session 192.0.2.1]
EHLO client.test
MAIL FROM:<joe@a.test>
RCPT TO:<ended@box.test>
QUIT
[session 192.0.2.1]
EHLO client.test
MAIL FROM:<hole@a.test>
RCPT TO:<plain@box.test>
DATA
QUIT
[session 192.0.2.1]
EHLO client.test
MAIL FROM:<void@a.test>
RCPT TO:<plain@box.test>
DATA
Subject: x

.
MAIL FROM:<other@a.test>
RCPT TO:<plain@box.test>
DATA
Subject: x

.
MAIL FROM:<good@a.test>
RCPT TO:<plain@box.test>
DATA
Subject: x

.
QUIT
## The last statement calls an ACL that drops; its texts are used.
[config]
@HEAD@acl_smtp_rcpt = a_rcpt
begin acl
away:
  drop  message = dropped inside
        condition = yes
a_rcpt:
  require local_parts = x : y
  accept acl = away
[session 192.0.2.1]
EHLO client.test
MAIL FROM:<a@a.test>
RCPT TO:<z@box.test>
RCPT TO:<x@box.test>
RCPT TO:<y@box.test>
QUIT
## A list of authenticators and ciphers may hold patterns and lookups.
[config]
@HEAD@acl_smtp_rcpt = a_rcpt
begin acl
a_rcpt:
  deny   message = pattern
         local_parts = pattern
         authenticated = ^pl
  deny   message = lookup
         local_parts = lookup
         authenticated = lsearch;@DIR@/table
  deny   message = file
         local_parts = file
         authenticated = @DIR@/table
  deny   message = negated
         local_parts = negated
         authenticated = !^pl : *
  deny   message = clear
         local_parts = clear
         encrypted = ^TLS
  deny   message = any
         local_parts = any
         authenticated = *
  accept
begin authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  server_prompts = :
  server_condition = yes
  server_set_id = $auth2
  server_advertise_condition = yes
[session 192.0.2.1]
EHLO client.test
MAIL FROM:<a@a.test>
RCPT TO:<pattern@box.test>
RCPT TO:<lookup@box.test>
RCPT TO:<negated@box.test>
RCPT TO:<clear@box.test>
RCPT TO:<any@box.test>
RSET
AUTH PLAIN AGEAYg==
MAIL FROM:<a@a.test>
RCPT TO:<pattern@box.test>
RCPT TO:<lookup@box.test>
RCPT TO:<file@box.test>
RCPT TO:<negated@box.test>
RCPT TO:<clear@box.test>
RCPT TO:<any@box.test>
QUIT
## The last statement of an ACL verifies.
[config]
@HEAD@acl_smtp_rcpt = a_rcpt
begin acl
a_rcpt:
  accept verify = recipient
begin routers
fails:
  driver = redirect
  allow_fail
  data = :fail: no such user here
[session 192.0.2.1]
EHLO client.test
MAIL FROM:<a@a.test>
RCPT TO:<x@box.test>
QUIT
## discard at connect
[config]
@HEAD@acl_smtp_rcpt = accept
acl_smtp_vrfy = accept
acl_smtp_connect = discard
begin authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  server_prompts = :
  server_condition = yes
  server_set_id = $auth2
  server_advertise_condition = yes
[session 192.0.2.1]
EHLO client.test
AUTH PLAIN AGEAYg==
MAIL FROM:<a@a.test> AUTH=b@a.test
RCPT TO:<x@box.test>
VRFY x@box.test
EXPN x@box.test
QUIT
## discard at helo
[config]
@HEAD@acl_smtp_rcpt = accept
acl_smtp_vrfy = accept
acl_smtp_helo = discard
begin authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  server_prompts = :
  server_condition = yes
  server_set_id = $auth2
  server_advertise_condition = yes
[session 192.0.2.1]
EHLO client.test
AUTH PLAIN AGEAYg==
MAIL FROM:<a@a.test> AUTH=b@a.test
RCPT TO:<x@box.test>
VRFY x@box.test
EXPN x@box.test
QUIT
## discard at mail
[config]
@HEAD@acl_smtp_rcpt = accept
acl_smtp_vrfy = accept
acl_smtp_mail = discard
begin authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  server_prompts = :
  server_condition = yes
  server_set_id = $auth2
  server_advertise_condition = yes
[session 192.0.2.1]
EHLO client.test
AUTH PLAIN AGEAYg==
MAIL FROM:<a@a.test> AUTH=b@a.test
RCPT TO:<x@box.test>
VRFY x@box.test
EXPN x@box.test
QUIT
## discard at rcpt
[config]
@HEAD@acl_smtp_vrfy = accept
acl_smtp_rcpt = discard
begin authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  server_prompts = :
  server_condition = yes
  server_set_id = $auth2
  server_advertise_condition = yes
[session 192.0.2.1]
EHLO client.test
AUTH PLAIN AGEAYg==
MAIL FROM:<a@a.test> AUTH=b@a.test
RCPT TO:<x@box.test>
VRFY x@box.test
EXPN x@box.test
QUIT
## discard at expn
[config]
@HEAD@acl_smtp_rcpt = accept
acl_smtp_vrfy = accept
acl_smtp_expn = discard
begin authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  server_prompts = :
  server_condition = yes
  server_set_id = $auth2
  server_advertise_condition = yes
[session 192.0.2.1]
EHLO client.test
AUTH PLAIN AGEAYg==
MAIL FROM:<a@a.test> AUTH=b@a.test
RCPT TO:<x@box.test>
VRFY x@box.test
EXPN x@box.test
QUIT
## discard at auth
[config]
@HEAD@acl_smtp_rcpt = accept
acl_smtp_vrfy = accept
acl_smtp_auth = discard
begin authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  server_prompts = :
  server_condition = yes
  server_set_id = $auth2
  server_advertise_condition = yes
[session 192.0.2.1]
EHLO client.test
AUTH PLAIN AGEAYg==
MAIL FROM:<a@a.test> AUTH=b@a.test
RCPT TO:<x@box.test>
VRFY x@box.test
EXPN x@box.test
QUIT
## discard at starttls
[config]
@HEAD@acl_smtp_rcpt = accept
acl_smtp_vrfy = accept
acl_smtp_starttls = discard
begin authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  server_prompts = :
  server_condition = yes
  server_set_id = $auth2
  server_advertise_condition = yes
[session 192.0.2.1]
EHLO client.test
STARTTLS
AUTH PLAIN AGEAYg==
MAIL FROM:<a@a.test> AUTH=b@a.test
RCPT TO:<x@box.test>
VRFY x@box.test
EXPN x@box.test
QUIT
## discard at quit
[config]
@HEAD@acl_smtp_rcpt = accept
acl_smtp_vrfy = accept
acl_smtp_quit = discard
begin authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  server_prompts = :
  server_condition = yes
  server_set_id = $auth2
  server_advertise_condition = yes
[session 192.0.2.1]
EHLO client.test
AUTH PLAIN AGEAYg==
MAIL FROM:<a@a.test> AUTH=b@a.test
RCPT TO:<x@box.test>
VRFY x@box.test
EXPN x@box.test
QUIT
## discard at notquit
[config]
@HEAD@acl_smtp_rcpt = accept
acl_smtp_vrfy = accept
acl_smtp_notquit = discard
begin authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  server_prompts = :
  server_condition = yes
  server_set_id = $auth2
  server_advertise_condition = yes
[session 192.0.2.1]
EHLO client.test
AUTH PLAIN AGEAYg==
MAIL FROM:<a@a.test> AUTH=b@a.test
RCPT TO:<x@box.test>
VRFY x@box.test
EXPN x@box.test
QUIT
## discard in the DKIM ACL
[config]
@HEAD@acl_smtp_rcpt = accept
acl_smtp_dkim = discard
dkim_verify_signers = a.test
[session 192.0.2.1]
EHLO client.test
MAIL FROM:<a@a.test>
RCPT TO:<x@box.test>
DATA
From: a@a.test
Subject: x

body
.
QUIT
## A recipient between chunks
[config]
@HEAD@acl_smtp_rcpt = accept
[session 192.0.2.1]
EHLO client.test
MAIL FROM:<a@a.test>
RCPT TO:<x@box.test>
BDAT 12
Subject: x
RCPT TO:<y@box.test>
RSET
QUIT
