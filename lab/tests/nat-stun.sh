#!/usr/bin/env bash
# What a STUN client behind the NAT finds out about it (RFC 5780): mapping and filtering of plain interface NAT and of each mode of
# persistent NAT, told by a server with two addresses and two ports.
# Spec: nat-source-9, nat-persistent-1, nat-persistent-3, nat-persistent-4, nat-persistent-5.
# Proves: rfc4787-1, rfc4787-8.
# shellcheck source=lab/lib.sh
. "$(dirname "$0")/../lib.sh"

for tool in turnutils_natdiscovery turnserver; do
    command -v "$tool" >/dev/null || { echo "nat-stun: '$tool' is missing; run 'make deps'" >&2; exit 77; }
done

# kept NAME HOST MODE: a rule that keeps the mappings of a host.
kept() {
    cat <<JUNOS
                rule $1 {
                    match {
                        source-address $2/32;
                    }
                    then {
                        source-nat {
                            interface {
                                persistent-nat {
                                    permit $3;
                                }
                            }
                        }
                    }
                }
JUNOS
}

config=$(mktemp) || exit 2
cat "$LAB_DIR/demo.conf" - >"$config" <<JUNOS
security {
    nat {
        source {
            rule-set modes {
                from interface ge-0/0/0.0;
                to interface ge-0/0/1.0;
$(kept everyone 10.1.0.11 any-remote-host)
$(kept hosts 10.1.0.12 target-host)
$(kept ports 10.1.0.13 target-host-port)
            }
        }
    }
    policies {
        from-zone trust to-zone untrust {
            policy rest {
                match {
                    source-address office-v4;
                    destination-address world-v4;
                    application any;
                }
                then {
                    permit;
                }
            }
        }
        from-zone untrust to-zone trust {
            policy callers {
                match {
                    source-address any;
                    destination-address office-v4;
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
ip -n "$SERVER" addr add 198.51.100.3/24 dev s0
for host in 11 12 13; do ip -n "$CLIENT" addr add "10.1.0.$host/24" dev c0; done
spawn stun "$SERVER" turnserver -n --stun-only --no-cli --no-tls --no-dtls --log-file=stdout --simple-log \
    --db="$STATE/out/turndb" --pidfile="$STATE/out/turn.pid" --listening-ip=198.51.100.2 --listening-ip=198.51.100.3

discover() { in_client timeout 60 turnutils_natdiscovery "-$1" -L "10.1.0.$2" 198.51.100.2; }
stun_answers() { [[ $(in_client timeout 5 turnutils_stunclient -L 10.1.0.2 198.51.100.2) == *'UDP reflexive addr'* ]]; }

check "the first packets pass within 10 s" wait_until 10 in_client ping -q -c1 -W1 198.51.100.2
check "the STUN server answers within 10 s" wait_until 10 stun_answers
check_has "interface NAT maps each remote end anew" 'Address and Port Dependent Mapping' discover m 2
check_has "and lets in whom was sent to, port and all" 'Address and Port Dependent Filtering' discover f 2
check_has "any-remote-host has one mapping for all" 'Endpoint Independent Mapping' discover m 11
check_has "and lets everyone in" 'Endpoint Independent Filtering' discover f 11
check_has "target-host has one mapping for all" 'Endpoint Independent Mapping' discover m 12
check_has "and lets in hosts that were sent to" 'with Address Dependent Filtering' discover f 12
check_has "target-host-port has one mapping for all" 'Endpoint Independent Mapping' discover m 13
check_has "and lets in ports that were sent to" 'Address and Port Dependent Filtering' discover f 13
summary
