#!/usr/bin/env bash
# Each consumer of a commit fails at each step, and the kernel by itself: afterwards store, kernel, security log, schedules, metrics
# and every worker have the same configuration, the old one or the new one whole. Spec: commit-2, commit-3.
#
# A fault is asked for by a file (`ravelin/src/daemon/fault.rs`): `apply` fails before anything is done, `answer` when all is.
WORKERS=2
# shellcheck source=lab/lib.sh
. "$(dirname "$0")/../lib.sh"

lab_more() {
    mkdir "$STATE/fault"
    export RAVELIN_COMMIT_FAULT=$STATE/fault
}
test_lab "$LAB_DIR/demo.conf"

CONSUMERS=(ids host security-log dynamic metrics dataplane)
WORLD="interfaces ge-0/0/1 unit 0 family"
TELNET="security policies from-zone trust to-zone untrust policy no-telnet"

run() { "$RAVELIN" cli --socket "$STATE/run/api.sock" -c "$1"; }

# Two configurations that differ in what everybody has of them.
of() { # even|odd set|delete
    local address=198.51.100.10/24 six=2001:db8:2::10/64 route=192.0.2.0/24 far=2001:db8:10::/48 action=reject listen=127.0.0.1
    if [ "$1" = odd ]; then
        address=198.51.100.11/24 six=2001:db8:2::11/64 route=192.0.3.0/24 far=2001:db8:11::/48 action=permit listen=127.0.0.2
    fi
    if [ "$2" = set ]; then
        echo "set $WORLD inet address $address; set $WORLD inet6 address $six"
        echo "; set routing-options static route $route next-hop 198.51.100.2"
        echo "; set routing-options rib inet6.0 static route $far next-hop 2001:db8:2::2"
        echo "; set schedulers scheduler $1 daily all-day; set $TELNET scheduler-name $1; set $TELNET then $action"
        echo "; set security log mode stream; set security log source-address 198.51.100.1"
        echo "; set security log stream $1 host 198.51.100.2; set system services metrics addresses $listen"
    else
        echo "delete $WORLD inet address $address; delete $WORLD inet6 address $six"
        echo "; delete routing-options static route $route; delete routing-options rib inet6.0 static route $far"
        echo "; delete schedulers; delete $TELNET then $action; delete security log; delete system services metrics"
    fi | tr -d '\n'
}
other() { if [ "$1" = even ]; then echo odd; else echo even; fi; }
# commit_to CONFIGURATION: from the other one, whatever a refused commit left in the candidate.
commit_to() { run "configure; rollback 0; $(of "$(other "$1")" delete); $(of "$1" set); commit" >"$STATE/out/commit" 2>&1; }

# which NAME EVEN ODD: a line that tells which of the two patterns holds of a line of the input.
which() {
    local text found
    text=$(cat)
    found=$(grep -Eq -- "$2" <<<"$text" && echo even)$(grep -Eq -- "$3" <<<"$text" && echo odd)
    echo "$1 ${found:-none}"
}
# One word for each flow to the port that the one rejects and the other permits, over either family.
flows() {
    # shellcheck disable=SC2016
    in_client timeout 10 bash -c 'for n in 1 2 3 4; do
        for one in 198.51.100.2 2001:db8:2::2; do
            if (exec 3<>"/dev/tcp/$one/23"); then echo permitted; else echo rejected; fi
        done
    done' 2>/dev/null
}
# What everybody has, a line each.
had() {
    local said
    which store 'address 198.51.100.10/24' 'address 198.51.100.11/24' <"$STATE/state/active.conf"
    said=$(ip -n "$FIREWALL" address show dev ge-0-0-1.0)
    which kernel-address 'inet 198.51.100.10/24' 'inet 198.51.100.11/24' <<<"$said"
    which kernel-address6 'inet6 2001:db8:2::10/64' 'inet6 2001:db8:2::11/64' <<<"$said"
    ip -n "$FIREWALL" route show | which kernel-route '^192.0.2.0/24 via' '^192.0.3.0/24 via'
    ip -n "$FIREWALL" -6 route show | which kernel-route6 '^2001:db8:10::/48 via' '^2001:db8:11::/48 via'
    in_fw ss -Hltn 'sport = :9797' | which metrics '127.0.0.1:9797' '127.0.0.2:9797'
    said=$(run 'show ravelin log; show schedulers; show ravelin status')
    which security-log '^Stream: even' '^Stream: odd' <<<"$said"
    which schedules '^Scheduler name: even, State: active' '^Scheduler name: odd, State: active' <<<"$said"
    awk '/^Generation:/ { g = $2 } /^[0-9]+ +up / { n++; same += $4 == g } END { print n == 2 && same == 2 ? "workers of-one-generation" : "workers apart" }' <<<"$said"
    flows | sort | uniq -c | which workers '^ *8 rejected' '^ *8 permitted'
}
is_all() {
    local found
    found=$(had)
    echo "$found"
    [ "$(grep -c " $1\$" <<<"$found")" = 9 ] && grep -qx 'workers of-one-generation' <<<"$found"
}
# agreed SECONDS CONFIGURATION: says who has what when it does not come to that.
agreed() { wait_until "$1" is_all "$2" || { had; return 1; }; }
is_none_left() { [ -z "$(ls -A "$STATE/fault")" ]; }

check "the first packets pass within 10 s" wait_until 10 forwards
check "the first of the two is committed" run "configure; delete $TELNET then deny; $(of even set); commit"
check "everybody has it" agreed 10 even

has=even
for who in "${CONSUMERS[@]}"; do
    for fault in check/1 prepare/1 apply/1 apply/2 answer/1 answer/2; do
        step=${fault%/*} times=${fault#*/}
        wanted=$(other "$has") what="$who fails at $step, $times time(s)"
        echo "$times" >"$STATE/fault/$who.$step"
        commit_to "$wanted"
        case $fault in
            */2) said='rolled back' ;;
            check/1) said='fault at check' ;;
            prepare/1) said="can't get ready: fault at prepare" ;;
            *) said='commit complete' has=$wanted ;;
        esac
        check "$what: it did fail" is_none_left
        check_has "$what: the operator is told" "$said" cat "$STATE/out/commit"
        check "$what: everybody has the ${has} one" agreed 5 "$has"
    done
done

wanted=$(other "$has")
for who in "${CONSUMERS[@]}"; do echo 4 >"$STATE/fault/$who.apply"; done
commit_to "$wanted"
check_has "nobody can go on nor back" "not applied|not yet applied" cat "$STATE/out/commit"
check "and made good by itself" agreed 20 "$has"
check "all faults are spent" is_none_left

for who in "${CONSUMERS[@]}"; do echo 100 >"$STATE/fault/$who.answer"; done
commit_to "$wanted"
signal daemon KILL
check "the daemon is killed while everything is owed" wait_until 5 has_ended daemon
rm "$STATE"/fault/*
daemon_start "$LAB_DIR/demo.conf"
check "the next one brings up what the store has" agreed 20 "$has"

# The kernel's own refusals: a device is made, its IPv4 address given, and the IPv6 one refused.
NEW="set interfaces ge-0/0/2 unit 0 family inet address 192.0.2.129/25; set interfaces ge-0/0/2 unit 0 family inet6 address 2001:db8:3::1/64"
has_device() { ip -n "$FIREWALL" link show dev ge-0-0-2.0; }
is_gone() { ! has_device; }
in_fw sysctl -qw net.ipv6.conf.default.disable_ipv6=1
check_has "a kernel that takes no IPv6 address" 'host: add an address to .*rolled back' \
    run "configure; rollback 0; $(of "$has" delete); $(of "$wanted" set); $NEW; commit"
check "everybody has the one before" agreed 5 "$has"
check "the device of the new unit is gone" is_gone
in_fw sysctl -qw net.ipv6.conf.default.disable_ipv6=0
check "when it takes one the same commit is complete" run "configure; commit"
check "everybody has the new one" agreed 5 "$wanted"
check_has "and the device has its addresses" 'inet6 2001:db8:3::1/64' ip -n "$FIREWALL" address show dev ge-0-0-2.0
check "both families pass" forwards
summary
