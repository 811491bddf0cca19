#!/bin/bash
# The commands in README and in the manual pages of what reads a guest must work as they stand, on the kernel that the
# default guest has today.
. "$(dirname "$0")/common.sh"
ln -s "$build" build
ln -s "$repository/kernelinfo" kernelinfo

# examples PAGE: the commands under EXAMPLES that are this project's own.
examples() {
    sed -n '/^\.SH EXAMPLES/,/^\.SH SEE/p' "$repository/docs/man/$1.1" | sed -n 's/\\-/-/g; /^panda-/p'
}

run() {
    echo "\$ $1"
    bash -o pipefail -c "$1" </dev/null >output 2>errors || fail "$1: exit status $?: $(cat errors)"
    [ -s output ] || [[ $1 = *" -o "* || $1 = *"> "* || $1 = *--trace\ out* ]] || fail "$1: no output"
}

mapfile -t commands < <(sed -n 's/^    \$ //p' "$repository/README.md")
[ ${#commands[@]} -ge 4 ] || fail "README has only ${#commands[@]} commands"
for command in "${commands[@]}"; do
    run "$command"
    [[ $command != panda-analyze\ osi* ]] || grep -q ' kthreadd$' output || fail "$command: not the processes"
done
mv out.capnp demo.capnp
for page in panda-kernelinfo panda-analyze-osi panda-analyze-memdump; do
    mapfile -t commands < <(examples $page)
    [ ${#commands[@]} -gt 0 ] || fail "$page.1 has no examples"
    for command in "${commands[@]}"; do
        run "$command"
    done
done

# The group of the guest's kernel is where the programs look, and a file that does not know the kernel does no harm.
panda-kernelinfo build/libexec/panda/guest/vmlinuz >group
name=$(sed -n 2p group)
[ "$(grep -cxF "$name" build/kernelinfo.conf)" = 1 ] || fail "build/kernelinfo.conf does not have: $name"
panda-analyze osi demo.capnp >usual
awk -v heading="$(sed -n 1p group)" '/^\[/ { skipped = $0 == heading } !skipped' build/kernelinfo.conf >old.conf
for conf in group kernelinfo/kernelinfo.conf build/kernelinfo.conf old.conf; do
    panda-analyze osi --kconf "$conf" demo.capnp | cmp - usual || fail "--kconf $conf: not the same processes"
done
echo "ok: the commands work as they stand"
