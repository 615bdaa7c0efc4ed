${extract json{a}{{"a":"b","c":3}}}
= Failed: missing '}' wrapping object for extract json
${extract jsons{a}{{"a":"b","c":3}}}
= Failed: missing '}' wrapping object for extract json
${extract json{c}{{"a":"b","c":3}}}
= Failed: missing '}' wrapping object for extract json
${extract json{x}{{"a":"b","c":3}}}
= Failed: missing '}' wrapping object for extract json
${extract json{x}{{"a":"b","c":3}}{y$value}{n}}
= Failed: missing '}' wrapping object for extract json
${extract json{1}{["a","b",{"z":[1,2]}]}}
= Failed: curly-bracket problem in conditional yes/no parsing: 'yes' part did not start with '{'\n remaining string is ']}}'
! all of the item is read before it is evaluated: the brace is found first
${extract json{3}{["a","b",{"z":[1,2]}]}}
= Failed: curly-bracket problem in conditional yes/no parsing: 'yes' part did not start with '{'\n remaining string is ']}}'
! all of the item is read before it is evaluated: the brace is found first
${extract json{-1}{["a","b"]}}
= Failed: first argument of "extract" must be greater than zero
${extract json{a}{ { "a" : { "b" : [ 1 , 2 ] } , "q" : null } }}
= Failed: curly-bracket problem in conditional yes/no parsing: 'yes' part did not start with '{'\n remaining string is ', "q" : null } }}'
! all of the item is read before it is evaluated: the brace is found first
${extract json{q}{ { "a" : { "b" : [ 1 , 2 ] } , "q" : null } }}
= Failed: curly-bracket problem in conditional yes/no parsing: 'yes' part did not start with '{'\n remaining string is ', "q" : null } }}'
! all of the item is read before it is evaluated: the brace is found first
${extract json{a}{junk}}
= Failed: missing '{' wrapping object for extract json
${extract json{1}{junk}}
= Failed: missing '[' wrapping array for extract json
${extract json{}{[]}}
= Failed: first argument of "extract" must not be empty
${extract jsons{1}{["a\\"b\\n","b"]}}
= a\\"b\\n
${extract json{1}{["a\\"b\\n","b"]}}
= "a\\"b\\n"
${extract jsons{a}{{"a":3}}}
= Failed: missing '}' wrapping object for extract json
${extract jsons{a}{{"a":3}}{y$value}{n}}
= Failed: missing '}' wrapping object for extract json
${extract jsonx{a}{{"a":3}}}
= Failed: missing '{' for arg 1 of extract
${extract json {a} {{"a":3}} {y$value} fail}
= Failed: missing '}' wrapping object for extract json
${extract json{a.b}{{"a":{"b":7}}}}
= Failed: missing '}' wrapping object for extract json
${if forany_json{[1,2,3]}{={$item}{2}}{y}{n}}
= y
${if forany_json{["a","b"]}{eq{$item}{"b"}}{y}{n}}
= y
${if forany_jsons{["a","b"]}{eq{$item}{b}}{y}{n}}
= y
${if forall_json{[1,2,3]}{>{$item}{0}}{y}{n}}
= y
${if forall_jsons{["a",2]}{eq{$item}{a}}{y}{n}}
= Failed: missing '"' wrapping string result for extract jsons
${if forall_jsons{["a","a"]}{eq{$item}{a}}{y}{n}}
= y
${if forall_json{[]}{eq{$item}{a}}{y}{n}}
= n
${if forany_json{[]}{eq{$item}{a}}{y}{n}}
= n
${if forany_json{[1,{"a":[2,3]}]}{eq{$item}{{"a":[2,3]}}}{y}{n}}
= Failed: missing { after "forany_json"
${extract json{a}{\{"a":"b","c":3\}}}
= "b"
${extract jsons{a}{\{"a":"b","c":3\}}}
= b
${extract json{c}{\{"a":"b","c":3\}}}
= 3
${extract json{x}{\{"a":"b","c":3\}}}
= 
${extract json{x}{\{"a":"b","c":3\}}{y$value}{n}}
= n
${extract json{3}{["a","b",\{"z":[1,2]\}]}}
= {"z":[1,2]}
${extract json{4}{["a","b",\{"z":[1,2]\}]}}
= 
${extract json{4}{["a","b",\{"z":[1,2]\}]}{y}{n}}
= n
${extract json{0}{["a","b"]}}
= Failed: first argument of "extract" must be greater than zero
${extract json{a}{ \{ "a" : \{ "b" : [ 1 , 2 ] \} , "q" : null \} }}
= { "b" : [ 1 , 2 ] }
! blanks behind a JSON member are not part of it
${extract json{q}{ \{ "a" : \{ "b" : [ 1 , 2 ] \} , "q" : null \} }}
= null
! blanks behind a JSON member are not part of it
${extract json{a}{[1]}}
= Failed: missing '{' wrapping object for extract json
${extract json{1}{\{"1":2\}}}
= Failed: missing '[' wrapping array for extract json
${extract jsons{a}{\{"a":3\}}}
= Failed: missing '"' wrapping string result for extract jsons
${extract jsons{a}{\{"a":3\}}{y$value}{n}}
= Failed: missing '"' wrapping string result for extract jsons
${extract json {a} {\{"a":3\}} {y$value} fail}
= y3
${extract json {b} {\{"a":3\}} {y$value} fail}
= Failed: "extract" failed and "fail" requested
${extract json{A}{\{"a":3\}}}
= 
${extract json{a}{\{"a":[1,2],"b":"x}y"\}}}
= Failed: curly-bracket problem in conditional yes/no parsing: 'yes' part did not start with '{'\n remaining string is 'y"\\}}}'
! all of the item is read before it is evaluated: the brace is found first
${extract json{b}{\{"a":[1,2],"b":"x\}y"\}}}
= "x}y"
! a brace in a JSON string is no bracket
${extract json{a}{\{"a":"b"}}
= Failed: missing '}' wrapping object for extract json
${extract json{a}{\{a:1\}}}
= Failed: missing '"' wrapping string key for extract json
${extract json{1}{[]}}
= 
${extract json{1}{[1,2}}
= Failed: missing ']' wrapping array for extract json
${extract json{2}{[1,,2]}}
= 
${extract jsons{1}{["a","b"]}{<$value>}{n}}
= <a>
${extract json{a}{}}
= Failed: missing '{' wrapping object for extract json
${extract json{1}{}}
= Failed: missing '[' wrapping array for extract json
${if forany_json{[1,\{"a":[2,3]\}]}{eq{$item}{\{"a":[2,3]\}}}{y}{n}}
= y
${if forany_json{[ 1 , 2 ]}{eq{$item}{2}}{y}{n}}
= y
! blanks behind a JSON member are not part of it
${if forany_jsons{[1]}{eq{$item}{2}}{y}{n}}
= Failed: missing '"' wrapping string result for extract jsons
