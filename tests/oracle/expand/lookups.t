${lookup{a}lsearch{/nonexistent}}
= Failed: failed to open /nonexistent for linear search: No such file or directory
${lookup{a}lsearch{/nonexistent}{y}{n}}
= Failed: failed to open /nonexistent for linear search: No such file or directory
${lookup{../x}dsearch{/etc}}
= Failed: lookup of "../x" gave DEFER: key for dsearch lookup contains a slash: ../x
${lookup{passwd}dsearch{/etc}}
= passwd
${lookup{passwd}dsearch{@DIR@/text}}
= Failed: failed to open @DIR@/text for directory search: Not a directory
${lookup{passwd}dsearch{/nonexistent}}
= Failed: failed to open /nonexistent for directory search: No such file or directory
${lookup dnsdb{a=}}
= 
${lookup{root}passwd}
= Failed: unknown lookup type "passwd}"
${lookup{a}foo{b}}
= Failed: unknown lookup type "foo"
${lookup foo{b}}
= Failed: unknown lookup type "foo"
${listnamed:x}
= Failed: "x" is not a named list
${listnamed_d:x}
= Failed: "x" is not a domain named list
${listnamed_q:x}
= Failed: bad suffix on "list" operator
${lookup{alpha}lsearch{@DIR@/table}}
= first
${lookup{ALPHA}lsearch{@DIR@/table}}
= first
${lookup{beta}lsearch{@DIR@/table}{<$value>}{none}}
= <second value>
${lookup{gamma}lsearch{@DIR@/table}{<$value>}{none}}
= none
${lookup{gamma}lsearch{@DIR@/table}}
= 
${lookup{gamma}lsearch{@DIR@/table}{y}fail}
= Failed: "lookup" failed and "fail" requested
${lookup{gamma}lsearch*{@DIR@/table}}
= fallback
${lookup{gamma}lsearch*@{@DIR@/table}}
= fallback
${lookup{x@q.test}lsearch*@{@DIR@/partial}}
= at
${lookup{key with space}lsearch{@DIR@/table}}
= spaced
${lookup{quoted}lsearch{@DIR@/table}}
= "a b"
${lookup{long}lsearch{@DIR@/table}}
= one two three
${lookup{empty}lsearch{@DIR@/table}{<$value>}{none}}
= <>
${lookup{*}lsearch{@DIR@/table}}
= fallback
${lookup{x.w.test}wildlsearch{@DIR@/wild}}
= wild
${lookup{rest}wildlsearch{@DIR@/wild}}
= Failed: lookup of "rest" gave DEFER: expansion of key "^r.*t$" failed: $ not followed by letter, digit, or {
! the oracle gives no reason at all
${lookup{plain}nwildlsearch{@DIR@/wild}}
= yes
${lookup{a.p.test}partial-lsearch{@DIR@/partial}{$value/$1/$2}{n}}
= part/a/p.test
${lookup{a.b.p.test}partial-lsearch{@DIR@/partial}{$value/$1/$2}{n}}
= part/a.b/p.test
${lookup{p.test}partial-lsearch{@DIR@/partial}{$value/$1/$2}{n}}
= whole//p.test
${lookup{p.test}partial0-lsearch{@DIR@/partial}}
= whole
${lookup{a.z.test}partial-lsearch*{@DIR@/partial}}
= star
${lookup{10.1.2.3}iplsearch{@DIR@/nets}}
= ten
${lookup{192.168.1.1}iplsearch{@DIR@/nets}}
= one
${lookup{2001:db8::7}iplsearch{@DIR@/nets}}
= six
${lookup{x}iplsearch{@DIR@/nets}}
= Failed: lookup of "x" gave DEFER: "x" is not a valid iplsearch key (an IP address, with optional CIDR mask, is wanted): in a host list, use net-iplsearch as the search type
${lookup{joe}dsearch{@DIR@/users}}
= joe
${lookup{jim}dsearch{@DIR@/users}{y}{n}}
= n
${lookup{..}dsearch{@DIR@/users}{y}{n}}
= y
${lookup{joe}dsearch,ret=full{@DIR@/users}}
= @DIR@/users/joe
${lookup{joe}dsearch,filter=file{@DIR@/users}{y}{n}}
= n
${lookup{joe}dsearch,filter=subdir{@DIR@/users}{y}{n}}
= y
${lookup{joe}dsearch,filter=dir{@DIR@/users}{y}{n}}
= y
${lookup{alpha}lsearch,ret=key{@DIR@/table}}
= alpha
${lookup{a}lsearch{@DIR@/nosuch}}
= Failed: failed to open @DIR@/nosuch for linear search: No such file or directory
${lookup{a}lsearch{@DIR@}}
= Failed: @DIR@ is not a regular file (lsearch lookup)
${lookup{a}json{@DIR@/json}}
= [1, 2]
! the oracle was built without JSON lookups
${lookup{a:1}json{@DIR@/json}}
= 2
! the oracle was built without JSON lookups
${lookup{b}json{@DIR@/json}}
= x
! the oracle was built without JSON lookups
${lookup{a}}
= Failed: missing lookup type
${lookup lsearch{x}}
= Failed: missing {key} for single-key "lsearch" lookup
${lookup{a}passwd{x}}
= Failed: a single key was given for lookup type "passwd", which is not a single-key lookup type
${lookup{a}lsearch}
= Failed: unknown lookup type "lsearch}"
${lookup}
= Failed: missing lookup type
${lookup passwd{root}{y}{n}}
= y
${lookup passwd{nosuchuser}{y}{n}}
= n
${listnamed:local_domains}
= a.test : *.b.test : !c.b.test : c.test
${listnamed_d:local_domains}
= a.test : *.b.test : !c.b.test : c.test
${listnamed_h:nets}
= 10.0.0.0/8 : 192.168.1.1 : 2001::db8::::/32
${listnamed_a:local_domains}
= Failed: "local_domains" is not a address named list
${listcount:${listnamed:local_domains}}
= 4
${readfile{@DIR@/text}}
= line one\nline two\n
${readfile{@DIR@/text}{|}}
= line one|line two|
${extract{2}{ }{${readfile{@DIR@/text}}}}
= one\nline
${expand:${lookup{alpha}lsearch{@DIR@/table}}}
= first
${if exists{@DIR@/table}{y}{n}}
= y
${if eq{${lookup{alpha}lsearch{@DIR@/table}}}{first}{y}{n}}
= y
${map{alpha:beta}{${lookup{$item}lsearch{@DIR@/table}}}}
= first:second value
${extract json{b}{${readfile{@DIR@/json}}}}
= "x"
