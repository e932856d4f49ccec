#!/usr/bin/env bash
# Junos names meet Linux devices: by an alternative name and by --map; a missing one refuses the commit by name.
# shellcheck source=lab/lib.sh
. "$(dirname "$0")/../lib.sh"
lab_name "${LAB_NAME:-test}" || exit 2
require_root || exit
trap lab_down EXIT
trap 'exit 130' INT TERM
lab_up && services_start || { fail "the lab comes up"; summary; exit 1; }

daemon_with() {
    spawn daemon "$FIREWALL" "$RAVELIN" daemon --config "$LAB_DIR/demo.conf" --state "$STATE/state" \
        --run "$STATE/run" --bpffs "$STATE/bpf" "$@"
}
rename() { in_fw ip link set "$1" down && in_fw ip link set "$1" name "$2" && in_fw ip link set "$2" up; }
no_dataplane() { ! dataplane_pid; }
refused_commit() { ! cli "$1" >"$STATE/out/refused" 2>&1; }

check "one port has another name, and its Junos name beside it" rename ge-0-0-0 eth7
check "as an alternative name" in_fw ip link property add dev eth7 altname ge-0-0-0
check "the other has another name alone" rename ge-0-0-1 wan0

daemon_with
check "without a map the daemon ends" wait_until 30 has_ended daemon
check_has "it names file, line, interface and device" \
    "interface \`ge-0/0/1\` not found: no device is named \`ge-0-0-1\`" cat "$STATE/log/daemon"
check "it leaves no dataplane behind" wait_until 5 no_dataplane

daemon_with --map ge-0/0/1=wan0
check "with a map it starts" wait_until 30 units_are_up ge-0/0/1.0
check "packets pass" wait_until 10 forwards
check "a commit of a missing interface is refused" \
    refused_commit "configure; set interfaces ge-0/0/9 unit 0 family inet address 192.0.2.1/24; commit"
check_has "by name" "ge-0/0/9" cat "$STATE/out/refused"
check "packets still pass" forwards
summary
