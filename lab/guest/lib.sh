# shellcheck shell=bash
# A guest with Debian's stock kernel, whose files are the host's, read-only under a layer of memory.
#
# Sourced by run and power-cut. Everything it makes lies in GUEST_DIR; the host itself gets two packages (.ci/deps guest) and no kernel.

GUEST_SOURCES=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
GUEST_DIR=${GUEST_DIR:-${CARGO_TARGET_DIR:-$(cd "$GUEST_SOURCES/../.." && pwd)/target}/guest}
RAVELIN=$(realpath "${RAVELIN:-$GUEST_SOURCES/../../target/debug/ravelin}")
# Processors and memory of the guest.
GUEST_PROCESSORS=${GUEST_PROCESSORS:-2}
GUEST_MEMORY=${GUEST_MEMORY:-2048}

# guest_kernel: Debian's kernel and its modules, unpacked, not installed.
guest_kernel() {
    local package
    compgen -G "$GUEST_DIR/kernel/boot/vmlinuz-*" >/dev/null && return
    mkdir -p "$GUEST_DIR" || return 1
    package=$(apt-cache depends linux-image-amd64 | awk '/Depends: linux-image-/ { print $2; exit }')
    [ -n "$package" ] || { echo "guest: apt knows no linux-image-amd64" >&2; return 1; }
    (cd "$GUEST_DIR" && rm -rf kernel kernel.new && apt-get -qq download "$package" &&
        dpkg -x "$package"_*.deb kernel.new && rm -f "$package"_*.deb &&
        busybox depmod -b kernel.new "${package#linux-image-}" && mv kernel.new kernel)
}

# guest_initrd: busybox, the modules that lead to the host's files, and the init script.
guest_initrd() {
    local root=$GUEST_DIR/initrd release module file
    release=$(basename "$GUEST_DIR"/kernel/lib/modules/*)
    rm -rf "$root" && mkdir -p "$root/bin" "$root/lib/modules/$release" || return 1
    cp "$(command -v busybox)" "$root/bin/busybox" && install -m 755 "$GUEST_SOURCES/init" "$root/init" || return 1
    ln -s busybox "$root/bin/sh"
    (cd "$GUEST_DIR/kernel/lib/modules/$release" || exit
        # With each module what its line of modules.dep says that it needs.
        for module in virtio_pci 9pnet_virtio 9p overlay; do
            for file in $(sed -n "s,^\(.*/$module\.ko\):\(.*\),\1\2,p" modules.dep); do echo "$file"; done
        done | sort -u | xargs cp --parents -t "$root/lib/modules/$release" &&
            cp modules.dep* modules.alias modules.symbols "$root/lib/modules/$release") || return 1
    (cd "$root" && find . | busybox cpio -o -H newc 2>/dev/null | gzip -1) >"$GUEST_DIR/initrd.gz"
}

guest_prepare() { guest_kernel && guest_initrd; }

# How instructions are run: by the processor, where the host lends its own, else by translation.
guest_accelerator() {
    if [ -n "${GUEST_ACCEL:-}" ]; then
        echo "$GUEST_ACCEL"
    elif [ -w /dev/kvm ] && grep -qwE 'vmx|svm' /proc/cpuinfo; then
        echo kvm
    else
        echo tcg,thread=multi
    fi
}

# guest_boot SHARED SECONDS [OPTION...]: runs SHARED/run in a guest until it ends, or is ended; its console is the output.
# The status is that of the script, 124 when the time was over, 125 when the guest ended without a word. GUEST_INSIDE: the
# network namespace that its cards lead to.
guest_boot() {
    local shared=$1 seconds=$2 status
    shift 2
    rm -f "$shared/status"
    timeout --foreground --kill-after=5 "$seconds" ${GUEST_INSIDE:+ip netns exec "$GUEST_INSIDE"} qemu-system-x86_64 \
        -accel "$(guest_accelerator)" -cpu max -smp "$GUEST_PROCESSORS" -m "$GUEST_MEMORY" -nodefaults -no-user-config -no-reboot -display none \
        -serial stdio -kernel "$GUEST_DIR"/kernel/boot/vmlinuz-* -initrd "$GUEST_DIR/initrd.gz" \
        -append "console=ttyS0 quiet panic=-1 mitigations=off guest.modules=$(echo "$GUEST_DIR"/kernel/lib/modules/*)" \
        -fsdev local,id=host,path=/,security_model=none,readonly=on,multidevs=remap -device virtio-9p-pci,fsdev=host,mount_tag=host \
        -fsdev "local,id=shared,path=$shared,security_model=none" -device virtio-9p-pci,fsdev=shared,mount_tag=shared \
        -device virtio-rng-pci "$@" </dev/null
    status=$?
    [ "$status" != 124 ] || return 124
    [ -s "$shared/status" ] || return 125
    return "$(cat "$shared/status")"
}
