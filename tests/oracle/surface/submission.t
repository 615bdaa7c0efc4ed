## Who is told what about a message on standard input that cannot be taken.
@case bad addresses on command lines
@run -odi -t -oep
To: one@test.ex, @@bad
Subject: x

text
@run -odi -t -oep
Subject: x

text
@run -odi -t -oem
Subject: x

text
@run -odi -t -oee
Subject: x

text
@run -odi -oem a@b@c d@test.ex
Subject: x

text
@run -odi -oem @b
Subject: x

text
@run -odi -oem a@
Subject: x

text
@run -odi -oem '<a@b'
Subject: x

text
@run -odi -oem 'a@b c@d'
Subject: x

text
@run -odi -f 'a@@b' a@test.ex
Subject: x

text
@run -odi -f '@@b' a@test.ex
@run -odi -f '@b' a@test.ex
@run -odi -f 'a@' a@test.ex
@run -odi -f 'a@.b' a@test.ex
@run -odi -f 'a@b_c' a@test.ex
@run -odi -f '"a"b@c' a@test.ex
@run -odi -f 'a"b"@c' a@test.ex
@run -odi -f 'x <a@b' a@test.ex
@run -odi -f 'x <a@b> y' a@test.ex
@run -odi -f '<a@b> y' a@test.ex
@run -odi -f '@x:a@b' a@test.ex
@run -odi -f '@x,@y:a@b' a@test.ex
@run -odi -f '@x' a@test.ex
@run -odi -f '(c' a@test.ex
@run -odi -f 'a@[1.2.3' a@test.ex
@run -odi -f 'a@[1.2.3.4]' a@test.ex
@run -odi -f 'a@b,c@d' a@test.ex
@run -odi -f 'a;b' a@test.ex
@run -odi -f 'a:b' a@test.ex
@run -odi -f 'a>' a@test.ex
@run -odi -f '<>x' a@test.ex
@run -odi -f '<<a@b>>' a@test.ex
@run -odi -f 'a@-b' a@test.ex
@run -odi -f 'a@b..c' a@test.ex
@run -odi -f 'a@b.c.' a@test.ex
@run -odi -f 'a;b' a@test.ex
@run -odi -f 'a,b' a@test.ex
@run -odi -f 'a[b' a@test.ex
@run -odi -f 'a]b' a@test.ex
@run -odi -f 'a<b' a@test.ex
@run -odi -f 'a>b' a@test.ex
@run -odi -f 'a)b' a@test.ex
@run -odi -f 'a b' a@test.ex
@run -odi -f 'a "b' a@test.ex
@run -odi -f '"b' a@test.ex
@run -odi -f 'a @b <x@y>' a@test.ex
@run -odi -f 'a@b <x@y>' a@test.ex
@run -odi -f 'a; <x@y>' a@test.ex
@run -odi -f 'a, <x@y>' a@test.ex
@run -odi -f 'a: <x@y>' a@test.ex
@run -odi -f '<x@y' a@test.ex
@run -odi -f '<x@y z>' a@test.ex
@run -odi -f '<x y@z>' a@test.ex
@run -odi -f '<x:y@z>' a@test.ex
@run -odi -f '<@x:y@z' a@test.ex
@run -odi -f '<@x y@z>' a@test.ex
@run -odi -f '<@x>' a@test.ex
@run -odi -f '<@x:>' a@test.ex
@run -odi -f '<@x,y:z@a>' a@test.ex
@run -odi -f '<@:z@a>' a@test.ex
@run -odi -f '<x' a@test.ex
@run -odi -f '<x;y>' a@test.ex
@run -odi -f '<"x>' a@test.ex
@run -odi -f ';x' a@test.ex
@run -odi -f ':x' a@test.ex
@run -odi -f ',x' a@test.ex
@run -odi -f '[x' a@test.ex
@run -odi -f '@' a@test.ex
@run -odi -f ')' a@test.ex
@run -odi -f '>' a@test.ex
@run -odi -f '<' a@test.ex
@run -odi -f 'a@b;c' a@test.ex
@run -odi -f 'a@b:c' a@test.ex
@run -odi -f 'a@b>c' a@test.ex
@run -odi -f 'a@b<c>' a@test.ex
@run -odi -f 'a@b[1.2.3.4]' a@test.ex
@run -odi -f 'a@b@c' a@test.ex
@run -odi -f 'a@b!c' a@test.ex
@run -odi -f 'a@[x]' a@test.ex
@run -odi -f 'a@[1.2.3.4' a@test.ex
@run -odi -f 'a@[1.2.3.4x]' a@test.ex
@run -odi -f 'a@[1.2.3.4]x' a@test.ex
@run -odi -f 'a@[IPv6:::1]' a@test.ex
@case many -oep
@main
recipients_max = 2
@run -odi -oep a@test.ex b@test.ex c@test.ex
Subject: x

y
@run -odi -oep -t
To: a@test.ex, b@test.ex, c@test.ex

y
@run -odi -oep -t
To: a@@test.ex, b@@test.ex

y
@run -odi -t -f <>
To: a@@test.ex, b@@test.ex

y
@run -odi -f <> a@@test.ex
y: x

y
@run -odi -f <> a@test.ex b@test.ex c@test.ex
y: x

y
@case no mail about a message that the ACL refuses
@main
acl_not_smtp = na
@acl
na:
  deny message = no
       condition = ${if eq{$h_subject:}{bad}}
  warn log_message = ${lookup{x}lsearch{/nonexistent}}
  accept
@run -odi a@test.ex
Subject: x

y
@run -odi -f <> a@test.ex
Subject: bad

y
@case only bad addresses, and some good ones
@run -odi -t -oem
To: @@bad

text
@run -odi -t -oee
To: a@b@c

text
@run -odi -t -oee x@test.ex
To: b@@c, x@test.ex

text
@run -odi -oep a@test.ex b@c@d
To: x@test.ex

text
@run -odi 'a@test.ex, b' 'Fred <c@test.ex>'
Subject: x

text
@run -odi -t b@@c
To: a@test.ex

text
@run -odi -oeq -t
To: a@@test.ex

text
@run -odi -oew -t
To: a@@test.ex

text
@run -odi -t
@run -odi a@test.ex
@run -odi -f <> -t
Subject: x

y
@case more recipients than are allowed
@main
recipients_max = 2
@run -odi a@test.ex b@test.ex c@test.ex
Subject: x

y
@run -odi a@test.ex b@test.ex
Subject: x

y
@case bad addresses among good ones
@known the sender is told when the message is accepted, not before
@run -odi -t
To: one@test.ex, @@bad, (x
Subject: x

text
@run -odi -t -oee
To: one@test.ex, x@y@z, <a, b@c>

text
@run -odi -t -oem
To: one@test.ex, x@y@z, <a, b@c>

text
@run -odi -t -oem
To: one@test.ex, x@y@z
Bcc: two@test.ex

text
@run -odi -t -oem
To: (c) y@test.ex, <x@test.ex
Bcc: z@test.ex

text
@run -odi -t
To: people: a@test.ex, b@@c, d@test.ex;, e@test.ex
Cc: Fred <f@test.ex>, (comment) g@test.ex, undisclosed-recipients:;

text
