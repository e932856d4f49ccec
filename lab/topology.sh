#!/usr/bin/env bash
# Builds or removes the lab without starting anything: topology.sh up|down|status [NAME]
# shellcheck source=lab/lib.sh
. "$(dirname "$0")/lib.sh"

lab_name "${2:-demo}" || exit 2
case ${1:-} in
    up)
        require_root || exit
        lab_up || { echo "lab: could not be built" >&2; lab_down; exit 1; }
        echo "lab: up; enter with: ip netns exec $CLIENT bash (also $FIREWALL, $SERVER, $TRUNK)"
        ;;
    down)
        require_root || exit
        lab_down
        ;;
    status)
        for namespace in "${NAMESPACES[@]}"; do
            [ -e "/run/netns/$namespace" ] && echo "$namespace: $(ip netns pids "$namespace" | wc -l) processes"
        done
        exit 0
        ;;
    *)
        echo "usage: $0 up|down|status [NAME]" >&2
        exit 2
        ;;
esac
