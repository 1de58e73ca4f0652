"""A network of the daemon's own: a network namespace and a pair of interfaces to the machine. What
it cannot have on this machine skips the test."""

import itertools
import os
import subprocess

import pytest

_numbers = itertools.count(1)


def _run(*words):
    return subprocess.run(words, capture_output=True, text=True)


class Namespace:
    def __init__(self):
        self.name = f"chunneld-{os.getpid()}-{next(_numbers)}"
        number = os.getpid() * 4 % (1 << 16)
        self.host, self.inside = (f"10.213.{number >> 8}.{(number & 0xFC) + end}" for end in (1, 2))
        self._outer, self._inner = f"co{os.getpid()}", f"ci{os.getpid()}"
        self.prefix = ("ip", "netns", "exec", self.name)
        for words in (("netns", "add", self.name),
                      ("link", "add", self._outer, "type", "veth", "peer", "name", self._inner,
                       "netns", self.name),
                      ("addr", "add", f"{self.host}/30", "dev", self._outer),
                      ("link", "set", self._outer, "up"),
                      ("-n", self.name, "addr", "add", f"{self.inside}/30", "dev", self._inner),
                      ("-n", self.name, "link", "set", self._inner, "up"),
                      ("-n", self.name, "link", "set", "lo", "up")):
            done = _run("ip", *words)
            if done.returncode != 0:
                self.close()
                pytest.skip(f"no network namespace here: ip {' '.join(words)}: {done.stderr}")

    def _inside(self, *words):
        done = _run(*self.prefix, *words)
        if done.returncode != 0:
            pytest.skip(f"not here: {' '.join(words)}: {done.stderr}")

    def drop(self, way):
        """From now on the packets that go "in" or "out" vanish, those of the namespace's own
        loopback aside: they find a queue with no room."""
        words = ("tc", "qdisc", "add", "dev", self._end(way), "root", "pfifo", "limit", "0")
        if way == "out":
            self._inside(*words)
        elif (done := _run(*words)).returncode != 0:
            pytest.skip(f"not here: {' '.join(words)}: {done.stderr}")

    def drop_nothing(self, way):
        words = ("tc", "qdisc", "del", "dev", self._end(way), "root")
        done = _run(*(self.prefix if way == "out" else ()), *words)
        assert done.returncode == 0, done.stderr

    def _end(self, way):
        """The interface that packets of that way leave by."""
        return self._inner if way == "out" else self._outer

    def limit(self, rate):
        """What leaves the namespace is held to a rate ("1mbit")."""
        self._inside("tc", "qdisc", "add", "dev", self._inner, "root", "tbf", "rate", rate,
                     "burst", "16kb", "latency", "500ms")

    def limit_nothing(self):
        self._inside("tc", "qdisc", "del", "dev", self._inner, "root")

    def close(self):
        _run("ip", "link", "del", self._outer)
        _run("ip", "netns", "del", self.name)
