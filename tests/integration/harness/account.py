"""What a fault did, counted: numbered messages looked for at the other end, and the daemon's own
account of itself. What is counted is printed (pytest -rA shows it) and added to the file that the
environment's CHUNNELD_FAULTS_REPORT names."""

import os
import re
import time

from .daemon import assert_books
from .waiting import wait_until

# Resident memory of a build with sanitizers that holds nothing is 60 to 100 MiB; their quarantine
# adds up to 256.
_MOST_MEMORY_MIB = 700
# A call that blocks the loop blocks it for as long as the fault lasts, or for its time-out; a busy
# machine may keep a process waiting for seconds too. 100 ms is the limit of a
# release build on a quiet machine.
_MOST_LAG_MS = 8000
_CHANGING = re.compile(r"\d+")
_TROUBLE = re.compile(r"level=(warn|error) (.*)")


class Counts:
    """What became of one direction's numbers."""

    def __init__(self, sent, arrived):
        first = list(dict.fromkeys(arrived))
        self.sent, self.arrived = len(sent), len(arrived)
        self.missing = sorted(set(sent) - set(arrived))
        self.twice = len(arrived) - len(first)
        self.reordered = sum(before > after for before, after in zip(first, first[1:]))

    def __str__(self):
        return (f"sent {self.sent}, arrived {self.arrived}, missing {len(self.missing)},"
                f" twice {self.twice}, out of order {self.reordered}")


class Account:
    """One row of the catalogue of faults. `result` is its letter: N nothing lost and nothing twice,
    D duplicates of what was in flight, W also what was published while nobody was subscribed is
    missing, S the unsynced tail of the disk."""

    def __init__(self, row, result, question):
        self.row, self.result = row, result
        self.lines = [f"{row} [{result}] {question}"]

    def say(self, text):
        self.lines.append(f"    {text}")

    def injects(self, what):
        self.say(f"injected: {what}")

    def judge(self, way, sent, arrived, result=None, most_missing=0, most_twice=None):
        """Compares the numbers that were sent with those that arrived, as the row allows."""
        result = result or self.result
        counts = Counts(list(sent), list(arrived))
        self.say(f"{way}: {counts}")
        allowed = most_missing if result in "WS" else 0
        assert len(counts.missing) <= allowed, f"{way} lost {counts.missing[:20]}: {counts}"
        if result == "N":
            assert counts.twice == 0 and counts.reordered == 0, f"{way}: {counts}"
        if most_twice is not None:
            assert counts.twice <= most_twice, f"{way}: {counts}"
        return counts

    def daemon(self, daemon):
        """Its books, its memory, its loop and its log, at the end of the fault."""
        stats = daemon.newest()
        if stats is None:
            return
        assert_books(stats)
        for name, bridge in stats["bridges"].items():
            numbers = {key: value for key, value in bridge.items()
                       if isinstance(value, int) and value and not key.startswith("bytes")}
            gap = bridge["unsubscribed"]
            self.say(f"{daemon.config_file.stem} {name}: {numbers} unsubscribed {gap['count']}"
                     f" times, {gap['seconds']:.3f} s")
        peak, lag = daemon.peak_mib(), stats["loop_lag_ms"]["max"]
        told = _told(daemon.log())
        self.say(f"{daemon.config_file.stem}: at most {peak or 0:.0f} MiB, longest turn {lag} ms,"
                 f" {sum(told.values())} warnings of {len(told)} kinds")
        assert peak is None or peak <= _MOST_MEMORY_MIB, f"{peak} MiB"
        assert lag <= _MOST_LAG_MS, f"the loop stood still for {lag} ms"

    def finish(self):
        text = "\n".join(self.lines)
        print(text)
        if path := os.environ.get("CHUNNELD_FAULTS_REPORT"):
            with open(path, "a", encoding="utf-8") as report:
                report.write(text + "\n")


def _told(log):
    """How often each warning was told, numbers and times aside."""
    told = {}
    for line in log.splitlines():
        if found := _TROUBLE.search(line):
            words = _CHANGING.sub("#", found.group(2))
            told[words] = told.get(words, 0) + 1
    return told


def told_sparingly(log, most):
    """While one fault lasts, the same warning is told about once a minute."""
    for words, count in _told(log).items():
        assert count <= most, f"told {count} times: {words}"


def pause(seconds, still):
    """Lets a fault last for some seconds, and looks all the time whether `still()` holds: that the
    daemon lives and goes on."""
    end = time.monotonic() + seconds
    wait_until(lambda: still() and time.monotonic() >= end, f"{seconds} s of the fault",
               seconds + 60, every=0.05)
