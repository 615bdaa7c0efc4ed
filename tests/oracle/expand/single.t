${hash{-3}{abc}}
= Failed: "-3" is not a positive number (in "hash" expansion)
! the oracle dies
${if forany_json{xx}{eq{$item}{a}}{y}{n}}
= Failed: missing '[' wrapping array for extract json
! the oracle dies
${if forany_json{\{"a":1\}}{eq{$item}{2}}{y}{n}}
= Failed: missing '[' wrapping array for extract json
! the oracle dies
${nhash_0:abc}
= Failed: nhash count is zero
! the oracle dies
${nhash_0_5:abc}
= Failed: nhash count is zero
! the oracle dies
${nhash_5_0:abc}
= Failed: nhash count is zero
! the oracle dies
${if match_domain{a.test}{@DIR@/nosuch}{y}{n}}
= Failed: failed to open @DIR@/nosuch when checking a list: No such file or directory
! the oracle dies
${if match_domain{a.test}{^(}{y}{n}}
= Failed: regular expression error in "^(": missing closing parenthesis at offset 2
! the oracle dies
