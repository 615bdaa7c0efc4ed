## how messages come in and what becomes of them, in every mode
@case -bs discard, fakereject and freezing
@main
primary_hostname = myhost.test
qualify_domain = test.ex
acl_smtp_rcpt = rcpt
acl_smtp_data = data
@acl
rcpt:
  discard local_parts = gone
  accept
data:
  discard condition = ${if match{$h_subject:}{void}}
          log_message = to the void
  accept condition = ${if match{$h_subject:}{fake}}
         control = fakereject
  accept condition = ${if match{$h_subject:}{freeze}}
         control = freeze
  accept condition = ${if match{$h_subject:}{queue}}
         control = queue_only
  accept
@run -odi -bs
EHLO x.test
MAIL FROM:<a@x.test>
RCPT TO:<gone@test.ex>
DATA
Subject: all gone

x
.
MAIL FROM:<a@x.test>
RCPT TO:<u@test.ex>
DATA
Subject: void

x
.
MAIL FROM:<a@x.test>
RCPT TO:<u@test.ex>
DATA
Subject: fake

x
.
MAIL FROM:<a@x.test>
RCPT TO:<u@test.ex>
DATA
Subject: freeze

x
.
MAIL FROM:<a@x.test>
RCPT TO:<u@test.ex>
DATA
Subject: queue

x
.
QUIT
@run -bp
@show mail/box
@case batch SMTP and its reports
@main
primary_hostname = myhost.test
qualify_domain = test.ex
acl_smtp_rcpt = rcpt
@acl
rcpt:
  deny local_parts = bad
       message = not this one
  accept
@run -odi -bS
MAIL FROM:<a@x.test>
RCPT TO:<u@test.ex>
DATA
Subject: one

x
.
MAIL FROM:<a@x.test>
RCPT TO:<u2@test.ex>
DATA
Subject: two

x
.
QUIT
@run -odi -bS
MAIL FROM:<a@x.test>
RCPT TO:<bad@test.ex>
DATA
Subject: one

x
.
@run -odi -bS
MAIL FROM:<a@x.test>
RCPT TO:<bad@test.ex>
RCPT TO:<u3@test.ex>
DATA
Subject: partly

x
.
@run -odi -bS
MAIL FROM:<a@x.test>
NONSENSE
@run -odi -bS
MAIL FROM:<a@x.test>
RCPT TO:<u4@test.ex>
DATA
Subject: no end

x
@run -odi -oee -bS
RCPT TO:<u4@test.ex>
@show mail/box
@case -oM options
@main
primary_hostname = myhost.test
qualify_domain = test.ex
acl_smtp_rcpt = accept
trusted_users = root
@run -odi -oMa 10.9.8.7.1234 -oMs host.name -oMt ident -oMr prot -oMaa auth -oMai id -oMas s@x.test -f s@x.test u@test.ex
Subject: x

x
@run -odi -oMa 10.9.8.7 -oMi 10.1.1.1.25 -bs
HELO x
MAIL FROM:<s@x.test>
RCPT TO:<u@test.ex>
DATA
Subject: y

y
.
QUIT
@show mail/box
@case a tainted name of an ACL
@main
primary_hostname = myhost.test
qualify_domain = test.ex
acl_smtp_rcpt = rcpt
@acl
rcpt:
  accept acl = $local_part
  deny
other:
  accept
@run -bs
HELO x
MAIL FROM:<s@x.test>
RCPT TO:<other@test.ex>
QUIT
@case batches with all kinds of errors
@main
primary_hostname = myhost.test
qualify_domain = test.ex
acl_not_smtp = notsmtp
acl_smtp_mail = deny
@acl
notsmtp:
  deny condition = ${if match{$h_subject:}{spam}}
       message = no spam
  discard condition = ${if match{$h_subject:}{void}}
  accept
@run -odi -bS
MAIL FRO
@run -odi -bS
MAIL FROM:<a@x.test>
MAIL FROM:<a@x.test>
@run -odi -bS
HELO
EHLO x
MAIL FROM:<a@x.test>
DATA
@run -odi -bS
DATA
@run -odi -bS
VRFY x
EXPN x
HELP
NOOP
MAIL FROM:<unq>
RCPT TO:<unq>
RSET
QUIT
@run -odi -bS
STARTTLS
@run -odi -bS
AUTH PLAIN x
@run -odi -bS
MAIL FROM:<a@x.test>
RCPT TO:<u@test.ex>
DATA
Subject: one

x
.
MAIL FROM:<a@x.test>
RCPT TO:<u@test.ex>
DATA
Subject: spam

x
.
MAIL FROM:<a@x.test>
RCPT TO:<u@test.ex>
DATA
Subject: never seen

x
.
@run -odi -bS
MAIL FROM:<a@x.test>
RCPT TO:<u@test.ex>
@run -odi -bS
MAIL FROM:<a@x.test>
RCPT TO:<u@test.ex>
DATA
Subject: two

x
.
RCPT TO:<u@test.ex>
@show mail/box
@case -bs with nobody left when the data comes: which ACLs run
@main
primary_hostname = myhost.test
qualify_domain = test.ex
acl_smtp_mail = mail
acl_smtp_rcpt = rcpt
acl_smtp_predata = predata
acl_smtp_dkim = dkim
dkim_verify_signers = signer.test
acl_smtp_mime = mime
acl_smtp_data = data
@acl
mail:
  discard senders = hole@x.test
  accept
rcpt:
  discard local_parts = gone
          log_message = gone for good
  accept
predata:
  accept logwrite = predata $recipients_count
dkim:
  accept logwrite = dkim $recipients_count
mime:
  accept logwrite = mime $recipients_count
data:
  deny condition = ${if match{$h_subject:}{refused}}
  accept logwrite = data $recipients_count
@run -odi -bs
EHLO x.test
MAIL FROM:<a@x.test>
RCPT TO:<gone@test.ex>
DATA
Subject: all gone
MIME-Version: 1.0
Content-Type: text/plain

x
.
MAIL FROM:<a@x.test>
RCPT TO:<gone@test.ex>
DATA
Subject: refused

x
.
MAIL FROM:<hole@x.test>
RCPT TO:<u@test.ex>
RCPT TO:<v@test.ex>
DATA
Subject: sender

x
.
MAIL FROM:<a@x.test>
RCPT TO:<gone@test.ex>
RCPT TO:<u@test.ex>
DATA
Subject: one left
MIME-Version: 1.0
Content-Type: text/plain

x
.
QUIT
