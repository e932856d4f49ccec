#!/usr/bin/env bash
# Commits, a load of routes and routes that change all the time, under traffic: not one datagram is lost to any of it.
#
# The rate of the datagrams is low, so that no queue can be the reason for a loss; a want of processors is told apart. bench/never-stops.sh is the long form.
# Alone: lost packets are counted.
# shellcheck source=lab/lib.sh
. "$(dirname "$0")/../lib.sh"
# shellcheck source=lab/paced.sh
. "$(dirname "$0")/../paced.sh"

RATE=2000
SECONDS_MAX=14
ROUTES=20000

config=$(mktemp) || exit 2
trap 'rm -f "$config"' EXIT
paced_config >"$config"
test_lab "$config"
rm -f "$config"

batch() { in_fw ip -batch "$STATE/out/$1"; }
hits_now() { hits trust untrust paced; }
sessions_to() { cli "show security flow session" | grep -Ec "In: .* --> $1/80;tcp"; }
rate_of() { echo $(($1 * 1000 / ($2 + 1))); }

check "the generator is built" paced_build
check "both families pass" wait_until 10 forwards
DATAPLANE=$(pid_of dataplane)
route_lines replace $ROUTES 198.51.100.2 >"$STATE/out/one"
route_lines replace $ROUTES 198.51.100.3 >"$STATE/out/other"
route_lines del $ROUTES - >"$STATE/out/none"
spawn held "$CLIENT" python3 "$LAB_DIR/probe.py" hold 198.51.100.2 80
check "a connection is held" wait_until 5 grep -q held "$STATE/log/held"
before=$(starved)
check "the traffic starts" paced all $RATE $((RATE * SECONDS_MAX))

began=$(now_ms)
check_is "two hundred commits are made" 200 commits 200
echo "    $(rate_of 200 $(($(now_ms) - began))) commits a second"

began=$(now_ms)
check "$ROUTES routes are loaded" batch one
check "the plane has them" wait_until 10 routed $((ROUTES - 1)) 198.51.100.2
check "all of them" routed 0 198.51.100.2
echo "    $(rate_of $ROUTES $(($(now_ms) - began))) routes a second"
began=$(now_ms)
check "they change" batch other
check "and change back" batch one
check "and change" batch other
check "the plane follows" wait_until 10 routed $((ROUTES - 1)) 198.51.100.3
check "with all of them" routed 7 198.51.100.3
echo "    $(rate_of $((ROUTES * 3)) $(($(now_ms) - began))) changes a second"

# The way of the traffic itself goes back and forth between a route of its own and the link's.
for _ in $(seq 50); do
    in_fw ip route add 198.51.100.2/32 dev ge-0-0-1.0
    in_fw ip route del 198.51.100.2/32 dev ge-0-0-1.0
done
check "they all go" batch none
check "the plane forgets them" wait_until 10 routed $((ROUTES - 1)) ''
# With an address go the routes that prefer it, of which the kernel says nothing.
in_fw ip address add 10.77.0.1/24 dev ge-0-0-1.0
in_fw ip route add 20.0.0.0/24 via 198.51.100.2 src 10.77.0.1
check "a route that prefers an address" wait_until 5 routed 0 198.51.100.2
in_fw ip address del 10.77.0.1/24 dev ge-0-0-1.0
check "goes with it" wait_until 5 routed 0 ''

check "the traffic ends" paced_end all
starved=$(($(starved) - before))
check_is "no datagram was lost, but to a worker that had to wait for a processor" "$starved" paced_field all lost
check_is "none came twice" 0 paced_field all twice
echo "    $starved for want of a processor; longest gap $(paced_field all gap-us) us"
check_is "the policy counted every one of them" 1 hits_now
check_is "the held session is there" 1 sessions_to 198.51.100.2
check "and its connection" pid_of held
check_is "one dataplane did it all" "$DATAPLANE" dataplane_pid
check "both families pass" forwards
summary
