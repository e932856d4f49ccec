#!/usr/bin/env bash
# Deny, reject, default deny, and their counters, in both families and directions. Spec: policy-1..9.
# shellcheck source=lab/lib.sh
. "$(dirname "$0")/../lib.sh"
test_lab "$LAB_DIR/demo.conf"

# LAB_AT_ONCE_MS: where a program alone takes longer to start (a guest whose instructions are translated).
takes_less_than_a_second() {
    local started
    started=$(now_ms)
    "$@"
    [ $(($(now_ms) - started)) -lt "${LAB_AT_ONCE_MS:-1000}" ]
}

check "the first packets pass within 10 s" wait_until 10 forwards
check "a capture of forbidden ports starts" capture leak "$SERVER" s0 'dst port 23 or dst port 8081 or dst port 5400 or dst port 9999'
for server in 198.51.100.2 2001:db8:2::2; do
    check_is "deny is silent: $server" timeout probe "$CLIENT" tcp "$server" 23
    check_is "reject answers TCP with RST: $server" refused probe "$CLIENT" tcp "$server" 8081
    check "reject answers at once: $server" takes_less_than_a_second probe "$CLIENT" tcp "$server" 8081
    check_is "reject answers UDP with port unreachable: $server" refused probe "$CLIENT" udp "$server" 5400
    check_is "no policy, no TCP: $server" timeout probe "$CLIENT" tcp "$server" 9999
    check_is "no policy, no UDP: $server" timeout probe "$CLIENT" udp "$server" 9999
done
check_is "nothing opens from untrust" timeout probe "$SERVER" tcp 2001:db8:1::2 80
check_is "nothing opens from untrust over UDP" timeout probe "$SERVER" udp 2001:db8:1::2 5300
check "but answers come back" in_client curl -s --max-time 5 http://198.51.100.2/
for policy in no-telnet no-legacy web-v4 ping-v4 ping-v6; do
    check "policy $policy was hit" was_hit trust untrust "$policy"
done
check_is "no forbidden packet reached the server" 0 captured leak
summary
