"""Free TCP ports on the loopback address, below the ephemeral range, so that no outgoing
connection of the test machine takes one between its choice and its use."""

import os
import random
import socket

_random = random.Random(os.getpid() ^ int.from_bytes(os.urandom(4), "big"))
_given = set()


def _is_free(port):
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def free_port(count=1):
    """The first of `count` neighbouring ports that are free and were not given out before."""
    for _ in range(1000):
        first = _random.randrange(12000, 32000)
        ports = range(first, first + count)
        if not _given.intersection(ports) and all(map(_is_free, ports)):
            _given.update(ports)
            return first
    raise RuntimeError("no free port between 12000 and 32000")
