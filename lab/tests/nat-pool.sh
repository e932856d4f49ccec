#!/usr/bin/env bash
# A source pool with kernel clients: two hosts with one source port through one address.
# Spec: nat-pool-1, nat-pool-4, nat-pool-19.
# shellcheck source=lab/lib.sh
. "$(dirname "$0")/../lib.sh"

config=$(mktemp) || exit 2
cat "$LAB_DIR/demo.conf" - >"$config" <<'JUNOS'
security {
    nat {
        source {
            pool one {
                address 198.51.100.71/32;
                port {
                    range {
                        40000;
                        to {
                            40127;
                        }
                    }
                }
            }
            rule-set pooled {
                from interface ge-0/0/0.0;
                to interface ge-0/0/1.0;
                rule office {
                    match {
                        source-address 10.1.0.0/24;
                    }
                    then {
                        source-nat {
                            pool one;
                        }
                    }
                }
            }
        }
        proxy-arp {
            interface ge-0/0/1.0 {
                address {
                    198.51.100.71/32;
                }
            }
        }
    }
}
JUNOS
test_lab "$config"
rm -f "$config"
ip -n "$CLIENT" addr add 10.1.0.3/24 dev c0

# Two office hosts use one source port at once; each gets its own answer back.
same_port_twice() { # KIND PORT
    local first second
    probe "$CLIENT" "$1" 198.51.100.2 "$2" 10.1.0.2 6000 >"$STATE/out/first" &
    probe "$CLIENT" "$1" 198.51.100.2 "$2" 10.1.0.3 6000 >"$STATE/out/second"
    wait $!
    first=$(<"$STATE/out/first") second=$(<"$STATE/out/second")
    echo "$first, $second"
}
both="saw 198.51.100.71, saw 198.51.100.71"
in_use() { cli "show security nat source pool one"; }

check "the first packets pass within 10 s" wait_until 10 in_client ping -q -c1 -W1 198.51.100.2
check "all sessions end" cli "clear security flow session all"
check "a capture of other sources starts" capture other "$SERVER" s0 udp port 5300 and not net 198.51.100.71/32
check_is "UDP: one source port of two hosts stays two sessions" "$both" same_port_twice udp 5300
check_is "TCP: the same" "$both" same_port_twice tcp 80
check_has "the pool counts two ports of UDP" 'Ports in use +: tcp [0-9]+, udp 2,' in_use
check_has "and what it has in all" 'Port +: \[40000, 40127\]' in_use
check "echo by the pool" in_client ping -q -c3 -i0.1 -W2 -I 10.1.0.3 198.51.100.2
check_has "the answer's port is of the range" 'Out: 198.51.100.2/5300 --> 198.51.100.71/40(0[0-9][0-9]|1[01][0-9]|12[0-7]);udp' \
    cli "show security flow session protocol udp"
check "all sessions end again" cli "clear security flow session all"
check_has "and with them the ports come back" 'Ports in use +: tcp 0, udp 0, icmp 0, other 0' in_use
check_is "nothing left by another address" 0 captured other
summary
