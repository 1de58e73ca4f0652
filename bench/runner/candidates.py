"""The candidates: chunneld and the peers it is compared with, each with its configuration."""

from __future__ import annotations

import json
import os
import pathlib
import re
import shutil
import subprocess
from typing import Any

from .cache import Cache
from .processes import Child
from .routes import EXCHANGE, PREFETCH, REDIS_TO_AMQP, Route
from .servers import ROOT
from .waiting import Failed

PEERS = ROOT / "bench" / "peers"


def first_line(*command: str) -> str:
    """What a program says of its version."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=30)
    return (done.stdout or done.stderr).strip().splitlines()[0]


class Candidate:
    """Something that may carry the messages. `prepare` comes first and says, by raising Failed,
    why it cannot be had here."""

    name = ""
    title = ""
    slow = False  # some hundred or thousand messages a second: what it is given must be as few

    def prepare(self, cache: Cache) -> None:
        """Builds or installs it, unless that was done before."""

    def versions(self) -> dict[str, str]:
        """Of the candidate and what it stands on."""
        return {}

    def start(self, route: Route, folder: pathlib.Path) -> Child:
        """Starts it on a route; what it needs to write goes into the folder."""
        raise NotImplementedError

    def child(self, command: list[str], folder: pathlib.Path) -> Child:
        return Child(self.name, command, folder / f"{self.name}.log")


class Chunneld(Candidate):
    """The daemon; built from the sources here unless a program is given."""

    name = "chunneld"
    title = "chunneld"
    annotate = True
    transactional = False

    def __init__(self, given: pathlib.Path | None) -> None:
        self._program = given

    def prepare(self, cache: Cache) -> None:
        if self._program is None:
            self._program = build_chunneld(cache)
        if not os.access(self._program, os.X_OK):
            raise Failed(f"{self._program} is no program")

    @property
    def program(self) -> pathlib.Path:
        assert self._program is not None, "prepare() comes first"
        return self._program

    def versions(self) -> dict[str, str]:
        return {"chunneld": first_line(str(self.program), "--version"),
                "program": str(self.program)}

    def configuration(self, route: Route) -> dict[str, Any]:
        if route.direction == REDIS_TO_AMQP:
            source: dict[str, Any] = ({"pattern": route.pattern} if route.channels
                                      else {"channel": route.channel})
            sink: dict[str, Any] = {"exchange": EXCHANGE,
                                    "routing_key": "{channel}" if route.channels else route.queue}
            if self.transactional:
                sink["transactional"] = True
        else:
            source = {"queue": route.queue, "prefetch": PREFETCH}
            sink = {"channel": route.channel}
        bridge: dict[str, Any] = {"name": "bench", "from": source, "to": sink,
                  "buffer": {"messages": 2_000_000, "memory": "2GiB"}}
        if route.direction == REDIS_TO_AMQP:
            bridge["annotate"] = self.annotate
        return self.configuration_of(route, [bridge])

    def spooling_configuration(self, route: Route, folder: pathlib.Path) -> dict[str, Any]:
        """With the default limits in memory and a disk behind it."""
        configuration = self.configuration(route)
        configuration["bridges"][0]["buffer"] = {"memory": "64MiB", "disk": "4GiB"}
        configuration["spool"] = {"directory": str(folder / "spool"), "max_size": "4GiB"}
        return configuration

    @staticmethod
    def configuration_of(route: Route, bridges: list[dict[str, Any]]) -> dict[str, Any]:
        reconnect = {"min": "100ms", "max": "1s"}
        return {"instance": "bench",
                "connections": {"redis": {"url": route.redis_url, "reconnect": reconnect},
                                "rabbit": {"url": route.amqp_url, "reconnect": reconnect}},
                "bridges": bridges}

    def start(self, route: Route, folder: pathlib.Path) -> Child:
        return self.start_with(self.configuration(route), folder)

    def start_with(self, configuration: dict[str, Any], folder: pathlib.Path,
                   wrapper: tuple[str, ...] = ()) -> Child:
        """Starts it with a configuration, under a program such as valgrind."""
        path = folder / "chunneld.json"
        path.write_text(json.dumps(configuration, indent=2))
        return self.child([*wrapper, str(self.program), "-c", str(path)], folder)


class ChunneldPlain(Chunneld):
    """The daemon without annotations: what the peers do."""

    name = "chunneld-plain"
    title = "chunneld, annotate off"
    annotate = False


class ChunneldTransactional(Chunneld):
    """The daemon with transactions in place of publisher confirms."""

    name = "chunneld-tx"
    title = "chunneld, transactions"
    transactional = True


class ChunneldDurable(Chunneld):
    """The daemon with every message written to the disk before it is sent."""

    name = "chunneld-disk"
    title = "chunneld, durability disk"

    def start(self, route: Route, folder: pathlib.Path) -> Child:
        configuration = self.spooling_configuration(route, folder)
        configuration["bridges"][0]["buffer"]["durability"] = "disk"
        return self.start_with(configuration, folder)


def build_chunneld(cache: Cache) -> pathlib.Path:
    """A release build of what git tracks here, out of the tree."""
    inputs = [path for pattern in ("src/**/*.[ch]", "include/**/*.h", "configure.ac", "Makefile.am")
              for path in sorted(ROOT.glob(pattern))]

    def make(folder: pathlib.Path) -> None:
        sources = folder / "sources"
        script = '. "$root/contrib/setup.sh"; copy_sources "$1"'
        cache.run(["sh", "-euc", script, "sh", str(sources)], env={"root": str(ROOT)})
        if not (sources / "configure").exists():
            cache.run(["autoreconf", "-fi"], cwd=sources)
        build = folder / "build"
        build.mkdir()
        cache.run([str(sources / "configure"), "-q"], cwd=build)
        cache.run(["make", f"-j{os.cpu_count()}", "chunneld"], cwd=build)

    return cache.folder("chunneld", inputs, make) / "build" / "chunneld"


def peer_options(route: Route) -> str:
    """What the peers written here take as their second argument."""
    if route.direction == REDIS_TO_AMQP:
        own: dict[str, Any] = {"channel": None if route.channels else route.channel,
                               "pattern": route.pattern if route.channels else None,
                               "exchange": EXCHANGE,
                               "routing_key": None if route.channels else route.queue}
    else:
        own = {"queue": route.queue, "prefetch": PREFETCH, "channel": route.channel}
    return json.dumps({"redis": route.redis_url, "amqp": route.amqp_url, **own})


class NodePeer(Candidate):
    """ioredis and amqplib; see bench/peers/node/bridge.js."""

    name = "node"
    title = "Node.js (ioredis, amqplib)"
    _folder: pathlib.Path

    def prepare(self, cache: Cache) -> None:
        if not shutil.which("node") or not shutil.which("npm"):
            raise Failed("node or npm is missing (Debian: apt-get install nodejs npm)")
        inputs = [PEERS / "node" / name for name in ("package.json", "package-lock.json",
                                                     "bridge.js")]

        def make(folder: pathlib.Path) -> None:
            for path in inputs:
                shutil.copy(path, folder)
            cache.run(["npm", "ci", "--no-audit", "--no-fund"], cwd=folder)

        self._folder = cache.folder("node", inputs, make)

    def versions(self) -> dict[str, str]:
        packages = {
            name: json.loads((self._folder / "node_modules" / name / "package.json")
                             .read_text())["version"] for name in ("ioredis", "amqplib")}
        return {"interpreter": first_line("node", "--version"), **packages}

    def start(self, route: Route, folder: pathlib.Path) -> Child:
        return self.child(["node", str(self._folder / "bridge.js"), route.direction,
                           peer_options(route)], folder)


class PythonPeer(Candidate):
    """redis-py and pika on asyncio; see bench/peers/python/bridge.py."""

    name = "python"
    title = "Python, asyncio (redis-py, pika)"
    packages: tuple[str, ...] = ("redis", "hiredis", "pika")
    _folder: pathlib.Path

    def prepare(self, cache: Cache) -> None:
        requirements = PEERS / self.name / "requirements.txt"

        def make(folder: pathlib.Path) -> None:
            cache.run(["/usr/bin/python3", "-m", "venv", str(folder / "venv")])
            cache.run([str(folder / "venv" / "bin" / "pip"), "install", "--quiet",
                       "--disable-pip-version-check", "-r", str(requirements)])

        self._folder = cache.folder(self.name, [requirements], make)

    @property
    def _python(self) -> str:
        return str(self._folder / "venv" / "bin" / "python3")

    def versions(self) -> dict[str, str]:
        script = ("import importlib.metadata as m;"
                  f"print(*(n + '=' + m.version(n) for n in {self.packages}))")
        packages = dict(word.split("=") for word in first_line(self._python, "-c", script).split())
        return {"interpreter": first_line(self._python, "--version"), **packages}

    def start(self, route: Route, folder: pathlib.Path) -> Child:
        return self.child([self._python, "-B", str(PEERS / self.name / "bridge.py"),
                           route.direction, peer_options(route)], folder)


class PythonBlockingPeer(PythonPeer):
    """The loops of redis-py's and pika's documentation, a message at a time; see
    bench/peers/python-blocking/bridge.py."""

    name = "python-blocking"
    title = "Python as documented (redis-py, pika)"
    packages = ("redis", "pika")
    slow = True


class ConnectPeer(Candidate):
    """Redpanda Connect (Benthos) with its redis and amqp09 components; see bench/peers/connect."""

    name = "connect"
    title = "Redpanda Connect (Benthos)"
    _folder: pathlib.Path

    def prepare(self, cache: Cache) -> None:
        if not shutil.which("go"):
            raise Failed("go is missing; bench/peers/connect/go.mod says which version it needs")
        inputs = [PEERS / "connect" / name for name in ("go.mod", "go.sum", "main.go")]

        def make(folder: pathlib.Path) -> None:
            for path in inputs:
                shutil.copy(path, folder)
            cache.run(["go", "build", "-mod=readonly", "-buildvcs=false", "-o", "connect", "."],
                      cwd=folder)

        self._folder = cache.folder("connect", inputs, make)

    def versions(self) -> dict[str, str]:
        modules = re.findall(r"^\s*(github\.com/redpanda-data/\S+) (v\S+)",
                             (PEERS / "connect" / "go.mod").read_text(), re.MULTILINE)
        return {"compiler": first_line("go", "version"), **dict(modules)}

    @staticmethod
    def configuration(route: Route) -> dict[str, Any]:
        if route.channels:
            raise Failed("its redis_pubsub input does not tell on which channel a message came")
        if route.direction == REDIS_TO_AMQP:
            source: dict[str, Any] = {"redis_pubsub": {"url": route.redis_url,
                                                       "channels": [route.channel]}}
            sink: dict[str, Any] = {"amqp_0_9": {
                "urls": [route.amqp_url], "exchange": EXCHANGE, "key": route.queue,
                "persistent": True, "max_in_flight": PREFETCH}}
        else:
            source = {"amqp_0_9": {"urls": [route.amqp_url], "queue": route.queue,
                                   "prefetch_count": PREFETCH}}
            sink = {"redis_pubsub": {"url": route.redis_url, "channel": route.channel,
                                     "max_in_flight": PREFETCH}}
        return {"http": {"enabled": False}, "logger": {"level": "WARN"},
                "input": source, "output": sink}

    def start(self, route: Route, folder: pathlib.Path) -> Child:
        path = folder / "connect.yaml"  # JSON is YAML
        path.write_text(json.dumps(self.configuration(route), indent=2))
        return self.child([str(self._folder / "connect"), "run", str(path)], folder)


class Bare(Candidate):
    """No bridge at all: the load programs on both ends of one server, to show its limit."""

    def __init__(self, protocol: str, server: str) -> None:
        self.name = f"bare-{protocol}"
        self.title = f"no bridge: {server} alone"
        self.protocol = protocol
        self.sender_words: tuple[str, ...] = ()


class BareAlike(Bare):
    """RabbitMQ alone, given just what chunneld gives it: the same exchange and routing key,
    mandatory, the same properties and headers, as many unconfirmed."""

    def __init__(self) -> None:
        super().__init__("amqp", "RabbitMQ")
        self.name = "bare-alike"
        self.title = "RabbitMQ alone, same messages"
        self.sender_words = ("--exchange", EXCHANGE, "--annotated", "--confirms", "0")


class BareBeside(BareAlike):
    """The same while Redis carries a message for each that comes through RabbitMQ: the machine has
    the servers' work to do that it has with a bridge, and only the bridge's is missing."""

    def __init__(self) -> None:
        super().__init__()
        self.name = "bare-beside"
        self.title = "RabbitMQ, Redis busy beside it"


def all_candidates(given: pathlib.Path | None) -> list[Candidate]:
    return [Chunneld(given), ChunneldPlain(given), ChunneldTransactional(given),
            ChunneldDurable(given), NodePeer(), PythonPeer(), PythonBlockingPeer(),
            ConnectPeer(), Bare("amqp", "RabbitMQ"), BareAlike(), BareBeside(),
            Bare("redis", "Redis")]
