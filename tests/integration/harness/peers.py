"""Scripted peers: a Redis and a RabbitMQ that say what a scenario wants them to say, where the real
ones never would. Each connection is a thread; by default they behave."""

import socket
import struct
import threading

import pika.frame
import pika.spec as spec

from .ports import free_port
from .waiting import DEADLINE, wait_until


class _Peer:
    def __init__(self):
        self.port = free_port()
        self.accepted = 0
        self.connections = []
        self._listener = socket.create_server(("127.0.0.1", self.port))
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.accepted += 1
            connection = self.make_connection(client)
            self.connections.append(connection)
            threading.Thread(target=connection.run, daemon=True).start()

    def wait_accepted(self, count, timeout=DEADLINE):
        wait_until(lambda: self.accepted >= count, f"{count} connections to the scripted peer",
                   timeout)

    def stop(self):
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for connection in self.connections:
            connection.close()


class _Connection:
    def __init__(self, peer, client):
        self.peer = peer
        self.socket = client
        self.closed = threading.Event()

    def send(self, data):
        try:
            self.socket.sendall(data)
        except OSError:
            self.close()

    def run(self):
        try:
            self.serve()
        except (OSError, EOFError):
            pass
        self.close()

    def close(self):
        self.closed.set()
        try:
            self.socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.socket.close()

    def receive(self):
        data = self.socket.recv(1 << 16)
        if not data:
            raise EOFError
        return data


# Redis


class RedisPeer(_Peer):
    """`after_subscribe`: bytes that follow the confirmation of a subscription. `answers`: commands
    to bytes that take the place of the usual answer. `published`: bodies of PUBLISH. `silent`: the
    first connection gets no answers."""

    def __init__(self):
        self.after_subscribe = b""
        self.answers = {}
        self.silent = False
        self.published = []
        super().__init__()

    def make_connection(self, client):
        return _RedisConnection(self, client)

    def publish(self, channel, body):
        """Sends a message to every connection that subscribed."""
        for connection in self.connections:
            if connection.subscribed:
                connection.send(message(channel, body))


def bulk(data):
    return b"$%d\r\n%s\r\n" % (len(data), data)


def message(channel, body):
    return b"*3\r\n" + bulk(b"message") + bulk(channel) + bulk(body)


class _RedisConnection(_Connection):
    def __init__(self, peer, client):
        super().__init__(peer, client)
        self.subscribed = 0
        self._data = b""

    def serve(self):
        while True:
            command = self._command()
            if self.peer.silent and self is self.peer.connections[0]:
                continue
            name = command[0].upper()
            self.send(self.peer.answers.get(name) or self._answer(name, command))

    def _line(self):
        while b"\r\n" not in self._data:
            self._data += self.receive()
        line, self._data = self._data.split(b"\r\n", 1)
        return line

    def _command(self):
        words = []
        for _ in range(int(self._line()[1:])):
            size = int(self._line()[1:])
            while len(self._data) < size + 2:
                self._data += self.receive()
            words.append(self._data[:size])
            self._data = self._data[size + 2:]
        return words

    def _answer(self, name, command):
        if name in (b"SUBSCRIBE", b"PSUBSCRIBE"):
            self.subscribed += 1
            return (b"*3\r\n" + bulk(name.lower()) + bulk(command[1])
                    + b":%d\r\n" % self.subscribed + self.peer.after_subscribe)
        if name == b"PING":
            return (b"*2\r\n" + bulk(b"pong") + bulk(command[1] if len(command) > 1 else b"")
                    if self.subscribed else b"+PONG\r\n")
        if name == b"PUBLISH":
            self.peer.published.append(command[2])
            return b":1\r\n"
        if name == b"ROLE":
            return b"*3\r\n" + bulk(b"master") + b":0\r\n*0\r\n"
        if name == b"HELLO":
            return b"-ERR unknown command 'HELLO'\r\n"
        if name == b"CLIENT" and command[1].upper() == b"ID":
            return b":1\r\n"
        return b"+OK\r\n"


# AMQP


class AmqpPeer(_Peer):
    """`on_publish(connection, channel, tag, body)`: a whole message came; by default it is acked.
    `tune`: the arguments of connection.tune. `after`: method class to bytes sent behind its usual
    answer; `instead`: to bytes sent in its place; `silent`: the method that is not answered on the
    first connection."""

    def __init__(self):
        self.on_publish = lambda connection, channel, tag, body: connection.ack(channel, tag)
        self.tune = {"channel_max": 2047, "frame_max": 131072, "heartbeat": 60}
        self.after = {}
        self.instead = {}
        self.silent = None
        self.published = []
        super().__init__()

    def make_connection(self, client):
        return _AmqpConnection(self, client)


def method(channel, what):
    return pika.frame.Method(channel, what).marshal()


def frame(kind, channel, payload, end=b"\xce", size=None):
    """A frame of any shape."""
    return struct.pack(">BHI", kind, channel, len(payload) if size is None else size) + payload + end


def delivery(channel, tag, body, size=None, consumer=None):
    """basic.deliver with its header and one body frame; `size`: another one in the header."""
    return (method(channel, spec.Basic.Deliver(consumer or "c", tag, False, "", "work"))
            + frame(2, channel, struct.pack(">HHQH", 60, 0, len(body) if size is None else size, 0))
            + (frame(3, channel, body) if body else b""))


class _AmqpConnection(_Connection):
    def __init__(self, peer, client):
        super().__init__(peer, client)
        self._data = b""
        self._published = {}  # channel: tags given
        self._content = {}  # channel: [bytes to come, body]
        self.consumers = {}  # channel: consumer tag

    def ack(self, channel, tag, multiple=False):
        self.send(method(channel, spec.Basic.Ack(tag, multiple)))

    def nack(self, channel, tag, multiple=False):
        self.send(method(channel, spec.Basic.Nack(tag, multiple)))

    def serve(self):
        while len(self._data) < 8:
            self._data += self.receive()
        self._data = self._data[8:]
        self._say(spec.Connection.Start, 0, spec.Connection.Start(
            server_properties={"product": "RabbitMQ", "version": "3.10.8", "capabilities": {
                "publisher_confirms": True, "basic.nack": True, "consumer_cancel_notify": True,
                "connection.blocked": True}}))
        while True:
            self._take(self._frame())

    def _frame(self):
        while True:
            used, decoded = pika.frame.decode_frame(self._data)
            if decoded is not None:
                self._data = self._data[used:]
                return decoded
            self._data += self.receive()

    def _say(self, question, channel, answer):
        """Answers a method in the way that the scenario wants."""
        if question is self.peer.silent and self is self.peer.connections[0]:
            return
        instead = self.peer.instead.get(question)
        self.send(method(channel, answer) if instead is None else instead)
        self.send(self.peer.after.get(question, b""))

    def _take(self, came):
        if isinstance(came, pika.frame.Method):
            self._take_method(came.channel_number, came.method)
        elif isinstance(came, pika.frame.Header):
            self._content[came.channel_number] = [came.body_size, b""]
            self._finish(came.channel_number)
        elif isinstance(came, pika.frame.Body):
            content = self._content[came.channel_number]
            content[1] += came.fragment
            self._finish(came.channel_number)

    def _finish(self, channel):
        size, body = self._content[channel]
        if len(body) >= size:
            tag = self._published[channel] = self._published.get(channel, 0) + 1
            self.peer.published.append(body)
            self.peer.on_publish(self, channel, tag, body)

    def _take_method(self, channel, came):
        answers = {
            spec.Connection.StartOk: lambda: spec.Connection.Tune(**self.peer.tune),
            spec.Connection.Open: spec.Connection.OpenOk,
            spec.Connection.Close: spec.Connection.CloseOk,
            spec.Channel.Open: spec.Channel.OpenOk,
            spec.Channel.Close: spec.Channel.CloseOk,
            spec.Confirm.Select: spec.Confirm.SelectOk,
            spec.Basic.Qos: spec.Basic.QosOk,
            spec.Exchange.Declare: spec.Exchange.DeclareOk,
            spec.Queue.Bind: spec.Queue.BindOk,
            spec.Queue.Declare: lambda: spec.Queue.DeclareOk(came.queue or "amq.gen-1", 0, 0),
            spec.Basic.Consume: lambda: spec.Basic.ConsumeOk(came.consumer_tag or "c"),
            spec.Basic.Cancel: lambda: spec.Basic.CancelOk(came.consumer_tag),
        }
        kind = type(came)
        if kind is spec.Basic.Consume:
            self.consumers[channel] = came.consumer_tag or "c"
        if kind is spec.Channel.Open:
            self._published.pop(channel, None)
        if kind in answers:
            self._say(kind, channel, answers[kind]())
