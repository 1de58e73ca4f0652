"""The rig on which a candidate is measured: the two servers, the load programs, one route a run."""

from __future__ import annotations

import contextlib
import itertools
import pathlib
import tempfile
from typing import Any, Iterator, Sequence

from .candidates import Bare, BareBeside, Candidate
from .load import Ends, Flow, FlowBeside, Pace, Stream
from .processes import Child
from .routes import AMQP_TO_REDIS, EXCHANGE, REDIS_TO_AMQP, Route
from .servers import Broker, Redis
from .waiting import Failed, wait_until

WARM_UP = Pace(seconds=1, window=1000)
MIB = 1024 * 1024


def window_for(size: int) -> int:
    """How many bodies of a size may be under way: enough to keep everybody busy, few enough for
    Redis to cut off no subscriber (it allows 8 MB for a minute)."""
    return max(16, min(10_000, 6 * MIB // size))


class Run:
    """One candidate on one route, from its start to its end."""

    def __init__(self, rig: "Rig", candidate: Candidate, route: Route, ends: Ends,
                 folder: pathlib.Path) -> None:
        self.candidate = candidate
        self.route = route
        self.ends = ends
        self.folder = folder
        self.child: Child | None = None
        self._rig = rig

    @property
    def source(self) -> str:
        """The protocol that messages are sent on."""
        return self.candidate.protocol if isinstance(self.candidate, Bare) else self.route.source

    @property
    def target(self) -> str:
        """The protocol that messages are received on."""
        return self.candidate.protocol if isinstance(self.candidate, Bare) else self.route.target

    def start(self) -> None:
        """Starts the candidate; returns when the source has it as a subscriber or consumer."""
        if isinstance(self.candidate, Bare):
            return
        self.child = self.candidate.start(self.route, self.folder)
        self.wait_attached()

    def wait_attached(self) -> None:
        child = self.child
        assert child is not None

        def attached() -> bool:
            child.check_alive()
            if self.route.direction == AMQP_TO_REDIS:
                return self.ends.queue_program()["consumers"] > 0
            if self.route.channels:
                return self._rig.redis.patterns() > 0
            return self._rig.redis.subscribers(self.route.channel) > 0

        wait_until(attached, f"{child.name} is attached to its source", 30)

    def flowing(self, size: int, pace: Pace, receiver_words: Sequence[str] = ()) -> Flow:
        """The load programs at both ends, to be started."""
        words = self.candidate.sender_words if isinstance(self.candidate, Bare) else ()
        kind = FlowBeside if isinstance(self.candidate, BareBeside) else Flow
        return kind(self.ends, Stream(self.source, self.target, self._rig.next_run(), size, pace,
                                      words, receiver_words))

    def flow(self, size: int, pace: Pace, idle_ms: int = 5000,
             timeout: float = 300) -> dict[str, Any]:
        """Sends through the candidate; what came of it, with the candidate's CPU time."""
        before = self.child.cpu_ns() if self.child else 0
        with self.flowing(size, pace, ["--idle-ms", str(idle_ms)]) as flow:
            sent, got = flow.result(timeout)
        outcome = {"sent": sent["sent"], "got": got["distinct"],
                   "start_ns": sent["start_ns"], "sent_ns": sent["end_ns"], **got}
        if self.child:
            outcome["cpu_ns"] = self.child.cpu_ns() - before
        return outcome

    def warm_up(self, size: int = 100) -> None:
        """Carries messages for a second: code is compiled, buffers have grown, the route works."""
        pace = Pace(seconds=WARM_UP.seconds, window=min(WARM_UP.window, window_for(size)))
        outcome = self.flow(size, pace)
        if outcome["got"] == 0:
            words = f": {self.child.last_words()}" if self.child else ""
            raise Failed(f"{self.candidate.name} carries nothing{words}")

    def memory_mib(self, which: str = "VmHWM") -> float | None:
        return self.child.memory_kib(which) / 1024 if self.child else None


class Rig:
    """Private servers and built load programs. Use as a context manager."""

    def __init__(self, programs: pathlib.Path) -> None:
        self._programs = programs
        self._numbers = itertools.count(1)
        self._cleanup = contextlib.ExitStack()

    def __enter__(self) -> "Rig":
        with contextlib.ExitStack() as cleanup:
            folder = pathlib.Path(cleanup.enter_context(
                tempfile.TemporaryDirectory(prefix="chunneld-bench-", ignore_cleanup_errors=True)))
            folder.chmod(0o755)  # the broker may run as a user of its own
            self._folder = folder
            self.redis = Redis(folder / "redis")
            cleanup.callback(self.redis.stop)
            self.broker = Broker(folder / "rabbitmq")
            cleanup.callback(self.broker.stop)
            self.ends("none").queue_program("--wait-ms", "90000", "--make")
            self._cleanup = cleanup.pop_all()
        return self

    def __exit__(self, *_error: object) -> None:
        self._cleanup.close()

    def next_run(self) -> int:
        """A number that tells the messages of one flow from those of all others."""
        return next(self._numbers)

    def ends(self, name: str, channels: int = 0) -> Ends:
        return Ends(self._programs, self.redis.port, self.broker.port, name, channels, EXCHANGE,
                    name)

    @contextlib.contextmanager
    def run(self, candidate: Candidate, direction: str = REDIS_TO_AMQP,
            channels: int = 0) -> Iterator[Run]:
        """A fresh route and queue; the candidate is started by start() and stopped at the end."""
        number = self.next_run()
        name = f"bench{number}"
        route = Route(direction, self.redis.url, self.broker.url, name, name, channels)
        ends = self.ends(name, channels)
        folder = self._folder / f"run{number}"
        folder.mkdir()
        ends.queue_program("--make", "--exchange", EXCHANGE, "--key", route.binding_key)
        run = Run(self, candidate, route, ends, folder)
        try:
            yield run
        finally:
            if run.child:
                run.child.stop()
            # That the broker is gone is for the run itself to say.
            with contextlib.suppress(Failed):
                ends.queue_program("--wait-ms", "20000", "--delete")
