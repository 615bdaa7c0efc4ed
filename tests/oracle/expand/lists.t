${if match_domain{a.test}{a.test}{y}{n}}
= y
${if match_domain{A.Test}{a.test}{y}{n}}
= y
${if match_domain{x.a.test}{*.a.test}{y}{n}}
= y
${if match_domain{x.a.test}{*a.test}{y}{n}}
= y
${if match_domain{a.test}{!a.test : *}{y}{n}}
= n
${if match_domain{b.test}{!a.test}{y}{n}}
= y
${if match_domain{b.test}{!a.test : c.test}{y}{n}}
= n
${if match_domain{a.test}{+local_domains}{y}{n}}
= y
${if match_domain{x.b.test}{+local_domains}{y}{n}}
= y
${if match_domain{c.b.test}{+local_domains}{y}{n}}
= y
${if match_domain{z.test}{+local_domains}{y}{n}}
= n
${if match_domain{a.test}{! +local_domains}{y}{n}}
= n
${if match_domain{z.test}{! +local_domains}{y}{n}}
= y
${if match_domain{a.test}{+nosuch}{y}{n}}
= Failed: unknown named domain list "+nosuch"
! says what is wrong
${if match_domain{x.test}{+file_domains}{y}{n}}
= y
${if match_domain{q.y.test}{+file_domains}{y}{n}}
= y
${if match_domain{n.y.test}{+file_domains}{y}{n}}
= y
${if match_domain{x.test}{@DIR@/domains}{y}{n}}
= y
${if match_domain{a.test}{\N^a\.\N}{y}{n}}
= y
${if match_domain{a.test}{^a\\.}{y}{n}}
= y
${if match_domain{alpha}{lsearch;@DIR@/table}{<$value>}{n}}
= <first>
${if match_domain{nokey}{lsearch;@DIR@/domains}{<$value>}{n}}
= n
${if match_domain{x.w.test}{wildlsearch;@DIR@/wild}{<$value>}{n}}
= <wild>
${if match_domain{a.p.test}{partial-lsearch;@DIR@/partial}{<$value>}{n}}
= <part>
${if match_domain{joe}{dsearch;@DIR@/users}{<$value>}{n}}
= <joe>
${if match_domain{host.test}{@}{y}{n}}
= y
${if match_domain{a.test}{@[]}{y}{n}}
= n
${if match_domain{[127.0.0.1]}{@[]}{y}{n}}
= y
${if match_domain{a.test}{}{y}{n}}
= n
${if match_domain{}{}{y}{n}}
= n
${if match_domain{}{:}{y}{n}}
= y
${if match_domain{a.test}{<; a.test; b.test}{y}{n}}
= y
${if match_domain{a.test}{a.test}{<$value>}{n}}
= <a.test>
${if match_domain{x.b.test}{*.b.test}{<$value>}{n}}
= <*.b.test>
${if match_address{joe@a.test}{joe@a.test}{y}{n}}
= y
${if match_address{joe@a.test}{*@a.test}{y}{n}}
= y
${if match_address{Joe@a.test}{joe@a.test}{y}{n}}
= y
${if match_address{joe@a.test}{a.test}{y}{n}}
= y
${if match_address{joe@a.test}{+people}{y}{n}}
= y
${if match_address{any@b.test}{+people}{y}{n}}
= y
${if match_address{xyz@q.test}{+people}{y}{n}}
= y
${if match_address{jim@a.test}{+people}{y}{n}}
= n
${if match_address{joe@x.a.test}{*@*.a.test}{y}{n}}
= y
${if match_address{joe@a.test}{\N^joe@\N}{y}{n}}
= y
${if match_address{}{:}{y}{n}}
= y
${if match_address{}{}{y}{n}}
= n
${if match_address{joe@a.test}{*@+local_domains}{y}{n}}
= y
${if match_address{joe@a.test}{!joe@a.test : *}{y}{n}}
= n
${if match_local_part{joe}{+users}{y}{n}}
= y
${if match_local_part{administrator}{+users}{y}{n}}
= y
${if match_local_part{jim}{+users}{y}{n}}
= n
${if match_local_part{JOE}{joe}{y}{n}}
= y
${if match_local_part{joe}{*oe}{y}{n}}
= y
${if match_local_part{joe}{lsearch;@DIR@/table}{y}{n}}
= n
${if match_local_part{joe}{dsearch;@DIR@/users}{<$value>}{n}}
= <joe>
${if match_ip{10.1.2.3}{+nets}{y}{n}}
= y
${if match_ip{192.168.1.1}{+nets}{y}{n}}
= y
${if match_ip{192.168.1.2}{+nets}{y}{n}}
= n
${if match_ip{2001:db8::5}{+nets}{y}{n}}
= y
${if match_ip{2001:db8::5}{<; 2001:db8::/32}{y}{n}}
= y
${if match_ip{10.1.2.3}{10.0.0.0/8}{y}{n}}
= y
${if match_ip{10.1.2.3}{10.1.2.3}{y}{n}}
= y
${if match_ip{10.0.0.1}{!t.example}{y}{n}}
= n
${if match_ip{10.0.0.1}{t.example : 10.0.0.1}{y}{n}}
= n
${if match_ip{10.0.0.1}{*.example : 10.0.0.1}{y}{n}}
= n
${if match_ip{10.0.0.1}{^t : 10.0.0.1}{y}{n}}
= n
${if match_ip{10.0.0.1}{@ : 10.0.0.1}{y}{n}}
= n
${if match_ip{10.0.0.1}{10.0.0.1 : t.example}{y}{n}}
= y
${if match_ip{10.0.0.1}{+ignore_unknown : t.example : 10.0.0.1}{y}{n}}
= y
${if match_ip{10.1.2.3}{!10.1.2.3 : 10.0.0.0/8}{y}{n}}
= n
${if match_ip{x}{10.0.0.0/8}{y}{n}}
= Failed: "x" is not an IP address
${if match_ip{}{:}{y}{n}}
= y
${if match_ip{}{*}{y}{n}}
= y
${if match_ip{10.1.2.3}{*}{y}{n}}
= y
${if match_ip{10.1.2.3}{net-lsearch;@DIR@/nets}{y}{n}}
= n
${if match_ip{192.168.1.1}{net32-lsearch;@DIR@/nets}{y}{n}}
= n
${if match_ip{192.168.1.1}{iplsearch;@DIR@/nets}{y}{n}}
= y
${if match_ip{127.0.0.1}{@[]}{y}{n}}
= y
${if inlist{a}{<, a, b}{y}{n}}
= y
${if inlist{}{a::b}{y}{n}}
= n
${if inlist{a}{+local_domains}{y}{n}}
= n
${if inlist{a:b}{a::b:c}{<$value>}{n}}
= <a:b>

# Lines of a file stand in the place of its name; data of @@ lookups.
${if match_domain{b.test}{@DIR@/middle : *}{<$value>}{n}}
= n
${if match_domain{b.test}{!@DIR@/middle : !*}{<$value>}{n}}
= <b.test>
${if match_domain{c.test}{!@DIR@/middle : *}{<$value>}{n}}
= n
${if match_domain{z}{@DIR@/last}{<$value>}{n}}
= <>
${if match_domain{z}{@DIR@/last : x.test}{<$value>}{n}}
= n
${if match_domain{z}{! @DIR@/last}{<$value>}{n}}
= n
${if match_domain{z}{x : ! @DIR@/last}{<$value>}{n}}
= n
${if match_domain{z}{@DIR@/none}{<$value>}{n}}
= n
${if match_domain{z}{! @DIR@/none}{<$value>}{n}}
= <>
${if match_domain{z}{@DIR@/none : *}{<$value>}{n}}
= <*>
${if match_address{joe@not.test}{@@lsearch;@DIR@/chains}{<$value>}{n}}
= n
${if match_address{jane@not.test}{@@lsearch;@DIR@/chains}{<$value>}{n}}
= <*>
${if match_address{jane@lost.test}{@@lsearch;@DIR@/chains}{<$value>}{n}}
= n
${if match_address{jane@end.test}{@@lsearch;@DIR@/chains}{<$value>}{n}}
= n
${if match_address{jane@end.test}{! @@lsearch;@DIR@/chains}{<$value>}{n}}
= <>
${if match_address{joe@end.test}{@@lsearch;@DIR@/chains : *}{y}{n}}
= y
