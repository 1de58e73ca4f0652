"""From Redis channels and patterns to AMQP exchanges and queues."""

import re
import time

import pytest

QUEUE_WORK = {"queues": [{"name": "work"}]}
ID = re.compile(r"[0-9a-f]{16}-[0-9a-f]{16}")


def test_channel_to_queue(rig):
    # Does what is published on the channel, and nothing else, arrive in the queue?
    rig.run({"name": "out", "from": {"channel": "orders"}, "to": {"queue": "work"}},
            topology=QUEUE_WORK)
    publisher = rig.redis.client()
    assert publisher.publish("orders", b"one") == 1
    assert publisher.publish("orders.eu", b"not mine") == 0
    assert publisher.publish("orders", b"two") == 1
    messages = rig.rabbit.take_messages("work", 2)
    assert [body for _, _, body in messages] == [b"one", b"two"]
    assert all((method.exchange, method.routing_key) == ("", "work") for method, _, _ in messages)


def test_list_of_channels(rig):
    # Is every channel of a list subscribed?
    rig.run({"name": "out", "from": {"channel": ["a", "b", "c"]}, "to": {"queue": "work"}},
            topology=QUEUE_WORK)
    for channel in "abc":
        assert rig.redis.client().publish(channel, channel) == 1
    assert rig.rabbit.take("work", 3) == [b"a", b"b", b"c"]


def test_pattern_to_exchange(rig):
    # Does a pattern take what it matches, and its wildcards fill the routing key?
    rig.run({"name": "out", "from": {"pattern": "orders.*.?"},
             "to": {"exchange": "orders", "routing_key": "order.{1}.{2}"}},
            topology={"exchanges": [{"name": "orders", "type": "topic"}],
                      "queues": [{"name": "all"}, {"name": "eu"}],
                      "bindings": [
                          {"source": "orders", "destination": "all", "routing_key": "#"},
                          {"source": "orders", "destination": "eu", "routing_key": "order.eu.*"}]})
    publisher = rig.redis.client()
    assert publisher.publish("orders.eu.7", b"european") == 1
    assert publisher.publish("orders.us.8", b"american") == 1
    assert publisher.publish("orders.us.10", b"not matched") == 0
    messages = rig.rabbit.take_messages("all", 2)
    assert [(method.exchange, method.routing_key, body) for method, _, body in messages] == [
        ("orders", "order.eu.7", b"european"), ("orders", "order.us.8", b"american")]
    assert rig.rabbit.take("eu", 1) == [b"european"]


def test_list_of_patterns(rig):
    # Is every pattern of a list subscribed, and does each message name the one that matched?
    rig.run({"name": "out", "from": {"pattern": ["a.*", "b.[xy]"]}, "to": {"queue": "work"}},
            topology=QUEUE_WORK)
    for channel in ("a.1", "b.x", "b.z"):
        rig.redis.client().publish(channel, channel)
    messages = rig.rabbit.take_messages("work", 2)
    assert [(properties.headers["x-chunnel-pattern"], body) for _, properties, body in messages] == [
        ("a.*", b"a.1"), ("b.[xy]", b"b.x")]


def test_one_channel_to_many_bridges(rig):
    # Is one channel in several rules one subscription, fanned out to each of them?
    names = [f"copy-{number}" for number in range(5)]
    rig.run(*({"name": name, "from": {"channel": "news"}, "to": {"queue": name}} for name in names),
            topology={"queues": [{"name": name} for name in names]})
    assert rig.redis.client().publish("news", b"item") == 1
    for name in names:
        assert rig.rabbit.take(name, 1) == [b"item"]


def test_annotations_of_a_channel(rig):
    # Does a message carry exactly the promised annotations?
    before = int(time.time())
    rig.run({"name": "out", "from": {"channel": "orders"}, "to": {"queue": "work"}},
            topology=QUEUE_WORK)
    for _ in range(2):
        rig.redis.client().publish("orders", b"x")
    (_, first, _), (_, second, _) = rig.rabbit.take_messages("work", 2)
    assert first.headers == {"x-chunnel-origin": "gw-test", "x-chunnel-bridge": "out",
                             "x-chunnel-channel": "orders"}
    assert first.app_id == "chunneld"
    assert before <= first.timestamp <= int(time.time())
    assert ID.fullmatch(first.message_id) and ID.fullmatch(second.message_id)
    assert first.message_id != second.message_id
    assert first.delivery_mode == 2
    others = ("content_type", "content_encoding", "priority", "correlation_id", "reply_to",
              "expiration", "type", "user_id", "cluster_id")
    assert [getattr(first, name) for name in others] == [None] * len(others)


def test_annotations_of_a_pattern(rig):
    # Is the pattern named too, beside the channel that it matched?
    rig.run({"name": "out", "from": {"pattern": "orders.*"}, "to": {"queue": "work"}},
            topology=QUEUE_WORK)
    rig.redis.client().publish("orders.eu", b"x")
    _, properties, _ = rig.rabbit.get("work")
    assert properties.headers == {
        "x-chunnel-origin": "gw-test", "x-chunnel-bridge": "out",
        "x-chunnel-channel": "orders.eu", "x-chunnel-pattern": "orders.*"}


def test_no_annotations(rig):
    # Is a message bare when the rule says so?
    rig.run({"name": "out", "from": {"channel": "orders"}, "to": {"queue": "work"},
             "annotate": False}, topology=QUEUE_WORK)
    rig.redis.client().publish("orders", b"x")
    _, properties, _ = rig.rabbit.get("work")
    assert (properties.message_id, properties.timestamp, properties.app_id) == (None, None, None)
    assert not properties.headers


def test_properties_of_the_rule_win(rig):
    # Do all properties and headers of a rule arrive, before the annotations of the same name?
    given = {"content_type": "application/json", "content_encoding": "utf-8", "priority": 7,
             "expiration": "60000", "type": "order.{1}", "app_id": "shop",
             "correlation_id": "{json:/id}", "reply_to": "answers.{channel}",
             "headers": {"text": "of {bridge}", "whole": -5, "big": 1 << 40, "yes": True,
                         "no": False, "half": 7.5, "x-chunnel-origin": "elsewhere"}}
    rig.run({"name": "out", "from": {"pattern": "orders.*"},
             "to": {"exchange": "", "routing_key": "work", "properties": given}},
            topology=QUEUE_WORK)
    rig.redis.client().publish("orders.eu", b'{"id": "A-17"}')
    _, properties, _ = rig.rabbit.get("work")
    assert properties.content_type == "application/json"
    assert properties.content_encoding == "utf-8"
    assert properties.priority == 7
    assert properties.expiration == "60000"
    assert properties.type == "order.eu"
    assert properties.app_id == "shop"
    assert properties.correlation_id == "A-17"
    assert properties.reply_to == "answers.orders.eu"
    # pika reads a long-long as unsigned and cuts off what is behind the point of a double.
    assert properties.headers == {
        "text": "of out", "whole": -5, "big": 1 << 40, "yes": True, "no": False, "half": 7,
        "x-chunnel-origin": "elsewhere", "x-chunnel-bridge": "out",
        "x-chunnel-channel": "orders.eu", "x-chunnel-pattern": "orders.*"}


@pytest.mark.parametrize("persistent, mode", [(True, 2), (False, 1)])
def test_persistence(rig, persistent, mode):
    # Is the delivery mode what the rule says?
    rig.run({"name": "out", "from": {"channel": "orders"},
             "to": {"exchange": "", "routing_key": "work", "persistent": persistent}},
            topology=QUEUE_WORK)
    rig.redis.client().publish("orders", b"x")
    assert (rig.rabbit.get("work")[1].delivery_mode or 1) == mode


def test_unroutable_is_returned_and_counted(rig):
    # Is a message that no queue takes returned, counted and dropped, and never counted as delivered?
    daemon = rig.run(
        {"name": "out", "from": {"channel": "orders"}, "to": {"exchange": "void", "routing_key": "k"}},
        {"name": "other", "from": {"channel": "orders"}, "to": {"queue": "work"}},
        topology={"exchanges": [{"name": "void"}], **QUEUE_WORK})
    for _ in range(3):
        rig.redis.client().publish("orders", b"x")
    bridge = daemon.wait_bridge("out", received=3, pending=0)
    assert (bridge["unroutable"], bridge["dropped"], bridge["delivered"]) == (3, 3, 0)
    assert bridge["last_error"]
    daemon.wait_bridge("other", delivered=3)


def test_unroutable_among_routed(rig):
    # Are returns matched to their own messages when others are routed around them?
    daemon = rig.run(
        {"name": "out", "from": {"pattern": "o.*"}, "to": {"exchange": "x", "routing_key": "{1}"}},
        topology={"exchanges": [{"name": "x"}], **QUEUE_WORK,
                  "bindings": [{"source": "x", "destination": "work", "routing_key": "good"}]})
    pipeline = rig.redis.client().pipeline(transaction=False)
    for number in range(300):
        pipeline.publish("o.bad" if number % 3 == 0 else "o.good", str(number))
    pipeline.execute()
    bridge = daemon.wait_bridge("out", received=300, pending=0)
    assert (bridge["delivered"], bridge["unroutable"], bridge["dropped"]) == (200, 100, 100)
    expected = [str(number).encode() for number in range(300) if number % 3]
    assert rig.rabbit.take("work", 200) == expected


def test_unroutable_retried(rig):
    # With "retry", does a returned message wait until there is a queue for it?
    daemon = rig.run(
        {"name": "out", "from": {"channel": "orders"},
         "to": {"exchange": "x", "routing_key": "k"}, "on_unroutable": "retry",
         "retry": {"min": "20ms", "max": "50ms"}},
        topology={"exchanges": [{"name": "x"}], **QUEUE_WORK})
    rig.redis.client().publish("orders", b"patient")
    daemon.wait_stats(lambda stats: stats["bridges"]["out"]["retried"] >= 2, "two retries")
    assert daemon.bridge("out")["pending"] == 1
    rig.rabbit.channel().queue_bind("work", "x", "k")
    daemon.wait_bridge("out", delivered=1, pending=0, dropped=0)
    assert rig.rabbit.take("work", 1) == [b"patient"]


def test_not_mandatory(rig):
    # Without "mandatory", is an unroutable message delivered, as the broker says?
    daemon = rig.run(
        {"name": "out", "from": {"channel": "orders"},
         "to": {"exchange": "void", "routing_key": "k", "mandatory": False}},
        topology={"exchanges": [{"name": "void"}]})
    rig.redis.client().publish("orders", b"x")
    bridge = daemon.wait_bridge("out", received=1, pending=0)
    assert (bridge["delivered"], bridge["unroutable"]) == (1, 0)


def test_disabled_bridge(rig):
    # Does a disabled bridge neither subscribe nor declare itself running?
    daemon = rig.make({"name": "on", "from": {"channel": "a"}, "to": {"queue": "work"}},
                      {"name": "off", "enabled": False, "from": {"channel": "b"},
                       "to": {"queue": "work"}}, topology=QUEUE_WORK)
    daemon.start().wait_bridge("on", state="running")
    assert rig.redis.client().publish("b", b"x") == 0
    assert daemon.stats()["bridges"].get("off", {"state": "stopped"})["state"] == "stopped"
