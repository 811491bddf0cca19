#!/bin/bash
# Introspection must say what /proc said, on other kernels and processor models. The moments that the guest marks are in
# user mode, where page table isolation hides the kernel: with a processor that has the fault that it is for (which
# Skylake-Server has), and a kernel that keeps its constants in what user mode sees, as Debian's full kernels do.
#
# usage: osi_models_test.sh BUILD [KERNEL MODEL]…
#   KERNEL: see kernels.sh. Default: trixie's full kernel on Skylake-Server. By hand: bookworm's, the cloud and real-time
#   kernels, and qemu64, Haswell-noTSX, max, max,la57=on.
. "$(dirname "$0")/common.sh"
. "$repository/tests/guest/population.sh"
. "$repository/tests/guest/kernels.sh"
[ $# -gt 1 ] || set -- "${1:-$repository/build}" trixie:linux-image-amd64 Skylake-Server
shift
without_kernelinfo
while [ $# -gt 1 ]; do
    echo "$1 on $2"
    record_population guest "$(guest_of "$1")" --cpu "$2"
    compare_population guest
    panda-analyze syscalls --quiet guest.capnp >calls 2>warnings || fail "$1 on $2: syscalls: $(cat warnings)"
    [ ! -s warnings ] || fail "$1 on $2: $(cat warnings)"
    [ "$(wc -l <calls)" -gt 1000 ] || fail "$1 on $2: only $(wc -l <calls) lines of calls"
    shift 2
done
