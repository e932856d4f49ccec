#!/usr/bin/env bash
# The control process dies under load: no packet and no session is lost, and a new one takes over.
# Alone: lost packets are counted.
# shellcheck source=lab/lib.sh
. "$(dirname "$0")/../lib.sh"
test_lab "$LAB_DIR/demo.conf"

sessions_to() { cli "show security flow session" | grep -Ec "In: .* --> $1/80;tcp"; }
answers() { cli "show security flow session summary"; }
lost() { sed -n 's/.* \([0-9.]*\)% packet loss.*/\1/p' "$STATE/log/$1"; }

check "the first packets pass within 10 s" wait_until 10 forwards
spawn held "$CLIENT" python3 "$LAB_DIR/probe.py" hold 198.51.100.2 80
check "a connection is held" wait_until 5 grep -q held "$STATE/log/held"
check_is "the session is there" 1 sessions_to 198.51.100.2

for _ in 1 2 3; do check_is "a denied connection" timeout probe "$CLIENT" tcp 198.51.100.2 23; done
HITS=$(hits trust untrust no-telnet)
check "its policy has counted it" [ "${HITS:-0}" -ge 3 ]
DATAPLANE=$(pid_of dataplane)
spawn ping4 "$CLIENT" ping -q -i0.002 -c2000 198.51.100.2
spawn ping6 "$CLIENT" ping -q -i0.002 -c2000 2001:db8:2::2
spawn bulk "$CLIENT" iperf3 --connect-timeout 3000 -c 198.51.100.2 -t6 -J
check "load is on" wait_until 5 pid_of bulk
check "the daemon is killed" signal daemon KILL
check "it ends" wait_until 5 has_ended daemon
check "traffic passes without a daemon" in_client ping -q -c5 -i0.1 -W1 198.51.100.2
check_is "a new connection passes without a daemon" "saw 198.51.100.1" probe "$CLIENT" tcp 198.51.100.2 80
check_is "and a denied one does not" timeout probe "$CLIENT" tcp 198.51.100.2 23
daemon_start "$LAB_DIR/demo.conf"
check "the new daemon answers" wait_until 30 answers
check_is "it found the running dataplane" "$DATAPLANE" dataplane_pid
check "hit counts go on where they were" eval '[ "$(hits trust untrust no-telnet)" -gt "$HITS" ]'
# One daemon a state directory: another one is sent away before it has touched anything.
second() { timeout 60 ip netns exec "$FIREWALL" "$RAVELIN" daemon --state "$STATE/state" --run "$STATE/run2" --bpffs "$STATE/bpf"; }
check_has "a second daemon is refused" 'another daemon works with' second
check_is "and has made nothing" no eval '[ -e "$STATE/run2" ] && echo yes || echo no'
check_is "the held session is still there" 1 sessions_to 198.51.100.2
check "the held connection still lives" pid_of held
check "the IPv4 pings end" wait_until 30 has_ended ping4
check "the IPv6 pings end" wait_until 30 has_ended ping6
check_is "no IPv4 ping was lost" 0 lost ping4
check_is "no IPv6 ping was lost" 0 lost ping6
check "iperf3 ends" wait_until 30 has_ended bulk
check "iperf3 saw no error" python3 -c 'import json, sys; sys.exit("error" in json.load(open(sys.argv[1])))' "$STATE/log/bulk"
summary
