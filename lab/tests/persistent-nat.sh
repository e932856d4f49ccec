#!/usr/bin/env bash
# Persistent NAT with kernel clients: one external end for all remote ends, and a way in by it.
# Spec: nat-persistent-1, nat-persistent-3, nat-persistent-6, nat-persistent-11, nat-persistent-12, nat-persistent-13.
# Proves: rfc6888-10.
# shellcheck source=lab/lib.sh
. "$(dirname "$0")/../lib.sh"

config=$(mktemp) || exit 2
cat "$LAB_DIR/demo.conf" - >"$config" <<'JUNOS'
security {
    nat {
        source {
            pool kept {
                address 198.51.100.70/32;
            }
            rule-set kept {
                from interface ge-0/0/0.0;
                to interface ge-0/0/1.0;
                rule everybody {
                    match {
                        source-address 10.1.0.0/24;
                    }
                    then {
                        source-nat {
                            pool {
                                kept;
                                persistent-nat {
                                    permit any-remote-host;
                                }
                            }
                        }
                    }
                }
            }
        }
        proxy-arp {
            interface ge-0/0/1.0 {
                address {
                    198.51.100.70/32;
                }
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
ip -n "$SERVER" addr add 198.51.100.9/24 dev s0

table() { cli "show security nat source persistent-nat-table $*"; }
# The external port of the office's service, as the table tells it.
external_port() { table internal-ip 10.1.0.2 internal-port 5300 | awk '$1 == "10.1.0.2" { print $5 }'; }
rows() { table "$@" | grep -c '^10\.1\.0\.'; }
clear_sessions() { cli "clear security flow session all"; }

check "the first packets pass within 10 s" wait_until 10 in_client ping -q -c1 -W1 198.51.100.2
# From the port that the office's service listens on, so that callers reach it once these are gone.
check_is "out to one remote end" "saw 198.51.100.70" probe "$CLIENT" udp 198.51.100.2 5300 10.1.0.2 5300
check_is "out to another" "saw 198.51.100.70" probe "$CLIENT" udp 198.51.100.2 9999 10.1.0.2 5300
check_is "both by one mapping" 1 rows internal-ip 10.1.0.2 internal-port 5300
check_has "which the table shows whole" \
    '^10\.1\.0\.2 +5300 +udp +198\.51\.100\.70 +[0-9]+ +udp +kept +any-remote-host +-/300 +2/30 +everybody$' \
    table all
port=$(external_port)
check_is "a third host comes in by it" "saw 198.51.100.9" probe "$SERVER" udp 198.51.100.70 "$port" 198.51.100.9 7777
check_is "the first one from another port" "saw 198.51.100.2" probe "$SERVER" udp 198.51.100.70 "$port" 198.51.100.2 8888
check_is "not by a port without mapping" timeout probe "$SERVER" udp 198.51.100.70 $((port == 2000 ? 2001 : 2000))
check_is "not by another protocol" timeout probe "$SERVER" tcp 198.51.100.70 "$port"
check "clear leaves what has sessions" cli "clear security nat source persistent-nat-table all"
check_is "so the mapping is still there" 1 rows internal-ip 10.1.0.2 internal-port 5300
check "all sessions end" clear_sessions
check_has "the mapping outlives them" ' (300|29[0-9])/300 +0/30 ' table internal-ip 10.1.0.2 internal-port 5300
check_has "the summary counts it" '^binding in use : [1-9]' table summary
check_is "and lets callers in still" "saw 198.51.100.9" probe "$SERVER" udp 198.51.100.70 "$port" 198.51.100.9 7778
check "all sessions end again" clear_sessions
check "clear ends it" cli "clear security nat source persistent-nat-table internal-ip 10.1.0.2"
check_is "it is gone" 0 rows internal-ip 10.1.0.2
check_is "and nobody comes in" timeout probe "$SERVER" udp 198.51.100.70 "$port" 198.51.100.9 7779
check_is "a new session makes a new one" "saw 198.51.100.70" probe "$CLIENT" udp 198.51.100.2 5300 10.1.0.2 5300
check_is "in the table" 1 rows internal-ip 10.1.0.2 internal-port 5300 internal-protocol udp

port=$(external_port)
DATAPLANE=$(pid_of dataplane)
answers() { cli "show security flow session summary"; }
run() { cli "configure; $1; commit"; }
check "a commit that has nothing to do with it" run "set system host-name other"
check_is "leaves the mapping's port" "$port" external_port
check "another that adds a pool and a rule" run "set security nat source pool more address 198.51.100.71/32; \
set security nat source rule-set kept rule more match source-address 10.1.0.99/32; \
set security nat source rule-set kept rule more then source-nat pool more"
check_is "leaves it too" "$port" external_port
check "all sessions end" clear_sessions
check "the daemon is killed" signal daemon KILL
check "it ends" wait_until 5 has_ended daemon
check_is "a caller comes in without a daemon" "saw 198.51.100.9" \
    probe "$SERVER" udp 198.51.100.70 "$port" 198.51.100.9 7780
daemon_start "$config"
check "a new daemon answers" wait_until 30 answers
check_is "it found the running dataplane" "$DATAPLANE" dataplane_pid
check_is "the mapping has the same port" "$port" external_port
check_is "a caller comes in by it" "saw 198.51.100.9" probe "$SERVER" udp 198.51.100.70 "$port" 198.51.100.9 7781
check_is "and the office goes out by it" "saw 198.51.100.70" probe "$CLIENT" udp 198.51.100.2 9999 10.1.0.2 5300
check_is "still as one mapping" 1 rows internal-ip 10.1.0.2 internal-port 5300
check "another packet process takes over" cli "request system software in-service-upgrade"
is_another() { [ "$(dataplane_pid)" != "$DATAPLANE" ]; }
check "it is another" is_another
check_is "the mapping has the same port there" "$port" external_port
check_is "a caller comes in" "saw 198.51.100.9" probe "$SERVER" udp 198.51.100.70 "$port" 198.51.100.9 7782
check_is "as one mapping" 1 rows internal-ip 10.1.0.2 internal-port 5300
rm -f "$config"
summary
