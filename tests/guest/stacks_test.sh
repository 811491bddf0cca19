#!/bin/bash
# Tests stacks and names. The programs of stacks/ print what backtrace() finds at marked points, and callstack_instr must
# find the same: in a static and in a dynamic program without frame pointers, and in a 32-bit one on a 64-bit and on a 32-bit
# kernel. Names must be those of /proc/kallsyms, nm and addr2line. usage: stacks_test.sh BUILD [GUEST], a directory that tools/guest/build.sh made
. "$(dirname "$0")/common.sh"
guest=$(readlink -f "${2:-$build/libexec/panda/guest}")
here=$repository/tests/guest/stacks
flags=(-O2 -g -fomit-frame-pointer -pthread -Wall -Wextra -Werror "-Wl,--build-id")
g++ "${flags[@]}" -static -o stacks_static "$here/stacks.cc"
g++ "${flags[@]}" -pie -fPIE -o stacks_pie "$here/stacks.cc"

# What the dynamic program needs, and itself without what can be stripped off.
mkdir -p copy/tmp copy/lib64 symbols/.build-id
strip -o copy/tmp/stacks_pie stacks_pie
cp stacks_static copy/tmp/
ldd stacks_pie | grep -o '/[^ ]*' | while read -r library; do cp "$library" copy/lib64/; done
id=$(readelf -n stacks_pie | sed -n 's/.*Build ID: //p')
mkdir -p "symbols/.build-id/${id:0:2}" symbols/tmp
objcopy --only-keep-debug stacks_pie "symbols/.build-id/${id:0:2}/${id:2}.debug"
cp stacks_static symbols/tmp/

# Functions of the kernel whose address no other one has, each with the address of the next one; and some of modules.
cat >copy/tmp/run <<'SCRIPT'
export LD_LIBRARY_PATH=/lib64
/tmp/stacks_static
/tmp/stacks_pie
LD_BIND_NOW=1 /tmp/stacks_pie wait &
sleep 1
sed "s/^/maps $! /" /proc/$!/maps
grep -E ' [tT] ' /proc/kallsyms >/tmp/symbols
head -n 30000 /tmp/symbols | tail -n 3000 | awk '$1 != last && wanted != "" { print wanted, $1 }
    { wanted = $1 != last && NR % 29 == 0 ? "kernel " $1 " " $3 : ""; last = $1 }'
tail -n 1000 /tmp/symbols | grep '\[' | awk 'NR % 9 == 0 { print "module", $1, $3, $4 }'
SCRIPT
panda-record -o run.panda --guest "$guest" --copy-in copy/tmp:/tmp --copy-in copy/lib64:/lib64 -- sh /tmp/run >run.out ||
    fail "the programs: exit status $?"
tr -d '\r' <run.out >said
panda-replay --quiet --trace run.capnp run.panda

panda-analyze callstack_instr --marks 0x70616e64 --callers 0 --json --pandalog stacks.log --symbols symbols run.capnp >found
/usr/bin/python3 "$here/compare_stacks.py" said found || fail "stacks differ"
stacks=$(grep -c '"kind":"stack"' found)
[ "$(capnp decode "$repository/analyzers/pandalog/pandalog.capnp" Entry <stacks.log | grep -c 'callStack = ')" = "$stacks" ] ||
    fail "the pandalog has other stacks"
/usr/bin/python3 - <<'PYTHON' || fail "too many returns match no call"
import json
entries = [json.loads(line) for line in open("found")]
summary = entries[-1]
unmatched = summary["fresh"] + summary["before"] + summary["jumps"]
assert unmatched < summary["returns"] / 1000, summary
assert summary["matched"] + summary["redirected"] + unmatched == summary["returns"]
# Every mark is in mark(), by the symbols of both programs, at the line of its CPUID or right behind it.
stacks = [entry for entry in entries if entry["kind"] == "stack"]
assert {entry["function"] for entry in stacks} == {"mark"}
assert {entry["module"] for entry in stacks} == {"/tmp/stacks_static", "/tmp/stacks_pie"}
assert all(entry["file"].endswith("stacks.cc") for entry in stacks)
mains = [frame for entry in stacks for frame in entry["frames"] if frame.get("function") == "main"]
assert len(mains) > 100, len(mains)
print(f"ok: {unmatched} of {summary['returns']} returns match no call")
PYTHON
/usr/bin/python3 "$here/compare_names.py" said run.capnp symbols stacks_pie || fail "names differ"

# 32-bit programs, whose system calls are int 0x80 and, through the vdso, syscall or sysenter.
mkdir copy32
gcc -m32 -O1 -nostdlib -static -ffreestanding -fno-pie -no-pie -fno-stack-protector -fno-omit-frame-pointer \
    -fno-asynchronous-unwind-tables -fcf-protection=none -Wall -Wextra -Werror -o copy32/stacks32 "$here/stacks32.c"
for kernel in "$guest" "$("$repository/tools/guest/build.sh" --kernel linux-image-686)"; do
    panda-record -f -o run32.panda --guest "$kernel" --copy-in copy32:/tmp -- /tmp/stacks32 | tr -d '\r' >said32
    panda-replay --force --quiet --trace run32.capnp run32.panda
    panda-analyze callstack_instr --quiet --marks 0x70616e64 --callers 0 --json run32.capnp >found32
    grep -q '^marks: all of them' said32 || fail "the 32-bit program did not end"
    /usr/bin/python3 "$here/compare_stacks.py" said32 found32 || fail "stacks of a 32-bit program differ"
done

# A window with a mark in it, as a tree and as slices.
window=$(sed -n '20s/^{"kind":"stack","instr":\([0-9]*\),.*/\1/p' found)
panda-analyze calls --from $((window - 200000)) --to "$window" --symbols symbols run.capnp >tree
grep -q '^[0-9]*  *recurse \[stacks_static\]$' tree || fail "calls: $(head tree)"
grep -q '^--- stacks_static (' tree || fail "calls does not say who: $(head tree)"
panda-analyze calls --quiet --from $((window - 200000)) --to "$window" --symbols symbols --perfetto calls.json run.capnp
/usr/bin/python3 -c '
import json
events = [event for event in json.load(open("calls.json"))["traceEvents"] if event["ph"] == "X"]
assert any(event["name"] == "execute_cfa_program [stacks_static]" for event in events) and len(events) > 100, len(events)
stack = []
for event in sorted((one for one in events if one["tid"] == events[-1]["tid"]), key=lambda one: (one["ts"], -one["dur"])):
    while stack and stack[-1] <= event["ts"] + 1e-9:
        stack.pop()
    assert not stack or event["ts"] + event["dur"] <= stack[-1] + 1e-9, event
    stack.append(event["ts"] + event["dur"])' || fail "slices do not nest"

# From here on the programs alone, up to their last mark.
end=$(sed -n 's/^{"kind":"stack","instr":\([0-9]*\),.*/\1/p' found | tail -n 1)

# printstack finds mark() where callstack_instr does.
address=$(nm stacks_static | sed -n 's/ T mark$//p')
panda-analyze printstack --pc "0x$address" --count 3 --to "$end" --symbols symbols run.capnp >printed
[ "$(grep -c '^instr .*mark+0x0 \[stacks_static\] stacks.cc:' printed)" = 3 ] || fail "printstack: $(head -n 3 printed)"
grep -q '#[0-9]*  0x[0-9a-f]* main+0x[0-9a-f]* \[stacks_static\] stacks.cc:' printed || fail "no main in: $(cat printed)"

# fullstack: what recurse() stores when main() has called it.
main=$(panda-analyze printstack --pc "0x$address" --count 1 --to "$end" --json run.capnp)
/usr/bin/python3 - "$main" >tap_points.txt <<'PYTHON'
import json
import re
import subprocess
import sys

sample = json.loads(sys.argv[1])
code = subprocess.run(["objdump", "-d", "--disassemble=mark", "stacks_static"], check=True, capture_output=True, text=True).stdout
push = next(line for line in code.splitlines() if re.search(r"\tpush +%", line))
print(f"{int(sample['frames'][0]['return'], 16):x} {push.split(':')[0].strip()} {int(sample['asid'], 16):x}")
PYTHON
panda-analyze fullstack --quiet --no-names --to "$end" run.capnp >/dev/null
callers=$(/usr/bin/python3 -c '
import json, sys
print(*("%016x" % int(frame["return"], 16) for frame in json.loads(sys.argv[1])["frames"][:16]))' "$main")
[ "$(cut -d " " -f "1-$(wc -w <<<"$callers")" tap_callstacks.txt)" = "$callers" ] || fail "fullstack: $(cat tap_points.txt tap_callstacks.txt)"

# The hottest code of programs has names, and so does what wrote last to a variable.
panda-analyze blocks --user --top 30 --to "$end" --symbols symbols run.capnp >hot
grep -q 'execute_cfa_program+0x[0-9a-f]* \[' hot || fail "blocks names nothing: $(cat hot)"
variable=$(nm stacks_static | sed -n 's/ b sink$//p; s/ b _ZN12_GLOBAL__N_1L*4sinkE$//p')
instr=$(grep '"module":"/tmp/stacks_static"' found | tail -n 1 | sed 's/^{"kind":"stack","instr":\([0-9]*\),.*/\1/')
panda-analyze memory --last-write "0x$variable" --before "$instr" --symbols symbols run.capnp >written
grep -q 'recurse+0x[0-9a-f]* \[stacks_static\] stacks.cc:[0-9]*  store' written || fail "last write: $(cat written)"
echo "ok: printstack, blocks and memory print names"

# Each instruction counts once, and the program's own calls are in the paths.
panda-analyze profile --quiet --to "$end" --json --top 0 --by process --folded folded --flame-graph flame.svg --speedscope scope.json \
    --pprof profile.pb --symbols symbols run.capnp >functions
/usr/bin/python3 - "$end" <<'PYTHON' || fail "the profile is wrong"
import json
import sys
import xml.dom.minidom

lines = [json.loads(line) for line in open("functions")]
summary = lines[0]
told = summary["instructions"]
folded = [line.rsplit(" ", 1) for line in open("folded")]
# The last block may reach beyond the end.
assert 0 <= told - int(sys.argv[1]) < 1000, (told, sys.argv)
assert told == sum(int(count) for _, count in folded), (summary, told)
assert sum(line["self"] for line in lines[1:]) == told
assert summary["unnamed"] < told / 100, summary
static = [path.split(";") for path, _ in folded if path.startswith("stacks_static ")]
for calls in (["main [stacks_static]", "recurse [stacks_static]"] + ["recurse [stacks_static]"] * 20,
              ["raise [stacks_static]"], ["catcher [stacks_static]", "thrower [stacks_static]"],
              ["coroutine [stacks_static]", "recurse [stacks_static]", "mark [stacks_static]"]):
    assert any(path[i:i + len(calls)] == calls for path in static for i in range(len(path))), calls
assert any("entry_SYSCALL_64 [kernel]" in path or "entry_SYSCALL_64_after_hwframe [kernel]" in path for path in static)
svg = xml.dom.minidom.parse("flame.svg")
titles = [title.firstChild.data for title in svg.getElementsByTagName("title")]
assert any(title.startswith("recurse [stacks_static] (") for title in titles)
scope = json.load(open("scope.json"))
assert sum(profile["endValue"] for profile in scope["profiles"]) == told
print(f"ok: {told} instructions in {len(lines) - 1} functions and {len(folded)} paths")
PYTHON
rsvg-convert --width 1600 --output flame.png flame.svg
/usr/bin/python3 "$here/check_picture.py" flame.svg flame.png recurse main || fail "the flame graph does not look right"
