#!/usr/bin/env bash
# The world's link takes less than the office's: what may be cut is cut, everybody else finds the path MTU.
# Spec: flow-20, fragment-18, session-19.
# shellcheck source=lab/lib.sh
. "$(dirname "$0")/../lib.sh"

config=$(mktemp) || exit 2
cat "$LAB_DIR/demo.conf" - >"$config" <<'JUNOS'
interfaces {
    ge-0/0/1 {
        unit 0 {
            family inet {
                mtu 1300;
            }
            family inet6 {
                mtu 1320;
            }
        }
    }
}
JUNOS
test_lab "$config"
rm -f "$config"

large_ping() { in_client ping -c2 -i0.2 -W2 -Mdo "-s$1" "$2"; }
server_got_pieces() { [ "$(captured pieces)" -ge 15 ]; }
upload() { in_client iperf3 --connect-timeout 3000 -c "$1" -t2; }

check "the first packets pass within 10 s" wait_until 10 forwards
capture pieces "$SERVER" s0 'ip src 198.51.100.1 and ip[6:2] & 0x3fff != 0'
capture large "$SERVER" s0 'ip src 198.51.100.1 and greater 1315'
check "IPv4 that may be cut is cut" in_client ping -q -c3 -i0.2 -W2 -Mdont -s1400 198.51.100.2
check "so are its fragments" in_client ping -q -c3 -i0.2 -W2 -Mdont -s3000 198.51.100.2
check "the server got pieces" wait_until 5 server_got_pieces
check_is "none larger than the link" 0 captured large
check_has "IPv4 that may not is answered with the MTU" 'From 10\.1\.0\.1 .*[Ff]rag.* \(mtu = 1300\)' large_ping 1400 198.51.100.2
check "what fits passes" large_ping 1272 198.51.100.2
check_has "IPv6 is answered with the MTU" 'From 2001:db8:1::1 .*[Pp]acket too big.*mtu=1320' large_ping 1400 2001:db8:2::2
check "IPv6 that fits passes" large_ping 1272 2001:db8:2::2
check "TCP finds the path MTU, IPv4" upload 198.51.100.2
check "TCP finds the path MTU, IPv6" upload 2001:db8:2::2
check "IPv6 cut by its sender passes" in_client ping -q -c3 -i0.2 -W2 -Mdont -s3000 2001:db8:2::2
summary
