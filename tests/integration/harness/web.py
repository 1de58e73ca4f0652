"""HTTP as the tests speak it: whole requests over TCP or a unix socket, and raw bytes."""

import http.client
import json
import re
import socket

from .ports import free_port

_SAMPLE = re.compile(r'([a-zA-Z_:][a-zA-Z0-9_:]*)(\{(?:[a-zA-Z_]\w*="(?:[^"\\\n]|\\["\\n])*",?)*\})? '
                     r'([0-9.e+-]+|\+Inf|NaN)')
_LABEL = re.compile(r'([a-zA-Z_]\w*)="((?:[^"\\\n]|\\["\\n])*)"')


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path, timeout):
        super().__init__("localhost", timeout=timeout)
        self._path = str(path)

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(self._path)  # waits for room in the backlog; with a timeout it would fail
        self.sock.settimeout(self.timeout)


class Answer:
    def __init__(self, response):
        self.status = response.status
        self.headers = response.headers
        self.body = response.read()

    @property
    def text(self):
        return self.body.decode()

    @property
    def json(self):
        return json.loads(self.body)


class Web:
    """The HTTP of one daemon: on a TCP port of its own, or on the unix socket `path`."""

    def __init__(self, path=None):
        self.path = path
        self.port = None if path else free_port()

    @property
    def listen(self):
        return f"127.0.0.1:{self.port}"

    def connection(self, timeout=30):
        if self.path:
            return _UnixConnection(self.path, timeout)
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)

    def ask(self, path, method="GET", body=None, **headers):
        connection = self.connection()
        try:
            connection.request(method, path, body, headers)
            return Answer(connection.getresponse())
        finally:
            connection.close()

    def raw(self, data, timeout=30):
        """What comes back for these bytes until the server closes."""
        with socket.create_connection(("127.0.0.1", self.port), timeout) as peer:
            peer.sendall(data)
            got = b""
            try:
                while piece := peer.recv(65536):
                    got += piece
            except ConnectionResetError:
                pass
            return got

    def metrics(self):
        """{name: {labels as a frozenset of pairs: value}}, checked as strictly as the format is."""
        return parse_metrics(self.ask("/metrics").text)


class Events:
    """What an EventSource would get."""

    def __init__(self, web):
        self._connection = web.connection()
        self._connection.request("GET", "/events")
        self._answer = self._connection.getresponse()
        assert self._answer.status == 200
        assert self._answer.headers["Content-Type"] == "text/event-stream"

    def next(self):
        """(name, data) of the next event."""
        name = None
        while line := self._answer.readline().decode().rstrip("\n"):
            if line.startswith("event: "):
                name = line[7:]
            elif line.startswith("data: "):
                data = json.loads(line[6:])
            else:
                assert line.startswith("retry: "), line
        return name, data

    def wait(self, condition):
        """The first data that is as wanted, within 30 events."""
        for _ in range(30):
            name, data = self.next()
            if condition(data):
                return name, data
        raise AssertionError(f"not in 30 events; the last one: {data}")

    def close(self):
        self._connection.close()


def parse_metrics(text):
    assert text.endswith("\n")
    families, samples, current = {}, {}, None
    for line in text.splitlines():
        if line.startswith("# HELP "):
            current = line.split(" ", 3)[2]
            assert current not in families, f"{current} stands in two places"
            assert line.split(" ", 3)[3]
            families[current] = None
        elif line.startswith("# TYPE "):
            _, _, name, kind = line.split(" ")
            assert name == current and families[name] is None, line
            assert kind in ("counter", "gauge", "histogram"), line
            families[name] = kind
        else:
            match = _SAMPLE.fullmatch(line)
            assert match, f"no sample: {line!r}"
            name, labels, value = match.groups()
            base = current
            if families[base] == "histogram":
                assert name in (f"{base}_bucket", f"{base}_sum", f"{base}_count"), line
            else:
                assert name == base, f"{line!r} stands among {base}"
            pairs = frozenset(_LABEL.findall(labels or ""))
            of_name = samples.setdefault(name, {})
            assert pairs not in of_name, f"twice: {line!r}"
            of_name[pairs] = float(value)
    for name, kind in families.items():
        assert kind, f"{name} has no type"
        assert (kind == "counter") == name.endswith("_total"), name
    return samples
