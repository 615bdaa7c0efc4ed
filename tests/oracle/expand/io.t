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
