## SPF: result words, negation, header, texts, best guess, the lookup.
[config]
@HEAD@acl_smtp_mail = a_mail
acl_smtp_rcpt = a_rcpt
begin acl
a_mail:
  accept
a_rcpt:
  accept domains = result.test
        spf = pass
        message = pass $spf_result $spf_result_guessed ${md5:$spf_header_comment|$spf_received}
  accept domains = list.test
        spf = !pass : fail
        message = listed $spf_result
  accept domains = twice.test
        spf = !pass : pass
        message = twice $spf_result
  accept domains = guess.test
        spf_guess = pass : neutral : fail : softfail : none
        message = guess $spf_result $spf_result_guessed ${md5:${authresults{mx.test}}}
  accept domains = lookup.test
        message = ${lookup{$sender_address} spf {$sender_host_address}{<$value>}{nothing}}
  deny  spf = pass
  deny  spf = permerror
        message = $spf_result [$spf_smtp_comment] $spf_result_guessed
  deny  message = no $spf_result $spf_result_guessed ${md5:$spf_header_comment|$spf_received|$spf_smtp_comment}

[session 192.0.2.1]
EHLO helo.test
MAIL FROM:<u@s-pass.test>
RCPT TO:<x@result.test>
RCPT TO:<x@list.test>
RCPT TO:<x@twice.test>
RCPT TO:<x@lookup.test>
RCPT TO:<x@other.test>
RCPT TO:<x@guess.test>
RSET
MAIL FROM:<u@s-fail.test>
RCPT TO:<x@result.test>
RCPT TO:<x@list.test>
RCPT TO:<x@twice.test>
RCPT TO:<x@lookup.test>
RCPT TO:<x@other.test>
RCPT TO:<x@guess.test>
RSET
MAIL FROM:<u@s-soft.test>
RCPT TO:<x@result.test>
RCPT TO:<x@list.test>
RCPT TO:<x@twice.test>
RCPT TO:<x@lookup.test>
RCPT TO:<x@other.test>
RCPT TO:<x@guess.test>
RSET
MAIL FROM:<u@s-neutral.test>
RCPT TO:<x@result.test>
RCPT TO:<x@list.test>
RCPT TO:<x@twice.test>
RCPT TO:<x@lookup.test>
RCPT TO:<x@other.test>
RCPT TO:<x@guess.test>
RSET
MAIL FROM:<u@s-none.test>
RCPT TO:<x@result.test>
RCPT TO:<x@list.test>
RCPT TO:<x@twice.test>
RCPT TO:<x@lookup.test>
RCPT TO:<x@other.test>
RCPT TO:<x@guess.test>
RSET
MAIL FROM:<u@s-two.test>
RCPT TO:<x@result.test>
RCPT TO:<x@list.test>
RCPT TO:<x@twice.test>
RCPT TO:<x@lookup.test>
RCPT TO:<x@other.test>
RCPT TO:<x@guess.test>
RSET
MAIL FROM:<u@s-mx.test>
RCPT TO:<x@result.test>
RCPT TO:<x@list.test>
RCPT TO:<x@twice.test>
RCPT TO:<x@lookup.test>
RCPT TO:<x@other.test>
RCPT TO:<x@guess.test>
RSET
MAIL FROM:<u@s-inc.test>
RCPT TO:<x@result.test>
RCPT TO:<x@list.test>
RCPT TO:<x@twice.test>
RCPT TO:<x@lookup.test>
RCPT TO:<x@other.test>
RCPT TO:<x@guess.test>
RSET
MAIL FROM:<u@s-red.test>
RCPT TO:<x@result.test>
RCPT TO:<x@list.test>
RCPT TO:<x@twice.test>
RCPT TO:<x@lookup.test>
RCPT TO:<x@other.test>
RCPT TO:<x@guess.test>
RSET
MAIL FROM:<u@s-incnone.test>
RCPT TO:<x@result.test>
RCPT TO:<x@list.test>
RCPT TO:<x@twice.test>
RCPT TO:<x@lookup.test>
RCPT TO:<x@other.test>
RCPT TO:<x@guess.test>
RSET
MAIL FROM:<u@s-default.test>
RCPT TO:<x@result.test>
RCPT TO:<x@list.test>
RCPT TO:<x@twice.test>
RCPT TO:<x@lookup.test>
RCPT TO:<x@other.test>
RCPT TO:<x@guess.test>
RSET
MAIL FROM:<u@s-a.test>
RCPT TO:<x@result.test>
RCPT TO:<x@list.test>
RCPT TO:<x@twice.test>
RCPT TO:<x@lookup.test>
RCPT TO:<x@other.test>
RCPT TO:<x@guess.test>
RSET
MAIL FROM:<u@s-exists.test>
RCPT TO:<x@result.test>
RCPT TO:<x@list.test>
RCPT TO:<x@twice.test>
RCPT TO:<x@lookup.test>
RCPT TO:<x@other.test>
RCPT TO:<x@guess.test>
RSET
MAIL FROM:<u@s-ptr.test>
RCPT TO:<x@result.test>
RCPT TO:<x@list.test>
RCPT TO:<x@twice.test>
RCPT TO:<x@lookup.test>
RCPT TO:<x@other.test>
RCPT TO:<x@guess.test>
RSET
MAIL FROM:<u@s-cidr.test>
RCPT TO:<x@result.test>
RCPT TO:<x@list.test>
RCPT TO:<x@twice.test>
RCPT TO:<x@lookup.test>
RCPT TO:<x@other.test>
RCPT TO:<x@guess.test>
RSET
MAIL FROM:<u@s-macro.test>
RCPT TO:<x@result.test>
RCPT TO:<x@list.test>
RCPT TO:<x@twice.test>
RCPT TO:<x@lookup.test>
RCPT TO:<x@other.test>
RCPT TO:<x@guess.test>
RSET
MAIL FROM:<u@s-v6.test>
RCPT TO:<x@result.test>
RCPT TO:<x@list.test>
RCPT TO:<x@twice.test>
RCPT TO:<x@lookup.test>
RCPT TO:<x@other.test>
RCPT TO:<x@guess.test>
RSET
MAIL FROM:<>
RCPT TO:<x@other.test>
RSET
QUIT

[session 192.0.2.77]
EHLO helo.test
MAIL FROM:<u@s-pass.test>
RCPT TO:<x@result.test>
RCPT TO:<x@list.test>
RCPT TO:<x@twice.test>
RCPT TO:<x@lookup.test>
RCPT TO:<x@other.test>
RCPT TO:<x@guess.test>
RSET
MAIL FROM:<u@s-fail.test>
RCPT TO:<x@result.test>
RCPT TO:<x@list.test>
RCPT TO:<x@twice.test>
RCPT TO:<x@lookup.test>
RCPT TO:<x@other.test>
RCPT TO:<x@guess.test>
RSET
MAIL FROM:<u@s-soft.test>
RCPT TO:<x@result.test>
RCPT TO:<x@list.test>
RCPT TO:<x@twice.test>
RCPT TO:<x@lookup.test>
RCPT TO:<x@other.test>
RCPT TO:<x@guess.test>
RSET
MAIL FROM:<u@s-neutral.test>
RCPT TO:<x@result.test>
RCPT TO:<x@list.test>
RCPT TO:<x@twice.test>
RCPT TO:<x@lookup.test>
RCPT TO:<x@other.test>
RCPT TO:<x@guess.test>
RSET
MAIL FROM:<u@s-none.test>
RCPT TO:<x@result.test>
RCPT TO:<x@list.test>
RCPT TO:<x@twice.test>
RCPT TO:<x@lookup.test>
RCPT TO:<x@other.test>
RCPT TO:<x@guess.test>
RSET
MAIL FROM:<u@s-two.test>
RCPT TO:<x@result.test>
RCPT TO:<x@list.test>
RCPT TO:<x@twice.test>
RCPT TO:<x@lookup.test>
RCPT TO:<x@other.test>
RCPT TO:<x@guess.test>
RSET
MAIL FROM:<u@s-mx.test>
RCPT TO:<x@result.test>
RCPT TO:<x@list.test>
RCPT TO:<x@twice.test>
RCPT TO:<x@lookup.test>
RCPT TO:<x@other.test>
RCPT TO:<x@guess.test>
RSET
MAIL FROM:<u@s-inc.test>
RCPT TO:<x@result.test>
RCPT TO:<x@list.test>
RCPT TO:<x@twice.test>
RCPT TO:<x@lookup.test>
RCPT TO:<x@other.test>
RCPT TO:<x@guess.test>
RSET
MAIL FROM:<u@s-red.test>
RCPT TO:<x@result.test>
RCPT TO:<x@list.test>
RCPT TO:<x@twice.test>
RCPT TO:<x@lookup.test>
RCPT TO:<x@other.test>
RCPT TO:<x@guess.test>
RSET
MAIL FROM:<u@s-incnone.test>
RCPT TO:<x@result.test>
RCPT TO:<x@list.test>
RCPT TO:<x@twice.test>
RCPT TO:<x@lookup.test>
RCPT TO:<x@other.test>
RCPT TO:<x@guess.test>
RSET
MAIL FROM:<u@s-default.test>
RCPT TO:<x@result.test>
RCPT TO:<x@list.test>
RCPT TO:<x@twice.test>
RCPT TO:<x@lookup.test>
RCPT TO:<x@other.test>
RCPT TO:<x@guess.test>
RSET
MAIL FROM:<u@s-a.test>
RCPT TO:<x@result.test>
RCPT TO:<x@list.test>
RCPT TO:<x@twice.test>
RCPT TO:<x@lookup.test>
RCPT TO:<x@other.test>
RCPT TO:<x@guess.test>
RSET
MAIL FROM:<u@s-exists.test>
RCPT TO:<x@result.test>
RCPT TO:<x@list.test>
RCPT TO:<x@twice.test>
RCPT TO:<x@lookup.test>
RCPT TO:<x@other.test>
RCPT TO:<x@guess.test>
RSET
MAIL FROM:<u@s-ptr.test>
RCPT TO:<x@result.test>
RCPT TO:<x@list.test>
RCPT TO:<x@twice.test>
RCPT TO:<x@lookup.test>
RCPT TO:<x@other.test>
RCPT TO:<x@guess.test>
RSET
MAIL FROM:<u@s-cidr.test>
RCPT TO:<x@result.test>
RCPT TO:<x@list.test>
RCPT TO:<x@twice.test>
RCPT TO:<x@lookup.test>
RCPT TO:<x@other.test>
RCPT TO:<x@guess.test>
RSET
MAIL FROM:<u@s-macro.test>
RCPT TO:<x@result.test>
RCPT TO:<x@list.test>
RCPT TO:<x@twice.test>
RCPT TO:<x@lookup.test>
RCPT TO:<x@other.test>
RCPT TO:<x@guess.test>
RSET
MAIL FROM:<u@s-v6.test>
RCPT TO:<x@result.test>
RCPT TO:<x@list.test>
RCPT TO:<x@twice.test>
RCPT TO:<x@lookup.test>
RCPT TO:<x@other.test>
RCPT TO:<x@guess.test>
RSET
MAIL FROM:<>
RCPT TO:<x@other.test>
RSET
QUIT

[session 192.0.2.1]
! where RFC 7208 says permerror or temperror, libspf2 in the oracle says "(invalid)"
EHLO helo.test
MAIL FROM:<u@s-perm.test>
RCPT TO:<x@other.test>
RSET
MAIL FROM:<u@slow.test>
RCPT TO:<x@other.test>
QUIT
