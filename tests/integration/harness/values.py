"""Both sides of a mirror publish at once, bodies drawn from a few values; every subscriber counts by
value. What nobody can know (a server was killed before it answered) is kept apart."""

import collections
import random
import re
import socket
import threading
import time

import pika
import pika.exceptions

_TICK = 0.02
_MESSAGE = re.compile(rb"\$\d+\r\n(\d+)\r\n")


class _Publisher:
    """Publishes at a rate until stopped, some at a time. `taken`: what the server has answered for,
    by value; `unheard`: published, but with too few subscribers; `unknown`: asked, not answered."""

    def __init__(self, rate, values, seed):
        self.taken, self.unheard, self.unknown = (collections.Counter() for _ in range(3))
        self._rate, self._values = rate, values
        self._random = random.Random(seed)
        self._blocks = []  # (asked at, answered at, by the wall clock; numbers)
        self._end = threading.Event()
        self.held = False  # True: it waits until others have caught up
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        begin, asked = time.monotonic(), 0
        while not self._end.is_set():
            if self.held:
                self._end.wait(_TICK)
                begin, asked = time.monotonic(), 0
                continue
            due = min(int((time.monotonic() - begin) * self._rate) - asked, 1000)
            if due > 0:
                numbers = [self._random.randrange(self._values) for _ in range(due)]
                before = time.time()
                self._send(numbers)
                self._blocks.append((before, time.time(), numbers))
                asked += due
            self._end.wait(_TICK)

    def sent_in(self, windows):
        """By value, what may have been published in one of the windows: (from, to), wall clock."""
        found = collections.Counter()
        for asked, answered, numbers in self._blocks:
            if any(asked <= end and answered >= begin for begin, end in windows):
                found.update(numbers)
        return found

    def sent(self):
        return self.taken.total() + self.unheard.total()

    def stop(self):
        self._end.set()
        self._thread.join(timeout=60)
        assert not self._thread.is_alive()


class RedisPublisher(_Publisher):
    """`subscriptions`: how many are to get each message."""

    def __init__(self, server, channel, rate, values, subscriptions):
        self._server, self._channel = server, channel.encode()
        self._subscriptions = subscriptions
        self._socket = None
        super().__init__(rate, values, seed=1)

    def _send(self, numbers):
        try:
            if self._socket is None:
                self._socket = socket.create_connection(("127.0.0.1", self._server.port), timeout=30)
        except OSError:
            return  # nothing was asked
        try:
            self._socket.sendall(b"".join(
                b"*3\r\n$7\r\nPUBLISH\r\n$%d\r\n%s\r\n$%d\r\n%d\r\n"
                % (len(self._channel), self._channel, len(str(number)), number)
                for number in numbers))
            answers = self._read(len(numbers))
        except OSError:
            self._socket = None
            answers = []
            self.unknown.update(numbers)
        for number, reached in zip(numbers, answers):
            (self.taken if reached >= self._subscriptions else self.unheard)[number] += 1

    def _read(self, count):
        text = b""
        while text.count(b"\r\n") < count:
            data = self._socket.recv(1 << 16)
            if not data:
                raise ConnectionError("Redis closed the connection")
            text += data
        return [int(line) for line in text.replace(b":", b"").split()]


class AmqpPublisher(_Publisher):
    """Persistent messages, in transactions: committed ones are taken."""

    def __init__(self, vhost, exchange, key, rate, values):
        self._vhost, self._exchange, self._key = vhost, exchange, key
        self._channel = None
        super().__init__(rate, values, seed=2)

    def _send(self, numbers):
        try:
            if self._channel is None:
                self._channel = self._vhost.channel()
                self._channel.tx_select()
        except (pika.exceptions.AMQPError, OSError):
            self._end.wait(0.3)  # nothing was asked; a failed try of pika's is loud
            return
        try:
            for number in numbers:
                self._channel.basic_publish(self._exchange, self._key, str(number),
                                            pika.BasicProperties(delivery_mode=2))
            self._channel.tx_commit()
            self.taken.update(numbers)
        except (pika.exceptions.AMQPError, OSError):
            self._channel = None
            self.unknown.update(numbers)


class ValueSubscriber:
    """Counts what a Redis channel brings, all the time; subscribes again when Redis is back."""

    def __init__(self, server, channel):
        self.got = collections.Counter()
        self._server, self._channel = server, channel.encode()
        self._end = threading.Event()
        self._socket = self._subscribe()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _subscribe(self):
        connection = socket.create_connection(("127.0.0.1", self._server.port), timeout=0.2)
        connection.sendall(b"*2\r\n$9\r\nSUBSCRIBE\r\n$%d\r\n%s\r\n"
                           % (len(self._channel), self._channel))
        self._rest = b""
        return connection

    def _run(self):
        while not self._end.is_set():
            try:
                if self._socket is None:
                    self._socket = self._subscribe()
                self._take(self._socket.recv(1 << 20))
            except TimeoutError:
                pass
            except OSError:
                self._socket = None
                self._end.wait(_TICK)

    def _take(self, data):
        if not data:
            raise ConnectionError("Redis closed the connection")
        self._rest += data
        end = 0
        for match in _MESSAGE.finditer(self._rest):
            self.got[int(match.group(1))] += 1
            end = match.end()
        self._rest = self._rest[end:]

    def stop(self):
        self._end.set()
        self._thread.join(timeout=60)
        return self.got


def count_queue(vhost, queue):
    """What is in a queue, by value: (published there by others, brought by a mirror), and how often
    the mirror sent one again. What it sends again has its message id."""
    direct, mirrored, again = collections.Counter(), collections.Counter(), 0
    ids = set()
    for _, properties, body in vhost.take_messages(queue, vhost.ready(queue), timeout=600):
        if properties.message_id is None:
            direct[int(body)] += 1
        elif properties.message_id in ids:
            again += 1
        else:
            ids.add(properties.message_id)
            mirrored[int(body)] += 1
    return direct, mirrored, again


def lacking(expected, got):
    """How many of `expected` are not in `got`."""
    return (expected - got).total()
