"""Publishing and subscribing in bulk, without the cost of a client library a message: numbers as
bodies, one socket each way."""

import re
import socket
import time

_MESSAGE = re.compile(rb"\$\d+\r\n(\d+)(?: *)\r\n")
_BATCH = 5000


def publish_all(server, channel, numbers, padding=0):
    """Publishes the numbers, each padded to at least `padding` bytes, as fast as Redis takes them.
    Returns how many subscriptions each one reached, in order."""
    reached = []
    name = channel.encode()
    with socket.create_connection(("127.0.0.1", server.port), timeout=60) as connection:
        batch = []
        for number in numbers:
            body = str(number).encode().ljust(padding)
            batch.append(b"*3\r\n$7\r\nPUBLISH\r\n$%d\r\n%s\r\n$%d\r\n%s\r\n"
                         % (len(name), name, len(body), body))
            if len(batch) == _BATCH:
                reached += _send(connection, batch)
                batch = []
        reached += _send(connection, batch)
    return reached


def _send(connection, batch):
    connection.sendall(b"".join(batch))
    answers = b""
    while answers.count(b"\r\n") < len(batch):
        data = connection.recv(1 << 20)
        if not data:
            raise ConnectionError("Redis closed the connection")
        answers += data
    return [int(line) for line in answers.replace(b":", b"").split()]


class BulkSubscriber:
    """Numbers published on one channel."""

    def __init__(self, server, channel):
        self._socket = socket.create_connection(("127.0.0.1", server.port), timeout=60)
        name = channel.encode()
        self._socket.sendall(b"*2\r\n$9\r\nSUBSCRIBE\r\n$%d\r\n%s\r\n" % (len(name), name))
        confirmed = b""
        while not confirmed.endswith(b":1\r\n"):
            confirmed += self._socket.recv(4096)
        self._rest = b""

    def take(self, count, timeout=60):
        """The next `count` numbers."""
        numbers = []
        deadline = time.monotonic() + timeout
        while len(numbers) < count:
            if time.monotonic() > deadline:
                raise AssertionError(f"only {len(numbers)} of {count} messages in {timeout} s")
            self._rest += self._socket.recv(1 << 20)
            end = 0
            for match in _MESSAGE.finditer(self._rest):
                numbers.append(int(match.group(1)))
                end = match.end()
            self._rest = self._rest[end:]
        return numbers

    def rest(self):
        """All numbers that Redis has published so far: what stands before its answer to a PING."""
        self._socket.sendall(b"*1\r\n$4\r\nPING\r\n")
        while not self._rest.endswith(b"$4\r\npong\r\n$0\r\n\r\n"):
            data = self._socket.recv(1 << 20)
            if not data:
                raise ConnectionError("Redis closed the connection")
            self._rest += data
        return [int(match.group(1)) for match in _MESSAGE.finditer(self._rest)]
