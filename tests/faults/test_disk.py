"""Killed, stopped and shared: what the disk behind a buffer keeps (D1, D3, D5)."""

import threading
import time

import pytest

from harness.bulk import publish_all
from harness.disk import (WORK, block, cut, kill, out, spool, start_again, take_distinct,
                          wait_on_disk)
from harness.waiting import wait_until


def test_d1_killed_with_durability_disk(rig, alarm):
    """D. kill -9 while nothing can go out: does all that was received a moment before arrive, in
    order?"""
    daemon = rig.run(out(durability="disk"), **spool(rig))
    block(rig, daemon, alarm)
    publish_all(rig.redis, "in", range(1, 5000))
    daemon.wait_bridge("out", received=5000)
    wait_on_disk(daemon, 5000)
    kill(rig, daemon)
    start_again(daemon)
    assert take_distinct(rig, daemon) == list(range(5000))
    bridge = daemon.bridge("out")
    assert bridge["received"] == bridge["delivered"] >= 4999
    publish_all(rig.redis, "in", [5000])
    assert rig.rabbit.take("work", 1) == [b"5000"]


@pytest.mark.slow
def test_d1_killed_under_load_with_durability_disk(rig):
    """D. kill -9 while messages flow: is everything there that the stats had called received?"""
    daemon = rig.run(out(durability="disk"), **spool(rig))
    pour = threading.Thread(target=publish_all, args=(rig.redis, "in", range(60_000), 500))
    pour.start()
    daemon.wait_stats(lambda stats: stats["bridges"]["out"]["received"] > 5000, "messages flow")
    stats = daemon.stats()
    received, moment = stats["bridges"]["out"]["received"], stats["uptime_s"] + 1
    daemon.wait_stats(lambda stats: stats["uptime_s"] > moment, "a group commit, at the least")
    kill(rig, daemon)
    pour.join()
    start_again(daemon)
    found = take_distinct(rig, daemon)
    assert found == list(range(len(found))), "a hole, or out of order"
    assert len(found) >= received


@pytest.mark.slow
def test_d1_killed_while_the_disk_is_read(rig, alarm):
    """D. kill -9 in the middle of catching up: does everything arrive, and is what comes again the
    same?"""
    daemon = rig.run(out(durability="disk", messages=200), **spool(rig))
    block(rig, daemon, alarm, 500)
    publish_all(rig.redis, "in", range(1, 40_000), 500)
    daemon.wait_bridge("out", received=40_000)
    wait_on_disk(daemon, 40_000)
    alarm(False)
    daemon.wait_stats(lambda stats: stats["bridges"]["out"]["delivered"] > 1000, "catching up")
    kill(rig, daemon)
    wait_until(lambda: rig.redis.subscribers("in") == 0, "gone from Redis")
    before = rig.rabbit.ready("work")
    assert before < 40_000
    start_again(daemon)
    assert take_distinct(rig, daemon) == list(range(40_000))


def test_d1_killed_again_and_again(rig):
    """D. Over several crashes, is each message that was kept delivered, and what is done not
    repeated?"""
    way = rig.proxy(rig.broker.port)
    daemon = rig.run(out(durability="disk"), amqp_url=rig.rabbit.url(port=way.port), **spool(rig))
    cut(way, daemon)
    for turn in range(4):
        wait_until(lambda: rig.redis.subscribers("in") == 1, "subscribed")
        publish_all(rig.redis, "in", range(turn * 100, turn * 100 + 100))
        daemon.wait_bridge("out", received=turn * 100 + 100)
        wait_on_disk(daemon, turn * 100 + 100)
        daemon.kill()
        wait_until(lambda: rig.redis.subscribers("in") == 0, "gone from Redis")
        start_again(daemon)
        daemon.wait_bridge("out", received=turn * 100 + 100, pending=turn * 100 + 100)
    way.listen()
    daemon.wait_bridge("out", delivered=400, pending=0)
    assert [int(body) for body in rig.rabbit.take("work", 400)] == list(range(400))
    wait_on_disk(daemon, 0)
    daemon.kill()
    wait_until(lambda: rig.redis.subscribers("in") == 0, "gone from Redis")
    start_again(daemon).wait_running()
    publish_all(rig.redis, "in", [400])
    found = take_distinct(rig, daemon)
    assert found[-1] == 400 and len(found) <= 2, "what was confirmed long ago came again"


def test_d1_killed_with_durability_memory(rig):
    """D. Without it, is what had overflowed kept over a crash, in order, and nothing made up?"""
    way = rig.proxy(rig.broker.port)
    daemon = rig.run(out(messages=100), amqp_url=rig.rabbit.url(port=way.port), **spool(rig))
    cut(way, daemon)
    publish_all(rig.redis, "in", range(1000))
    bridge = daemon.wait_bridge("out", received=1000)
    assert (bridge["buffered"], bridge["spooled"]) == (100, 900)
    wait_on_disk(daemon, 900)
    daemon.kill()
    way.listen()
    start_again(daemon)
    assert take_distinct(rig, daemon) == list(range(100, 1000))
    bridge = daemon.bridge("out")
    assert (bridge["received"], bridge["delivered"]) == (900, 900)


@pytest.mark.slow
def test_d3_stop_under_load_with_a_spool(rig):
    """N. SIGTERM while messages pour in and are written down: is what was taken in delivered
    once?"""
    daemon = rig.run(out(durability="disk"), shutdown_timeout="60s", **spool(rig))
    pour = threading.Thread(target=publish_all, args=(rig.redis, "in", range(60_000)))
    pour.start()
    daemon.wait_stats(lambda stats: stats["bridges"]["out"]["delivered"] > 1000, "messages pour")
    daemon.stop(timeout=90)
    pour.join()
    start_again(daemon)
    daemon.wait_idle(timeout=30)
    found = [int(body) for body in rig.rabbit.take("work", rig.rabbit.ready("work"))]
    assert found == list(range(len(found))), "a hole, or something twice"
    assert len(found) > 1000


@pytest.mark.parametrize("buffer", [{}, {"messages": 50}, {"durability": "disk"},
                                    {"durability": "disk", "messages": 50}],
                         ids=["memory", "overflow", "durable", "durable-overflow"])
def test_d3_stop_keeps_what_waits(rig, buffer):
    """N. With the broker away, does a stop put everything on the disk, and the next start deliver
    it, oldest first, before what is new?"""
    way = rig.proxy(rig.broker.port)
    daemon = rig.run(out(**buffer), amqp_url=rig.rabbit.url(port=way.port), **spool(rig))
    cut(way, daemon)
    publish_all(rig.redis, "in", range(500))
    daemon.wait_bridge("out", pending=500)
    daemon.stop()
    assert daemon.last_stats()["bridges"]["out"]["dropped"] == 0
    start_again(daemon)
    bridge = daemon.bridge("out")
    assert (bridge["received"], bridge["pending"]) == (500, 500)
    wait_until(lambda: rig.redis.subscribers("in") == 1, "subscribed")
    publish_all(rig.redis, "in", range(500, 600))
    daemon.wait_bridge("out", received=600, pending=600)
    way.listen()
    daemon.wait_bridge("out", delivered=600, pending=0, dropped=0)
    messages = rig.rabbit.take_messages("work", 600)
    assert [int(body) for _, _, body in messages] == list(range(600))
    assert len({properties.message_id for _, properties, _ in messages}) == 600
    daemon.stop()
    assert start_again(daemon).wait_running().bridge("out")["received"] == 0


@pytest.mark.parametrize("buffer", [{}, {"messages": 50}, {"durability": "disk", "messages": 50}],
                         ids=["memory", "overflow", "durable-overflow"])
def test_d3_stop_keeps_what_is_in_flight(rig, buffer):
    """D. With a broker that has fallen silent, is what it never confirmed kept too, in its place,
    and the end in time?"""
    way = rig.proxy(rig.broker.port)
    daemon = rig.run(out(**buffer), amqp_url=rig.rabbit.url(port=way.port),
                     connections={"rabbit": {"heartbeat": "60s"}}, shutdown_timeout="2s",
                     **spool(rig))
    way.up.stall()
    for first in range(0, 300, 10):
        publish_all(rig.redis, "in", range(first, first + 10))
    bridge = daemon.wait_bridge("out", pending=300)
    assert bridge["in_flight"] > 0
    began = time.monotonic()
    daemon.stop()
    assert time.monotonic() - began < 20
    way.reset_all()
    way.heal()
    start_again(daemon)
    assert take_distinct(rig, daemon) == list(range(300))
    bridge = daemon.bridge("out")
    assert (bridge["received"], bridge["delivered"], bridge["dropped"]) == (300, 300, 0)


def test_d5_two_daemons_on_one_spool(rig):
    """N. Is the second one refused with words, and the first one not disturbed?"""
    daemon = rig.run(out(durability="disk"), **spool(rig))
    second = rig.make(out(durability="disk"), **spool(rig))
    second.start()
    second.wait_exit(69)
    assert str(rig.folder / "spool") in second.log()
    assert "another" in second.log()
    publish_all(rig.redis, "in", range(10))
    daemon.wait_bridge("out", delivered=10)
    daemon.kill()
    second.start().wait_running()
    publish_all(rig.redis, "in", [10])
    second.wait_stats(lambda stats: stats["bridges"]["out"]["delivered"] >= 1
                      and stats["bridges"]["out"]["pending"] == 0, "the second one carries on")
    assert set(take_distinct(rig, second)) == set(range(11))
