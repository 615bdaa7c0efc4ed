${h_3:abcdefgh}
= jac
${substr_:x}
= x
${lc_1:x}
= x
${sort{3:1:2:10}{x}{$item}}
= Failed: unknown condition "x"
! the oracle gives no reason at all
${sort{3:1:2:10}{eq}{$item}}
= Failed: comparator not handled for sort
$acl_m
= 
$acl_c
= 
$acl_m0
= 
$acl_m_x
= 
$acl_mx
= Failed: unknown variable name "acl_mx" (6th character of a user-defined ACL variable must be a digit or underscore)
${acl_m}
= 
${acl_mx}
= Failed: unknown variable in "${acl_mx}" (6th character of a user-defined ACL variable must be a digit or underscore)
${acl_m1}
= 
$acl_verify_message
= 
$local_user_uid
= 4294967295
$local_user_gid
= 4294967295
$
= Failed: $ not followed by letter, digit, or {
${
= Failed: letter or digit expected after ${
${}
= Failed: letter or digit expected after ${
${lc
= Failed: "${lc" is not a known operator (or a } is missing in a variable reference)
${lc:abc
= Failed: missing } at end of string
${nosuch}
= Failed: unknown variable in "${nosuch}"
$nosuch
= Failed: unknown variable name "nosuch"
${nosuch:abc}
= Failed: unknown expansion operator "nosuch"
${nosuch{a}}
= Failed: "${nosuch" is not a known operator (or a } is missing in a variable reference)
${if
= Failed: condition name expected, but found ""
${if}
= Failed: condition name expected, but found "}"
${if foo{a}{b}{y}{n}}
= Failed: unknown condition "foo"
${if eq{a}{y}{n}}
= 
${if eq}
= Failed: missing { after "eq"
${if eq{a}
= Failed: missing 2nd string in {} after "eq"
${if eq{a}{b}{y}{n}{m}}
= Failed: curly-bracket problem in conditional yes/no parsing: did not close with '}'\n remaining string is '{m}}'
${if eq{a}{b} x}
= Failed: curly-bracket problem in conditional yes/no parsing: 'yes' part did not start with '{'\n remaining string is 'x}'
${if eq{a}{b}{y} x}
= Failed: syntax error in "if" item - "fail" expected
${if and{eq{a}{a}}{y}{n}}
= Failed: each subcondition inside an "and{...}" condition must be in its own {}
${if and{{eq{a}{a}}{y}{n}}
= Failed: unknown condition "y" inside "and{...}" condition
${if or{{foo{a}}}{y}{n}}
= Failed: unknown condition "foo" inside "or{...}" condition
${if and{{foo{a}}}{y}{n}}
= Failed: unknown condition "foo" inside "and{...}" condition
${if !{y}{n}}
= Failed: condition name expected, but found "{y}{n}}"
${lc:${uc:${nosuch}}}
= Failed: unknown variable in "${nosuch}"
${if eq{$nosuch}{a}{y}{n}}
= Failed: unknown variable name "nosuch"
${if eq{a}{b}{$nosuch}{n}}
= Failed: unknown variable name "nosuch"
${if eq{a}{b}{${nosuch:x}}{n}}
= Failed: unknown expansion operator "nosuch"
${if eq{a}{b}{${if eq{x}{x}{a}fail}}{n}}
= n
${if eq{a}{a}{${if eq{x}{y}{a}fail}}{n}}
= Failed: "if" failed and "fail" requested
${lookup{a}lsearch{@DIR@/table}{${if eq{x}{y}{a}fail}}{n}}
= n
${map{a:b}}
= Failed: missing '{' for last arg of map
${map{a:b}{x}
= Failed: missing } at end of "map"
${filter{a:b}{foo{x}}}
= Failed: unknown condition "foo" inside "filter" item
${filter{a:b}eq{x}}
= Failed: missing '{' for last arg of filter
${reduce{a}{b}}
= Failed: missing '{' for last arg of reduce
${sort{a}{<}}
= Failed: missing '{' for extractor arg of sort
${listextract{1}}
= Failed: missing '{' for arg 2 of listextract
${extract}
= Failed: missing '{' for arg 1 of extract
${sg}
= Failed: Not enough arguments for 'sg' (min is 3)
${tr{a}{b}}
= Failed: Not enough arguments for 'tr' (min is 3)
${length}
= Failed: Not enough arguments for 'length' (min is 2)
${substr_x:abc}
= Failed: non-digit after underscore in "substr_x"
${substr_1_x:abc}
= Failed: non-digit after underscore in "substr_1_x"
${length_:abc}
= 
${length:abc}
= Failed: Not enough arguments for 'length' (min is 2)
${substr:abc}
= Failed: Not enough arguments for 'substr' (min is 2)
${strlen_3:abc}
= 3
${uc_x:abc}
= ABC
${hash_:abc}
= 
${quote_nosuch:abc}
= Failed: unknown lookup type "nosuch"
${quote_lsearch:a b}
= a b
${quote_lsearch_x:a b}
= Failed: "x" unrecognized after "${quote_lsearch"
${1
= Failed: } expected after number
${1x}
= Failed: } expected after number
$1x
= x
}
= }
a}b
= a}b
{a}
= {a}
${if eq {a} {a} { y } { n }}
=  y 
${if eq{a}{a}{y}{n} }
= y
${ lc:abc}
= Failed: letter or digit expected after ${
${if eq{a}{a}{y} {n}}
= y
${if match{a}}
= Failed: missing 2nd string in {} after "match"
${if def:h_subject{y}{n}}
= Failed: missing or misplaced { or } - could be header name not terminated by colon
${if def:}
= Failed: variable name omitted after "def:"
${h_subject:}
= Failed: non-digit after underscore in "h_subject"
$h_subject: x
=  x
$rh_subject:x
= x
$bheader_from:x
= x
$h_
= 
${if forany{a}{foo}{y}{n}}
= Failed: unknown condition "foo" inside "forany" condition
${if forany{a}}
= Failed: missing { after "forany"
${if inlist{a}}
= Failed: missing 2nd string in {} after "inlist"
${if isip{}{y}{n}}
= n
${if exists{}{y}{n}}
= n
${if acl{}{y}{n}}
= Failed: too few arguments or bracketing error for acl
${if acl{{}}{y}{n}}
= n
${if bool{1x}{y}{n}}
= Failed: unrecognised boolean value "1x"
