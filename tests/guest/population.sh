# Sourced after common.sh: a guest full of processes of every kind, and what /proc says about them (population/).
# shellcheck shell=bash

# record_population NAME GUEST RECORD-OPTION…: records NAME.panda in the guest, whose witness prints NAME.dump, and
# traces NAME.capnp.
record_population() {
    local name=$1 guest=$2 ss
    shift 2
    "$repository/tools/guest/compile.sh" "$(sed -n 's/^architecture=//p' "$guest/build-info")" population \
        "$repository"/tests/guest/population/*.c
    # ss needs this machine's libraries, so it says something only where they are the guest's.
    mkdir -p tree
    if [ "$(sed -n 's/^architecture=//p' "$guest/build-info")" = amd64 ] && ss=$(command -v ss); then
        libraries_of "$ss" | xargs cp -Lt tree "$ss"
    fi
    # The threaded handlers of a real-time kernel are too late for a UART that sends at once. Without noirqdebug the
    # kernel takes the interrupts that nobody handled for those of a broken line, and turns the line off.
    # shellcheck disable=SC2016  # for the guest's shell
    panda-record --force -o "$name.panda" "$@" --guest "$guest" --append noirqdebug --copy-in population:/tmp/ --copy-in tree:/opt/ -- sh -c '
        /tmp/population start
        i=0
        until [ -e /tmp/populated ]; do
            i=$((i + 1))
            [ $i -lt 120 ] || exit 1
            sleep 1
        done
        if [ -e /opt/tree/ss ]; then
            mkdir -p /lib64
            cp /opt/tree/ld-linux-x86-64.so.2 /lib64/
            LD_LIBRARY_PATH=/opt/tree /opt/tree/ss -anpH >/tmp/ss
        fi
        /tmp/population dump' >"$name.dump" || fail "$name: the guest's population did not grow up"
    panda-replay --quiet --force --trace "$name.capnp" "$name.panda"
}

# marked_moment NAME NUMBER: the instr at which the witness has marked a moment: 1 before it looks, 2 after.
marked_moment() {
    panda-trace dump --events "$1.capnp" |
        sed -n "s/^ *\\([0-9]*\\)  cpuid rax=0x50414e44 .* rcx=0x$2 .* rax_after=.*/\\1/p"
}

# compare_population NAME OSI-OPTION…: compares the trace with the dump, at the trace's end, and right before and after
# the witness looked.
compare_population() {
    local name=$1 number moment
    shift
    /usr/bin/python3 "$repository/tests/guest/compare_proc.py" "$name.dump" "$name.capnp" "$@" ||
        fail "$name: introspection differs from /proc"
    for number in 1 2; do
        moment=$(marked_moment "$name" $number)
        [ -n "$moment" ] || fail "$name: the witness has not marked moment $number"
        /usr/bin/python3 "$repository/tests/guest/compare_proc.py" "$name.dump" "$name.capnp" --at "$moment" "$@" ||
            fail "$name: introspection at instr $moment differs from /proc"
    done
}

# Puts programs that know no kernelinfo.conf of their own before all others on PATH.
without_kernelinfo() {
    mkdir -p bin
    cp "$build/bin/panda-analyze" "$build/bin/panda-analyze-osi" "$build/bin/panda-kernelinfo" bin/
    PATH=$PWD/bin:$PATH
}

# group_from_dmesg GROUP: what kernelinfo.ko has printed to the kernel's log, from standard input. insmod tries twice.
group_from_dmesg() {
    echo "[$1]"
    sed -n '/--KERNELINFO-BEGIN--/,/---KERNELINFO-END---/s/^\[[ 0-9.]*\] \(.* = .*\)$/\1/p' | grep -v '^#' | sort -u
}
