#!/usr/bin/env bash
# Why was it dropped, live: monitor security packet-drop, drop records and flow traces, with two workers. Spec: explain-1..14.
# shellcheck source=lab/lib.sh
WORKERS=2
. "$(dirname "$0")/../lib.sh"
test_lab "$LAB_DIR/demo.conf"

WATCHED=$STATE/log/watched
TOLD='10\.1\.0\.2/[0-9]+-->198\.51\.100\.2/23;tcp,ipid-[0-9]+,ge-0/0/0\.0,Dropped by POLICY:Denied by Policy: no-telnet'

is_watching() { grep -q 'Starting packet drop:' "$WATCHED"; }
is_told() { grep -Eq "^[0-9:.]+:LSYS-ID-00 $TOLD\$" "$WATCHED"; }
told_within_a_second() {
    (probe "$CLIENT" tcp 198.51.100.2 23 >/dev/null 2>&1 &)
    wait_until 1 is_told
}
tells_only_ipv4() { ! grep -q '2001:' "$WATCHED"; }
has_record() { cli "show security packet-drop records destination-port 23" | grep -Eq "$TOLD"; }
has_no_record() { ! has_record; }
is_traced() { grep -Eq 'policy: web-v4: match: permit' "$STATE/state/trace/ways.log"; }
traces_web() {
    cli "monitor security flow filter web destination-prefix 198.51.100.2/32 destination-port 80 protocol tcp;
         monitor security flow file ways.log; monitor security flow start" &&
        in_client curl -s -o /dev/null --max-time 5 http://198.51.100.2/ && wait_until 2 is_traced
}

check "the first packets pass within 10 s" wait_until 10 forwards
spawn watched "$FIREWALL" "$RAVELIN" cli --socket "$STATE/run/api.sock" \
    -c "monitor security packet-drop source-prefix 10.1.0.0/24"
check "the monitor begins" wait_until 5 is_watching
check "a drop is told with its policy's name within a second" told_within_a_second
check_is "and over IPv6 too" timeout probe "$CLIENT" tcp 2001:db8:2::2 23
check "but only what the filter means is told" tells_only_ipv4
check "it is among the records" wait_until 2 has_record
stop watched
check "records are cleared" cli "clear security packet-drop records"
check "and are gone" has_no_record
check "the way of a packet is written to a file" traces_web
check "a trace ends" cli "monitor security flow stop"
check "traffic goes on" forwards
summary
