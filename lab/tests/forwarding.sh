#!/usr/bin/env bash
# Both families through the firewall: ICMP, UDP, TCP, full-size packets, hop limits. Spec: flow-1..10.
# shellcheck source=lab/lib.sh
. "$(dirname "$0")/../lib.sh"
test_lab "$LAB_DIR/demo.conf"

hop_limit_error() { in_client ping -c1 -W2 -t1 "$1"; }
kernel_forwards() { in_fw sysctl -n net.ipv4.ip_forward net.ipv6.conf.all.forwarding | tr '\n' ' '; }

check "the first packets pass within 10 s" wait_until 10 forwards
check "20 pings, IPv4, none lost" in_client ping -q -c20 -i0.05 -W2 198.51.100.2
check "20 pings, IPv6, none lost" in_client ping -q -c20 -i0.05 -W2 2001:db8:2::2
check "a full-size packet, IPv4" in_client ping -q -c2 -W2 -Mdo -s1472 198.51.100.2
check "a full-size packet, IPv6" in_client ping -q -c2 -W2 -Mdo -s1452 2001:db8:2::2
check_is "UDP, IPv6" "saw 2001:db8:1::2" probe "$CLIENT" udp 2001:db8:2::2 5300
check_is "TCP, IPv6" "saw 2001:db8:1::2" probe "$CLIENT" tcp 2001:db8:2::2 80
check_is "TCP over a static route" "saw 198.51.100.1" probe "$CLIENT" tcp 203.0.113.1 80
check_has "a spent TTL is answered by the firewall" 'From 10\.1\.0\.1 .*Time to live exceeded' \
    hop_limit_error 198.51.100.2
check_has "a spent hop limit is answered by the firewall" 'From 2001:db8:1::1 .*Hop limit' \
    hop_limit_error 2001:db8:2::2
check "iperf3, two seconds of TCP, IPv4" in_client iperf3 --connect-timeout 3000 -c 198.51.100.2 -t2
check "iperf3, two seconds of TCP, IPv4, towards the client" in_client iperf3 --connect-timeout 3000 -c 198.51.100.2 -t2 -R
check "iperf3, two seconds of TCP, IPv6" in_client iperf3 --connect-timeout 3000 -c 2001:db8:2::2 -t2
check_is "the kernel still forwards nothing" "0 0 " kernel_forwards
summary
