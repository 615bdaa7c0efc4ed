## Mailbox files and files of one message: formats, existence, locks, a disk that is full.
@case mailstore
@transports
local:
  driver = appendfile
  directory = @DIR@/mail/store
  mailstore_format
  user = mail
@run -odi -f s@test.ex u@test.ex
Subject: x

From here
.
@sh
ls mail/store | sed 's/.*\././' | sort
a=$(ls mail/store | sed -n 's/\.env$//p'); test -f mail/store/$a.msg && echo pair
stat -c %a mail/store/*
@case mailstore with prefix and suffix, several recipients
@transports
local:
  driver = appendfile
  directory = @DIR@/mail/store
  mailstore_format
  mailstore_prefix = "first $sender_address\nsecond"
  mailstore_suffix = "the end"
  batch_max = 10
  user = mail
@run -odi -f s@test.ex u@test.ex v@test.ex "\"quoted one\"@test.ex"
Subject: x

text
@case mailstore prefix and suffix that end with a newline
@transports
local:
  driver = appendfile
  directory = @DIR@/mail/store
  mailstore_format
  mailstore_prefix = "first\n"
  mailstore_suffix = "the end\n"
  user = mail
@run -odi -f <> u@test.ex
Subject: x

text
@case mailstore prefix and suffix that are forced to fail, or are empty
@transports
local:
  driver = appendfile
  directory = @DIR@/mail/store
  mailstore_format
  mailstore_prefix = ${if eq{$local_part}{u}{}fail}
  mailstore_suffix = ${if eq{$local_part}{u}{}fail}
  user = mail
@run -odi -f s@test.ex u@test.ex v@test.ex
Subject: x

text
@case a mailstore prefix that cannot be expanded
@known Exim makes the directory before it expands the text
@transports
local:
  driver = appendfile
  directory = @DIR@/mail/store
  mailstore_format
  mailstore_prefix = ${lookup{x}lsearch{@DIR@/nosuchfile}}
  user = mail
@run -odi -f s@test.ex u@test.ex
Subject: x

text
@sh
ls mail/store
@case a mailstore suffix that cannot be expanded
@known Exim makes the directory before it expands the text
@transports
local:
  driver = appendfile
  directory = @DIR@/mail/store
  mailstore_format
  mailstore_suffix = ${lookup{x}lsearch{@DIR@/nosuchfile}}
  user = mail
@run -odi -f s@test.ex u@test.ex
Subject: x

text
@sh
ls mail/store
@case mailstore_basename is the name of the files
@transports
local:
  driver = appendfile
  directory = @DIR@/mail/store
  mailstore_format
  mailstore_prefix = "name $mailstore_basename"
  mailstore_suffix = "again $mailstore_basename"
  user = mail
@run -odi -f s@test.ex u@test.ex
Subject: x

text
@sh
cd mail/store
for f in *.env; do sed "s/${f%.env}/NAME/" $f; done
rm *
@case mailstore with message_prefix, escapes and CRLF
@transports
local:
  driver = appendfile
  directory = @DIR@/mail/store
  mailstore_format
  message_prefix = "From $return_path\r\n"
  message_suffix = "\r\n"
  check_string = "From "
  escape_string = ">From "
  use_crlf
  user = mail
@run -odi -f s@test.ex u@test.ex
Subject: x

From here
@case mailstore with a quota
@transports
local:
  driver = appendfile
  directory = @DIR@/mail/store
  mailstore_format
  quota = 1500
  user = mail
@send 700 u@test.ex
@send 700 u@test.ex
@case batch SMTP into a file
@transports
local:
  driver = appendfile
  file = @DIR@/mail/file
  use_bsmtp
  batch_max = 10
  user = mail
@run -odi -oi -f s@test.ex u@test.ex v@test.ex
Subject: x

.
From here
..dots
@run -odi -f <> "\"odd one\"@test.ex"
Subject: y

text
@case batch SMTP with a greeting, CRLF and a suffix
@transports
local:
  driver = appendfile
  file = @DIR@/mail/file
  use_bsmtp
  use_crlf
  message_prefix = "HELO $primary_hostname\r\n"
  message_suffix = "RSET\r\n"
  batch_max = 10
  user = mail
@run -odi -oi -f s@test.ex u@test.ex v@test.ex
Subject: x

.
@case batch SMTP does not care for check_string
@transports
local:
  driver = appendfile
  file = @DIR@/mail/file
  use_bsmtp
  check_string = "From "
  escape_string = ">From "
  user = mail
@run -odi -oi -f s@test.ex u@test.ex
Subject: x

From here
.dot
@case batch SMTP with affixes
@routers
here:
  driver = accept
  local_part_prefix = pre-
  local_part_suffix = +*
  transport = ${if eq{$local_part}{with}{with}{local}}
@transports
local:
  driver = appendfile
  file = @DIR@/mail/file
  use_bsmtp
  user = mail
with:
  driver = appendfile
  file = @DIR@/mail/with
  use_bsmtp
  rcpt_include_affixes
  return_path = $return_path.verp@test.ex
  user = mail
@run -odi -f s@test.ex pre-u+x@test.ex
Subject: x

text
@case batch SMTP with affixes that are kept
@known the log names the mailbox without its affixes
@routers
here:
  driver = accept
  local_part_prefix = pre-
  local_part_suffix = +*
  transport = local
@transports
local:
  driver = appendfile
  file = @DIR@/mail/file
  use_bsmtp
  rcpt_include_affixes
  return_path = $return_path.verp@test.ex
  user = mail
@run -odi -f s@test.ex pre-u+x@test.ex
Subject: x

text
@case batch SMTP, each message a file
@transports
local:
  driver = appendfile
  directory = @DIR@/mail/dir
  use_bsmtp
  user = mail
@run -odi -f s@test.ex u@test.ex
Subject: x

.dot
From here
@case CRLF in a mailbox file
@transports
local:
  driver = appendfile
  file = @DIR@/mail/file
  use_crlf
  user = mail
@run -odi -oi -f s@test.ex u@test.ex
Subject: x

From here

text
@case CRLF in a maildir, with additions
@transports
local:
  driver = appendfile
  directory = @DIR@/mail/md
  maildir_format
  use_crlf
  return_path_add
  headers_add = X-Added: one\n two
  user = mail
@run -odi -f s@test.ex u@test.ex
Subject: x

text
@case other marks between messages (MMDF)
@transports
local:
  driver = appendfile
  file = @DIR@/mail/file
  check_string = "\1\1\1\1\n"
  escape_string = "\1\1\1\1 \n"
  message_prefix = "\1\1\1\1\n"
  message_suffix = "\1\1\1\1\n"
  user = mail
@sh
{ printf 'Subject: x\n\n\1\1\1\1\nFrom here\n\1\1\1\1x\n\1\1\1\n\1\1\1\1'; } | $MTA -odi -f s@test.ex u@test.ex
@case check_string meets header lines, the end and itself
@transports
local:
  driver = appendfile
  file = @DIR@/mail/file
  check_string = aab
  escape_string = <aab>
  user = mail
@sh
printf 'Subject: x\n\naaab\naab\naabaab\naa\nab\n aab\naab' | $MTA -odi -f s@test.ex u@test.ex
@case an empty check_string
@transports
local:
  driver = appendfile
  file = @DIR@/mail/file
  check_string =
  escape_string =
  user = mail
@run -odi -f s@test.ex u@test.ex
Subject: x

From here
@case file_must_exist
@transports
local:
  driver = appendfile
  file = @DIR@/mail/$local_part_data/file
  file_must_exist
  user = mail
@routers
here:
  driver = accept
  local_parts = u : v
  transport = local
@sh
mkdir mail/v
touch mail/v/file
chown -R mail mail/v
@run -odi -f s@test.ex u@test.ex v@test.ex
Subject: x

text
@sh
ls mail mail/v
@case a named pipe, with and without a reader
@transports
local:
  driver = appendfile
  file = @DIR@/mail/pipes/$local_part_data
  allow_fifo
  user = mail
@routers
here:
  driver = accept
  local_parts = u : v
  transport = local
@sh
mkdir mail/pipes
mkfifo -m 600 mail/pipes/u mail/pipes/v
chown -R mail mail/pipes
python3 - <<'END'
import os, select
pipe = os.open('mail/pipes/u', os.O_RDONLY | os.O_NONBLOCK)
if os.fork() == 0:
    null = os.open('/dev/null', os.O_RDWR)
    for fd in (0, 1, 2):
        os.dup2(null, fd)
    poll, text = select.poll(), b''
    poll.register(pipe, select.POLLIN)
    while poll.poll(20000):
        got = os.read(pipe, 65536)
        if not got:
            break
        text += got
    open('mail/heard.new', 'wb').write(text)
    os.rename('mail/heard.new', 'mail/heard')
    os._exit(0)
END
@run -odi -f s@test.ex u@test.ex
Subject: x

From here
@sh
for i in $(seq 500); do test -e mail/heard && break; sleep 0.02; done
@run -odi -f s@test.ex v@test.ex
Subject: x

text
@sh
rm -r mail/pipes
@case a named pipe is no mailbox unless it may be
@transports
local:
  driver = appendfile
  file = @DIR@/mail/pipes/u
  user = mail
@sh
mkdir mail/pipes
mkfifo -m 600 mail/pipes/u
chown -R mail mail/pipes
@run -odi -f s@test.ex u@test.ex
Subject: x

text
@sh
rm -r mail/pipes
@case a symbolic link that may be, to a file that is not there
@transports
local:
  driver = appendfile
  file = @DIR@/mail/file
  allow_symlink
  user = mail
@sh
ln -s other mail/file
chown -h mail mail/file
@run -odi -f s@test.ex u@test.ex
Subject: x

text
@sh
test -f mail/other && echo made
@case a lock file that a dead process left
@transports
local:
  driver = appendfile
  file = @DIR@/mail/file
  lock_interval = 1s
  lock_retries = 2
  user = mail
@sh
touch mail/file.lock
chown mail mail/file.lock
@clock 31m
@run -odi -f s@test.ex u@test.ex
Subject: x

text
@sh
ls mail
@case a lock file of a living process
@transports
local:
  driver = appendfile
  file = @DIR@/mail/file
  lock_interval = 1s
  lock_retries = 2
  user = mail
@sh
touch mail/file.lock
chown mail mail/file.lock
@clock 29m
@run -odi -f s@test.ex u@test.ex
Subject: x

text
@sh
ls mail
@case lockfile_timeout
@transports
local:
  driver = appendfile
  file = @DIR@/mail/file
  lock_interval = 1s
  lock_retries = 2
  lockfile_timeout = 1m
  user = mail
@sh
touch mail/file.lock
chown mail mail/file.lock
@clock 2m
@run -odi -f s@test.ex u@test.ex
Subject: x

text
@sh
ls mail
@case no lock file is made without use_lockfile
@transports
local:
  driver = appendfile
  file = @DIR@/mail/file
  use_lockfile = false
  lock_interval = 1s
  lock_retries = 2
  user = mail
@sh
touch mail/file.lock
chown mail mail/file.lock
@run -odi -f s@test.ex u@test.ex
Subject: x

text
@case a directory where no lock file can be made
@transports
local:
  driver = appendfile
  file = @DIR@/mail/closed/file
  lock_retries = 1
  user = mail
@sh
mkdir mail/closed
touch mail/closed/file
chown mail mail/closed/file
@run -odi -f s@test.ex u@test.ex
Subject: x

text
@case a disk that is full leaves the mailbox as it was
@transports
local:
  driver = appendfile
  file = @DIR@/mail/small/file
  user = mail
@sh
mkdir mail/small
mount -t tmpfs -o size=64k tmpfs mail/small
printf 'From a@test.ex Mon Jan  1 00:00:00 2024\n\nold\n\n' > mail/small/file
chmod 600 mail/small/file
chown -R mail mail/small
@send 90000 u@test.ex
@sh
ls mail/small
cat mail/small/file
umount mail/small
@case a disk that is full leaves no new mailbox behind
@known Exim leaves an empty file
@transports
local:
  driver = appendfile
  file = @DIR@/mail/small/file
  user = mail
@sh
mkdir mail/small
mount -t tmpfs -o size=64k tmpfs mail/small
chown -R mail mail/small
@send 90000 v@test.ex
@sh
ls mail/small
umount mail/small
@case a disk that is full leaves no file in a directory
@known for a maildir the directory is named, and what failed
@transports
local:
  driver = appendfile
  directory = @DIR@/mail/small/md
  maildir_format
  user = mail
store:
  driver = appendfile
  directory = @DIR@/mail/small/store
  mailstore_format
  user = mail
@routers
here:
  driver = accept
  transport = ${if eq{$local_part}{u}{local}{store}}
@sh
mkdir mail/small
mount -t tmpfs -o size=64k tmpfs mail/small
chown -R mail mail/small
@send 90000 u@test.ex
@send 90000 v@test.ex
@sh
find mail/small -type f | wc -l
umount mail/small
