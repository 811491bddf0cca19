#!/usr/bin/python3
"""meanwhile.py on made-up readings, and on this machine while a process that nobody waits for keeps a processor busy."""
import os
import signal
import time

import meanwhile


def made_up(clock, ticks, own):
    """ticks: what /proc/stat says, from user to steal."""
    reading = meanwhile.Reading("cpu " + " ".join(str(count) for count in ticks) + " 0 0\ncpu0 1 2 3\n")
    reading.clock, reading.own = clock, own
    return reading


def check_arithmetic():
    second = meanwhile.TICKS
    start = made_up(100, [5 * second, 0, 0, 0, 0, 0, 0, 0], 1.0)
    # Of 20 processor seconds: 7.5 used, of which 7 by this process; idle time and waiting count for nobody.
    quiet = made_up(110, [int(9.5 * second), second, second, 10 * second, second, second // 2, second // 2, 0], 8.0)
    others = meanwhile.Meanwhile(start).end(quiet, 2)
    assert abs(others["seconds"] - 0.5) < 0.05 and not others["much"], others
    assert meanwhile.sentence(others) == "Meanwhile others used 0.5 s of processor time: 2.5% of the machine.", others
    busy = made_up(110, [15 * second, 0, 0, 0, 0, 0, 0, 2 * second], 2.0)
    others = meanwhile.Meanwhile(start).end(busy, 2)
    assert abs(others["seconds"] - 9) < 0.05 and abs(others["share"] - 0.55) < 0.01 and others["much"], others
    said = meanwhile.sentence(others)
    assert "9.0 s of processor time, and the host took 2.0 s: 55.0%" in said and "MUCH" in said, said


def check_here():
    watched = meanwhile.Meanwhile()
    other = os.fork()
    if other == 0:
        while True:
            pass
    try:
        time.sleep(1)
        with open(f"/proc/{other}/stat", encoding="ascii") as file:
            used = sum(int(word) for word in file.read().rsplit(")", 1)[1].split()[11:13]) / meanwhile.TICKS
        others = watched.end()
    finally:
        os.kill(other, signal.SIGKILL)
        os.waitpid(other, 0)
    # A tick or two may be on either side.
    assert used > 0 and others["seconds"] > used - 0.05, (used, others)


check_arithmetic()
check_here()
