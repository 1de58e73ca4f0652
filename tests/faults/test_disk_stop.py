"""A stop, and a disk that is full or fails (D3)."""

import os
import re
import signal
import threading
import time

import pytest

from harness.bulk import publish_all
from harness.disk import WORK, cut, on_disk, out, spool, start_again
from harness.diskfaults import closed_books, fill, injected, mounted
from harness.waiting import wait_until

# The sanitizer cannot look for leaks of a process that ends under a tracer.
TRACED = {"ASAN_OPTIONS": "abort_on_error=0:exitcode=99:detect_leaks=0"}


@pytest.mark.slow
@pytest.mark.parametrize("buffer", [{}, {"durability": "disk"}], ids=["memory", "durable"])
def test_d3_stop_on_a_full_disk(rig, account, buffer):
    """N. SIGTERM under load with a disk that is full: does it end in time, and is all that was taken
    in delivered, or handed back, once?"""
    with mounted(rig.folder / "small", "tmpfs") as folder:
        daemon = rig.run({**out(**buffer), "to": {"queue": "work"}},
                         {"name": "in", "from": {"queue": "back"}, "to": {"channel": "done"}},
                         spool={"directory": str(folder / "spool")}, shutdown_timeout="1m",
                         topology={"queues": [{"name": "work"}, {"name": "back"}]})
        fill(folder)
        account.injects("a full disk, 20,000 messages to Redis, 2,000 in a queue, SIGTERM")
        subscriber = rig.redis.subscribe("done")
        channel = rig.rabbit.channel(confirm=True)
        for number in range(2000):
            channel.basic_publish("", "back", str(number))
        pour = threading.Thread(target=publish_all, args=(rig.redis, "in", range(20_000), 500))
        pour.start()
        daemon.wait_stats(lambda stats: stats["bridges"]["out"]["received"] > 1000, "they pour")
        began = time.monotonic()
        daemon.stop(timeout=90)
        took = time.monotonic() - began
        pour.join()
        books = closed_books(daemon)
        account.say(f"ended after {took:.1f} s: {books}")
        assert "shutdown_timeout" not in daemon.log()
        arrived = [int(body) for body in rig.rabbit.take("work", rig.rabbit.ready("work"))]
        account.judge("Redis to RabbitMQ", range(len(arrived)), arrived)
        assert books["out"]["delivered"] == len(arrived) and books["out"]["dropped"] == 0, books
        left = [int(body) for body in rig.rabbit.take("back", rig.rabbit.ready("back"))]
        account.judge("RabbitMQ to Redis", range(2000), [*map(int, subscriber.rest()), *left])


def test_d3_stop_on_a_full_disk_with_the_broker_away(rig, account):
    """S. SIGTERM with a disk that is full and a broker that is away: does it end in time, and say, by
    its exit status too, that there is no place for what it has?"""
    way = rig.proxy(rig.broker.port)
    with mounted(rig.folder / "small", "tmpfs") as folder:
        daemon = rig.run(out(), amqp_url=rig.rabbit.url(port=way.port), shutdown_timeout="2s",
                         spool={"directory": str(folder / "spool")}, topology=WORK)
        fill(folder)
        cut(way, daemon)
        account.injects("a full disk, the broker away, 5,000 messages, SIGTERM")
        publish_all(rig.redis, "in", range(5000), 500)
        daemon.wait_bridge("out", pending=5000)
        began = time.monotonic()
        daemon.stop(status=74)
        took = time.monotonic() - began
        os.remove(folder / "filler")
        way.listen()
        start_again(daemon)
        bridge = daemon.wait_bridge("out", pending=0)
        arrived = [int(body) for body in rig.rabbit.take("work", bridge["delivered"])]
        account.say(f"ended after {took:.1f} s: {closed_books(daemon)}, kept {len(arrived)}")
        assert took < 15
        assert arrived == sorted(set(arrived)), "twice, or out of order"
        assert re.search("level=error .*cannot write.*full", daemon.log())
        daemon.wait_idle()
        daemon.stop()


def fails_at_the_stop(rig, account, calls, what, **buffer):
    """A daemon with 5,000 messages in its buffer, the broker away, whose disk will fail at the stop;
    and the way to the broker."""
    way = rig.proxy(rig.broker.port)
    daemon = rig.run(out(**buffer), amqp_url=rig.rabbit.url(port=way.port),
                     shutdown_timeout="8s", env=TRACED, **spool(rig))
    cut(way, daemon)
    publish_all(rig.redis, "in", range(5000), 500)
    daemon.wait_bridge("out", pending=5000)
    account.injects(f"the broker away, 5,000 messages waiting, {calls}: {what} and SIGTERM")
    return way, daemon


@pytest.mark.slow
@pytest.mark.parametrize("calls, what, result", [
    ("pwrite64", "error=ENOSPC:when=1+", "N"),
    pytest.param("fdatasync,fsync", "error=EIO:when=1+", "D", marks=pytest.mark.long),
], ids=["write", "sync"])
def test_d3_disk_fails_at_the_stop(rig, account, calls, what, result):
    """D. When the disk fails at the very writes of the stop, does what could not be written go out, as
    the broker is back?"""
    way, daemon = fails_at_the_stop(rig, account, calls, what)
    with injected(daemon, calls, what):
        began = time.monotonic()
        daemon.send_signal(signal.SIGTERM)
        daemon.wait_log("level=error .*cannot write")
        way.listen()
        daemon.wait_exit(0)
    account.say(f"ended after {time.monotonic() - began:.1f} s: {closed_books(daemon)}")
    assert closed_books(daemon)["out"]["delivered"] == 5000
    arrived = [int(body) for body in rig.rabbit.take("work", rig.rabbit.ready("work"))]
    account.judge("Redis to RabbitMQ", range(5000), arrived, result="N")
    start_again(daemon).wait_running()
    daemon.wait_idle()
    again = [int(body) for body in rig.rabbit.take("work", rig.rabbit.ready("work"))]
    account.judge("after the next start", range(5000), [*arrived, *again], result=result)


@pytest.mark.long
def test_d3_disk_fails_over_an_overflow(rig, account):
    """N. When the disk fails at the very writes of the stop, with older ones in memory and younger ones
    on the disk, does each go out once, now or after the next start, and in order?"""
    way, daemon = fails_at_the_stop(rig, account, "pwrite64", "error=ENOSPC:when=1+",
                                    memory="256KiB")
    wait_until(lambda: on_disk(daemon) == daemon.bridge("out")["spooled"], "the disk has its part")
    with injected(daemon, "pwrite64", "error=ENOSPC:when=1+"):
        daemon.send_signal(signal.SIGTERM)
        daemon.wait_log("level=error .*cannot write")
        way.listen()
        daemon.wait_exit(0)
    arrived = [int(body) for body in rig.rabbit.take("work", rig.rabbit.ready("work"))]
    account.say(f"{len(arrived)} went out at once: {closed_books(daemon)}")
    assert len(arrived) >= 100 and arrived == list(range(len(arrived)))
    start_again(daemon).wait_running()
    daemon.wait_idle()
    again = [int(body) for body in rig.rabbit.take("work", rig.rabbit.ready("work"))]
    account.judge("after the next start", range(5000), list(dict.fromkeys([*arrived, *again])))


@pytest.mark.long
def test_d3_disk_fails_at_the_stop_with_the_broker_away(rig, account):
    """S. With neither the disk nor the broker, does the stop say what is lost, and end with 74?"""
    _, daemon = fails_at_the_stop(rig, account, "pwrite64", "error=EIO:when=1+")
    with injected(daemon, "pwrite64", "error=EIO:when=1+"):
        daemon.send_signal(signal.SIGTERM)
        daemon.wait_exit(74)
    lost = int(re.search(r"shutdown_timeout is over.*not_on_disk=(\d+)", daemon.log()).group(1))
    account.say(f"told of {lost}: {closed_books(daemon)}")
    assert lost == 5000
