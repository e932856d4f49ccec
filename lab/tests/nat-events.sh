#!/usr/bin/env bash
# What NAT tells: blocks of ports given out and taken back, a pool that is nearly used up and has room again, one that has nothing left.
# Blocks are shown, hits are cleared.
# Spec: log-37, log-38, nat-pool-25, nat-pool-35, nat-pool-46, nat-source-19.
# Proves: rfc6888-12, rfc6888-14.
# shellcheck source=lab/lib.sh
. "$(dirname "$0")/../lib.sh"

config=$(mktemp) || exit 2
cat "$LAB_DIR/demo.conf" - >"$config" <<'JUNOS'
security {
    log {
        mode event;
    }
    nat {
        source {
            pool blocks {
                address 198.51.100.71/32;
                port {
                    range {
                        40000;
                        to {
                            40031;
                        }
                    }
                    block-allocation {
                        block-size 16;
                        maximum-blocks-per-host 2;
                        active-block-timeout 120;
                    }
                }
                pool-utilization-alarm {
                    raise-threshold 90;
                    clear-threshold 60;
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
                            pool blocks;
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

OPEN="import socket, sys
held = []
for n in range(int(sys.argv[1])):
    held.append(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
    held[-1].sendto(b'x', ('198.51.100.2', 5300))"
senders() { in_client python3 -c "$OPEN" "$1"; }
said() { cli "show security log" | grep -c "$1"; }
has_said() { [ "$(said "$1")" -ge "$2" ]; }

check "the first packets pass within 10 s" wait_until 10 in_client ping -q -c1 -W1 198.51.100.2
check "the first block is told" wait_until 5 has_said 'allocates port block' 1
check_has "with its host, its ports and its pool" \
    'Subscriber 10.1.0.2 used/maximum \[1/2\] blocks, allocates port block \[40(000-40015|016-40031)\] from 198.51.100.71 in source pool blocks' \
    cli "show security log"
check "twenty senders take the other one" senders 20
check "it is told" wait_until 5 has_said 'allocates port block' 2
check_has "as the second of two" 'used/maximum \[2/2\] blocks, allocates' cli "show security log"
check "the alarm is told" wait_until 5 has_said 'pool: blocks, threshold: 90%' 1
check_has "with what is in use" 'pool: blocks, threshold: 90%, current: 100%' cli "show security log"
check_has "the pool shows it" 'Utilization alarm +: raised, from 90 % until below 60 %' cli "show security nat source pool blocks"
check_has "and its use" 'blocks +blocks +1 +1 +2 +0 +2 +100%' cli "show security nat resource-usage source-pool blocks"
check "twenty more find nothing" senders 20
check "that is told" wait_until 5 has_said 'no address or port for' 1
check_has "the host's blocks are listed" '10\.1\.0\.2 +198\.51\.100\.71 +400(00-40015|16-40031) +16/16' \
    cli "show security nat source port-block pool blocks"
check_has "with the one that is active" ' Active/1[01][0-9]' cli "show security nat source port-block host-ip 10.1.0.2"
check_has "another address has none" 'Left_Time\(s\)$' cli "show security nat source port-block xlated-ip 198.51.100.72"
check_has "the pool was used" 'Translation hits +: [1-9]' cli "show security nat source pool blocks"
check "its hits are cleared" cli "clear security nat statistics source pool blocks"
check_has "and are none" 'Translation hits +: 0$' cli "show security nat source pool blocks"
check_has "those of the rule are not" 'Translation hits +: [1-9]' cli "show security nat source rule office"
check "they are, too" cli "clear security nat statistics source rule all"
check_has "and are none, either" 'Translation hits +: 0$' cli "show security nat source rule office"
check "all sessions end" cli "clear security flow session all"
check "the first block goes back" wait_until 5 has_said 'releases port block' 1
check_has "one is left" 'used/maximum \[1/2\] blocks, releases' cli "show security log"
check "the alarm is over" wait_until 5 has_said 'pool: blocks, threshold: 60%' 1
check_has "the pool shows it, too" 'Utilization alarm +: not raised' cli "show security nat source pool blocks"
summary
