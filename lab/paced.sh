# shellcheck shell=bash
# Numbered datagrams through the firewall, which tell what was lost: sourced by tests and benches beside lib.sh.

PACED_PORT=5310

# paced_config: the demo's configuration, with a policy that permits and counts the datagrams.
paced_config() {
    cat "$LAB_DIR/demo.conf" - <<'JUNOS'
security {
    policies {
        from-zone trust to-zone untrust {
            policy paced {
                match {
                    source-address office-v4;
                    destination-address servers-v4;
                    application paced;
                }
                then {
                    permit;
                    count;
                }
            }
            policy sprayed {
                match {
                    source-address any;
                    destination-address servers-v4;
                    application sprayed;
                }
                then {
                    permit;
                }
            }
        }
    }
}
routing-options {
    static {
        route 10.3.0.0/24 next-hop 10.1.0.2;
    }
}
applications {
    application sprayed {
        protocol udp;
        destination-port 20000-20063;
    }
    application paced {
        protocol udp;
        destination-port 5310;
    }
}
JUNOS
}

# paced_build: compiles the generator.
paced_build() {
    local compiler
    for compiler in cc clang-19 clang gcc; do
        command -v "$compiler" >/dev/null && "$compiler" -O2 -o "$STATE/out/pace" "$LAB_DIR/pace.c" && return
    done
}

# paced_lab: a bench's lab with that configuration, in which packets pass.
paced_lab() {
    local config
    config=$(mktemp) || return 2
    paced_config >"$config"
    test_lab "$config"
    rm -f "$config"
    paced_build || { echo "bench: no C compiler" >&2; return 1; }
    wait_until 10 forwards || { echo "bench: nothing passes the firewall" >&2; return 1; }
}

# paced NAME RATE COUNT: starts receiver and sender; paced_end NAME waits for both.
paced() {
    spawn "receive-$1" "$SERVER" "$STATE/out/pace" receive "$PACED_PORT" "$3" 1500
    wait_until 5 grep -q ready "$STATE/log/receive-$1" || return 1
    spawn "send-$1" "$CLIENT" "$STATE/out/pace" send 198.51.100.2 "$PACED_PORT" "$2" "$3"
}

# sprayed COUNT RATE: opens COUNT sessions, RATE a second, from an address that is not translated.
sprayed() { in_client "$STATE/out/pace" spray 10.3.0.2 198.51.100.2 20000 "$2" "$1"; }

paced_end() {
    wait_until 120 has_ended "send-$1" && wait_until 120 has_ended "receive-$1" &&
        grep -q received "$STATE/log/receive-$1"
}

# paced_field NAME FIELD: lost, twice, last or gap-us.
paced_field() { sed -n "s/.*$2 \([0-9]*\).*/\1/p" "$STATE/log/receive-$1"; }

# Frames that the shim dropped at the port of the datagrams, because no worker had given a sign of life for 100 ms: on a machine with
# more to do than processors, a worker may have to wait that long.
starved() { in_fw ethtool -S ge-0-0-0 | awk '/rx_queue_[0-9]+_xdp_drops/ { sum += $2 } END { print sum + 0 }'; }

# Every place on the way of the datagrams at which a frame can be lost, with how many were, a line each: `from` and `to` are the
# rings between the firewall's ports and the hosts' (what a burst of the sender finds full; the backlog of the server's kernel),
# `starved` as above, `socket` the AF_XDP socket of the port, `plane` what the firewall dropped for a reason of its own, `host` the
# receiver's kernel and socket.
losses() {
    echo "from $(in_client cat /sys/class/net/c0/statistics/tx_dropped)"
    in_fw ethtool -S ge-0-0-0 | awk '
        /rx_queue_[0-9]+_xdp_drops/ { starved += $2 }
        /rx_queue_[0-9]+_drops/ { socket += $2 }
        END { print "starved", starved + 0; print "socket", socket + 0 }'
    cli "show security flow statistics" | awk '/Packets dropped:/ { print "plane", $3 }'
    echo "to $(in_fw cat /sys/class/net/ge-0-0-1/statistics/tx_dropped)"
    # Of a family the first line has the names, the second the numbers.
    in_server awk '
        { if (!($1 in names)) { names[$1] = $0; next } n = split(names[$1], name); for (i = 2; i <= n; i++) value[$1 name[i]] = $i }
        END { print "host", value["Udp:InErrors"] + value["Udp:NoPorts"] + value["Ip:InDiscards"] + value["Ip:InHdrErrors"] }' /proc/net/snmp
}

# lost_where BEFORE AFTER LOST: what was lost at each place between two outputs of `losses`, and what of LOST is left unexplained.
lost_where() {
    awk -v lost="$3" 'NR == FNR { before[$1] = $2; next } $2 > before[$1] { n = $2 - before[$1]; lost -= n; printf "%s %d ", $1, n }
        END { if (lost > 0) printf "unexplained %d", lost }' <(echo "$1") <(echo "$2")
}

# commits COUNT: so many commits by one operator, one after the other, each changes the policy of the datagrams; how many were made.
commits() {
    local line="security policies from-zone trust to-zone untrust policy paced then log session-close"
    local n lines=configure
    for ((n = 0; n < $1; n += 2)); do lines+="; set $line; commit; delete $line; commit"; done
    timeout 120 "$RAVELIN" cli --socket "$STATE/run/api.sock" -c "$lines" | grep -c '^commit complete'
}

# route_lines WORD COUNT GATEWAY: a batch for ip(8) of COUNT routes of 24 bits, from 20.0.0.0 on.
route_lines() {
    python3 - "$@" <<'PYTHON'
import sys
word, count, gateway = sys.argv[1], int(sys.argv[2]), sys.argv[3]
way = "" if word == "del" else f" via {gateway} dev ge-0-0-1.0"
sys.stdout.writelines(
    f"route {word} {20 + (n >> 16)}.{n >> 8 & 255}.{n & 255}.0/24{way}\n" for n in range(count))
PYTHON
}

# routed NUMBER GATEWAY: whether the firewall sends the route of that number there; nothing: it has none.
routed() {
    local said
    said=$(cli "show route $((20 + ($1 >> 16))).$(($1 >> 8 & 255)).$(($1 & 255)).9")
    if [ -n "$2" ]; then grep -q "$2" <<<"$said"; else ! grep -q '/24' <<<"$said"; fi
}
