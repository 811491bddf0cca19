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
    # Under page table isolation one process has two CR3s, of which either stands for both.
    if [ "$2" = Skylake-Server ]; then
        asid=$(panda-analyze osi --json guest.capnp | sed -n 's/.*"pid":1,.*"asid":"\(0x[0-9a-f]*\)".*/\1/p')
        panda-replay --quiet --force --asid "$asid" --user --columns blocks --trace user.capnp guest.panda
        executions=$(panda-trace info --json user.capnp | sed -n 's/.*"blocks_executed":\([0-9]*\).*/\1/p')
        [ "${executions:-0}" -gt 1000 ] || fail "$1 on $2: process 1 has only ${executions:-no} blocks in user mode"
        echo "process 1 in user mode: $executions blocks"
    fi
    shift 2
done
