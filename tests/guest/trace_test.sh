#!/bin/bash
# Traces prove themselves: memory that follows from every store, DMA write and page-table mark must equal every
# snapshot, bit for bit, and each block must follow from the one before. usage: trace_test.sh BUILD [TRACES], the number
# of traces of one recording that must be the same, byte for byte (3 by default; with more, a boot is proven too).
. "$(dirname "$0")/common.sh"
traces=${2:-3}

# prove NAME RECORD-ARGUMENTS…    tracing: more options of the replay
tracing=
prove() {
    local name=$1
    shift
    panda-record --force -o "$name.panda" "$@" >"$name.out" || fail "recording $name: exit status $?"
    # shellcheck disable=SC2086
    panda-replay --quiet --force $tracing --snapshots 100000000 --trace "$name.capnp" "$name.panda" || fail "replaying $name"
    panda-trace verify --quiet "$name.capnp" >"$name.verify" || fail "$name: $(cat "$name.verify")"
    echo "ok: $name: $(head -n 1 "$name.verify"), $(stat -c %s "$name.capnp") bytes"
    if [ -n "$tracing" ]; then # what is cut out of it proves itself too
        panda-trace cut --force -o cut.capnp 1000000:1500000 "$name.capnp" >cut.out || fail "cutting $name"
        panda-trace verify --quiet cut.capnp >cut.verify || fail "cut out of $name: $(cat cut.verify)"
    fi
    rm "$name.capnp"
}

gcc -O2 -Wall -static "$repository/tests/guest/programs/self_modifying.c" -o self_modifying
prove self_modifying --copy-in self_modifying:/bin/self_modifying -- self_modifying
tracing=--registers prove self_modifying_max --cpu max --copy-in self_modifying:/bin/self_modifying -- self_modifying

# Faults and address spaces: a bounded fork bomb, whose processes share, copy and write pages.
# shellcheck disable=SC2016
tracing=--registers prove forks -- sh -c 'bomb() { [ "$1" = 0 ] || { bomb $(($1 - 1)) & bomb $(($1 - 1)) & wait; }; }
    bomb 6; for i in 1 2 3 4 5 6 7 8; do ls -lR /proc/self/task | md5sum; done'

truncate -s 64M disk.img
/sbin/mke2fs -q -t ext4 -F disk.img 2>/dev/null || skip "no mke2fs"
prove disk_and_network --disk disk.img --net -- sh -c \
    'dd if=/dev/urandom of=/mnt/file bs=64k count=64 conv=fsync 2>/dev/null; echo 3 >/proc/sys/vm/drop_caches
     md5sum </mnt/file; ping -c 2 10.0.2.2 | wc -l'
prove gzip -- workload-gzip

# A reader that knows the format's text alone gets out of a trace what panda-trace does.
panda-replay --quiet --force --registers --window 1000000:1050000 --trace text.capnp gzip.panda
python3 "$repository/tests/house/trace_from_text/compare.py" "$repository/trace/trace.capnp" panda-trace text.capnp \
    >text.out || fail "the format's text says otherwise"
echo "ok: $(cat text.out)"
rm text.capnp

[ "$traces" -le 3 ] || prove boot --boot

# Whatever the host's processor can do, the trace is the same. QEMU is made to believe in two hosts: one with AVX and no
# more (bit 9 of its host/cpuinfo.h), and one with all that this one has. Without AVX there is another trace, which says so.
cat >other_host <<EOF
#!/bin/bash
arguments=()
for argument in "\$@"; do
    [ "\${previous:-}" != -panda ] || argument+=,host-features=\$HOST_FEATURES
    arguments+=("\$argument")
    previous=\$argument
done
exec "$build/libexec/panda/qemu/bin/qemu-system-x86_64" "\${arguments[@]}" \$QEMU_LOGS
EOF
chmod +x other_host
if grep -qw avx /proc/cpuinfo; then
    for features in 0x200 0xffffffff 0; do
        HOST_FEATURES=$features QEMU_LOGS='' panda-replay --quiet --qemu "$PWD/other_host" --stop-at 30000000 \
            --trace "host-$features.capnp" self_modifying_max.panda || fail "replaying for host $features"
    done
    cmp host-0x200.capnp host-0xffffffff.capnp || fail "the trace depends on the host"
    panda-trace info host-0x200.capnp | grep -E '^tcg-host +avx$' || fail "a trace does not say for which host it is"
    panda-trace info host-0.capnp | grep -E '^tcg-host +none$' || fail "the host has features that it was told not to have"
    panda-trace dump --operations host-0x200.capnp | grep _vec >vectors.txt || fail "no vectors, so that hosts do not matter"
    rm host-*.capnp
    echo "ok: the trace does not depend on the host's processor"
fi

# The operations that a trace has are those that QEMU itself logs.
HOST_FEATURES=0xffffffff QEMU_LOGS="-d op -D qemu.log" panda-replay --quiet --qemu "$PWD/other_host" --stop-at 1000000 \
    --trace logged.capnp self_modifying_max.panda || fail "replaying with QEMU's log"
panda-trace dump --operations logged.capnp >operations.txt
python3 "$repository/tests/guest/compare_operations.py" operations.txt qemu.log >operations.out ||
    fail "operations: $(cat operations.out)"
echo "ok: $(cat operations.out)"
rm logged.capnp operations.txt qemu.log

# Every block is lifted, and what the lifted blocks do is what the trace says.
if [ -x "$build/bin/panda-analyze-lift" ]; then
    panda-replay --quiet --registers --stop-at 1000000 --trace lifted.capnp gzip.panda
    panda-analyze lift lifted.capnp >lifted.out || fail "lifting: $(cat lifted.out)"
    panda-analyze lift --json --check --range 0:500000 lifted.capnp >check.json || true
    python3 - check.json <<'END' || fail "lifted blocks: $(head -c 2000 check.json)"
import json, sys
result = json.load(open(sys.argv[1]))
sys.exit(result["executions"] < 50000 or result["mismatches"] != 0
         or result["checked"] < 0.995 * result["executions"]
         or abs(result["checked_percent"] - 100 * result["checked"] / result["executions"]) > 1e-6)
END
    echo "ok: $(cat lifted.out)"
    rm lifted.capnp
fi

first=
for round in $(seq "$traces"); do
    panda-replay --quiet --force --trace "$round.capnp" gzip.panda
    [ -z "$first" ] || cmp "$first" "$round.capnp" || fail "trace $round differs from the first"
    first=${first:-$round.capnp}
    [ "$round.capnp" = "$first" ] || rm "$round.capnp"
done
echo "ok: $traces traces of one recording are the same"
