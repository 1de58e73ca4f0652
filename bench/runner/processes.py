"""Processes that the benchmark starts: they die with it, and what they cost is read from /proc."""

from __future__ import annotations

import ctypes
import os
import pathlib
import re
import signal
import subprocess
import time
from typing import Mapping, Sequence

from .waiting import Failed

_PR_SET_PDEATHSIG = 1
_CPUCLOCK_SCHED = 2  # of clock_gettime(2): the time a process ran, in ns


def die_with_parent() -> None:
    """For preexec_fn: whatever ends the runner ends its children."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


class Child:
    """A server or a candidate, with its output in a file."""

    def __init__(self, name: str, command: Sequence[str], log: pathlib.Path,
                 env: Mapping[str, str] | None = None) -> None:
        self.name = name
        self._log = log
        self.started_ns = time.monotonic_ns()
        with open(log, "ab") as output:
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                env={**os.environ, **(env or {})}, preexec_fn=die_with_parent,
                start_new_session=True)  # a Ctrl-C is for the runner, who ends them in order

    @property
    def pid(self) -> int:
        return self._process.pid

    def is_alive(self) -> bool:
        return self._process.poll() is None

    def check_alive(self) -> None:
        """Raises with the last words of its log when it has ended."""
        if not self.is_alive():
            raise Failed(f"{self.name} ended with {self._process.returncode}: {self.last_words()}")

    def last_words(self) -> str:
        lines = self._log.read_text(errors="replace").strip().splitlines()
        return " | ".join(lines[-3:])[-500:] or "(it said nothing)"

    def cpu_ns(self) -> int:
        """User and system time so far, of all its threads, ended ones too."""
        self.check_alive()
        return time.clock_gettime_ns(~self.pid << 3 | _CPUCLOCK_SCHED)

    def memory_kib(self, which: str) -> int:
        """VmHWM (the most it ever had) or VmRSS (what it has now)."""
        self.check_alive()
        text = pathlib.Path(f"/proc/{self.pid}/status").read_text()
        found = re.search(rf"^{which}:\s+(\d+) kB$", text, re.MULTILINE)
        if not found:
            raise Failed(f"/proc tells no {which} of {self.name}")
        return int(found.group(1))

    def stop(self, timeout: float = 15) -> None:
        """Asks it to end; after `timeout` it is killed."""
        if not self.is_alive():
            return
        self._process.terminate()
        try:
            self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        self._process.kill()
        self._process.wait(15)

    def wait(self, timeout: float) -> None:
        try:
            self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            raise Failed(f"{self.name} does not end") from None
