"""What it costs to look at the daemon: a scrape of many bridges, and everything on against nothing.

The watchers are threads here; their own time is not in the daemon's."""

from __future__ import annotations

import contextlib
import re
import socket
import statistics
import threading
import time
from typing import Any, Callable, Iterator

from .candidates import Candidate, Chunneld
from .load import Pace
from .measures import delivered_rate
from .processes import Child
from .rig import Rig, Run, window_for
from .routes import EXCHANGE, REDIS_TO_AMQP
from .servers import free_port
from .waiting import Failed, wait_until

Metrics = dict[str, "float | int | None"]
LOOK_BACK_S = 20  # chunnel_loop_lag_seconds tells of the last ten to twenty seconds
END = b"\r\n0\r\n\r\n"


class Client:
    """A connection that asks the daemon's HTTP; it reads as fast as it can."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), 30)
        self._buffer = bytearray(16 * 1024 * 1024)

    def send(self, path: str) -> None:
        self._socket.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())

    def read(self, at: int = 0) -> int:
        """Where what came ends; 0: the daemon closed."""
        more = self._socket.recv_into(memoryview(self._buffer)[at:])
        return at + more if more else 0

    def whole(self, path: str) -> memoryview:
        """A chunked answer, until the next one is read; it is not copied, as that would take longer
        than the answer itself."""
        self.send(path)
        end = self.read()
        while end and not self._buffer.endswith(END, 0, end):
            end = self.read(end)
        if not end:
            raise Failed(f"{path}: the daemon closed the connection")
        return memoryview(self._buffer)[:end]

    def close(self) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()


def many(run: Run, count: int) -> list[dict[str, Any]]:
    """So many bridges, each with a channel of its own."""
    name = run.route.channel
    return [{"name": f"bridge-{number}", "from": {"channel": f"{name}.{number}"},
             "to": {"exchange": EXCHANGE, "routing_key": "{channel}"}} for number in range(count)]


Dress = Callable[["dict[str, Any]", Run, int], "dict[str, Any]"]  # adds to a configuration


def nothing_on(configuration: dict[str, Any], _run: Run, _port: int) -> dict[str, Any]:
    return configuration


def http_on(configuration: dict[str, Any], _run: Run, port: int) -> dict[str, Any]:
    return {**configuration, "http": {"listen": f"127.0.0.1:{port}"}}


def everything_on(configuration: dict[str, Any], run: Run, port: int,
                  every: str = "1s") -> dict[str, Any]:
    name = run.route.channel
    configuration["connections"]["redis"]["canary"] = every
    return {**configuration, "http": {"listen": f"127.0.0.1:{port}"},
            "control": {"socket": str(run.folder / "control.sock")},
            "stats": {"channel": f"{name}-stats", "interval": every},
            "events": {"channel": f"{name}-events"}}


@contextlib.contextmanager
def carried(rig: Rig, candidate: Chunneld, count: int, wrapper: tuple[str, ...] = (),
            dress: Dress = http_on) -> Iterator[tuple[Child, int]]:
    """A daemon with so many bridges, each of which has carried a message, and the port of its HTTP;
    it may run under a program such as valgrind."""
    port = free_port()
    with rig.run(candidate, REDIS_TO_AMQP, channels=count) as run:
        configuration = candidate.configuration_of(run.route, many(run, count))
        run.child = candidate.start_with(dress(configuration, run, port), run.folder, wrapper)
        wait_until(lambda: rig.redis.channels(f"{run.route.channel}.*") == count,
                   f"{count} channels are subscribed", 60, every=0.05)
        outcome = run.flow(100, Pace(count=count), idle_ms=30_000)
        if outcome["got"] != count:
            raise Failed(f"{outcome['got']} of {count} messages came")
        yield run.child, port


def scrape(rig: Rig, candidate: Candidate, parameters: dict[str, Any]) -> Metrics:
    """/metrics of many bridges, each of which has carried a message; the longest turn of the loop
    is that of a time in which nothing but this was done."""
    assert isinstance(candidate, Chunneld)
    seconds = parameters["seconds"]
    with carried(rig, candidate, parameters["bridges"]) as (child, port):
        client, took, used, page = Client(port), [], [], memoryview(b"")
        begun = time.monotonic()
        while time.monotonic() < begun + seconds or len(took) < 10:
            cpu, start = child.cpu_ns(), time.monotonic_ns()
            page = client.whole("/metrics")
            took.append((time.monotonic_ns() - start) / 1e6)
            used.append((child.cpu_ns() - cpu) / 1e6)
            time.sleep(0.1)
        client.close()
        lag = re.search(rb"^chunnel_loop_lag_seconds ([0-9.]+)$", page, re.MULTILINE)
        return {"scrape_ms": statistics.median(took), "scrape_cpu_ms": statistics.median(used),
                "turn_ms": float(lag.group(1)) * 1000 if lag and seconds >= LOOK_BACK_S else None,
                "page_kib": len(page) / 1024}


@contextlib.contextmanager
def watchers(port: int) -> Iterator[None]:
    """A scrape a second, and somebody who has the status page open."""
    over = threading.Event()
    scraper, page = Client(port), Client(port)

    def scrapes() -> None:
        while not over.wait(1):
            scraper.whole("/metrics")

    def watch() -> None:
        page.send("/events")
        with contextlib.suppress(OSError):
            while page.read():
                pass

    threads = [threading.Thread(target=work) for work in (scrapes, watch)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        over.set()
        threads[0].join()
        page.close()
        threads[1].join()
        scraper.close()


def observed(rig: Rig, candidate: Candidate, parameters: dict[str, Any]) -> Metrics:
    """Two daemons, one with nothing on and one with everything, saturated in turn for a slice
    each; the ratio is the median of the pairs'."""
    assert isinstance(candidate, Chunneld)
    port, idle = free_port(), parameters["idle"]
    costs: list[tuple[float, float]] = []
    rates: list[float] = []
    with contextlib.ExitStack() as stack:
        off, on = (stack.enter_context(rig.run(candidate, REDIS_TO_AMQP)) for _ in range(2))
        for run in (off, on):
            configuration = candidate.configuration(run.route)
            configuration["bridges"] += many(run, idle)
            if run is on:
                configuration = everything_on(configuration, run, port)
            run.child = candidate.start_with(configuration, run.folder)
            run.wait_attached()
            run.warm_up()
        stack.enter_context(watchers(port))
        for number in range(parameters["pairs"]):
            pair = {}
            for run in (off, on) if number % 2 else (on, off):
                outcome = run.flow(100, Pace(seconds=parameters["seconds"],
                                             window=window_for(100)))
                if outcome["got"] != outcome["sent"]:
                    raise Failed(f"{outcome['sent'] - outcome['got']} messages are lost")
                pair[run] = outcome["cpu_ns"] / outcome["got"] / 1000
                rates.append(delivered_rate(outcome) or 0)
            costs.append((pair[off], pair[on]))
    return {"rate": statistics.median(rates), "off_us": statistics.median(cost[0] for cost in costs),
            "on_us": statistics.median(cost[1] for cost in costs),
            "more_percent": 100 * (statistics.median(cost[1] / cost[0] for cost in costs) - 1)}
