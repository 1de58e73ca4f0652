"""A TCP proxy that misbehaves on demand. It stands between the daemon and one server; `up` is the
way from the daemon to the server, `down` the way back. What is set holds for connections that
exist and for new ones, until heal()."""

import socket
import struct
import threading

from .ports import free_port
from .tlsend import TlsEnd
from .waiting import DEADLINE, wait_until

_CHUNK = 65536


class Way:
    """What happens to the bytes of one direction. Positions count from the first byte of each
    connection."""

    def __init__(self):
        self.open = threading.Event()  # cleared: nothing passes
        self.heal()

    def heal(self):
        self.delay = 0.0  # seconds before a piece is passed on
        self.segment = _CHUNK  # most bytes a segment
        self.flip_at = None  # this byte is passed on with its bits inverted
        self.cut_at = None  # from this byte on, a reset takes the place of the bytes
        self.half_close_at = None  # from this byte on, an end of file
        self.spoilt = 0  # how often one of the last three came about
        self.without = None  # what this pattern finds in a piece is left out ...
        self.left_out = 0  # ... so often
        self.open.set()

    def stall(self):
        self.open.clear()


class _Connection:
    """One client of the proxy and its own connection to the server, a thread a direction."""

    def __init__(self, proxy, client):
        self.proxy = proxy
        self.client = TlsEnd(proxy.tls, client) if proxy.tls else client
        self.server = socket.create_connection(("127.0.0.1", proxy.target), timeout=DEADLINE)
        self.server.settimeout(None)
        for end in (self.client, self.server):
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def start(self):
        for source, target, way in ((self.client, self.server, self.proxy.up),
                                    (self.server, self.client, self.proxy.down)):
            threading.Thread(target=self._carry, args=(source, target, way), daemon=True).start()

    def _carry(self, source, target, way):
        position = 0
        try:
            while True:
                data = source.recv(min(way.segment, _CHUNK))
                way.open.wait()
                if not data:
                    break
                if way.delay:
                    self.proxy.closed.wait(way.delay)
                if way.without:
                    data, found = way.without.subn(b"", data)
                    way.left_out += found
                data, ends = self._spoil(data, position, way)
                target.sendall(data)
                position += len(data)
                if ends == "reset":
                    self.reset()
                    return
                if ends == "eof":
                    break
            target.shutdown(socket.SHUT_WR)
        except OSError:
            self.reset()

    @staticmethod
    def _spoil(data, position, way):
        if way.flip_at is not None and position <= way.flip_at < position + len(data):
            spoilt = bytearray(data)
            spoilt[way.flip_at - position] ^= 0xFF
            data = bytes(spoilt)
            way.spoilt += 1
        for limit, ends in ((way.cut_at, "reset"), (way.half_close_at, "eof")):
            if limit is not None and position + len(data) >= limit:
                way.spoilt += 1
                return data[:max(limit - position, 0)], ends
        return data, None

    def reset(self):
        """RST both ways, as when a machine comes back that has forgotten the connection."""
        for end in (self.client, self.server):
            try:
                end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                end.shutdown(socket.SHUT_RD)
            except OSError:
                pass
            end.close()


class Proxy:
    def __init__(self, target, host="127.0.0.1"):
        """`host`: where it listens. `target`: the port of the server, on the loopback address."""
        self.target, self.host = target, host
        self.port = free_port()
        self.tls = None  # an ssl.SSLContext: TLS towards the daemon
        self.up = Way()
        self.down = Way()
        self.connections = []
        self.accepted = 0
        self.closed = threading.Event()
        self._listener = None
        self.listen()

    def listen(self):
        """Takes connections (again)."""
        self._listener = socket.socket()
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._listener.bind((self.host, self.port))
        self._listener.listen(64)
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def refuse(self):
        """Refuses new connections; the existing ones stay."""
        if self._listener:
            try:
                self._listener.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            self._listener.close()
            self._listener = None

    def _accept(self, listener):
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            try:
                connection = _Connection(self, client)
                self.connections.append(connection)
                connection.start()
            except OSError:
                client.close()
            self.accepted += 1

    def heal(self):
        self.up.heal()
        self.down.heal()

    def reset_all(self):
        """Resets every connection that exists now."""
        connections, self.connections = self.connections, []
        for connection in connections:
            connection.reset()

    def renew(self, count=1, timeout=DEADLINE):
        """Resets every connection, again and again where one was just being made, until so many
        new ones came."""
        wanted = self.accepted + count
        looks = 0

        def renewed():
            nonlocal looks
            looks += 1
            if looks % 50 == 1:
                self.reset_all()
            return self.accepted >= wanted

        wait_until(renewed, f"{count} new connections through the proxy", timeout)

    def wait_accepted(self, count, timeout=DEADLINE):
        wait_until(lambda: self.accepted >= count, f"{count} connections through the proxy",
                   timeout)

    def stop(self):
        self.closed.set()
        self.heal()
        self.refuse()
        self.reset_all()
