# Whoever it is might be the proxy, whose word is taken for a client's address: nobody is served.
[config]
hosts_proxy = /nonexistent/proxies
acl_smtp_rcpt = accept
[talk]
S: 421 mx.example: Temporary local problem; please try again later.
L: cannot tell whether [192.0.2.9] is in hosts_proxy: */nonexistent/proxies*
L: Connection from [192.0.2.9] refused: hosts_proxy cannot be looked at
