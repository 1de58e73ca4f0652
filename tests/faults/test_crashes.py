"""kill -9 at any moment (D1, D2): what had been called received is there afterwards, and what comes
twice can be known."""

import random
import threading

import pytest

from harness.bulk import publish_all
from harness.disk import spool, take_distinct
from harness.peers import AmqpPeer
from harness.waiting import wait_until

TOPOLOGY = {"queues": [{"name": "work"}, {"name": "back"}]}
OUT = {"name": "out", "from": {"channel": "in"}, "to": {"queue": "work"},
       "buffer": {"durability": "disk", "disk": "64MiB"}}
IN = {"name": "in", "from": {"queue": "back"}, "to": {"channel": "done"}}


def pour_slowly(server, numbers, end):
    """Publishes the numbers in small pieces until `end` is set."""
    for first in range(numbers.start, numbers.stop, 20):
        if end.wait(0.005):
            return
        publish_all(server, "in", range(first, min(first + 20, numbers.stop)), 200)


def gone(rig):
    """The servers have noticed that the daemon is gone."""
    rig.redis.wait_subscriber("in", 0)
    wait_until(lambda: not [name for name in rig.broker.connection_names(rig.rabbit.name)
                            if "chunneld" in name], "RabbitMQ saw it die")


def begin(daemon):
    """Starts it; how many messages the spool gave back."""
    daemon.start().wait_running()
    return daemon.bridge("out")["received"]


@pytest.mark.slow
def test_d1_killed_at_random_moments(rig, account, form):
    """D. Killed again and again under numbered traffic both ways: is every message there that the
    stats had called received before the last second, and does every repetition bear the message_id
    of its twin?"""
    kills, burst = form(10, 200), 1000
    chance = random.Random(20)
    daemon = rig.make(OUT, IN, **{**spool(rig), "topology": TOPOLOGY})
    rig.rabbit.channel().queue_declare("back", durable=True)
    rig.rabbit.channel().queue_declare("work", durable=True)
    source = rig.rabbit.channel(confirm=True)
    subscriber = rig.redis.subscribe("done")
    owed, queued = [], []
    for turn in range(kills):
        brought = begin(daemon)
        numbers = range(turn * burst, (turn + 1) * burst)
        end = threading.Event()
        pour = threading.Thread(target=pour_slowly, args=(rig.redis, numbers, end))
        pour.start()
        for number in range(turn * 20, turn * 20 + 20):
            source.basic_publish("", "back", str(number))
            queued.append(number)
        stats = daemon.wait_stats(lambda stats: stats["bridges"]["out"]["received"] > brought,
                                  "something came")
        called = stats["bridges"]["out"]["received"] - brought
        moment = stats["uptime_s"] + 1
        # Delivered, or long enough ago for a group commit on a busy machine.
        daemon.wait_stats(lambda stats: stats["uptime_s"] > moment
                          or stats["bridges"]["out"]["delivered"] >= brought + called, "committed")
        end.wait(chance.random() / 5)
        owed += numbers[:called]
        daemon.kill()
        end.set()
        pour.join()
        gone(rig)
    account.injects(f"{kills} times kill -9, {burst} messages each time")
    begin(daemon)
    wait_until(lambda: rig.rabbit.queues()["back"] == (0, 0, 1), "the queue is empty")
    daemon.wait_idle()
    count = rig.rabbit.ready("work")
    by_number = {}
    for _, properties, body in rig.rabbit.take_messages("work", count):
        by_number.setdefault(int(body), []).append(properties.message_id)
    assert all(len(set(ids)) == 1 for ids in by_number.values()), "a twin with another message_id"
    wanted = set(owed)
    arrived = [number for number, ids in by_number.items() for _ in ids if number in wanted]
    account.say(f"called received: {len(owed)}; arrived besides: {len(by_number) - len(set(arrived))}")
    account.judge("Redis to RabbitMQ", owed, arrived)
    account.judge("RabbitMQ to Redis", queued, map(int, subscriber.rest()))


def test_d2_killed_between_reply_and_ack(rig, account):
    """D. Killed when Redis had replied to PUBLISH, and no acknowledgement had reached the broker:
    does everything come again, and nothing get lost?"""
    way = rig.proxy(rig.broker.port)
    daemon = rig.run({**OUT, "from": {"channel": "in"}}, IN, amqp_url=rig.rabbit.url(port=way.port),
                     **{**spool(rig), "topology": TOPOLOGY})
    subscriber = rig.redis.subscribe("done")
    way.up.stall()
    channel = rig.rabbit.channel(confirm=True)
    for number in range(100):
        channel.basic_publish("", "back", str(number))
    account.injects("kill -9 after 100 replies to PUBLISH and before their acknowledgement")
    first = [int(body) for body in subscriber.take(100)]
    daemon.kill()
    way.reset_all()
    way.heal()
    wait_until(lambda: rig.rabbit.queues()["back"] == (100, 0, 0), "they are the broker's again")
    begin(daemon)
    wait_until(lambda: rig.rabbit.queues()["back"] == (0, 0, 1), "the queue is empty")
    daemon.wait_idle()
    counts = account.judge("RabbitMQ to Redis", range(100),
                           first + [int(body) for body in subscriber.rest()])
    assert counts.twice == 100


def test_d2_killed_between_confirm_and_removal(rig, account):
    """D. Killed at the moment of a confirm, before the spool has forgotten the message: is nothing
    lost, and does what comes again bear its message_id?"""
    peer = AmqpPeer()
    try:
        daemon = rig.make(OUT, **{**spool(rig), "topology": {"queues": [{"name": "work"}]}})
        real = daemon.config["connections"]["rabbit"]["url"]
        daemon.config["connections"]["rabbit"]["url"] = (
            f"amqp://guest:guest@127.0.0.1:{peer.port}/")
        daemon.start().wait_running()

        def confirm_and_kill(connection, channel, tag, _):
            if tag == 50:
                connection.ack(channel, 50, multiple=True)
                daemon.process.kill()

        peer.on_publish = confirm_and_kill
        publish_all(rig.redis, "in", range(50))
        daemon.process.wait(timeout=30)
        account.injects("kill -9 as the 50th confirm is sent")
        confirmed = [int(body) for body in peer.published]
        rig.redis.wait_subscriber("in", 0)
    finally:
        peer.stop()
    daemon.config["connections"]["rabbit"]["url"] = real
    again = begin(daemon)
    numbers = take_distinct(rig, daemon)
    account.say(f"{again} came again")
    account.judge("Redis to RabbitMQ", range(50), confirmed + numbers)
    assert numbers == sorted(numbers)
