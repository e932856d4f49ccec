#!/usr/bin/env bash
# Firewall filters and policers before kernels' clients, over two workers. Spec: firewall-filter-7, firewall-filter-51,
# firewall-filter-52, firewall-filter-62, firewall-filter-65, firewall-filter-68, policer-4, policer-14.
WORKERS=2
# shellcheck source=lab/lib.sh
. "$(dirname "$0")/../lib.sh"
test_lab "$LAB_DIR/demo.conf"

INSIDE="interfaces ge-0/0/0 unit 0"
OUTSIDE="interfaces ge-0/0/1 unit 0"

# commit STATEMENT...: all of them, or none.
commit() {
    local statement text=configure
    for statement in "$@"; do text="$text; $statement"; done
    cli "$text; commit"
}
# counter NAME FILTER: its packets; terms have counters of the name given them.
counter() { cli "show firewall filter $2" | awk -v n="$1" '$1 == n { print $3; found = 1 } END { exit !found }'; }
counts() { [ "$(counter "$1" "$2")" -gt 0 ] || { cli "show firewall"; return 1; }; }
talks() {
    spawn "$1" "$CLIENT" python3 "$LAB_DIR/probe.py" talk "$2" 80
    wait_until 5 grep -q held "$STATE/log/$1"
}
# How a conversation ended: the last word of its log.
ended() { wait_until 10 has_ended "$1"; tail -n 1 "$STATE/log/$1"; }
pings() { ip netns exec "$1" ping -q -c2 -i0.2 -W2 "$2"; }
train() { probe "$CLIENT" train "$1" 5300 100 "$2"; }

check "the first packets pass within 10 s" wait_until 10 forwards
check_is "without a filter UDP passes" "saw 198.51.100.1" probe "$CLIENT" udp 198.51.100.2 5300
check_is "and so does an open port, IPv6" "saw 2001:db8:1::2" probe "$CLIENT" udp 2001:db8:2::2 5300

# --- Discard, reject, counters ----------------------------------------------------------------------

terms() { # FAMILY FILTER PROTOCOL-CONDITION
    local filter="set firewall family $1 filter $2 term"
    local protocol=$3
    echo "$filter quiet from $protocol udp;$filter quiet from destination-port 5300"
    echo "$filter quiet then count quiet;$filter quiet then log;$filter quiet then discard"
    echo "$filter reset from $protocol tcp;$filter reset from destination-port 5201"
    echo "$filter reset then count reset;$filter reset then reject tcp-reset"
    echo "$filter told from $protocol tcp;$filter told from destination-port 443"
    echo "$filter told then count told;$filter told then reject"
    echo "$filter rest then count rest;$filter rest then accept"
    echo "set $INSIDE family $1 filter input $2"
}
mapfile -t STATEMENTS < <(terms inet edge protocol; terms inet6 edge6 next-header)

check "filters are committed" commit "${STATEMENTS[@]}"
for to in "198.51.100.2 edge" "2001:db8:2::2 edge6"; do
    read -r server filter <<<"$to"
    check_is "discard is silent: $server" timeout probe "$CLIENT" udp "$server" 5300
    check_is "reject tcp-reset answers with RST: $server" refused probe "$CLIENT" tcp "$server" 5201
    check_is "reject answers that it is prohibited: $server" unreachable probe "$CLIENT" tcp "$server" 443
    check "what no term names passes: $server" in_client curl -s -g -m 5 -o /dev/null "http://$(
        case $server in *:*) echo "[$server]" ;; *) echo "$server" ;; esac)/"
    for term in quiet reset told rest; do check "$term is counted: $server" counts "$term" "$filter"; done
done
check_is "one datagram is one packet" 1 counter quiet edge
check_has "the discarded packet is in the log" 'edge +.*ge-0/0/0\.0 +.*10\.1\.0\.2.*198\.51\.100\.2' \
    cli "show firewall log"
check "counters are cleared" cli "clear firewall all"
check_is "to zero" 0 counter quiet edge
check_is "of every filter" 0 counter told edge6
check_has "the unit shows its filter" '^ge-0/0/0\.0 +inet +edge' cli "show interfaces filters"

# --- Every packet is judged -------------------------------------------------------------------------

CUT="firewall family inet filter edge term cut"
CUT6="firewall family inet6 filter out6 term"
check "an IPv4 conversation goes on" talks talk4 198.51.100.2
check "an IPv6 conversation goes on" talks talk6 2001:db8:2::2
check "a discard term is inserted" commit "set $CUT from protocol tcp" "set $CUT from destination-port 80" \
    "set $CUT then count cut" "set $CUT then discard" "insert $CUT before term rest"
check_is "the established connection dies" timeout ended talk4
check "its packets are counted" counts cut edge
check "an output filter rejects" commit "set $CUT6 web from next-header tcp" "set $CUT6 web from destination-port 80" \
    "set $CUT6 web then reject tcp-reset" "set $CUT6 rest then accept" "set $OUTSIDE family inet6 filter output out6"
check_is "the other connection is reset" reset ended talk6
check "both filters go" commit "delete $OUTSIDE family inet6 filter" "delete $CUT"
check_is "new connections pass" "saw 198.51.100.1" probe "$CLIENT" tcp 198.51.100.2 80

# --- The firewall itself ----------------------------------------------------------------------------

check_is "ssh to the firewall" "saw 10.1.0.2" probe "$CLIENT" tcp 10.1.0.1 22
HOST="set firewall family inet filter host term"
HOST6="set firewall family inet6 filter host6 term"
check "lo0 is given filters" commit "$HOST ssh from source-address 10.1.0.2/32" "$HOST ssh from protocol tcp" \
    "$HOST ssh from destination-port ssh" "$HOST ssh then count ssh" "$HOST ssh then discard" \
    "$HOST rest then accept" "$HOST6 ssh from next-header tcp" "$HOST6 ssh from destination-port ssh" \
    "$HOST6 ssh then reject" "$HOST6 rest then accept" \
    "set interfaces lo0 unit 0 family inet filter input host" "set interfaces lo0 unit 0 family inet6 filter input host6"
check_is "ssh is discarded" timeout probe "$CLIENT" tcp 10.1.0.1 22
check_is "ssh is rejected, IPv6" unreachable probe "$CLIENT" tcp 2001:db8:1::1 22
check "it is counted" counts ssh host
check "ping is answered" pings "$CLIENT" 10.1.0.1
check "ping is answered, IPv6" pings "$CLIENT" 2001:db8:1::1
check_is "lo0 says nothing of what passes" "saw 198.51.100.1" probe "$CLIENT" tcp 198.51.100.2 80
check "the filters go" commit "delete interfaces lo0"
check_is "and ssh is back" "saw 10.1.0.2" probe "$CLIENT" tcp 10.1.0.1 22

# --- Policers ---------------------------------------------------------------------------------------

# A bucket of 15 packets of 1000 bytes, refilled by one a second: of a hundred at once 15 pass, and one a second more.
SLOW="firewall policer slow"
EDGE="firewall family inet filter edge term quiet"
passed_few() {
    local passed
    passed=$(captured "$1")
    [ "$passed" -ge 15 ] && [ "$passed" -le 25 ] || { echo "$passed passed"; return 1; }
}
all_told() {
    local passed beyond
    passed=$(captured police4)
    beyond=$(counter slow-quiet edge)
    [ $((passed + beyond)) = 100 ] || { echo "$passed passed, $beyond did not"; return 1; }
}
check "a policer is committed" commit "set $SLOW if-exceeding bandwidth-limit 8k" \
    "set $SLOW if-exceeding burst-size-limit 15k" "set $SLOW then discard" "delete $EDGE then discard" \
    "set $EDGE then policer slow" "set $INSIDE family inet6 policer input slow" "delete $INSIDE family inet6 filter"
check "captures start" capture police4 "$SERVER" s0 'ip and udp dst port 5300'
check "for IPv6 as well" capture police6 "$SERVER" s0 'ip6 and udp dst port 5300'
check_is "a train is sent" sent train 198.51.100.2 972
check_is "a train is sent, IPv6" sent train 2001:db8:2::2 952
check "the term's policer lets the burst pass" wait_until 5 passed_few police4
check "the interface's policer lets the burst pass" wait_until 5 passed_few police6
check "what did not pass is counted by the policer" wait_until 5 all_told
check "policers are shown" cli "show policer"
for policer in slow-quiet slow-ge-0/0/0.0-inet6-i; do
    check "the log is told of $policer" wait_until 5 grep -qE "PFE_FW_POLICER_EXCEEDED.* policer $policer D 17 " "$STATE/log/daemon"
done
check_has "both workers live" '^1 +up ' cli "show ravelin status"
summary
