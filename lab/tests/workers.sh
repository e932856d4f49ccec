#!/usr/bin/env bash
# Two packet workers: whichever queue a packet arrives at, it is judged by the owner of its flow.
#
# The kernels of the hosts choose the queue by a hash of their own, so half of the packets arrive at the wrong worker.
WORKERS=2
# shellcheck source=lab/lib.sh
. "$(dirname "$0")/../lib.sh"
test_lab "$LAB_DIR/demo.conf"

statistic() { cli "show security flow statistics" | sed -n "s/^ *$1: //p"; }
were_handed_over() { [ "$(statistic 'Packets handed over')" -gt 0 ]; }
# Twenty connections of one client to one port: their ports spread them over both workers.
all_fetch() {
    local n
    for n in $(seq 20); do in_client curl -s -m 5 -o /dev/null "http://$1/" || { echo "connection $n"; return 1; }; done
}
both_workers_have_sessions() {
    cli "show security flow session" | sed -n 's/^Session ID: \([0-9]*\).*/\1/p' |
        awk '{ seen[int($1 / 1099511627776) % 256] = 1 } END { exit length(seen) != 2 }'
}

check "both families pass" wait_until 10 forwards
check "IPv4 connections with source NAT all work" all_fetch 198.51.100.2
check "IPv6 connections all work" all_fetch '[2001:db8:2::2]'
check "the firewall itself answers" in_client ping -q -c3 -i0.2 -W2 10.1.0.1
check "large pings are fragmented and pass" in_client ping -q -c3 -i0.2 -W2 -s 4000 198.51.100.2
check "large IPv6 pings are fragmented and pass" in_client ping -q -c3 -i0.2 -W2 -s 4000 2001:db8:2::2
check "bulk TCP with source NAT passes" in_client iperf3 -c 198.51.100.2 -t 2 -P 4
check "bulk IPv6 TCP passes" in_client iperf3 -c 2001:db8:2::2 -t 2 -P 4
check "packets were handed over" were_handed_over
check "both workers have sessions" both_workers_have_sessions
check_is "a closed port stays closed" timeout probe "$CLIENT" tcp 198.51.100.2 9999
check_has "both workers live" '^1 +up ' cli "show ravelin status"
summary
