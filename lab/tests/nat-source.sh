#!/usr/bin/env bash
# Interface source NAT as the server sees it. Spec: nat-source-1..8.
# shellcheck source=lab/lib.sh
. "$(dirname "$0")/../lib.sh"
test_lab "$LAB_DIR/demo.conf"

ip -n "$CLIENT" addr add 10.1.0.3/24 dev c0

# Two office hosts use one source port at once; each gets its own answer back.
same_port_twice() {
    local first second
    probe "$CLIENT" udp 198.51.100.2 5300 10.1.0.2 6000 >"$STATE/out/first" &
    probe "$CLIENT" udp 198.51.100.2 5300 10.1.0.3 6000 >"$STATE/out/second"
    wait $!
    first=$(<"$STATE/out/first") second=$(<"$STATE/out/second")
    echo "$first, $second"
}

many_connections() {
    local count
    for count in {1..100}; do
        [ "$(in_client curl -s --max-time 5 http://198.51.100.2/)" = 198.51.100.1 ] || { echo "at $count"; return 1; }
    done
}

check "the first packets pass within 10 s" wait_until 10 forwards
check "a capture of untranslated addresses starts" capture inside "$SERVER" s0 net 10.1.0.0/24
check_is "TCP leaves from the egress address" "saw 198.51.100.1" probe "$CLIENT" tcp 198.51.100.2 80
check_is "UDP leaves from the egress address" "saw 198.51.100.1" probe "$CLIENT" udp 198.51.100.2 5300
check "ICMP echo is translated there and back" in_client ping -q -c3 -i0.1 -W2 198.51.100.2
check_is "one source port of two hosts stays two sessions" "saw 198.51.100.1, saw 198.51.100.1" same_port_twice
check_is "IPv6 is not translated by an IPv4 rule" "saw 2001:db8:1::2" probe "$CLIENT" tcp 2001:db8:2::2 80
check "100 connections through one address" many_connections
check_is "no inside address was seen outside" 0 captured inside
summary
