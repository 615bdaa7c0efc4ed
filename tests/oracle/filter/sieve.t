## Sieve filters.
==
# Sieve filter
==
# Sieve filter
keep;
@NL@
==
# Sieve filter
discard;
@NL@
==
# Sieve filter
stop;
@NL@
==
# Sieve filter
redirect "a@b.test";
@NL@
==
# Sieve filter
require "fileinto";
fileinto "x/y"; keep;
@NL@
==
# Sieve filter
fileinto "x";
@NL@
==
# Sieve filter
require ["fileinto","copy"]; fileinto :copy "x"; redirect :copy "q@r.test";
@NL@
==
# Sieve filter
if header :contains "subject" "hello" { discard; } else { keep; }
@NL@
==
# Sieve filter
if header :contains "subject" "hello" { discard }
@NL@
==
# Sieve filter
redirect "foo";
@NL@
==
# Sieve filter
require "vacation";
vacation "gone";
@NL@
==
# Sieve filter
require "vacation";
vacation :days 3 :subject "s" :from "root@box.test" :addresses ["bob@box.test"] :handle "h" "gone";
@NL@
==
# Sieve filter
require "foo";
@NL@
==
# Sieve filter
foo;
@NL@
==
# Sieve filter
if size :over 1K { discard; }
@NL@
==
# Sieve filter
if address :all :is "from" "alice@far.test" {redirect "x@y.test"; stop;} keep;
@NL@
==
# Sieve filter
require "envelope"; if envelope "from" "root@box.test" {discard;}
@NL@
==
# Sieve filter
require "enotify";
notify "mailto:a@b.test";
@NL@
==
# Sieve filter
require "notify"; notify :method "mailto:a@b.test" :message "x";
@NL@
==
# Sieve filter
require "reject"; reject "no";
@NL@
==
# Sieve filter
require "fileinto"; fileinto "../x";
@NL@
==
# Sieve filter
require "comparator-i;ascii-numeric"; if header :value "gt" :comparator "i;ascii-numeric" "subject" "3" {keep;}
@NL@
==
# Sieve filter
if true {discard;} elsif false {keep;} else {stop;}
@NL@
==
# Sieve filter
elsif true {keep;}
@NL@
==
# Sieve filter
if not anyof(true,false) {discard;}
@NL@
==
# Sieve filter
if exists ["from","to"] {discard;}
@NL@
==
# Sieve filter
if exists "x:y" {discard;}
@NL@
==
# Sieve filter
require "subaddress"; if address :user "to" "bob" {discard;}
@NL@
==
# Sieve filter
require "encoded-character"; if header :is "subject" "${hex:41}" {keep;}
@NL@
==
# Sieve filter
keep
@NL@
==
# Sieve filter
/* foo */ keep; # x
==
# Sieve filter
/* foo
@NL@
==
# Sieve filter
if header :matches "subject" "H*d" {discard;}
@NL@
==
# Sieve filter
if header :regex "subject" "x" {discard;}
@NL@
==
# Sieve filter
redirect "a@b.test"; redirect "a@b.test"; keep; keep; discard;
@NL@
==
! a folder has no control characters
# Sieve filter
require "fileinto"; fileinto text:
abc
.
;
@NL@
==
# Sieve filter
redirect text:
abc@x.test
.
;
@NL@
