#!/usr/bin/env bash
# In-service upgrade: another packet process goes on with the bound sockets, under traffic; and one that can't is refused.
#
# Numbered datagrams tell what was lost, beside a run without a hand-over. Losses at rates are printed; asserted is what
# must hold at any speed: who forwards, what is counted, what is denied, and that refusals lose nothing.
# Alone: lost packets are counted.
# shellcheck source=lab/lib.sh
. "$(dirname "$0")/../lib.sh"
# shellcheck source=lab/paced.sh
. "$(dirname "$0")/../paced.sh"

RATES=${RATES:-10000 50000}
RETURN_S=20

config=$(mktemp) || exit 2
trap 'rm -f "$config"' EXIT
paced_config >"$config"
test_lab "$config"
rm -f "$config"

upgrade() { cli "request system software in-service-upgrade $*"; }
is_other_than() {
    local pid
    pid=$(dataplane_pid) && [ "$pid" != "$1" ]
}
# A program that is not what it should be: `wrapped NAME VARIABLE=VALUE`.
wrapped() {
    printf '#!/bin/sh\nexport %s\nexec %s "$@"\n' "$2" "$(realpath "$RAVELIN")" >"$STATE/out/$1"
    chmod 755 "$STATE/out/$1"
    echo "$STATE/out/$1"
}
generation() { cli "show ravelin status" | sed -n 's/.*[Gg]eneration:* *\([0-9]*\).*/\1/p' | head -n1; }

check "the generator is built" paced_build
check "both families pass" wait_until 10 forwards
check "a capture of forbidden packets starts" capture leak "$SERVER" s0 'dst port 9999 or dst port 23'
spawn blast4 "$CLIENT" python3 "$LAB_DIR/probe.py" blast 198.51.100.2 9999
check "forbidden packets are being sent" wait_until 5 grep -q blasting "$STATE/log/blast4"
GENERATION=$(generation)

# --- Under load, beside a run without -----------------------------------------------------------------

echo "    rate    hand-overs  sent     lost  twice  longest gap us"
for rate in $RATES; do
    count=$((rate * 6))
    for times in 0 5; do
        name=$rate-$times
        check "$rate a second, $times hand-overs: the traffic starts" paced "$name" "$rate" "$count"
        for n in $(seq "$times"); do
            old=$(dataplane_pid)
            check_has "hand-over $n" '^ISSU: it forwards' upgrade "$(realpath "$RAVELIN")"
            check "another process forwards" is_other_than "$old"
        done
        check "the traffic ends" paced_end "$name"
        check_is "the last datagrams arrived" yes eval "[ $(paced_field "$name" last) -gt $((count * 9 / 10)) ] && echo yes"
        check_is "none came twice" 0 paced_field "$name" twice
        printf '    %-7s %-11s %-8s %-5s %-6s %s\n' "$rate" "$times" "$count" "$(paced_field "$name" lost)" \
            "$(paced_field "$name" twice)" "$(paced_field "$name" gap-us)"
    done
done
sed -n 's/.*Handed over/    Handed over/p' "$STATE/run/dataplane.log"
cli "show security flow statistics" | grep -E 'Ring to another|queue full|[Ss]ession table|No session'

check_is "the generation goes on" "$GENERATION" generation
remember_dataplane
check "both families pass after ten hand-overs" forwards
check_is "source NAT goes on" "saw 198.51.100.1" probe "$CLIENT" tcp 198.51.100.2 80
check_is "deny goes on" timeout probe "$CLIENT" tcp 198.51.100.2 23
check "the firewall itself answers" in_client ping -q -c3 -i0.2 -W2 10.1.0.1

# --- What is counted ------------------------------------------------------------------------------------

before=$(hits trust untrust no-telnet)
check "a policy has been hit" [ "${before:-0}" -gt 0 ]
check "one more hand-over, to the installed program" upgrade
check_is "hit counts are kept" "$before" hits trust untrust no-telnet
check_is "deny goes on" timeout probe "$CLIENT" tcp 198.51.100.2 23
check "and counting" [ "$(hits trust untrust no-telnet)" -gt "$before" ]
check "a commit is taken by the new process" cli "configure; set interfaces ge-0/0/2 mtu 1400; commit"
check "traffic still passes" wait_until 10 forwards
check "a hand-over with the new port" upgrade
check "traffic still passes" forwards

# --- Connections -----------------------------------------------------------------------------------------

spawn talk "$CLIENT" python3 "$LAB_DIR/probe.py" talk 198.51.100.2 80
check "a connection talks" wait_until 5 grep -q held "$STATE/log/talk"
translation() { cli "show security flow session destination-port 80" | sed -n 's/^ *Out: \(.*\), If.*/\1/p'; }
nat=$(translation)
check_has "it is translated" '198.51.100.1/' echo "$nat"
for n in 1 2 3 4 5; do check "hand-over $n under the connection" upgrade; done
check_is "it keeps its translation" "$nat" translation
check "it talks on" eval 'sleep 3; pid_of talk'
stop talk
spawn bulk "$CLIENT" iperf3 --connect-timeout 3000 -c 198.51.100.2 -t5 -J
check "load is on" wait_until 5 pid_of bulk
for n in 1 2 3; do check "hand-over $n under bulk TCP" upgrade; done
check "iperf3 ends" wait_until 30 has_ended bulk
check "iperf3 saw no error" python3 -c 'import json, sys; sys.exit("error" in json.load(open(sys.argv[1])))' "$STATE/log/bulk"
python3 -c 'import json, sys; e = json.load(open(sys.argv[1]))["end"]["sum_sent"]; print("    bulk TCP, 3 hand-overs: %.2f Gbit/s, %d retransmits" % (e["bits_per_second"] / 1e9, e["retransmits"]))' "$STATE/log/bulk"

# --- Who is refused --------------------------------------------------------------------------------------

printf 'no program\n' >"$STATE/out/broken"
printf '#!/bin/sh\nexit 3\n' >"$STATE/out/ends"
cp "$STATE/out/ends" "$STATE/out/anyones"
chmod 755 "$STATE/out/broken" "$STATE/out/ends"
chmod 777 "$STATE/out/anyones"
OLD_PID=$(dataplane_pid)
refused() { ! upgrade "$1" >"$STATE/out/said" 2>&1 && grep -q -- "$2" "$STATE/out/said" || { cat "$STATE/out/said"; return 1; }; }

check "low traffic starts" paced refusals 500 6000
check "a program of nobody is refused" refused /no/such/program 'No such file'
check "one that anyone could change is refused" refused "$STATE/out/anyones" 'only its owner'
check "one that is none is refused" refused "$STATE/out/broken" 'could not be started'
check "one that ends is refused" refused "$STATE/out/ends" 'it ended'
check "one of another protocol is refused" refused "$(wrapped newer RAVELIN_HANDOVER_VERSION=99)" 'version 99'
for place in hello plane prepared copied last; do
    check "one that dies at \`$place' is survived" \
        refused "$(wrapped "dies-$place" "RAVELIN_HANDOVER_FAULT=take-$place")" 'goes on'
done
# What runs is another at every moment: it is built once more after sessions were taken in.
spawn changes "$FIREWALL" bash -c 'for n in {1..20000}; do ip route add 203.0.113.128/25 via 198.51.100.2; ip route del 203.0.113.128/25; done'
check "one that hangs with everything in its hands is given up, while routes change" \
    refused "$(wrapped hangs RAVELIN_HANDOVER_FAULT=take-last:hang)" 'goes on'
stop changes
check_is "the same process forwards" "$OLD_PID" dataplane_pid
check "the traffic ends" paced_end refusals
check_is "nothing was lost by all that" 0 paced_field refusals lost
check "a good one is taken after all" upgrade
check "both families pass" forwards

# --- After the point of no return ------------------------------------------------------------------------

OLD_PID=$(dataplane_pid)
check "one that dies when all is its own is lost" \
    refused "$(wrapped dies-go RAVELIN_HANDOVER_FAULT=take-go)" 'was lost in the upgrade'
check "a new dataplane runs within $RETURN_S s" wait_until "$RETURN_S" is_other_than "$OLD_PID"
check "traffic is back within $RETURN_S s" wait_until "$RETURN_S" forwards
check_is "and so is deny" timeout probe "$CLIENT" tcp 198.51.100.2 23
check "an upgrade works again" upgrade
check "both families pass" wait_until 10 forwards
stop blast4
check_is "no forbidden packet reached the server at any time" 0 captured leak
summary
