#!/bin/bash
# Tests introspection on many kernels, with KASLR. Each is booted, recorded with a population of processes, traced, and
# compared with its own /proc, first by what the guest's memory tells, then by the group made from the kernel's package.
#
# usage: kernel_matrix.sh BUILD [KERNEL…]
#   KERNEL: see kernels.sh.
#   Default: the cloud kernels of bullseye, bookworm and trixie (5.10, 6.1, 6.12), and bookworm's full one.
script=$(realpath "$0")
. "$(dirname "$0")/common.sh"
. "$repository/tests/guest/population.sh"
. "$repository/tests/guest/kernels.sh"
kernels=("${@:2}")
[ ${#kernels[@]} -gt 0 ] || kernels=({bullseye,bookworm,trixie}:linux-image-cloud-amd64 bookworm:linux-image-amd64)

check_kernel() {
    local kernel=$1 guest
    guest=$(guest_of "$kernel")
    record_population guest "$guest"
    without_kernelinfo
    echo "$kernel: $(panda-kernelinfo --trace guest.capnp | sed -n 's/^name = //p')"
    compare_population guest
    panda-kernelinfo "$guest/vmlinuz" >package.conf
    compare_population guest --kconf package.conf
    panda-kernelinfo --trace guest.capnp | diff package.conf - || fail "the groups from memory and from the package differ"
}

if [ ${#kernels[@]} = 1 ]; then
    check_kernel "${kernels[0]}"
    exit
fi
failed=()
for kernel in "${kernels[@]}"; do
    "$script" "$build" "$kernel" || failed+=("$kernel")
done
[ ${#failed[@]} = 0 ] || fail "${#failed[@]} of ${#kernels[@]} kernels: ${failed[*]}"
echo "ok: ${#kernels[@]} kernels"
