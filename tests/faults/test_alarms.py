"""RabbitMQ's memory and disk alarms, whenever they come (A5), and what a burst does under one
(D16)."""

import time

import pytest

from harness.bulk import publish_all
from harness.disk import WORK, block, kill, out, spool, start_again, take_distinct
from harness.waiting import wait_until

PLAIN = {"name": "out", "from": {"channel": "in"}, "to": {"queue": "work"}}


def publish(rig, *numbers):
    publish_all(rig.redis, "in", range(*numbers))


def arrived(rig, count):
    wait_until(lambda: rig.rabbit.ready("work") >= count, f"{count} messages are in the queue")
    return [int(body) for body in rig.rabbit.take("work", rig.rabbit.ready("work"))]


def test_a5_alarm_in_flight(rig, alarm, account):
    """N. Is the alarm shown in the stats while it lasts, and does all that waits go out after
    it?"""
    daemon = rig.run(PLAIN, topology=WORK)
    assert daemon.stats()["connections"]["rabbit"]["blocked"] is False
    block(rig, daemon, alarm)
    account.injects("memory alarm under traffic")
    publish(rig, 1, 5001)
    bridge = daemon.wait_bridge("out", received=5001)
    assert bridge["delivered"] <= 1 and bridge["pending"] >= 5000
    alarm(False)
    daemon.wait_stats(lambda stats: not stats["connections"]["rabbit"]["blocked"], "not blocked")
    daemon.wait_bridge("out", delivered=5001, pending=0, dropped=0)
    account.judge("Redis to RabbitMQ", range(5001), arrived(rig, 5001))
    daemon.wait_log("block")
    assert daemon.stats()["connections"]["rabbit"]["reconnects"] == 0


@pytest.mark.slow
def test_a5_disk_alarm(rig, account):
    """N. Is the disk alarm the same to it?"""
    daemon = rig.run(PLAIN, topology=WORK)
    account.injects("disk alarm under traffic")
    try:
        rig.broker.set_disk_alarm(True)
        publish(rig, 0, 1)
        daemon.wait_stats(lambda stats: stats["connections"]["rabbit"]["blocked"], "blocked")
        publish(rig, 1, 2000)
        daemon.wait_bridge("out", received=2000)
    finally:
        rig.broker.set_disk_alarm(False)
    daemon.wait_bridge("out", delivered=2000, pending=0, dropped=0)
    account.judge("Redis to RabbitMQ", range(2000), arrived(rig, 2000))


def test_a5_alarm_at_start_and_at_sigterm(rig, alarm, account):
    """N. Does it start under an alarm, end in time under one with all in the spool, and deliver it
    after the next start?"""
    alarm(True)
    account.injects("memory alarm before the start and at SIGTERM")
    daemon = rig.make(out(), shutdown_timeout="1s", **spool(rig))
    # With the alarm on, RabbitMQ takes no declaration of a connection that it has blocked.
    rig.rabbit.channel().queue_declare("work", durable=True)
    daemon.start()
    rig.redis.wait_subscriber("in")
    publish(rig, 0, 500)
    daemon.wait_bridge("out", received=500)
    began = time.monotonic()
    daemon.stop()
    assert time.monotonic() - began < 20
    alarm(False)
    start_again(daemon)
    daemon.wait_running()
    numbers = take_distinct(rig, daemon)
    account.judge("Redis to RabbitMQ", range(500), numbers, result="D")
    assert numbers == list(range(500))


def test_a5_alarm_at_kill(rig, alarm, account):
    """D. With a spool, does kill -9 under an alarm lose nothing?"""
    daemon = rig.run(out(durability="disk"), **spool(rig))
    block(rig, daemon, alarm)
    account.injects("memory alarm, kill -9 one second after 3,000 messages")
    publish(rig, 1, 3000)
    bridge = daemon.wait_bridge("out", received=3000)
    after = daemon.stats()["uptime_s"] + 1
    daemon.wait_stats(lambda stats: stats["uptime_s"] > after, "a second")
    assert bridge["pending"] >= 2999
    kill(rig, daemon)
    start_again(daemon)
    numbers = take_distinct(rig, daemon)
    account.judge("Redis to RabbitMQ", range(3000), numbers)
    assert numbers == list(range(3000))


@pytest.mark.slow
def test_d16_burst_while_blocked(rig, alarm, account, form):
    """N. Does a burst as fast as Redis takes it go to memory and disk while the broker is blocked,
    without losing the subscription, and come out whole and in order?"""
    count = form(30_000, 1_000_000)
    daemon = rig.run(out(memory="16MiB", disk="2GiB"), **spool(rig, max_size="3GiB"))
    block(rig, daemon, alarm)
    began = time.monotonic()
    publish_all(rig.redis, "in", range(1, count), 100)
    took = time.monotonic() - began
    account.injects(f"{count} messages of 100 bytes at {count / took:.0f}/s under a memory alarm")
    bridge = daemon.wait_bridge("out", received=count, timeout=120)
    lost = bridge["dropped"]
    alarm(False)
    bridge = daemon.wait_bridge("out", pending=0, timeout=form(120, 600))
    kept = bridge["delivered"]
    assert kept + lost == count and bridge["unsubscribed"]["count"] == 0
    numbers = [int(body) for body in rig.rabbit.take("work", kept, timeout=form(120, 600))]
    counts = account.judge("Redis to RabbitMQ", range(count), numbers, result="W",
                           most_missing=lost)
    assert counts.twice == counts.reordered == 0
    assert lost == 0 or "does not keep up" in daemon.log(), "dropped for no reason that was told"
