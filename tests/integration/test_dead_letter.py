"""Messages that are refused: to a sink of their own, whole, with the reason, and accounted for."""

import base64
import json
import re

import pika
import pytest

from harness.waiting import holds_for, wait_until

DEAD = {"queue": "dead"}
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


def queues(*names, **arguments):
    """A topology of these queues, with the exchange that leads nowhere."""
    return {"exchanges": [{"name": "void"}],
            "queues": [{"name": name, "arguments": arguments.get(name, {})} for name in names]}


def to_void(**more):
    """A bridge whose messages no queue takes."""
    return {"name": "out", "from": {"channel": "orders"},
            "to": {"exchange": "void", "routing_key": "k"}, **more}


def inwards(**more):
    return {"name": "in", "from": {"queue": "work"}, "to": {"channel": "done.{header.kind}"},
            **more}


def assert_only(bridge, received, **expected):
    """All that was received is in these books."""
    assert bridge["received"] == received, bridge
    for book in ("delivered", "filtered", "dropped", "dead_lettered", "returned", "pending"):
        assert bridge[book] == expected.get(book, 0), (book, bridge)


def dead_letter_of(subscriber, reason):
    envelope = json.loads(subscriber.body())
    assert envelope["v"] == 1 and envelope["reason"] == reason and envelope["error"]
    assert TIME.fullmatch(envelope["time"])
    return envelope


def test_unroutable(rig):
    # Does what no queue takes come to the dead-letter queue as it was, with the reason?
    daemon = rig.run(to_void(dead_letter=DEAD), topology=queues("dead"))
    bodies = [b"plain", b"", bytes(range(256)), b"x" * 300_000]
    for body in bodies:
        rig.redis.client().publish("orders", body)
    messages = rig.rabbit.take_messages("dead", len(bodies))
    assert [body for _, _, body in messages] == bodies
    for _, properties, _ in messages:
        assert properties.headers["x-chunnel-reason"] == "unroutable"
        assert "312" in properties.headers["x-chunnel-error"] \
            or "NO_ROUTE" in properties.headers["x-chunnel-error"]
        assert properties.headers["x-chunnel-bridge"] == "out"
        assert properties.headers["x-chunnel-channel"] == "orders"
        assert properties.message_id and properties.app_id == "chunneld"
    bridge = daemon.wait_bridge("out", pending=0, dead_lettered=4)
    assert_only(bridge, 4, dead_lettered=4)
    assert bridge["unroutable"] == 4
    assert "unroutable" in daemon.log() and "unroutable" in bridge["last_error"]


def test_unroutable_among_routed(rig):
    # Do only those that no queue takes go there, each one once, while the others are delivered?
    daemon = rig.run(
        {"name": "out", "from": {"pattern": "o.*"}, "to": {"queue": "{1}"}, "dead_letter": DEAD},
        topology=queues("good", "dead"))
    pipeline = rig.redis.client().pipeline(transaction=False)
    for number in range(3000):
        pipeline.publish("o.bad" if number % 3 == 0 else "o.good", str(number))
    pipeline.execute()
    assert_only(daemon.wait_bridge("out", received=3000, pending=0), 3000,
                delivered=2000, dead_lettered=1000)
    dead = [int(body) for body in rig.rabbit.take("dead", 1000)]
    assert dead == list(range(0, 3000, 3))
    good = [int(body) for body in rig.rabbit.take("good", 2000)]
    assert good == [number for number in range(3000) if number % 3]


@pytest.mark.parametrize("choice, dead", [("drop", 0), ("dead-letter", 5)])
def test_on_unroutable(rig, choice, dead):
    # Does the dead-letter sink get what cannot be routed only where that is wanted?
    daemon = rig.run(to_void(dead_letter=DEAD, on_unroutable=choice), topology=queues("dead"))
    for _ in range(5):
        rig.redis.client().publish("orders", b"x")
    bridge = daemon.wait_bridge("out", received=5, pending=0)
    assert_only(bridge, 5, dead_lettered=dead, dropped=5 - dead)
    assert rig.rabbit.ready("dead") == dead


def test_too_large(rig):
    # Is a body over the sink's max_message_size dead-lettered elsewhere, whole, and never sent?
    daemon = rig.run(
        {"name": "out", "from": {"channel": "orders"}, "to": {"queue": "work",
                                                              "connection": "rabbit"},
         "dead_letter": {"queue": "dead", "connection": "big"}},
        connections={"rabbit": {"max_message_size": "1KiB"}, "big": {"url": rig.rabbit.url()}},
        topology={"connection": "rabbit", **queues("work", "dead")})
    for body in (b"a", b"y" * 1025, b"b" * 1024):
        rig.redis.client().publish("orders", body)
    assert rig.rabbit.take("work", 2) == [b"a", b"b" * 1024]
    _, properties, body = rig.rabbit.get("dead")
    assert body == b"y" * 1025
    assert properties.headers["x-chunnel-reason"] == "too-large"
    assert re.search(r"1025.*1024|1024.*1025", properties.headers["x-chunnel-error"])
    assert_only(daemon.wait_bridge("out", pending=0, delivered=2), 3, delivered=2, dead_lettered=1)


def test_too_large_for_the_dead_letter_sink_too(rig):
    # Is what nobody can take dropped and counted, and does the rest go on?
    daemon = rig.run(
        {"name": "out", "from": {"channel": "orders"}, "to": {"queue": "work"},
         "dead_letter": DEAD},
        connections={"rabbit": {"max_message_size": "1KiB"}}, topology=queues("work", "dead"))
    for body in (b"y" * 1025, b"after"):
        rig.redis.client().publish("orders", body)
    assert rig.rabbit.take("work", 1) == [b"after"]
    assert_only(daemon.wait_bridge("out", received=2, pending=0), 2, delivered=1, dropped=1)
    assert rig.rabbit.ready("dead") == 0
    daemon.wait_log("dead letter dropped")


def test_template_failure_keeps_the_message(rig):
    # Does a message without the header that the channel needs keep its own properties and headers?
    subscriber = rig.redis.subscribe("done.good")
    daemon = rig.run(inwards(**{"from": {"queue": "work", "connection": "rabbit"}},
                             dead_letter={"queue": "dead", "connection": "other"}),
                     connections={"other": {"url": rig.rabbit.url()}},
                     **_on_rabbit(queues("work", "dead")))
    channel = rig.rabbit.channel(confirm=True)
    own = {"tenant": "acme", "n": 7, "yes": True, "nested": {"a": ["b", 1]}}
    channel.basic_publish("", "work", b"\x00\xffbody", pika.BasicProperties(
        headers=own, content_type="application/x", correlation_id="c-1", message_id="m-1",
        reply_to="answers", priority=3, type="t"))
    channel.basic_publish("", "work", b"fine", pika.BasicProperties(headers={"kind": "good"}))
    assert subscriber.body() == b"fine"
    _, properties, body = rig.rabbit.get("dead")
    assert body == b"\x00\xffbody"
    assert properties.headers["x-chunnel-reason"] == "template"
    assert "kind" in properties.headers["x-chunnel-error"]
    assert {name: properties.headers.get(name) for name in own} == own
    assert (properties.content_type, properties.correlation_id, properties.message_id,
            properties.reply_to, properties.priority, properties.type) == (
                "application/x", "c-1", "m-1", "answers", 3, "t")
    assert_only(daemon.wait_bridge("in", pending=0, received=2), 2, delivered=1, dead_lettered=1)
    wait_until(lambda: rig.rabbit.queues()["work"] == (0, 0, 1), "all is acknowledged")


def _on_rabbit(topology):
    """For configurations with a second AMQP connection."""
    return {"topology": {"connection": "rabbit", **topology}}


def test_retries_exhausted(rig):
    # Is a message that a full queue refuses given up after the attempts that the rule allows?
    full = {"x-max-length": 1, "x-overflow": "reject-publish"}
    daemon = rig.run(
        {"name": "out", "from": {"channel": "orders"}, "to": {"queue": "work"},
         "retry": {"min": "10ms", "max": "20ms", "attempts": 3}, "dead_letter": DEAD},
        topology=queues("work", "dead", work=full))
    for body in (b"one", b"two"):
        rig.redis.client().publish("orders", body)
    _, properties, body = rig.rabbit.get("dead")
    assert body == b"two"
    assert properties.headers["x-chunnel-reason"] == "retries"
    assert properties.headers["x-chunnel-error"]
    bridge = daemon.wait_bridge("out", pending=0, received=2)
    assert_only(bridge, 2, delivered=1, dead_lettered=1)
    assert bridge["retried"] == 2
    assert rig.rabbit.take("work", 1) == [b"one"]


def test_retries_exhausted_without_a_dead_letter_sink(rig):
    # Without one, is it dropped, counted and told?
    full = {"x-max-length": 1, "x-overflow": "reject-publish"}
    daemon = rig.run(
        {"name": "out", "from": {"channel": "orders"}, "to": {"queue": "work"},
         "retry": {"min": "10ms", "max": "20ms", "attempts": 2}}, topology=queues("work", work=full))
    for body in (b"one", b"two"):
        rig.redis.client().publish("orders", body)
    assert_only(daemon.wait_bridge("out", pending=0, received=2), 2, delivered=1, dropped=1)
    daemon.wait_log("message dropped: retries")


def test_to_redis_from_redis(rig):
    # Is a dead letter on Redis an envelope, with text as text and everything said about it?
    subscriber = rig.redis.subscribe("dead.out")
    daemon = rig.run({**to_void(dead_letter={"channel": "dead.{bridge}"}),
                      "from": {"pattern": "orders.*"}}, topology=queues())
    text = 'Grüße, "quoted"\n\u2028\U0001f407'
    rig.redis.client().publish("orders.eu", text.encode())
    envelope = dead_letter_of(subscriber, "unroutable")
    assert envelope["bridge"] == "out"
    assert envelope["source"] == {"channel": "orders.eu", "pattern": "orders.*"}
    assert envelope["properties"] == {}
    assert (envelope["body"], envelope["body_encoding"]) == (text, "utf-8")
    assert envelope["id"]
    assert set(envelope) == {"v", "id", "time", "bridge", "source", "properties", "body",
                             "body_encoding", "reason", "error"}
    assert_only(daemon.wait_bridge("out", pending=0, dead_lettered=1), 1, dead_lettered=1)


@pytest.mark.parametrize("body", [b"\xff\xfe", b"a\x00b", b"\xed\xa0\x80", bytes(range(256)) * 50],
                         ids=["bytes", "nul", "surrogate", "long"])
def test_to_redis_binary(rig, body):
    # Does a body that is no text come back byte for byte from base64?
    subscriber = rig.redis.subscribe("dead")
    rig.run(to_void(dead_letter={"channel": "dead"}), topology=queues())
    rig.redis.client().publish("orders", body)
    envelope = dead_letter_of(subscriber, "unroutable")
    assert envelope["body_encoding"] == "base64"
    assert base64.b64decode(envelope["body"], validate=True) == body


def test_to_redis_from_amqp(rig):
    # Does the envelope name the queue, exchange and routing key, and hold properties and headers?
    subscriber = rig.redis.subscribe("dead")
    daemon = rig.run(inwards(dead_letter={"channel": "dead"}),
                     topology={"exchanges": [{"name": "logs", "type": "topic"}],
                               "queues": [{"name": "work"}],
                               "bindings": [{"source": "logs", "destination": "work",
                                             "routing_key": "#"}]})
    rig.rabbit.channel(confirm=True).basic_publish(
        "logs", "a.b", b"text", pika.BasicProperties(
            content_type="text/plain", correlation_id="c-1", reply_to="r", message_id="m-1",
            priority=4, timestamp=1700000000, headers={"tenant": "acme", "n": 1 << 40, "yes": True}))
    envelope = dead_letter_of(subscriber, "template")
    assert envelope["source"] == {"queue": "work", "exchange": "logs", "routing_key": "a.b",
                                  "redelivered": False}
    assert envelope["id"] == "m-1"
    properties = envelope["properties"]
    assert properties["headers"] == {"tenant": "acme", "n": 1 << 40, "yes": True}
    assert (properties["content_type"], properties["correlation_id"], properties["reply_to"],
            properties["priority"], properties["timestamp"]) == (
                "text/plain", "c-1", "r", 4, 1700000000)
    assert (envelope["body"], envelope["body_encoding"]) == ("text", "utf-8")
    assert "kind" in envelope["error"]
    assert_only(daemon.wait_bridge("in", pending=0, dead_lettered=1), 1, dead_lettered=1)


def test_nobody_listens_to_the_dead_letters(rig):
    # Is a dead letter that was published and reached nobody still a dead letter?
    daemon = rig.run(to_void(dead_letter={"channel": "dead"}), topology=queues())
    rig.redis.client().publish("orders", b"x")
    assert_only(daemon.wait_bridge("out", pending=0, received=1), 1, dead_lettered=1)


def test_dead_letter_sink_is_unroutable_too(rig):
    # Is a dead letter that no queue takes dropped, counted and told, and the bridge goes on?
    daemon = rig.run(
        {"name": "out", "from": {"pattern": "o.*"}, "to": {"queue": "{1}"},
         "dead_letter": {"exchange": "void", "routing_key": "k"}}, topology=queues("good"))
    for channel in ("o.bad", "o.good", "o.bad", "o.good"):
        rig.redis.client().publish(channel, channel)
    assert rig.rabbit.take("good", 2) == [b"o.good", b"o.good"]
    bridge = daemon.wait_bridge("out", pending=0, received=4)
    assert_only(bridge, 4, delivered=2, dropped=2)
    assert bridge["last_error"]
    daemon.wait_log("dead letter dropped")


def test_reject_from_redis_without_subscribers(rig):
    # From a Redis source, which has no queue to give back to, is `reject` a dead letter?
    other = rig.observer
    daemon = rig.run(
        {"name": "copy", "from": {"channel": "a", "connection": "redis"},
         "to": {"channel": "b", "connection": "observer"}, "on_no_subscribers": "reject",
         "dead_letter": DEAD}, observed=True, topology=queues("dead"))
    subscriber = other.subscribe("b")
    rig.redis.client().publish("a", b"heard")
    assert subscriber.body() == b"heard"
    subscriber.close()
    wait_until(lambda: other.subscribers("b") == 0, "nobody is subscribed")
    rig.redis.client().publish("a", b"unheard")
    _, properties, body = rig.rabbit.get("dead")
    assert body == b"unheard"
    assert properties.headers["x-chunnel-reason"] == "no-subscribers"
    assert properties.headers["x-chunnel-error"] == "PUBLISH reached nobody"
    assert_only(daemon.wait_bridge("copy", pending=0, received=2), 2, delivered=1, dead_lettered=1)


def test_dead_letter_sink_away(rig):
    # While the dead-letter sink cannot be reached, do its letters wait and the others go out?
    way = rig.proxy(rig.broker.port)
    daemon = rig.run(
        {"name": "out", "from": {"pattern": "o.*"}, "to": {"queue": "{1}", "connection": "rabbit"},
         "dead_letter": {"queue": "dead", "connection": "far"}},
        connections={"far": {"url": rig.rabbit.url(port=way.port),
                             "reconnect": {"min": "20ms", "max": "100ms"}}},
        **_on_rabbit(queues("good", "dead")))
    way.refuse()
    way.reset_all()
    daemon.wait_stats(lambda stats: stats["connections"]["far"]["state"] != "up", "far is away")
    for number in range(100):
        rig.redis.client().publish("o.bad" if number % 2 else "o.good", str(number))
    assert [int(body) for body in rig.rabbit.take("good", 50)] == list(range(0, 100, 2))
    bridge = daemon.wait_bridge("out", received=100, pending=50)
    holds_for(lambda: daemon.stats()["bridges"]["out"]["dropped"] == 0, "none is dropped", 0.3)
    way.listen()
    assert [int(body) for body in rig.rabbit.take("dead", 50)] == list(range(1, 100, 2))
    bridge = daemon.wait_bridge("out", pending=0)
    assert_only(bridge, 100, delivered=50, dead_lettered=50)


def test_exchange_of_its_own(rig):
    # Does a message whose template names an exchange that is not there get its attempts, no more,
    # and let those behind it go on?
    rig.rabbit.channel().exchange_declare("there", "fanout")
    daemon = rig.run(
        {"name": "out", "from": {"pattern": "to.*"}, "to": {"exchange": "{1}", "mandatory": False},
         "retry": {"min": "10ms", "max": "20ms", "attempts": 3}, "dead_letter": {"queue": "dead"}},
        topology=queues("dead"))
    client = rig.redis.client()
    for number in range(40):
        client.publish("to.nowhere" if number in (5, 30) else "to.there", str(number))
    daemon.wait_bridge("out", delivered=38, dead_lettered=2, pending=0)
    for number in (b"5", b"30"):
        _, properties, body = rig.rabbit.get("dead")
        assert (properties.headers["x-chunnel-reason"], body) == ("retries", number)
        assert "no exchange 'nowhere'" in properties.headers["x-chunnel-error"]


@pytest.mark.parametrize("retry", [{}, {"min": "10ms", "max": "20ms", "attempts": 3}],
                         ids=["by-default", "attempts"])
def test_dead_letter_with_an_exchange_of_its_own(rig, retry):
    # Does a dead letter whose template names an exchange that is not there come to an end, dropped,
    # counted and told, after a few channels, while the others reach theirs?
    rig.rabbit.channel().exchange_declare("there", "fanout")
    daemon = rig.run(
        {"name": "out", "from": {"pattern": "to.*"}, "to": {"exchange": "void"}, "retry": retry,
         "dead_letter": {"exchange": "{1}", "mandatory": False}}, topology=queues())
    client = rig.redis.client()
    for number in range(40):
        client.publish("to.nowhere" if number in (5, 30) else "to.there", str(number))
    bridge = daemon.wait_bridge("out", received=40, pending=0)
    assert_only(bridge, 40, dead_lettered=38, dropped=2)
    assert "no exchange 'nowhere'" in bridge["last_error"]
    daemon.wait_log("dead letter dropped")
    assert daemon.log().count("no exchange 'nowhere'") < 40
    client.publish("to.there", "after")
    assert_only(daemon.wait_bridge("out", received=41, pending=0), 41, dead_lettered=39, dropped=2)
