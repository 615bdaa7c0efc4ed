${headerwrap_20_60:Subject: this is a very long header line that must be wrapped somewhere or it breaks}
= Subject: this is a\n\x09very long header\n\x09line that must be\n\x09wrapped somewhere\n\x09or it breaks
! the operator is newer than the oracle (4.98)
${headerwrap:Subject: short}
= Subject: short
! the operator is newer than the oracle (4.98)
${headerwrap_10:aaaaaaaaaaaaaaaaaaaa bbb}
= aaaaaaaaaaaaaaaaaaaa\n\x09bbb
! the operator is newer than the oracle (4.98)
${headerwrap_20_40:aaa bbb ccc ddd eee fff ggg hhh iii jjj kkk lll mmm nnn ooo ppp}
= aaa bbb ccc ddd eee\n\x09fff ggg hhh iii jjj\n\x09kkk lll mmm nnn ooo\n\x09ppp
! the operator is newer than the oracle (4.98)
${headerwrap_x:a}
= Failed: non-digit after underscore in "headerwrap_x"
! the operator is newer than the oracle (4.98)
${headerwrap_20:aaaa bbbb\tcccc dddd eeee\n ffff}
= aaaa bbbb\x09cccc dddd\n\x09eeee\n\x09ffff
! the operator is newer than the oracle (4.98)
${from_utf8:caf\xc3\xa9}
= caf\xe9
${from_utf8:\xe2\x82\xac}
= _
${from_utf8:\xff}
= _
${xtextd:a+2Bb+3D}
= a+b=
! the operator is newer than the oracle (4.98)
${xtextd:a+2}
= Failed: "a+2" is not xtext
! the operator is newer than the oracle (4.98)
${xtextd:a+2b}
= a+
! the operator is newer than the oracle (4.98)
${xtextd:a+ZZ}
= Failed: "a+ZZ" is not xtext
! the operator is newer than the oracle (4.98)
${utf8_domain_to_alabel:b\xc3\xbccher.example}
= xn--bcher-kva.example
${utf8_domain_to_alabel:abc.example}
= abc.example
${utf8_domain_from_alabel:xn--bcher-kva.example}
= b\xc3\xbccher.example
${utf8_domain_to_alabel:a b}
= a b
${utf8_domain_to_alabel:\xff}
= Failed: error converting utf8 (\\377) to alabel: string encoding error
${utf8_localpart_to_alabel:b\xc3\xbccher}
= xn--bcher-kva
${utf8_localpart_to_alabel:abc}
= abc
${utf8_localpart_from_alabel:xn--bcher-kva}
= b\xc3\xbccher
${utf8_localpart_from_alabel:abc}
= Failed: error converting alabel (abc) to utf8: bad alabel prefix
${imapfolder{Foo/Bar}}
= Foo.Bar
${imapfolder{abc}}
= abc
${imapfolder{Foo/Bär}{}{}}
= Failed: IMAP folder separator must be one character, found ""
${imapfolder {a&b}{/}{}}
= a&-b
${imapfolder_{a}}
= Failed: "${imapfolder_" is not a known operator (or a } is missing in a variable reference)
${authresults{host.example}}
= Authentication-Results: host.example; none
! RFC 8601 2.2: no results are said with "none"
${authresults{}}
= Authentication-Results: ; none
! RFC 8601 2.2: no results are said with "none"
${authresults}
= Failed: Not enough arguments for 'authresults' (min is 1)
${imapfolder{}}
= 
${imapfolder{a.b/c}}
= Failed: imapfolder: illegal character '.'
${imapfolder{a.b/c}{/}}
= Failed: imapfolder: illegal character '.'
${imapfolder{a.b/c}{.}}
= Failed: imapfolder: illegal character '/'
${imapfolder{a.b/c}{/}{.}}
= a&AC4-b.c
${imapfolder{a.b/c}{/}{.b}}
= a&AC4AYg-.c
${imapfolder{b\xc3\xbcch/x}}
= b&APw-ch.x
${imapfolder{b\xc3\xbcch\xe2\x82\xac&/x y~}}
= b&APw-ch&IKw-&-.x y~
${imapfolder{\xff}}
= Failed: imapfolder: iconv() failed to convert from UTF-8: Invalid or incomplete multibyte or wide character
${imapfolder{\xf0\x9f\x98\x80}}
= &2D3eAA-
