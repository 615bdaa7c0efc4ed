## Options that all local transports have: filters with a time limit, shadows, header lines that are added and left out.
@case a transport filter that takes too long
@known Exim leaves an empty file, and names it
@transports
local:
  driver = appendfile
  file = @DIR@/mail/file
  transport_filter = /bin/sleep 30
  transport_filter_timeout = 1s
  user = mail
@send 10 u@test.ex
@sh
ls mail
@case a transport filter of a command that takes too long
@transports
local:
  driver = pipe
  command = /bin/sh -c "cat >/dev/null"
  transport_filter = /bin/sleep 30
  transport_filter_timeout = 1s
  user = mail
defers:
  driver = pipe
  command = /bin/sh -c "cat >/dev/null"
  transport_filter = /bin/sleep 30
  transport_filter_timeout = 1s
  timeout_defer
  user = mail
@routers
here:
  driver = accept
  local_parts = local : defers
  transport = $local_part_data
@send 10 local@test.ex
@send 10 defers@test.ex
@case a transport filter that fails
@transports
local:
  driver = appendfile
  file = @DIR@/mail/file
  transport_filter = /bin/sh -c "cat; exit ${if eq{$local_part}{u}{3}{0}}"
  user = mail
@send 10 u@test.ex
@send 10 v@test.ex
@case a transport filter that is not there, or expands to nothing
@known Exim says that a process failed
@transports
local:
  driver = appendfile
  file = @DIR@/mail/file
  transport_filter = '${if eq{$local_part}{u}{/no/such/filter}{}}'
  user = mail
@send 10 u@test.ex
@send 10 v@test.ex
@case a transport filter that is ended by a signal, or gives nothing
@known what a filter left that was ended by a signal is not stored (docs/differences.md)
@transports
local:
  driver = appendfile
  file = @DIR@/mail/file
  transport_filter = /bin/sh -c "${if eq{$local_part}{u}{kill -TERM \\\$\\\$}{cat >/dev/null}}"
  user = mail
@send 10 u@test.ex
@send 10 v@test.ex
@case a transport filter before the escapes
@transports
local:
  driver = appendfile
  file = @DIR@/mail/file
  transport_filter = /bin/sh -c "cat; echo From the filter; echo last"
  batch_max = 10
  user = mail
@run -odi -f s@test.ex u@test.ex v@test.ex
Subject: x

text
@case a shadow transport
@transports
local:
  driver = appendfile
  file = @DIR@/mail/file
  shadow_transport = shadow
  shadow_condition = ${if !eq{$h_subject:}{plain}}
  user = mail
shadow:
  driver = appendfile
  file = @DIR@/mail/shadow
  user = mail
@run -odi -f s@test.ex u@test.ex
Subject: both

text
@run -odi -f s@test.ex u@test.ex
Subject: plain

text
@case conditions of a shadow transport
@transports
local:
  driver = appendfile
  file = @DIR@/mail/file
  shadow_transport = shadow
  shadow_condition = ${if eq{$local_part}{fail}{${if eq{1}{2}{}fail}}{${if eq{$local_part}{broken}{${lookup{x}lsearch{@DIR@/nosuchfile}}}{$local_part}}}}
  user = mail
shadow:
  driver = appendfile
  file = @DIR@/mail/shadow
  user = mail
@send 10 0@test.ex
@send 10 no@test.ex
@send 10 false@test.ex
@send 10 yes@test.ex
@send 10 other@test.ex
@send 10 fail@test.ex
@send 10 broken@test.ex
@case a shadow transport that fails or waits
@transports
local:
  driver = appendfile
  file = @DIR@/mail/file
  shadow_transport = shadow
  user = mail
shadow:
  driver = pipe
  command = /bin/sh -c "cat >/dev/null; echo some words; exit $local_part_data"
  return_output
  log_output
  user = mail
@routers
here:
  driver = accept
  local_parts = 0 : 3 : 75
  transport = local
@send 10 3@test.ex
@send 10 75@test.ex
@send 10 0@test.ex
@run -bp
@case no shadow of what was not delivered
@transports
local:
  driver = appendfile
  file = @DIR@/mail/closed/file
  create_directory = false
  shadow_transport = shadow
  user = mail
shadow:
  driver = appendfile
  file = @DIR@/mail/shadow
  user = mail
@send 10 u@test.ex
@case a shadow has no shadow
@transports
local:
  driver = appendfile
  file = @DIR@/mail/file
  shadow_transport = shadow
  user = mail
shadow:
  driver = appendfile
  file = @DIR@/mail/shadow
  shadow_transport = local
  user = mail
@send 10 u@test.ex
@case a shadow of a batch, and of a pipe
@known Envelope-to: is folded with two blanks
@transports
local:
  driver = pipe
  command = /bin/sh -c "cat >/dev/null"
  batch_max = 10
  shadow_transport = shadow
  user = mail
shadow:
  driver = appendfile
  file = @DIR@/mail/shadow
  envelope_to_add
  user = mail
@send 10 u@test.ex v@test.ex
@case headers_remove with patterns
@main
headers_charset = UTF-8
@transports
local:
  driver = appendfile
  file = @DIR@/mail/file
  headers_remove = X-Spam* : x-gone : X-${if eq{$local_part}{u}{One}{Two}} : ${if eq{1}{2}{never}fail} : *
  headers_remove = Comm*ts : X-Colon:: : Resent-*
  user = mail
@run -odi -f s@test.ex u@test.ex
Subject: x
X-Spam-Score: 1
X-SPAM: 2
X-Spa: stays
X-Gone: 1
X-Gone-Not: stays
X-One: gone
X-Two: stays
Comments: stays
X-Colon: one
Keywords: stays

text
@case headers_remove of a router and a transport, and what they add
@routers
here:
  driver = accept
  transport = local
  headers_remove = X-Router : X-Pat*
  headers_add = X-Spam-Added: by router
@transports
local:
  driver = appendfile
  file = @DIR@/mail/file
  headers_remove = X-Transport : X-Spam*
  headers_add = X-Router: added again
  user = mail
@run -odi -f s@test.ex u@test.ex
Subject: x
X-Router: 1
X-Pattern: 2
X-Transport: 3
X-Spam-Score: 4

text
@case headers_remove in another list separator, and empty
@transports
local:
  driver = appendfile
  file = @DIR@/mail/file
  headers_remove = <; X-One ; X-Two
  user = mail
none:
  driver = appendfile
  file = @DIR@/mail/file
  headers_remove =
  user = mail
@routers
here:
  driver = accept
  transport = ${if eq{$local_part}{u}{local}{none}}
@run -odi -f s@test.ex u@test.ex v@test.ex
X-One: 1
X-Two: 2
X-Three: 3

text
@case headers_remove that cannot be expanded
@transports
local:
  driver = appendfile
  file = @DIR@/mail/file
  headers_remove = X-One : ${lookup{x}lsearch{@DIR@/nosuchfile}}
  user = mail
@run -odi -f s@test.ex u@test.ex
X-One: 1

text
@case header lines added by a file, a command and an LMTP server
@transports
file:
  driver = appendfile
  file = @DIR@/mail/file
  delivery_date_add
  envelope_to_add
  return_path_add
  user = mail
pipe:
  driver = pipe
  command = /bin/sh -c "cat > @DIR@/mail/piped"
  delivery_date_add
  envelope_to_add
  return_path_add
  user = mail
lmtp:
  driver = lmtp
  command = /usr/bin/python3 @DIR@/lmtpd.py
  delivery_date_add
  envelope_to_add
  return_path_add
  user = mail
@routers
alias:
  driver = redirect
  local_parts = list
  data = file@test.ex, pipe@test.ex, lmtp@test.ex
here:
  driver = accept
  local_parts = file : pipe : lmtp
  transport = $local_part_data
@file lmtpd.py
import sys
def say(s):
    sys.stdout.write(s + '\r\n')
    sys.stdout.flush()
say('220 lmtp')
for line in sys.stdin:
    word = line[:4].upper()
    if word == 'LHLO':
        say('250 lmtp')
    elif word == 'DATA':
        say('354 go')
        with open('@DIR@/mail/lmtp', 'a', newline='') as f:
            for line in sys.stdin:
                if line.rstrip() == '.':
                    break
                f.write(line)
        say('250 taken')
    elif word == 'QUIT':
        say('221 bye')
        break
    else:
        say('250 ok')
@send 10 file@test.ex
@send 10 pipe@test.ex
@send 10 lmtp@test.ex
@run -odi -f <> list@test.ex
Return-path: <old@test.ex>
Envelope-to: old@test.ex
Delivery-date: Mon, 01 Jan 2024 00:00:00 +0000
Subject: x

text
@case the old lines stay when they are not taken away
@main
return_path_remove = false
envelope_to_remove = false
delivery_date_remove = false
@transports
local:
  driver = appendfile
  file = @DIR@/mail/file
  delivery_date_add
  envelope_to_add
  return_path_add
  user = mail
@run -odi -f s@test.ex u@test.ex
Return-path: <old@test.ex>
Envelope-to: old@test.ex
Delivery-date: Mon, 01 Jan 2024 00:00:00 +0000
Subject: x

text
@case the return path of a transport is in its header line
@transports
local:
  driver = appendfile
  file = @DIR@/mail/file
  return_path_add
  return_path = ${if eq{$local_part}{u}{verp-$return_path}{${if eq{$local_part}{v}{}{${if eq{1}{2}{}fail}}}}}
  user = mail
@run -odi -f s@test.ex u@test.ex v@test.ex w@test.ex
Subject: x

text
@case bodies and headers alone
@transports
body:
  driver = appendfile
  file = @DIR@/mail/body
  body_only
  user = mail
headers:
  driver = appendfile
  file = @DIR@/mail/headers
  headers_only
  user = mail
pipe:
  driver = pipe
  command = /bin/sh -c "cat > @DIR@/mail/piped"
  headers_only
  user = mail
@routers
here:
  driver = accept
  local_parts = body : headers : pipe
  transport = $local_part_data
@send 10 body@test.ex headers@test.ex pipe@test.ex
@case message_size_limit of a transport
@known the bounce says which limit it was
@transports
local:
  driver = appendfile
  file = @DIR@/mail/file
  message_size_limit = ${if eq{$local_part}{u}{1K}{${if eq{$local_part}{v}{0}{much}}}}
  user = mail
@send 2000 u@test.ex
@send 2000 v@test.ex
@send 2000 w@test.ex
