#!/usr/bin/env bash
# Two clients with one source port through one address, at once: both are served, and each gets its own answers.
# Spec: nat-source-8, nat-source-9.
# Proves: rfc3022-2, rfc4787-3.
# shellcheck source=lab/lib.sh
. "$(dirname "$0")/../lib.sh"
WORKERS=2
test_lab "$LAB_DIR/demo.conf"
ip -n "$CLIENT" addr add 10.1.0.3/24 dev c0

wings() { cli "show security flow session source-port 5555 destination-port 5300"; }
inside() { wings | grep -c "In: $1/5555 --> 198.51.100.2/5300;udp"; }
# The external ports of both, when they differ.
external_ports() { wings | sed -n 's/.*Out: 198\.51\.100\.2\/5300 --> 198\.51\.100\.1\/\([0-9]*\);.*/\1/p' | sort -u | wc -l; }
many() {
    local count
    for count in {1..20}; do
        for host in 2 3; do
            [ "$(probe "$CLIENT" udp 198.51.100.2 5300 10.1.0.$host $((6000 + count)))" = "saw 198.51.100.1" ] || return 1
        done
    done
}

check "the first packets pass within 10 s" wait_until 10 forwards
check_is "the first client, UDP" "saw 198.51.100.1" probe "$CLIENT" udp 198.51.100.2 5300 10.1.0.2 5555
check_is "the second from the same port" "saw 198.51.100.1" probe "$CLIENT" udp 198.51.100.2 5300 10.1.0.3 5555
check_is "the first again" "saw 198.51.100.1" probe "$CLIENT" udp 198.51.100.2 5300 10.1.0.2 5555
check_is "a session of the first" 1 inside 10.1.0.2
check_is "and one of the second" 1 inside 10.1.0.3
check_is "have two external ports" 2 external_ports
check_is "TCP likewise: the first" "saw 198.51.100.1" probe "$CLIENT" tcp 198.51.100.2 80 10.1.0.2 5555
check_is "the second" "saw 198.51.100.1" probe "$CLIENT" tcp 198.51.100.2 80 10.1.0.3 5555
check "twenty ports of both" many
summary
