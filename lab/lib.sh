# shellcheck shell=bash
# The lab: a client, a firewall, a server and a trunk in network namespaces, joined by veth.
#
# Sourced by topology.sh, demo.sh and run-tests. A lab has a name; all it owns carries that name:
# the namespaces rav-NAME-*, and one directory with logs, pids, sockets and a bpffs of its own.
# A second `lab_up` of the same name first clears what a crashed one left behind.
#
#   client 10.1.0.2/24         ge-0-0-0 [fw] ge-0-0-1         198.51.100.2/24 server
#          2001:db8:1::2/64              [fw] ge-0-0-2  trunk         2001:db8:2::2/64
#
# Two more namespaces stand by for a second client and server, which a test joins by `lab_twins`: ge-0-0-3 and
# ge-0-0-4, with the addresses of the first two.
#
# The kernel of the firewall forwards nothing (ip_forward 0): what passes, Ravelin passed.
# The server has no IPv4 route back to the client's network: an answer proves source NAT.

set -u -o pipefail

LAB_DIR=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
export PYTHONDONTWRITEBYTECODE=1
RAVELIN=${RAVELIN:-$LAB_DIR/../target/debug/ravelin}

# Packet workers of the firewall.
WORKERS=${WORKERS:-1}
# Sessions that it holds.
SESSIONS=${SESSIONS:-262144}

PASSED=0
FAILED=0

# --- Names ------------------------------------------------------------------------------------------

lab_name() {
    LAB=$1
    case $LAB in
        '' | *[!a-z0-9]*) echo "lab: a name is lower case letters and digits, not '$LAB'" >&2; return 2 ;;
    esac
    STATE=/tmp/ravelin-lab-$LAB
    CLIENT=rav-$LAB-client
    FIREWALL=rav-$LAB-fw
    SERVER=rav-$LAB-server
    TRUNK=rav-$LAB-trunk
    TWIN_CLIENT=rav-$LAB-client2
    TWIN_SERVER=rav-$LAB-server2
    NAMESPACES=("$CLIENT" "$FIREWALL" "$SERVER" "$TRUNK" "$TWIN_CLIENT" "$TWIN_SERVER")
}

in_client() { ip netns exec "$CLIENT" "$@"; }
in_fw() { ip netns exec "$FIREWALL" "$@"; }
in_server() { ip netns exec "$SERVER" "$@"; }
in_trunk() { ip netns exec "$TRUNK" "$@"; }

# --- Waiting ----------------------------------------------------------------------------------------

now_ms() { echo $(($(date +%s%N) / 1000000)); }

# wait_until SECONDS COMMAND...: true as soon as the command is, false at the deadline.
wait_until() {
    local deadline=$(($(now_ms) + $1 * 1000))
    shift
    until "$@" >/dev/null 2>&1; do
        [ "$(now_ms)" -lt "$deadline" ] || return 1
        sleep 0.05
    done
}

# --- Processes --------------------------------------------------------------------------------------

# The time a process started, in clock ticks: with the pid it names one process for ever.
start_time() { sed 's/.*) //' "/proc/$1/stat" 2>/dev/null | cut -d' ' -f20; }

# spawn NAME NAMESPACE COMMAND...: runs in the background, logs to STATE/log/NAME, remembers the pid.
spawn() {
    local name=$1 namespace=$2
    shift 2
    ip netns exec "$namespace" "$@" </dev/null >>"$STATE/log/$name" 2>&1 &
    remember "$name" $!
}

remember() { echo "$2 $(start_time "$2")" >"$STATE/pid/$1"; }

# The pid remembered under NAME, if that very process still runs. One whose first thread has ended runs while another has not: its
# sockets and locks are still its own.
pid_of() {
    local pid started threads
    read -r pid started 2>/dev/null <"$STATE/pid/$1" || return 1
    [ -n "$started" ] && [ "$(start_time "$pid")" = "$started" ] || return 1
    if [ "$(sed 's/.*) //' "/proc/$pid/stat" | cut -c1)" = Z ]; then
        threads=("/proc/$pid/task"/*)
        [ ${#threads[@]} -gt 1 ] || return 1
    fi
    echo "$pid"
}

# signal NAME SIGNAL: sends it, if the process still runs.
signal() {
    local pid
    pid=$(pid_of "$1") && kill -"$2" "$pid" 2>/dev/null
}

has_ended() { ! pid_of "$1" >/dev/null; }

# stop NAME: asks, then insists.
stop() {
    signal "$1" TERM || return 0
    wait_until 5 has_ended "$1" || signal "$1" KILL
    wait_until 5 has_ended "$1"
}

# Nothing but the lab's own processes can be in the lab's own namespaces.
namespace_is_empty() { [ -z "$(ip netns pids "$1" 2>/dev/null)" ]; }

empty_namespace() {
    local signal pid
    for signal in TERM KILL; do
        for pid in $(ip netns pids "$1" 2>/dev/null); do kill -"$signal" "$pid" 2>/dev/null; done
        wait_until 5 namespace_is_empty "$1" && return 0
    done
    return 1
}

# --- Topology ---------------------------------------------------------------------------------------

require_root() {
    [ "$(id -u)" = 0 ] || { echo "lab: needs root (network namespaces, XDP)" >&2; return 77; }
    local tool
    for tool in ip ping curl iperf3 python3 ethtool tcpdump nft; do
        command -v "$tool" >/dev/null || { echo "lab: '$tool' is missing; run 'make deps'" >&2; return 77; }
    done
}

lab_down() {
    local namespace pidfile
    for namespace in "${NAMESPACES[@]}"; do
        [ -e "/run/netns/$namespace" ] || continue
        empty_namespace "$namespace" || echo "lab: something in $namespace does not end" >&2
        ip netns del "$namespace"
    done
    if [ -d "$STATE" ] && [ ! -L "$STATE" ]; then
        for pidfile in "$STATE"/pid/*; do
            [ -e "$pidfile" ] && stop "${pidfile##*/}"
        done
        while mountpoint -q "$STATE/bpf"; do umount "$STATE/bpf" || umount -l "$STATE/bpf" || break; done
        rm -rf --one-file-system "$STATE"
    fi
    return 0
}

lab_up() {
    lab_down
    mkdir -m 700 "$STATE" || return 1
    mkdir "$STATE"/{bpf,log,pid,run,state,out} || return 1
    mount -t bpf bpf "$STATE/bpf" -o mode=0700 || return 1
    local namespace
    for namespace in "${NAMESPACES[@]}"; do
        ip netns add "$namespace" || return 1
        ip -n "$namespace" link set lo up || return 1
    done
    in_fw sysctl -qw net.ipv4.ip_forward=0 net.ipv6.conf.all.forwarding=0 || return 1
    wire "$CLIENT" c0 ge-0-0-0 && wire "$SERVER" s0 ge-0-0-1 && wire "$TRUNK" t0 ge-0-0-2 || return 1
    in_trunk sysctl -qw net.ipv6.conf.t0.disable_ipv6=1 || return 1
    address "$CLIENT" c0 10.1.0.2/24 2001:db8:1::2/64 || return 1
    address "$SERVER" s0 198.51.100.2/24 2001:db8:2::2/64 || return 1
    ip -n "$SERVER" addr add 203.0.113.1/32 dev lo || return 1
    ip -n "$CLIENT" route add default via 10.1.0.1 || return 1
    ip -n "$CLIENT" -6 route add default via 2001:db8:1::1 || return 1
    ip -n "$SERVER" -6 route add 2001:db8:1::/64 via 2001:db8:2::1 || return 1
}

lab_twins() {
    wire "$TWIN_CLIENT" c0 ge-0-0-3 && wire "$TWIN_SERVER" s0 ge-0-0-4 || return 1
    address "$TWIN_CLIENT" c0 10.1.0.2/24 2001:db8:1::2/64 || return 1
    address "$TWIN_SERVER" s0 198.51.100.2/24 2001:db8:2::2/64 || return 1
    ip -n "$TWIN_CLIENT" route add default via 10.1.0.1 || return 1
    ip -n "$TWIN_CLIENT" -6 route add default via 2001:db8:1::1 || return 1
    ip -n "$TWIN_SERVER" route add 10.1.0.0/24 via 198.51.100.1 || return 1
    ip -n "$TWIN_SERVER" -6 route add 2001:db8:1::/64 via 2001:db8:2::1 || return 1
}

# wire NAMESPACE END PORT: one cable between a host and a port of the firewall, offloads as they come. Each end
# has WORKERS queues, one a packet worker.
wire() {
    ip link add "$2" netns "$1" numrxqueues "$WORKERS" numtxqueues "$WORKERS" type veth \
        peer name "$3" netns "$FIREWALL" numrxqueues "$WORKERS" numtxqueues "$WORKERS" &&
        ip -n "$1" link set "$2" up && ip -n "$FIREWALL" link set "$3" up
}

address() {
    ip -n "$1" addr add "$3" dev "$2" && ip -n "$1" -6 addr add "$4" dev "$2" nodad
}

# --- The firewall -----------------------------------------------------------------------------------

cli() { timeout 20 "$RAVELIN" cli --socket "$STATE/run/api.sock" -c "$*"; }

daemon_start() {
    spawn daemon "$FIREWALL" "$RAVELIN" daemon --config "$1" --state "$STATE/state" \
        --run "$STATE/run" --bpffs "$STATE/bpf" --workers "$WORKERS" --sessions "$SESSIONS"
}

# The dataplane outlives the daemon, so it is found by where it runs and what it is.
dataplane_pid() {
    local pid
    for pid in $(ip netns pids "$FIREWALL"); do
        [ "$(tr '\0' '\n' <"/proc/$pid/cmdline" 2>/dev/null | sed -n 2p)" = dataplane ] && echo "$pid" && return
    done
    return 1
}

remember_dataplane() {
    local pid
    pid=$(dataplane_pid) && remember dataplane "$pid"
}

units_are_up() { cli "show interfaces terse" | grep -Eq "^$1 +up +up"; }
forwards() { in_client ping -q -c1 -W1 198.51.100.2 && in_client ping -q -c1 -W1 2001:db8:2::2; }

# firewall_start CONFIG [UNIT]: true when the daemon answers, the unit is up and the dataplane runs.
firewall_start() {
    [ -x "$RAVELIN" ] || { echo "lab: no binary at $RAVELIN; build it or set RAVELIN" >&2; return 1; }
    daemon_start "$1"
    if ! wait_until 30 units_are_up "${2:-ge-0/0/0.0}" || ! wait_until 10 remember_dataplane; then
        echo "lab: the firewall is not ready after 30 s; its log ends with:" >&2
        tail -n 30 "$STATE/log/daemon" >&2
        return 1
    fi
}

# What a test adds to the topology before the firewall starts.
lab_more() { :; }

# services_start: what the hosts offer. Denied and rejected ports do listen: a leak would be seen.
services_start() {
    spawn web "$SERVER" python3 "$LAB_DIR/service.py" tcp:80 tcp:23 tcp:8081 tcp:9999 udp:5300 udp:5400 udp:9999
    spawn iperf "$SERVER" iperf3 -s --forceflush
    spawn office "$CLIENT" python3 "$LAB_DIR/service.py" tcp:80 udp:5300
    spawn login "$FIREWALL" python3 "$LAB_DIR/service.py" tcp:22 tcp:23
    wait_until 10 grep -q ready "$STATE/log/web" && wait_until 10 grep -q ready "$STATE/log/office" &&
        wait_until 10 grep -q ready "$STATE/log/login" && wait_until 10 grep -q listening "$STATE/log/iperf"
}

# What became of one TCP connection or UDP datagram: `saw ADDRESS`, refused, reset, unreachable or timeout.
probe() { # NAMESPACE tcp|udp ADDRESS PORT [SOURCE SOURCE-PORT]
    ip netns exec "$1" python3 "$LAB_DIR/probe.py" "${@:2}"
}

# capture NAME NAMESPACE DEVICE FILTER...: counts what passes; `captured NAME` tells how many so far.
capture() {
    local name=$1 namespace=$2 device=$3
    shift 3
    spawn "$name" "$namespace" tcpdump -l -n -i "$device" "$@"
    wait_until 5 grep -q 'listening on' "$STATE/log/$name"
}

captured() { grep -Ec '^[0-9:.]+ IP6? ' "$STATE/log/$1"; }

# --- Verdicts ---------------------------------------------------------------------------------------

ok() { PASSED=$((PASSED + 1)); echo "ok - $1"; }
fail() { FAILED=$((FAILED + 1)); echo "FAIL - $1"; }

# check NAME COMMAND...: the command's success is the verdict; its output is shown when it fails.
check() {
    local name=$1 out
    shift
    if out=$("$@" 2>&1); then
        ok "$name"
    else
        fail "$name"
        printf '%s\n' "$out" | tail -n 15 | sed 's/^/    /'
    fi
}

# check_is NAME EXPECTED COMMAND...: the command must print exactly that.
check_is() {
    local name=$1 expected=$2 out
    shift 2
    out=$("$@" 2>&1)
    if [ "$out" = "$expected" ]; then
        ok "$name"
    else
        fail "$name"
        printf '    expected: %s\n    found:    %s\n' "$expected" "$out"
    fi
}

# check_has NAME PATTERN COMMAND...: a line of the output must match.
check_has() {
    local name=$1 pattern=$2 out
    shift 2
    out=$("$@" 2>&1)
    if grep -Eq -- "$pattern" <<<"$out"; then
        ok "$name"
    else
        fail "$name"
        printf '    no line matches: %s\n' "$pattern"
        printf '%s\n' "$out" | tail -n 15 | sed 's/^/    /'
    fi
}

# The hit count of one policy, from its row: index, from zone, to zone, name, count, action.
hits() {
    cli "show security policies hit-count" | awk -v f="$1" -v t="$2" -v n="$3" \
        '$2 == f && $3 == t && $4 == n { print $5; found = 1 } END { exit !found }'
}

was_hit() {
    local count
    count=$(hits "$@") || { echo "no row for $*"; return 1; }
    [ "$count" -gt 0 ]
}

# test_lab CONFIG [UNIT]: one test's lab, up and running, torn down whatever happens. It is called LAB_NAME, so that tests can run side by
# side.
test_lab() {
    lab_name "${LAB_NAME:-test}" || exit 2
    require_root || exit
    trap lab_down EXIT
    trap 'exit 130' INT TERM
    if ! lab_up || ! lab_more || ! services_start || ! firewall_start "$@"; then
        fail "the lab and the firewall come up"
        summary
        exit 1
    fi
}

summary() {
    echo "$PASSED passed, $FAILED failed"
    [ "$FAILED" = 0 ] && [ "$PASSED" -gt 0 ]
}

# A file that makes the cables otherwise than by veth.
# shellcheck source=lab/guest/wire.sh
[ -z "${LAB_WIRE:-}" ] || . "$LAB_WIRE"
