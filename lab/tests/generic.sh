#!/usr/bin/env bash
# Ports whose driver knows no XDP: the shim runs in the kernel's generic path, and everything else is as ever.
#
# The ports are macvlan devices over the cables: such a device takes no program of its own.
# shellcheck source=lab/lib.sh
. "$(dirname "$0")/../lib.sh"

wire() {
    ip link add "$2" netns "$1" type veth peer name "u$3" netns "$FIREWALL" &&
        ip -n "$FIREWALL" link set "u$3" up &&
        ip -n "$FIREWALL" link add link "u$3" name "$3" type macvlan mode passthru &&
        ip -n "$1" link set "$2" up && ip -n "$FIREWALL" link set "$3" up
}
test_lab "$LAB_DIR/demo.conf"

check "both families pass" wait_until 10 forwards
check_has "the shim runs generically" 'generic' cli "show ravelin status"
check "IPv4 TCP passes with source NAT" in_client curl -s -m 5 -o /dev/null http://198.51.100.2/
check "IPv6 TCP passes" in_client curl -s -m 5 -o /dev/null 'http://[2001:db8:2::2]/'
check "large pings are fragmented and pass" in_client ping -q -c3 -i0.2 -W2 -s 4000 198.51.100.2
check "bulk TCP with source NAT passes" in_client iperf3 -c 198.51.100.2 -t 1
check "bulk IPv6 TCP passes" in_client iperf3 -c 2001:db8:2::2 -t 1
check "the firewall itself answers" in_client ping -q -c3 -i0.2 -W2 10.1.0.1
check_is "a closed port stays closed" timeout probe "$CLIENT" tcp 198.51.100.2 9999
summary
