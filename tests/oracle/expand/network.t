${mask:10.1.2.3/28}
= 10.1.2.0/28
${mask:3ffe:ffff:836f:0A00:000a:0800:200a:c031/99}
= 3ffe.ffff.836f.0a00.000a.0800.2000.0000/99
${mask:1.2.3.4}
= Failed: missing mask value in "1.2.3.4"
${mask:1.2.3.4/33}
= Failed: mask value too big in "1.2.3.4/33"
${mask:abc/3}
= Failed: "abc/3" is not an IP address
${mask:1.2.3.4/x}
= Failed: "1.2.3.4/x" is not an IP address
${mask:1.2.3.4/0}
= 0.0.0.0/0
${mask_n:3ffe:ffff:836f:0A00:000a:0800:200a:c031/99}
= 3ffe:ffff:836f:a00:a:800:2000::/99
${mask_n:10.1.2.3/28}
= 10.1.2.0/28
${mask_x:10.1.2.3/28}
= 10.1.2.0/28
${reverse_ip:192.0.2.4}
= 4.2.0.192
${reverse_ip:2001:0db8:c42:9:1:abcd:192.0.2.127}
= f.7.2.0.0.0.0.c.d.c.b.a.1.0.0.0.9.0.0.0.2.4.c.0.8.b.d.0.1.0.0.2
${reverse_ip:fe80::1}
= 1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.e.f
${reverse_ip:abc}
= Failed: reverse_ip() not given an IP address [abc]
${ipv6norm:fe80::1}
= fe80::1
${ipv6norm:FE80:0:0:0::1}
= fe80::1
${ipv6norm:1.2.3.4}
= ::ffff:102:304
${ipv6norm:2001:0db8:c42:9:1:abcd:192.0.2.127}
= 2001:db8:c42:9:1:abcd:c000:27f
${ipv6norm:x}
= Failed: "x" is not an IP address
${ipv6norm:::}
= ::
! the oracle loses a colon
${ipv6norm:1:0:0:2:0:0:0:3}
= 1:0:0:2::3
${ipv6norm:1:0:2:3:4:5:6:7}
= 1::2:3:4:5:6:7
${ipv6denorm:fe80::1}
= fe80:0000:0000:0000:0000:0000:0000:0001
${ipv6denorm:1.2.3.4}
= 0000:0000:0000:0000:0000:ffff:0102:0304
${ipv6denorm:x}
= Failed: "x" is not an IP address
