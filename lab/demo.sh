#!/usr/bin/env bash
# The demo: real traffic through Ravelin, each result compared with what lab/demo.conf says.
#
# demo.sh [--shell]: with --shell the lab stays up and a shell opens in the client when the checks are done.
# shellcheck source=lab/lib.sh
. "$(dirname "$0")/lib.sh"

CONF=$LAB_DIR/demo.conf
SHELL_AFTER=no
case ${1:-} in
    '') ;;
    --shell) SHELL_AFTER=yes ;;
    *) echo "usage: $0 [--shell]" >&2; exit 2 ;;
esac

title() { printf '\n== %s\n' "$1"; }
show() { printf '\nravelin> %s\n' "$1"; cli "$1" | sed 's/^/  /'; }

# gbit ADDRESS: one second of TCP; prints the rate the server received.
gbit() {
    in_client iperf3 --connect-timeout 3000 -c "$1" -t 1 -J | python3 -c '
import json, sys
report = json.load(sys.stdin)
rate = report.get("end", {}).get("sum_received", {}).get("bits_per_second", 0)
print(f"{rate / 1e9:.2f} Gbit/s", report.get("error", ""))
sys.exit(rate == 0 or "error" in report)'
}

measure() { # NAME ADDRESS
    local rate
    if rate=$(gbit "$2"); then ok "$1: $rate"; else fail "$1: $rate"; fi
}

hold_one_connection() {
    spawn held "$CLIENT" python3 "$LAB_DIR/probe.py" hold 198.51.100.2 80
    wait_until 5 grep -q held "$STATE/log/held"
}

transit() {
    title "Through the firewall"
    check "ping, IPv4" in_client ping -q -c3 -i0.2 -W2 198.51.100.2
    check "ping, IPv6" in_client ping -q -c3 -i0.2 -W2 2001:db8:2::2
    check_is "curl, IPv4: the server sees the firewall's address (source NAT)" 198.51.100.1 \
        in_client curl -s --max-time 5 http://198.51.100.2/
    check_is "curl, IPv6: the server sees the client's own address" 2001:db8:1::2 \
        in_client curl -s --max-time 5 'http://[2001:db8:2::2]/'
    check_is "curl over a static route" 198.51.100.1 in_client curl -s --max-time 5 http://203.0.113.1/
    measure "iperf3, TCP over IPv4" 198.51.100.2
    measure "iperf3, TCP over IPv6" 2001:db8:2::2
}

refusals() {
    title "Not through the firewall"
    check_is "telnet is denied: silence" timeout probe "$CLIENT" tcp 198.51.100.2 23
    check_is "telnet is denied over IPv6" timeout probe "$CLIENT" tcp 2001:db8:2::2 23
    check_is "TCP 8081 is rejected: refused at once" refused probe "$CLIENT" tcp 198.51.100.2 8081
    check_is "TCP 8081 is rejected over IPv6" refused probe "$CLIENT" tcp 2001:db8:2::2 8081
    check_is "UDP 5400 is rejected: port unreachable" refused probe "$CLIENT" udp 198.51.100.2 5400
    check_is "TCP 9999 meets the default policy" timeout probe "$CLIENT" tcp 198.51.100.2 9999
    check_is "the world reaches no office host" timeout probe "$SERVER" tcp 2001:db8:1::2 80
    check "no refused packet reached the server" no_leak
}

no_leak() { ! grep -E ' (23|8081|9999|5400) ' "$STATE/log/web"; }

host() {
    title "To the firewall itself"
    check "ping to the firewall, IPv4" in_client ping -q -c2 -i0.2 -W2 10.1.0.1
    check "ping to the firewall, IPv6" in_client ping -q -c2 -i0.2 -W2 2001:db8:1::1
    check_is "ssh port from trust: allowed" "saw 10.1.0.2" probe "$CLIENT" tcp 10.1.0.1 22
    check_is "ssh port from untrust: dropped" timeout probe "$SERVER" tcp 198.51.100.1 22
    check_is "telnet port from trust: dropped" timeout probe "$CLIENT" tcp 10.1.0.1 23
}

operator() {
    title "What the operator sees"
    check "one connection is held open" hold_one_connection
    check_has "the session's first wing" 'In: 10\.1\.0\.2/[0-9]+ --> 198\.51\.100\.2/80;tcp' \
        cli "show security flow session"
    check_has "the session's second wing, translated" 'Out: 198\.51\.100\.2/80 --> 198\.51\.100\.1/[0-9]+;tcp' \
        cli "show security flow session"
    local policy
    for policy in no-telnet no-legacy web-v4 web-v6 ping-v4 ping-v6 bulk; do
        check "policy $policy was hit" was_hit trust untrust "$policy"
    done
    show "show security flow session"
    show "show security policies hit-count"
    show "show security flow statistics"
    show "show interfaces terse"
    stop held
}

# One telnet packet, explained by the same engine without any network.
explain() {
    title "One packet explained"
    check "a packet to explain is made" python3 "$LAB_DIR/frames.py" pcap "$STATE/out/telnet.pcap"
    check "replay runs" "$RAVELIN" replay --config "$CONF" --input "ge-0/0/0=$STATE/out/telnet.pcap" \
        --output "$STATE/out" --explain
    check_has "replay drops it by policy no-telnet" '"no-telnet"' \
        grep '"verdict": *"drop"' "$STATE/out/verdicts.jsonl"
    [ ! -s "$STATE/out/verdicts.jsonl" ] || sed 's/^/  /' "$STATE/out/verdicts.jsonl"
}

play_on() {
    cat <<TEXT

Play on with the lab left up:      lab/demo.sh --shell
  the operator's shell             $RAVELIN cli --socket $STATE/run/api.sock
  the client                       ip netns exec $CLIENT bash
  what the server logs             $STATE/log/web
  take it down                     lab/topology.sh down $LAB
TEXT
}

main() {
    lab_name demo || return 2
    require_root || return
    trap lab_down EXIT
    trap 'exit 130' INT TERM
    lab_up || { echo "lab: could not be built" >&2; return 1; }
    check "the hosts offer their services" services_start
    check "the firewall starts and its units are up" firewall_start "$CONF"
    if [ "$FAILED" != 0 ]; then
        summary
        return 1
    fi
    check "the first packets pass within 10 s" wait_until 10 forwards
    transit
    refusals
    host
    operator
    explain
    if [ "$SHELL_AFTER" = yes ]; then
        play_on
        in_client bash -i
    else
        play_on
    fi
    echo
    summary
}

main
