"""The private Redis and RabbitMQ of a benchmark: loopback only, free ports, a temporary folder."""

from __future__ import annotations

import os
import pathlib
import random
import shutil
import signal
import socket
import subprocess
from typing import Any

from .processes import Child
from .waiting import Failed, wait_until

ROOT = pathlib.Path(__file__).resolve().parents[2]
_given: set[int] = set()


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def free_port(count: int = 1) -> int:
    """The first of `count` free neighbouring ports, below the range of outgoing connections."""
    for _ in range(1000):
        first = random.randrange(12000, 32000)
        ports = range(first, first + count)
        if not _given.intersection(ports) and all(map(_is_free, ports)):
            _given.update(ports)
            return first
    raise Failed("no free port between 12000 and 32000")


class Redis:
    """A Redis without persistence, all else as it comes, the limits for slow subscribers too."""

    def __init__(self, folder: pathlib.Path) -> None:
        if not shutil.which("redis-server"):
            raise Failed("redis-server is missing (Debian: apt-get install redis-server)")
        folder.mkdir()
        self.port = free_port()
        self._child = Child(
            "redis-server",
            ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--save", "",
             "--appendonly", "no", "--dir", str(folder)],
            folder / "log")
        self._connection = wait_until(self._connect, "Redis takes connections", 10)
        self._answers = self._connection.makefile("rb")

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}"

    def _connect(self) -> socket.socket | None:
        self._child.check_alive()
        try:
            return socket.create_connection(("127.0.0.1", self.port), timeout=30)
        except OSError:
            return None

    def command(self, *words: str) -> Any:
        """Sends one command; its answer as int, bytes, None or a list of these."""
        encoded = b"".join(b"$%d\r\n%s\r\n" % (len(word.encode()), word.encode()) for word in words)
        self._connection.sendall(b"*%d\r\n%s" % (len(words), encoded))
        return self._read_answer()

    def _read_answer(self) -> Any:
        line = self._answers.readline()
        kind, rest = line[:1], line[1:].strip()
        if kind == b":":
            return int(rest)
        if kind == b"+":
            return rest
        if kind == b"*":
            return [self._read_answer() for _ in range(int(rest))]
        if kind == b"$":
            return self._answers.read(int(rest) + 2)[:-2] if int(rest) >= 0 else None
        raise Failed(f"redis: {line.decode(errors='replace').strip() or 'gone'}")

    def subscribers(self, channel: str) -> int:
        return self.command("PUBSUB", "NUMSUB", channel)[1]

    def patterns(self) -> int:
        return self.command("PUBSUB", "NUMPAT")

    def channels(self, pattern: str) -> int:
        """How many channels that match have subscribers."""
        return len(self.command("PUBSUB", "CHANNELS", pattern))

    def kill_clients(self, name: str) -> int:
        """Cuts the clients whose name begins so; how many."""
        clients = [dict(word.split("=", 1) for word in line.split())
                   for line in self.command("CLIENT", "LIST").decode().splitlines()]
        doomed = [client["id"] for client in clients if client["name"].startswith(name)]
        for client in doomed:
            self.command("CLIENT", "KILL", "ID", client)
        return len(doomed)

    def stop(self) -> None:
        self._connection.close()
        self._child.stop()


class Broker:
    """A RabbitMQ as contrib/private-rabbitmq makes it; as root it runs as the user rabbitmq."""

    def __init__(self, folder: pathlib.Path) -> None:
        self.port = free_port(3)
        self._folder = folder
        self._folder.mkdir()
        self._child = self._launch()

    @property
    def url(self) -> str:
        return f"amqp://guest:guest@127.0.0.1:{self.port}/%2F"

    def _launch(self) -> Child:
        return Child("rabbitmq-server",
                     [str(ROOT / "contrib" / "private-rabbitmq"), str(self._folder),
                      str(self.port)],
                     self._folder.with_suffix(".log"))

    def check_alive(self) -> None:
        self._child.check_alive()

    def kill(self) -> None:
        """kill -9, as a crash of the machine would; returns when it is gone."""
        os.kill(int((self._folder / "beam.pid").read_text()), signal.SIGKILL)
        self._child.wait(30)

    def set_memory_alarm(self, on: bool) -> None:
        """With the alarm on it reads nothing from those who publish."""
        mark = "0.00001" if on else "0.4"
        done = subprocess.run(
            ["sh", "-c", '. "$0/env"; exec /usr/lib/rabbitmq/bin/rabbitmqctl -q "$@"',
             str(self._folder), "set_vm_memory_high_watermark", mark], capture_output=True, text=True, timeout=60)
        if done.returncode != 0:
            raise Failed(f"rabbitmqctl: {done.stdout}{done.stderr}")

    def kill_connections(self, product: str) -> None:
        """Cuts the connections of a product: the process that serves each is killed. By erl_call,
        as that takes a hundredth of the time that rabbitmqctl does."""
        cookie = (self._folder / ".erlang.cookie").read_text()
        expression = (
            "[exit(P, kill) || [{pid, P}, {client_properties, C}] <- "
            "rabbit_networking:connection_info_all([pid, client_properties]), "
            f"is_list(C), lists:keyfind(<<\"product\">>, 1, C) =:= {{<<\"product\">>, longstr, <<\"{product}\">>}}].\n")
        done = subprocess.run(
            ["/usr/lib/erlang/bin/erl_call", "-sname", f"chunnel{self.port}@localhost", "-c", cookie,
             "-e"], input=expression, capture_output=True, text=True, timeout=60,
            env={**os.environ, "ERL_EPMD_PORT": str(self.port + 2), "HOME": str(self._folder)})
        if done.returncode != 0 or not done.stdout.startswith("{ok,"):
            raise Failed(f"erl_call: {done.stdout}{done.stderr}")

    def start_again(self) -> None:
        """On the data it had; returns at once."""
        self._child = self._launch()

    def stop(self) -> None:
        """What it holds is of no use to anybody any more: no orderly shutdown."""
        if not self._child.is_alive():
            return
        try:
            self.kill()
        except (OSError, ValueError, Failed):
            self._child.stop()
