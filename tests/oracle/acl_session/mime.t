## The MIME ACL: structure, headers of parts, decoding, conditions, verdicts. The DATA ACL tells what the MIME ACL saw.
[config]
@HEAD@acl_smtp_rcpt = accept
acl_smtp_mime = a_mime
acl_smtp_data = a_data
begin acl
a_mime:
  warn  set acl_m_log = $acl_m_log\nP$mime_part_count [$mime_content_type] m=$mime_is_multipart c=$mime_is_coverletter r=$mime_is_rfc822\n\
  cs=[$mime_charset] b=[$mime_boundary] e=[$mime_content_transfer_encoding]\n\
  d=[$mime_content_disposition] i=[$mime_content_id] t=[$mime_content_description]\n\
  f=[$mime_filename] s=$mime_content_size;
  deny  condition = ${if eq{$mime_filename}{bad.exe}}
        message = no $mime_filename please
  defer condition = ${if eq{$mime_filename}{later.exe}}
        message = 452 come again
  drop  condition = ${if eq{$mime_filename}{drop.exe}}
        message = 553 5.6.1 dropped
  discard condition = ${if eq{$mime_filename}{hole.exe}}
  warn  condition = ${if match{$h_subject:}{decode}}
        decode = default
        set acl_m_log = $acl_m_log\nsize=$mime_content_size a=$mime_anomaly_level [$mime_anomaly_text]\nn=${sg{$mime_decoded_filename}{^.*-}{}} <${substr{0}{60}{${readfile{$mime_decoded_filename}{|}}}}>
  warn  condition = ${if match{$h_subject:}{regex}}
        regex = raw=3D(.)x : ^nothing\$
        set acl_m_log = $acl_m_log raw:$regex_match_string:$regex1
  warn  condition = ${if match{$h_subject:}{regex}}
        mime_regex = raw=(.)x\nsec(.)nd
        set acl_m_log = $acl_m_log dec:$regex1:$regex2:$mime_content_size
  warn  condition = ${if match{$h_subject:}{nodecode}}
        !decode = ${if eq{$mime_part_count}{0}{0}{false}}
        set acl_m_log = $acl_m_log not-decoded
  accept
a_data:
  deny  message = n=$mime_part_count$acl_m_log
[session 192.0.2.1]
EHLO a.test
MAIL FROM:<x@far.test>
RCPT TO:<y@box.test>
DATA
From: x@far.test
Subject: decode
Content-Type: multipart/mixed; boundary="BB"

preamble
--BB
Content-Type: text/plain; charset=UTF-8
Content-Transfer-Encoding: quoted-printable

a=3Db=
c
--BB
Content-Type: application/octet-stream; name="a b.exe"
Content-Disposition: attachment; filename=other.exe
Content-Transfer-Encoding: BASE64
Content-ID: <Foo@bar>
Content-Description: Something

SGVsbG8gV29ybGQ=
--BB
Content-Type: message/rfc822

Subject: inner
Content-Type: multipart/alternative; boundary=CC

--CC
Content-Type: text/html; name="=?utf-8?B?w6Q=?= =?utf-8?Q?=C3=A4?=.html"

<p>
--CC--
--BB--
epilogue
.
QUIT
[session 192.0.2.1]
EHLO a.test
MAIL FROM:<x@far.test>
RCPT TO:<y@box.test>
DATA
Subject: regex
Content-Type: multipart/alternative; boundary=Q

--Q
Content-Transfer-Encoding: quoted-printable

raw=3Dyx
sec=6Fnd
--Q
Content-Type: text/html; charset=a; charset=b

nothing
--Q
Content-Type: multipart/related; boundary=R

--R

one
--R

two
--R--
--Q--
.
MAIL FROM:<x@far.test>
RCPT TO:<y@box.test>
DATA
Subject: nodecode
Content-Type: text/plain;
	name=folded;
 charset=x
Content-Disposition:
  inline

body
.
MAIL FROM:<x@far.test>
RCPT TO:<y@box.test>
DATA
Subject: no content type
MIME-Version: 1.0

body
.
MAIL FROM:<x@far.test>
RCPT TO:<y@box.test>
DATA
Subject: decode
Content-Type: TEXT/Plain
Content-Transfer-Encoding: base64

SGVs*bG8=
.
MAIL FROM:<x@far.test>
RCPT TO:<y@box.test>
DATA
Subject: decode
Content-Type: text/plain
Content-Transfer-Encoding: quoted-printable

a=ZZb
.
MAIL FROM:<x@far.test>
RCPT TO:<y@box.test>
DATA
Subject: open ended
Content-Type: multipart/mixed; boundary=X

--X

abc
--X
Content-Type: multipart/mixed; boundary=Y

--Y
Content-Disposition: attachment; filename=q.txt

def
.
QUIT
[session 192.0.2.1]
EHLO a.test
MAIL FROM:<x@far.test>
RCPT TO:<y@box.test>
DATA
Content-Type: application/x; name=bad.exe

x
.
MAIL FROM:<x@far.test>
RCPT TO:<y@box.test>
DATA
Content-Type: application/x; name=later.exe

x
.
MAIL FROM:<x@far.test>
RCPT TO:<y@box.test>
DATA
Content-Type: application/x; name=hole.exe

x
.
MAIL FROM:<x@far.test>
RCPT TO:<y@box.test>
DATA
Content-Type: application/x; name=drop.exe

x
.
QUIT
[config]
@HEAD@acl_smtp_rcpt = accept
acl_smtp_mime = a_mime
acl_smtp_data = a_data
begin acl
a_mime:
  warn  condition = ${if match{$h_subject:}{add}}
        add_header = X-Part: $mime_part_count
  warn  set acl_m_name = default
        set acl_m_name = $h_subject:
  accept condition = ${if match{$h_subject:}{tainted}}
        decode = $acl_m_name
  deny  condition = ${if match{$h_subject:}{tainted}}
  accept
a_data:
  deny  condition = ${if match{$h_subject:}{decode}}
        decode = default
  deny  condition = ${if match{$h_subject:}{regex}}
        regex = ^X-Env.*x@(far) : ^From
        message = $regex_match_string $regex1;
  deny  condition = ${if match{$h_subject:}{regex}}
        regex = *broken : ^Body (line)\$
        message = $regex_match_string $regex1 $regex2.
  deny  condition = ${if match{$h_subject:}{regex}}
        !regex = not there
        message = nothing found
  deny  message = $h_X-Part:
[session 192.0.2.1]
EHLO a.test
MAIL FROM:<x@far.test>
RCPT TO:<y@box.test>
DATA
Subject: add
Content-Type: multipart/mixed; boundary=X

--X

abc
--X--
.
MAIL FROM:<x@far.test>
RCPT TO:<y@box.test>
DATA
Subject: tainted
Content-Type: text/plain

abc
.
MAIL FROM:<x@far.test>
RCPT TO:<y@box.test>
DATA
Subject: decode

abc
.
MAIL FROM:<x@far.test>
RCPT TO:<y@box.test>
DATA
Subject: regex

abc
.
QUIT
