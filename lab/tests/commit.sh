#!/usr/bin/env bash
# Commits on the running firewall: what changes, what stays, and that a restart brings up what was committed.
# shellcheck source=lab/lib.sh
. "$(dirname "$0")/../lib.sh"
test_lab "$LAB_DIR/demo.conf"

POLICY="security policies from-zone trust to-zone untrust policy web-v4"

run() { "$RAVELIN" cli --socket "$STATE/run/api.sock" -c "$1"; }
refused_commit() { ! run "$1" >"$STATE/out/refused" 2>&1; }
sessions_of() { run "show security flow session destination-port 80" | grep -c "$1"; }
shows() { run "$1" | grep -qF -- "$2"; }
last_line() { run "$1" | tail -n1; }

check "the first packets pass within 10 s" wait_until 10 forwards
spawn held "$CLIENT" python3 "$LAB_DIR/probe.py" hold 198.51.100.2 80
check "a connection is held" wait_until 5 grep -q held "$STATE/log/held"
check_is "its session is web-v4's" 1 sessions_of web-v4

check "an unknown statement is refused" refused_commit "configure; set security polices default-policy permit-all"
check "an unsupported one is refused at commit" \
    refused_commit "configure; set protocols bgp group a neighbor 192.0.2.1; commit"
check "it says so" grep -q 'not supported' "$STATE/out/refused"
check "and nothing has changed" shows "show configuration $POLICY | display set" "$POLICY then permit"
check "the candidate is thrown away" run "configure; rollback 0"

check "an unrelated commit succeeds" run 'configure; set system host-name other; commit comment "a name"'
check "the new name is active" shows "show configuration system" "host-name other;"
check "the history knows it" shows "show system commit" "a name"
check_is "the session stayed" 1 sessions_of web-v4

check "permit becomes deny" run "configure; delete $POLICY then permit; set $POLICY then deny; commit"
check_is "new connections are denied" timeout probe "$CLIENT" tcp 198.51.100.2 80
check "compare shows the change" shows "show system rollback compare 1 0" "deny;"
check "rollback 1 brings it back" run "configure; rollback 1; commit"
check_is "new connections pass" "saw 198.51.100.1" probe "$CLIENT" tcp 198.51.100.2 80

mkdir "$STATE/out/archive"
ARCHIVAL="system archival configuration"
archived() { grep -qF "file://$STATE/out/archive" "$STATE"/out/archive/other_*_juniper.conf.*; }
check "archival is configured" \
    run "configure; set $ARCHIVAL transfer-on-commit; set $ARCHIVAL archive-sites file://$STATE/out/archive; commit"
check "the configuration is copied" wait_until 10 archived
check "a rescue configuration is saved" run "request system configuration rescue save"
check "archival ends" run "configure; delete system archival; commit"
check "the rescue configuration is taken back" run "configure; rollback rescue; commit"
check "it has the archival" shows "show configuration system" "transfer-on-commit;"
check "the audit file says who changed what" grep -Eq "root.cli.delete system archival" "$STATE/state/audit.log"

# Words of the language and of commands are names like any, wherever a policy is named.
PAIR="security policies from-zone trust to-zone untrust"
for name in policy before to-zone; do
    MATCH="set $PAIR policy $name match"
    check "a policy is called $name" \
        run "configure; $MATCH source-address any; $MATCH destination-address any; $MATCH application junos-ssh; set $PAIR policy $name then deny; commit"
done
for name in policy before to-zone; do
    check_is "show configuration has $name alone" "set $PAIR policy $name then deny" \
        run "show configuration $PAIR policy $name then | display set"
    check "show security policies finds $name" shows "show security policies policy-name $name" "Policy: $name, "
    check_is "and no other" 1 eval "run 'show security policies from-zone trust to-zone untrust policy-name $name' | grep -c 'Policy: '"
    check_is "the candidate is shown at its level" "deny;" last_line "configure; edit $PAIR policy $name; show then"
    check_is "up leads to the pair of zones" "set $PAIR policy $name then deny" \
        last_line "configure; edit $PAIR policy $name; up; show policy $name then | display set"
done
check "they are put in order" run "configure; insert $PAIR policy before before policy policy; commit"
check_is "and stand so" "Policy: before Policy: policy Policy: to-zone" \
    eval "run 'show $PAIR' | grep -oE 'Policy: (before|policy|to-zone)' | xargs"
check "they go" run "configure; edit $PAIR; delete policy policy; delete policy before; delete policy to-zone; commit"

check "the daemon is killed" signal daemon KILL
check "it ends" wait_until 5 has_ended daemon
daemon_start "$LAB_DIR/demo.conf"
check "it answers within 10 s" wait_until 30 shows "show configuration system" "host-name other;"
check "the history is still there" shows "show system commit" "a name"
check_is "and traffic passes" "saw 198.51.100.1" probe "$CLIENT" tcp 198.51.100.2 80
summary
