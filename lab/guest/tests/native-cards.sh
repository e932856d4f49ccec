#!/usr/bin/env bash
# Cards of a virtual machine: the driver itself runs the shim, with a queue for each of two workers.
WORKERS=2
# shellcheck source=lab/lib.sh
. "$(dirname "$0")/../../lib.sh"
test_lab "$LAB_DIR/demo.conf"

statistic() { cli "show security flow statistics" | sed -n "s/^ *$1: //p"; }
all_fetch() {
    local n
    for n in $(seq 10); do in_client curl -s -m 20 -o /dev/null "http://$1/" || { echo "connection $n"; return 1; }; done
}

check "both families pass" wait_until 20 forwards
check_has "the driver runs the shim" 'ge-0/0/0.*native' cli "show ravelin status"
check_has "two workers live" '^1 +up ' cli "show ravelin status"
check_is "the driver is what it should be" virtio_net eval "in_fw ethtool -i ge-0-0-0 | sed -n 's/^driver: //p'"
check "IPv4 connections with source NAT work" all_fetch 198.51.100.2
check "IPv6 connections work" all_fetch '[2001:db8:2::2]'
check "large pings are fragmented and pass" in_client ping -q -c3 -i0.2 -W5 -s 4000 198.51.100.2
check "bulk TCP with source NAT passes" in_client iperf3 -c 198.51.100.2 -t 2
check "bulk IPv6 TCP passes" in_client iperf3 -c 2001:db8:2::2 -t 2
check_is "a closed port stays closed" timeout probe "$CLIENT" tcp 198.51.100.2 9999
summary
