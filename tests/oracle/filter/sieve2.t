## More Sieve filters.
==
# Sieve filter
if header "subject" "hello world" {discard;}
@NL@
==
# Sieve filter
if header :is :comparator "i;octet" "subject" "hello world" {discard;} 
@NL@
==
# Sieve filter
if header :comparator "i;foo" "subject" "x" {keep;}
@NL@
==
# Sieve filter
if header :is "subject" ["a" "b"] {keep;}
@NL@
==
# Sieve filter
if header :is "subject" [] {discard;}
@NL@
==
# Sieve filter
if header :is ["subject", "x-foo"] ["nope", "hello world"] {discard;}
@NL@
==
# Sieve filter
if allof(true, true) {discard;}
@NL@
==
# Sieve filter
if allof() {discard;}
@NL@
==
# Sieve filter
if anyof(false) {discard;}
@NL@
==
# Sieve filter
if not not true {discard;}
@NL@
==
# Sieve filter
if size :over 100 {discard;}
@NL@
==
# Sieve filter
if size :under 1G {discard;}
@NL@
==
# Sieve filter
if size 100 {discard;}
@NL@
==
# Sieve filter
if size :over {discard;}
@NL@
==
# Sieve filter
if true discard;
@NL@
==
# Sieve filter
if true {discard;
@NL@
==
# Sieve filter
if {discard;}
@NL@
==
# Sieve filter
if foo {discard;}
@NL@
==
# Sieve filter
if true {} else {} discard;
@NL@
==
# Sieve filter
else {keep;}
@NL@
==
# Sieve filter
require "fileinto" fileinto "x";
@NL@
==
# Sieve filter
require; keep;
@NL@
==
# Sieve filter
keep; require "fileinto";
@NL@
==
# Sieve filter
require ["fileinto"]; fileinto;
@NL@
==
# Sieve filter
require "fileinto"; fileinto ["a"];
@NL@
==
# Sieve filter
require "fileinto"; fileinto "";
@NL@
==
# Sieve filter
redirect; keep;
@NL@
==
# Sieve filter
redirect ["a@b.c"];
@NL@
==
! an address is checked
# Sieve filter
redirect "a b@c";
@NL@
==
# Sieve filter
redirect "";
@NL@
==
# Sieve filter
KEEP;
@NL@
==
# Sieve filter
Discard;
@NL@
==
# Sieve filter
If True {Discard;}
@NL@
==
# Sieve filter
stop
@NL@
==
! what stands behind stop is checked
# Sieve filter
stop;;
@NL@
==
# Sieve filter
keep keep;
@NL@
==
# Sieve filter
/* a */ # b
keep;
@NL@
==
# Sieve filter
keep; /* /* */ discard;
@NL@
==
# Sieve filter
if header :contains "subject" "HELLO" {discard;}
@NL@
==
# Sieve filter
if header :contains :comparator "i;octet" "subject" "HELLO" {discard;} else {stop;}
@NL@
==
# Sieve filter
if header :matches "subject" ["*world"] {discard;}
@NL@
==
# Sieve filter
if header :matches "subject" "hello?world" {discard;}
@NL@
==
# Sieve filter
if header :matches "subject" "h\\*" {discard;}
@NL@
==
# Sieve filter
if address "from" "alice@far.test" {discard;}
@NL@
==
# Sieve filter
if address :domain "to" "BOX.test" {discard;}
@NL@
==
# Sieve filter
if address :localpart :contains "to" "o" {discard;}
@NL@
==
# Sieve filter
if address :foo "to" "o" {discard;}
@NL@
==
# Sieve filter
if address "subject" "x" {discard;}
@NL@
==
# Sieve filter
if exists "subject" {discard;}
@NL@
==
# Sieve filter
if exists ["subject","x-none"] {discard;}
@NL@
==
# Sieve filter
if exists [] {discard;}
@NL@
==
# Sieve filter
if exists "" {discard;}
@NL@
==
# Sieve filter
envelope;
@NL@
==
# Sieve filter
require "envelope"; if envelope :domain "to" "box.test" {discard;}
@NL@
==
# Sieve filter
require "envelope"; if envelope "foo" "x" {discard;}
@NL@
==
# Sieve filter
if envelope "from" "x" {discard;}
@NL@
==
# Sieve filter
require "copy"; redirect :copy "a@b.c"; discard;
@NL@
==
# Sieve filter
redirect :copy "a@b.c";
@NL@
==
! names of extensions are caseless, as the manual says
# Sieve filter
require ["FILEINTO"]; fileinto "x";
@NL@
==
# Sieve filter
require "comparator-i;octet"; if header :comparator "I;OCTET" "subject" "Hello World" {discard;}
@NL@
==
# Sieve filter
require "comparator-i;ascii-numeric"; if header :comparator "i;ascii-numeric" :is "x" "1" {discard;}
@NL@
==
# Sieve filter
if header :comparator "i;ascii-numeric" :is "x" "1" {discard;}
@NL@
==
! RFC 4790 9.1.1
# Sieve filter
require "comparator-i;ascii-numeric"; if header :comparator "i;ascii-numeric" :contains "x" "1" {discard;}
@NL@
==
# Sieve filter
require "vacation"; vacation;
@NL@
==
# Sieve filter
require "vacation"; vacation :days "x" "y";
@NL@
==
# Sieve filter
require "vacation"; vacation :days 0 "y"; vacation "z";
@NL@
==
# Sieve filter
require "vacation"; vacation :mime "Content-Type: text/plain

x";
@NL@
==
# Sieve filter
vacation "x";
@NL@
==
# Sieve filter
require "subaddress"; if address :detail "to" "x" {discard;}
@NL@
==
# Sieve filter
if address :user "to" "x" {discard;}
@NL@
==
# Sieve filter
"keep";
@NL@
==
# Sieve filter
keep 3;
@NL@
==
# Sieve filter
keep "x";
@NL@
==
# Sieve filter
discard :x;
@NL@
==
# Sieve filter
if header :is :is "subject" "x" {keep;}
@NL@
==
# Sieve filter
if header :is :contains "subject" "hello" {discard;}
@NL@
==
# Sieve filter
if true {keep;} elsif {discard;}
@NL@
==
# Sieve filter
if false {keep;} elsif true {discard;} elsif true {keep;}
@NL@
==
# Sieve filter
if false {foo;} discard;
@NL@
==
# Sieve filter
if false {redirect "x";} discard;
@NL@
==
# Sieve filter
require "encoded-character"; redirect "${hex:61}@b.c";
@NL@
==
# Sieve filter
require "encoded-character"; if header "subject" "Hello${unicode:20}World" {discard;}
@NL@
==
# Sieve filter
require "encoded-character"; if header "subject" "${hex:zz}" {discard;}
@NL@
==
# Sieve filter
require "encoded-character"; if header "subject" "${unicode:110000}" {keep;}
@NL@
==
# Sieve filter
if header "subject" "Hello\ World" {discard;}
@NL@
==
# Sieve filter
if header "subject" text: # c
Hello World
.
{discard;}
@NL@
==
# Sieve filter
keep
;

@NL@
==
! line ends may be CRLF
# Sieve filter
keep;
discard;

@NL@
==
# Sieve filter
if header
:contains
"subject"
"hello"
{
discard;
}

@NL@
==
# Sieve filter
foo
;

@NL@
==
# Sieve filter
keep;


foo;

@NL@
