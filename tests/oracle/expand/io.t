${readsocket{/nonexistent}{x}}
= Failed: failed to connect to socket /nonexistent: No such file or directory
${readsocket{/nonexistent}{x}{3s}{}{failed}}
= failed
${readsocket{nonexist}{x}{3s}{}{failed}}
= failed
${readsocket{inet:127.0.0.1:1}{x}{3s}{}{failed}}
= failed
${readsocket{inet:127.0.0.1:1}{x}}
= Failed: failed to connect to any address for 127.0.0.1: Connection refused
${readsocket{inet:127.0.0.1}{x}}
= Failed: missing port for readsocket 127.0.0.1
! the oracle gives no reason at all
${readfile{/nonexistent}}
= Failed: failed to open /nonexistent: No such file or directory
${run{/nonexistent}}
= 
${run{/nonexistent}{y}{n}}
= n
${run{/bin/false}{y}{n$runrc}}
= n1
${run{/bin/echo a b}}
= a b\n
${run{echo a b}}
= 
${run{/bin/echo "a  b" c}{<$value>}{n}}
= <a  b c\n>
${run{/bin/echo {lc:H I}}{false}{a:b:c}}
= {lc:H I\n{false}{a:b:c}}
${run{/bin/echo a{b ${lc:X}}}
= a{b x\n
${run{/bin/echo a {b c}{yes}{no}}
= yes
${run{/bin/echo ${lc:A{B}}}
= a{b\n
${run{/bin/echo \N}\N ${lc:"X"} "${lc:Y"}z"}}
= } "x" y"z\n
! a word ends where its expansion ends
${run{/bin/echo $nosuch}}
= Failed: unknown variable name "nosuch"
! is found before it runs
