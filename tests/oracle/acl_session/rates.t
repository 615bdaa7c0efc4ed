## ratelimit: at the limit it is true; a message counts once whatever unique= says; readonly without a record.
[config]
@HEAD@acl_smtp_mail = a_mail
acl_smtp_rcpt = a_rcpt
begin acl
a_mail:
  warn  ratelimit = 1 / 1h / per_mail / strict / m$sender_address_local_part
        set acl_m_first = at:$sender_rate
  accept
a_rcpt:
  deny  local_parts = first
        message = <$acl_m_first>
  deny  local_parts = five
        ratelimit = 5 / 1h / strict / count=5 / five
        message = $sender_rate of $sender_rate_limit in $sender_rate_period
  deny  local_parts = below
        ratelimit = 5 / 1h / strict / count=4 / below
        message = wrong
  deny  local_parts = none
        ratelimit = 0 / 1h / readonly / none
        message = $sender_rate
  deny  local_parts = leaky
        ratelimit = 1 / 1h / leaky / lk
        message = $sender_rate
  deny  local_parts = twice
        ratelimit = 0 / 1h / strict / strict / twice
        message = $sender_rate
  deny  local_parts = u1 : u2
        ratelimit = 0 / 1h / per_mail / strict / unique=$local_part / k
        message = $sender_rate
  deny  local_parts = r1 : r2
        ratelimit = 0 / 1h / per_rcpt / strict / unique=$local_part / r
        message = $sender_rate
  accept
[session 192.0.2.1]
EHLO client.test
MAIL FROM:<joe@a.test>
RCPT TO:<first@box.test>
RCPT TO:<five@box.test>
RCPT TO:<below@box.test>
RCPT TO:<none@box.test>
RCPT TO:<leaky@box.test>
RCPT TO:<twice@box.test>
RCPT TO:<u1@box.test>
RCPT TO:<u2@box.test>
RCPT TO:<u1@box.test>
RCPT TO:<r1@box.test>
RCPT TO:<r2@box.test>
RCPT TO:<r1@box.test>
QUIT
