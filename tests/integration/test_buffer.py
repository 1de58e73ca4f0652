"""What waits for a sink that stands still: how much, and what happens to the rest."""

import pytest

from harness.waiting import holds_for, wait_until


def out(**buffer):
    return {"name": "out", "from": {"channel": "in"}, "to": {"queue": "work"}, "buffer": buffer}


def declare(rig):
    rig.rabbit.channel().queue_declare("work", durable=True)


def publish(rig, first, count, size=0):
    pipeline = rig.redis.client().pipeline(transaction=False)
    for number in range(first, first + count):
        pipeline.publish("in", str(number).ljust(size))
    pipeline.execute()


def numbers(rig, count):
    wait_until(lambda: rig.rabbit.ready("work") == count, f"{count} messages are in the queue")
    return [int(body) for body in rig.rabbit.take("work", count)]


def block(rig, daemon, alarm):
    """The alarm is on, and the daemon has been told so, which takes a first publish."""
    alarm(True)
    publish(rig, 0, 1)
    daemon.wait_stats(lambda stats: stats["connections"]["rabbit"]["blocked"], "blocked")


def test_drop_newest(rig, alarm):
    # Full, does it keep what came first, and count the rest?
    declare(rig)
    daemon = rig.run(out(messages=100, when_full="drop-newest"))
    block(rig, daemon, alarm)
    publish(rig, 1, 5000)
    bridge = daemon.wait_bridge("out", received=5001)
    kept = 5001 - bridge["dropped"]
    assert bridge["buffered"] == 100 and 100 <= kept <= 101
    alarm(False)
    daemon.wait_bridge("out", delivered=kept, pending=0)
    assert numbers(rig, kept) == list(range(kept))


def test_drop_oldest(rig, alarm):
    # Full, does it keep what came last, and count the rest?
    declare(rig)
    daemon = rig.run(out(messages=100, when_full="drop-oldest"))
    block(rig, daemon, alarm)
    publish(rig, 1, 5000)
    bridge = daemon.wait_bridge("out", received=5001)
    kept = 5001 - bridge["dropped"]
    assert bridge["buffered"] == 100 and 100 <= kept <= 101
    alarm(False)
    daemon.wait_bridge("out", delivered=kept, pending=0)
    found = numbers(rig, kept)
    assert found == sorted(found)
    assert found[-99:] == list(range(4902, 5001))


def test_memory_limit(rig, alarm):
    # Do the bytes that wait have a limit too?
    declare(rig)
    daemon = rig.run(out(memory="1MiB"))
    block(rig, daemon, alarm)
    publish(rig, 1, 500, size=10000)
    bridge = daemon.wait_bridge("out", received=501)
    assert 1 <= bridge["pending"] <= 105
    kept = 501 - bridge["dropped"]
    alarm(False)
    daemon.wait_bridge("out", delivered=kept, pending=0)
    assert numbers(rig, kept) == list(range(kept))


def test_pause(rig, alarm):
    # Full, does it stop reading its channel, disturb no other bridge, and lose nothing?
    declare(rig)
    daemon = rig.run(out(messages=100, when_full="pause"),
                     {"name": "other", "from": {"channel": "in"},
                      "to": {"channel": "copy", "connection": "observer"}}, observed=True)
    copies = rig.observer.subscribe("copy")
    alarm(True)
    publish(rig, 0, 1)
    daemon.wait_stats(lambda stats: stats["connections"]["rabbit"]["blocked"], "blocked")
    publish(rig, 1, 20000, size=100)
    assert [int(body) for body in copies.take(20001)] == list(range(20001))
    daemon.wait_bridge("out", state="paused")
    # A full buffer, and what is in flight: the rest waits in Redis.
    holds_for(lambda: daemon.stats()["bridges"]["out"]["dropped"] == 0, "nothing is dropped", 0.3)
    assert daemon.bridge("out")["buffered"] <= 5000
    alarm(False)
    daemon.wait_bridge("out", delivered=20001, pending=0, dropped=0, timeout=30)
    assert numbers(rig, 20001) == list(range(20001))
