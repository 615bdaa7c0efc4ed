## More Exim filters.
==
# Exim filter
if a is a or b is c and d is e then save yes else save no endif
@NL@
==
# Exim filter
if (a is a) and (b is b or c is d) then save yes endif
@NL@
==
# Exim filter
if ((a is a)) then save yes endif
@NL@
==
# Exim filter
if not ((a is b) or not (c is c)) then save yes endif
@NL@
==
! a quoted string is no keyword
# Exim filter
if "personal" is "personal" then save yes endif
@NL@
==
! a quoted string is no keyword
# Exim filter
if "not" is not "x" then save yes endif
@NL@
==
# Exim filter
if # comment
 a is # other
 a then # x
 save yes # y
endif # z
@NL@
==
# Exim filter
save a
save b

@NL@
==
# Exim filter
if a is a
then
save x
endif

@NL@
==
# Exim filter
save "a\
   b"
@NL@
==
# Exim filter
save "${lc:ABC DEF}"
@NL@
==
# Exim filter
save ${lc:ABC}
@NL@
==
# Exim filter
save "a $h_nothing: b"
@NL@
==
# Exim filter
if "" is "" then save e endif
@NL@
==
# Exim filter
if $h_nothing: is "" then save e endif
@NL@
==
# Exim filter
if "$h_subject:" contains "" then save e endif
@NL@
==
# Exim filter
if $h_subject: begins "" and $h_subject: ends "" then save e endif
@NL@
==
# Exim filter
if $h_subject: matches "" then save "e$0" endif
@NL@
==
# Exim filter
if $h_subject: matches "hello (world)(x)?" then save "$1-$2-$3" endif
@NL@
==
# Exim filter
if $h_subject: MATCHES "hello (world)" then save "$1" else save none endif
@NL@
==
# Exim filter
if $h_subject: matches "(?i)HELLO" then save y endif
@NL@
==
# Exim filter
if $h_subject: matches "\\bworld\\b" then save y endif
@NL@
==
# Exim filter
if $h_subject: matches \N\bworld\b\N then save y endif
@NL@
==
# Exim filter
if $h_subject: matches \\bworld\$ then save y endif
@NL@
==
# Exim filter
if 5 is above 4K then save a elif 5K is above 4k then save b endif
@NL@
==
# Exim filter
if 1M is above 1000K then save a endif
@NL@
==
# Exim filter
if -1 is below 0 then save a endif
@NL@
==
# Exim filter
if "" is below 1 then save a endif
@NL@
==
# Exim filter
if 1.5 is above 1 then save a endif
@NL@
==
# Exim filter
if " 3 " is above 2 then save a endif
@NL@
==
# Exim filter
if 3G is above 2 then save a endif
@NL@
==
# Exim filter
if foranyaddress "" (1 is 1) then save a else save b endif
@NL@
==
# Exim filter
if foranyaddress "a@b.c, d@e.f" ($thisaddress is "d@e.f" and not personal) then save $thisaddress endif
@NL@
==
# Exim filter
if not foranyaddress "a@b.c" ($thisaddress is "x") then save yes endif
@NL@
==
# Exim filter
if foranyaddress "a b c, x@y.z" ($thisaddress is "x@y.z") then save yes endif
@NL@
==
# Exim filter
if foranyaddress "unq" (1 is 1) then save "$thisaddress" endif
@NL@
==
# Exim filter
if foranyaddress "\"Q, x\" <q@x.y>, (c) r@x.y" ($thisaddress is "r@x.y") then save yes endif
@NL@
==
# Exim filter
if personal alias bob@box.test alias "x@y.z" and a is a then save yes endif
@NL@
==
# Exim filter
if personal
then
vacation
subject "out"
text "back"
from "a@b.test"
once_repeat 2w
endif
@NL@
==
# Exim filter
mail
to $reply_address
subject "I am"
file $home/m
once $home/o
once_repeat 10d

@NL@
==
# Exim filter
mail subject "a\n b" text x
@NL@
==
! a line end is shown as an escape
# Exim filter
mail to "a@b\n c@d" text x
@NL@
==
# Exim filter
mail extra_headers "a: b\nc: d" text ""
@NL@
==
# Exim filter
deliver "Foo Bar <a@b.test>"
@NL@
==
# Exim filter
deliver <a@b.test>
@NL@
==
# Exim filter
deliver a@b.test, deliver c@d.test
@NL@
==
# Exim filter
deliver "a@[1.2.3.4]"
@NL@
==
# Exim filter
deliver "\"a b\"@c.test"
@NL@
==
! a source route stands in angle brackets
# Exim filter
deliver "@x.test:a@b.test"
@NL@
==
# Exim filter
deliver a@b..test
@NL@
==
# Exim filter
deliver a@
@NL@
==
# Exim filter
deliver @b
@NL@
==
# Exim filter
deliver "|x"
@NL@
==
# Exim filter
deliver "/x"
@NL@
==
# Exim filter
save "|x"
@NL@
==
# Exim filter
pipe /bin/x
@NL@
==
# Exim filter
pipe "/bin/x 'a b' \"c d\""
@NL@
==
# Exim filter
unseen
noerror
pipe x
@NL@
==
# Exim filter
noerror unseen save x 600
@NL@
==
# Exim filter
seen deliver a@b
@NL@
==
# Exim filter
finish finish
@NL@
==
# Exim filter
if a is a then finish endif save b
@NL@
==
# Exim filter
add 1 to n10
@NL@
==
# Exim filter
add 1 to x1
@NL@
==
# Exim filter
add "1 2" to n1
@NL@
==
# Exim filter
logwrite "a\tb"
@NL@
==
# Exim filter
logfile "/tmp/a b" 600
@NL@
==
# Exim filter
headers charset ISO-8859-1 testprint $h_subject:
@NL@
==
# Exim filter
testprint ""
@NL@
==
# Exim filter
testprint "a" "b"
@NL@
==
# Exim filter
if true then save a endif
@NL@
==
# Exim filter
if a is a then save "x" elif b is b then save y else save z endif
@NL@
==
# Exim filter
elif
@NL@
==
# Exim filter
save a else
@NL@
==
# Exim filter
if a is a then if b is b then save x endif
@NL@
==
# Exim filter
if a is a then then save x endif
@NL@
==
# Exim filter
if a is a and not b is b then save x else save y endif
@NL@
==
# Exim filter
if first_delivery and not manually_thawed then save f endif
@NL@
==
# Exim filter
if error_message or delivered then save x else save y endif
@NL@
