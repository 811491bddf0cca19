#!/usr/bin/python3
"""Compares what panda-analyze osi says about a trace with what /proc said in the guest, line by line.

usage: compare_proc.py DUMP TRACE [OSI-OPTION...]

DUMP is the output of `population dump` (tests/guest/population), at whose end the trace ends. Every line of it must be
found in the trace and the other way round. What cannot agree is listed in EXCEPTIONS and counted. With --at among the
options it is a moment right before or after the witness looked, so that the witness and those that wait for it are there.
"""

import json
import re
import socket
import subprocess
import sys

EXCEPTIONS = {
    "witness": "the process that looked at /proc, and the shell that ran it, have ended or gone on since",
    "looking": "the witness's own memory and files change while it looks",
    "agent": "the guest's first process has run the witness, and reads its next command",
    "worker": "kernel workers come and go, and what they work on is part of their name",
    "ss": "ss's own sockets",
    "vsyscall": "[vsyscall] is a page of the kernel's that /proc/PID/maps adds",
}
used = dict.fromkeys(EXCEPTIONS, 0)
differences = []
compared = 0


def read_dump(path):
    """A dictionary from path to content, in the order of the dump; see population/dump.c."""
    data = open(path, "rb").read()
    records = {}
    at = 0
    while at < len(data):
        end = data.index(b"\n", at)
        name, size = data[at:end].rsplit(b" ", 1)
        start = end + 1
        records[name.decode()] = data[start:start + int(size)]
        at = start + int(size) + 1
    return records


def text(content):
    return content.decode("utf-8", "replace")


def osi(trace, options, *what):
    command = ["panda-analyze", "osi", *options, "--json", *what, trace]
    output = subprocess.run(command, capture_output=True, check=False)
    if output.returncode != 0 or output.stderr:
        sys.exit(f"{' '.join(command)}: {output.returncode} {text(output.stderr)}")
    return [json.loads(line) for line in output.stdout.splitlines()]


def check(where, guest, trace):
    global compared
    compared += 1
    if guest != trace:
        differences.append(f"{where}: the guest says {guest!r}, the trace {trace!r}")


def check_sets(where, guest, trace):
    """Compares two dictionaries."""
    for key in sorted(set(guest) | set(trace)):
        check(f"{where} {key}", guest.get(key), trace.get(key))


def status_of(content):
    return dict(line.split(":\t", 1) for line in text(content).splitlines() if ":\t" in line)


def escaped(name):
    """A text as proc_task_name() writes it."""
    return name.replace("\\", "\\\\").replace("\n", "\\n")


def without_work(title):
    return re.split("[-+]", title, maxsplit=1)[0] if title.startswith("kworker") else title


def stat_field(content, number):
    """A field of /proc/PID/stat, counted as in proc(5); the second one is in parentheses."""
    return int(content[content.rindex(b")") + 2:].split()[number - 3])


def texts(content):
    """The texts that each end with a zero."""
    if content == b"":
        return []
    return [text(part) for part in content.removesuffix(b"\0").split(b"\0")]


def mapping_lines(content):
    lines = []
    for line in text(content).splitlines():
        addresses, permissions, offset, _, _, *name = line.split(" ", 5)
        # After the inode there are blanks up to a column, and then a name in which only line ends are escaped.
        name = name[0].lstrip(" ") if name else ""
        if name == "[vsyscall]":
            used["vsyscall"] += 1
            continue
        start, end = (int(part, 16) for part in addresses.split("-"))
        lines.append((hex(start), hex(end), permissions, int(offset, 16), name))
    return lines


class Guest:
    """What the dump knows about one process. where: from where the witness looked at it."""

    def __init__(self, records, pid, where=""):
        self.pid = pid
        self.prefix = f"{where}/proc/{pid}/"
        self.records = {name[len(self.prefix):]: content for name, content in records.items()
                        if name.startswith(self.prefix)}
        self.status = status_of(self.records["status"])
        self.is_kernel = b"VmSize" not in self.records["status"] and self.records.get("maps", b"") == b""
        self.is_worker = self.status["Name"].startswith("kworker")

    def below(self, folder):
        return {name[len(folder) + 1:]: content for name, content in self.records.items()
                if name.startswith(folder + "/")}


def network_of(guest):
    return int(re.search(rb"\[(\d+)\]", guest.records["ns/net"]).group(1))


def compare_process(guest, process):
    where = f"process {guest.pid}"
    status = guest.status
    check(f"{where} name", without_work(status["Name"]), without_work(escaped(process["title"])))
    check(f"{where} parent", int(status["PPid"]), process["ppid"])
    check(f"{where} thread group", int(status["Tgid"]), process["tgid"])
    for name, real, effective in (("Uid", "uid", "euid"), ("Gid", "gid", "egid")):
        ids = status[name].split()
        check(f"{where} {real}", (int(ids[0]), int(ids[1])), (process.get(real), process.get(effective)))
    # Ticks of 10 ms since the boot.
    check(f"{where} start", stat_field(guest.records["stat"], 22), process["start_ns"] // 10_000_000)
    check(f"{where} arguments", texts(guest.records["cmdline"]), process["arguments"])
    # Processes without memory have none, or (since 6.16 and later stable kernels) no file to read.
    check(f"{where} environment", texts(guest.records.get("environ", b"")), process["environment"])
    check(f"{where} cwd", text(guest.records["cwd"]) if "cwd" in guest.records else None, process.get("cwd"))
    check(f"{where} root", text(guest.records["root"]) if "root" in guest.records else None, process.get("root"))
    links = {name: int(re.search(rb"\[(\d+)\]", content).group(1)) for name, content in guest.below("ns").items()}
    check_sets(f"{where} namespace", links, process.get("ns", {}))
    if "NSpid" in status:
        check(f"{where} namespaces' pids", [int(pid) for pid in status["NSpid"].split()], process.get("nspid"))
    check(f"{where} exe", text(guest.records["exe"]) if "exe" in guest.records else None, process.get("exe"))
    threads = {int(name.split("/")[0]): status_of(content)["Name"] for name, content in guest.below("task").items()}
    check_sets(f"{where} thread", {tid: without_work(name) for tid, name in threads.items()},
               {thread["tid"]: without_work(escaped(thread["name"])) if len(threads) > 1 or not guest.is_kernel
                else without_work(escaped(process["title"])) for thread in process["threads"]})


def compare_maps(guest, mappings):
    found = [(m["start"], m["end"], m["permissions"], int(m["offset"], 16), m["name"].replace("\n", "\\012"))
             for m in mappings]
    expected = mapping_lines(guest.records.get("maps", b""))
    check(f"process {guest.pid} number of mappings", len(expected), len(found))
    for number, (line, mapping) in enumerate(zip(expected, found)):
        check(f"process {guest.pid} mapping {number}", line, mapping)


def compare_files(guest, files):
    names = {int(fd): text(content) for fd, content in guest.below("fd").items()}
    positions = {int(fd): int(re.match(rb"pos:\t(\d+)", content).group(1))
                 for fd, content in guest.below("fdinfo").items()}
    check_sets(f"process {guest.pid} file", names, {file["fd"]: file["name"] for file in files})
    check_sets(f"process {guest.pid} position", positions, {file["fd"]: file["position"] for file in files})


def compare_modules(content, modules):
    expected = {}
    for line in text(content).splitlines():
        name, size, _, _, _, address, *_ = line.split()
        expected[name] = (int(size), int(address, 16))
    check_sets("module", expected, {m["name"]: (m["size"], int(m["base"], 16)) for m in modules})


def from_inside(root, name):
    """A path of the outside, as one whose root directory is `root` sees it."""
    return name[len(root):] or "/" if name == root or name.startswith(root + "/") else name


def compare_containers(records, processes, mappings, files):
    """What the guest's containers see of themselves."""
    names = {match.groups() for name in records if (match := re.match(r"(inside/(\d+))/proc/(\d+)/status$", name))}
    containers = {first for _, first, _ in names}
    for where, first, pid in sorted(names):
        guest = Guest(records, int(pid), where)
        if guest.status["Name"] == "population" or guest.status["State"].startswith("Z"):
            continue  # the witness itself, and what has no namespaces any more
        namespace = processes[int(first)]["ns"]["pid"]
        same = [p for p in processes.values() if p.get("ns", {}).get("pid") == namespace and p["nspid"][-1] == int(pid)]
        check(f"{where} process {pid}", 1, len(same))
        process = same[0]
        root = process["root"]
        check(f"{where} process {pid} name", guest.status["Name"], process["title"])
        check(f"{where} process {pid} NSpid", guest.status["NSpid"].split(), [pid])
        for link in ("exe", "cwd", "root"):
            check(f"{where} process {pid} {link}", text(guest.records[link]), from_inside(root, process[link]))
        found = [(m["start"], m["end"], m["permissions"], int(m["offset"], 16), from_inside(root, m["name"]))
                 for m in mappings[process["pid"]]]
        check(f"{where} process {pid} mappings", mapping_lines(guest.records["maps"]), found)
        check_sets(f"{where} process {pid} file", {int(fd): text(content) for fd, content in guest.below("fd").items()},
                   {file["fd"]: from_inside(root, file["name"]) for file in files[process["pid"]]})
    print(f"containers: {len(containers)}, {len(names)} processes seen from inside")
    check("containers", True, len(containers) >= 2)


STATES = {1: "ESTAB", 2: "SYN-SENT", 3: "SYN-RECV", 4: "FIN-WAIT-1", 5: "FIN-WAIT-2", 6: "TIME-WAIT", 7: "UNCONN",
          8: "CLOSE-WAIT", 9: "LAST-ACK", 10: "LISTEN", 11: "CLOSING"}


def inet_end(end, wildcard):
    """An address and port as /proc/net has them: words of the address in the processor's order, in hexadecimal."""
    address, port = end.split(":")
    words = bytes.fromhex(address)
    data = b"".join(words[at:at + 4][::-1] for at in range(0, len(words), 4))
    name = socket.inet_ntop(socket.AF_INET if len(data) == 4 else socket.AF_INET6, data)
    name = f"[{name}]" if ":" in name else name
    if wildcard and not any(data):
        name = "*"
    return f"{name}:{int(port, 16) or '*'}"


def inet_sockets(records):
    for name in ("tcp", "tcp6", "udp", "udp6", "raw"):
        for line in text(records.get(f"/proc/net/{name}", b"")).splitlines()[1:]:
            fields = line.split()
            send, receive = (int(part, 16) for part in fields[4].split(":"))
            state = STATES[int(fields[3], 16)]
            yield int(fields[9]), {
                "netid": name.removesuffix("6"), "state": state, "ends": (fields[1], fields[2]),
                "receive_queue": receive, **({} if state == "LISTEN" else {"send_queue": send})}


def other_sockets(records):
    for line in text(records["/proc/net/unix"]).splitlines()[1:]:
        fields = re.split(" +", line, maxsplit=7)
        listens = int(fields[3], 16) & 0x10000 != 0
        # What an abstract name has zeros for, /proc and ss write as @.
        yield int(fields[6]), {"netid": {1: "u_str", 2: "u_dgr", 5: "u_seq"}[int(fields[4], 16)],
                               "listens": listens, "local": fields[7] if len(fields) > 7 else "*"}
    for line in text(records["/proc/net/netlink"]).splitlines()[1:]:
        fields = line.split()
        yield int(fields[9]), {"netid": "nl", "protocol": int(fields[1]), "port": int(fields[2]),
                               "receive_queue": int(fields[4]), "send_queue": int(fields[5])}
    for line in text(records.get("/proc/net/packet", b"")).splitlines()[1:]:
        fields = line.split()
        yield int(fields[8]), {"netid": {2: "p_dgr", 3: "p_raw"}[int(fields[2])], "packet": int(fields[3], 16),
                               "bound": int(fields[4]) != 0, "receive_queue": int(fields[6])}


def kind_of(entry):
    """What a socket without an inode is known by."""
    ends = entry.get("ends")
    if ends:
        return entry["netid"], entry["state"], *(inet_end(end, True) for end in ends)
    if entry["netid"] == "nl":
        return "nl", entry["protocol"], entry["port"]
    return entry["netid"], entry["local"]


def found_kind_of(entry):
    if entry["netid"] in ("tcp", "udp"):
        return entry["netid"], entry["state"], *(re.sub(r"^(0\.0\.0\.0|\[::\]):", "*:", entry[end]) for end in ("local", "peer"))
    if entry["netid"] == "nl":
        return "nl", entry["protocol"], int(entry["local"].split(":")[1].replace("kernel", "0"))
    return entry["netid"], entry["local"]


def compare_sockets(records, found):
    """What /proc/net says about the sockets of the witness's network namespace, whichever process has them open."""
    every = [*inet_sockets(records), *other_sockets(records)]
    told = {inode: expected for inode, expected in every if inode != 0}
    kinds = {}
    nobodys = []
    for entry in found:
        kinds[entry["netid"]] = kinds.get(entry["netid"], 0) + 1
        if entry["inode"] == 0:
            nobodys.append(found_kind_of(entry))
            continue
        where, expected = f"socket {entry['inode']}", told.pop(entry["inode"], None)
        if expected is None:
            # Those that were never bound or connected are in no table; the witness's own come and go.
            check(f"{where} is in no table", True, entry["state"] == "UNCONN" and entry["local"].endswith(("*", ":kernel")))
            continue
        if "ends" in expected:
            wildcard = entry["local"].startswith("*") or entry["peer"].startswith("*")
            local, peer = (inet_end(end, wildcard) for end in expected.pop("ends"))
            check(f"{where} ends", (local, peer), (entry["local"], entry["peer"]))
        if "listens" in expected:
            check(f"{where} listens", expected.pop("listens"), entry["state"] == "LISTEN")
        if "port" in expected:
            port = expected.pop("port")
            check(f"{where} port", str(port or "kernel"), entry["local"].split(":")[1])
        if "packet" in expected:
            protocol, bound = expected.pop("packet"), expected.pop("bound")
            check(f"{where} bound", (f"[{protocol}]" if protocol != 3 else "*", bound),
                  (entry["local"].split(":")[0], entry["local"].split(":")[1] != "*"))
        check_sets(where, expected, {key: entry[key] for key in expected})
    check("sockets that the trace does not have", {}, told)
    check("sockets without an inode", sorted(kind_of(expected) for inode, expected in every if inode == 0), sorted(nobodys))
    print(f"sockets: {', '.join(f'{count} {kind}' for kind, count in sorted(kinds.items()))}; "
          f"{len(nobodys)} without an inode")
    check("kinds of sockets", True, {"tcp", "udp", "raw", "u_str", "u_dgr", "u_seq", "nl"} <= set(kinds))
    check("kinds of sockets of nobody", True, {"tcp", "u_str"} <= {kind for kind, *_ in nobodys})


def ss_line(entry):
    """A socket as ss has it: unix peers by their number alone, netlink numbers with a sign, and no queues where ss itself
    changes them."""
    if entry["netid"] == "nl":
        port = int(entry["local"].split(":")[1].replace("kernel", "0"))
        return f"nl {entry['protocol']}:{port - ((port & 0x80000000) << 1)}"
    local, peer = entry["local"], entry["peer"]
    if entry["family"] == "unix":
        local, peer = f"{local} {entry['inode']}", f"* {entry.get('peer_inode', 0)}"
    line = f"{entry['netid']} {entry['state']} {entry['receive_queue']} {entry['send_queue']} {local} {peer}"
    users = sorted(f'("{user["name"]}",pid={user["pid"]},fd={user["fd"]})' for user in entry.get("users", []))
    return line + (f" users:({','.join(users)})" if users else "")


def told_by_ss(line):
    """A line of ss in the same form. It does not know its own name for what it asked for as raw."""
    line = re.sub(r"^\?\?\?", "raw", " ".join(line.split()))
    if match := re.match(r"nl UNCONN \d+ \d+ (\S+)", line):
        return f"nl {match.group(1)}"
    start, *users = line.split(" users:(")
    return start + (f" users:({','.join(sorted(re.findall(r'[(][^()]*[)]', users[0])))})" if users else "")


def compare_ss(records, found):
    """What ss itself has printed, line by line, but for its own sockets."""
    if "/tmp/ss" not in records:
        return
    # For those that listen to groups it has two lines.
    theirs = {told_by_ss(line) for line in text(records["/tmp/ss"]).splitlines()}
    # The kernel does not tell ss of connections that were not accepted yet, and has sockets that were never bound in no table.
    ours = {ss_line(entry) for entry in found if entry["family"] != "unix" or entry["inode"] != 0}
    ours = {line for line in ours if not re.match(r"(tcp|udp) UNCONN 0 0 (0\.0\.0\.0|\*):\* ", line)}
    own = {line for line in theirs - ours if line.startswith("nl 4:")}
    used["ss"] = len(own)
    check("lines that only ss has", [], sorted(theirs - own - ours))
    check("lines that only the trace has", [], sorted(ours - theirs))
    print(f"ss: {len(theirs)} sockets")


def by_pid(lines):
    groups = {}
    for line in lines:
        groups.setdefault(line["pid"], []).append(line)
    return groups


def main():
    dump, trace, *options = sys.argv[1:]
    looking = "--at" in options
    records = read_dump(dump)
    witness = {int(pid) for pid in records["witness"].split()}
    guests = {}
    for name in records:
        if match := re.fullmatch(r"/proc/(\d+)/status", name):
            guests[int(match.group(1))] = Guest(records, int(match.group(1)))
    processes = {p["pid"]: p for p in osi(trace, options, "--threads", "--args", "--env")}
    mappings = by_pid(osi(trace, options, "--maps"))
    files = by_pid(osi(trace, options, "--files"))
    for pid in sorted(set(guests) | set(processes)):
        guest, process = guests.get(pid), processes.get(pid)
        if pid in witness - {1} and not looking:
            used["witness"] += 1
        elif guest is None and process["name"].startswith("kworker") or \
                process is None and guest.is_worker:
            used["worker"] += 1
        elif guest is None or process is None:
            check(f"process {pid}", guest and guest.status["Name"], process and process["name"])
        else:
            compare_process(guest, process)
            if pid == 1 and not looking:
                used["agent"] += 1
                continue
            if pid == int(records["witness"].split()[0]):
                used["looking"] += 1
                continue
            compare_maps(guest, mappings.get(pid, []))
            compare_files(guest, files.get(pid, []))
    # What threads have that outlive the first one, /proc has below task, where the dump does not look.
    own = [file for file in osi(trace, options, "--files", "--threads") if "tid" in file]
    headless = [pid for pid, guest in guests.items() if guest.status["Name"] == "headless"]
    check("threads with files of their own", True, not headless or bool(own) and all(f["pid"] in headless for f in own))
    compare_containers(records, processes, mappings, files)
    sockets = osi(trace, options, "--sockets")
    network = next(network_of(guest) for guest in guests.values() if guest.pid in witness)
    compare_sockets(records, [entry for entry in sockets if entry["netns"] == network])
    compare_ss(records, sockets)
    compare_modules(records["/proc/modules"], osi(trace, options, "--modules"))
    for difference in differences[:40]:
        print(difference)
    for name, count in used.items():
        if count:
            print(f"excepted: {count} x {name}: {EXCEPTIONS[name]}")
    print(f"{len(processes)} processes, {sum(map(len, mappings.values()))} mappings, "
          f"{sum(map(len, files.values()))} files: {compared} comparisons, {len(differences)} differ")
    if differences or compared < 1000:
        sys.exit(1)


main()
