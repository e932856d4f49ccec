#!/usr/bin/env bash
# Addresses that a commit gives a unit are told to its neighbours, by ARP and by neighbour discovery, own and proxied ones; what stays is not.
# Spec: nat-proxy-6, nat-proxy-7, nat-proxy-8.
# shellcheck source=lab/lib.sh
. "$(dirname "$0")/../lib.sh"
test_lab "$LAB_DIR/demo.conf"

UNIT="interfaces ge-0/0/1 unit 0 family"
OTHER=02:00:00:00:00:99

run() { cli "configure; $1; commit"; }
told() { grep -Ec -- "$1" "$STATE/log/told"; }
is_told() { [ "$(told "$1")" = 2 ]; }
firewall_mac() { in_fw cat /sys/class/net/ge-0-0-1/address; }
known_as() { ip -n "$SERVER" neigh show "$1" dev s0 | sed -n 's/.*lladdr \([0-9a-f:]*\).*/\1/p'; }
is_firewall() { [ "$(known_as "$1")" = "$(firewall_mac)" ]; }
arp() { echo "ARP, .*[ (]${1//./\\.}[ ,]"; }
advertisement() { echo "neighbor advertisement, tgt is $1,"; }

check "the first packets pass within 10 s" wait_until 10 forwards
check "what the start tells is behind us" sleep 3
check "a capture starts" capture told "$SERVER" s0 'arp or (icmp6 and ip6[40] == 136)'
check "another station has the new addresses so far" \
    ip -n "$SERVER" neigh add 198.51.100.77 lladdr $OTHER dev s0 nud stale
check "and that of IPv6" ip -n "$SERVER" neigh add 2001:db8:2::77 lladdr $OTHER dev s0 nud stale
check "an address is added in each family" \
    run "set $UNIT inet address 198.51.100.77/24; set $UNIT inet6 address 2001:db8:2::77/64"
check "neighbours are told by ARP, twice" wait_until 10 is_told "$(arp 198.51.100.77)"
check "and by advertisements, twice" wait_until 10 is_told "$(advertisement 2001:db8:2::77)"
check "the server takes the one" is_firewall 198.51.100.77
check "and the other" is_firewall 2001:db8:2::77
check "proxied addresses are told, too" run "set security nat proxy-arp interface ge-0/0/1.0 address 198.51.100.80/32 to 198.51.100.81/32; \
set security nat proxy-ndp interface ge-0/0/1.0 address 2001:db8:2::80/128"
check "the first" wait_until 10 is_told "$(arp 198.51.100.80)"
check "the last" wait_until 10 is_told "$(arp 198.51.100.81)"
check "that of IPv6" wait_until 10 is_told "$(advertisement 2001:db8:2::80)"
check "one comes and goes at once" run "set security nat proxy-arp interface ge-0/0/1.0 address 198.51.100.90/32; commit; \
delete security nat proxy-arp interface ge-0/0/1.0 address 198.51.100.90/32"
check "its time passes" sleep 3
check "it was not told after it had gone" [ "$(told "$(arp 198.51.100.90)")" -le 1 ]
check_is "what stayed was not told again" 2 told "$(arp 198.51.100.77)"
check_is "nor in IPv6" 2 told "$(advertisement 2001:db8:2::77)"
check_is "all of it came from the firewall's station" 0 told "$OTHER"
check "traffic passes" forwards
again() { [ "$(told "$1")" = 4 ]; }
check "the daemon is killed" signal daemon KILL
check "it ends" wait_until 5 has_ended daemon
check "without it a proxied address is answered for" in_server arping -q -c1 -w2 -I s0 198.51.100.81
daemon_start "$LAB_DIR/demo.conf"
check "a new daemon tells its own address again" wait_until 20 again "$(arp 198.51.100.77)"
check "and a proxied one" wait_until 5 again "$(arp 198.51.100.80)"
check "IPv6, too" wait_until 5 again "$(advertisement 2001:db8:2::80)"
summary
