#!/bin/bash
# Lifted blocks of programs that compute with integers, x87, SSE, AVX and AES, in 64 and 32 bits, with their kernel: what they
# do when they are run again is what the trace says and, for programs, what Unicorn makes of them; and rules that are wrong are
# found. usage: lift_test.sh BUILD [EXECUTIONS-BY-UNICORN [SEED]]
. "$(dirname "$0")/common.sh"
[ -x "$build/bin/panda-analyze-lift" ] || skip "built without LLVM"
mkdir tree
gcc -O2 -static -Wall -Wextra -Werror -o tree/floats "$repository/tests/guest/lift/floats.c" -lm
"$repository/tools/guest/compile.sh" i386 tree/floats32 "$repository/tests/guest/lift/floats.c" -lm || skip "cannot compile for i386"
panda-record --cpu max -o floats.panda --copy-in tree:/opt/ -- sh -c '/opt/tree/floats; /opt/tree/floats32' >out
grep -c '^tables' out | grep -qx 2 || fail "the programs did not do everything: $(cat out)"
panda-replay --quiet --registers --trace floats.capnp floats.panda
panda-analyze lift --quiet floats.capnp
panda-analyze lift --quiet --json --check floats.capnp >check.json || true
/usr/bin/python3 - check.json <<'END' || fail "lifted blocks: $(head -c 2000 check.json)"
import json, sys
found = json.load(open(sys.argv[1]))
share = found["checked"] / found["executions"]
print(f'{found["instructions"]} instructions, {100 * share:.3f} % of {found["executions"]} executions checked, '
      f'{found["mismatches"]} differ; not checked: {found["unchecked"]}')
sys.exit(found["mismatches"] != 0 or share < 0.995)
END
if command -v unicorn_witness >/dev/null; then
    seed=${3:-$RANDOM}
    unicorn_witness floats.capnp "$build/libexec/panda/helpers" "${2:-1000}" "$seed" || fail "Unicorn does something else, seed $seed"
fi
# The log of a window, read by a program of its own.
mkdir run
panda-analyze llvm_trace --quiet --base run --range 2500000:2600000 floats.capnp || fail "llvm_trace"
expect_complaint 'already exists' panda-analyze llvm_trace --quiet --base run --range 2500000:2600000 floats.capnp
/usr/lib/llvm-19/bin/llvm-dis -o run/module.ll run/llvm-mod.bc
panda-trace dump --json --blocks --memory --from 2500000 --to 2600000 floats.capnp >run/dump.json
read_log() {
    /usr/bin/python3 "$repository/tests/guest/lift/read_log.py" "$1" run/module.ll run/dump.json 2500000 2600000
}
read_log run/llvm-trace.log || fail "the log is not what the trace and the module say"
/usr/bin/python3 - run/llvm-trace.log run/wrong.log <<'END'
import sys
log = bytearray(open(sys.argv[1], "rb").read())
branches = [at for at in range(16, len(log), 16) if log[at] == 4]
log[branches[len(branches) // 2] + 1] ^= 1  # one branch the other way
open(sys.argv[2], "wb").write(log)
END
expect_status 1 read_log run/wrong.log
# The example of a pass, built as its README says.
# shellcheck disable=SC2046  # options
clang++-19 -shared -fPIC $(llvm-config-19 --cxxflags) -std=c++20 -o run/guest_instructions.so \
    "$repository/docs/examples/lifted_pass/guest_instructions.cc"
opt-19 -load-pass-plugin run/guest_instructions.so -passes=guest-instructions -disable-output run/llvm-mod.bc >run/pass
panda-trace dump --json --definitions floats.capnp >run/definitions.json
/usr/bin/python3 "$repository/tests/guest/lift/read_pass.py" run/pass run/definitions.json || fail "the example pass is wrong"
# The blocks of one function, which is where nm says, in both programs.
panda-analyze lift --quiet --json --symbol main --symbols tree floats.capnp >run/main.json
/usr/bin/python3 - run/main.json run/definitions.json tree/floats tree/floats32 <<'END' || fail "--symbol finds other blocks"
import json, subprocess, sys
ranges = []
for program in sys.argv[3:]:
    for line in subprocess.check_output(["nm", "-S", program], text=True).splitlines():
        if line.split()[-1] == "main":
            start, size = (int(word, 16) for word in line.split()[:2])
            ranges.append((start, start + size))
pcs = [int(json.loads(line)["pc"], 16) for line in open(sys.argv[2])]
wanted = sum(any(start <= pc < end for start, end in ranges) for pc in pcs)
found = json.load(open(sys.argv[1]))["blocks"]
print(f"--symbol main: {found} blocks, {wanted} by nm")
sys.exit(found != wanted or found == 0)
END
expect_complaint 'no such block' panda-analyze lift --quiet --symbol no_such_function floats.capnp
expect_complaint 'nothing is executed in this range' panda-analyze lift --quiet --check --range 99999999999: floats.capnp
last=$(panda-trace info --json floats.capnp | sed -n 's/.*"last_instr":\([0-9]*\).*/\1/p')
lift_wrong_rules floats.capnp "$build/libexec/panda/helpers" $((last / 2)) $((last / 2 + 300000)) || fail "a rule that is wrong was not found"
