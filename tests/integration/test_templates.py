"""Templates of the rules: every name, every filter, and values that are missing."""

import re
import time

import pika

QUEUE_WORK = {"queues": [{"name": "work"}]}


def test_every_name_of_a_redis_source(rig):
    # Does every name that a Redis source supplies give its value?
    headers = {
        "channel": "{channel}", "pattern": "{pattern}", "first": "{1}", "second": "{2}",
        "json": "{json:/user/name}", "item": "{json:/list/1}", "number": "{json:/n}",
        "truth": "{json:/yes}", "escaped": "{json:/a~1b/c~0d}", "id": "{id}",
        "instance": "{instance}", "bridge": "{bridge}", "time": "{timestamp}",
        "braces": "{{{1}}}", "many": "<{1}-{2}>{1}"}
    rig.run({"name": "out", "from": {"pattern": "o*.?:x"},
             "to": {"exchange": "", "routing_key": "work", "properties": {"headers": headers}}},
            topology=QUEUE_WORK)
    before = int(time.time() * 1000)
    body = (b'{"user": {"name": "J\\u00f6rg"}, "list": [1, "two"], "n": 12.50, "yes": true,'
            b' "a/b": {"c~d": "deep"}}')
    rig.redis.client().publish("orders.7:x", body)
    _, properties, received = rig.rabbit.get("work")
    found = properties.headers
    assert received == body
    assert before <= int(found.pop("time")) <= int(time.time() * 1000)
    assert found.pop("id") == properties.message_id
    assert found.pop("number") in ("12.50", "12.5")
    assert {name: found[name] for name in found if not name.startswith("x-")} == {
        "channel": "orders.7:x", "pattern": "o*.?:x", "first": "rders", "second": "7",
        "json": "Jörg", "item": "two", "truth": "true", "escaped": "deep",
        "instance": "gw-test", "bridge": "out", "braces": "{rders}", "many": "<rders-7>rders"}


def test_nine_wildcards(rig):
    # Are there as many captures as wildcards, up to nine, each what its own wildcard matched?
    pattern = ".".join(["*"] * 9)
    rig.run({"name": "out", "from": {"pattern": pattern},
             "to": {"exchange": "", "routing_key": "work", "properties": {
                 "headers": {str(n): f"{{{n}}}" for n in range(1, 10)}}}}, topology=QUEUE_WORK)
    rig.redis.client().publish("a.b.c.d.e.f.g.h.i", b"x")
    _, properties, _ = rig.rabbit.get("work")
    assert "".join(properties.headers[str(n)] for n in range(1, 10)) == "abcdefghi"


def test_filters(rig):
    # Do the filters change what they should, one after the other?
    headers = {"dots": "{channel|dots}", "colons": "{channel|colons}", "lower": "{channel|lower}",
               "upper": "{channel|upper}", "both": "{channel|dots|lower}",
               "there and back": "{channel|dots|colons|upper}"}
    rig.run({"name": "out", "from": {"pattern": "Shop*"},
             "to": {"exchange": "", "routing_key": "work", "properties": {"headers": headers}}},
            topology=QUEUE_WORK)
    rig.redis.client().publish("Shop:eu/Order.1\u00e4", b"x")
    _, properties, _ = rig.rabbit.get("work")
    assert {name: properties.headers[name] for name in headers} == {
        "dots": "Shop.eu.Order.1ä", "colons": "Shop:eu/Order:1ä", "lower": "shop:eu/order.1ä",
        "upper": "SHOP:EU/ORDER.1ä", "both": "shop.eu.order.1ä",
        "there and back": "SHOP:EU:ORDER:1ä"}


def test_templates_of_exchange_routing_key_and_queue(rig):
    # May exchange, routing key and queue of a sink be chosen message by message?
    rig.run({"name": "by-exchange", "from": {"pattern": "x.*.*"},
             "to": {"exchange": "to-{1}", "routing_key": "{2|upper}.{json:/k}"}},
            {"name": "by-queue", "from": {"pattern": "q.*"}, "to": {"queue": "queue-{1}"}},
            topology={"exchanges": [{"name": "to-a"}, {"name": "to-b"}],
                      "queues": [{"name": "queue-1"}, {"name": "queue-2"}],
                      "bindings": [
                          {"source": "to-a", "destination": "queue-1", "routing_key": "K.5"},
                          {"source": "to-b", "destination": "queue-2", "routing_key": "K.6"}]})
    publisher = rig.redis.client()
    publisher.publish("x.a.k", b'{"k": 5}')
    publisher.publish("x.b.k", b'{"k": 6}')
    publisher.publish("q.1", b"direct")
    # Two bridges, each in its own order: which of them is first in the queue is not said.
    assert sorted(rig.rabbit.take("queue-1", 2)) == [b"direct", b'{"k": 5}']
    assert rig.rabbit.take("queue-2", 1) == [b'{"k": 6}']


def test_every_name_of_an_amqp_source(rig):
    # Does every name that an AMQP source supplies give its value?
    names = ("queue", "exchange", "routing_key", "routing_key.1", "routing_key.2", "header.kind",
             "header.count", "property.correlation_id", "property.content_type",
             "property.priority", "property.message_id", "property.reply_to", "property.type",
             "property.app_id", "json:/id", "instance", "bridge")
    template = ";".join(f"{{{name}}}" for name in names) + ";{id};{timestamp}"
    rig.run({"name": "in", "from": {"queue": "work"}, "to": {"channel": template}},
            topology={"exchanges": [{"name": "logs", "type": "topic"}], **QUEUE_WORK,
                      "bindings": [{"source": "logs", "destination": "work", "routing_key": "#"}]})
    subscriber = rig.redis.subscribe(patterns=["*;*"])
    rig.rabbit.channel().basic_publish("logs", "eu.order", b'{"id": "A-1"}', pika.BasicProperties(
        headers={"kind": "order", "count": 42}, correlation_id="corr", content_type="text/plain",
        priority=3, message_id="m-1", reply_to="answers", type="t", app_id="shop"))
    *values, number, stamp = subscriber.next()["channel"].decode().split(";")
    assert values == ["work", "logs", "eu.order", "eu", "order", "order", "42", "corr",
                      "text/plain", "3", "m-1", "answers", "t", "shop", "A-1", "gw-test", "in"]
    assert number == "m-1", "the id of a message is the message_id that it came with"
    assert abs(int(stamp) - time.time() * 1000) < 60000


def test_name_of_the_broker_queue(rig):
    # Does {queue} of an exchange source name the queue that the broker made?
    rig.run({"name": "in", "from": {"exchange": "logs"}, "to": {"channel": "got.{queue}"}},
            topology={"exchanges": [{"name": "logs", "type": "topic"}]})
    subscriber = rig.redis.subscribe(patterns=["got.*"])
    rig.rabbit.channel().basic_publish("logs", "k", b"x")
    (queue,) = rig.rabbit.queues()
    assert subscriber.next()["channel"].decode() == f"got.{queue}"


def test_missing_values_of_an_amqp_source(rig):
    # Is a message whose template has no value dropped, counted and named, and the next one sent?
    daemon = rig.run(
        {"name": "header", "from": {"queue": "h"}, "to": {"channel": "c.{header.kind}"}},
        {"name": "word", "from": {"queue": "w"}, "to": {"channel": "c.{routing_key.2}"}},
        {"name": "json", "from": {"queue": "j"}, "to": {"channel": "c.{json:/id}"}},
        {"name": "property", "from": {"queue": "p"}, "to": {"channel": "c.{property.type}"}},
        topology={"queues": [{"name": name} for name in "hwjp"]})
    subscriber = rig.redis.subscribe(patterns=["c.*"])
    channel = rig.rabbit.channel()
    for queue in "hwp":
        channel.basic_publish("", queue, b"{}")
    bad_json = (b"{}", b"no json", b'{"id": null}', b'{"id": {}}', b'{"id": [1]}', b"[]", b"\xff",
                b'{"id": "a"} trailing', b"")
    for body in bad_json:
        channel.basic_publish("", "j", body)
    channel.basic_publish("", "j", b'{"id": "fine"}')
    message = subscriber.next()
    assert (message["channel"], message["data"]) == (b"c.fine", b'{"id": "fine"}')
    for name, count in (("header", 1), ("word", 1), ("property", 1), ("json", len(bad_json))):
        bridge = daemon.wait_bridge(name, dropped=count, pending=0)
        assert bridge["last_error"], name
    assert daemon.bridge("json")["delivered"] == 1


def test_missing_values_of_a_redis_source(rig):
    # Is a message without the JSON value of its routing key dropped and counted, and never sent?
    daemon = rig.run({"name": "out", "from": {"channel": "orders"}, "to": {"queue": "{json:/q}"}},
                     topology=QUEUE_WORK)
    for body in (b"{}", b'{"q": "work"}', b""):
        rig.redis.client().publish("orders", body)
    bridge = daemon.wait_bridge("out", received=3, pending=0)
    assert (bridge["delivered"], bridge["dropped"]) == (1, 2)
    assert rig.rabbit.take("work", 1) == [b'{"q": "work"}']


def test_values_too_long_for_amqp(rig):
    # Is a message whose routing key would be over 255 octets dropped before it costs the connection?
    daemon = rig.run({"name": "out", "from": {"pattern": "q.*"}, "to": {"exchange": "x",
                                                                       "routing_key": "{1}"}},
                     topology={"exchanges": [{"name": "x", "type": "fanout"}], **QUEUE_WORK,
                               "bindings": [{"source": "x", "destination": "work"}]})
    publisher = rig.redis.client()
    publisher.publish("q." + "x" * 256, b"too long")
    publisher.publish("q." + "x" * 255, b"just fits")
    assert rig.rabbit.take("work", 1) == [b"just fits"]
    bridge = daemon.wait_bridge("out", received=2, pending=0)
    assert (bridge["delivered"], bridge["dropped"]) == (1, 1)
    assert daemon.stats()["connections"]["rabbit"]["reconnects"] == 0
