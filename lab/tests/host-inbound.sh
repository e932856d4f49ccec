#!/usr/bin/env bash
# What the firewall itself answers, and to whom. Spec: host-inbound-1..8.
# shellcheck source=lab/lib.sh
. "$(dirname "$0")/../lib.sh"
test_lab "$LAB_DIR/demo.conf"

pings() { ip netns exec "$1" ping -q -c2 -i0.2 -W2 "$2"; }

check "ping from trust, IPv4" wait_until 10 pings "$CLIENT" 10.1.0.1
check "ping from trust, IPv6" wait_until 10 pings "$CLIENT" 2001:db8:1::1
check "ping from untrust, IPv4" wait_until 10 pings "$SERVER" 198.51.100.1
check "ping from untrust, IPv6" wait_until 10 pings "$SERVER" 2001:db8:2::1
check_is "ssh from trust, IPv4" "saw 10.1.0.2" probe "$CLIENT" tcp 10.1.0.1 22
check_is "ssh from trust, IPv6" "saw 2001:db8:1::2" probe "$CLIENT" tcp 2001:db8:1::1 22
check_is "ssh from untrust is dropped, IPv4" timeout probe "$SERVER" tcp 198.51.100.1 22
check_is "ssh from untrust is dropped, IPv6" timeout probe "$SERVER" tcp 2001:db8:2::1 22
check_is "telnet from trust is dropped" timeout probe "$CLIENT" tcp 10.1.0.1 23
check_is "telnet from trust is dropped, IPv6" timeout probe "$CLIENT" tcp 2001:db8:1::1 23
check "the firewall's own ping leaves through the engine, IPv4" in_fw ping -q -c2 -i0.2 -W2 198.51.100.2
check "the firewall's own ping leaves through the engine, IPv6" in_fw ping -q -c2 -i0.2 -W2 2001:db8:2::2
check_is "the firewall's own TCP" "saw 198.51.100.1" probe "$FIREWALL" tcp 198.51.100.2 80
summary
