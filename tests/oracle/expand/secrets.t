${hash{3}{5}{abcdefgh}}
= bba
${hash{3}{abcdefgh}}
= jac
${hash_3_5:abcdefgh}
= bba
${hash_3:abcdefgh}
= jac
${hash_3:ab}
= ab
${hash_0:abc}
= 
${hash_5_70:abcdefgh}
= Failed: hash count "70" too big
${hash{5}{70}{abcdefgh}}
= Failed: hash count "70" too big
${hash{x}{5}{abc}}
= Failed: "x" is not a number (in "hash" expansion)
${hash{3}}
= Failed: Not enough arguments for 'hash' (min is 2)
${hash:abc}
= Failed: Not enough arguments for 'hash' (min is 2)
${nhash_8:abc}
= 4
${nhash_8_64:abc}
= 7/44
${nhash:abc}
= Failed: Not enough arguments for 'nhash' (min is 2)
${nhash{8}{abc}}
= 4
${nhash{8}{64}{abc}}
= 7/44
${nhash{x}{abc}}
= Failed: "x" is not a number (in "nhash" expansion)
${hmac{md5}{secret}{abc}}
= d9bf7c3a63eae7031c4e6d7c9b78ba93
${hmac{sha1}{secret}{abc}}
= 694abd10842d161ddbc54df8a0d57cf64d0dbcc9
${hmac{sha256}{secret}{abc}}
= Failed: hmac algorithm "sha256" is not recognised
${hmac{md5}{secret}}
= Failed: Not enough arguments for 'hmac' (min is 3)
${hmac{md5}{aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa}{abc}}
= f8cae0d816a81ca56a3183cd8fddd17f
${prvs{user}{secret}}
= Failed: prvs first argument must be a qualified email address
${prvscheck{prvs=3000ab4711=user@example.com}{secret}{x}}
= x
${prvscheck{user@example.com}{secret}{x}}
= 
${prvscheck{prvs=3000000000=user@example.com}{secret}{$prvscheck_address/$prvscheck_keynum/$prvscheck_result/$value}}
= user@example.com/3//
${prvscheck{prvs=3000000000=user@example.com}{secret}{}}
= user@example.com
${prvscheck{prvs=3000000000=user@example.com}{secret}}
= user@example.com
${srs_encode {mysecret} {} {srs.example}}
= 
${if inbound_srs {SRS0=aaaa=bb=example.com=user}{mysecret}{$srs_recipient}{no}}
= no
${if inbound_srs {SRS0=aaaa=bb=example.com=user}{}{$srs_recipient}{no}}
= user@example.com
${if inbound_srs {srs0+aaaa=bb=example.com=user}{}{$srs_recipient}{no}}
= no
${if inbound_srs {joe}{}{$srs_recipient}{no}}
= no
${if crypteq {mysecret}{\{md5\}CY9rzUYh03PK3k6DJie09g==}{1}{0}}
= 0
${if crypteq {test}{\{md5\}CY9rzUYh03PK3k6DJie09g==}{1}{0}}
= 1
${if crypteq {test}{\{md5\}098f6bcd4621d373cade4e832627b4f6}{1}{0}}
= 1
${if crypteq {test}{\{MD5\}098F6BCD4621D373CADE4E832627B4F6}{1}{0}}
= 1
${if crypteq {test}{\{md5\}098f}{1}{0}}
= 0
${if crypteq {test}{\{sha1\}a94a8fe5ccb19ba61c4c0873d391e987982fbbd3}{1}{0}}
= 1
${if crypteq {test}{\{sha1\}qUqP5cyxm6YcTAhz05Hph5gvu9M=}{1}{0}}
= 1
${if crypteq {test}{\{sha1\}xx}{1}{0}}
= 0
${if crypteq {test}{\{crypt\}aaqPiZY5xR5l.}{1}{0}}
= 1
${if crypteq {test}{aaqPiZY5xR5l.}{1}{0}}
= 1
${if crypteq {test}{\{crypt16\}aaqPiZY5xR5l.abcdef}{1}{0}}
= 0
${if crypteq {test}{\{foo\}xx}{1}{0}}
= Failed: unknown encryption mechanism in "{foo}xx"
${if crypteq {test}{}{1}{0}}
= 0
${if crypteq {}{}{1}{0}}
= 0
${if crypteq {test}{x}{1}{0}}
= 0
${if crypteq {test}{*}{1}{0}}
= 0
${if crypteq {test}{\$1\$abc\$xx}{1}{0}}
= 0
${if crypteq {test}}
= Failed: missing 2nd string in {} after "crypteq"
${if crypteq {test}{\$6\$saltstring\$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjlO/O817G3uBnIFNjnQJuesI68OTLiBFdcbYEdFCoEOfaS35inz1}{1}{0}}
= 0
${if crypteq {testtesttest}{\{crypt16\}aaI87B1MJ70pkf16aQpWbPro}{1}{0}}
= 0
${hash_0_0:abc}
= 
${hash_3_0:abc}
= abc
${hash_x:a}
= Failed: non-digit after underscore in "hash_x"
${hash_3_x:a}
= Failed: non-digit after underscore in "hash_3_x"
