#!/usr/bin/env bash
# Tagged units with tags made by hand: the kernel of the lab needs no VLAN devices.
# shellcheck source=lab/lib.sh
. "$(dirname "$0")/../lib.sh"
test_lab "$LAB_DIR/tests/vlan.conf" ge-0/0/2.10

while read -r verdict _ name; do
    case $verdict in
        ok) ok "$name" ;;
        *) fail "$verdict $name" ;;
    esac
done < <(in_trunk python3 "$LAB_DIR/frames.py" vlan t0 2>&1)
# A tag beside the frame, where drivers put it, is one that the shim does not see.
check_has "tags stay in the frames that come in" '^rx-vlan-offload: off' in_fw ethtool -k ge-0-0-2
check "policy all was hit" was_hit red blue all
summary
