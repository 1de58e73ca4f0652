"""The scenario of mirrors: both sides publish at once, bodies drawn from a few values, while
connections are cut or not; then the messages of each value are counted on both sides.

On AMQP what came twice is known by its message id and left out of the count, so that nothing lost
hides behind it. Without cuts everything must be there once, to the message."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import time
import urllib.request
from typing import Any, Sequence

from .candidates import Candidate, Chunneld
from .load import Pace, Program
from .rig import Rig, Run
from .routes import EXCHANGE, PREFETCH
from .servers import free_port
from .waiting import Failed, wait_until

Metrics = dict[str, "float | int | None"]
VALUES = 1000
SIZE = 100
IDLE_MS = 4000
SUBSCRIPTIONS = 2  # of the channel: the counting one, and the mirror's own


@dataclasses.dataclass
class Side:
    """What a subscriber should have by value, and what it has."""

    expected: list[int]
    got: list[int]

    @property
    def lost(self) -> int:
        return sum(max(0, want - have) for want, have in zip(self.expected, self.got))

    @property
    def extra(self) -> int:
        return sum(max(0, have - want) for want, have in zip(self.expected, self.got))


def added(*counts: Sequence[int]) -> list[int]:
    return [sum(of_value) for of_value in zip(*counts)]


def less(counts: Sequence[int], other: Sequence[int]) -> list[int]:
    return [one - two for one, two in zip(counts, other)]


class Mirror:
    """A daemon with one mirror, and what it says of itself."""

    def __init__(self, rig: Rig, run: Run, candidate: Chunneld, persistent: bool) -> None:
        self._rig, self._run = rig, run
        self._port = free_port()
        self.queue = f"chunnel.{run.route.queue}"
        self.own = dataclasses.replace(run.ends, queue=self.queue)
        self.most_pending = 0
        rule = {"name": run.route.queue,
                "mirror": {"channel": run.route.channel, "exchange": EXCHANGE,
                           "routing_key": run.route.queue, "binding_keys": run.route.queue,
                           "persistent": persistent, "prefetch": PREFETCH},
                "buffer": {"messages": 4_000_000, "memory": "2GiB"}}
        configuration = {**candidate.configuration_of(run.route, [rule]),
                         "http": {"listen": f"127.0.0.1:{self._port}"}}
        self.child = run.child = candidate.start_with(configuration, run.folder)
        wait_until(self._is_running, "the mirror runs", 30, every=0.02)

    def _is_running(self) -> bool:
        self.child.check_alive()
        try:
            return self.books()["state"] == "running"
        except OSError:
            return False

    def books(self) -> dict[str, Any]:
        with urllib.request.urlopen(f"http://127.0.0.1:{self._port}/stats", timeout=30) as answer:
            books = json.load(answer)["bridges"][self._run.route.queue]
        self.most_pending = max(self.most_pending, books["pending"])
        return books

    def wait_idle(self, timeout: float) -> dict[str, Any]:
        """Waits until nothing is under way any more; the books then."""
        def idle() -> dict[str, Any] | None:
            if self.own.queue_program()["messages"]:
                return None
            before, books = self.books(), self.books()
            return books if books["pending"] == 0 and before == books else None

        return wait_until(idle, "the mirror has nothing to do", timeout, every=0.2)

    def cut(self) -> None:
        """Ends all its connections on both servers, without a word."""
        self._rig.redis.kill_clients("chunneld")
        self._rig.broker.kill_connections("chunneld")


def pass_time(seconds: float, cuts: int, mirror: Mirror | None) -> None:
    """Lets the traffic go on for so long, with the cuts spread over it."""
    begin = time.monotonic()
    due = [begin + seconds * (number + 1) / (cuts + 1) for number in range(cuts)]
    while time.monotonic() < begin + seconds:
        time.sleep(0.25)  # of the traffic; the books are looked at meanwhile
        if mirror and due and time.monotonic() >= due[0]:
            due.pop(0)
            mirror.cut()
        if mirror:
            mirror.books()


def senders(run: Run, both: Sequence[str], number: int, parameters: dict[str, Any]) -> list[Program]:
    """One a side, the first and the second; they draw different sequences of the same values."""
    pace = Pace(seconds=parameters["seconds"], rate=parameters["rate"])
    programs = []
    for index, protocol in enumerate(both):
        more = ["--values", str(VALUES), "--first", str(index * 1_000_003)]
        if protocol == "redis":
            more += ["--hear", str(SUBSCRIPTIONS)]
        else:
            more += ["--exchange", EXCHANGE]
            more += [] if parameters["persistent"] else ["--transient"]
        programs.append(run.ends.sender(protocol, number, SIZE, pace, more=more))
    return programs


def through(rig: Rig, run: Run, mirror: Mirror | None, parameters: dict[str, Any]) -> Metrics:
    """The traffic and its account; without a mirror, two publishers and the two queues."""
    number = rig.next_run()
    both = ("redis" if mirror else "amqp", "amqp")
    ends = (run.ends, run.ends if mirror else dataclasses.replace(
        run.ends, queue=f"chunnel.{run.route.queue}"))
    counting = ["--values", str(VALUES), "--idle-ms", str(IDLE_MS)]
    with contextlib.ExitStack() as cleanup:
        receivers = [end.receiver(protocol, number, SIZE, more=counting)
                     for end, protocol in zip(ends, both)]
        for receiver in receivers:
            cleanup.callback(receiver.kill)
            receiver.wait_ready(30)
        cpu_ns = mirror.child.cpu_ns() if mirror else 0
        sending = senders(run, both, number, parameters)
        for sender in sending:
            cleanup.callback(sender.kill)
        pass_time(parameters["seconds"], parameters["cuts"], mirror)
        sent = [sender.result(300) for sender in sending]
        books = mirror.wait_idle(900) if mirror else None
        cpu_ns = mirror.child.cpu_ns() - cpu_ns if mirror else 0
        got = [receiver.result(900, f"{sent[0]['sent'] + sent[1]['sent']}\n")
               for receiver in receivers]
    return account(run, mirror, parameters, sent, got, books, cpu_ns)


def account(run: Run, mirror: Mirror | None, parameters: dict[str, Any],
            sent: Sequence[dict[str, Any]], got: Sequence[dict[str, Any]],
            books: dict[str, Any] | None, cpu_ns: int) -> Metrics:
    everything = added(sent[0]["values"], sent[1]["values"])
    unheard = sent[0].get("unheard_values", [0] * VALUES)
    first = Side(everything, got[0]["values"])
    second = Side(less(everything, unheard), got[1]["values"])
    total = sent[0]["sent"] + sent[1]["sent"]
    begin = min(one["start_ns"] for one in sent)
    if damaged := got[0]["damaged"] + got[1]["damaged"]:
        raise AssertionError(f"{damaged} messages came damaged")
    numbers: Metrics = {
        "sent_rate": min(one["sent"] / (one["end_ns"] - one["start_ns"]) * 1e9 for one in sent),
        "rate": total / 2 / (max(one["last_ns"] for one in got) - begin) * 1e9,
        "sent": total, "unheard": sum(unheard), "cut_off": 0,
        "lost_redis": first.lost, "lost_amqp": second.lost,
        "extra_redis": first.extra, "extra_amqp": second.extra, "repeated": got[1]["repeated"],
        "peak_mib": run.memory_mib()}
    if mirror and books:
        numbers["pending"] = mirror.most_pending
        numbers["cpu_us"] = cpu_ns / 1000 / total
        # What Redis had for the subscription when it was cut, and never gave away.
        numbers["cut_off"] = (sent[0]["sent"] - sum(unheard) - books["to_amqp"]["received"]
                              + books["to_amqp"]["filtered"])
        if books["dropped"] or books["dead_lettered"]:
            raise AssertionError(f"the mirror dropped messages: {books}")
    judge(numbers, first, second, parameters["cuts"])
    return numbers


def judge(numbers: Metrics, first: Side, second: Side, cuts: int) -> None:
    """Exactly once without cuts. With them nothing is missing that was not cut off inside Redis,
    and only what was in flight came twice."""
    if not cuts and (first.expected != first.got or second.expected != second.got
                     or numbers["repeated"] or numbers["unheard"]):
        raise AssertionError(f"not exactly once: {numbers}")
    if first.lost or second.lost - second.extra != numbers["cut_off"]:
        raise AssertionError(f"messages are missing: {numbers}")
    in_flight = 2 * PREFETCH * cuts  # on either connection, as the broker gives it
    if max(first.extra, second.extra) > in_flight:
        raise AssertionError(f"more than what was in flight came twice: {numbers}")


def mirror(rig: Rig, candidate: Candidate, parameters: dict[str, Any]) -> Metrics:
    with rig.run(candidate) as run:
        own = dataclasses.replace(run.ends, queue=f"chunnel.{run.route.queue}")
        own.queue_program("--make", "--exchange", EXCHANGE, "--key", run.route.queue)
        try:
            made = (Mirror(rig, run, candidate, parameters["persistent"])
                    if isinstance(candidate, Chunneld) else None)
            return through(rig, run, made, parameters)
        finally:
            if run.child:
                run.child.stop()
            with contextlib.suppress(Failed):
                own.queue_program("--wait-ms", "20000", "--delete")
