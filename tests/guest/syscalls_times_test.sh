#!/bin/bash
# panda-analyze syscalls -ttt -T must tell the times that strace tells in the guest. strace looks a little later, as soon as it
# gets to run, and a call lasts longer with it than it says, because it stops the program at the call's end.
. "$(dirname "$0")/common.sh"
# Further arguments are for panda-record, for example --guest DIRECTORY for another kernel.
[ $# -eq 0 ] || shift
add_strace
cat >tree/run <<'GUEST'
#!/bin/sh
cd /tmp
/opt/tree/traced -f -ttt -T -o /tmp/out \
    sh -c 'sleep 0.3; ls -l /proc/self; (sleep 0.1; echo done) | cat; md5sum /bin/busybox; date; sleep 1' >/dev/null 2>&1 </dev/null
cat /tmp/out
echo "=== end"
GUEST
chmod +x tree/run
panda-record "$@" -m 512M -o times.panda --copy-in tree:/opt/ -- /opt/tree/run >out
tr -d '\r' <out >strace.out
grep -q '^=== end' strace.out || fail "the programs did not end"
panda-replay --quiet --trace times.capnp times.panda
panda-analyze syscalls --quiet -ttt -T times.capnp >ours
/usr/bin/python3 - <<'PYTHON' || fail "times differ"
import re
import statistics

INTERRUPT = 0.004  # seconds between timer interrupts
LATE = 0.1         # seconds after which strace certainly has run


def read(path):
    """{task: [(time of its beginning, name, seconds spent or None)]}"""
    calls, begun = {}, {}
    for line in open(path, errors="replace"):
        match = re.match(r"(\d+) +(\d+\.\d{6}) (<\.\.\. )?(\w+)(.*)", line)
        if not match:
            continue
        task, time, resumed, name, rest = match.groups()
        spent = re.search(r"<(\d+\.\d{6})>$", rest)
        start = begun.pop(task, float(time)) if resumed else float(time)
        if "<unfinished ...>" in rest:
            begun[task] = start
        else:
            calls.setdefault(task, []).append((start, name, float(spent.group(1)) if spent else None))
    return calls


ours, theirs = read("ours"), read("strace.out")
starts, spans = [], []
for task, calls in theirs.items():
    mine = ours[task]
    # What the task did before strace looked at it.
    mine = mine[len(mine) - len(calls):]
    for (start, name, spent), (other_start, other_name, other_spent) in zip(mine, calls):
        if name != other_name:
            raise SystemExit(f"task {task}: {name} here, {other_name} there")
        starts.append(other_start - start)
        if spent is not None and other_spent is not None:
            spans.append(other_spent - spent)
print(f"{len(starts)} calls: they begin {min(starts):.6f} to {max(starts):.6f} s before strace's times, "
      f"{statistics.median(starts):.6f} in the middle; "
      f"they last {min(spans):.6f} to {max(spans):.6f} s less, {statistics.median(spans):.6f} in the middle")
if len(starts) < 100 or min(starts) < -2 * INTERRUPT or max(starts) > LATE:
    raise SystemExit("the calls begin at other times")
if min(spans) < -LATE or max(spans) > 2 * INTERRUPT:
    raise SystemExit("the calls last for other times")
if max(abs(statistics.median(starts)), abs(statistics.median(spans))) > INTERRUPT:
    raise SystemExit("the times differ on the whole")
PYTHON
