#!/usr/bin/env bash
# Destination and static NAT on the wire, with addresses that only proxy ARP and neighbour discovery make reachable.
# Spec: nat-destination-1..5, nat-static-1..4, nat-proxy-1.
# shellcheck source=lab/lib.sh
. "$(dirname "$0")/../lib.sh"

config=$(mktemp) || exit 2
cat "$LAB_DIR/demo.conf" - >"$config" <<'JUNOS'
security {
    nat {
        destination {
            pool office-web {
                address 10.1.0.2/32 port 80;
            }
            pool office-dns {
                address 10.1.0.2/32;
            }
            pool office-six {
                address 2001:db8:1::2/128;
            }
            rule-set from-world {
                from zone untrust;
                rule web {
                    match {
                        destination-address 198.51.100.1/32;
                        destination-port 8080;
                    }
                    then {
                        destination-nat pool office-web;
                    }
                }
                rule all {
                    match {
                        destination-address 198.51.100.30/32;
                    }
                    then {
                        destination-nat pool office-dns;
                    }
                }
                rule six {
                    match {
                        destination-address 2001:db8:2::30/128;
                    }
                    then {
                        destination-nat pool office-six;
                    }
                }
            }
        }
        static {
            rule-set office {
                from zone untrust;
                rule one {
                    match {
                        destination-address 198.51.100.40/32;
                    }
                    then {
                        static-nat {
                            prefix {
                                10.1.0.3/32;
                            }
                        }
                    }
                }
            }
        }
        proxy-arp {
            interface ge-0/0/1.0 {
                address {
                    198.51.100.30/32;
                    198.51.100.40/32;
                }
            }
        }
        proxy-ndp {
            interface ge-0/0/1.0 {
                address {
                    2001:db8:2::30/128;
                }
            }
        }
    }
    policies {
        from-zone untrust to-zone trust {
            policy published {
                match {
                    source-address any;
                    destination-address office-v4;
                    destination-address office-v6;
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
ip -n "$CLIENT" addr add 10.1.0.3/24 dev c0

check "the first packets pass within 10 s" wait_until 10 forwards
check_is "a port of the firewall's address is the office's web server" "saw 198.51.100.2" probe "$SERVER" tcp 198.51.100.1 8080
check_is "an address that nobody has is the office's host: TCP" "saw 198.51.100.2" probe "$SERVER" tcp 198.51.100.30 80
check_is "and UDP" "saw 198.51.100.2" probe "$SERVER" udp 198.51.100.30 5300
check "and ICMP echo" in_server ping -q -c3 -i0.1 -W2 198.51.100.30
check_is "and IPv6, over proxied neighbour discovery" "saw 2001:db8:2::2" probe "$SERVER" tcp 2001:db8:2::30 80
check_is "a static address leads in" "saw 198.51.100.2" probe "$SERVER" tcp 198.51.100.40 80
check_is "and out, before source NAT" "saw 198.51.100.40" probe "$CLIENT" tcp 198.51.100.2 80 10.1.0.3 6000
check_is "others still leave from the egress address" "saw 198.51.100.1" probe "$CLIENT" tcp 198.51.100.2 80
check_is "an unproxied address answers nobody" timeout probe "$SERVER" tcp 198.51.100.31 80
check_is "another port of the firewall is not the office's" timeout probe "$SERVER" tcp 198.51.100.1 8081
check "bulk TCP goes in through destination NAT" in_server curl -s -m 5 -o /dev/null http://198.51.100.1:8080/
check_has "the rule counts its hits" 'Translation hits +: [1-9]' cli "show security nat destination rule web"
check_has "the static rule counts both ways" 'Translation hits +: 2' cli "show security nat static rule one"
check_has "the session shows both sides" 'In: 198.51.100.2/.* --> 198.51.100.30/5300' cli "show security flow session protocol udp"
summary
