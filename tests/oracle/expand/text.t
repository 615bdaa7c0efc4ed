abc
= abc
a\tb\\c\$d\x41\101
= a\x09b\\c$dAA
\N${lc:X}\N$primary_hostname
= ${lc:X}host.test
${lc:ABC}
= abc
${lc:}
= 
${lc:\xc4}
= \xc4
${uc:abc}
= ABC
${uc:a${lc:BC}d}
= ABCD
${strlen:abc}
= 3
${strlen:}
= 0
${length_2:abc}
= ab
${l_2:abc}
= ab
${length_0:abc}
= 
${length_99:abc}
= abc
${length_x:abc}
= Failed: non-digit after underscore in "length_x"
${length{2}{abc}}
= ab
${length{x}{abc}}
= Failed: "x" is not a positive number (in "length" expansion)
${length{}{abc}}
= 
${substr_1_2:abcdef}
= bc
${substr_-2:abc}
= a
${substr_-2_1:abc}
= b
${substr_2:abcdef}
= cdef
${substr_9:abc}
= 
${substr_-5_2:12}
= 
${substr_-3_2:12}
= 1
${substr_1_0:abc}
= 
${s_1:abc}
= bc
${substr{1}{2}{abcdef}}
= bc
${substr{-3}{2}{abcdef}}
= de
${substr{x}{2}{abcdef}}
= Failed: "x" is not a number (in "substr" expansion)
${substr{1}{abcdef}}
= bcdef
${quote:abc}
= abc
${quote:a b}
= "a b"
${quote:}
= ""
${quote:a"b\\c}
= "a\\"b\\\\c"
${quote:a\nb}
= "a\\nb"
${quote:a.b}
= a.b
${quote_local_part:a b}
= "a b"
${quote_local_part:a.b}
= a.b
${quote_local_part:a"b}
= "a\\"b"
${quote_local_part:}
= ""
${rxquote:a.b@c}
= a\\.b\\@c
${escape:a\tb\x01\xff}
= a\x09b\\001\\377
${escape8bit:a\xff\\b}
= a\\377\\134b
${hexquote:a b\xff}
= a\\x20b\\xff
${md5:abc}
= 900150983cd24fb0d6963f7d28e17f72
${sha1:abc}
= A9993E364706816ABA3E25717850C26C9CD0D89D
${sha256:abc}
= BA7816BF8F01CFEA414140DE5DAE2223B00361A396177A9CB410FF61F20015AD
${sha2:abc}
= BA7816BF8F01CFEA414140DE5DAE2223B00361A396177A9CB410FF61F20015AD
${sha2_512:abc}
= DDAF35A193617ABACC417349AE20413112E6FA4E89A97EA20A9EEEE64B55D39A2192992A274FC1A836BA3C23A3FEEBBD454D4423643CE80E2A9AC94FA54CA49F
${sha2_384:abc}
= CB00753F45A35E8BB5A03D699AC65007272C32AB0EDED1631A8B605A43FF5BED8086072BA1E7CC2358BAECA134C825A7
${sha3:abc}
= 3A985DA74FE225B2045C172D6BD390BD855F086E3E9D525B46BFE24511431532
${sha3_224:abc}
= E642824C3F8CF24AD09234EE7D3C766FC9A3A5168D0C94AD73B46FDF
${sha3_512:abc}
= B751850B1A57168A5693CD924B6B096E08F621827444F70D884F5D0240D2712E10E116E9192AF3C91A7EC57647E3934057340B4CF408D5A56592F8274EEC53F0
${sha2_1:abc}
= Failed: unrecognised sha2 variant
${base64:abc}
= YWJj
${base64:}
= 
${base64d:YWJj}
= abc
${base64d:!!}
= Failed: string "!!" is not well-formed for "base64d" operator
${base64d:YW Jj}
= abc
${str2b64:abc}
= YWJj
${hex2b64:616263}
= YWJj
${hex2b64:61626}
= Failed: "61626" contains an odd number of characters
${hex2b64:zz}
= Failed: "zz" is not a hex string
${utf8clean:a\xffb}
= a?b
${utf8clean:caf\xc3\xa9}
= caf\xc3\xa9
${rfc2047:abc}
= abc
${rfc2047:caf\xc3\xa9}
= =?UTF-8?Q?caf=C3=A9?=
${rfc2047d:=?utf-8?q?caf=C3=A9?=}
= caf\xc3\xa9
${rfc2047d:plain}
= plain
${address:Joe <joe@a.test>}
= joe@a.test
${address:joe@a.test}
= joe@a.test
${address:joe}
= joe
${address:a@b, c@d}
= 
${address:<>}
= 
${address:Joe (c) <joe@a.test> (x)}
= joe@a.test
${address:"a b"@c.test}
= "a b"@c.test
${addresses:Joe <a@b.test>, c@d.test}
= a@b.test:c@d.test
${addresses:>, a@b.test, c@d.test}
= a@b.test,c@d.test
${addresses:}
= 
${domain:joe@A.Test}
= A.Test
${domain:joe}
= 
${domain:}
= 
${local_part:joe@a.test}
= joe
${local_part:joe}
= joe
${local_part:Joe <joe@a.test>}
= joe
${tr{abcdea}{ac}{13}}
= 1b3de1
${tr{abc}{ab}{x}}
= xxc
${tr{abc}{}{x}}
= abc
${tr{abc}{abc}{}}
= abc
${tr{abcb}{bb}{xy}}
= aycy
${sg{abcabc}{b}{[\$0]}}
= a[b]ca[b]c
${sg{abc}{b}{}}
= ac
${sg{abc}{x*}{-}}
= -a-b-c-
${sg{abcdef}{(.)(.)}{\$2\$1}}
= badcfe
${sg{abc}{(}{x}}
= Failed: regular expression error in "(": missing closing parenthesis at offset 1
${sg{abc}{b}}
= Failed: Not enough arguments for 'sg' (min is 3)
${sg{aaa}{^a}{b}}
= baa
${sg{a.b.c}{\N\.\N}{_}}
= a_b_c
${extract{1}{:}{a:b:c}}
= a
${extract{-1}{:}{a:b:c}}
= c
${extract{0}{:}{a:b:c}}
= a:b:c
${extract{4}{:}{a:b:c}}
= 
${extract{4}{:}{a:b:c}{y}{n}}
= n
${extract{-4}{:}{a:b:c}{y}{n}}
= n
${extract{2}{:,}{a,b:c}}
= b
${extract{2}{:}{a::c}{<$value>}{n}}
= <>
${extract{Z}{A=1 z="a b" C=3}}
= a b
${extract{c}{A=1 z="a b" C=3}{<$value>}{n}}
= <3>
${extract{q}{A=1}{y}{n}}
= n
${extract{q}{A=1}{y}fail}
= Failed: "extract" failed and "fail" requested
${extract{a}{a = 5 b=6}}
= 5
${extract{b}{a="x\\"y" b=z}}
= z
${extract{}{a=1}}
= Failed: first argument of "extract" must not be empty
${extract{1}{a:b}}
= Failed: missing '{' for arg 3 of extract
${extract{x}}
= Failed: missing '{' for arg 2 of extract
${extract{${if eq{a}{a}{2}{}}}{:}{a:b:c}}
= b
${listextract{2}{a:b:c}}
= b
${listextract{-1}{a:b:c}}
= c
${listextract{5}{a:b:c}{y}{n}}
= n
${listextract{2}{<, a,b,c}}
= b
${listextract{0}{a:b}}
= 
${listextract{x}{a:b}}
= Failed: first argument of "listextract" must be numeric
${listcount:a:b:c}
= 3
${listcount:}
= 0
${listcount:<, a,b}
= 2
${listcount::}
= 1
${listcount:a:}
= 1
${listquote{:}{a:b}}
= a::b
${listquote{:}{}}
=  
${map{a:b:c}{<$item>}}
= <a>:<b>:<c>
${map{<, a,b}{x$item}}
= xa,xb
${map{}{x}}
= 
${map{a::b}{x$item}}
= xa::b
${map{a:b}{y:z}}
= y::z:y::z
${filter{a:b:c}{!eq{$item}{b}}}
= a:c
${filter{<\n a\nb}{eq{$item}{b}}}
= b
${filter{a:b}{match{$item}{a}}}
= a
${reduce{1:2:3}{0}{${eval:$value+$item}}}
= 6
${reduce{}{x}{$value$item}}
= x
${reduce{a:b:c}{}{$item$value}}
= cba
${sort{3:1:2:10}{<}{$item}}
= 1:2:3:10
${sort{3:1:2:10}{>}{$item}}
= 10:3:2:1
${sort{b:a:C}{lt}{$item}}
= C:a:b
${sort{b:a:C}{lti}{$item}}
= a:b:C
${sort{b2:a3:c1}{<}{${substr_1:$item}}}
= c1:b2:a3
${sort{<, b,a}{lt}{$item}}
= a,b
${sort{}{lt}{$item}}
= 
${sort{a:b}{<}{$item}}
= Failed: integer expected but "a" found
! what cannot be compared is an error, not an order
${expand:\${lc:ABC\}}
= abc
${expand:\$nosuch}
= Failed: internal expansion of "$nosuch" failed: unknown variable name "nosuch"
${expand:abc}
= abc
${if eq{a}{a}{yes}{no}}
= yes
${if eq{a}{b}{yes}}
= 
${if eq{a}{a}}
= true
${if eq{a}{b}}
= 
${if !eq{a}{b}{yes}{no}}
= yes
${if eq{a}{b}{yes}fail}
= Failed: "if" failed and "fail" requested
${if ! eq{a}{a}{yes}{no}}
= no
${if eqi{a}{A}{yes}{no}}
= yes
${if lt{a}{b}{y}{n}}
= y
${if lti{B}{a}{y}{n}}
= n
${if ge{a}{a}{y}{n}}
= y
${if gei{A}{a}{y}{n}}
= y
${if gt{b}{a}{y}{n}}
= y
${if le{b}{a}{y}{n}}
= n
${if and{{eq{a}{a}}{eq{b}{b}}}{y}{n}}
= y
${if and{{eq{a}{b}}{={x}{1}}}{y}{n}}
= n
${if and{}{y}{n}}
= y
${if or{{eq{a}{b}}{eq{b}{b}}}{y}{n}}
= y
${if or{}{y}{n}}
= n
${if and {{eq{a}{a}} {or {{eq{x}{y}}{eq{1}{1}}}}} {y}{n}}
= y
${if bool{yes}{y}{n}}
= y
${if bool{00}{y}{n}}
= n
${if bool{}{y}{n}}
= n
${if bool{foo}{y}{n}}
= Failed: unrecognised boolean value "foo"
${if bool{ TRUE }{y}{n}}
= y
${if bool{-1}{y}{n}}
= y
${if bool_lax{foo}{y}{n}}
= y
${if bool_lax{ No }{y}{n}}
= n
${if bool_lax{0}{y}{n}}
= n
${if bool_lax{00}{y}{n}}
= y
${if def:domain{y}{n}}
= n
${if def:primary_hostname{y}{n}}
= y
${if def:h_subject:{y}{n}}
= n
${if def:nosuch{y}{n}}
= Failed: unknown variable "nosuch" after "def:"
${if def{y}{n}}
= Failed: ":" expected after "def"
${if match{abc}{b(.)}{$1}{n}}
= c
${if match{abc}{\N^(a)(x)?(b)\N}{<$1$2$3>}{n}}
= <ab>
${if match{abc}{\N^x\N}{y}{n}}
= n
${if match{abc}{(}{y}{n}}
= Failed: regular expression error in "(": missing closing parenthesis at offset 1
${if match{ABC}{(?i)b}{y}{n}}
= y
${if match{joe@a.test}{^(.+)@(.+)\$}{$1 at $2}{no}}
= joe at a.test
${if inlist{b}{a:b:c}{<$value>}{n}}
= <b>
${if inlist{x}{a:b}{y}{n}}
= n
${if inlisti{B}{a:b}{<$value>}{n}}
= <b>
${if isip{1.2.3.4}{y}{n}}
= y
${if isip{1.2.3}{y}{n}}
= n
${if isip4{::1}{y}{n}}
= n
${if isip6{::1}{y}{n}}
= y
${if isip{fe80::1%eth0}{y}{n}}
= y
${if forany{a:b}{eq{$item}{b}}{y}{n}}
= y
${if forall{a:b}{eq{$item}{b}}{y}{n}}
= n
${if forany{}{eq{$item}{b}}{y}{n}}
= n
${if forall{}{eq{$item}{b}}{y}{n}}
= n
${if forany{<, 1,2}{>{$item}{1}}{y}{n}}
= y
${if first_delivery{y}{n}}
= n
${if queue_running{y}{n}}
= n
${if exists{/}{y}{n}}
= y
${if exists{/no/such}{y}{n}}
= n
${acl{yes}{a}{b}}
= said a/2
${acl{no}}
= refused
${acl{late}}
= Failed: DEFER from acl "late"
${acl{nosuch}}
= Failed: ERROR from acl "nosuch"
${acl{nosuch:name}}
= Failed: ERROR from acl "nosuch:name"
! text with a colon is no ACL
${acl{drop}}
= Failed: FAIL_DROP from acl "drop"
${if acl{{nosuch}}{y}{n}}
= Failed: ERROR from acl "nosuch"
${rfc2047:éééééééééééé caf\xc3\xa9 et plus encore}
= =?UTF-8?Q?=C3=A9=C3=A9=C3=A9=C3=A9=C3=A9=C3=A9=C3=A9=C3=A9=C3=A9=C3=A9?= =?UTF-8?Q?=C3=A9=C3=A9_caf=C3=A9_et_plus_encore?=
! an encoded word has at most 75 characters
${if acl{{yes}{q}}{<$value>}{n}}
= <said q/1>
${if acl{{no}}{y}{<$value>}}
= <refused>
$primary_hostname
= host.test
${primary_hostname}
= host.test
$qualify_domain
= test.example
${1}
= 
$value
= 
$item
= 
${escape:a\nb\rc\177e\f}
= a\\nb\\rc\\177e\\f
${escape8bit:a\nb\177\t}
= a\nb\\177\x09
${quote:a@b-c_d.e}
= "a@b-c_d.e"
${quote:-}
= -
${base64_x:a}
= YQ==
${listnamed_d_x:y}
= Failed: bad suffix on "list" operator
! a bad suffix is an error
${if match_ip{0.0.0.0}{$sender_host_port.0.0.0}{y}{n}}
= y
${if match_ip{0.0.0.1}{$sender_host_port.0.0.0 : \N$sender_host_port\N.0.0.1}{y}{n}}
= y
${if match_ip{10.1.2.3}{10.0.0.0$/8}{y}{n}}
= Failed: $ not followed by letter, digit, or {
! says what is wrong
${if match_domain{host.test}{$primary_hostname}{y}{n}}
= n
x${ipv6norm:2001:db8::1}y
= x2001:db8::1y
! what stands behind is not lost
