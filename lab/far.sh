# shellcheck shell=bash
# A network behind the server, which routes: the trunk's namespace is a host there, over a link that takes less than the others.
#
# Sourced by tests behind lib.sh. `far_config` is what the firewall needs beside demo.conf: the way there, everything permitted,
# and NAT64 behind 2001:db8:64::/96; `far_up` builds it.
#
#   client ge-0-0-0 [fw] ge-0-0-1 server 192.0.2.1/24 (MTU FAR_MTU) --- 192.0.2.2/24 far

FAR_MTU=1300
# 192.0.2.2 and the server, as IPv6 hosts know them.
export FAR_SIX=2001:db8:64::c000:202 SERVER_SIX=2001:db8:64::c633:6402

far_config() {
    cat "$LAB_DIR/demo.conf" - <<'JUNOS'
routing-options {
    static {
        route 192.0.2.0/24 next-hop 198.51.100.2;
    }
}
security {
    nat {
        source {
            rule-set office-to-world {
                rule six {
                    match {
                        source-address 2001:db8:1::/64;
                        destination-address 0.0.0.0/0;
                    }
                    then {
                        source-nat {
                            interface;
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
    }
    policies {
        from-zone trust to-zone untrust {
            policy rest {
                match {
                    source-address any;
                    destination-address any;
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
}

# The server's side of the link takes less than the far host's, which therefore asks for segments that don't fit.
far_up() {
    ip link add r0 netns "$SERVER" type veth peer name r1 netns "$TRUNK" &&
        ip -n "$SERVER" link set r0 mtu "$FAR_MTU" up && ip -n "$TRUNK" link set r1 up &&
        ip -n "$SERVER" addr add 192.0.2.1/24 dev r0 && ip -n "$TRUNK" addr add 192.0.2.2/24 dev r1 &&
        ip -n "$TRUNK" route add default via 192.0.2.1 &&
        in_server sysctl -qw net.ipv4.ip_forward=1 net.ipv4.icmp_ratelimit=0
}

# shellcheck disable=SC2034 # used by the tests
in_far() { in_trunk "$@"; }
