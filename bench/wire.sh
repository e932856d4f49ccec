#!/usr/bin/env bash
# Ravelin on veth against the kernel, in one interleaved run: one TCP stream, and the flood ping's RTT.
#
# wire.sh [ROUNDS [SECONDS]]: needs root, nft, and a release binary in RAVELIN. Every round runs every case once;
# the table has the median of the rounds, minimum and maximum, and the median of the rounds' ratios to nftables.
# Client and server have one cable to Ravelin (which the kernel does not help: ip_forward 0) and one to a kernel
# that forwards. "GSO off" is TSO and GSO off at both hosts; an XDP program on veth means that for Ravelin anyway.
#
#   client c0 10.1.0.2 -- ge-0-0-0 [rvb-fw]     ge-0-0-1 -- 198.51.100.2 s0 server
#          c1 10.2.0.2 --       k0 [rvb-kernel] k1       -- 198.51.101.2 s1
BENCH_DIR=$(cd "$(dirname "$0")" && pwd)
RAVELIN=${RAVELIN:-$BENCH_DIR/../target/release/ravelin}
# shellcheck source=lab/lib.sh
. "$BENCH_DIR/../lab/lib.sh"

ROUNDS=${1:-3}
SECONDS_EACH=${2:-2}
STATE=/tmp/rvb-state
CLIENT=rvb-client
FIREWALL=rvb-fw
KERNEL=rvb-kernel
SERVER=rvb-server
NAMESPACES=("$CLIENT" "$FIREWALL" "$KERNEL" "$SERVER")

cable() { # NAMESPACE END ADDRESS NAMESPACE END ADDRESS|-
    ip link add "$2" netns "$1" type veth peer name "$5" netns "$4" &&
        ip -n "$1" addr add "$3" dev "$2" && ip -n "$1" link set "$2" up &&
        ip -n "$4" link set "$5" up || return 1
    [ "$6" = - ] || ip -n "$4" addr add "$6" dev "$5"
}

build() {
    lab_down
    mkdir -m 700 "$STATE" && mkdir "$STATE"/{bpf,log,pid,run,state,out} || return 1
    mount -t bpf bpf "$STATE/bpf" -o mode=0700 || return 1
    local namespace
    for namespace in "${NAMESPACES[@]}"; do
        ip netns add "$namespace" && ip -n "$namespace" link set lo up || return 1
    done
    cable "$CLIENT" c0 10.1.0.2/24 "$FIREWALL" ge-0-0-0 - &&
        cable "$SERVER" s0 198.51.100.2/24 "$FIREWALL" ge-0-0-1 - &&
        cable "$CLIENT" c1 10.2.0.2/24 "$KERNEL" k0 10.2.0.1/24 &&
        cable "$SERVER" s1 198.51.101.2/24 "$KERNEL" k1 198.51.101.1/24 || return 1
    in_fw sysctl -qw net.ipv4.ip_forward=0
    ip netns exec "$KERNEL" sysctl -qw net.ipv4.ip_forward=1
    ip -n "$CLIENT" route add 198.51.100.0/24 via 10.1.0.1
    ip -n "$CLIENT" route add 198.51.101.0/24 via 10.2.0.1
    ip -n "$SERVER" route add 10.2.0.0/24 via 198.51.101.1
}

# What the kernel's firewall does: plain, or connection tracking with masquerade.
kernel_is() {
    ip netns exec "$KERNEL" nft flush ruleset
    [ "$1" = plain ] || ip netns exec "$KERNEL" nft -f - <<'RULES'
table ip bench {
    chain forward {
        type filter hook forward priority filter; policy drop;
        ct state established,related accept
        iifname "k0" oifname "k1" accept
    }
    chain out {
        type nat hook postrouting priority srcnat;
        oifname "k1" masquerade
    }
}
RULES
}

gso_is() { # on|off, at the kernel's cable
    in_client ethtool -K c1 tso "$1" gso "$1" && in_server ethtool -K s1 tso "$1" gso "$1"
} >/dev/null 2>&1

# Gbit/s that the server received; client on one processor, server on the other.
tcp() {
    in_client taskset -c 0 iperf3 --connect-timeout 3000 -c "$1" -t "$SECONDS_EACH" -J |
        jq -e '.end.sum_received.bits_per_second / 1e9' || echo 0
}

# rtt ADDRESS PROCESSOR: mean round-trip time in microseconds, the client there. The kernel forwards where the client
# runs; a worker of Ravelin is on its own processor, the last one, and is woken there.
rtt() {
    in_client taskset -c "$2" ping -q -f -c 20000 "$1" | sed -n 's|^rtt [^=]*= [0-9.]*/\([0-9.]*\)/.*|\1|p' | awk '{ print $1 * 1000 }'
}

note() { echo "$1 $2" >>"$STATE/out/results"; }

round() {
    local gso
    for gso in on off; do
        gso_is $gso
        kernel_is plain
        note "tcp:kernel-gso-$gso" "$(tcp 198.51.101.2)"
        kernel_is nat
        note "tcp:nft-nat-gso-$gso" "$(tcp 198.51.101.2)"
    done
    note tcp:ravelin "$(tcp 198.51.100.2)"
    kernel_is plain
    note rtt:kernel "$(rtt 198.51.101.2 0)"
    kernel_is nat
    note rtt:nft-nat "$(rtt 198.51.101.2 0)"
    note rtt:ravelin-same "$(rtt 198.51.100.2 "$(($(nproc) - 1))")"
    note rtt:ravelin-other "$(rtt 198.51.100.2 0)"
}

table() {
    python3 - "$STATE/out/results" <<'PYTHON'
import statistics, sys
cases = {}
for line in open(sys.argv[1]):
    name, value = line.split()
    cases.setdefault(name, []).append(float(value))
def row(title, name, base):
    values = cases[name]
    ratio = statistics.median(a / b if b else 0 for a, b in zip(values, cases[base]))
    print(f"{title:42} {statistics.median(values):7.2f} ({min(values):.2f}-{max(values):.2f})   {ratio:5.2f} x {base.split(':')[1]}")
print("TCP, one stream, Gbit/s                 median (min-max)     ratio")
for gso in ("on", "off"):
    row(f"kernel forwarding, GSO {gso}", f"tcp:kernel-gso-{gso}", f"tcp:nft-nat-gso-{gso}")
    row(f"nftables conntrack + masquerade, GSO {gso}", f"tcp:nft-nat-gso-{gso}", f"tcp:nft-nat-gso-{gso}")
row("ravelin, AF_XDP, source NAT", "tcp:ravelin", "tcp:nft-nat-gso-off")
row("ravelin, AF_XDP, source NAT", "tcp:ravelin", "tcp:nft-nat-gso-on")
print("Flood ping, mean RTT, us                median (min-max)     ratio")
for title, name in (("kernel", "kernel"), ("nft-nat", "nft-nat"),
                    ("ravelin, client on the worker's processor", "ravelin-same"),
                    ("ravelin, client on another", "ravelin-other")):
    row(title, f"rtt:{name}", "rtt:nft-nat")
PYTHON
}

main() {
    require_root || return
    local tool n
    for tool in nft jq taskset; do
        command -v "$tool" >/dev/null || { echo "bench: '$tool' is missing" >&2; return 77; }
    done
    trap lab_down EXIT
    trap 'exit 130' INT TERM
    build || { echo "bench: the namespaces could not be built" >&2; return 1; }
    spawn iperf "$SERVER" taskset -c 1 iperf3 -s --forceflush
    firewall_start "$BENCH_DIR/wire.conf" || return 1
    if ! wait_until 10 in_client ping -q -c1 -W1 198.51.100.2 || ! wait_until 10 in_client ping -q -c1 -W1 198.51.101.2; then
        echo "bench: nothing passes the firewalls" >&2
        return 1
    fi
    for ((n = 0; n < ROUNDS; n++)); do round; done
    echo "veth, $(nproc) processors, Linux $(uname -r), $ROUNDS rounds of $SECONDS_EACH s, load $(cut -d' ' -f1 /proc/loadavg)"
    table
}

main
