"""Free TCP ports on the loopback address, below the ephemeral range, so that no outgoing
connection of the test machine takes one between its choice and its use. Workers of pytest-xdist
have a range each, so that none takes the port of a server that another one has just killed."""

import os
import random
import socket

_random = random.Random(os.getpid() ^ int.from_bytes(os.urandom(4), "big"))
_given = set()
_FIRST, _LAST = 12000, 32000


def _is_free(port):
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _range():
    """The ports of this worker, or all of them: (first, behind the last)."""
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", 1))
    number = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % workers
    size = (_LAST - _FIRST) // workers
    return _FIRST + number * size, _FIRST + (number + 1) * size


def free_port(count=1):
    """The first of `count` neighbouring ports that are free and were not given out before."""
    begin, end = _range()
    for _ in range(1000):
        first = _random.randrange(begin, end - count)
        ports = range(first, first + count)
        if not _given.intersection(ports) and all(map(_is_free, ports)):
            _given.update(ports)
            return first
    raise RuntimeError(f"no free port between {begin} and {end}")
