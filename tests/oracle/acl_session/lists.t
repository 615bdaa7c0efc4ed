## Host, domain, sender and local part lists in conditions; verification; DNS lists.
[config]
@HEAD@acl_smtp_rcpt = a_rcpt
domainlist star = *.a.test : a.test
domainlist regex = ^\N(www|mail)\d*\.r\.test$\N
domainlist file = @DIR@/domains
domainlist mixed = !x.m.test : *.m.test : @ : lsearch;@DIR@/table
begin acl
a_rcpt:
  accept message = star $domain
        domains = +star
  accept message = regex $domain
        domains = +regex
  accept message = mixed data=$domain_data
        domains = +mixed
  accept message = file $domain
        domains = +file
  accept message = host by name
        domains = hostname.test
        hosts = client.test
  accept message = host by pattern
        domains = hostpattern.test
        hosts = *.test
  accept message = host by mask
        domains = mask.test
        hosts = 192.0.2.0/28
  deny  message = $dnslist_domain says $dnslist_text ($dnslist_value)
        domains = bl.example
        dnslists = bl.test
  accept message = verified
        domains = helo.test
        verify = helo
  accept message = reverse
        domains = reverse.test
        verify = reverse_host_lookup
  accept message = sender domain
        domains = sd.test
        sender_domains = far.test : *.far.test
  accept message = local part $local_part_data
        domains = lp.test
        local_parts = joe : ^adm : !x* : *y
  accept message = recipient
        domains = rc.test
        recipients = a@rc.test : *z@rc.test : ^q.*@
  accept message = and
        domains = and.test
        condition = ${if and{{eq{$local_part}{a}}{!eq{$sender_address}{}}}}
        condition = yes
  accept message = truth $local_part
        domains = truth.test
        condition = $local_part
  deny  message = nothing matched $local_part at $domain

[session 192.0.2.1]
EHLO client.test
MAIL FROM:<x@far.test>
RCPT TO:<u@a.test>
RCPT TO:<u@b.a.test>
RCPT TO:<u@ba.test>
RCPT TO:<u@A.TEST>
RCPT TO:<u@www1.r.test>
RCPT TO:<u@www.x.r.test>
RCPT TO:<u@x.m.test>
RCPT TO:<u@y.m.test>
RCPT TO:<u@host.test>
RCPT TO:<u@b.test>
RCPT TO:<u@z.b.test>
RCPT TO:<u@c.b.test>
RCPT TO:<u@hostname.test>
RCPT TO:<u@hostpattern.test>
RCPT TO:<u@mask.test>
RCPT TO:<u@bl.example>
RCPT TO:<u@helo.test>
RCPT TO:<u@reverse.test>
RCPT TO:<u@sd.test>
QUIT

[session 192.0.2.2]
EHLO other.test
MAIL FROM:<x@sub.far.test>
RCPT TO:<u@hostname.test>
RCPT TO:<u@hostpattern.test>
RCPT TO:<u@mask.test>
RCPT TO:<u@bl.example>
RCPT TO:<u@helo.test>
RCPT TO:<u@reverse.test>
RCPT TO:<u@sd.test>
RCPT TO:<joe@lp.test>
RCPT TO:<JOE@lp.test>
RCPT TO:<admin@lp.test>
RCPT TO:<xy@lp.test>
RCPT TO:<zy@lp.test>
RCPT TO:<bob@lp.test>
RCPT TO:<a@rc.test>
RCPT TO:<abz@rc.test>
RCPT TO:<qq@rc.test>
RCPT TO:<b@rc.test>
QUIT

[session 192.0.2.200]
HELO c
MAIL FROM:<>
RCPT TO:<u@mask.test>
RCPT TO:<u@reverse.test>
RCPT TO:<u@sd.test>
RCPT TO:<a@and.test>
RCPT TO:<yes@truth.test>
RCPT TO:<no@truth.test>
RCPT TO:<0@truth.test>
RCPT TO:<17@truth.test>
RCPT TO:<true@truth.test>
RCPT TO:<false@truth.test>
QUIT
