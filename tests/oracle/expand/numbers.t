${base32:0}
= 
${base32:1}
= b
${base32:31}
= 7
${base32:32}
= ba
${base32:1234567}
= bfvuh
${base32:-1}
= p777777777777
${base32:x}
= Failed: argument for base32 operator is "x", which is not a decimal number
${base32d:bc}
= 34
${base32d:BC}
= Failed: argument for base32d operator is "BC", which is not a base 32 number
${base32d:}
= 0
${base32d:1}
= Failed: argument for base32d operator is "1", which is not a base 32 number
${base32d:1ls6}
= Failed: argument for base32d operator is "1ls6", which is not a base 32 number
${base62d:0000ab}
= 2269
${base62d:AB}
= 631
${base62d:!}
= Failed: argument for base62d operator is "!", which is not a base 62 number
${base62d:}
= 0
${base62d:zzzzzzzzzzzz}
= -1913450501271711745
${base62:4294967296}
= 4gfFC4
${base62:1000000000000000}
= Yle1gW
${base62:}
= 000000
${base62:0}
= 000000
${base62:-1}
= 16AHYF
${base62:99999999999999999999999}
= 16AHYF
${eval:1+2*3}
= 7
${eval:(1+2)*3}
= 9
${eval:10/3}
= 3
${eval:-10/3}
= -3
${eval:10%3}
= 1
${eval:1/0}
= Failed: error in expression evaluation: divide by zero (after processing "1/0")
${eval:1%0}
= Failed: error in expression evaluation: modulo by zero (after processing "1%0")
${eval:0x1f}
= 31
${eval:010}
= 8
${eval10:010}
= 10
${eval10:0x10}
= Failed: error in expression evaluation: expecting operator (after processing "0")
${eval:1k+1M}
= 1049600
${eval:1G}
= 1073741824
${eval:5&3}
= 1
${eval:5|3}
= 7
${eval:5^3}
= 6
${eval:~0}
= -1
${eval:1<<4}
= 16
${eval:256>>4}
= 16
${eval:1+}
= Failed: error in expression evaluation: expecting number or opening parenthesis (after processing "1+")
${eval:}
= Failed: error in expression evaluation: expecting number or opening parenthesis (after processing "")
${eval:abc}
= Failed: error in expression evaluation: expecting number or opening parenthesis (after processing "")
${eval:(1}
= Failed: error in expression evaluation: expecting closing parenthesis (after processing "(1")
${eval:1 2}
= Failed: error in expression evaluation: expecting operator (after processing "1 ")
${eval:9223372036854775807}
= 9223372036854775807
${eval:-5}
= -5
${eval:--5}
= 5
${eval: 3 + 4 }
= 7
${eval:2*-3}
= -6
${eval:1<<2+1}
= 8
${eval:6&3|8}
= 10
${time_eval:1d}
= 86400
${time_eval:1w2d3h4m5s}
= 788645
${time_eval:10}
= Failed: string "10" is not an Exim time interval in "time_eval" operator
${time_eval:x}
= Failed: string "x" is not an Exim time interval in "time_eval" operator
${time_interval:93784}
= 1d2h3m4s
${time_interval:0}
= 0s
${time_interval:x}
= Failed: string "x" is not a positive number in "time_interval" operator
${time_interval:604800}
= 1w
${base62:61}
= 00000z
${base62:123456789}
= 08M0kX
${base62:a}
= Failed: argument for base62 operator is "a", which is not a decimal number
${randint:1}
= 0
${randint:0}
= 0
${if ={1}{1}{y}{n}}
= y
${if ={1k}{1024}{y}{n}}
= y
${if =={1}{1}{y}{n}}
= y
${if <{1}{2}{y}{n}}
= y
${if >{1}{2}{y}{n}}
= n
${if <={2}{2}{y}{n}}
= y
${if >={1}{2}{y}{n}}
= n
${if >{}{0}{y}{n}}
= n
${if >{ 5 }{4}{y}{n}}
= y
${if >{a}{1}{y}{n}}
= Failed: integer expected but "a" found
${if >{1x}{1}{y}{n}}
= Failed: invalid integer "1x"
${if ={-1}{-1}{y}{n}}
= y
${if ={0x10}{16}{y}{n}}
= Failed: invalid integer "0x10"
${if >{1}}
= Failed: missing 2nd string in {} after ">"
${if > {1}{0}{y}{n}}
= y
${if < {99999999999999999999}{1}{y}{n}}
= Failed: absolute value of integer "99999999999999999999" is too large (overflow)
${sort{1:a:2}{<}{$item}}
= Failed: integer expected but "a" found
! what cannot be compared is an error, not an order
${sort{2:a:1}{<}{$item}}
= Failed: integer expected but "a" found
! what cannot be compared is an error, not an order
${substr{}{2}{abc}}
= ab
${substr{1}{}{abc}}
= 
${length{ 2 }{abc}}
= ab
! blanks around numbers are allowed in all items
${length_1_2:abc}
= Failed: non-digit after underscore in "length_1_2"
${substr_1_2_3:abc}
= Failed: non-digit after underscore in "substr_1_2_3"
${substr_1_:abc}
= Failed: non-digit after underscore in "substr_1_"
${eval_x:1}
= 1
${substr_-:abc}
= abc
