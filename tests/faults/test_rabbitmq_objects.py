"""What bridges need in RabbitMQ goes, changes or is full: exchanges, queues, bindings."""

import pika
import pika.exceptions
import pytest

from harness.waiting import holds_for, wait_until

OUT = {"name": "out", "from": {"channel": "orders"}, "to": {"queue": "work"}}


def exchange_is_there(rig, name):
    try:
        rig.rabbit.channel().exchange_declare(name, passive=True)
        return True
    except pika.exceptions.ChannelClosedByBroker:
        return False


def make_exchange(rig, name):
    channel = rig.rabbit.channel()
    channel.exchange_declare(name, "fanout", durable=True)
    channel.queue_bind(name, name)
    return True


def test_a6_exchange_deleted(rig):
    """D. Does the loss of an exchange (404) hold up only its own bridge, and nothing get lost?"""
    topology = {"exchanges": [{"name": name, "type": "fanout"} for name in ("one", "two")],
                "queues": [{"name": "one"}, {"name": "two"}],
                "bindings": [{"source": name, "destination": name} for name in ("one", "two")]}
    # Between the exchange's return and its binding's, what is sent comes back: so, try again.
    daemon = rig.run(*({"name": name, "from": {"channel": "c"}, "on_unroutable": "retry",
                        "to": {"exchange": name, "routing_key": ""}} for name in ("one", "two")),
                     topology=topology)
    publisher = rig.redis.client()
    publisher.publish("c", b"0")
    daemon.wait_bridge("one", delivered=1)
    channel = rig.rabbit.channel()
    channel.exchange_delete("one")
    for number in range(1, 11):
        publisher.publish("c", str(number))
    daemon.wait_bridge("two", delivered=11, pending=0)
    daemon.wait_log("NOT_FOUND")
    assert rig.rabbit.take("two", 11) == [str(number).encode() for number in range(11)]
    # Back come the exchange and its binding, by the daemon's own topology or by the operator.
    wait_until(lambda: exchange_is_there(rig, "one") or make_exchange(rig, "one"), "exchange back")
    daemon.wait_bridge("one", delivered=11, pending=0)
    # What was returned and is sent again may come behind what followed it.
    assert sorted(map(int, rig.rabbit.take("one", 11))) == list(range(11))
    assert daemon.stats()["connections"]["rabbit"]["reconnects"] == 0


def test_a7_queue_deleted_under_the_consumer(rig):
    """D. Is the consumer back as soon as its queue is?"""
    rig.rabbit.channel().queue_declare("work", durable=True)
    daemon = rig.run({"name": "in", "from": {"queue": "work"}, "to": {"channel": "done"}},
                     {"name": "other", "from": {"channel": "x"}, "to": {"queue": "else"}},
                     topology={"queues": [{"name": "else"}]})
    subscriber = rig.redis.subscribe("done")
    channel = rig.rabbit.channel()
    channel.basic_publish("", "work", b"before")
    assert subscriber.body() == b"before"
    daemon.wait_idle()
    channel.queue_delete("work")
    daemon.wait_bridge("in", state="waiting")
    assert daemon.bridge("other")["state"] == "running"
    channel.queue_declare("work", durable=True)
    channel.basic_publish("", "work", b"after")
    assert subscriber.body() == b"after"
    daemon.wait_running()


def test_a8_queue_unbound(rig):
    """N. Is what loses its way on the road returned and counted, and never called delivered?"""
    daemon = rig.run({"name": "out", "from": {"channel": "c"},
                      "to": {"exchange": "x", "routing_key": "k"}},
                     topology={"exchanges": [{"name": "x"}], "queues": [{"name": "work"}],
                               "bindings": [{"source": "x", "destination": "work",
                                             "routing_key": "k"}]})
    publisher = rig.redis.client()
    publisher.publish("c", b"1")
    daemon.wait_bridge("out", delivered=1)
    rig.rabbit.channel().queue_unbind("work", "x", "k")
    publisher.publish("c", b"2")
    bridge = daemon.wait_bridge("out", received=2, pending=0)
    assert (bridge["delivered"], bridge["unroutable"], bridge["dropped"]) == (1, 1, 1)
    assert rig.rabbit.take("work", 1) == [b"1"]


def test_a10_mismatch_stops_only_who_needs_it(rig):
    """D. Does a queue that is there with other arguments (406) stop only its own bridges, is the
    broker's reason told, and does all heal when the queue goes?"""
    channel = rig.rabbit.channel()
    channel.queue_declare("work", durable=True, arguments={"x-max-length": 5})
    daemon = rig.make(OUT, {"name": "in", "from": {"queue": "work"}, "to": {"channel": "done"}},
                      {"name": "fine", "from": {"channel": "orders"}, "to": {"queue": "other"}},
                      topology={"queues": [{"name": "work"}, {"name": "other"}]})
    daemon.start().wait_bridge("fine", state="running")
    for name in ("out", "in"):
        daemon.wait_bridge(name, state="waiting")
    daemon.wait_log(r"PRECONDITION_FAILED.*work")
    rig.redis.client().publish("orders", b"x")
    daemon.wait_bridge("fine", delivered=1)
    assert rig.rabbit.take("other", 1) == [b"x"]
    rig.rabbit.channel().queue_delete("work")
    subscriber = rig.redis.subscribe("done")
    daemon.wait_running()
    rig.redis.client().publish("orders", b"y")
    while subscriber.body() != b"y":
        pass
    assert daemon.stats()["connections"]["rabbit"]["reconnects"] == 0


@pytest.mark.parametrize("topology, words", [
    ({"exchanges": [{"name": "x", "passive": True}]}, "NOT_FOUND"),
    ({"exchanges": [{"name": "amq.mine"}]}, "ACCESS_REFUSED|reserved|amq\\."),
    ({"exchanges": [{"name": "x", "type": "no-such-type"}]}, "no-such-type|COMMAND_INVALID"),
])
def test_a10_exchange_that_cannot_be_declared(rig, topology, words):
    """N. Does an exchange that cannot be declared keep only its own bridge waiting, with the
    reason?"""
    name = topology["exchanges"][0]["name"]
    daemon = rig.make({"name": "bad", "from": {"channel": "c"},
                       "to": {"exchange": name, "routing_key": "k"}},
                      {"name": "good", "from": {"channel": "c"}, "to": {"queue": "work"}},
                      topology={**topology, "queues": [{"name": "work"}]},
                      shutdown_timeout="500ms")
    daemon.start().wait_bridge("good", state="running")
    daemon.wait_log(words)
    rig.redis.client().publish("c", b"x")
    assert rig.rabbit.take("work", 1) == [b"x"]
    holds_for(lambda: daemon.stats()["bridges"]["bad"]["state"] == "waiting",
              "the bridge waits", seconds=0.5)
    daemon.stop()


def test_a10_passive_waits_for_the_object(rig):
    """N. Does a passive declaration only look, and its bridge start when somebody makes the
    object?"""
    daemon = rig.make(OUT, topology={"queues": [{"name": "work", "passive": True}]})
    daemon.start()
    daemon.wait_bridge("out", state="waiting")
    daemon.wait_log("NOT_FOUND")
    assert "work" not in rig.rabbit.queues()
    rig.rabbit.channel().queue_declare("work", arguments={"x-max-length": 77})
    daemon.wait_running()
    rig.redis.client().publish("orders", b"x")
    assert rig.rabbit.take("work", 1) == [b"x"]


def test_a9_reject_publish_is_retried(rig):
    """N. Is a message that a full queue rejects sent again until there is room, in order and only
    once?"""
    daemon = rig.run(
        {"name": "out", "from": {"channel": "orders"}, "to": {"queue": "small"},
         "retry": {"min": "20ms", "max": "50ms"}},
        topology={"queues": [{"name": "small", "arguments": {
            "x-max-length": 1, "x-overflow": "reject-publish"}}]})
    channel = rig.rabbit.channel()
    for number in range(5):
        rig.redis.client().publish("orders", str(number))
    daemon.wait_stats(lambda stats: stats["bridges"]["out"]["retried"] >= 3, "retries")
    bodies = [rig.rabbit.get("small", channel=channel)[2] for _ in range(5)]
    assert sorted(bodies) == [b"0", b"1", b"2", b"3", b"4"]
    bridge = daemon.wait_bridge("out", delivered=5, pending=0)
    assert bridge["dropped"] == 0
