#!/usr/bin/env bash
# Links whose frames are longer than a page, beside one whose are not, with two packet workers: frames come and go in pieces,
# are handed over, wait for neighbours, are cut, answered, and survive a hand-over to another process. Spec: flow-37.
# shellcheck source=lab/lib.sh
. "$(dirname "$0")/../lib.sh"
WORKERS=2

# The trunk's cable stays as it is.
wire() {
    local mtu=9000
    [ "$1" = "$TRUNK" ] && mtu=1500
    ip link add "$2" netns "$1" mtu "$mtu" numrxqueues "$WORKERS" numtxqueues "$WORKERS" type veth \
        peer name "$3" netns "$FIREWALL" mtu "$mtu" numrxqueues "$WORKERS" numtxqueues "$WORKERS" &&
        ip -n "$1" link set "$2" up && ip -n "$FIREWALL" link set "$3" up
}
test_lab "$LAB_DIR/demo.conf"

long_ping() { in_client ping -q -c3 -i0.2 -W2 -Mdo "$@"; }
# bulk ADDRESS: the segments' size, when the upload has worked.
bulk() { in_client iperf3 --connect-timeout 3000 -c "$1" -t1 >/dev/null && [ "$(captured "$2")" -ge 100 ]; }
both_ways() {
    check "$1: the longest IPv4 passes" long_ping -s8972 198.51.100.2
    check "$1: the longest IPv6 passes" long_ping -s8952 2001:db8:2::2
    check "$1: the firewall answers the longest, IPv4" long_ping -s8972 10.1.0.1
    check "$1: the firewall answers the longest, IPv6" long_ping -s8952 2001:db8:1::1
    check "$1: what its sender cuts passes" in_client ping -q -c3 -i0.2 -W2 -s 30000 198.51.100.2
    check "$1: short ones pass" forwards
}

check "both families pass" wait_until 10 forwards
both_ways "at first"
check_is "each worker has room for 512 long frames" 2 \
    eval "cli 'show system buffers' | grep -Ec '^[01] +long +12288 +512 '"
capture segments4 "$SERVER" s0 'tcp dst port 5201 and ip and greater 8000'
capture segments6 "$SERVER" s0 'tcp dst port 5201 and ip6 and greater 8000'
check "bulk TCP with source NAT, in long segments" bulk 198.51.100.2 segments4
check "bulk IPv6 TCP, in long segments" bulk 2001:db8:2::2 segments6

# Every sequence of lengths around the pieces' edges.
check "lengths about one piece, two, and a page more" eval '
    for length in $(seq 3780 4 3840) $(seq 7650 4 7700) $(seq 7900 4 8000); do
        in_client ping -q -c1 -W2 -Mdo -s "$length" 198.51.100.2 || exit 1
    done'

in_server ip neigh flush all
check "one that waits for its neighbour passes" in_client ping -q -c1 -W3 -Mdo -s8972 198.51.100.2

check "a link may take less" cli "configure; set interfaces ge-0/0/1 unit 0 family inet mtu 1500; \
    set interfaces ge-0/0/1 unit 0 family inet6 mtu 1500; commit"
capture pieces "$SERVER" s0 'ip src 198.51.100.1 and ip[6:2] & 0x3fff != 0'
check_has "IPv4 is answered with the MTU" 'From 10\.1\.0\.1 .*[Ff]rag.* \(mtu = 1500\)' \
    in_client ping -c2 -i0.2 -W2 -Mdo -s8972 198.51.100.2
check_has "IPv6 is answered with the MTU" 'From 2001:db8:1::1 .*[Pp]acket too big.*mtu=1500' \
    in_client ping -c2 -i0.2 -W2 -Mdo -s8952 2001:db8:2::2
check "IPv4 that may be cut is cut" in_client ping -q -c3 -i0.2 -W2 -Mdont -s8900 198.51.100.2
server_got_pieces() { [ "$(captured pieces)" -ge 21 ]; }
check "into seven each" wait_until 5 server_got_pieces
check "as it was" cli "configure; delete interfaces ge-0/0/1 unit 0 family inet mtu; \
    delete interfaces ge-0/0/1 unit 0 family inet6 mtu; commit"
in_client ip route flush cache
in_client ip -6 route flush cache

spawn stream "$CLIENT" ping -q -c400 -i0.01 -s8900 198.51.100.2
old=$(dataplane_pid)
check_has "another process goes on with the bound sockets" '^ISSU: it forwards' \
    cli "request system software in-service-upgrade $(realpath "$RAVELIN")"
check "it is another one" [ "$(dataplane_pid)" != "$old" ]
both_ways "behind the hand-over"
check "bulk TCP behind it" in_client iperf3 --connect-timeout 3000 -c 198.51.100.2 -t1
check "the stream ends" wait_until 20 has_ended stream
check_has "of it nothing was lost" ' 0% packet loss' cat "$STATE/log/stream"
remember_dataplane

# The devices of a running firewall grow, and the commit behind it takes them as they are.
ip -n "$FIREWALL" link set ge-0-0-2 mtu 8000 && ip -n "$TRUNK" link set t0 mtu 8000
check "a device may grow under the shim" grep -q 8000 <(in_trunk cat /sys/class/net/t0/mtu)
check "a commit takes it as it is" cli "configure; set interfaces ge-0/0/1 unit 0 description grown; commit"
check "and packets pass" wait_until 10 forwards
for device in "$CLIENT c0" "$FIREWALL ge-0-0-0" "$FIREWALL ge-0-0-1" "$FIREWALL ge-0-0-2" "$SERVER s0" "$TRUNK t0"; do
    # shellcheck disable=SC2086
    set -- $device
    ip -n "$1" link set "$2" mtu 1500
done
check "all shrink" cli "configure; set interfaces ge-0/0/1 unit 0 description shrunk; commit"
check "what is long is cut" wait_until 10 in_client ping -q -c1 -W1 -s 5000 198.51.100.2
for device in "$CLIENT c0" "$FIREWALL ge-0-0-0" "$FIREWALL ge-0-0-1" "$SERVER s0"; do
    # shellcheck disable=SC2086
    set -- $device
    ip -n "$1" link set "$2" mtu 9000
done
check "and grow again" cli "configure; set interfaces ge-0/0/1 unit 0 description long; commit"
check "the longest passes again" wait_until 10 long_ping -s8972 198.51.100.2
check_is "no frame is in nobody's hands" 0 eval \
    "cli 'show security flow statistics' | awk '/Transmit queue full/ { n += \$NF } END { print n + 0 }'"
summary
