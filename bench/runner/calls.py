"""The scenario of calls: how much longer does an answer take through the daemon than from a worker on
the asker's own server? One call at a time, by the same programs, in turn: direct, through, direct, ..."""

from __future__ import annotations

import contextlib
import json
import statistics
import subprocess
from typing import Any

from .candidates import Candidate, Chunneld
from .load import Ends, Program
from .rig import Rig
from .waiting import Failed, wait_until

Metrics = dict[str, "float | int | None"]
WARM_UP = 200
NAMES = {"amqp": "amqp_call", "redis": "redis_call"}


def words(ends: Ends, protocol: str, place: str) -> list[str]:
    port = ends.redis_port if protocol == "redis" else ends.amqp_port
    return [str(ends.programs / NAMES[protocol]), "--port", str(port),
            "--channel" if protocol == "redis" else "--queue", place]


def ask(ends: Ends, protocol: str, place: str, calls: int) -> dict[str, float]:
    done = subprocess.run([*words(ends, protocol, place), "--calls", str(calls)],
                          capture_output=True, text=True, timeout=300)
    if done.returncode != 0:
        raise Failed(done.stderr.strip())
    return json.loads(done.stdout)


def rule(asks: str, place: str) -> dict[str, Any]:
    ends = ({"queue": place}, {"channel": place})
    asked, answers = ends if asks == "amqp" else reversed(ends)
    return {"name": "calls", "rpc": {"from": asked, "to": answers, "timeout": "10s"}}


def calls(rig: Rig, candidate: Candidate, parameters: dict[str, Any]) -> Metrics:
    """Direct calls are those of the asker's server and, for comparison, those of the other."""
    assert isinstance(candidate, Chunneld)
    asks, count = parameters["asks"], parameters["calls"]
    answers = "redis" if asks == "amqp" else "amqp"
    times: dict[str, list[dict[str, float]]] = {"through": [], "amqp": [], "redis": []}
    with rig.run(candidate) as run, contextlib.ExitStack() as cleanup:
        through, direct = run.route.queue, f"{run.route.queue}.direct"
        own = rig.ends(direct)
        own.queue_program("--make")
        cleanup.callback(own.queue_program, "--delete")
        for protocol, place in ((answers, through), ("amqp", direct), ("redis", direct)):
            worker = Program([*words(run.ends, protocol, place), "--work"])
            cleanup.callback(worker.kill)
            worker.wait_ready(30)
        run.child = candidate.start_with(
            candidate.configuration_of(run.route, [rule(asks, through)]), run.folder)
        wait_until(lambda: (run.ends.queue_program()["consumers"] if asks == "amqp"
                            else rig.redis.subscribers(through)), "the daemon takes calls", 30)
        ways = (("through", asks, through), ("amqp", "amqp", direct), ("redis", "redis", direct))
        for number in range(parameters["turns"] + 1):
            for way, protocol, place in ways:
                took = ask(run.ends, protocol, place, count if number else WARM_UP)
                if number:
                    times[way].append(took)
    middle = {f"{way}_{key}": statistics.median(one[key] for one in took)
              for way, took in times.items() for key in ("p50_us", "p99_us")}
    return {**middle, **{f"added_{key}": middle[f"through_{key}"] - middle[f"{asks}_{key}"]
                         for key in ("p50_us", "p99_us")}}
