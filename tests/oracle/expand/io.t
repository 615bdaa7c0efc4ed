${readsocket{/nonexist}{x}}
= Failed: failed to connect to socket /nonexist: Connection refused
${readsocket{/nonexist}{x}{3s}{}{failed}}
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
${readfile{/nonexist}}
= 
${run{/nonexist}}
= 
${run{/nonexist}{y}{n}}
= n
${run{/bin/false}{y}{n$runrc}}
= n1
${run{/bin/echo a b}}
= a b\n
${run{echo a b}}
= 
${run{/bin/echo "a  b" c}{<$value>}{n}}
= <a  b c\n>
