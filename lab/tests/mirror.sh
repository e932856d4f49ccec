#!/usr/bin/env bash
# Port mirroring, seen from the mirror port: byte-identical frames, one in ten, and nothing lost while the port is down. Its counters,
# and all others, as metrics.
WORKERS=2
# shellcheck source=lab/lib.sh
. "$(dirname "$0")/../lib.sh"
test_lab "$LAB_DIR/demo.conf"

MIRROR="forwarding-options port-mirroring instance m"

commit() { cli "configure; $1; commit"; }
refused() { ! commit "$1" >"$STATE/out/refused" 2>&1; }
records() { # NAME NAMESPACE DEVICE DIRECTION FILTER
    spawn "$1" "$2" tcpdump -U -n -i "$3" -Q "$4" -w "$STATE/out/$1.pcap" "$5"
    wait_until 5 grep -q 'listening on' "$STATE/log/$1"
}
frames_in() { tcpdump -n -r "$STATE/out/$1.pcap" 2>/dev/null | wc -l; }
has_frames() { [ "$(frames_in "$1")" -ge "$2" ]; }
# Every frame of one capture, byte for byte and as often, is in the other.
same_frames() {
    python3 - "$STATE/out/$1.pcap" "$STATE/out/$2.pcap" <<'PY'
import collections, struct, sys
def frames(path):
    data, at, out = open(path, "rb").read(), 24, collections.Counter()
    while at + 16 <= len(data):
        size = struct.unpack("<I", data[at + 8:at + 12])[0]
        out[data[at + 16:at + 16 + size]] += 1
        at += 16 + size
    return out
one, other = map(frames, sys.argv[1:])
missing = one - other
print(f"{sum(one.values())} and {sum(other.values())} frames; {sum(missing.values())} missing")
for frame in list(missing)[:3]:
    print(frame.hex())
sys.exit(bool(missing) or not one)
PY
}
flood() { in_client ping -q -f -c "$1" -W2 "$2"; }
# What mirroring costs it costs every time; what a busy machine costs comes and goes.
loses_nothing() {
    local try
    for try in 1 2 3; do
        echo "$try" >"$STATE/out/tries"
        flood "$1" "$2" >"$STATE/out/flood"
        grep -q ' 0% packet loss' "$STATE/out/flood" && return
    done
    echo "three floods lost packets"; cat "$STATE/out/flood"; return 1
}
statistic() { cli "show forwarding-options port-mirroring" | sed -n "s/^ *$1 *: //p"; }
scrape() { in_fw curl -sg -m "${3:-10}" -H "$2" "$1" | python3 "$LAB_DIR/metrics.py" "${@:4}" >"$STATE/out/metrics"; }
metric() { awk -v series="$1" 'substr($0, 1, length(series) + 1) == series " " { print $NF }' "$STATE/out/metrics"; }
refused_one() {
    scrape 'http://[::1]:9797/metrics' "$OPEN" &&
        [ "$(metric 'ravelin_metrics_refused_connections_total{cause="source"}')" = 1 ]
}
lost_as_shown() {
    local reason shown told
    for reason in no-frame reserve no-binding queue-full queue-full-cross; do
        shown=$(cli "show forwarding-options port-mirroring" | sed -n "s/^ *Lost, $reason *: //p")
        told=$(metric "ravelin_mirror_lost_packets_total{kind=\"instance\",mirror=\"m\",reason=\"$reason\"}")
        [ -n "$shown" ] && [ "$shown" = "$told" ] || { echo "$reason: $shown shown, $told told"; return 1; }
    done
}
between() { [ "$1" -ge "$2" ] && [ "$1" -le "$3" ] || { echo "$1 is not in $2..$3"; return 1; }; }

check "the first packets pass within 10 s" wait_until 10 forwards
check "a loop is refused" refused "set $MIRROR input ingress interface ge-0/0/0; set $MIRROR output interface ge-0-0-0.0"
check "it names one place" grep -q "output interface ge-0-0-0.0" "$STATE/out/refused"
check "and the other" grep -q "by .forwarding-options port-mirroring instance m input ingress" "$STATE/out/refused"
check "the candidate is thrown away" cli "configure; rollback 0"
check "an ingress mirror is committed" commit \
    "set interfaces ge-0/0/2 unit 0 family inet address 192.0.2.1/24; set $MIRROR input ingress interface ge-0/0/0; set $MIRROR output interface ge-0/0/2"
check "packets pass" wait_until 10 forwards

records sent "$CLIENT" c0 out 'icmp or (icmp6 and ip6[40] == 128)'
records copied "$TRUNK" t0 in ''
check "a flood loses nothing" loses_nothing 500 198.51.100.2
check "nor one over IPv6" loses_nothing 200 2001:db8:2::2
check "denied packets are sent too" in_client ping -q -c3 -i0.2 -W1 10.1.0.1
check "copies arrive" wait_until 5 has_frames copied 700
stop sent
stop copied
check "every frame is on the mirror port, byte for byte" same_frames sent copied

check "an egress mirror is committed" commit "delete $MIRROR input; set $MIRROR input egress interface ge-0/0/1.0"
records left "$SERVER" s0 in 'icmp[0] == 8'
records copied2 "$TRUNK" t0 in ''
check "a flood loses nothing" loses_nothing 500 198.51.100.2
check "copies arrive" wait_until 5 has_frames copied2 500
stop left
stop copied2
check "frames are copied as they left, translated" same_frames left copied2

check "one in ten is committed" commit "set $MIRROR input rate 10"
check "counters are cleared" cli "clear forwarding-options port-mirroring"
check "a flood loses nothing" loses_nothing 2000 198.51.100.2
tries=$(cat "$STATE/out/tries")
check "one in ten is mirrored" between "$(statistic 'Mirrored packets')" $((195 * tries)) $((205 * tries + 5))

check "every packet again" commit "delete $MIRROR input rate"
ip -n "$TRUNK" link set t0 down
check "a flood loses nothing while the mirror port is down" loses_nothing 2000 198.51.100.2
check "nor does one over IPv6" loses_nothing 500 2001:db8:2::2
check "the lost copies are counted" between "$(cli "show forwarding-options port-mirroring" | awk '/Lost,/ { sum += $NF } END { print sum }')" 1 100000
ip -n "$TRUNK" link set t0 up
records back "$TRUNK" t0 in icmp
check "packets pass" wait_until 10 forwards
check "and copies come again" wait_until 10 has_frames back 1

# Up, with a link, and nobody takes what it has: a tap whose queues stay full. What the device then throws away it has taken, so
# those copies count as mirrored; that none goes without an account is what can be seen here.
UNREAD="import fcntl, os, struct, time
held = []
for queue in range($WORKERS):
    held.append(os.open('/dev/net/tun', os.O_RDWR))
    # A tap of several queues, frames without a header.
    fcntl.ioctl(held[-1], 0x400454ca, struct.pack('16sH22x', b'ge-0-0-5', 0x1102))
print('held', flush=True)
time.sleep(600)"
copies() { cli "show forwarding-options port-mirroring" | awk '/Mirrored packets|Lost,/ { sum += $NF } END { print sum + 0 }'; }
spawn unread "$FIREWALL" python3 -c "$UNREAD"
check "there is a port that nobody reads" wait_until 5 grep -q held "$STATE/log/unread"
check "it is up" ip -n "$FIREWALL" link set ge-0-0-5 up
check "it is the mirror port" commit "set interfaces ge-0/0/5 unit 0 family inet address 192.0.5.1/24; delete $MIRROR input; set $MIRROR input ingress interface ge-0/0/0; set $MIRROR output interface ge-0/0/5"
check "packets pass" wait_until 10 forwards
check "its queues fill" flood 3000 198.51.100.2
check "counters are cleared" cli "clear forwarding-options port-mirroring"
check "a flood loses nothing while it is blocked" loses_nothing 2000 198.51.100.2
check "nor does one over IPv6" loses_nothing 500 2001:db8:2::2
check "every copy is accounted for" between "$(copies)" 2500 7600
check "the first port has them again" commit "set $MIRROR output interface ge-0/0/2; delete interfaces ge-0/0/5"
stop unread
check "packets pass" wait_until 10 forwards

METRICS="system services metrics"
OPEN='Accept: application/openmetrics-text; version=1.0.0'
check "metrics are committed" commit "set $METRICS addresses 127.0.0.1; set $METRICS addresses ::1"
check "copies stop" commit "set $MIRROR disable"
check "they are OpenMetrics" scrape http://127.0.0.1:9797/metrics "$OPEN"
check_is "copies are those that are shown" "$(statistic 'Mirrored packets')" metric 'ravelin_mirror_packets_total{kind="instance",mirror="m"}'
check "so are those that were lost, by reason" lost_as_shown
check_is "a rule's hits too" "$(hits trust untrust ping-v4)" metric 'ravelin_policy_hits_total{from_zone="trust",to_zone="untrust",policy="ping-v4"}'
check "over IPv6, in the older form" scrape 'http://[::1]:9797/metrics' 'Accept: text/plain' 10 --plain
check_is "both workers live" "1 1" eval 'echo $(metric "ravelin_worker_up{worker=\"0\"}") $(metric "ravelin_worker_up{worker=\"1\"}")'
spawn idle "$FIREWALL" python3 -c "import socket, time
held = [socket.create_connection(('127.0.0.1', 9797)) for n in range(5)]
print('held', flush=True)
time.sleep(60)"
check "some connect and say nothing" wait_until 5 grep -q held "$STATE/log/idle"
check "that delays nobody" scrape http://127.0.0.1:9797/metrics "$OPEN" 2
stop idle
spawn taken "$FIREWALL" python3 -m http.server -b 127.0.0.1 9798
check "a port is taken" wait_until 5 eval 'in_fw ss -Hltn "sport = :9798" | grep -q LISTEN'
check "it refuses the commit" refused "set $METRICS port 9798"
check "by its path" grep -q "system services metrics port 9798" "$STATE/out/refused"
check "and is thrown away" cli "configure; rollback 0"
check "the old port still answers" scrape http://127.0.0.1:9797/metrics "$OPEN"
check "only some may ask" commit "set $METRICS allowed-sources ::1/128"
check "others are disconnected" eval '! scrape http://127.0.0.1:9797/metrics "$OPEN"'
check "and counted" wait_until 5 refused_one
if command -v promtool >/dev/null; then
    check "promtool finds no fault" eval 'in_fw curl -sg "http://[::1]:9797/metrics" | promtool check metrics'
fi
check "without the statement" commit "delete $METRICS"
check "nobody answers" eval '! in_fw curl -sg -m 5 "http://[::1]:9797/metrics"'
summary
