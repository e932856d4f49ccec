#!/usr/bin/env bash
# Tagged units against VLAN devices of a kernel: what two hosts on one trunk say to one another passes the firewall, tagged both ways.
# shellcheck source=lab/lib.sh
. "$(dirname "$0")/../../lib.sh"

lab_more() {
    RED=$TRUNK BLUE=$TWIN_SERVER
    # A veth hands a tag over beside the frame, where no XDP program sees it, unless the sender writes it into the frame.
    in_trunk ethtool -K t0 txvlan off || return 1
    local id
    for id in 10 20; do
        ip -n "$TRUNK" link add link t0 name "t0.$id" type vlan id "$id" || return 1
    done
    ip -n "$TRUNK" link set t0.20 netns "$BLUE" || return 1
    ip -n "$RED" addr add 10.10.0.2/24 dev t0.10 && ip -n "$RED" link set t0.10 up &&
        ip -n "$RED" route add default via 10.10.0.1 || return 1
    ip -n "$BLUE" addr add 10.20.0.2/24 dev t0.20 && ip -n "$BLUE" link set t0.20 up &&
        ip -n "$BLUE" route add default via 10.20.0.1 || return 1
    spawn blue "$BLUE" python3 "$LAB_DIR/service.py" tcp:80 udp:5300
    spawn blue-iperf "$BLUE" iperf3 -s --forceflush
    wait_until 10 grep -q ready "$STATE/log/blue" && wait_until 10 grep -q listening "$STATE/log/blue-iperf"
}
test_lab "$LAB_DIR/tests/vlan.conf" ge-0/0/2.10

passes() { in_trunk ping -q -c1 -W1 10.20.0.2; }
check "pings pass from VLAN 10 to VLAN 20" wait_until 20 passes
check_is "TCP passes" "saw 10.10.0.2" probe "$RED" tcp 10.20.0.2 80
check_is "UDP passes" "saw 10.10.0.2" probe "$RED" udp 10.20.0.2 5300
check "large pings are fragmented and pass" in_trunk ping -q -c3 -i0.2 -W5 -s 4000 10.20.0.2
check "bulk TCP passes" in_trunk iperf3 -c 10.20.0.2 -t 2
check "nothing passes the other way" eval '! ip netns exec "$BLUE" ping -q -c2 -i0.2 -W1 10.10.0.2'
check "policy all was hit" was_hit red blue all
summary
