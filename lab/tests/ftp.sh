#!/usr/bin/env bash
# FTP through the firewall: the data connections, whoever opens them, through source NAT, destination NAT and without,
# at two workers, and with the gateway off. Spec: alg-1..9, alg-11.
WORKERS=2
# Proves: rfc3022-9.
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
                    application junos-ftp;
                }
                then {
                    permit;
                    count;
                }
            }
        }
        from-zone untrust to-zone trust {
            policy office-files {
                match {
                    source-address any;
                    destination-address office-v4;
                    application junos-ftp;
                }
                then {
                    permit;
                    count;
                }
            }
        }
    }
    nat {
        destination {
            pool office-files {
                address 10.1.0.2/32 port 21;
            }
            rule-set from-world {
                from zone untrust;
                rule files {
                    match {
                        destination-address 198.51.100.1/32;
                        destination-port 2121;
                    }
                    then {
                        destination-nat pool office-files;
                    }
                }
            }
        }
    }
}
JUNOS
test_lab "$config"
rm -f "$config"

from_world() { in_server timeout 30 python3 "$LAB_DIR/ftp.py" get "$@"; }
get() { in_client timeout 30 python3 "$LAB_DIR/ftp.py" get "$@"; }
data_peers() { sed -n 's/^data //p' "$STATE/log/ftp" | sort -u | tr '\n' ' '; }

check "the first packets pass within 10 s" wait_until 10 forwards
spawn ftp "$SERVER" python3 "$LAB_DIR/ftp.py" serve 21
check "the server is ready" wait_until 10 grep -q ready "$STATE/log/ftp"
spawn office-ftp "$CLIENT" python3 "$LAB_DIR/ftp.py" serve 21
check "the office's server is ready" wait_until 10 grep -q ready "$STATE/log/office-ftp"
check "a capture of untranslated addresses starts" capture inside "$SERVER" s0 net 10.1.0.0/24
check_is "IPv4 through source NAT, the client opens" "got 2000000" get 198.51.100.2 21 passive
check_is "IPv4 through source NAT, the server opens" "got 2000000" get 198.51.100.2 21 active
check_is "IPv6, the client opens" "got 2000000" get 2001:db8:2::2 21 passive
check_is "IPv6, the server opens" "got 2000000" get 2001:db8:2::2 21 active
check_is "data went between the addresses that the server knows" "198.51.100.1 2001:db8:1::2 " data_peers
check_is "through destination NAT, the client opens" "got 2000000" from_world 198.51.100.1 2121 passive
check_is "through destination NAT, the server opens" "got 2000000" from_world 198.51.100.1 2121 active
check_is "no inside address was seen outside" 0 captured inside
check_is "without it, ports stay closed" timeout probe "$CLIENT" tcp 198.51.100.2 9999
check_is "nothing opens from untrust" timeout probe "$SERVER" tcp 2001:db8:1::2 80
check_has "the gateway is on" 'FTP *: *Enabled' cli "show security alg status"
check "a commit turns it off" cli "configure; set security alg ftp disable; commit"
check_has "the gateway is off" 'FTP *: *Disabled' cli "show security alg status"
check_has "then the client opens nothing" 'Error|timed out' get 198.51.100.2 21 passive
check_has "and the server opens nothing" 'Error|error|timed out' get 2001:db8:2::2 21 active
summary
