"""The load programs of bench/load/: built once into the cache, started and listened to."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import pathlib
import shutil
import signal
import subprocess
import threading
from typing import Any, Sequence

from .cache import Cache
from .processes import die_with_parent
from .servers import ROOT
from .waiting import Failed

SOURCES = ROOT / "bench" / "load"
COMMON = ("args", "body", "pace", "tally", "values")
RULE = "../../src/core/inflight"  # the daemon's own, of how much goes out unconfirmed
PROGRAMS = {"redis_blast": (), "redis_tap": (), "amqp_blast": ("broker", RULE),
            "amqp_drain": ("broker", "idset"), "amqp_queue": ("broker",),
            "amqp_call": ("broker", "rtt"), "redis_call": ("rtt",)}
LONG_S = 24 * 3600  # for senders that somebody else ends
FLAGS = ["-std=gnu11", "-O2", "-g", "-Wall", "-Wextra", "-I", str(ROOT / "include")]


def build(cache: Cache) -> pathlib.Path:
    """Compiles the programs if they are not in the cache; the folder that holds them."""
    def make(folder: pathlib.Path) -> None:
        for needed, package in (("cc", "gcc"), ("pkg-config", "pkg-config")):
            if not shutil.which(needed):
                raise Failed(f"{needed} is missing (Debian: apt-get install {package})")
        found = subprocess.run(["pkg-config", "--cflags", "--libs", "hiredis", "librabbitmq"],
                               capture_output=True, text=True)
        if found.returncode != 0:
            raise Failed("hiredis or librabbitmq is missing (Debian: apt-get install "
                         f"libhiredis-dev librabbitmq-dev): {found.stderr.strip()}")
        for program, more in PROGRAMS.items():
            sources = [str(SOURCES / f"{name}.c") for name in (program, *COMMON, *more)]
            cache.run(["cc", *FLAGS, "-o", str(folder / program), *sources,
                       *found.stdout.split()])

    inputs = [*sorted(SOURCES.glob("*.[ch]")), SOURCES / f"{RULE}.c",
              ROOT / "include" / "core" / "inflight.h"]
    return cache.folder("load", inputs, make)


class Program:
    """A load program that runs: says "ready" or not, ends with a JSON object."""

    def __init__(self, command: Sequence[str], fds: Sequence[int] = ()) -> None:
        self._name = pathlib.Path(command[0]).name
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            text=True, pass_fds=fds, preexec_fn=die_with_parent, start_new_session=True)

    def wait_ready(self, timeout: float) -> None:
        assert self._process.stdout is not None
        alarm = threading.Timer(timeout, self._process.kill)
        alarm.start()
        line = self._process.stdout.readline()
        alarm.cancel()
        if line.strip() != "ready":
            _, words = self._process.communicate()
            raise Failed(f"{self._name} does not get ready: {words.strip() or 'no answer'}")

    def result(self, timeout: float, told: str | None = None) -> dict[str, Any]:
        """What it says at its end, after `told` was written to it."""
        try:
            output, words = self._process.communicate(told, timeout)
        except subprocess.TimeoutExpired:
            self.kill()
            raise Failed(f"{self._name} does not end within {timeout:g} s") from None
        if self._process.returncode != 0:
            raise Failed(words.strip() or f"{self._name} ended with {self._process.returncode}")
        return json.loads(output)

    def is_alive(self) -> bool:
        return self._process.poll() is None

    def ask_to_stop(self) -> None:
        self._process.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        if self._process.poll() is None:
            self._process.kill()
        self._process.communicate()


@dataclasses.dataclass(frozen=True)
class Pace:
    """How a sender sends: a count or a time, at a rate or at full speed, in a window or not."""

    count: int = 0
    seconds: int = 0
    rate: int = 0
    window: int = 0  # most messages on their way from end to end

    def arguments(self) -> list[str]:
        values = {"--count": self.count, "--seconds": self.seconds, "--rate": self.rate,
                  "--window": self.window}
        return [word for name, value in values.items() if value for word in (name, str(value))]


@dataclasses.dataclass(frozen=True)
class Ends:
    """Where the two ends of a route stand, for the load programs."""

    programs: pathlib.Path
    redis_port: int
    amqp_port: int
    channel: str  # where there are several: what comes before .NUMBER
    channels: int  # 0: `channel` alone
    exchange: str
    queue: str

    def sender(self, protocol: str, run: int, size: int, pace: Pace, credit_fd: int = 0,
               more: Sequence[str] = ()) -> Program:
        """A sender on that side; it starts at once. On AMQP it publishes to the queue."""
        words = ["--run", str(run), "--size", str(size), *pace.arguments(), *more]
        if pace.window:
            words += ["--credit-fd", str(credit_fd)]
        if protocol == "redis":
            head = [str(self.programs / "redis_blast"), "--port", str(self.redis_port),
                    "--channel", self.channel]
            head += ["--channels", str(self.channels)] if self.channels else []
        else:
            head = [str(self.programs / "amqp_blast"), "--port", str(self.amqp_port),
                    "--key", self.queue]
        return Program(head + words, [credit_fd] if pace.window else [])

    def receiver(self, protocol: str, run: int, size: int, credit_fd: int = 0,
                 more: Sequence[str] = ()) -> Program:
        """A receiving end on that side; wait_ready() tells when it listens."""
        words = ["--run", str(run), "--size", str(size), *more]
        if credit_fd:
            words += ["--credit-fd", str(credit_fd)]
        if protocol == "redis":
            head = [str(self.programs / "redis_tap"), "--port", str(self.redis_port),
                    "--channel", self.channel]
        else:
            head = [str(self.programs / "amqp_drain"), "--port", str(self.amqp_port),
                    "--queue", self.queue]
        return Program(head + words, [credit_fd] if credit_fd else [])

    def queue_program(self, *words: str) -> dict[str, Any]:
        """Runs amqp_queue on the queue; what it says."""
        done = subprocess.run([str(self.programs / "amqp_queue"), "--port", str(self.amqp_port),
                               "--queue", self.queue, *words],
                              capture_output=True, text=True, timeout=120)
        if done.returncode != 0:
            raise Failed(done.stderr.strip())
        return json.loads(done.stdout) if done.stdout else {}


class Pipe:
    """On which a receiving end tells a sender what came; the runner itself only hands it on."""

    def __init__(self, cleanup: contextlib.ExitStack) -> None:
        self._ends = [cleanup.enter_context(os.fdopen(fd, mode, 0))
                      for fd, mode in zip(os.pipe(), ("rb", "wb"))]
        self.listen_fd, self.tell_fd = (end.fileno() for end in self._ends)

    def close(self) -> None:
        """From here on each end is held by its program alone."""
        for end in self._ends:
            end.close()


@dataclasses.dataclass(frozen=True)
class Stream:
    """What is sent from one side to the other."""

    source: str
    target: str
    run: int
    size: int
    pace: Pace
    sender_words: Sequence[str] = ()
    receiver_words: Sequence[str] = ()


class Flow:
    """A sender and its receiving end at work. Use as a context manager."""

    def __init__(self, ends: Ends, stream: Stream) -> None:
        self._ends = ends
        self._stream = stream
        self._cleanup = contextlib.ExitStack()

    def __enter__(self) -> "Flow":
        with contextlib.ExitStack() as cleanup:
            self._start(cleanup)
            self._cleanup = cleanup.pop_all()
        return self

    def __exit__(self, *_error: object) -> None:
        self._cleanup.close()

    def _start(self, cleanup: contextlib.ExitStack) -> None:
        pipe = Pipe(cleanup) if self._stream.pace.window else None
        self._receiver = self._receive(cleanup, pipe.tell_fd if pipe else 0)
        self._sender = self._send(cleanup, pipe.listen_fd if pipe else 0)
        if pipe:
            pipe.close()

    def _receive(self, cleanup: contextlib.ExitStack, tell_fd: int) -> Program:
        stream = self._stream
        receiver = self._ends.receiver(stream.target, stream.run, stream.size, tell_fd,
                                       stream.receiver_words)
        cleanup.callback(receiver.kill)
        receiver.wait_ready(30)
        return receiver

    def _send(self, cleanup: contextlib.ExitStack, listen_fd: int) -> Program:
        stream = self._stream
        sender = self._ends.sender(stream.source, stream.run, stream.size, stream.pace, listen_fd,
                                   stream.sender_words)
        cleanup.callback(sender.kill)
        return sender

    def is_sending(self) -> bool:
        return self._sender.is_alive()

    def result(self, timeout: float) -> tuple[dict[str, Any], dict[str, Any]]:
        """What the sender and what the receiver say at their ends."""
        sent = self._sender.result(timeout)
        return sent, self._receiver.result(timeout, f"{sent['sent']}\n")


class FlowBeside(Flow):
    """A flow on RabbitMQ, and one on Redis that follows it, as if there were a bridge between: for
    each message that comes through RabbitMQ one is published on Redis, and only when that has
    come, too, is there room for another in the window of the first sender.

        amqp_blast -> RabbitMQ -> amqp_drain - credit -> redis_blast -> Redis -> redis_tap
            ^---------------------------------- credit ------------------------------'"""

    def _start(self, cleanup: contextlib.ExitStack) -> None:
        stream = self._stream
        follow, credit = Pipe(cleanup), Pipe(cleanup)
        self._tap = self._ends.receiver("redis", stream.run, stream.size, credit.tell_fd,
                                        stream.receiver_words)
        cleanup.callback(self._tap.kill)
        self._tap.wait_ready(30)
        self._receiver = self._receive(cleanup, follow.tell_fd)
        self._follower = self._ends.sender("redis", stream.run, stream.size,
                                           Pace(seconds=LONG_S, window=1), follow.listen_fd)
        cleanup.callback(self._follower.kill)
        self._sender = self._send(cleanup, credit.listen_fd)
        follow.close()
        credit.close()

    def result(self, timeout: float) -> tuple[dict[str, Any], dict[str, Any]]:
        sent = self._sender.result(timeout)
        number = f"{sent['sent']}\n"
        beside = self._tap.result(timeout, number)
        if beside["distinct"] < sent["sent"]:
            raise Failed(f"{beside['distinct']} of {sent['sent']} messages came on Redis")
        self._follower.ask_to_stop()  # while there still is somebody to give it credit
        self._follower.result(timeout)
        return sent, self._receiver.result(timeout, number)
