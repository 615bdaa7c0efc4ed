== a retry rule of one word
begin retry
*
== a retry rule with an unknown error
begin retry
* nonsense F,2h,15m
== a retry rule with a bad quota time
begin retry
* quota_x F,2h,15m
== a retry rule with a bad code
begin retry
* rcpt_5xx F,2h,15m
== a retry rule with a bad code digit
begin retry
* rcpt_4zz F,2h,15m
== a retry rule with a bad refused
begin retry
* refused_X F,2h,15m
== a retry rule with a bad timeout
begin retry
* timeout_X F,2h,15m
== a retry rule with a bad letter
begin retry
* * X,2h,15m
== a retry rule without parameters
begin retry
* * F
== a retry rule with a missing interval
begin retry
* * F,2h
== a retry rule with a bad time
begin retry
* * F,soon,15m
== a retry rule with a bad interval
begin retry
* * F,2h,soon
== a retry rule with an empty time
begin retry
* * F,,15m
== a retry rule with too many parameters
begin retry
* * F,2h,15m,3
== a retry rule without a factor
begin retry
* * G,2h,15m
== a retry rule with a bad factor
begin retry
* * G,2h,15m,x
== a retry rule with a factor of less than one
begin retry
* * G,2h,15m,0.5
== a retry rule with an interval of zero
begin retry
* * F,2h,0s
== a retry rule with a bad second part
begin retry
* * F,2h,15m; Z,3h,1h
== a retry rule with text behind
begin retry
* * F,2h,15m and more
== a retry rule with bad senders
begin retry
* * senders= F,2h,15m
== a retry rule with too large an interval
begin retry
* * F,2h,15m; G,16h,1h,1.5; F,4d,6h; Q
== a retry rule with a semicolon missing
begin retry
* * F,2h,15m F,3h,1h
== a retry rule with an unclosed quote
@known Exim closes the quote at the end of the line
begin retry
"* * F,2h,15m
== a rewriting rule of one word
begin rewrite
*@x
== a rewriting rule with an unknown flag
begin rewrite
*@x a@b Z
== a rewriting rule with unknown flags behind good ones
begin rewrite
*@x a@b Ffq1
== a rewriting rule with text behind the flags
begin rewrite
*@x a@b F more
== a rewriting rule with S and others
begin rewrite
^x a@b S
== a rewriting rule with an unclosed quote
@known Exim closes the quote at the end of the line
begin rewrite
*@x "a@b F
== a rewriting rule with a bad regex
begin rewrite
^([a a@b F
== a rewriting rule with R and Q
begin rewrite
*@x a@b QR
== a rewriting rule with a bad expansion
begin rewrite
*@x ${nonsense:x} F
== a macro in rewrite
A = 1
begin rewrite
A = 2
== local_scan
@known there is no local_scan
begin local_scan
nonsense = 3
