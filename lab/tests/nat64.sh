#!/usr/bin/env bash
# An IPv6 client reaches a server by IPv4: NAT64 with kernel stacks at both ends.
# Spec: nat-static-8, nat-static-9, rfc6146-1, rfc7915-32.
# Proves: rfc6146-1, rfc7915-32.
# shellcheck source=lab/lib.sh
. "$(dirname "$0")/../lib.sh"

config=$(mktemp) || exit 2
cat "$LAB_DIR/demo.conf" - >"$config" <<'JUNOS'
security {
    nat {
        source {
            pool six {
                address 198.51.100.64/32;
            }
            rule-set office-to-world {
                rule six {
                    match {
                        source-address 2001:db8:1::/64;
                        destination-address 198.51.100.0/24;
                    }
                    then {
                        source-nat {
                            pool six;
                        }
                    }
                }
            }
        }
        static {
            rule-set six {
                from zone trust;
                rule four {
                    match {
                        destination-address 2001:db8:64::/96;
                    }
                    then {
                        static-nat {
                            inet;
                        }
                    }
                }
            }
        }
        proxy-arp {
            interface ge-0/0/1.0 {
                address {
                    198.51.100.64/32;
                }
            }
        }
    }
    policies {
        from-zone trust to-zone untrust {
            policy six-to-four {
                match {
                    source-address office-v6;
                    destination-address world-v4;
                    application any;
                }
                then {
                    permit;
                }
            }
        }
    }
}
JUNOS
test_lab "$config"
rm -f "$config"

# The server, as IPv6 hosts know it.
SIX=2001:db8:64::c633:6402

reaches() { in_client ping -q -c1 -W1 "$SIX"; }
spent_hop_limit() { in_client ping -c1 -W2 -t1 "$SIX"; }
# The server's IPv4 packets are 20 bytes shorter than the client's network takes: it must learn so.
forget_paths() { ip -n "$SERVER" route flush cache; }

many_connections() {
    local count
    for count in {1..50}; do
        [ "$(in_client curl -g -s --max-time 5 "http://[$SIX]/")" = 198.51.100.64 ] || { echo "at $count"; return 1; }
    done
}

check "the first packets pass within 10 s" wait_until 10 reaches
check "a capture of IPv6 to the server starts" capture six "$SERVER" s0 ip6 net 2001:db8:64::/96
check "20 pings, none lost" in_client ping -q -c20 -i0.05 -W2 "$SIX"
check "pings as large as go through whole" in_client ping -q -c3 -i0.2 -W2 -Mdo -s1224 "$SIX"
check_is "UDP comes of the pool" "saw 198.51.100.64" probe "$CLIENT" udp "$SIX" 5300
check_has "the session has a wing of each family" 'In: 2001:db8:1::2/.* --> 2001:db8:64::c633:6402/5300;udp' \
    cli "show security flow session protocol udp"
check_has "and the other is IPv4" 'Out: 198.51.100.2/5300 --> 198.51.100.64/' \
    cli "show security flow session protocol udp"
check_is "TCP comes of the pool" "saw 198.51.100.64" probe "$CLIENT" tcp "$SIX" 80
check_is "curl too" 198.51.100.64 in_client curl -g -s --max-time 5 "http://[$SIX]/"
check "50 connections through one address" many_connections
check_is "a closed port's error comes back: UDP" refused probe "$CLIENT" udp "$SIX" 5999
check_is "a closed port's reset comes back: TCP" refused probe "$CLIENT" tcp "$SIX" 5999
check_has "a spent hop limit is answered by the firewall" 'From 2001:db8:1::1 .*Hop limit' spent_hop_limit
check "iperf3, two seconds of TCP" in_client iperf3 --connect-timeout 3000 -c "$SIX" -t2
check "the server forgets path MTUs" forget_paths
check "iperf3, two seconds of TCP, towards the client" in_client iperf3 --connect-timeout 3000 -c "$SIX" -t2 -R
check "iperf3, UDP at 10 Mbit/s" in_client iperf3 --connect-timeout 3000 -c "$SIX" -t1 -u -b10M -l1200
check_is "no IPv6 reached the server's wire" 0 captured six
check "IPv6 between IPv6 hosts goes on" in_client ping -q -c3 -i0.1 -W2 2001:db8:2::2
summary
