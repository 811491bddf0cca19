#!/bin/bash
# Tests introspection along a trace: panda-analyze osi must tell the processes, threads and programs that a workload in
# the guest says it began, each once, and the current process must be right at every block of user code. From a pipe
# too. usage: osi_events_test.sh BUILD [GUEST], a directory that tools/guest/build.sh made
. "$(dirname "$0")/common.sh"
guest=$(readlink -f "${2:-$build/libexec/panda/guest}")
architecture=$(sed -n 's/^architecture=//p' "$guest/build-info")
"$repository/tools/guest/compile.sh" "$architecture" workload "$repository/tests/guest/events/workload.c"
panda-record -o run.panda --guest "$guest" --copy-in workload:/tmp/ -- /tmp/workload >run.out || fail "the workload: exit status $?"
tr -d '\r' <run.out >said
panda-replay --quiet --trace run.capnp run.panda
compare() {
    /usr/bin/python3 "$repository/tests/guest/events/compare.py" said "$@" || fail "events differ: $*"
}
compare run.capnp
panda-kernelinfo "$guest/vmlinuz" >kernelinfo.conf
compare run.capnp --kconf kernelinfo.conf
# Without its key, task changes are told where the kernel stores the current task; nothing else changes.
sed '/^task.switch_task_hook_addr/d; /^#task.switch_task_hook_addr/d' kernelinfo.conf >unhooked.conf
compare run.capnp --kconf unhooked.conf
panda-analyze osi --on task-change --kconf kernelinfo.conf --json run.capnp | sed 's/"instr":[0-9]*,//' >hooked
panda-analyze osi --on task-change --kconf unhooked.conf --json run.capnp | sed 's/"instr":[0-9]*,//' >unhooked
cmp hooked unhooked || fail "with and without the hook other tasks run"
panda-analyze osi --on all --json run.capnp >file.json
panda-analyze osi --on all --json - <run.capnp >pipe.json
cmp file.json pipe.json || fail "a pipe gives other events than a file"
osi_agree run.capnp || fail "the current process is not the one whose address space is in force"

# asidstory must find the same processes, and its outputs must agree.
panda-analyze asidstory --json --pandalog story.log --perfetto story.json.gz run.capnp >story.json
/usr/bin/python3 - "$repository/analyzers/pandalog/pandalog.capnp" <<'PYTHON'
import gzip
import json
import subprocess
import sys

lines = [json.loads(line) for line in open("story.json")]
stories = [line for line in lines if line["kind"] == "process-story"]
running = [line for line in lines if line["kind"] == "running"]
forked = {int(line.split()[1]) for line in open("said") if line.startswith("fork")}
ran = {story["pid"] for story in stories}
assert forked <= ran, forked - ran
events = [json.loads(line) for line in open("file.json")]
changes = sum(event["kind"] == "task-change" for event in events)
assert sum(story["count"] for story in stories) == changes + 1, "each change of task is the start of a run"
end = max(story["end_instr"] for story in stories)
begin = min(story["start_instr"] for story in stories)
assert sum(story["instructions"] for story in stories) == end - begin, "somebody runs at any time"

decoded = subprocess.run(["capnp", "decode", sys.argv[1], "Entry"], stdin=open("story.log"), check=True,
                         capture_output=True, text=True).stdout
assert decoded.count("asidstory = ") == len(running) and decoded.count("processStory = ") == len(stories)

timeline = json.load(gzip.open("story.json.gz"))["traceEvents"]
slices = [event for event in timeline if event["ph"] == "X"]
assert len(slices) == sum(story["count"] for story in stories if story["pid"] != 0)
total = sum(event["dur"] for event in slices) * 1000
expected = sum(story["instructions"] for story in stories if story["pid"] != 0)
assert abs(total - expected) < 1, (total, expected)
assert {event["pid"] for event in slices} == ran - {0}
print(f"ok: {len(stories)} processes ran, {changes} changes, {len(slices)} slices")
PYTHON
panda-analyze asidstory --width 40 run.capnp >picture
grep -q '^ *workload [0-9]* \[.\{40\}\]$' picture || fail "no picture of the workload: $(tail -n 5 picture)"
