#!/usr/bin/env bash
# TFTP through the firewall: the server answers from a port of its own, through source NAT and without, at two workers,
# and with the gateway off. Spec: alg-3, alg-10, alg-11.
WORKERS=2
# shellcheck source=lab/lib.sh
. "$(dirname "$0")/../lib.sh"

config=$(mktemp) || exit 2
cat "$LAB_DIR/demo.conf" - >"$config" <<'JUNOS'
security {
    policies {
        from-zone trust to-zone untrust {
            policy files {
                match {
                    source-address [ office-v4 office-v6 ];
                    destination-address [ servers-v4 servers-v6 ];
                    application junos-tftp;
                }
                then {
                    permit;
                    count;
                }
            }
        }
    }
}
JUNOS
test_lab "$config"
rm -f "$config"

get() { in_client timeout 30 python3 "$LAB_DIR/tftp.py" get "$@"; }
# Ports of the client spread the transfers over both workers.
get_eight_times() {
    local n got
    for n in {1..8}; do
        got=$(get "$1" 69)
        [ "$got" = "got 100000" ] || { echo "transfer $n: $got"; return 1; }
    done
}
data_peers() { sed -n 's/^data //p' "$STATE/log/tftp" | sort -u | tr '\n' ' '; }

check "the first packets pass within 10 s" wait_until 10 forwards
spawn tftp "$SERVER" python3 "$LAB_DIR/tftp.py" serve 69
check "the server is ready" wait_until 10 grep -q ready "$STATE/log/tftp"
check "IPv4 through source NAT" get_eight_times 198.51.100.2
check "IPv6" get_eight_times 2001:db8:2::2
check_is "data went to the addresses that the server knows" "198.51.100.1 2001:db8:1::2 " data_peers
check "a commit turns the gateway off" cli "configure; set security alg tftp disable; commit"
check_is "then the answer of IPv4 is stopped" "timeout after 0 bytes" get 198.51.100.2 69
check_is "and that of IPv6" "timeout after 0 bytes" get 2001:db8:2::2 69
summary
