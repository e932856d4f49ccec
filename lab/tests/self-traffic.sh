#!/usr/bin/env bash
# What is for the firewall and comes from it, by policies of junos-host; a management zone that nothing is forwarded through; and
# segments of conversations that the firewall has forgotten. Real kernels on all sides, at two workers.
# Spec: policy-19..21, flow-36, tcp-1..3, policy-11, session-8.
WORKERS=2
# shellcheck source=lab/lib.sh
. "$(dirname "$0")/../lib.sh"

config=$(mktemp) || exit 2
cat "$LAB_DIR/demo.conf" - >"$config" <<'JUNOS'
interfaces {
    ge-0/0/2 {
        unit 0 {
            family inet {
                address 10.99.0.1/24;
            }
        }
    }
}
applications {
    application web-9999 {
        protocol tcp;
        destination-port 9999;
    }
}
security {
    policies {
        from-zone trust to-zone junos-host {
            policy no-ssh-v6 {
                match {
                    source-address any-ipv6;
                    destination-address any;
                    application junos-ssh;
                }
                then {
                    deny;
                    count;
                }
            }
            policy ssh {
                match {
                    source-address office-v4;
                    destination-address any;
                    application junos-ssh;
                }
                then {
                    permit;
                    count;
                }
            }
        }
        from-zone untrust to-zone junos-host {
            policy no-ping-v4 {
                match {
                    source-address any-ipv4;
                    destination-address any;
                    application junos-ping;
                }
                then {
                    deny;
                }
            }
        }
        from-zone junos-host to-zone untrust {
            policy no-legacy {
                match {
                    source-address any;
                    destination-address any;
                    application [ legacy-tcp legacy-udp ];
                }
                then {
                    reject;
                }
            }
            policy silent {
                match {
                    source-address any;
                    destination-address any;
                    application web-9999;
                }
                then {
                    deny;
                }
            }
        }
    }
    zones {
        functional-zone management {
            host-inbound-traffic {
                system-services {
                    ping;
                    ssh;
                }
            }
            interfaces {
                ge-0/0/2.0;
            }
        }
    }
}
JUNOS
test_lab "$config"
rm -f "$config"

pings() { ip netns exec "$1" ping -q -c2 -i0.2 -W2 "$2"; }
does_not_ping() { ! pings "$@"; }
dropped() { cli "show security flow statistics" | sed -n "s/^ *$1: //p"; }
grew() { # TEXT BEFORE
    local now
    now=$(dropped "$1")
    echo "$1: $2 before, $now now"
    [ "${now:-0}" -gt "${2:-0}" ]
}

check "the first packets pass within 10 s" wait_until 10 forwards

# Policies to and from the firewall itself.
check_is "a policy permits IPv4 ssh" "saw 10.1.0.2" probe "$CLIENT" tcp 10.1.0.1 22
check_is "another denies IPv6 ssh" timeout probe "$CLIENT" tcp 2001:db8:1::1 22
check "the permit was hit" was_hit trust junos-host ssh
check "the denial was hit" was_hit trust junos-host no-ssh-v6
check "what no policy means is let through" pings "$CLIENT" 2001:db8:1::1
check "pings of the outside are denied by policy" does_not_ping "$SERVER" 198.51.100.1
check "but not those of IPv6" pings "$SERVER" 2001:db8:2::1
check_is "the firewall's own TCP is rejected, and its kernel told" refused probe "$FIREWALL" tcp 198.51.100.2 8081
check_is "its own UDP as well" refused probe "$FIREWALL" udp 198.51.100.2 5400
check_is "over IPv6 too" refused probe "$FIREWALL" tcp 2001:db8:2::2 8081
check_is "what is denied is silent" timeout probe "$FIREWALL" tcp 198.51.100.2 9999
check_is "other connections of its own work" "saw 198.51.100.1" probe "$FIREWALL" tcp 198.51.100.2 80

# The management zone.
ip -n "$TRUNK" addr add 10.99.0.2/24 dev t0
ip -n "$TRUNK" route add default via 10.99.0.1
check "the management zone reaches the firewall" wait_until 10 pings "$TRUNK" 10.99.0.1
check_is "by ssh as well" "saw 10.99.0.2" probe "$TRUNK" tcp 10.99.0.1 22
check_is "but by no service that it has not" timeout probe "$TRUNK" tcp 10.99.0.1 23
before=$(dropped 'Transit through the management zone')
check_is "nothing is forwarded from it" timeout probe "$TRUNK" tcp 198.51.100.2 80
check_is "and nothing into it" timeout probe "$CLIENT" tcp 10.99.0.2 80
check "both are counted" grew 'Transit through the management zone' "$before"
check "the firewall itself goes out by it" pings "$FIREWALL" 10.99.0.2

# Conversations that the firewall has forgotten.
talk() { spawn "$1" "$CLIENT" python3 "$LAB_DIR/probe.py" talk "$2" 80 && wait_until 5 grep -q held "$STATE/log/$1"; }
before=$(dropped 'First TCP segment is not SYN')
check "a connection talks" talk one 2001:db8:2::2
check "its session is cleared" cli "clear security flow session all"
check "it dies of silence" wait_until 10 grep -q timeout "$STATE/log/one"
check "its segments are counted" grew 'First TCP segment is not SYN' "$before"
check "a commit has strays of trust reset" cli "configure; set security zones security-zone trust tcp-rst; commit"
check "another talks" talk two 2001:db8:2::2
check "and is cleared" cli "clear security flow session all"
check "it is reset" wait_until 10 grep -q reset "$STATE/log/two"
check "a commit turns the SYN check off" cli "configure; set security flow tcp-session no-syn-check; commit"
check "a third talks" talk three 2001:db8:2::2
check "and is cleared too" cli "clear security flow session all"
picked_up() { cli "show security flow session protocol tcp" | grep -q 2001:db8:2::2/80; }
check "it is picked up in the middle, with a session of its own" wait_until 10 picked_up
check "and talks on" pid_of three
stop three
summary
