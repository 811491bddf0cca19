#!/bin/bash
# Tests system calls on many kernels, with KASLR and nothing configured. Each is booted, and panda-analyze syscalls must
# say what strace says in that guest (syscalls_strace_test.sh) and what its processes count (syscalls_stress_test.sh).
# It downloads kernels, so CTest does not run it.
#
# usage: syscalls_matrix.sh BUILD [KERNEL…]
#   KERNEL: see kernels.sh.
#   Default: the cloud kernels of bullseye, bookworm and trixie (5.10, 6.1, 6.12).
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
. "$here/kernels.sh"
build=$(cd "${1:?usage: syscalls_matrix.sh BUILD [KERNEL…]}" && pwd)
kernels=("${@:2}")
[ ${#kernels[@]} -gt 0 ] || kernels=({bullseye,bookworm,trixie}:linux-image-cloud-amd64)
scratch=$(mktemp -d "${TMPDIR:-/tmp}/panda-syscalls-matrix.XXXXXX")
trap 'rm -rf "$scratch"' EXIT

# There is no kernelinfo.conf beside the analyzer, so what it knows about a kernel is from that kernel's memory.
mkdir -p "$scratch/build/bin"
ln -s "$build"/bin/* "$scratch/build/bin/"
cp --remove-destination "$build"/bin/panda-analyze{,-syscalls} "$scratch/build/bin/"

failed=()
for kernel in "${kernels[@]}"; do
    guest=$(guest_of "$kernel")
    for test in strace stress; do
        echo "$kernel: $test"
        "$here/syscalls_${test}_test.sh" "$scratch/build" --guest "$guest" || failed+=("$kernel, $test")
    done
done
if [ ${#failed[@]} != 0 ]; then
    echo "FAILED: $(printf '%s; ' "${failed[@]}")" >&2
    exit 1
fi
echo "ok: ${#kernels[@]} kernels"
