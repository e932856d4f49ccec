#!/usr/bin/env bash
# What is lost while everything changes: commits, a full table of routes, routes that change all the time; and while the daemon is
# killed, is restarted, or the packet process is upgraded, at several rates. Each beside a run in which nothing happens. `starved`:
# of the lost ones, those that the shim dropped since no worker got a processor for 100 ms. `waited-ms`: how long workers that had
# something to do waited for a processor, in sum (of an upgrade, by the last process alone). `where`: every place on the way at which
# frames were lost meanwhile, by the counters of kernel and firewall (`losses` of lab/paced.sh), whoever's they were; what no counter
# knows of is `unexplained`.
#
# never-stops.sh [SECONDS [ROUTES [RATE [RATES]]]]: by default 60 s a row, a million routes, 10000 datagrams a second; the second
# table at 5000, 20000 and 50000 a second (none: ' '). ROWS: those of the first table that are wanted. Needs root, a C compiler, and the binary in RAVELIN.
BENCH_DIR=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=lab/lib.sh
. "$BENCH_DIR/../lab/lib.sh"
# shellcheck source=lab/paced.sh
. "$BENCH_DIR/../lab/paced.sh"

DURATION=${1:-60}
ROUTES=${2:-1000000}
RATE=${3:-10000}
RATES=${4:-5000 20000 50000}
ROWS=${ROWS:-quiet commits load changes start}

seconds_since() { awk -v ms=$(($(now_ms) - $1)) 'BEGIN { printf "%.1f", ms / 1000 }'; }
rate_since() { echo $(($2 * 1000 / ($(now_ms) - $1 + 1))); }
resident_mb() { awk '/^VmRSS/ { print int($2 / 1024) }' "/proc/$1/status"; }
routes() { in_fw python3 "$LAB_DIR/routes.py" "$@"; }

# Milliseconds that the packet workers have waited for a processor since the packet process began.
waited_ms() {
    local thread sum=0 ran waits rest
    for thread in /proc/"$(dataplane_pid)"/task/*; do
        case $(cat "$thread/comm" 2>/dev/null) in
            worker-*) read -r ran waits rest <"$thread/schedstat" && sum=$((sum + waits / 1000000)) ;;
        esac
    done
    echo "$sum"
}

row() { # NAME WHAT WHAT-HAPPENED
    local lost
    lost=$(paced_field "$2" lost)
    printf '%-6s %-52s %8s %6s %8s %6s %8s %9s %s\n' "$1" "$3" "$(paced_field "$2" last)" "$lost" \
        $(($(starved) - STARVED)) "$(paced_field "$2" twice)" "$(paced_field "$2" gap-us)" "$(($(waited_ms) - WAITED))" \
        "$(lost_where "$LOSSES" "$(losses)" "$lost")"
}

# under NAME COMMAND...: runs it under traffic of DURATION seconds; what it prints is what happened.
under() {
    local name=$1 said
    shift
    LOSSES=$(losses)
    STARVED=$(starved)
    WAITED=$(waited_ms)
    paced "$name" "$RATE" $((RATE * DURATION)) || return 1
    said=$("$@")
    paced_end "$name" || return 1
    row "$RATE" "$name" "${name%-*}: $said"
}

quietly() { :; }

commit_all_the_time() {
    local began made=0
    began=$(now_ms)
    while [ $(($(now_ms) - began)) -lt $((DURATION * 900)) ]; do made=$((made + $(commits 400))); done
    echo "$made, $(rate_since "$began" "$made")/s"
}

load() {
    local began in_kernel
    began=$(now_ms)
    in_kernel=$(routes replace "$ROUTES" 198.51.100.2 ge-0-0-1.0)
    wait_until 60 routed $((ROUTES - 1)) 198.51.100.2 || echo "NOT ALL "
    in_kernel=${in_kernel#* }
    echo "kernel ${in_kernel% *} s, plane $(seconds_since "$began") s"
}

# A daemon that starts and finds a kernel full of routes, and a plane that has them.
find_all() {
    local began
    stop daemon
    began=$(now_ms)
    daemon_start "$STATE/out/config"
    wait_until 60 routed $((ROUTES - 1)) 198.51.100.2 || echo "NOT ALL "
    echo "all known after $(seconds_since "$began") s"
}

change_all_the_time() {
    local began sent seconds last
    began=$(now_ms)
    read -r sent seconds last < <(routes replace "$SOME" 198.51.100.2 ge-0-0-1.0 $((DURATION * 8 / 10)))
    wait_until 60 routed $((SOME - 1)) "$last" || echo "NOT ALL "
    echo "$sent, kernel $(awk -v n="$sent" -v s="$seconds" 'BEGIN { printf "%d", n / s }')/s, plane $(rate_since "$began" "$sent")/s"
}

daemon_is_killed() {
    signal daemon KILL || { echo "bench: no daemon; its log ends with:" >&2; tail -n 20 "$STATE/log/daemon" >&2; return 1; }
    wait_until 5 has_ended daemon || { echo "bench: it does not end" >&2; return 1; }
    daemon_comes_back
}
daemon_restarts() { stop daemon && daemon_comes_back; }
daemon_comes_back() {
    daemon_start "$STATE/out/config"
    wait_until 30 cli "show security flow session summary"
}
upgrade() { cli "request system software in-service-upgrade $(realpath "$RAVELIN")" >/dev/null; }

# survives RATE NAME TIMES COMMAND
survives() {
    local rate=$1 name=$2-$1 n
    LOSSES=$(losses)
    STARVED=$(starved)
    WAITED=$(waited_ms)
    paced "$name" "$rate" $((rate * 12)) || return 1
    for ((n = 0; n < $3; n++)); do $4 || echo "bench: $4 failed" >&2; done
    paced_end "$name" || return 1
    row "$rate" "$name" "$2, $3 times"
}

main() {
    local config rate name n=0
    config=$(mktemp) || return 2
    paced_config >"$config"
    test_lab "$config"
    mv "$config" "$STATE/out/config"
    paced_build || { echo "bench: no C compiler" >&2; return 1; }
    wait_until 10 forwards || { echo "bench: nothing passes the firewall" >&2; return 1; }
    SOME=$((ROUTES < 100000 ? ROUTES : 100000))
    echo "veth, $(nproc) processors, Linux $(uname -r), load $(cut -d' ' -f1 /proc/loadavg), $ROUTES routes"
    printf '%-6s %-52s %8s %6s %8s %6s %8s %9s %s\n' rate 'what happens' sent lost starved twice gap-us waited-ms where
    for name in $ROWS; do
        n=$((n + 1))
        case $name in
            quiet) under "quiet-$n" quietly ;;
            commits) under "commits-$n" commit_all_the_time ;;
            load) under "load-$n" load ;;
            changes) under "changes-$n" change_all_the_time ;;
            start) under "start-$n" find_all ;;
            *) echo "bench: no row $name" >&2; return 2 ;;
        esac
    done
    echo "          resident: daemon $(resident_mb "$(pid_of daemon)") MB, dataplane $(resident_mb "$(dataplane_pid)") MB"
    routes del "$ROUTES" >/dev/null
    for rate in $RATES; do
        survives "$rate" nothing 0 :
        survives "$rate" daemon-kill 3 daemon_is_killed
        survives "$rate" daemon-restart 3 daemon_restarts
        survives "$rate" upgrade 5 upgrade
    done
}

main
