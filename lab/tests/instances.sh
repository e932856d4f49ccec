#!/usr/bin/env bash
# Two virtual routers with the same addresses on both sides, one route into the default instance, and a filter that
# chooses routes. Spec: routing-instance-5..17.
WORKERS=2
# shellcheck source=lab/lib.sh
. "$(dirname "$0")/../lib.sh"

# The trunk is the network that both may reach; it also has the server's address, for what a filter sends its way.
lab_more() {
    lab_twins || return 1
    ip -n "$TRUNK" addr add 192.0.2.2/24 dev t0 && ip -n "$TRUNK" addr add 198.51.100.2/32 dev lo || return 1
    ip -n "$TRUNK" route add 10.1.0.0/24 via 192.0.2.1 || return 1
    spawn twin "$TWIN_SERVER" python3 "$LAB_DIR/service.py" tcp:80 udp:5300
    spawn shared "$TRUNK" python3 "$LAB_DIR/service.py" tcp:80 tcp:8081
    wait_until 10 grep -q ready "$STATE/log/twin" && wait_until 10 grep -q ready "$STATE/log/shared"
}

test_lab "$LAB_DIR/tests/instances.conf" ge-0/0/3.0

twin() { ip netns exec "$TWIN_CLIENT" "$@"; }
twin_forwards() { twin ping -q -c1 -W1 198.51.100.2 && twin ping -q -c1 -W1 2001:db8:2::2; }

# One tuple in two routers at once: the first is translated, the second isn't, and each has its own answer.
same_tuple_twice() {
    local first second
    probe "$CLIENT" udp 198.51.100.2 5300 10.1.0.2 6000 >"$STATE/out/first" &
    probe "$TWIN_CLIENT" udp 198.51.100.2 5300 10.1.0.2 6000 >"$STATE/out/second"
    wait $!
    first=$(<"$STATE/out/first") second=$(<"$STATE/out/second")
    echo "$first, $second"
}

many_tuples_twice() {
    local port
    for port in {6001..6024}; do
        [ "$(probe "$CLIENT" udp 198.51.100.2 5300 10.1.0.2 "$port")" = "saw 198.51.100.1" ] || { echo "A, $port"; return 1; }
        [ "$(probe "$TWIN_CLIENT" udp 198.51.100.2 5300 10.1.0.2 "$port")" = "saw 10.1.0.2" ] || { echo "B, $port"; return 1; }
    done
}

filtered() { cli "show firewall filter by-port" | awk '$1 == "through-trunk" { print $3 }'; }
commit() { cli "configure; $1; commit and-quit"; }
rules() { in_fw ip rule show; in_fw ip -6 rule show; }
tables() { in_fw ip route show table all; in_fw ip -6 route show table all; }

check "the first router's packets pass within 10 s" wait_until 10 forwards
check "the second one's do" wait_until 10 twin_forwards
check_is "TCP in the first is translated" "saw 198.51.100.1" probe "$CLIENT" tcp 198.51.100.2 80
check_is "TCP in the second is not" "saw 10.1.0.2" probe "$TWIN_CLIENT" tcp 198.51.100.2 80
check_is "IPv6 in the first" "saw 2001:db8:1::2" probe "$CLIENT" tcp 2001:db8:2::2 80
check_is "IPv6 in the second" "saw 2001:db8:1::2" probe "$TWIN_CLIENT" tcp 2001:db8:2::2 80
check_is "one tuple is two sessions" "saw 198.51.100.1, saw 10.1.0.2" same_tuple_twice
check "24 tuples in both, with two workers" many_tuples_twice
check_is "by its next-table the first reaches the network of both" "saw 192.0.2.1" probe "$CLIENT" tcp 192.0.2.2 80
check_has "the second has no way to it" 'From 10.1.0.1 .*Destination Net Unreachable' twin ping -c1 -W2 192.0.2.2
check_is "what the filter names goes by its instance's routes, answers come back" "saw 10.1.0.2" \
    probe "$TWIN_CLIENT" tcp 198.51.100.2 8081
seen_once() { [ "$(grep -c 10.1.0.2 "$STATE/log/shared")" = 1 ]; }
check "to the trunk" wait_until 5 seen_once
check "and was counted" test "$(filtered)" -gt 0
check_has "a static route of the first alone: its server" '^203\.0\.113\.0/24' cli "show route table VR-A.inet.0"
check_has "the table of the second is shown" '^VR-B\.inet6\.0: ' cli "show route"
check_has "a route into another table is shown so" 'to table inet\.0' cli "show route 192.0.2.2 table VR-A.inet.0"
check_has "instances are listed" '^VR-B +virtual-router' cli "show route instance"
check_has "with their interfaces" '^ge-0/0/4\.0 ' cli "show interfaces terse routing-instance VR-B"
check "the firewall answers in the first" in_client ping -q -c1 -W2 10.1.0.1

signal daemon KILL
wait_until 5 has_ended daemon
check "packets pass without a daemon" twin_forwards
daemon_start "$LAB_DIR/tests/instances.conf"
check "it comes back" wait_until 30 units_are_up ge-0/0/3.0
check "both routers' packets pass" eval 'forwards && twin_forwards'

check "an interface leaves its instance" commit \
    "delete routing-instances VR-B interface ge-0/0/3.0; delete routing-instances VR-B interface ge-0/0/4.0; delete routing-instances VR-B"
check "the default instance has its networks" wait_until 10 twin_forwards
check "the first is not touched" forwards
check_has "the second one's table is gone" 'not found' cli "show route table VR-B.inet.0"
rules >"$STATE/out/rules"; tables >"$STATE/out/tables"
check "every instance goes" commit "delete routing-instances VR-A; delete routing-instances ISP2; delete interfaces ge-0/0/3; \
    delete interfaces ge-0/0/4; delete security nat; delete security zones security-zone b-in; \
    delete security zones security-zone b-out; delete firewall"
check "packets pass without instances" wait_until 10 in_client ping -q -c1 -W1 2001:db8:2::2
no_trace() { ! rules | grep -q 'lookup 138' && ! tables | grep -q 'table 138'; }
check "no rule or table of one stays in the kernel" wait_until 5 no_trace
summary
