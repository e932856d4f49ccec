#!/usr/bin/env bash
# Application tracking: sessions of a zone are told of when they begin and end, in both families, over a commit, a killed
# daemon and an upgrade in place; none once it is disabled.
# Spec: tracking-1, tracking-2, tracking-3, tracking-5, tracking-8.
# shellcheck source=lab/lib.sh
. "$(dirname "$0")/../lib.sh"

config=$(mktemp) || exit 2
cat "$LAB_DIR/demo.conf" - >"$config" <<'JUNOS'
security {
    log {
        mode event;
    }
}
JUNOS
test_lab "$config"

answers() { cli "show version"; }
said() { cli "show security log" | grep -c "$1"; }
has_said() { [ "$(said "$1")" -ge "$2" ]; }
created() { cli "show security application-tracking counters" | sed -n 's/.*Session create messages *//p'; }
set_tracking() { cli "configure; $1; commit and-quit"; }
# A denied connection is logged by its policy: whatever came before is told when that is.
fence() { probe "$CLIENT" tcp 198.51.100.2 23 >"$STATE/out/fence"; wait_until 5 has_said 'session denied' 1; }

check "the first packets pass within 10 s" wait_until 10 forwards
check "a denied connection is told" fence
check_is "nothing is tracked" 0 said AppTrack
check_has "a commit makes a zone track" 'commit complete' set_tracking \
    "set security zones security-zone trust application-tracking; set security application-tracking log-session-create; set security application-tracking log-session-close"
check "new sessions of both families pass" forwards
check "that they began is told" wait_until 5 has_said 'AppTrack session created' 2
check_has "with both ends, without an application" \
    'AppTrack session created 10.1.0.2/[0-9]+->198.51.100.2/[0-9]+ junos-ping UNKNOWN UNKNOWN ' cli "show security log"
check_has "and of IPv6" 'AppTrack session created 2001:db8:1::2/[0-9]+->2001:db8:2::2/[0-9]+ ' cli "show security log"
check "it is counted" eval '[ "$(created)" -ge 2 ]'
check "the sessions are cleared" cli "clear security flow session all"
check "that they ended is told" wait_until 5 has_said 'AppTrack session closed' 2

check "a session that is left alone begins" forwards
DATAPLANE=$(pid_of dataplane)
check "the daemon is killed" signal daemon KILL
check "it ends" wait_until 5 has_ended daemon
daemon_start "$config"
check "the new daemon answers" wait_until 30 answers
check_is "it found the running dataplane" "$DATAPLANE" dataplane_pid
check "the session is cleared" cli "clear security flow session all"
check "its end is told by the new daemon" wait_until 5 has_said 'AppTrack session closed' 2

check "a session begins before an upgrade" forwards
check "the dataplane is upgraded in place" cli "request system software in-service-upgrade"
other() { [ "$(dataplane_pid)" != "$DATAPLANE" ]; }
check "another process has the packets" wait_until 30 other
remember_dataplane
check "the daemon talks with it" wait_until 30 cli "show security flow statistics"
BEFORE=$(said 'AppTrack session closed')
check "the session is cleared there" cli "clear security flow session all"
check "its end is told" wait_until 5 has_said 'AppTrack session closed' $((BEFORE + 2))

check_has "a commit disables it" 'commit complete' set_tracking "set security application-tracking disable"
check "the log is cleared" cli "clear security log all"
check "new sessions pass" forwards
check "a denied connection is told" fence
check_is "nothing of them is" 0 said AppTrack
check "the counters are cleared" cli "clear security application-tracking counters"
check_is "and are so" 0 created
rm -f "$config"
summary
