#!/usr/bin/env bash
# What is lost while an operator looks at very many sessions and clears them: each beside a run in which nothing happens.
#
# many-sessions.sh [SESSIONS [RATE [SECONDS]]]: by default a million sessions, 10000 datagrams a second, 10 s a row; a row lasts as
# long as what happens in it. Needs root, a C compiler, and the binary in RAVELIN.
BENCH_DIR=$(cd "$(dirname "$0")" && pwd)
COUNT=${1:-1000000}
RATE=${2:-10000}
DURATION=${3:-10}
SESSIONS=$((COUNT + COUNT / 16 + 1024))
# shellcheck source=lab/lib.sh
. "$BENCH_DIR/../lab/lib.sh"
# shellcheck source=lab/paced.sh
. "$BENCH_DIR/../lab/paced.sh"

long_cli() { timeout 300 "$RAVELIN" cli --socket "$STATE/run/api.sock" -c "$*"; }
seconds_since() { awk -v ms=$(($(now_ms) - $1)) 'BEGIN { printf "%.1f", ms / 1000 }'; }
resident_mb() { awk '/^VmRSS/ { print int($2 / 1024) }' "/proc/$1/status"; }

# under NAME COMMAND...: runs it under traffic that goes on for DURATION seconds at least; what it prints is what happened.
under() {
    local name=$1 said began
    shift
    STARVED=$(starved)
    began=$(now_ms)
    paced "$name" "$RATE" $((RATE * DURATION)) || return 1
    said=$("$@")
    said="$name: $said after $(seconds_since "$began") s"
    paced_end "$name" || return 1
    printf '%-60s %8s %6s %8s %8s\n' "$said" "$(paced_field "$name" last)" "$(paced_field "$name" lost)" \
        $(($(starved) - STARVED)) "$(paced_field "$name" gap-us)"
}

quietly() { echo nothing; }
fill() { sprayed "$COUNT" 100000; }
summary_of_all() { long_cli "show security flow session summary" | sed -n 's/^Sessions-in-use: */in use /p'; }
list() { echo "$(long_cli "show security flow session" | grep -c '^Session ID') listed"; }
# Filtered at the plane: of all sessions one.
find_one() { echo "$(long_cli "show security flow session source-port 2000 destination-port 20003" | grep -c '^Session ID') found"; }
clear() { long_cli "clear security flow session protocol udp destination-prefix 198.51.100.2/32" | tail -n 1; }

main() {
    paced_lab || return
    echo "veth, $(nproc) processors, Linux $(uname -r), load $(cut -d' ' -f1 /proc/loadavg), $COUNT sessions, $RATE/s"
    printf '%-60s %8s %6s %8s %8s\n' 'what happens' sent lost starved gap-us
    under quiet quietly
    under fill fill
    under summary summary_of_all
    under list list
    under find find_one
    echo "    resident: daemon $(resident_mb "$(pid_of daemon)") MB, dataplane $(resident_mb "$(dataplane_pid)") MB"
    under clear clear
    under summary summary_of_all
}

main
