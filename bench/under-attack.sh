#!/usr/bin/env bash
# What established datagrams lose on the wire while new flows come faster than the firewall can open sessions. A paced flow passes at a
# rate that it can carry; beside it datagrams are sprayed, each a flow of its own that policy permits. Generators and receiver are on the
# first processor, the worker on the last, which it shares with BUSY endless loops of its own nice value: so a generator on one processor can overload it.
#
# under-attack.sh [SECONDS [RATE [FLOODS]]]: by default 5 s a row, 50000 datagrams a second, floods of 0, 100000, 200000 and 400000 flows a
# second. `opened`: sessions of the flood; `shed`: drops as overload; `socket`: frames lost at the ring of the port, whoever's. Needs root,
# a C compiler, and a release binary in RAVELIN; one of before overload had a reason of its own shows none shed.
BENCH_DIR=$(cd "$(dirname "$0")" && pwd)
RAVELIN=${RAVELIN:-$BENCH_DIR/../target/release/ravelin}
export SESSIONS=${SESSIONS:-4000000} WORKERS=1
# shellcheck source=lab/lib.sh
. "$BENCH_DIR/../lab/lib.sh"
# shellcheck source=lab/paced.sh
. "$BENCH_DIR/../lab/paced.sh"

SECONDS_EACH=${1:-5}
RATE=${2:-50000}
FLOODS=${3:-0 100000 200000 400000}
BUSY=${BUSY:-0}

statistic() { cli "show security flow statistics" | sed -n "s/^ *$1: *\([0-9]*\).*/\1/p"; }
sessions() { cli "show security flow session summary" | sed -n 's/^Sessions-in-use: *\([0-9]*\).*/\1/p'; }
shed() { local n; n=$(statistic "New flow during overload"); echo "${n:-0}"; }

row() { # FLOOD
    local before shed_before opened
    cli "clear security flow session all" >/dev/null
    before=$(losses) shed_before=$(shed)
    paced "beside-$1" "$RATE" $((RATE * SECONDS_EACH)) || return 1
    [ "$1" -eq 0 ] || sprayed $(($1 * SECONDS_EACH)) "$1" >/dev/null
    paced_end "beside-$1" || return 1
    opened=$(sessions)
    printf '%9s %9s %9s %9s %9s %9s  %s\n' "$1" "$RATE" "$(paced_field "beside-$1" lost)" "$(paced_field "beside-$1" gap-us)" \
        "${opened:-?}" $(($(shed) - shed_before)) "$(lost_where "$before" "$(losses)" 0)"
}

main() {
    local flood n loops=()
    paced_lab || return
    taskset -pc 0 $$ >/dev/null
    for ((n = 0; n < BUSY; n++)); do
        nice -n -10 taskset -c "$(($(nproc --all) - 1))" bash -c 'while :; do :; done' &
        loops+=($!)
    done
    echo "veth, $(nproc --all) processors, Linux $(uname -r), $BUSY loops beside the worker, $SECONDS_EACH s a row"
    printf '%9s %9s %9s %9s %9s %9s  %s\n' 'flood/s' 'paced/s' lost gap-us opened shed where
    for flood in $FLOODS; do row "$flood" || echo "bench: no row $flood" >&2; done
    [ ${#loops[@]} -eq 0 ] || kill "${loops[@]}"
}

main "$@"
