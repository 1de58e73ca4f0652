"""A thousand bridges at once: what they cost to check, to start, to change, and at rest.

That all of them run is read from the log, which costs the daemon what it costs everybody; a reload
is asked for over the control socket."""

from __future__ import annotations

import http.client
import json
import pathlib
import socket
import subprocess
import time
from typing import Any

from .candidates import Candidate, Chunneld
from .rig import Rig, Run
from .routes import REDIS_TO_AMQP
from .waiting import Failed, wait_until

Metrics = dict[str, "float | int | None"]
RELOADS = 5


class Log:
    """What comes to the log of the daemon from now on."""

    def __init__(self, path: pathlib.Path) -> None:
        self._path = path
        self._read = path.stat().st_size if path.exists() else 0
        self._text = ""

    def count(self, words: str) -> int:
        with open(self._path, "rb") as file:
            file.seek(self._read)
            more = file.read()
        self._read += len(more)
        self._text += more.decode(errors="replace")
        return self._text.count(words)


def rules_of(shape: str, name: str, count: int) -> dict[str, Any]:
    """The bridges of one shape, and the topology that they need. Queues that nobody uses any more
    go by themselves."""
    gone = {"x-expires": 120_000}
    names = [f"{name}-{number}" for number in range(count)]
    out = [{"name": one, "from": {"channel": f"to.{one}"},
            "to": {"exchange": "amq.topic", "routing_key": f"to.{one}"}} for one in names]
    back = [{"name": one, "from": {"queue": one}, "to": {"channel": f"from.{one}"}}
            for one in names]
    if shape == "out":
        return {"bridges": out}
    if shape == "mirrors":  # of patterns, on one exchange
        return {"bridges": [{"name": one, "mirror": {
            "pattern": f"{one}:*", "exchange": "amq.topic", "routing_key": "{channel|dots}",
            "channel": "{routing_key|colons}"}} for one in names]}
    used = names if shape in ("back", "declared") else names[::2]
    exchange = f"{name}-all" if shape == "declared" else "amq.direct"
    topology: dict[str, Any] = {
        "queues": [{"name": one, "arguments": gone} for one in used],
        "bindings": [{"source": exchange, "destination": one, "routing_key": f"to.{one}"}
                     for one in used]}
    if shape == "declared":  # as many of each, and nobody reads
        topology["exchanges"] = [{"name": exchange, "type": "topic"}]
        for bridge in out:
            bridge["to"]["exchange"] = exchange
        return {"bridges": out, "topology": topology}
    if shape == "mix":
        return {"bridges": [back[i] if i % 2 == 0 else out[i] for i in range(count)],
                "topology": topology}
    return {"bridges": back, "topology": topology}


def change(bridge: dict[str, Any], number: int) -> str | None:
    """Another rule for a bridge; the channel that it subscribes to from then on."""
    if "mirror" in bridge:
        bridge["mirror"]["pattern"] = f"{bridge['mirror']['pattern'].split('?')[0]}{'?' * number}"
        return None
    end = bridge["from"] if "channel" in bridge["from"] else bridge["to"]
    end["channel"] = f"{end['channel'].split('/')[0]}/{number}"
    return end["channel"] if end is bridge["from"] else None


def milliseconds(since_ns: int) -> float:
    return (time.monotonic_ns() - since_ns) / 1e6


def check_ms(program: pathlib.Path, path: pathlib.Path) -> float:
    start = time.monotonic_ns()
    subprocess.run([program, "--check", "-c", path], check=True, stdout=subprocess.DEVNULL)
    return milliseconds(start)


class Control(http.client.HTTPConnection):
    """The control socket of the daemon."""

    def __init__(self, path: pathlib.Path) -> None:
        super().__init__("localhost", timeout=30)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))

    def reload(self) -> None:
        self.request("POST", "/reload")
        response = self.getresponse()
        words = response.read().decode()
        if response.status != 200:
            raise Failed(f"the reload was refused: {words}")


def reload_ms(rig: Rig, path: pathlib.Path, configuration: dict[str, Any], number: int) -> float:
    """From the command until the one changed bridge works by its new rule."""
    bridges = configuration["bridges"]
    channel = change(bridges[len(bridges) // 2], number)
    path.write_text(json.dumps(configuration, indent=2))
    control = Control(pathlib.Path(configuration["control"]["socket"]))
    control.connect()
    start = time.monotonic_ns()
    control.reload()
    wait_until(lambda: channel is None or rig.redis.subscribers(channel) > 0,
               f"{channel} is subscribed", 10, every=0.001)
    taken = milliseconds(start)
    control.close()
    return taken


def start_ms(run: Run, candidate: Chunneld, configuration: dict[str, Any]) -> float:
    """From the start of the process until all bridges run."""
    log = Log(run.folder / f"{candidate.name}.log")
    count = len(configuration["bridges"])
    child = run.child = candidate.start_with(configuration, run.folder)

    def running() -> bool:
        child.check_alive()
        return log.count('msg="running"') >= count

    wait_until(running, f"{count} bridges run", 40, every=0.002)
    return milliseconds(child.started_ns)


def measure_running(rig: Rig, run: Run, path: pathlib.Path, configuration: dict[str, Any],
                    seconds: int) -> Metrics:
    child = run.child
    assert child is not None
    before_ns, before = time.monotonic_ns(), child.cpu_ns()
    metrics: Metrics = {"start_cpu_ms": before / 1e6}
    time.sleep(seconds)  # what is measured: doing nothing
    metrics["cpu_percent"] = 100 * (child.cpu_ns() - before) / (time.monotonic_ns() - before_ns)
    metrics["rss_mib"] = run.memory_mib("VmRSS")
    metrics["reload_ms"] = max(reload_ms(rig, path, configuration, number)
                               for number in range(RELOADS))
    metrics["peak_mib"] = run.memory_mib()
    return metrics


def thousand(rig: Rig, candidate: Candidate, parameters: dict[str, Any]) -> Metrics:
    assert isinstance(candidate, Chunneld)
    with rig.run(candidate, REDIS_TO_AMQP) as run:
        rules = rules_of(parameters["shape"], run.route.channel, parameters["bridges"])
        configuration = {**candidate.configuration_of(run.route, []), **rules,
                         "control": {"socket": str(run.folder / "control.sock")}}
        path = run.folder / "chunneld.json"
        path.write_text(json.dumps(configuration, indent=2))
        least = min(check_ms(candidate.program, path) for _ in range(RELOADS))
        first = start_ms(run, candidate, configuration)
        assert run.child is not None
        run.child.stop()  # what was declared stays
        again = start_ms(run, candidate, configuration)
        return {"check_ms": least, "first_ms": first, "running_ms": again,
                **measure_running(rig, run, path, configuration, parameters["seconds"])}
