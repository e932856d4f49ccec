#!/usr/bin/env bash
# The packet process dies: traffic stops, nothing leaks, addresses stay, and it comes back.
#
# The daemon is stopped while the dataplane is killed, so that the gap can be looked at; then it goes on.
# shellcheck source=lab/lib.sh
. "$(dirname "$0")/../lib.sh"
test_lab "$LAB_DIR/demo.conf"

RETURN_S=20

# Addresses and routes of the units in the kernel, without what may change (state, lifetimes, carrier flags).
kernel_state() {
    ip -n "$FIREWALL" -br addr | awk '{ $2 = ""; print }' | grep -v ' fe80' | sort
    ip -n "$FIREWALL" route | sed 's/ linkdown//' | sort
    ip -n "$FIREWALL" -6 route | sed -e 's/ linkdown//' -e 's/ expires [^ ]*//' | grep -v '^fe80' | sort
}

unchanged() { diff "$STATE/out/before" <(kernel_state); }
passes_nothing() { ! in_client ping -q -c5 -i0.2 -W1 198.51.100.2 && ! in_client ping -q -c5 -i0.2 -W1 2001:db8:2::2; }
is_new_dataplane() {
    local pid
    pid=$(dataplane_pid) && [ "$pid" != "$OLD_PID" ]
}

check "the first packets pass within 10 s" wait_until 10 forwards
check "a connection is held" spawn held "$CLIENT" python3 "$LAB_DIR/probe.py" hold 198.51.100.2 80
check "a capture of forbidden packets starts" capture leak "$SERVER" s0 'dst port 9999 or dst port 23'
spawn blast4 "$CLIENT" python3 "$LAB_DIR/probe.py" blast 198.51.100.2 9999
spawn blast6 "$CLIENT" python3 "$LAB_DIR/probe.py" blast 2001:db8:2::2 9999
check "forbidden packets are being sent" wait_until 5 grep -q blasting "$STATE/log/blast6"

kernel_state >"$STATE/out/before"
OLD_PID=$(pid_of dataplane)
check "the daemon is stopped" signal daemon STOP
check "the dataplane is killed" signal dataplane KILL
check "it ends" wait_until 5 has_ended dataplane
check "no packet passes" passes_nothing
check_is "an allowed connection gets no answer" timeout probe "$CLIENT" tcp 2001:db8:2::2 80
check "addresses and routes stay while it is dead" unchanged
check "the daemon goes on" signal daemon CONT
check "a new dataplane runs within $RETURN_S s" wait_until "$RETURN_S" is_new_dataplane
check "traffic is back within $RETURN_S s" wait_until "$RETURN_S" forwards
check "addresses and routes are the same afterwards" unchanged
check_is "source NAT is back" "saw 198.51.100.1" probe "$CLIENT" tcp 198.51.100.2 80
check_is "and so is deny" timeout probe "$CLIENT" tcp 198.51.100.2 23
stop blast4
stop blast6
check_is "no forbidden packet reached the server at any time" 0 captured leak
summary
