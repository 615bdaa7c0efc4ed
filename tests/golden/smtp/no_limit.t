[config]
smtp_accept_max = 0
smtp_accept_reserve = 5
host_lookup =
[talk]
# without a limit nothing can be reserved
S: 220 *
C: QUIT
S: 221 *
