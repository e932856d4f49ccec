#!/usr/bin/env bash
# traceroute through NAT44 and NAT64, by UDP, ICMP and TCP: each hop's error finds the program that waits for it.
# Spec: nat-source-14, nat-static-13, icmp-errors-1, rfc7915-15.
# Proves: rfc3022-8, rfc5508-4, rfc5508-10, rfc6146-7, rfc7915-15.
# shellcheck source=lab/lib.sh
. "$(dirname "$0")/../lib.sh"
# shellcheck source=lab/far.sh
. "$LAB_DIR/far.sh"
command -v traceroute >/dev/null || { echo "nat-traceroute: 'traceroute' is missing; run 'make deps'" >&2; exit 77; }

config=$(mktemp) || exit 2
far_config >"$config"
test_lab "$config"
rm -f "$config"
check "there is a network behind the server" far_up
spawn farweb "$TRUNK" python3 "$LAB_DIR/service.py" tcp:80

# The hops' addresses, in one line.
hops() { in_client traceroute -n -q2 -w3 -N1 "$@" | awk 'NR > 1 { print $2 }' | paste -sd' '; }
reaches() { in_client ping -q -c1 -W1 192.0.2.2 && in_client ping -q -c1 -W1 "$FAR_SIX"; }

four="10.1.0.1 198.51.100.2 192.0.2.2"
six="2001:db8:1::1 $SERVER_SIX $FAR_SIX"
check "the first packets pass within 10 s" wait_until 10 reaches
check "a listener is behind the server" wait_until 10 grep -q ready "$STATE/log/farweb"
check_is "NAT44, UDP" "$four" hops 192.0.2.2
check_is "NAT44, ICMP" "$four" hops -I 192.0.2.2
check_is "NAT44, TCP" "$four" hops -T -p 80 192.0.2.2
check_is "NAT64, UDP" "$six" hops -6 "$FAR_SIX"
check_is "NAT64, ICMP" "$six" hops -6 -I "$FAR_SIX"
check_is "NAT64, TCP" "$six" hops -6 -T -p 80 "$FAR_SIX"
summary
