#!/bin/bash
# Tests coverage. Lines must be those that gcov counts in the same run of a program compiled for it, instructions those that
# QEMU's own plugin execlog logs of the same replay, and drcov files must open in a reader of their own.
. "$(dirname "$0")/common.sh"
here=$repository/tests/guest/coverage
qemu=$build/libexec/panda/qemu

# One program counts its own lines, and its twin, which runs right after it, is the one that is looked at: gcov's counters are
# code of lines that did not run, too.
gcc -O0 -g --coverage -fprofile-update=single -static -Wall -o counted "$here/covered.c"
gcc -O0 -g -static -Wall -o covered "$here/covered.c"
mkdir -p copy
cp counted covered copy/
cat >copy/run <<'SCRIPT'
export GCOV_PREFIX=/tmp/counts GCOV_PREFIX_STRIP=100
/opt/copy/counted "$@"
/opt/copy/covered "$@"
echo "counts $(base64 /tmp/counts/*.gcda | tr -d '\n')"
SCRIPT
for argument in x y; do
    panda-record --force -o "$argument.panda" --copy-in copy:/opt/copy -- sh /opt/copy/run "$argument" >"$argument.out"
    panda-replay --quiet --trace "$argument.capnp" "$argument.panda"
done

sed -n 's/^counts //p' x.out | tr -d '\r' | base64 -d >counted-covered.gcda
gcov -o . counted-covered.gcda >gcov.out 2>&1 || fail "gcov: $(cat gcov.out)"
panda-analyze coverage --quiet --process-name covered --symbols copy --lcov covered.info --listing listing --drcov covered.drcov x.capnp
/usr/bin/python3 "$here/compare_lines.py" covered.c.gcov covered.info covered.c || fail "lines differ"
grep -q '^ *#####: *[0-9]*: *return value \* 2;$' listing || fail "the listing has no lines that did not run"

# The file has the blocks that the program's JSON has, and none of a function that did not run.
panda-analyze coverage --quiet --mode osi-block --process-name covered --json x.capnp >blocks.json
/usr/bin/python3 - "$here" "0x$(nm covered | sed -n 's/ t never$//p')" "0x$(nm covered | sed -n 's/ t factorial$//p')" <<'PYTHON' || fail "drcov"
import json
import sys

sys.path.insert(0, sys.argv[1])
import read_drcov

modules, blocks = read_drcov.read("covered.drcov")
never, factorial = (int(text, 16) for text in sys.argv[2:])
expected = set()
for line in open("blocks.json"):
    block = json.loads(line)
    if "module" in block:
        expected.add((block["module"], int(block["pc"], 16), block["size"]))
found = {(modules[module][2], modules[module][0] + start, size) for module, start, size in blocks}
assert expected and expected <= found, expected - found
assert all(path.startswith("[0x") for path, _, _ in found - expected), found - expected
assert {path for path, _, _ in found} >= {"/opt/copy/covered", "kernel"}
starts = {start for path, start, _ in found if path == "/opt/copy/covered"}
assert factorial in starts and never not in starts
print(f"ok: {len(blocks)} blocks in {len(modules)} modules")
PYTHON

# Only one of two runs adds to the total. The other one jumps past that, into what is one block for the first.
panda-analyze coverage --quiet --process-name covered --module covered --privilege user --against y.capnp x.capnp >difference
main=$(nm -S covered | sed -n 's/^[0-9a-f]*\([0-9a-f]\{4\}\) \([0-9a-f]*\) T main$/\1 \2/p')
# In main alone: an interrupt cuts a block in two, wherever it comes in the C library.
# shellcheck disable=SC2086
/usr/bin/python3 - $main <<'PYTHON' || fail "the difference: $(cat difference)"
import csv
import sys

start, size = (int(text, 16) for text in sys.argv[1:])
main = range(start, start + size)
code = {"1": set(), "2": set()}
for row in csv.DictReader(open("difference")):
    start = int(row["offset"], 16)
    if start in main:
        code[row["run"]].update(range(start, start + int(row["block size"])))
assert 0 < len(code["1"] - code["2"]) < 100 and code["2"] <= code["1"], code
PYTHON

# Edges are between blocks that ran.
panda-analyze coverage --quiet --mode edge --process-name covered --privilege user x.capnp >edges
panda-analyze coverage --quiet --mode osi-block --process-name covered --privilege user x.capnp >blocks
/usr/bin/python3 - <<'PYTHON' || fail "edges"
import csv
blocks = open("blocks").read().split("\n", 1)
assert blocks[0] == "process"
ran = {(row["block address"], row["block size"]) for row in csv.DictReader(blocks[1].splitlines())}
edges = {((row["from pc"], row["from size"]), (row["to pc"], row["to size"])) for row in csv.DictReader(open("edges"))}
reached = {to for _, to in edges}
assert {one for edge in edges for one in edge} <= ran and len(ran - reached) <= 1, (len(ran), len(reached))
print(f"ok: {len(edges)} edges between {len(ran)} blocks")
PYTHON

# QEMU's plugin logs each instruction of the same replay. The last ones may be missing.
source=$(echo "${PANDA_CACHE:-$HOME/.cache/panda}"/qemu-source-*/qemu_*.orig.tar.xz)
[ -e "$source" ] || skip "QEMU's source is not in the cache: execlog is not compared"
tar -xJf "$source" --wildcards --strip-components=3 '*/contrib/plugins/execlog.c'
# shellcheck disable=SC2046
gcc -O2 -shared -fPIC $(pkg-config --cflags glib-2.0) -I"$qemu/sdk/src/include/qemu" execlog.c -o execlog.so
cat >logged-qemu <<END
#!/bin/sh
exec "$(realpath "$qemu/bin/qemu-system-x86_64")" "\$@" -plugin "$scratch/execlog.so" -d plugin -D "$scratch/log"
END
chmod +x logged-qemu
panda-replay --quiet --qemu ./logged-qemu --stop-at 400000 --trace logged.capnp x.panda
panda-analyze coverage --quiet --mode instruction logged.capnp >instructions
panda-trace dump --events --json logged.capnp >events
/usr/bin/python3 "$here/compare_log.py" log instructions events || fail "execlog saw something else"
