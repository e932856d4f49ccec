#!/usr/bin/env bash
# The packet process dies at each place of a commit: afterwards store, kernel and workers are of one configuration, the new one
# from the commit point on, and nothing passes that neither the old nor the new one permits. Spec: commit-2, commit-3.
WORKERS=2
# shellcheck source=lab/lib.sh
. "$(dirname "$0")/../lib.sh"

lab_more() {
    mkdir "$STATE/fault"
    # The process that is given its seventh program dies when one worker has it and the other has not.
    export RAVELIN_COMMIT_FAULT=$STATE/fault RAVELIN_PUBLISH_FAULT=7
}
test_lab "$LAB_DIR/demo.conf"

RETURN_S=20
POLICY="security policies from-zone trust to-zone untrust policy"
UNIT="interfaces ge-0/0/1 unit 0 family inet"

run() { "$RAVELIN" cli --socket "$STATE/run/api.sock" -c "$1"; }

# Two configurations that differ in what the store, the kernel and the workers have: the one permits port 23 and has an
# address more, the other rejects it and has another.
to() { # even|odd
    local own=198.51.100.10 other=198.51.100.11 action=reject
    [ "$1" = even ] || { own=198.51.100.11 other=198.51.100.10 action=permit; }
    echo "delete $UNIT address $other/24; set $UNIT address $own/24; delete $POLICY no-telnet then; set $POLICY no-telnet then $action"
}
stored() { grep -c "address $1/24" "$STATE/state/active.conf"; }
has_address() { ip -n "$FIREWALL" -4 addr show | grep -c "inet $1/24"; }
# What store, kernel and workers have, each in a word.
agreed() {
    local store kernel workers="" one n
    store=$([ "$(stored 198.51.100.10)" = 1 ] && echo even)$([ "$(stored 198.51.100.11)" = 1 ] && echo odd)
    kernel=$([ "$(has_address 198.51.100.10)" = 1 ] && echo even)$([ "$(has_address 198.51.100.11)" = 1 ] && echo odd)
    # Flows of any worker, over either family.
    for n in 1 2 3 4; do
        for one in 198.51.100.2 2001:db8:2::2; do
            case $(probe "$CLIENT" tcp "$one" 23) in
                saw*) workers+=" odd" ;;
                refused | reset) workers+=" even" ;;
                *) workers+=" none" ;;
            esac
        done
    done
    echo "$store $kernel $(tr ' ' '\n' <<<"$workers" | sort -u | xargs)"
}
is_agreed() { [ "$(agreed)" = "$1 $1 $1" ]; }
other_than() { [ "$1" = odd ] && echo even || echo odd; }
# What the last commit's answer says is in force: a process that is back in time for the way back gets the configuration before.
in_force() { # WANTED
    if grep -q 'the configuration was rolled back' "$STATE/out/commit"; then other_than "$1"; else echo "$1"; fi
}
is_new_dataplane() {
    local pid
    pid=$(dataplane_pid) && [ "$pid" != "$1" ] && remember_dataplane
}
reached() { [ -e "$STATE/fault/$1.reached" ]; }
go_on() { rm "$STATE/fault/$1.reached"; }
# commit_at PLACE CONFIGURATION HOW: a commit that is held at the place while the packet process is ended.
commit_at() {
    local place=$1 wanted=$2 how=$3 pid
    pid=$(dataplane_pid)
    touch "$STATE/fault/$place"
    run "configure; $(to "$wanted"); commit" >"$STATE/out/commit" 2>&1 &
    remember commit $!
    check "$place, $how: the commit gets there" wait_until 20 reached "$place"
    case $how in
        killed) kill -KILL "$pid" ;;
        started)
            kill -KILL "$pid"
            check "$place, $how: another is there before the commit goes on" wait_until "$RETURN_S" is_new_dataplane "$pid"
            ;;
        meanwhile)
            go_on "$place"
            kill -KILL "$pid"
            ;;
    esac
    reached "$place" && go_on "$place"
    check "$place, $how: the commit is answered" wait_until 60 has_ended commit
    sed 's/^/    /' "$STATE/out/commit"
    check "$place, $how: a new process runs" wait_until "$RETURN_S" is_new_dataplane "$pid"
}

check "the first packets pass within 10 s" wait_until 10 forwards
check "a capture of what is never permitted starts" capture leak "$SERVER" s0 'dst port 9999 or dst port 5400'
spawn blast4 "$CLIENT" python3 "$LAB_DIR/probe.py" blast 198.51.100.2 9999
spawn blast6 "$CLIENT" python3 "$LAB_DIR/probe.py" blast 2001:db8:2::2 9999
check "forbidden packets are being sent" wait_until 5 grep -q blasting "$STATE/log/blast6"
check "a commit without a fault" run "configure; set $UNIT address 198.51.100.11/24; $(to even); commit"
check "store, kernel and workers agree" wait_until 10 is_agreed even

wanted=odd
for at in checked/killed checked/started recorded/killed recorded/started half/killed half/started \
    half/meanwhile half/meanwhile half/meanwhile applied/killed applied/started; do
    commit_at "${at%/*}" "$wanted" "${at#*/}"
    check "${at/\//, }: traffic is back" wait_until "$RETURN_S" forwards
    wanted=$(in_force "$wanted")
    check "${at/\//, }: store, kernel and workers are of the configuration that was told" wait_until 30 is_agreed "$wanted"
    wanted=$(other_than "$wanted")
done
# commits_until_it_dies: each is another than the one before; true when the process has died of one.
commits_until_it_dies() {
    local pid
    pid=$(dataplane_pid)
    for _ in $(seq 8); do
        echo "$wanted" >"$STATE/out/wanted"
        run "configure; $(to "$wanted"); commit" >"$STATE/out/commit" 2>&1
        [ "$(dataplane_pid)" = "$pid" ] || return 0
        wanted=$(other_than "$wanted")
    done
    return 1
}
check "it dies with a program that one worker has" commits_until_it_dies
sed 's/^/    /' "$STATE/out/commit"
wanted=$(in_force "$(cat "$STATE/out/wanted")")
check "between two workers: traffic is back" wait_until "$RETURN_S" forwards
check "between two workers: store, kernel and workers are of the configuration that was told" wait_until 30 is_agreed "$wanted"
wanted=$(other_than "$wanted")
check "a commit without a fault works as ever" run "configure; $(to "$wanted"); commit"
check "and all agree" wait_until 10 is_agreed "$wanted"
stop blast4
stop blast6
check_is "nothing that no configuration permits got out at any time" 0 captured leak
summary
