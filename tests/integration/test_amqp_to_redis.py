"""From AMQP queues and exchanges to Redis channels."""

import pika
import pika.exceptions
import pytest

from harness.waiting import wait_until

QUEUE_WORK = {"queues": [{"name": "work"}]}


def consumers(rig):
    """[(queue, prefetch, exclusive, arguments as text)] of the virtual host."""
    return rig.broker.eval(f'rabbit_amqqueue:consumers_all(<<"{rig.rabbit.name}">>)')


def test_queue_to_channel(rig):
    # Does what is in the queue, before and after the start, arrive on the channel, and get acked?
    channel = rig.rabbit.channel()
    channel.queue_declare("work", durable=True)
    channel.basic_publish("", "work", b"early")
    subscriber = rig.redis.subscribe("done")
    daemon = rig.run({"name": "in", "from": {"queue": "work"}, "to": {"channel": "done"}})
    channel.basic_publish("", "work", b"late")
    assert subscriber.take(2) == [b"early", b"late"]
    bridge = daemon.wait_bridge("in", delivered=2, pending=0)
    assert (bridge["received"], bridge["no_subscribers"]) == (2, 0)
    wait_until(lambda: rig.rabbit.queues()["work"] == (0, 0, 1), "the queue is empty, all acked")


def test_channel_of_the_routing_key(rig):
    # Does a template choose the channel message by message?
    rig.run({"name": "in", "from": {"queue": "work"}, "to": {"channel": "events.{routing_key}"}},
            topology={"exchanges": [{"name": "logs", "type": "topic"}], **QUEUE_WORK,
                      "bindings": [{"source": "logs", "destination": "work", "routing_key": "#"}]})
    subscriber = rig.redis.subscribe(patterns=["events.*"])
    channel = rig.rabbit.channel()
    for key in ("a.b", "c"):
        channel.basic_publish("logs", key, key)
    found = [subscriber.next() for _ in range(2)]
    assert [(item["channel"], item["data"]) for item in found] == [
        (b"events.a.b", b"a.b"), (b"events.c", b"c")]


def test_exchange_source(rig):
    # Is an exchange consumed through an exclusive, auto-deleted, server-named queue of its own?
    rig.run({"name": "in", "from": {"exchange": "logs", "binding_keys": ["a.#", "b"]},
             "to": {"channel": "out"}},
            topology={"exchanges": [{"name": "logs", "type": "topic"}]})
    subscriber = rig.redis.subscribe("out")
    channel = rig.rabbit.channel()
    for key in ("a", "c", "b", "a.x"):
        channel.basic_publish("logs", key, key)
    assert subscriber.take(3) == [b"a", b"b", b"a.x"]
    (name,) = rig.rabbit.queues()
    assert name.startswith("amq.gen-")
    with pytest.raises(pika.exceptions.ChannelClosedByBroker) as refused:
        channel.queue_declare(name, passive=True)
    assert refused.value.reply_code == 405, "the queue is not exclusive"
    rig.daemons[0].wait_idle()
    rig.daemons[0].stop()
    wait_until(lambda: not rig.rabbit.queues(), "its queue is gone with it")


def test_exchange_source_binds_everything_by_default(rig):
    # Without binding keys, does it take everything of a topic exchange?
    rig.run({"name": "in", "from": {"exchange": "logs"}, "to": {"channel": "out"}},
            topology={"exchanges": [{"name": "logs", "type": "topic"}]})
    subscriber = rig.redis.subscribe("out")
    rig.rabbit.channel().basic_publish("logs", "any.thing", b"x")
    assert subscriber.body() == b"x"


def test_exchange_source_with_binding_arguments(rig):
    # Do binding arguments select from a headers exchange?
    rig.run({"name": "in", "to": {"channel": "out"},
             "from": {"exchange": "heads", "binding_keys": [""],
                      "binding_arguments": {"x-match": "all", "kind": "order", "size": 3}}},
            topology={"exchanges": [{"name": "heads", "type": "headers"}]})
    subscriber = rig.redis.subscribe("out")
    channel = rig.rabbit.channel()
    for body, headers in ((b"no", {"kind": "order"}), (b"neither", {"kind": "bill", "size": 3}),
                          (b"yes", {"kind": "order", "size": 3})):
        channel.basic_publish("heads", "", body, pika.BasicProperties(headers=headers))
    assert subscriber.body() == b"yes"


def test_prefetch_is_respected(rig):
    # With a sink that stands still, are no more messages taken than prefetch says?
    channel = rig.rabbit.channel(confirm=True)
    channel.queue_declare("work", durable=True)
    for number in range(100):
        channel.basic_publish("", "work", str(number))
    proxy = rig.proxy(rig.redis.port)
    daemon = rig.run({"name": "in", "from": {"queue": "work", "prefetch": 7},
                      "to": {"channel": "done"}},
                     observed=True, redis_url=rig.redis.url(port=proxy.port))
    daemon.wait_bridge("in", delivered=100, pending=0)

    proxy.down.stall()
    for number in range(100):
        channel.basic_publish("", "work", str(number))
    wait_until(lambda: rig.rabbit.queues()["work"] == (93, 7, 1), "7 unacknowledged, 93 wait")
    bridge = daemon.wait_bridge("in", pending=7)
    assert (bridge["received"], bridge["delivered"]) == (107, 100)
    proxy.heal()
    daemon.wait_stats(lambda stats: stats["bridges"]["in"]["delivered"] >= 200
                      and stats["bridges"]["in"]["pending"] == 0, "the rest goes out")


def test_prefetch_reaches_the_broker(rig):
    # Are prefetch, priority and arguments of a consumer what the rule says?
    rig.run({"name": "in", "from": {"queue": "work", "prefetch": 33, "consumer_priority": 9},
             "to": {"channel": "done"}},
            {"name": "in2", "from": {"queue": "other", "arguments": {"x-priority": -4}},
             "to": {"channel": "done"}},
            topology={"queues": [{"name": "work"}, {"name": "other"}]})
    text = consumers(rig)
    assert "{prefetch_count, 33}" in text
    assert "{prefetch_count, 256}" in text
    assert ", 9}" in text and ", -4}" in text


def test_exclusive_consumer(rig):
    # Is an exclusive consumer alone on its queue?
    rig.run({"name": "in", "from": {"queue": "work", "exclusive": True}, "to": {"channel": "done"}},
            topology=QUEUE_WORK)
    with pytest.raises(pika.exceptions.ChannelClosedByBroker) as refused:
        rig.rabbit.channel().basic_consume("work", lambda *_: None)
    assert refused.value.reply_code == 403


def test_nobody_listens(rig):
    # Is a message that reached nobody acknowledged and counted as such?
    daemon = rig.run({"name": "in", "from": {"queue": "work"}, "to": {"channel": "done"}},
                     topology=QUEUE_WORK)
    rig.rabbit.channel().basic_publish("", "work", b"x")
    bridge = daemon.wait_bridge("in", received=1, pending=0)
    assert bridge["no_subscribers"] == 1
    assert rig.rabbit.ready("work") == 0


def test_min_subscribers(rig):
    # Does a PUBLISH that reached fewer than min_subscribers count as reaching nobody?
    daemon = rig.run({"name": "in", "from": {"queue": "work"}, "to": {"channel": "done"},
                      "min_subscribers": 2}, topology=QUEUE_WORK)
    channel = rig.rabbit.channel()
    first = rig.redis.subscribe("done")
    channel.basic_publish("", "work", b"one")
    assert first.body() == b"one"
    daemon.wait_bridge("in", received=1, no_subscribers=1, pending=0)
    second = rig.redis.subscribe("done")
    channel.basic_publish("", "work", b"two")
    assert (first.body(), second.body()) == (b"two", b"two")
    daemon.wait_bridge("in", received=2, no_subscribers=1, pending=0)


def test_quorum_queue_source(rig):
    # Does a quorum queue work as a source?
    daemon = rig.run({"name": "in", "from": {"queue": "safe"}, "to": {"channel": "done"}},
                     topology={"queues": [{"name": "safe",
                                           "arguments": {"x-queue-type": "quorum"}}]})
    subscriber = rig.redis.subscribe("done")
    channel = rig.rabbit.channel()
    for number in range(50):
        channel.basic_publish("", "safe", str(number))
    assert [int(body) for body in subscriber.take(50)] == list(range(50))
    daemon.wait_bridge("in", delivered=50, pending=0)
