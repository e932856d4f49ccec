#!/usr/bin/env bash
# Long frames on ports whose driver knows no XDP (as in generic.sh). Spec: flow-37.
# shellcheck source=lab/lib.sh
. "$(dirname "$0")/../lib.sh"

wire() {
    ip link add "$2" netns "$1" mtu 9000 type veth peer name "u$3" netns "$FIREWALL" mtu 9000 &&
        ip -n "$FIREWALL" link set "u$3" up &&
        ip -n "$FIREWALL" link add link "u$3" name "$3" mtu 9000 type macvlan mode passthru &&
        ip -n "$1" link set "$2" up && ip -n "$FIREWALL" link set "$3" up
}
test_lab "$LAB_DIR/demo.conf"

check "both families pass" wait_until 10 forwards
check_has "the shim runs generically" 'generic' cli "show ravelin status"
check "the longest IPv4 passes" in_client ping -q -c3 -i0.2 -W2 -Mdo -s8972 198.51.100.2
check "the longest IPv6 passes" in_client ping -q -c3 -i0.2 -W2 -Mdo -s8952 2001:db8:2::2
check "the firewall answers the longest" in_client ping -q -c3 -i0.2 -W2 -Mdo -s8972 10.1.0.1
check "bulk TCP with source NAT passes" in_client iperf3 -c 198.51.100.2 -t 1
check "bulk IPv6 TCP passes" in_client iperf3 -c 2001:db8:2::2 -t 1
summary
