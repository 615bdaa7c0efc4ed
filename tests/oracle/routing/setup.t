## The minimal mail setup as printed: mailboxes are directories, a suffix is a subdirectory.
[config]
@HEAD@# we will use diffrerent rules for incoming and outgoing
# messages based on the port value of connection established
acl_smtp_rcpt = ${if ={25}{$interface_port} \
                     {acl_check_rcpt} \
                     {acl_check_rcpt_submit} \
                 }
acl_smtp_dkim = ${if ={25}{$interface_port} \
                     {acl_dkim} \
                     {acl_dkim_submit} \
                 }
acl_smtp_data = ${if ={25}{$interface_port} \
                     {acl_check_data} \
                     {acl_check_data_submit} \
                 }

begin acl

# rules for incoming messages
acl_check_rcpt:
  # again our address domain part should exist as directory
  deny sender_domains = dsearch,filter=subdir;@DIR@/mail
  # sender's domain part should not exist as directory
  deny domains = ! dsearch,filter=subdir;@DIR@/mail
  require verify = sender
  require verify = recipient
  accept

# rules for outgoing messages
acl_check_rcpt_submit:
  # our domain part should exist as directory
  deny sender_domains = ! dsearch,filter=subdir;@DIR@/mail
  require verify = sender
  require verify = recipient
  accept

acl_dkim:
  # let's reject all incoming mail messages
  # submitted to us with missing or invalid
  # DKIM-Signature
  deny dkim_status = none:invalid:fail
  accept

acl_dkim_submit:
  deny dkim_status = none:invalid:fail
  accept

acl_check_data:
  accept

acl_check_data_submit:
  # deny our outgoing messages
  # if there is no DKIM-Signature header
  deny condition = ${if eq{$h_DKIM-Signature:}{} {yes}{no}}
  accept

begin routers

local:
  driver = accept
  # we will serve mail addresses if there is a directory
  # named after it domain part under @DIR@/mail directory
  domains = dsearch,filter=subdir;@DIR@/mail
  # we will accept an optional suffix after local part
  # so that me/some-topic@my-domain.com is a valid mail address
  local_part_suffix = /*
  local_part_suffix_optional
  # our local part of mail address is valid only if
  # there is a directory named after it under directory
  # named after domain part
  local_parts = \
    ${lookup {$local_part} dsearch,filter=subdir {@DIR@/mail/$domain_data}}
  # we will accept this message if and only if there is
  # a destination directory for it
  require_files = @DIR@/mail/$domain_data/$local_part_data/$local_part_suffix_v/
  # once destination directory is validated for existence
  # we are preparing untainted version of destination for
  # use in transport and save it as address_data
  address_data = ${if eq{$local_part_suffix_v}{} \
                   {${lookup {$local_part_data} \
                     dsearch,filter=subdir,ret=full \
                     {@DIR@/mail/$domain_data}}} \
                   {${lookup {$local_part_suffix_v} \
                     dsearch,filter=subdir,ret=full \
                     {@DIR@/mail/$domain_data/$local_part_data}}} \
                 }
  transport = localdir

remote:
  driver = dnslookup
  domains = ! dsearch,filter=subdir;@DIR@/mail
  self = send
  transport = remote_smtp

begin transports

localdir:
  driver = appendfile
  directory = $address_data
  maildir_format = true

remote_smtp:
  driver = smtp
  port = 2600
  allow_localhost
  hosts_avoid_tls = *

begin retry
* * F,1h,1m

[addresses]
me@box.test
ME@BOX.TEST
me/shop@box.test
me/nosuch@box.test
me/@box.test
blog@box.test
blog/shop@box.test
nobody@box.test
anne@second.test
anne@third.test
unqualified
me
..@box.test
.@box.test
"../x"@box.test
x@far.test
x@aonly.test
x@alias.test
x@nullmx.test
x@nothing.test
x@nosuch.example
x@badmx.test
x@[192.0.2.5]
