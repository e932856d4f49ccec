#!/usr/bin/env bash
# A link behind the NAT takes less than the client's: kernels learn so through NAT44 and NAT64, and their connections go on.
# Spec: nat-source-14, nat-static-13, flow-20, rfc7915-12.
# Proves: rfc4787-13, rfc5382-9, rfc7915-7, rfc7915-12.
# shellcheck source=lab/lib.sh
. "$(dirname "$0")/../lib.sh"
# shellcheck source=lab/far.sh
. "$LAB_DIR/far.sh"

config=$(mktemp) || exit 2
far_config >"$config"
test_lab "$config"
rm -f "$config"
check "there is a network behind the server" far_up
spawn fariperf "$TRUNK" iperf3 -s --forceflush

reaches() { in_client ping -q -c1 -W1 192.0.2.2 && in_client ping -q -c1 -W1 "$FAR_SIX"; }
large_ping() { in_client ping -c2 -i0.2 -W2 -Mdo "-s$1" "$2"; }
upload() { in_client iperf3 --connect-timeout 3000 -c "$1" -t2; }
path_mtu() { in_client ip route get "$1" | sed -n 's/.* mtu \([0-9]*\).*/\1/p'; }
forget() { ip -n "$CLIENT" route flush cache; ip -n "$CLIENT" -6 route flush cache; }

check "the first packets pass within 10 s" wait_until 10 reaches
check "a listener is behind the server" wait_until 10 grep -q listening "$STATE/log/fariperf"
capture toolarge "$CLIENT" c0 'icmp[0] == 3 and icmp[1] == 4'
check_has "NAT44: the router behind tells the sender its MTU" 'From 198\.51\.100\.2 .*[Ff]rag.* \(mtu = 1300\)' \
    large_ping 1400 192.0.2.2
check "what fits passes" large_ping 1272 192.0.2.2
check_is "the client's kernel has learnt it" 1300 path_mtu 192.0.2.2
check "it forgets" forget
check "TCP finds the path MTU" upload 192.0.2.2
check_is "and the kernel has learnt it again" 1300 path_mtu 192.0.2.2
check_has "the errors came as the client's own" 'IP 198\.51\.100\.2 > 10\.1\.0\.2: ICMP 192\.0\.2\.2' cat "$STATE/log/toolarge"
# 1300 bytes of IPv4 are 1320 of IPv6 (RFC 7915 5.1).
check_has "NAT64: the router behind tells the sender its MTU" "From $SERVER_SIX .*[Pp]acket too big.*mtu=1320" \
    large_ping 1400 "$FAR_SIX"
# An answer without DF is cut to 1280 bytes, and parts of ICMP messages are not translated (RFC 7915 4.2).
check "what fits passes" large_ping 1224 "$FAR_SIX"
check_is "the client's kernel has learnt it" 1320 path_mtu "$FAR_SIX"
check "it forgets" forget
check "TCP finds the path MTU" upload "$FAR_SIX"
check_is "and the kernel has learnt it again" 1320 path_mtu "$FAR_SIX"
summary
