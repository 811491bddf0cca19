"""What else used the processors while a benchmark ran: one process left over from something else can double a figure."""
import os
import resource
import sys
import time

# Above this share of the machine's processor time, figures are not to be believed.
MUCH = 0.05

TICKS = os.sysconf("SC_CLK_TCK")


class Reading:
    """The clock, what all processes have used since the machine started, and what this one and its children have.

    Children count when they have ended and were waited for, so a reading is taken when none is left.
    """

    def __init__(self, stat=None):
        self.clock = time.monotonic()
        if stat is None:
            with open("/proc/stat", encoding="ascii") as file:
                stat = file.read()
        # cpu user nice system idle iowait irq softirq steal guest guest_nice, in ticks; a guest's time is in user's.
        user, nice, system, _, _, irq, softirq, steal = (int(word) / TICKS for word in stat.split("\n")[0].split()[1:9])
        self.all = user + nice + system + irq + softirq
        self.stolen = steal
        self.own = 0.0
        for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN):
            usage = resource.getrusage(who)
            self.own += usage.ru_utime + usage.ru_stime


class Meanwhile:
    """Made when measuring starts; end() when it has ended."""

    def __init__(self, start=None):
        self.start = start or Reading()

    def end(self, now=None, processors=None):
        """{"seconds": processor time of others, "stolen": by other machines on this host, "share": of all, "much": bool}"""
        now = now or Reading()
        available = (now.clock - self.start.clock) * (processors or os.cpu_count())
        # The kernel counts in ticks, so others can seem to have used a little less than nothing.
        others = max(0.0, now.all - self.start.all - (now.own - self.start.own))
        stolen = now.stolen - self.start.stolen
        share = (others + stolen) / available if available > 0 else 0.0
        return {"seconds": others, "stolen": stolen, "share": share, "much": share > MUCH}


def sentence(others):
    """What end() gave, for people."""
    text = f"Meanwhile others used {others['seconds']:.1f} s of processor time"
    if others["stolen"] >= 0.05:
        text += f", and the host took {others['stolen']:.1f} s"
    text += f": {100 * others['share']:.1f}% of the machine."
    if others["much"]:
        text += " That is MUCH: do not believe these figures, measure again on a quiet machine."
    return text


def warn(others):
    """For output that programs read: the sentence goes to standard error, and only when others used much."""
    if others["much"]:
        print(sentence(others), file=sys.stderr)
