# shellcheck shell=bash
# Cables of the guest: network cards of the virtual machine in place of veth, sourced by lib.sh when LAB_WIRE names this file.
#
# `run` makes the cards, two a cable, joined by a bridge of the host. They are told apart by their addresses; a card whose
# namespace goes comes back to the first one, under whatever name.

card_of() {
    case $1 in
        c0) echo 02:52:41:00:00:10 ;;
        ge-0-0-0) echo 02:52:41:00:00:11 ;;
        s0) echo 02:52:41:00:00:20 ;;
        ge-0-0-1) echo 02:52:41:00:00:21 ;;
        t0) echo 02:52:41:00:00:30 ;;
        ge-0-0-2) echo 02:52:41:00:00:31 ;;
        *) return 1 ;;
    esac
}

# card_is_here NAME: sets CARD to what the card that is to be NAME is called now.
card_is_here() {
    local file
    for file in /sys/class/net/*/address; do
        CARD=$(basename "$(dirname "$file")")
        [ -e "/sys/class/net/$CARD/device" ] && [ "$(cat "$file")" = "$(card_of "$1")" ] && return
    done
    return 1
}

wire_card() { # NAMESPACE NAME
    wait_until 10 card_is_here "$2" && card_is_here "$2" || { echo "lab: no card for $2" >&2; return 1; }
    ip link set "$CARD" down && ip link set "$CARD" netns "$1" name "$2" || return 1
    ip netns exec "$1" ethtool -L "$2" combined "$WORKERS" 2>/dev/null
    ip -n "$1" link set "$2" mtu 1500 up
}

wire() { wire_card "$1" "$2" && wire_card "$FIREWALL" "$3"; }
