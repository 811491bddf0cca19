#!/bin/bash
# An independent witness: a plugin that uses QEMU's own interface watches the same replays that are traced, and must see
# the same instructions, loads, stores and stored values, in the same order, and the same registers where blocks start.
. "$(dirname "$0")/common.sh"
qemu=$build/libexec/panda/qemu

# shellcheck disable=SC2046
gcc -O2 -Wall -Werror -shared -fPIC $(pkg-config --cflags glib-2.0) -I"$qemu/sdk/src/include/qemu" \
    "$repository/tests/guest/witness/plugin.c" -o witness.so
cat >watched-qemu <<END
#!/bin/sh
exec "$(realpath "$qemu/bin/qemu-system-x86_64")" "\$@" -plugin "$scratch/witness.so,out=$scratch/witness"
END
chmod +x watched-qemu

# agree RECORDING INSTRUCTIONS
agree() {
    panda-replay --quiet --force --qemu ./watched-qemu --stop-at "$2" --registers --trace watched.capnp "$1"
    witness_compare watched.capnp witness >agreed || fail "$1: the witness saw something else"
    echo "$1: $(cat agreed)"
}

panda-record --force -o ls.panda -- ls -l /proc >ls.out
agree ls.panda 3000000
panda-record --force --cpu max -o pipe.panda -- workload-pipe >pipe.out
agree pipe.panda 2000000
# From the reset vector on: the firmware, in real, protected and system management mode.
panda-record --force -o boot.panda --boot >boot.out
agree boot.panda 4000000
