"""How the numbers of each scenario come about: one function a kind, a dictionary of numbers each.

A number that was not measured (the CPU time of no bridge, a percentile of too few messages) is
left out or None, never guessed."""

from __future__ import annotations

import time
from typing import Any

from .candidates import Candidate, Chunneld
from .load import Pace
from .rig import Rig, Run, window_for
from .routes import AMQP_TO_REDIS, EXCHANGE, REDIS_TO_AMQP
from .waiting import wait_until

Metrics = dict[str, "float | int | None"]


def books(outcome: dict[str, Any]) -> Metrics:
    """What was lost, came twice or harmed."""
    if outcome["damaged"]:
        raise AssertionError(f"{outcome['damaged']} messages came damaged")
    return {"sent": outcome["sent"], "lost": outcome["sent"] - outcome["got"],
            "duplicates": outcome["duplicates"], "out_of_order": outcome["out_of_order"]}


def cost(outcome: dict[str, Any], run: Run) -> Metrics:
    """CPU time for each message delivered, and the most memory the candidate ever had."""
    cpu_ns = outcome.get("cpu_ns")
    return {"cpu_us": cpu_ns / 1000 / outcome["got"] if cpu_ns and outcome["got"] else None,
            "peak_mib": run.memory_mib()}


def delivered_rate(outcome: dict[str, Any]) -> float | None:
    """Messages a second, from the start of sending to the last arrival."""
    if not outcome["got"]:
        return None
    return outcome["got"] / (outcome["last_ns"] - outcome["start_ns"]) * 1e9


def throughput(rig: Rig, candidate: Candidate, parameters: dict[str, Any]) -> Metrics:
    size = parameters["size"]
    with rig.run(candidate, parameters["direction"], parameters.get("channels", 0)) as run:
        run.start()
        run.warm_up(size)
        outcome = run.flow(size, Pace(seconds=parameters["seconds"], window=window_for(size)))
        return {"rate": delivered_rate(outcome), **cost(outcome, run), **books(outcome)}


def latency(rig: Rig, candidate: Candidate, parameters: dict[str, Any]) -> Metrics:
    with rig.run(candidate, parameters["direction"]) as run:
        run.start()
        run.warm_up()
        rate, seconds = parameters["rate"], parameters["seconds"]
        outcome = run.flow(parameters["size"], Pace(count=rate * seconds, rate=rate))
        shown = {f"{name}_us": value for name, value in outcome.get("latency_us", {}).items()}
        return {**shown, **cost(outcome, run), **books(outcome)}


def burst(rig: Rig, candidate: Candidate, parameters: dict[str, Any]) -> Metrics:
    with rig.run(candidate, REDIS_TO_AMQP) as run:
        run.start()
        run.warm_up()
        outcome = run.flow(parameters["size"], Pace(count=parameters["count"]), timeout=900)
        seconds = (outcome["sent_ns"] - outcome["start_ns"]) / 1e9
        return {"rate": delivered_rate(outcome), "sent_rate": outcome["sent"] / seconds,
                **cost(outcome, run), **books(outcome)}


def outage(rig: Rig, candidate: Candidate, parameters: dict[str, Any]) -> Metrics:
    """The broker is blocked while messages come at full speed; the clock runs from its return. A
    bare publisher has the same number of messages to send."""
    size, count = parameters["size"], parameters["count"]
    with rig.run(candidate, REDIS_TO_AMQP) as run:
        if not isinstance(candidate, Chunneld):
            outcome = run.flow(size, Pace(count=count), timeout=900)
            return {"rate": delivered_rate(outcome), **books(outcome)}
        child = run.child = candidate.start_with(
            candidate.spooling_configuration(run.route, run.folder), run.folder)
        run.wait_attached()
        run.warm_up()
        number, before_ns = rig.next_run(), child.cpu_ns()
        rig.broker.set_memory_alarm(True)
        try:
            sent = run.ends.sender("redis", number, size, Pace(count=count)).result(600)
        finally:
            rig.broker.set_memory_alarm(False)
        returned_ns = time.monotonic_ns()
        receiver = run.ends.receiver("amqp", number, size, more=["--idle-ms", "10000"])
        try:
            receiver.wait_ready(30)
            got = receiver.result(900, f"{sent['sent']}\n")
        finally:
            receiver.kill()
        outcome = {**got, "sent": sent["sent"], "got": got["distinct"],
                   "start_ns": returned_ns, "cpu_ns": child.cpu_ns() - before_ns}
        seconds = (sent["end_ns"] - sent["start_ns"]) / 1e9
        return {"rate": delivered_rate(outcome), "sent_rate": sent["sent"] / seconds,
                **cost(outcome, run), **books(outcome)}


def backlog(rig: Rig, candidate: Candidate, parameters: dict[str, Any]) -> Metrics:
    """The queue is filled, then the candidate comes; the clock runs from the first arrival."""
    number, size, count = rig.next_run(), parameters["size"], parameters["count"]
    with rig.run(candidate, AMQP_TO_REDIS) as run:
        sent = run.ends.sender("amqp", number, size, Pace(count=count)).result(300)
        receiver = run.ends.receiver("redis", number, size)
        try:
            receiver.wait_ready(30)
            run.start()
            got = receiver.result(600, f"{sent['sent']}\n")
        finally:
            receiver.kill()
        outcome = {**got, "sent": sent["sent"], "got": got["distinct"],
                   "start_ns": got["first_ns"]}
        if run.child:
            outcome["cpu_ns"] = run.child.cpu_ns()  # with its start
        return {"rate": delivered_rate(outcome), **cost(outcome, run), **books(outcome)}


def recovery(rig: Rig, candidate: Candidate, parameters: dict[str, Any]) -> Metrics:
    with rig.run(candidate, parameters["direction"]) as run:
        run.start()
        run.warm_up()
        if parameters["direction"] == REDIS_TO_AMQP:
            return recovery_to_amqp(rig, run, parameters)
        return recovery_to_redis(rig, run, parameters)


def steady_rate(run: Run, parameters: dict[str, Any]) -> int:
    """A slow candidate gets a quarter: if it were behind when the broker goes, it would be measured
    how long it takes to catch up."""
    return parameters["rate"] // 4 if run.candidate.slow else parameters["rate"]


def crash_broker(rig: Rig) -> int:
    """Kills the broker and has it start again; when it was killed."""
    rig.broker.kill()
    killed_ns = time.monotonic_ns()
    rig.broker.start_again()
    return killed_ns


def recovered(first_ns: int, ready_ns: int) -> float | None:
    """Milliseconds from the broker's return to the first message that came after it."""
    return (first_ns - ready_ns) / 1e6 if first_ns else None


def recovery_to_amqp(rig: Rig, run: Run, parameters: dict[str, Any]) -> Metrics:
    """Redis goes on publishing all the while. A message stamped after the kill can only come
    through a connection made after it."""
    number, size, rate = rig.next_run(), parameters["size"], steady_rate(run, parameters)
    pace = Pace(seconds=120, rate=rate)
    sender = run.ends.sender("redis", number, size, pace)
    receiver = None
    try:
        wait_until(lambda: run.ends.queue_program()["messages"] >= rate,
                   "a second's messages are in the queue", 30)
        killed_ns = crash_broker(rig)
        receiver = run.ends.receiver("amqp", number, size, more=[
            "--wait-ms", "90000", "--after-ns", str(killed_ns)])
        receiver.wait_ready(100)
        time.sleep(parameters["seconds"])  # the traffic goes on for so long
        sender.ask_to_stop()
        sent = sender.result(30)
        got = receiver.result(300, f"{sent['sent']}\n")
    finally:
        sender.kill()
        if receiver:
            receiver.kill()
    return {"recovery_ms": recovered(got["first_after_ns"], got["ready_ns"]),
            "outage_ms": (got["ready_ns"] - killed_ns) / 1e6, "peak_mib": run.memory_mib(),
            **books({**got, "sent": sent["sent"], "got": got["distinct"]})}


def recovery_to_redis(rig: Rig, run: Run, parameters: dict[str, Any]) -> Metrics:
    """The broker is killed over a queue being emptied; when it is back, messages that it did not
    have before are published."""
    before, after = rig.next_run(), rig.next_run()
    size, rate = parameters["size"], steady_rate(run, parameters)
    receivers = [run.ends.receiver("redis", number, size) for number in (before, after)]
    programs = list(receivers)
    try:
        for receiver in receivers:
            receiver.wait_ready(30)
        fill = Pace(count=rate if run.candidate.slow else 20 * rate)
        filled = run.ends.sender("amqp", before, size, fill).result(60)
        killed_ns = crash_broker(rig)
        later = run.ends.sender("amqp", after, size,
                                Pace(count=rate * parameters["seconds"], rate=rate),
                                more=["--wait-ms", "90000"])
        programs.append(later)
        sent = later.result(200)
        got = [receiver.result(300, f"{number}\n")
               for receiver, number in zip(receivers, (filled["sent"], sent["sent"]))]
    finally:
        for program in programs:
            program.kill()
    total = {key: got[0][key] + got[1][key] for key in ("distinct", "duplicates", "out_of_order",
                                                        "damaged")}
    return {"recovery_ms": recovered(got[1]["first_ns"], sent["ready_ns"]),
            "outage_ms": (sent["ready_ns"] - killed_ns) / 1e6, "peak_mib": run.memory_mib(),
            **books({**total, "sent": filled["sent"] + sent["sent"], "got": total["distinct"]})}


def startup(rig: Rig, candidate: Candidate, parameters: dict[str, Any]) -> Metrics:
    """Messages are there (AMQP) or come every millisecond (Redis) before the candidate starts."""
    number = rig.next_run()
    with rig.run(candidate, parameters["direction"]) as run:
        receiver = run.ends.receiver(run.target, number, 100, more=["--only-first"])
        sender = None
        try:
            receiver.wait_ready(30)
            if parameters["direction"] == REDIS_TO_AMQP:
                sender = run.ends.sender("redis", number, 100, Pace(seconds=60, rate=1000))
            else:
                run.ends.sender("amqp", number, 100, Pace(count=1)).result(30)
            run.child = candidate.start(run.route, run.folder)
            got = receiver.result(60, "1\n")
        finally:
            for program in (receiver, sender):
                if program:
                    program.kill()
        return {"first_ms": (got["first_ns"] - run.child.started_ns) / 1e6}


def idle(rig: Rig, candidate: Candidate, parameters: dict[str, Any]) -> Metrics:
    assert isinstance(candidate, Chunneld)
    count, seconds = parameters["bridges"], parameters["seconds"]
    with rig.run(candidate, REDIS_TO_AMQP, channels=count) as run:
        name = run.route.channel
        bridges = [{"name": f"bridge-{number}", "from": {"channel": f"{name}.{number}"},
                    "to": {"exchange": EXCHANGE, "routing_key": "{channel}"}}
                   for number in range(count)]
        child = run.child = candidate.start_with(
            candidate.configuration_of(run.route, bridges), run.folder)

        def attached() -> bool:
            child.check_alive()
            return rig.redis.channels(f"{name}.*") == count

        wait_until(attached, f"{count} channels are subscribed", 60, every=0.05)
        run.flow(100, Pace(count=count))  # a message for each: now all of them work
        before_ns, before = time.monotonic_ns(), child.cpu_ns()
        time.sleep(seconds)  # what is measured: doing nothing
        used, passed = child.cpu_ns() - before, time.monotonic_ns() - before_ns
        return {"rss_mib": run.memory_mib("VmRSS"), "cpu_percent": 100 * used / passed}
