#!/usr/bin/env bash
# A commit that nobody confirms is taken back, over a daemon that was killed meanwhile; sessions that stay permitted stay.
# And a lock dies with the session that holds it.
# shellcheck source=lab/lib.sh
. "$(dirname "$0")/../lib.sh"
test_lab "$LAB_DIR/demo.conf"

PING="security policies from-zone trust to-zone untrust policy ping-v4"

run() { "$RAVELIN" cli --socket "$STATE/run/api.sock" -c "$1"; }
shows() { run "$1" | grep -qE -- "$2"; }
waits_not() { answers && ! shows "show system commit" 'rollback pending'; }
pings() { in_client ping -q -c1 -W1 198.51.100.2; }
pings_not() { ! pings; }
held_session() { run "show security flow session destination-port 80" | sed -n 's/^Session ID: \([0-9]*\).*/\1/p'; }

# The active configuration's commit lies a minute further back: its heading says when it was made, its last line is
# a checksum of what stands before.
age() {
    python3 - "$STATE/state/active.conf" <<'PYTHON'
import hashlib, re, sys
text = open(sys.argv[1]).read()
body = text[: text.rindex("## sha256 ")]
body = re.sub(r"\ttime=(\d+)", lambda m: f"\ttime={int(m[1]) - 60}", body, count=1)
open(sys.argv[1], "w").write(f"{body}## sha256 {hashlib.sha256(body.encode()).hexdigest()}\n")
PYTHON
}

daemon_dies() { signal daemon KILL && wait_until 5 has_ended daemon; }
answers() { run "show system commit"; }

check "the first packets pass within 10 s" wait_until 10 forwards
spawn held "$CLIENT" python3 "$LAB_DIR/probe.py" hold 198.51.100.2 80
check "a connection is held" wait_until 5 grep -q held "$STATE/log/held"
SESSION=$(held_session)
DATAPLANE=$(dataplane_pid)
check "it has a session" [ -n "$SESSION" ]

check "pings are denied, to be confirmed" \
    run "configure; delete $PING then permit; set $PING then deny; commit confirmed 1 comment try"
check "they are denied" pings_not
check "the history says that it waits" shows "show system commit" 'via cli commit confirmed, rollback in 1mins'
check "and that it is pending" shows "show system commit" '^ +rollback pending'
check_is "the session stays" "$SESSION" held_session
check "the daemon is killed" daemon_dies
check "pings are still denied without it" pings_not
check "a minute passes" age
daemon_start "$LAB_DIR/demo.conf"
check "a new daemon answers" wait_until 30 answers
check "pings pass again" pings
check "the log says why" wait_until 5 grep -q 'Commit was not confirmed; automatic rollback complete' "$STATE/log/daemon"
check "the history says who" shows "show system commit" '^0 .* by root via other'
check "nothing waits any more" waits_not
check "the session stays, and is the same" [ "$(held_session)" = "$SESSION" ]
check "the held connection still lives" pid_of held
check_is "the dataplane is the same" "$DATAPLANE" dataplane_pid

check "once more, with time left" run "configure; delete $PING then permit; set $PING then deny; commit confirmed 5"
check "the daemon is killed" daemon_dies
daemon_start "$LAB_DIR/demo.conf"
check "a new daemon answers" wait_until 30 answers
check "it still waits" shows "show system commit" '^ +rollback pending'
check "pings are still denied" pings_not
check "it is confirmed" run "configure; commit"
check "and waits no more" waits_not
check "the history has the commit that confirmed it" shows "show system commit" '^0 .* by root via cli$'
check "pings stay denied" pings_not
check "a former configuration is taken" run "configure; rollback 1; rollback 2; commit"
check "pings pass" pings
check_is "the session stays to the end" "$SESSION" held_session

mkfifo "$STATE/out/keys"
exec 9<>"$STATE/out/keys"
spawn locker "$FIREWALL" bash -c "exec '$RAVELIN' cli --socket '$STATE/run/api.sock' <'$STATE/out/keys'"
echo "configure exclusive" >&9
check "somebody locks the configuration" wait_until 5 grep -q Entering "$STATE/log/locker"
refused() { ! run "configure; set system host-name locked" >"$STATE/out/refused"; }
check "others can't change it" refused
check "they are told who" grep -q 'exclusive \[edit\]' "$STATE/out/refused"
holder() { sed -n 's/.*(pid \([0-9]*\)).*/\1/p' "$STATE/out/refused" | head -n1; }
check "the holder is logged out" run "request system logout pid $(holder)"
check "the lock is gone" run "configure; set system host-name free; rollback 0"
echo "set system host-name late" >&9
check "its session is over" wait_until 5 has_ended locker
check "it was told" grep -q 'another user ended this session' "$STATE/log/locker"

spawn locker "$FIREWALL" bash -c "exec '$RAVELIN' cli --socket '$STATE/run/api.sock' <'$STATE/out/keys'"
echo "configure exclusive" >&9
# Not before: what would not be refused would keep the other from locking.
twice() { [ "$(grep -c Entering "$STATE/log/locker")" = 2 ]; }
check "somebody locks it again" wait_until 5 twice
check "it is locked again" refused
check "the holder is killed" signal locker KILL
check "the lock is gone" wait_until 5 run "configure; set system host-name free; rollback 0"
summary
