#!/usr/bin/env bash
# A kernel that lets no other process map the rings of a bound socket: an in-service upgrade is refused by name, and nothing is lost by asking.
# shellcheck source=lab/lib.sh
. "$(dirname "$0")/../../lib.sh"
test_lab "$LAB_DIR/demo.conf"

upgrade() { cli "request system software in-service-upgrade $(realpath "$RAVELIN")"; }
sessions_to() { cli "show security flow session" | grep -Ec "In: .* --> $1/80;tcp"; }

check "both families pass" wait_until 20 forwards
DATAPLANE=$(pid_of dataplane)
spawn held "$CLIENT" python3 "$LAB_DIR/probe.py" hold 198.51.100.2 80
check "a connection is held" wait_until 20 grep -q held "$STATE/log/held"
check_has "the upgrade is refused" 'this kernel maps no rings of a bound socket' upgrade
check_is "the same process forwards" "$DATAPLANE" dataplane_pid
check_is "the held session is still there" 1 sessions_to 198.51.100.2
check "both families pass" wait_until 10 forwards
summary
