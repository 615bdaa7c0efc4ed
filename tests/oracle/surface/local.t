## -odi deliveries to files, directories, commands; local submission
@case one recipient to a mailbox file
@run -odi userx@test.ex
From: a@b.test
Subject: hello

Body line
From the start

@case no headers at all
@run -odi userx@test.ex

just a body

@case envelope sender, two recipients, one mailbox
@run -odi -f sender@else.test one@test.ex two@test.ex
To: one@test.ex, two@test.ex

text
@case unqualified recipient and sender
@run -odi -f me you
Subject: x

text
@case full name, -F
@run -odi -F "Some Body, Jr." userx@test.ex
Subject: x

text
@case Sender header of a trusted caller stays
@run -odi userx@test.ex
From: x@y.test
Sender: z@y.test

text
@case headers that come first and last, odd spacing
@run -odi userx@test.ex
X-First : one
Return-path: <old@x.test>
Delivery-date: yesterday
Envelope-to: nobody@x.test
Date: Mon, 01 Jan 2001 00:00:00 +0000
Message-Id: <own@x.test>
To:   a@b.test,
   c@d.test
Subject: folded
 subject

text
@case bad header line begins the body
@run -odi userx@test.ex
Subject: x
this is no header
X-Late: y

text
@case a dot ends, -oi does not
@run -odi userx@test.ex
Subject: x

one
.
two
@run -odi -oi userx@test.ex
Subject: x

one
.
two
..three
@case empty sender
@run -odi -f <> userx@test.ex
Subject: x

text
@case prefix and suffix options of the transport
@transports
local:
  driver = appendfile
  file = @DIR@/mail/box
  create_file = anywhere
  user = mail
  return_path_add
  delivery_date_add
  envelope_to_add
  headers_add = X-Added: by transport
  headers_remove = X-Gone
@run -odi -f s@x.test userx@test.ex
X-Gone: 1
Subject: x

text
@case mbx-like separators off, batching
@known Envelope-to: is folded with two blanks
@transports
local:
  driver = appendfile
  file = @DIR@/mail/box
  create_file = anywhere
  user = mail
  message_prefix =
  message_suffix = "----\n"
  batch_max = 10
  check_string =
  escape_string =
  envelope_to_add
@run -odi -f s@x.test a@test.ex b@test.ex c@test.ex
Subject: x

From here
@case batch_id
@routers
r1:
  driver = accept
  address_data = ${substr{0}{1}{$local_part}}
  transport = local
@transports
local:
  driver = appendfile
  file = @DIR@/mail/box
  create_file = anywhere
  user = mail
  batch_max = 10
  batch_id = $address_data
@run -odi -f s@x.test a1@test.ex b1@test.ex a2@test.ex b2@test.ex c1@test.ex
Subject: x

text
@case batch_id that names the local part
@routers
r1:
  driver = accept
  address_data = ${substr{0}{1}{$local_part}}
  transport = local
@transports
local:
  driver = appendfile
  file = @DIR@/mail/box
  create_file = anywhere
  user = mail
  batch_max = 10
  batch_id = ${substr{0}{1}{$local_part}}
@run -odi -f s@x.test a1@test.ex b1@test.ex a2@test.ex b2@test.ex c1@test.ex
Subject: x

text
@case a batch_id that fails for some
@known the address after one that failed is batched all the same
@routers
r1:
  driver = accept
  address_data = ${substr{0}{1}{$local_part}}
  transport = local
@transports
local:
  driver = appendfile
  file = @DIR@/mail/box
  create_file = anywhere
  user = mail
  batch_max = 10
  batch_id = ${if eq{$address_data}{a}{fails}fail}
@run -odi -f s@x.test a1@test.ex b1@test.ex a2@test.ex b2@test.ex c1@test.ex
Subject: x

text
@case a batch_id for all
@transports
local:
  driver = appendfile
  file = @DIR@/mail/box
  create_file = anywhere
  user = mail
  batch_max = 10
  batch_id = ${lc:SAME}
@run -odi -f s@x.test a1@test.ex b1@test.ex a2@test.ex b2@test.ex c1@test.ex
Subject: x

text
@case maildir
@transports
local:
  driver = appendfile
  directory = @DIR@/mail/md
  create_file = anywhere
  maildir_format
  user = mail
@run -odi userx@test.ex
Subject: x

text
@case maildir with tag and size file
@transports
local:
  driver = appendfile
  directory = @DIR@/mail/md
  create_file = anywhere
  maildir_format
  maildir_tag = ,T=x
  user = mail
  delivery_date_add
@run -odi userx@test.ex
Subject: x

text
@case pipe that works
@transports
local:
  driver = pipe
  command = /bin/sh -c "cat >>@DIR@/mail/piped"
  user = mail
@run -odi -f s@x.test userx@test.ex
Subject: x

From text
@case pipe that fails with output
@transports
local:
  driver = pipe
  command = /bin/sh -c "cat >/dev/null; echo some output; exit 3"
  user = mail
  return_output
@routers
b:
  driver = accept
  local_parts = root : s
  transport = file
r:
  driver = accept
  transport = local
@transports
local:
  driver = pipe
  command = /bin/sh -c "cat >/dev/null; echo some output; exit 3"
  user = mail
  return_output
file:
  driver = appendfile
  file = @DIR@/mail/box
  create_file = anywhere
  user = mail
@run -odi -f s@test.ex userx@test.ex
Subject: x

text
@case pipe that fails without return_output
@routers
b:
  driver = accept
  local_parts = s
  transport = file
r:
  driver = accept
  transport = local
@transports
local:
  driver = pipe
  command = /bin/sh -c "cat >/dev/null; exit 70"
  user = mail
file:
  driver = appendfile
  file = @DIR@/mail/box
  create_file = anywhere
  user = mail
@run -odi -f s@test.ex userx@test.ex
Subject: x

text
@case pipe with a temporary error
@transports
local:
  driver = pipe
  command = /bin/sh -c "cat >/dev/null; exit 75"
  user = mail
@run -odi -f s@test.ex userx@test.ex
Subject: x

text
@run -bp
@case pipe command not there
@transports
local:
  driver = pipe
  command = /no/such/command
  user = mail
@routers
b:
  driver = redirect
  local_parts = s
  data = :blackhole:
r:
  driver = accept
  transport = local
@run -odi -f s@test.ex userx@test.ex
Subject: x

text
@case log_output options of a pipe
@transports
local:
  driver = pipe
  command = /bin/sh -c "cat >/dev/null; echo first; echo second"
  user = mail
  log_output
@run -odi -f s@test.ex userx@test.ex
Subject: x

text
@case mailbox in a directory that is not there
@transports
local:
  driver = appendfile
  file = @DIR@/mail/no/such/box
  create_directory = false
  create_file = anywhere
  user = mail
@run -odi -f s@test.ex userx@test.ex
Subject: x

text
@run -bp
@case dev null
@transports
local:
  driver = appendfile
  file = /dev/null
  user = mail
@run -odi -f s@test.ex userx@test.ex
Subject: x

text
@case mailbox is a directory
@transports
local:
  driver = appendfile
  file = @DIR@/mail
  user = mail
@run -odi -f s@test.ex userx@test.ex
Subject: x

text
@case quota exceeded
@transports
local:
  driver = appendfile
  file = @DIR@/mail/box
  create_file = anywhere
  quota = 1K
  user = mail
@run -odi -f s@test.ex userx@test.ex
Subject: x

text
@run -odi -f s@test.ex userx@test.ex
Subject: x

0123456789012345678901234567890123456789012345678901234567890123456789
0123456789012345678901234567890123456789012345678901234567890123456789
0123456789012345678901234567890123456789012345678901234567890123456789
0123456789012345678901234567890123456789012345678901234567890123456789
0123456789012345678901234567890123456789012345678901234567890123456789
0123456789012345678901234567890123456789012345678901234567890123456789
0123456789012345678901234567890123456789012345678901234567890123456789
0123456789012345678901234567890123456789012345678901234567890123456789
0123456789012345678901234567890123456789012345678901234567890123456789
@case autoreply
@routers
b:
  driver = accept
  local_parts = s
  transport = file
r:
  driver = accept
  transport = reply
@transports
reply:
  driver = autoreply
  from = auto@test.ex
  to = $sender_address
  subject = Re: $h_subject:
  text = I am away.\n
  user = mail
  headers = X-Extra: yes
file:
  driver = appendfile
  file = @DIR@/mail/box
  create_file = anywhere
  user = mail
@run -odi -f s@test.ex userx@test.ex
Subject: question
Message-ID: <q@test.ex>

text
@case -t takes recipients from the headers
@run -odi -t
To: one@test.ex, Two <two@test.ex>
Cc: three@test.ex
Bcc: four@test.ex
Subject: x

text
@case -t with arguments takes them away
@run -odi -t two@test.ex
To: one@test.ex, two@test.ex
Subject: x

text
@case -t without recipients
@run -odi -t
Subject: x

text
@case -t with a bad address
@run -odi -t -oep
To: one@test.ex, @@bad
Subject: x

text
@case no recipients given
@run -odi
Subject: x

text
@case bad recipient argument, -oep
@run -odi -oep "a b c@test.ex"
Subject: x

text
@case bad sender argument
@run -odi -f "a b@c" userx@test.ex
Subject: x

text
@case message too big
@main
message_size_limit = 1K
@run -odi -oep userx@test.ex
Subject: x

0123456789012345678901234567890123456789012345678901234567890123456789
0123456789012345678901234567890123456789012345678901234567890123456789
0123456789012345678901234567890123456789012345678901234567890123456789
0123456789012345678901234567890123456789012345678901234567890123456789
0123456789012345678901234567890123456789012345678901234567890123456789
0123456789012345678901234567890123456789012345678901234567890123456789
0123456789012345678901234567890123456789012345678901234567890123456789
0123456789012345678901234567890123456789012345678901234567890123456789
0123456789012345678901234567890123456789012345678901234567890123456789
0123456789012345678901234567890123456789012345678901234567890123456789
0123456789012345678901234567890123456789012345678901234567890123456789
0123456789012345678901234567890123456789012345678901234567890123456789
0123456789012345678901234567890123456789012345678901234567890123456789
0123456789012345678901234567890123456789012345678901234567890123456789
0123456789012345678901234567890123456789012345678901234567890123456789
0123456789012345678901234567890123456789012345678901234567890123456789
@case non-SMTP ACL denies
@main
acl_not_smtp = nots
@acl
nots:
  deny message = not today
       condition = ${if eq{$h_subject:}{bad}}
       log_message = subject is $h_subject:
  accept
@run -odi userx@test.ex
Subject: good

text
@run -odi -oep userx@test.ex
Subject: bad

text
@run -odi userx@test.ex
Subject: bad

text
@case From line before the headers
@run -odi userx@test.ex
From someone@x.test Mon Jan  1 00:00:00 2001
Subject: x

text
@case Resent headers
@run -odi -t
Resent-To: userx@test.ex
Resent-From: me@test.ex
To: other@test.ex
From: him@test.ex
Subject: x

text
@case received details given with -oM
@run -odi -oMa 192.0.2.1 -oMr special -oMs host.name.test -oMt ident -oMi 127.0.0.1.25 userx@test.ex
Subject: x

text
@case -oMai -oMas
@run -odi -oMai theid -oMas sender@auth.test -oMaa meth -oMa 192.0.2.1 userx@test.ex
Subject: x

text
@case received_header_text and for
@main
received_header_text = Received: by $primary_hostname\n\tfor ${if def:received_for{$received_for}{many}}
@run -odi userx@test.ex
Subject: x

text
@case log selectors
@main
log_selector = +all -pid
@known 4.96 has fewer selectors
@run -odi -f s@x.test userx@test.ex
Subject: x

text
@case log selectors one by one
@main
log_selector = +subject +received_recipients +received_sender +sender_on_delivery +return_path_on_delivery +address_rewrite +delivery_size +all_parents +queue_time +queue_time_overall +deliver_time +received_recipients
@run -odi -f s@x.test userx@test.ex othery@test.ex
Subject: x "quoted"

text
@case local part suffix and affix
@routers
r:
  driver = accept
  local_part_suffix = +* : -*
  local_part_suffix_optional
  transport = local
@run -odi -f s@x.test userx+extra@test.ex
Subject: x

text
@case -N does not deliver
@run -odi -N -f s@x.test userx@test.ex
Subject: x

text
@case -v shows the dialogue
@run -odi -v -f s@x.test userx@test.ex
Subject: x

text
@case batch: -bS
@run -odi -bS
MAIL FROM:<s@x.test>
RCPT TO:<userx@test.ex>
DATA
Subject: x

text
.
MAIL FROM:<s2@x.test>
RCPT TO:<usery@test.ex>
DATA
Subject: y

text
.
QUIT
@case batch with an error
@run -odi -bS
MAIL FROM:<s@x.test>
RCPT TO:<@@bad>
DATA
Subject: x

text
.
