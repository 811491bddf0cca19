#!/bin/bash
# Stacks of the kernel, in all its contexts and over a whole boot, must be those that the kernel itself finds: its unwinder at
# a thousand marks, /proc/PID/stack, the dump of sysrq and that of a warning. usage: kernel_stacks_test.sh BUILD
. "$(dirname "$0")/common.sh"
here=$repository/tests/guest/kernel_stacks
guest=$(readlink -f "$build/libexec/panda/guest")
mkdir -p overlay/bin overlay/root
"$repository/tools/guest/build_module.sh" "$guest" "$here/module" overlay/root
cp "$here/start" overlay/bin/
{
    cat "$guest/initrd"
    (cd overlay && find . | LC_ALL=C sort | cpio --quiet -o -H newc | gzip -1)
} >initrd
# From power-on, so that no call lies before the trace.
timeout 300 panda-record -o run.panda --vm -- -m 256M -nodefaults -display none -no-reboot -serial stdio -kernel "$guest/vmlinuz" \
    -initrd initrd -append "console=ttyS0 rdinit=/bin/start panic=-1 no_timer_check quiet" </dev/null | tr -d '\r' >said
grep -q '^round 8: all of it' said || fail "the guest did not get to its end: $(tail -n 5 said)"
panda-replay --quiet --trace run.capnp run.panda

panda-analyze callstack_instr --quiet --marks 0x70616e64 --callers 0 --json run.capnp >found
/usr/bin/python3 "$here/compare.py" marks said found || fail "stacks at marks differ"
tail -n 1 found | /usr/bin/python3 -c '
import json, sys
summary = json.load(sys.stdin)
unmatched = summary["fresh"] + summary["before"] + summary["jumps"]
print(f"{unmatched} of {summary['"'returns'"']} returns match no call")
sys.exit(unmatched > summary["returns"] / 1000)' || fail "too many returns match no call"

# The last two marks are around the reading of /proc/PID/stack.
mapfile -t marks < <(sed -n 's/^{"kind":"stack","instr":\([0-9]*\),.*/\1/p' found)
# printed WHAT SYMBOL [ARGUMENT…] [-- OPTION…]: the stacks at this function, against what the kernel said.
printed() {
    local what=$1 pc arguments=()
    pc=0x$(sed -n "s/^symbol \([0-9a-f]*\) . $2\$/\1/p" said)
    shift 2
    while [ $# -gt 0 ] && [ "$1" != -- ]; do
        arguments+=("$1")
        shift
    done
    panda-analyze printstack --pc "$pc" --callers 0 --json "${@:2}" run.capnp >stacks || fail "printstack: exit status $?"
    /usr/bin/python3 "$here/compare.py" "$what" said stacks "${arguments[@]}" || fail "$what: stacks differ"
}
printed blocked __switch_to_asm "${marks[-2]}" -- --to "${marks[-1]}"
printed sysrq dump_stack_lvl -- --from "${marks[-1]}"
printed warn report_bug -- --from "${marks[-1]}"
