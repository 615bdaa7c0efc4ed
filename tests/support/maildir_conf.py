"""A small server configuration for tests: mailboxes are directories below MAIL, anyone may write to them."""
import os
import subprocess

CONF = r'''
primary_hostname = mx.test
spool_directory = @DIR@/spool
log_file_path = @DIR@/log/%slog
daemon_smtp_ports = @PORT@
local_interfaces = 127.0.0.1
acl_smtp_rcpt = acl_rcpt
acl_smtp_data = accept
tls_advertise_hosts = *
smtp_accept_max = 500
smtp_accept_max_per_connection = 100000
smtp_accept_queue_per_connection = 100000
smtp_connect_backlog = 256
check_spool_space = 0
keep_environment =
@EXTRA@

begin acl
acl_rcpt:
  accept domains = dsearch,filter=subdir;@DIR@/mail
         verify = recipient
  deny message = relay not permitted

begin routers
local:
  driver = accept
  domains = dsearch,filter=subdir;@DIR@/mail
  local_parts = dsearch,filter=subdir;@DIR@/mail/$domain_data
  transport = maildir
@ROUTERS@

begin transports
maildir:
  driver = appendfile
  directory = @DIR@/mail/$domain_data/$local_part_data
  maildir_format
@TRANSPORTS@

begin retry
* * F,1h,1s
'''


def fill(d, port, extra='', routers='', transports='', boxes=('u@box.test',)):
    """Writes d('remex.conf') and makes the mailboxes; returns its path."""
    import harness
    for b in boxes:
        local, domain = b.split('@')
        os.makedirs(d('mail', domain, local), exist_ok=True)
    text = CONF
    for k, v in dict(DIR=d.path, PORT=str(port), EXTRA=extra, ROUTERS=routers, TRANSPORTS=transports).items():
        text = text.replace('@%s@' % k, v)
    if os.geteuid() == 0:
        text = 'exim_user = mail\n' + text
        subprocess.run(['chown', '-R', 'mail:mail', d.path], check=True)
    return harness.write(d('remex.conf'), text)
