#!/usr/bin/env bash
# Connections answered by cookie, then by the proxy, while requests from addresses that nobody has arrive at a hundred
# times the threshold, in both families, at two workers: those of a real client work, those of the flood open nothing
# beyond the threshold. So do those whose ACK is lost on its way.
# Spec: screen-42, screen-58..71, screen-74.
WORKERS=2
# shellcheck source=lab/lib.sh
. "$(dirname "$0")/../lib.sh"

THRESHOLD=10
FLOOD_RATE=1000
FLOOD_COUNT=12000
FETCHES=10
LOSSY_FETCHES=4
# By chance a connection may be one of the few that are let through as they are.
UNPROXIED_MAX=3
# What the threshold lets through to either address while the flood lasts, and as much again.
SESSIONS_MAX=$((2 * 2 * THRESHOLD * FLOOD_COUNT / FLOOD_RATE))
BYTES=3000000

config=$(mktemp) || exit 2
cat "$LAB_DIR/demo.conf" - >"$config" <<JUNOS
routing-options {
    static {
        route 10.9.0.0/16 next-hop 10.1.0.2;
    }
    rib inet6.0 {
        static {
            route 2001:db8:9::/64 next-hop 2001:db8:1::2;
        }
    }
}
security {
    policies {
        from-zone trust to-zone untrust {
            policy open {
                match {
                    source-address any;
                    destination-address any;
                    application junos-https;
                }
                then {
                    permit;
                }
            }
        }
    }
    screen {
        ids-option office {
            tcp {
                syn-flood {
                    attack-threshold $THRESHOLD;
                    queue-size 20000;
                    timeout 2;
                }
            }
        }
    }
    zones {
        security-zone trust {
            screen office;
        }
    }
}
JUNOS
test_lab "$config"
rm -f "$config"

statistic() { cli "show security flow statistics" | sed -n "s/^ *$1: //p"; }
flood() { # NAME SOURCE-NET ADDRESS
    spawn "$1" "$CLIENT" python3 "$LAB_DIR/flood.py" c0 "$(in_fw cat /sys/class/net/ge-0-0-0/address)" \
        "$2" "$3" 443 "$FLOOD_COUNT" "$FLOOD_RATE" && wait_until 5 grep -q flooding "$STATE/log/$1"
}
floods_last() { pid_of "flood4-$1" && pid_of "flood6-$1"; }
fetch_all() { fetch "$1" file "$FETCHES"; }
fetch() { # ADDRESS FILE TIMES
    local n
    for n in $(seq "$3"); do
        in_client curl -s -g -m 10 -o "$STATE/out/got" "http://$1:443/$2" || { echo "fetch $n: curl says $?"; return 1; }
        cmp "$STATE/out/$2" "$STATE/out/got" || return 1
    done
}
# Of a client's segments without data, the first, third and so on are lost: each connection's third of the handshake for one. A kernel
# client finds its window closed, and probes it.
lose_acks() {
    in_client nft -f - <<NFT
table inet lossy {
    chain out {
        type filter hook output priority 0;
        tcp dport 443 tcp flags & (syn | fin | rst | psh | ack) == ack numgen inc mod 2 0 counter drop
    }
}
NFT
}
lossy() { # ADDRESS
    local verdict lost
    lose_acks && fetch "$1" small "$LOSSY_FETCHES"
    verdict=$?
    lost=$(in_client nft list table inet lossy | sed -n 's/.*counter packets \([0-9]*\).*/\1/p')
    in_client nft delete table inet lossy
    echo "$lost segments were lost"
    [ "$verdict" = 0 ] && [ "$lost" -ge "$LOSSY_FETCHES" ]
}
# First numbers of the answers seen by one side of the firewall.
numbers() { grep -o 'Flags \[S\.\], seq [0-9]*' "$STATE/log/$1" | sort -u; }
answered_by_the_firewall() {
    local seen shared
    seen=$(numbers "$1" | wc -l)
    shared=$(comm -12 <(numbers "$1") <(numbers "$2") | wc -l)
    echo "$seen answers at the client, $shared of them the server's own"
    [ "$seen" -ge "$FETCHES" ] && [ "$shared" -le "$UNPROXIED_MAX" ]
}
created_at_most() {
    local created=$(($(statistic 'Sessions created') - before))
    echo "$created sessions for $((2 * FLOOD_COUNT)) requests"
    [ "$created" -le "$1" ]
}
sent_all() { grep -qx "sent $FLOOD_COUNT" "$STATE/log/$1"; }

head -c "$BYTES" /dev/urandom >"$STATE/out/file"
head -c 100 /dev/urandom >"$STATE/out/small"
spawn files "$SERVER" python3 -u -m http.server 443 --bind :: --directory "$STATE/out"
check "the first packets pass within 10 s" wait_until 10 forwards
check "without a flood the file arrives" wait_until 10 fetch_all 198.51.100.2
under_flood() { # MODE
    local mode=$1
    capture "near4-$mode" "$CLIENT" c0 -S 'src 198.51.100.2 and dst 10.1.0.2 and tcp[13] = 18'
    capture "far4-$mode" "$SERVER" s0 -S 'src 198.51.100.2 and tcp[13] = 18'
    capture "near6-$mode" "$CLIENT" c0 -S 'src 2001:db8:2::2 and dst 2001:db8:1::2 and ip6[53] = 18'
    capture "far6-$mode" "$SERVER" s0 -S 'src 2001:db8:2::2 and ip6[53] = 18'
    before=$(statistic 'Sessions created')
    check "$mode: IPv4 is flooded" flood "flood4-$mode" 10.9.0.0/16 198.51.100.2
    check "$mode: IPv6 is flooded" flood "flood6-$mode" 2001:db8:9::/64 2001:db8:2::2
    check "$mode: IPv4 connections work under it, through source NAT" fetch_all 198.51.100.2
    check "$mode: IPv6 connections work under it" fetch_all '[2001:db8:2::2]'
    check "$mode: an IPv4 connection works without its first ACK" lossy 198.51.100.2
    check "$mode: an IPv6 connection works without its first ACK" lossy '[2001:db8:2::2]'
    check "$mode: the floods lasted all that time" floods_last "$mode"
    check "$mode: the IPv4 flood ends" wait_until 30 sent_all "flood4-$mode"
    check "$mode: the IPv6 flood ends" wait_until 30 sent_all "flood6-$mode"
    check "$mode: IPv4 connections were answered by the firewall" answered_by_the_firewall "near4-$mode" "far4-$mode"
    check "$mode: IPv6 connections were answered by the firewall" answered_by_the_firewall "near6-$mode" "far6-$mode"
    check "$mode: the flood opened no more than the threshold lets through" created_at_most "$SESSIONS_MAX"
}
under_flood cookie
check "a commit changes over to the proxy" cli "configure; set security flow syn-flood-protection-mode syn-proxy; commit"
under_flood proxy
# A server that refuses is heard of after the client believed itself connected.
refused_behind() { # ADDRESS
    local answer
    answer=$(probe "$CLIENT" tcp "$1" 443)
    echo "$answer"
    [ "$answer" = reset ]
}
stop files
check "a third flood, while nobody listens" flood flood4-closed 10.9.0.0/16 198.51.100.2
check "and one of IPv6" flood flood6-closed 2001:db8:9::/64 2001:db8:2::2
check "a refusal of the server's reaches an IPv4 client" wait_until 3 refused_behind 198.51.100.2
check "a refusal of the server's reaches an IPv6 client" wait_until 3 refused_behind 2001:db8:2::2
check_has "the screen has counted it" 'SYN flood +[1-9][0-9]{3}' cli "show security screen statistics zone trust"
summary
