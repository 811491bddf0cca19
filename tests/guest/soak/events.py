"""Records a machine that sleeps (S3), is woken, and gets a corrected and then a fatal machine check, all by the monitor.

usage: events.py GUEST INITRD
panda-record is on PATH. What the guest prints is in recorded.txt, and the recording is events.panda.
"""

import subprocess
import sys
import time

from monitor import Monitor

# Bank 4 of processor 0: status (valid; corrected, or uncorrected with its context lost), state, address, more.
CORRECTED = "mce 0 4 0x9400000000000151 0 0x12345000 0"
FATAL = "mce 0 4 0xbe00000000000151 5 0x12345000 0x86"


def wait_for(what, seconds, happened):
    for _ in range(seconds * 5):
        if happened():
            print(what, flush=True)
            return
        time.sleep(0.2)
    raise SystemExit(f"not {what} after {seconds} s")


def printed(text):
    with open("recorded.txt", errors="replace") as output:
        return text in output.read()


def main():
    guest, initrd = sys.argv[1:]
    command = ["panda-record", "-f", "-o", "events.panda", "--vm", "--", "-M", "q35", "-m", "256M", "-nodefaults",
               "-display", "none", "-serial", "file:recorded.txt", "-kernel", f"{guest}/vmlinuz", "-initrd", initrd,
               "-append", "console=ttyS0 panda.mode=boot quiet", "-qmp", "unix:monitor,server=on,wait=off"]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL) as process:
        try:
            monitor = Monitor("monitor", process)
            wait_for("asleep", 600, lambda: monitor.execute("query-status")["status"] == "suspended")
            monitor.execute("system_wakeup")
            wait_for("awake", 600, lambda: printed("awake"))
            monitor.execute("human-monitor-command", **{"command-line": CORRECTED})
            wait_for("told of the corrected error", 600, lambda: printed("corrected error seen"))
            monitor.execute("human-monitor-command", **{"command-line": FATAL})
            wait_for("stopped by the fatal error", 600, lambda: printed("end Kernel panic"))
            monitor.execute("end_record")
            monitor.execute("quit")
            process.wait(timeout=60)
        finally:
            if process.poll() is None:
                process.kill()


main()
