#!/usr/bin/env bash
# The security log at a real collector: UDP, TCP and TLS, both forms, one that stalls, one that restarts; event mode.
# Spec: log-1..42.
# shellcheck source=lab/lib.sh
. "$(dirname "$0")/../lib.sh"
for tool in rsyslogd openssl; do
    command -v $tool >/dev/null || { echo "lab: '$tool' is missing; run 'make deps'" >&2; exit 77; }
done
test_lab "$LAB_DIR/demo.conf"

OUT=$STATE/out/collector
POLICY="security policies from-zone trust to-zone untrust policy web-v4"
ACCEPT="import socket, time
listener = socket.socket()
listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
listener.bind(('198.51.100.2', 5140))
listener.listen()
held = []
while True:
    held.append(listener.accept())"
FLOOD="import socket, sys, time
out = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for n in range(int(sys.argv[1])):
    out.sendto(b'x', ('198.51.100.2', 5400))
    time.sleep(0.001)"

run() { "$RAVELIN" cli --socket "$STATE/run/api.sock" -c "$1"; }
shows() { run "$1" | grep -qF -- "$2"; }
certificates() {
    mkdir -p "$OUT" "$STATE/state/tls/soc" && cd "$OUT" || return 1
    openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=lab-ca -keyout ca.key -out ca.pem &&
        openssl req -newkey rsa:2048 -nodes -subj /CN=collector.lab -addext subjectAltName=DNS:collector.lab -keyout collector.key -out collector.csr &&
        openssl x509 -req -in collector.csr -CA ca.pem -CAkey ca.key -CAcreateserial -copy_extensions copy -days 2 -out collector.pem &&
        cp ca.pem "$STATE/state/tls/soc/ca.pem"
}
collector_start() {
    sed "s|\$OUT|$OUT|g" "$LAB_DIR/collector.conf" >"$OUT/rsyslog.conf"
    spawn collector "$SERVER" rsyslogd -n -f "$OUT/rsyslog.conf" -i "$OUT/rsyslog.pid"
    wait_until 10 listens 514 && wait_until 10 listens 6514
}
listens() { in_server ss -Hltn "sport = :$1" | grep -q LISTEN; }
has() { grep -qE -- "$2" "$OUT/$1.log"; }

settled() { ! run "show ravelin log" | grep -A3 -E "Stream: ($1)" | grep -q 'Waiting: [1-9]'; }
# The number behind a word of one stream's account.
number() { run "show ravelin log" | grep -A3 "Stream: $1$" | sed -n "s/.*$2: \([0-9]*\).*/\1/p"; }
balanced() {
    run "show ravelin log" | awk '
        /Produced:.*Sent:/ {
            gsub(",", ""); rows++
            if ($2 != $4 + $6 + $8 + $10 + $12) { print; bad = 1 }
        }
        END { exit bad || rows < 6 }'
}
lost_something() { [ "$(number stalled Lost)" -gt 0 ]; }
lost_nothing() { [ "$(number "$1" Lost)" = 0 ] && [ "$(number "$1" Failed)" = 0 ]; }
arrived() { [ "$(wc -l <"$OUT/$1.log")" = "$(number "$1" Sent)" ]; }
same() { diff <(sort "$OUT/$1.log") <(sort "$OUT/$2.log"); }
session_id() { run "show security flow session destination-port 80" | sed -n 's/^Session ID: \([0-9]*\),.*/\1/p' | head -n1; }

check "the first packets pass within 10 s" wait_until 10 forwards
check "certificates are made" certificates
check "the collector listens" collector_start
spawn stalled "$SERVER" python3 -c "$ACCEPT"
check "the one that reads nothing listens" wait_until 5 listens 5140

LOG="set security log format sd-syslog; set security log source-address 198.51.100.1"
for stream in udp tcp tls stalled old; do LOG="$LOG; set security log stream $stream host 198.51.100.2"; done
LOG="$LOG; set security log stream tcp transport protocol tcp; set security log stream tcp transport tcp-connections 2"
LOG="$LOG; set security log stream tls transport protocol tls; set security log stream tls transport tls-profile soc"
LOG="$LOG; set security log stream stalled transport protocol tcp; set security log stream stalled host port 5140"
LOG="$LOG; set security log stream six host 2001:db8:2::2; set security log stream six host port 5515"
LOG="$LOG; set security log stream six source-address 2001:db8:2::1"
LOG="$LOG; set security log stream old host port 5514; set security log stream old format syslog"
check_has "a profile that is not there refuses the commit" "profile .nobody.: .*ca.pem" \
    run "configure; $LOG; set security log stream tls transport tls-profile nobody; commit"
check "and is thrown away" run "configure; rollback 0"
check "the log is committed" run "configure; $LOG; set $POLICY then log session-init; commit"

spawn held "$CLIENT" python3 "$LAB_DIR/probe.py" hold 198.51.100.2 80
check "a connection is held" wait_until 5 grep -q held "$STATE/log/held"
id=$(session_id)
for stream in udp tcp tls six; do
    check "its beginning reaches $stream, with the session's id" \
        wait_until 10 has $stream "^<14>1 .* ravelin-demo RT_FLOW - RT_FLOW_SESSION_CREATE .* policy-name=\"web-v4\" .* session-id=\"$id\""
done
check "the traditional form names the same session" \
    wait_until 10 has old "^<14>[A-Z][a-z]{2} [ 0-9]{2} .* ravelin-demo RT_FLOW: RT_FLOW_SESSION_CREATE: session created 10\.1\.0\.2/.* web-v4 trust untrust $id "
check "the rule that translated it is named" has udp 'nat-source-address="198.51.100.1" .* src-nat-rule-type="source rule" src-nat-rule-name="hide-office"'
signal held KILL
check "its end has the same id" wait_until 60 has tcp "RT_FLOW_SESSION_CLOSE .* session-id=\"$id\" packets-from-client"
check_is "telnet is denied" timeout probe "$CLIENT" tcp 2001:db8:2::2 23
check "the denial is told" wait_until 10 has tls 'RT_FLOW_SESSION_DENY .*source-address="2001:db8:1::2".* policy-name="no-telnet" source-zone-name="trust" destination-zone-name="untrust"'
check_is "a rejection is answered" refused probe "$CLIENT" tcp 198.51.100.2 8081
check "and told with its reason" wait_until 10 has tcp 'policy-name="no-legacy" .* reason="Rejected by policy"'
check "the collector understands every message" wait_until 5 has read '^user.info ravelin-demo RT_FLOW RT_FLOW_SESSION_DENY$'
check_is "and misunderstands none" "" grep -vE '^user.info ravelin-demo RT_FLOW RT_FLOW_SESSION_(CREATE|CLOSE|DENY)$' "$OUT/read.log"
for stream in udp tcp tls; do check "$stream got what was sent" wait_until 10 arrived $stream; done
check "all three got the same" same udp tcp
check "byte for byte" same tcp tls

check "many packets are rejected" in_client python3 -c "$FLOOD" 8000
check "the queues of the others empty" wait_until 60 settled 'udp|tcp|tls|old'
check "the one that reads nothing lost messages" wait_until 10 lost_something
for stream in tcp tls; do
    check "$stream lost none" lost_nothing $stream
    check "$stream got them all" wait_until 20 arrived $stream
done
check "every message is accounted for" balanced
echo "    tcp: $(number tcp Sent) sent; stalled: $(number stalled Sent) sent, $(number stalled Lost) lost"

stop collector
before=$(wc -l <"$OUT/tcp.log")
check_is "a packet is denied while the collector is away" timeout probe "$CLIENT" tcp 198.51.100.2 23
check "the collector comes back" collector_start
after_restart() { [ "$(wc -l <"$OUT/tcp.log")" -gt "$before" ]; }
check "and gets what waited" wait_until 40 after_restart
check "nothing was lost meanwhile" lost_nothing tcp

check "event mode is committed" run "configure; set security log mode stream-event; set security log file filename events; commit"
check_is "telnet is denied again" timeout probe "$CLIENT" tcp 198.51.100.2 23
check "the event is kept" wait_until 5 shows "show security log failure destination-port 23" "session denied 10.1.0.2/"
check "and in the file" wait_until 5 grep -q 'RT_FLOW_SESSION_DENY .*no-telnet' "$STATE/state/log/events"
check "the file can be shown" shows "show security log file" "no-telnet"
check "kept events are cleared" run "clear security log all"
check_is "and gone" 0 eval 'run "show security log failure" | grep -c denied'
check "the binary form is committed" run "configure; set security log format binary; set security log stream bin file localfilename packed; set security log stream bin format binary; commit"
check_is "telnet is denied once more" timeout probe "$CLIENT" tcp 198.51.100.2 23
check "the file of lines moved on" wait_until 5 grep -q 'RT_FLOW_SESSION_DENY .*no-telnet' "$STATE/state/log/events.0"
check "records begin with their letters" wait_until 5 eval '[ "$(head -c 3 "$STATE/state/log/events" | od -An -tx1)" = " 52 56 01" ]'
check "they can be shown" shows "show security log file" "RT_FLOW_SESSION_DENY: session denied 10.1.0.2/"
check "and read elsewhere, the stream's too" wait_until 5 eval '"$RAVELIN" log --to sd-syslog "$STATE/state/log/packed" | grep -qF "policy-name=\"no-telnet\""'
check "messages are counted by name" shows "show ravelin log" "RT_FLOW_SESSION_DENY: "
check "disable stops it all" run "configure; set security log disable; commit"
check "no stream is left" eval '! shows "show ravelin log" "Stream:"'
summary
