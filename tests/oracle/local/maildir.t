## Maildir++: folders, the limits of a mailbox, and the file maildirsize.
@case directories that are folders get a file maildirfolder
@transports
local:
  driver = appendfile
  directory = @DIR@/mail/md${if eq{$local_part}{u}{}{/.lists}}
  maildir_format
  maildirfolder_create_regex = /\.[^/]+$
  user = mail
@send 10 u@test.ex
@send 10 v@test.ex
@send 10 v@test.ex
@sh
find mail -name 'maildir*' -printf '%m %u %s %p\n' | sort
@case a folder belongs to the maildir above it
@transports
local:
  driver = appendfile
  directory = @DIR@/mail/md${if eq{$local_part}{u}{}{/.lists}}
  maildir_format
  maildirfolder_create_regex = /\.[^/]+$
  quota = 3K
  user = mail
@send 1000 u@test.ex
@send 1000 v@test.ex
@send 1000 v@test.ex
@send 1000 u@test.ex
@case a folder without the file maildirfolder has a quota of its own
@transports
local:
  driver = appendfile
  directory = @DIR@/mail/md${if eq{$local_part}{u}{}{/.lists}}
  maildir_format
  quota = 3K
  user = mail
@send 1000 u@test.ex
@send 1000 v@test.ex
@send 1000 v@test.ex
@send 1000 v@test.ex
@case a folder belongs to the maildir above it, with maildirsize
@transports
local:
  driver = appendfile
  directory = @DIR@/mail/md${if eq{$local_part}{u}{}{/.lists}}
  maildir_format
  maildir_use_size_file
  maildirfolder_create_regex = /\.[^/]+$
  quota = 3K
  user = mail
@send 1000 u@test.ex
@send 1000 v@test.ex
@send 1000 v@test.ex
@sh
find mail -name maildirsize
@case what counts without a maildirsize
@transports
local:
  driver = appendfile
  directory = @DIR@/mail/md
  maildir_format
  maildir_quota_directory_regex = ^(?:cur|new)$
  quota = 3K
  user = mail
@sh
mkdir -p mail/md/.Trash/cur mail/md/cur mail/md/new mail/md/tmp
head -c 2000 /dev/zero > mail/md/.Trash/cur/1.x
chown -R mail mail/md
@send 1000 u@test.ex
@case what counts without a maildirsize: files beside the directories
@transports
local:
  driver = appendfile
  directory = @DIR@/mail/md
  maildir_format
  quota = 3K
  user = mail
@sh
mkdir -p mail/md/cur mail/md/new mail/md/tmp
head -c 2000 /dev/zero > mail/md/index
chown -R mail mail/md
@send 1000 u@test.ex
@case what counts without a maildirsize: tmp and other directories
@transports
local:
  driver = appendfile
  directory = @DIR@/mail/md
  maildir_format
  quota = 3K
  user = mail
@sh
mkdir -p mail/md/cur mail/md/new mail/md/tmp mail/md/control
head -c 1000 /dev/zero > mail/md/tmp/1.x
head -c 1000 /dev/zero > mail/md/control/x
chown -R mail mail/md
@send 1000 u@test.ex
@case maildir_quota_directory_regex leaves a folder out
@transports
local:
  driver = appendfile
  directory = @DIR@/mail/md
  maildir_format
  maildir_use_size_file
  maildir_quota_directory_regex = ^(?:cur|new|\.(?!Trash).*)$
  quota = 3K
  user = mail
@sh
mkdir -p mail/md/.Trash/cur mail/md/.Sent/cur mail/md/cur mail/md/new mail/md/tmp
head -c 5000 /dev/zero > mail/md/.Trash/cur/1.x
head -c 100 /dev/zero > mail/md/.Sent/cur/1.x
chown -R mail mail/md
@send 1000 u@test.ex
@sh
head -c 5000 /dev/zero > mail/md/.Sent/cur/2.x
rm mail/md/maildirsize
@send 1000 u@test.ex
@case no quota for a folder that does not count
@transports
local:
  driver = appendfile
  directory = @DIR@/mail/md${if eq{$local_part}{u}{}{/.$local_part_data}}
  maildir_format
  maildir_use_size_file
  maildirfolder_create_regex = /\.[^/]+$
  maildir_quota_directory_regex = ^(?:cur|new|\.(?!trash).*)$
  quota = 3K
  user = mail
@routers
here:
  driver = accept
  local_parts = u : trash : sent
  transport = local
@send 1000 u@test.ex
@send 5000 trash@test.ex
@send 1000 trash@test.ex
@send 1000 sent@test.ex
@send 5000 sent@test.ex
@case mailbox_size tells the size
@transports
local:
  driver = appendfile
  directory = @DIR@/mail/md
  maildir_format
  quota = 3K
  mailbox_size = ${if eq{$local_part}{full}{3K}{2000}}
  user = mail
@sh
mkdir -p mail/md/cur mail/md/new mail/md/tmp
head -c 5000 /dev/zero > mail/md/cur/1.x
chown -R mail mail/md
@send 500 u@test.ex
@send 1200 u@test.ex
@send 10 full@test.ex
@case mailbox_size of a mailbox file
@transports
local:
  driver = appendfile
  file = @DIR@/mail/file
  quota = 3K
  mailbox_size = ${if eq{$local_part}{full}{3K}{2000}}
  user = mail
@send 500 u@test.ex
@send 1200 u@test.ex
@send 10 full@test.ex
@case mailbox_size that is no number
@known the option is named, where Exim shows its text
@transports
local:
  driver = appendfile
  directory = @DIR@/mail/md
  maildir_format
  quota = 3K
  mailbox_size = ${if eq{$local_part}{u}{much}{1 K}}
  user = mail
@send 10 u@test.ex
@send 10 v@test.ex
@case mailbox_filecount tells the number of files
@transports
local:
  driver = appendfile
  directory = @DIR@/mail/md
  maildir_format
  quota = 1M
  quota_filecount = 3
  mailbox_size = 0
  mailbox_filecount = ${if eq{$local_part}{full}{3}{2}}
  user = mail
@send 10 u@test.ex
@send 10 u@test.ex
@send 10 full@test.ex
@case quota_filecount alone
@known Exim refuses quota_filecount without quota
@transports
local:
  driver = appendfile
  directory = @DIR@/mail/md
  maildir_format
  quota_filecount = 2
  user = mail
@send 10 u@test.ex
@send 10 u@test.ex
@send 10 u@test.ex
@case quota_filecount with a quota
@known Exim counts the directories, too
@transports
local:
  driver = appendfile
  directory = @DIR@/mail/md
  maildir_format
  quota = 1M
  quota_filecount = 2
  user = mail
@send 10 u@test.ex
@send 10 u@test.ex
@send 10 u@test.ex
@case the last message may go over the quota
@transports
local:
  driver = appendfile
  directory = @DIR@/mail/md
  maildir_format
  quota = 3K
  quota_is_inclusive = false
  user = mail
@send 2000 u@test.ex
@send 2000 u@test.ex
@send 10 u@test.ex
@case the last file may go over the count
@known Exim counts the directories, too
@transports
local:
  driver = appendfile
  directory = @DIR@/mail/md
  maildir_format
  quota = 1M
  quota_filecount = 2
  quota_is_inclusive = false
  user = mail
@send 10 u@test.ex
@send 10 u@test.ex
@send 10 u@test.ex
@send 10 u@test.ex
@case exactly at the quota, inclusive and not
@transports
local:
  driver = appendfile
  directory = @DIR@/mail/md
  maildir_format
  quota = 3000
  quota_is_inclusive = false
  mailbox_size = ${if eq{$local_part}{at}{3000}{${if eq{$local_part}{over}{3001}{2999}}}}
  user = mail
@send 10 below@test.ex
@send 10 at@test.ex
@send 10 over@test.ex
@case a mailbox file exactly full
@transports
local:
  driver = appendfile
  file = @DIR@/mail/file
  quota = 3000
  message_prefix =
  message_suffix =
  mailbox_size = ${if eq{$local_part}{at}{${eval:3000-$message_size}}{${eval:3001-$message_size}}}
  user = mail
@send 10 at@test.ex
@send 10 over@test.ex
@case a mailbox file, the last message may go over
@transports
local:
  driver = appendfile
  file = @DIR@/mail/file
  quota = 3K
  quota_is_inclusive = false
  user = mail
@send 2000 u@test.ex
@send 2000 u@test.ex
@send 10 u@test.ex
@case sizes in the names of files
@transports
local:
  driver = appendfile
  directory = @DIR@/mail/md
  maildir_format
  maildir_tag = ,S=$message_size
  quota_size_regex = ,S=(\d+)
  quota = 6K
  user = mail
@send 500 u@test.ex
@sh
head -c 10 /dev/zero > "mail/md/cur/1.x,S=5000:2,S"
head -c 10 /dev/zero > "mail/md/cur/2.x,T=5000:2,S"
@send 500 u@test.ex
@send 100 u@test.ex
@sh
ls mail/md/new | sed 's/.*,/,/' | sort
@case sizes in the names of files, with maildirsize
@transports
local:
  driver = appendfile
  directory = @DIR@/mail/md
  maildir_format
  maildir_use_size_file
  maildir_tag = ,S=$message_size
  quota_size_regex = ,S=(\d+)
  quota = 6K
  user = mail
@sh
mkdir -p mail/md/cur
head -c 10 /dev/zero > "mail/md/cur/1.x,S=5000:2,S"
head -c 10 /dev/zero > "mail/md/cur/2.x,T=5000:2,S"
chown -R mail mail/md
@send 500 u@test.ex
@send 500 u@test.ex
@case sizes in the names of files of a plain directory
@transports
local:
  driver = appendfile
  directory = @DIR@/mail/dir
  directory_file = ${sha1:$message_id},S=$message_size
  quota_size_regex = ,S=(\d+)
  quota = 6K
  user = mail
@sh
mkdir -p mail/dir/below
head -c 10 /dev/zero > mail/dir/one,S=3000
head -c 10 /dev/zero > mail/dir/below/two,S=2000
chown -R mail mail/dir
@send 500 u@test.ex
@send 1000 u@test.ex
@sh
ls mail/dir | sed 's/.*,/,/'
rm mail/dir/*,S=6*
@case warning of a nearly full mailbox
@transports
local:
  driver = appendfile
  directory = @DIR@/mail/md
  maildir_format
  quota = 10K
  quota_warn_threshold = 75%
  user = mail
@send 3000 u@test.ex
@send 3000 u@test.ex
@send 3000 u@test.ex
@send 300 u@test.ex
@case warning of a nearly full mailbox, in words of one's own
@transports
local:
  driver = appendfile
  file = @DIR@/mail/file
  quota = 10K
  quota_warn_threshold = 4K
  quota_warn_message = "To: $local_part@$domain, s@test.ex\nCc: Other <other@test.ex>\nSubject: nearly full\nX-More: yes\n\nMake room, $local_part.\n"
  user = mail
@routers
here:
  driver = accept
  transport = ${if eq{$local_part}{other}{box}{local}}
@send 3000 u@test.ex
@send 3000 u@test.ex
@case warning without a quota
@transports
local:
  driver = appendfile
  file = @DIR@/mail/file
  quota_warn_threshold = 4K
  user = mail
@send 3000 u@test.ex
@send 3000 u@test.ex
@case warning thresholds: none, a part of a percent, all
@transports
local:
  driver = appendfile
  file = @DIR@/mail/$local_part_data
  quota = 10K
  quota_warn_threshold = ${extract{$local_part}{zero=0 part=7.5% whole=100%}}
  user = mail
@routers
here:
  driver = accept
  local_parts = zero : part : whole
  transport = local
@send 9000 zero@test.ex
@send 9000 part@test.ex
@send 9000 whole@test.ex
@case warning thresholds that are none
@transports
local:
  driver = appendfile
  file = @DIR@/mail/$local_part_data
  quota = 10K
  quota_warn_threshold = ${extract{$local_part}{percent=101% word=much}}
  user = mail
@routers
here:
  driver = accept
  local_parts = percent : word
  transport = local
@send 9000 percent@test.ex
@send 9000 word@test.ex
@case no warning from a percentage of no quota
@transports
local:
  driver = appendfile
  file = @DIR@/mail/file
  quota_warn_threshold = 75%
  user = mail
@send 3000 u@test.ex
@case maildirsize is made and continued
@transports
local:
  driver = appendfile
  directory = @DIR@/mail/md
  maildir_format
  maildir_use_size_file
  quota = 1M
  quota_filecount = 100
  user = mail
@send 100 u@test.ex
@send 200 u@test.ex
@sh
stat -c '%a %U' mail/md/maildirsize
@case maildirsize without a quota
@transports
local:
  driver = appendfile
  directory = @DIR@/mail/md
  maildir_format
  maildir_use_size_file = ${if eq{$local_part}{u}}
  user = mail
@send 100 u@test.ex
@send 200 u@test.ex
@send 200 v@test.ex
@case maildirsize is made anew when the quota changes
@transports
local:
  driver = appendfile
  directory = @DIR@/mail/md
  maildir_format
  maildir_use_size_file
  quota = ${if exists{@DIR@/mail/more}{2M}{1M}}
  quota_filecount = ${if exists{@DIR@/mail/files}{100}{0}}
  user = mail
@send 100 u@test.ex
@sh
touch mail/more
@send 100 u@test.ex
@sh
cp mail/md/maildirsize mail/after-more
touch mail/files
@send 100 u@test.ex
@case a maildirsize below the quota is believed
@transports
local:
  driver = appendfile
  directory = @DIR@/mail/md
  maildir_format
  maildir_use_size_file
  quota = 3K
  user = mail
@sh
mkdir -p mail/md/cur
head -c 9000 /dev/zero > mail/md/cur/1.x
printf '3072S,0C\n     100           1\n' > mail/md/maildirsize
chown -R mail mail/md
@send 100 u@test.ex
@case a maildirsize over the quota is made anew when it has more than one line
@transports
local:
  driver = appendfile
  directory = @DIR@/mail/md
  maildir_format
  maildir_use_size_file
  quota = 3K
  user = mail
@sh
mkdir -p mail/md/cur
printf '3072S,0C\n2000 1\n2000 1\n' > mail/md/maildirsize
chown -R mail mail/md
@send 100 u@test.ex
@case a maildirsize over the quota with one line, young
@transports
local:
  driver = appendfile
  directory = @DIR@/mail/md
  maildir_format
  maildir_use_size_file
  quota = 3K
  user = mail
@sh
mkdir -p mail/md/cur
printf '3072S,0C\n4000 2\n' > mail/md/maildirsize
chown -R mail mail/md
@send 100 u@test.ex
@case a maildirsize over the quota with one line, old
@transports
local:
  driver = appendfile
  directory = @DIR@/mail/md
  maildir_format
  maildir_use_size_file
  quota = 3K
  user = mail
@sh
mkdir -p mail/md/cur
printf '3072S,0C\n4000 2\n' > mail/md/maildirsize
chown -R mail mail/md
touch -d '20 minutes ago' mail/md/maildirsize
@send 100 u@test.ex
@case a maildirsize with less than nothing
@transports
local:
  driver = appendfile
  directory = @DIR@/mail/md
  maildir_format
  maildir_use_size_file
  quota = 3K
  user = mail
@sh
mkdir -p mail/md/cur
head -c 1000 /dev/zero > mail/md/cur/1.x
printf '3072S,0C\n100 1\n-1500 -2\n' > mail/md/maildirsize
chown -R mail mail/md
@send 100 u@test.ex
@case a maildirsize with nonsense in its first line
@transports
local:
  driver = appendfile
  directory = @DIR@/mail/md
  maildir_format
  maildir_use_size_file
  quota = 3K
  user = mail
@sh
mkdir -p mail/md/cur
head -c 1000 /dev/zero > mail/md/cur/1.x
printf 'garbage\n100 1\n' > mail/md/maildirsize
chown -R mail mail/md
@send 100 u@test.ex
@case a maildirsize with nonsense in a later line
@transports
local:
  driver = appendfile
  directory = @DIR@/mail/md
  maildir_format
  maildir_use_size_file
  quota = 3K
  user = mail
@sh
mkdir -p mail/md/cur
head -c 1000 /dev/zero > mail/md/cur/1.x
printf '3072S,0C\n100 1\nwhat is this\n' > mail/md/maildirsize
chown -R mail mail/md
@send 100 u@test.ex
@case a maildirsize that is empty, or ends in the middle of a line
@known a line that was cut is nonsense, and the file is made anew
@transports
local:
  driver = appendfile
  directory = @DIR@/mail/md-$local_part_data
  maildir_format
  maildir_use_size_file
  quota = 3K
  user = mail
@routers
here:
  driver = accept
  local_parts = empty : header : cut
  transport = local
@sh
mkdir -p mail/md-empty/cur mail/md-header/cur mail/md-cut/cur
for d in empty header cut; do head -c 1000 /dev/zero > mail/md-$d/cur/1.x; done
printf '' > mail/md-empty/maildirsize
printf '3072S,0C' > mail/md-header/maildirsize
printf '3072S,0C\n100 1\n20' > mail/md-cut/maildirsize
chown -R mail mail/md-*
@send 100 empty@test.ex
@send 100 header@test.ex
@send 100 cut@test.ex
@case a maildirsize of more than 5120 octets
@transports
local:
  driver = appendfile
  directory = @DIR@/mail/md
  maildir_format
  maildir_use_size_file
  quota = 3M
  user = mail
@sh
mkdir -p mail/md/cur
head -c 1000 /dev/zero > mail/md/cur/1.x
{ echo 3145728S,0C; yes '1 1' | head -n 2000; } > mail/md/maildirsize
chown -R mail mail/md
@send 100 u@test.ex
@case a maildirsize that is a link
@known a link is not written to
@transports
local:
  driver = appendfile
  directory = @DIR@/mail/md
  maildir_format
  maildir_use_size_file
  quota = 3K
  user = mail
@sh
mkdir -p mail/md/cur
printf '3072S,0C\n100 1\n' > mail/elsewhere
ln -s ../elsewhere mail/md/maildirsize
chown -R mail mail/md mail/elsewhere
@send 100 u@test.ex
@sh
cat mail/elsewhere
rm mail/elsewhere
