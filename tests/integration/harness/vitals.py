"""One life of a daemon's process, as the machine sees it: its memory, and when its loop was ready to
run and had no processor. Of a turn that took long, what is left without that is the loop's own."""

import bisect
import pathlib
import re
import threading
import time

_EVERY = 0.05  # seconds between two looks
_HWM = re.compile(r"^VmHWM:\s+(\d+) kB", re.MULTILINE)


class Life:
    """From the start of a process on, until it has ended."""

    def __init__(self, pid):
        self._process = pathlib.Path(f"/proc/{pid}")
        self._begun = time.monotonic()
        self._lock = threading.Lock()
        self._times, self._waits = [0.0], [0.0]
        self._late = None  # when its clock began, on ours, at the most
        self._told, self._longest = 0.0, 0.0
        self._rises = []
        self._peak_mib = 0.0
        threading.Thread(target=self._watch, daemon=True).start()

    def _watch(self):
        while self._look():
            time.sleep(_EVERY)

    def _look(self):
        try:
            waited = int((self._process / "schedstat").read_text().split()[1]) / 1e6
            peak = _HWM.search((self._process / "status").read_text())
        except (OSError, IndexError):
            return False
        if peak is None:
            return False  # it has ended
        with self._lock:
            self._peak_mib = int(peak.group(1)) / 1024
            self._times.append(time.monotonic() - self._begun)
            self._waits.append(waited)
        return True

    def note(self, stats):
        """Stats of its own, in their order."""
        uptime, longest = stats["uptime_s"], stats["loop_lag_ms"]["max"]
        late = time.monotonic() - self._begun - uptime
        self._late = late if self._late is None else min(late, self._late)
        if longest > self._longest:
            # The turn that gave the stats before may have been the long one.
            self._rises.append((self._told - longest / 1000, uptime, longest))
        self._told, self._longest = uptime, max(longest, self._longest)

    def waited_ms(self, begin=0.0, end=float("inf")):
        """How long it had no processor between two moments after its start, or a little longer."""
        with self._lock:
            first = max(bisect.bisect_left(self._times, begin) - 1, 0)
            last = min(bisect.bisect_right(self._times, end), len(self._times) - 1)
            return self._waits[last] - self._waits[first]

    def peak_mib(self):
        """The most memory that it had resident so far."""
        self._look()
        return self._peak_mib

    def own_lag_ms(self):
        """The longest turn of its loop, the time without a processor around it left out."""
        self._look()
        late = self._late or 0.0
        return max([0.0, *(longest - self.waited_ms(begin + late - _EVERY, end + late + _EVERY)
                           for begin, end, longest in self._rises)])
