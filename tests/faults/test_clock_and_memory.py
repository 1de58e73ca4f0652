"""The clock jumps (D9), and memory runs out (D10): libraries that are loaded before the daemon's own
stand between it and the C library."""

import pathlib
import re
import subprocess

import pytest

from harness.traffic import QueueTraffic, RedisTraffic
from harness.waiting import wait_until

TOPOLOGY = {"queues": [{"name": "work"}, {"name": "back"}]}
OUT = {"name": "out", "from": {"channel": "orders"}, "to": {"queue": "work"}}
IN = {"name": "in", "from": {"queue": "back"}, "to": {"channel": "done"}}
ASAN = "detect_leaks=0:exitcode=99:verify_asan_link_order=0:allocator_may_return_null=1"


@pytest.fixture(scope="session")
def shim(session_folder):
    """The folder's C file of that name as a library."""
    def build(name):
        library = session_folder / f"{name}.so"
        if not library.exists():
            source = pathlib.Path(__file__).parent / f"{name}.c"
            subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", library, source, "-ldl"],
                           check=True, capture_output=True)
        return str(library)

    return build


@pytest.mark.parametrize("jump", [-86400 * 400, 86400 * 400])
def test_d9_clock_jumps(rig, account, shim, tmp_path, jump):
    """N. When the wall clock jumps by a year, back or forth, does no time-out notice, and does
    everything arrive once?"""
    offset = tmp_path / "offset"
    offset.write_bytes(bytes(8))
    daemon = rig.make(OUT, IN, topology=TOPOLOGY,
                      env={"LD_PRELOAD": shim("clock_shim"), "CLOCK_OFFSET_FILE": str(offset),
                           "ASAN_OPTIONS": ASAN})
    daemon.start().wait_running()
    subscriber = rig.redis.subscribe("done")
    out, back = RedisTraffic(rig.redis, "orders"), QueueTraffic(rig.rabbit, "back")
    wait_until(lambda: len(out.sent) > 100 and len(back.sent) > 100, "traffic both ways")
    year = daemon.stats()["time"][:4]
    account.injects(f"the wall clock jumps by {jump} s")
    with open(offset, "r+b") as file:
        file.write(jump.to_bytes(8, "little", signed=True))

    def jumped():
        newest = daemon.newest()
        return newest and newest["time"][:4] != year

    wait_until(jumped, "its clock has jumped")
    seen = len(out.sent)
    wait_until(lambda: len(out.sent) > seen + 300, "traffic goes on")
    sent, queued = out.stop(), back.stop()
    with open(offset, "r+b") as file:
        file.write(bytes(8))
    stats = daemon.wait_stats(
        lambda stats: stats["bridges"]["out"]["received"] == len(sent)
        and stats["bridges"]["in"]["delivered"] == len(queued), "everything is through")
    assert all(connection["reconnects"] == 0 for connection in stats["connections"].values())
    assert stats["bridges"]["out"]["latency_ms"]["max"] < 60_000
    account.judge("Redis to RabbitMQ", sent, map(int, rig.rabbit.take("work", len(sent))))
    account.judge("RabbitMQ to Redis", queued, map(int, subscriber.rest()))


@pytest.mark.slow
def test_d10_nth_malloc_fails(rig, account, shim, tmp_path, form):
    """W. When an allocation fails, one after another, does the daemon go on or end in words, never
    by a wrong access, and is no payload ever wrong?"""
    turns, failures = form(4, 60), 0
    plan = tmp_path / "plan"
    plan.write_bytes(bytes(16))
    subscriber = rig.redis.subscribe("done")
    daemon = rig.make(OUT, IN, topology=TOPOLOGY,
                      env={"LD_PRELOAD": shim("malloc_shim"), "MALLOC_PLAN_FILE": str(plan),
                           "ASAN_OPTIONS": ASAN})
    daemon.start().wait_running()
    ended = 0
    for turn in range(turns):
        client, channel = rig.redis.client(), rig.rabbit.channel()
        # Every so many allocations one fails, until that was so often enough.
        every = 3 + 7 * turn
        before = int.from_bytes(plan.read_bytes()[8:], "little")
        with open(plan, "r+b") as file:
            file.write(every.to_bytes(8, "little"))

        def has_failed():
            for number in range(100):
                client.publish("orders", f"{number:040d}")
                channel.basic_publish("", "back", f"{number:040d}")
            return (int.from_bytes(plan.read_bytes()[8:], "little") > before
                    or not daemon.is_alive())

        wait_until(has_failed, "an allocation failed")
        with open(plan, "r+b") as file:
            file.write(bytes(8))
        failures = int.from_bytes(plan.read_bytes()[8:], "little")
        if not daemon.is_alive():
            ended += 1
            assert daemon.process.returncode not in (99, -11, -6), daemon.log()[-2000:]
            daemon.start()
        daemon.check_log()
        daemon.wait_running(timeout=60)
        channel.connection.close()
    account.injects(f"{failures} allocations failed; ended {ended} times")
    assert failures >= turns
    rig.redis.wait_subscriber("orders")
    rig.redis.client().publish("orders", f"{7:040d}")
    daemon.wait_idle(timeout=60)
    bodies = rig.rabbit.take("work", rig.rabbit.ready("work")) + subscriber.rest()
    assert bodies and all(re.fullmatch(rb"\d{40}", body) for body in bodies), "a wrong payload"
