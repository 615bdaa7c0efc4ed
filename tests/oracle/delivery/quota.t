## quota of a mailbox: what the value may look like
@case quota = 10/no_check
@transports
local:
  driver = appendfile
  file = @DIR@/mail/box
  create_file = anywhere
  user = mail
  quota = ${if eq{1}{1}{10/no_check}}
smtp:
  driver = smtp
@run -odi -f s@test.ex u@test.ex
Subject: x

text
@case quota = 0/no_check
@transports
local:
  driver = appendfile
  file = @DIR@/mail/box
  create_file = anywhere
  user = mail
  quota = ${if eq{1}{1}{0/no_check}}
smtp:
  driver = smtp
@run -odi -f s@test.ex u@test.ex
Subject: x

text
@case quota = 10K/no_check
@transports
local:
  driver = appendfile
  file = @DIR@/mail/box
  create_file = anywhere
  user = mail
  quota = ${if eq{1}{1}{10K/no_check}}
smtp:
  driver = smtp
@run -odi -f s@test.ex u@test.ex
Subject: x

text
@case quota = 1.5K
@transports
local:
  driver = appendfile
  file = @DIR@/mail/box
  create_file = anywhere
  user = mail
  quota = ${if eq{1}{1}{1.5K}}
smtp:
  driver = smtp
@run -odi -f s@test.ex u@test.ex
Subject: x

text
@case quota = 10/other
@transports
local:
  driver = appendfile
  file = @DIR@/mail/box
  create_file = anywhere
  user = mail
  quota = ${if eq{1}{1}{10/other}}
smtp:
  driver = smtp
@run -odi -f s@test.ex u@test.ex
Subject: x

text
@case quota = 0.001M
@transports
local:
  driver = appendfile
  file = @DIR@/mail/box
  create_file = anywhere
  user = mail
  quota = ${if eq{1}{1}{0.001M}}
smtp:
  driver = smtp
@run -odi -f s@test.ex u@test.ex
Subject: x

text
@case quota = 1.9
@transports
local:
  driver = appendfile
  file = @DIR@/mail/box
  create_file = anywhere
  user = mail
  quota = ${if eq{1}{1}{1.9}}
smtp:
  driver = smtp
@run -odi -f s@test.ex u@test.ex
Subject: x

text
@case quota = 10X
@transports
local:
  driver = appendfile
  file = @DIR@/mail/box
  create_file = anywhere
  user = mail
  quota = ${if eq{1}{1}{10X}}
smtp:
  driver = smtp
@run -odi -f s@test.ex u@test.ex
Subject: x

text
@case quota = (empty)
@transports
local:
  driver = appendfile
  file = @DIR@/mail/box
  create_file = anywhere
  user = mail
  quota = ${if eq{1}{1}{}}
smtp:
  driver = smtp
@run -odi -f s@test.ex u@test.ex
Subject: x

text
@case maildir, quota = 10/no_check
@transports
local:
  driver = appendfile
  directory = @DIR@/mail/dir
  maildir_format
  user = mail
  quota = 10/no_check
smtp:
  driver = smtp
@run -odi -f s@test.ex u@test.ex
Subject: x

text
@run -odi -f s@test.ex u@test.ex
Subject: x

text
@show mail/dir/maildirsize
@case maildir, quota = 10/no_check, maildir_use_size_file
@known the sum that maildirsize begins with is a line of its own
@transports
local:
  driver = appendfile
  directory = @DIR@/mail/dir
  maildir_format
  user = mail
  quota = 10/no_check
  maildir_use_size_file
smtp:
  driver = smtp
@run -odi -f s@test.ex u@test.ex
Subject: x

text
@run -odi -f s@test.ex u@test.ex
Subject: x

text
@show mail/dir/maildirsize
@case maildir, quota = 1M, quota_filecount = 1/no_check
@transports
local:
  driver = appendfile
  directory = @DIR@/mail/dir
  maildir_format
  user = mail
  quota = 1M
  quota_filecount = 1/no_check
smtp:
  driver = smtp
@run -odi -f s@test.ex u@test.ex
Subject: x

text
@run -odi -f s@test.ex u@test.ex
Subject: x

text
@show mail/dir/maildirsize
@case maildir, quota = 10/no_check, quota_filecount = 1/no_check, maildir_use_size_file
@known the sum that maildirsize begins with is a line of its own
@transports
local:
  driver = appendfile
  directory = @DIR@/mail/dir
  maildir_format
  user = mail
  quota = 10/no_check
  quota_filecount = 1/no_check
  maildir_use_size_file
smtp:
  driver = smtp
@run -odi -f s@test.ex u@test.ex
Subject: x

text
@run -odi -f s@test.ex u@test.ex
Subject: x

text
@show mail/dir/maildirsize
