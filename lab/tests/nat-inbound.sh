#!/usr/bin/env bash
# Destination and static NAT on the wire, with addresses that only proxy ARP and neighbour discovery make reachable.
# What DNS says of translated hosts, to either side; floods and sweeps of kernel clients.
# Spec: nat-destination-1..5, nat-static-1..4, nat-proxy-1, alg-14, screen-40, screen-46.
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
        from-zone trust to-zone untrust {
            policy names {
                match {
                    source-address any;
                    destination-address any;
                    application junos-dns-udp;
                }
                then {
                    permit;
                }
            }
        }
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

# Names: an inside host is 10.1.0.3 inside, and 198.51.100.40 outside.
spawn names-out "$SERVER" python3 "$LAB_DIR/dns.py" serve 53 host=198.51.100.40 other=198.51.100.41
spawn names-in "$CLIENT" python3 "$LAB_DIR/dns.py" serve 53 host=10.1.0.3 other=10.1.0.4
ask() { ip netns exec "$1" python3 "$LAB_DIR/dns.py" ask "$2" 53 "$3"; }
names_are_ready() { grep -q ready "$STATE/log/names-out" && grep -q ready "$STATE/log/names-in"; }
check "both name servers are ready" wait_until 5 names_are_ready
check_is "a name server outside shows a client inside the host's inside address" 10.1.0.3 ask "$CLIENT" 198.51.100.2 host
check_is "one inside, asked from outside, shows its outside address" 198.51.100.40 ask "$SERVER" 198.51.100.30 host
check_is "other addresses of its answers are as they are" 10.1.0.4 ask "$SERVER" 198.51.100.30 other
check_is "nor does a client inside see others changed" 198.51.100.41 ask "$CLIENT" 198.51.100.2 other
check "a commit without doctoring" cli "configure; set security alg dns doctoring none; commit"
check_is "leaves answers as they are" 198.51.100.40 ask "$CLIENT" 198.51.100.2 host

# A flood of echo requests, and a sweep.
FLOOD_MAX=20
received() { # COUNT INTERVAL: answers to a train of requests
    in_server ping -n -c "$1" -i "$2" -W 1 198.51.100.30 | sed -n 's/.*, \([0-9]*\) received.*/\1/p'
}
# The train is over within a second, and so in two of the device's seconds at most.
flood_is_cut() {
    local count
    count=$(received 100 0.005)
    echo "$count of 100 were answered"
    [ "$count" -ge "$FLOOD_MAX" ] && [ "$count" -le $((2 * FLOOD_MAX)) ]
}
sweep() {
    local host pids=()
    for host in $(seq 100 115); do
        in_server ping -n -q -c1 -W 0.1 "10.1.0.$host" &
        pids+=("$!")
    done
    wait "${pids[@]}"
}
swept() { ! in_server ping -n -q -c1 -W 0.2 198.51.100.30; }
over() { in_server ping -n -q -c1 -W 0.2 198.51.100.30; }
ip -n "$SERVER" route replace 10.1.0.0/24 via 198.51.100.1
check "screens are set" cli "configure; set security screen ids-option rates icmp flood threshold $FLOOD_MAX; set security zones security-zone untrust screen rates; commit"
check "no more than the threshold of a second's echo requests get through" flood_is_cut
check_has "and the rest is counted" 'ICMP flood +[1-9]' cli "show security screen statistics zone untrust"
check "a sweep is looked for instead" cli "configure; delete security screen ids-option rates icmp flood; set security screen ids-option rates icmp ip-sweep threshold 1000000; commit"
sweep >/dev/null 2>&1
check "who sweeps is not answered either where it may speak" swept
check_has "the sweep is counted" 'ICMP address sweep +[1-9]' cli "show security screen statistics zone untrust"
check "and is answered again when its time is over" wait_until 5 over
summary
