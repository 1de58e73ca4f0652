"""What a fault did, counted: numbered messages looked for at the other end, and the daemon's own
account of itself. What is counted is printed (pytest -rA shows it) and added to the file that the
environment's CHUNNELD_FAULTS_REPORT names."""

import datetime
import os
import re
import time

from .daemon import assert_books, is_sanitized
from .waiting import wait_until

# Resident memory of a build with sanitizers that holds nothing is 60 to 100 MiB; their quarantine
# adds up to 256.
_SANITIZED_MIB = 700
# Of a release build: what it has beside the buffers, among it what is on its way to a disk (88 MiB).
_BESIDE_BUFFERS_MIB = 96
_BUFFER = "64MiB"  # of a bridge that says nothing else
_UNITS = {"": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "KB": 10**3, "MB": 10**6,
          "GB": 10**9}
# A turn of a release build, without the time in which the machine gave the loop no processor. With
# sanitizers it is printed; only a call that blocks the loop, for as long as the fault lasts or for
# its time-out, takes that long there.
_TURN_MS = 100
_SANITIZED_TURN_MS = 8000
_CHANGING = re.compile(r"\d+")
_LINE = re.compile(r"time=(\S+) level=(info|warn|error) (.*)")
_MINUTE = 59  # in seconds, for clocks that are read twice


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
        self.stopped_s = 0  # how long the scenario itself stopped the daemon

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
        peak, own = daemon.peak_mib(), daemon.own_lag_ms()
        waited = sum(life.waited_ms() for life in daemon.lives)
        told = _told(daemon.log(), "warn error")
        self.say(f"{daemon.config_file.stem}: at most {peak:.0f} MiB, longest turn"
                 f" {stats['loop_lag_ms']['max']} ms, of its own {own:.1f} ms ({waited:.0f} ms"
                 f" without a processor in all),"
                 f" {sum(map(len, told.values()))} warnings of {len(told)} kinds")
        sanitized = is_sanitized()
        most = _SANITIZED_MIB if sanitized else _most_memory_mib(daemon.config)
        assert peak <= most, f"{peak} MiB, where {most} are allowed"
        most = _SANITIZED_TURN_MS if sanitized else _TURN_MS
        assert own <= most + self.stopped_s * 1000, f"the loop stood still for {own} ms"
        again = _told_again(daemon.log())
        for line in again:
            self.say(f"told within a minute: {line}")
        assert sanitized or not again, again

    def finish(self):
        text = "\n".join(self.lines)
        print(text)
        if path := os.environ.get("CHUNNELD_FAULTS_REPORT"):
            with open(path, "a", encoding="utf-8") as report:
                report.write(text + "\n")


def _size(value):
    number, unit = re.fullmatch(r"(\d+)\s*(\w*)", str(value)).groups()
    return int(number) * _UNITS[unit]


def _most_memory_mib(config):
    """What a daemon with this configuration may have resident."""
    buffers = sum(_size(bridge.get("buffer", {}).get("memory", _BUFFER))
                  for bridge in config["bridges"])
    return _BESIDE_BUFFERS_MIB + buffers / (1 << 20)


def _told(log, levels="info warn error"):
    """When each line was told, by its words, numbers aside."""
    told = {}
    for line in log.splitlines():
        found = _LINE.search(line)
        if found and found.group(2) in levels:
            moment = datetime.datetime.fromisoformat(found.group(1).replace("Z", "+00:00"))
            told.setdefault(_CHANGING.sub("#", found.group(3)), []).append(moment.timestamp())
    return told


def _told_again(log):
    """The warnings that one process told more than once a minute: however long a fault lasts and
    however often it comes, there is to be none."""
    return [f"{after - before:.3f} s apart: {words}" for life in log.split(' msg="started" ')
            for words, moments in _told(life, "warn error").items()
            for before, after in zip(moments, moments[1:]) if 0 <= after - before < _MINUTE]


def told_sparingly(log, most):
    """While one fault lasts, the same warning is told about once a minute."""
    for words, moments in _told(log, "warn error").items():
        assert len(moments) <= most, f"told {len(moments)} times: {words}"


def pause(seconds, still):
    """Lets a fault last for some seconds, and looks all the time whether `still()` holds: that the
    daemon lives and goes on."""
    end = time.monotonic() + seconds
    wait_until(lambda: still() and time.monotonic() >= end, f"{seconds} s of the fault",
               seconds + 60, every=0.05)
