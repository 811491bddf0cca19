#!/bin/bash
# The processes that panda-analyze osi finds in a trace must be those that ps printed in the guest.
. "$(dirname "$0")/common.sh"
guest=$build/libexec/panda/guest
panda-record -o ps.panda -- sh -c 'sleep 1000 & sleep 2000 & ps -o pid,ppid,comm' >ps.out
panda-replay --quiet --trace ps.capnp ps.panda
panda-kernelinfo "$guest/vmlinuz" >kernelinfo.conf
panda-analyze osi --kconf kernelinfo.conf --json ps.capnp >osi.json
/usr/bin/python3 - <<'PYTHON'
import json

listed = {}
for line in open("ps.out").read().splitlines()[1:]:
    pid, ppid, name = line.split(None, 2)
    listed[int(pid)] = (int(ppid), name)
found = {}
for line in open("osi.json"):
    process = json.loads(line)
    if "pid" in process:
        found[process["pid"]] = (process["ppid"], process["name"])

# ps itself and the command's shell have ended when the recording does.
ended = {pid for pid, (_, name) in listed.items() if name in ("ps", "sh")}
missing = set(listed) - set(found) - ended
extra = set(found) - set(listed)
assert not missing and not extra, f"missing {missing}, too many {extra}"
assert sum(name == "sleep" for _, name in found.values()) == 2
for pid in set(listed) & set(found):
    # /proc adds the work that a kworker is doing to its name. Orphans have been given to init since.
    name = listed[pid][1].split("-")[0] if listed[pid][1].startswith("kworker") else listed[pid][1]
    assert found[pid][1].startswith(name[:15]), (pid, listed[pid], found[pid])
    assert found[pid][0] in (listed[pid][0], 1), (pid, listed[pid], found[pid])
print(f"ok: {len(found)} processes, kernel threads included")
PYTHON
