"""Filters: does a bridge carry what meets its condition, and settle and count the rest?"""

import json

import pika

TOPOLOGY = {"queues": [{"name": "work"}, {"name": "back"}],
            "exchanges": [{"name": "logs", "type": "topic"}],
            "bindings": [{"source": "logs", "destination": "work", "routing_key": "#"}]}


def test_body_of_redis_messages(rig):
    # By values of the body, numbers as numbers; what is no JSON does not match.
    daemon = rig.run({"name": "out", "from": {"pattern": "orders.*"}, "to": {"queue": "back"},
                      "filter": {"all": [
                          {"json": "/total", "greater": 9007199254740992},
                          {"any": [{"json": "/country", "in": ["de", "fr"]},
                                   {"channel": "orders.v[ix]p"}]},
                          {"not": {"json": "/test", "equals": True}}]}}, topology=TOPOLOGY)
    client = rig.redis.client()
    good = {"total": 9007199254740993, "country": "de"}
    for channel, body in [
            ("orders.new", good), ("orders.new", {**good, "total": 9007199254740992}),
            ("orders.new", {**good, "country": "us"}), ("orders.vip", {**good, "country": "us"}),
            ("orders.new", {**good, "test": True}), ("orders.new", {**good, "test": 1})]:
        client.publish(channel, json.dumps(body))
    client.publish("orders.new", "no json")
    assert [json.loads(body) for body in rig.rabbit.take("back", 3)] == [
        good, {**good, "country": "us"}, {**good, "test": 1}]
    bridge = daemon.wait_bridge("out", received=7, pending=0)
    assert (bridge["delivered"], bridge["filtered"]) == (3, 4)


def test_headers_and_routing_keys(rig):
    # What does not pass is acknowledged: the queue is empty at the end.
    subscriber = rig.redis.subscribe("events")
    daemon = rig.run({"name": "in", "from": {"queue": "work"}, "to": {"channel": "events"},
                      "filter": {"all": [{"routing_key": "orders.*"},
                                         {"header": "level", "greater": 4, "less": 8},
                                         {"header": "draft", "exists": False}]}},
                     topology=TOPOLOGY)
    channel = rig.rabbit.channel(confirm=True)
    for number, (key, headers) in enumerate([
            ("orders.new", {"level": 5}), ("users.new", {"level": 5}), ("orders.new", {"level": 8}),
            ("orders.new", {"level": "5"}), ("orders.new", {"level": 5, "draft": None}),
            ("orders.new", None), ("orders.old.x", {"level": 6})]):
        channel.basic_publish("logs", key, str(number), pika.BasicProperties(headers=headers))
    assert subscriber.take(2) == [b"0", b"6"]
    bridge = daemon.wait_bridge("in", received=7, pending=0)
    assert (bridge["delivered"], bridge["filtered"]) == (2, 5)
    assert rig.rabbit.ready("work") == 0


def test_envelopes(rig):
    # The body and the headers are those inside the envelope.
    daemon = rig.run({"name": "out", "from": {"channel": "events"}, "to": {"queue": "back"},
                      "format": "envelope", "filter": {"all": [
                          {"header": "kind", "equals": "cat"}, {"json": "/age", "less": 3}]}},
                     topology=TOPOLOGY)
    for kind, age in [("cat", 2), ("cat", 3), ("dog", 2)]:
        rig.redis.client().publish("events", json.dumps({
            "body": json.dumps({"age": age}), "properties": {"headers": {"kind": kind}}}))
    rig.redis.client().publish("events", json.dumps({"body": "no json"}))
    bridge = daemon.wait_bridge("out", received=4, pending=0)
    assert (bridge["delivered"], bridge["filtered"]) == (1, 3)
    assert rig.rabbit.get("back")[2] == b'{"age": 2}'
