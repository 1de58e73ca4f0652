"""The scenario of the long run: saturated in both directions at once, through two bridges of one
daemon, and its memory looked at all the while. Does it grow?

The load programs keep no more of a message than a bit."""

from __future__ import annotations

import contextlib
import statistics
import time
from typing import Any, Sequence

from .candidates import Candidate, Chunneld
from .load import Flow, Pace
from .measures import books
from .processes import Child
from .rig import Rig, Run, window_for
from .routes import AMQP_TO_REDIS, REDIS_TO_AMQP

Metrics = dict[str, "float | int | None"]
Sample = tuple[float, int]  # seconds since the start, KiB
SETTLED = 0.1  # of the time: by then everything has been needed once
END_S = 300  # for what is under way at the end


def start(candidate: Chunneld, runs: Sequence[Run]) -> Child:
    """One daemon with a bridge for each of the runs, which have it in common."""
    bridges = [{**candidate.configuration(run.route)["bridges"][0], "name": run.route.direction}
               for run in runs]
    configuration = candidate.configuration_of(runs[0].route, bridges)
    child = candidate.start_with(configuration, runs[0].folder)
    for run in runs:
        run.child = child
    return child


def watch(child: Child, flows: Sequence[Flow], every_s: float) -> list[Sample]:
    """Resident memory, as often as said, until the first of them has sent everything."""
    begin, samples = time.monotonic(), []
    while True:
        samples.append((time.monotonic() - begin, child.memory_kib("VmRSS")))
        if not all(flow.is_sending() for flow in flows):
            return samples
        time.sleep(every_s)


def settled(samples: Sequence[Sample]) -> list[Sample]:
    """Those after the first tenth of the time."""
    return [sample for sample in samples if sample[0] >= SETTLED * samples[-1][0]]


def slope_kib_h(samples: Sequence[Sample]) -> float | None:
    """By least squares."""
    if len(samples) < 3:
        return None
    return statistics.linear_regression(*zip(*samples)).slope * 3600


def memory(samples: Sequence[Sample]) -> Metrics:
    later = settled(samples)
    sizes = [size for _, size in samples]
    return {"rss_early_mib": later[0][1] / 1024, "rss_end_mib": sizes[-1] / 1024,
            "rss_most_mib": max(sizes) / 1024, "slope_kib_h": slope_kib_h(later)}


def soak(rig: Rig, candidate: Candidate, parameters: dict[str, Any]) -> Metrics:
    assert isinstance(candidate, Chunneld)
    size, seconds = parameters["size"], 60 * parameters["minutes"]
    pace = Pace(seconds=seconds, window=window_for(size))
    with contextlib.ExitStack() as stack:
        runs = [stack.enter_context(rig.run(candidate, direction))
                for direction in (REDIS_TO_AMQP, AMQP_TO_REDIS)]
        child = start(candidate, runs)
        for run in runs:
            run.wait_attached()
            run.warm_up(size)
        before = child.cpu_ns()
        flows = [stack.enter_context(run.flowing(size, pace, ["--no-latencies"])) for run in runs]
        samples = watch(child, flows, parameters["every_s"])
        # Who has ended has the word first: it may be the reason why another does not.
        said = {flow: flow.result(END_S) for flow in sorted(flows, key=Flow.is_sending)}
        outcomes = [{**got, "sent": sent["sent"], "got": got["distinct"]}
                    for sent, got in (said[flow] for flow in flows)]
        carried = [outcome["got"] for outcome in outcomes]
        both = [books(outcome) for outcome in outcomes]
        return {**memory(samples), "out": carried[0], "back": carried[1],
                "cpu_us": (child.cpu_ns() - before) / 1000 / sum(carried),
                **{key: sum(one[key] or 0 for one in both) for key in both[0]}}
