#!/usr/bin/env bash
# The packet process after its start: few capabilities, listed system calls, its own files; and it forwards as ever.
WORKERS=2
# shellcheck source=lab/lib.sh
. "$(dirname "$0")/../lib.sh"
test_lab "$LAB_DIR/demo.conf"

status_of() { sed -n "s/^$1:[[:space:]]*//p" "/proc/$(pid_of dataplane)/task/$2/status"; }
threads() { ls "/proc/$(pid_of dataplane)/task"; }
# CAP_NET_ADMIN 12, CAP_NET_RAW 13, CAP_IPC_LOCK 14, CAP_PERFMON 38, CAP_BPF 39.
kept=$(printf '%016x' $((1 << 12 | 1 << 13 | 1 << 14 | 1 << 38 | 1 << 39)))
every_thread_has() { # FIELD VALUE
    local thread
    for thread in $(threads); do
        [ "$(status_of "$1" "$thread")" = "$2" ] || { echo "thread $thread: $1 is $(status_of "$1" "$thread")"; return 1; }
    done
}

# What another user gets of a socket: `no way in' where the file's modes stop him, `nothing' where whoever listens sends him away.
stranger() { # SOCKET
    in_fw python3 -c '
import os, socket, sys
os.setgroups([])
os.setresgid(65534, 65534, 65534)
os.setresuid(65534, 65534, 65534)
stream = socket.socket(socket.AF_UNIX)
stream.settimeout(5)
try:
    stream.connect(sys.argv[1])
    stream.sendall(bytes([0, 0, 0, 2, 8, 1]))
    print("an answer" if stream.recv(1) else "nothing")
except PermissionError:
    print("no way in")
except ConnectionError:
    print("nothing")' "$1"
}

check "both families pass" wait_until 10 forwards
# Who forwards is ahead of everything else, and who answers the control side is not.
nice_of() { for thread in $(threads); do
    thread=/proc/$(pid_of dataplane)/task/$thread
    grep -q "^$1" "$thread/comm" && sed 's/.*) //' "$thread/stat" | cut -d' ' -f17
done | sort -u; }
check_is "workers are more urgent than others" -10 nice_of worker-
check_is "and what restarts them" -10 nice_of supervisor
check_is "but no thread for the control side" 0 nice_of remote-
check_is "another user does not reach the dataplane" "no way in" stranger "$STATE/run/dataplane.sock"
check_is "nor the command line" "no way in" stranger "$STATE/run/api.sock"
chmod -R a+rwX "$STATE"
check_is "the dataplane asks who it is, whatever the modes are" "nothing" stranger "$STATE/run/dataplane.sock"
check_has "and says so" 'Another user called the dataplane' cat "$STATE/run/dataplane.log"
check "every thread has the few capabilities left" every_thread_has CapEff "$kept"
check "and can get no other" every_thread_has CapBnd "$kept"
check "every thread has its system calls listed" every_thread_has Seccomp 2
check "no thread gains privileges" every_thread_has NoNewPrivs 1
check_has "it says so" 'confined: .*own files only' cat "$STATE/run/dataplane.log"
check "a commit that adds a port is taken" cli "configure; set interfaces ge-0/0/2 mtu 1400; commit"
check "traffic still passes" wait_until 10 forwards
check "bulk TCP with source NAT passes" in_client iperf3 -c 198.51.100.2 -t 1
summary
