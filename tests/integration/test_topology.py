"""Topology: what is declared, and what happens when it cannot be."""

import json

import pika
import pika.exceptions
import pytest

from harness.waiting import holds_for, wait_until

OUT = {"name": "out", "from": {"channel": "orders"}, "to": {"queue": "work"}}


def declared(rig):
    """A channel on which declaring the same again says whether it is the same."""
    return rig.rabbit.channel()


def test_exchanges_of_all_types(rig):
    # Are exchanges declared with their type and all their flags?
    kinds = ("direct", "fanout", "topic", "headers")
    rig.run(OUT, topology={"queues": [{"name": "work"}], "exchanges": [
        *({"name": f"x-{kind}", "type": kind} for kind in kinds),
        {"name": "by-default"},
        {"name": "special", "type": "topic", "durable": False, "auto_delete": True,
         "internal": True, "arguments": {"alternate-exchange": "x-fanout"}}]})
    channel = declared(rig)
    for kind in kinds:
        channel.exchange_declare(f"x-{kind}", kind, durable=True)
    channel.exchange_declare("by-default", "direct", durable=True)
    channel.exchange_declare("special", "topic", durable=False, auto_delete=True, internal=True,
                             arguments={"alternate-exchange": "x-fanout"})


def test_queues_with_arguments(rig):
    # Are queues declared with all their flags and arguments, of every type that JSON has?
    arguments = {"x-message-ttl": 60000, "x-max-length": 1000, "x-overflow": "reject-publish",
                 "x-dead-letter-exchange": "amq.fanout", "x-single-active-consumer": True}
    rig.run(OUT, topology={"queues": [
        {"name": "work"}, {"name": "safe", "arguments": {"x-queue-type": "quorum"}},
        {"name": "special", "durable": True, "auto_delete": True, "arguments": arguments},
        {"name": "fleeting", "durable": False, "arguments": {"x-max-priority": 5}}]})
    channel = declared(rig)
    channel.queue_declare("work", durable=True)
    channel.queue_declare("safe", durable=True, arguments={"x-queue-type": "quorum"})
    channel.queue_declare("special", durable=True, auto_delete=True, arguments=arguments)
    channel.queue_declare("fleeting", arguments={"x-max-priority": 5})


def test_bindings_of_every_kind(rig):
    # Do bindings to queues and exchanges, with keys and with arguments, carry what they should?
    rig.run({"name": "out", "from": {"pattern": "p.*"},
             "to": {"exchange": "entry", "routing_key": "{1}", "mandatory": False,
                    "properties": {"headers": {"kind": "{1}"}}}},
            topology={
                "exchanges": [{"name": "entry", "type": "topic"}, {"name": "all", "type": "fanout"},
                              {"name": "heads", "type": "headers"}],
                "queues": [{"name": "a"}, {"name": "everything"}, {"name": "by-header"}],
                "bindings": [
                    {"source": "entry", "destination": "a", "routing_key": "a"},
                    {"source": "entry", "destination": "all", "destination_type": "exchange",
                     "routing_key": "#"},
                    {"source": "entry", "destination": "heads", "destination_type": "exchange",
                     "routing_key": "#"},
                    {"source": "all", "destination": "everything", "destination_type": "queue"},
                    {"source": "heads", "destination": "by-header",
                     "arguments": {"x-match": "any", "kind": "b"}}]})
    for key in ("a", "b", "c"):
        rig.redis.client().publish(f"p.{key}", key)
    assert rig.rabbit.take("everything", 3) == [b"a", b"b", b"c"]
    assert rig.rabbit.take("a", 1) == [b"a"]
    assert rig.rabbit.take("by-header", 1) == [b"b"]


def test_definitions_file(rig):
    # Is a definitions export taken as it is, users and policies skipped, its vhost accepted?
    vhost = rig.rabbit.name
    export = {
        "rabbit_version": "3.10.8", "rabbitmq_version": "3.10.8", "product_name": "RabbitMQ",
        "users": [{"name": "x", "password_hash": "y", "tags": []}], "vhosts": [{"name": vhost}],
        "permissions": [], "topic_permissions": [], "parameters": [], "global_parameters": [],
        "policies": [{"vhost": vhost, "name": "p", "pattern": ".*", "definition": {}}],
        "queues": [{"name": "work", "vhost": vhost, "durable": True, "auto_delete": False,
                    "arguments": {"x-queue-type": "classic"}}],
        "exchanges": [{"name": "x", "vhost": vhost, "type": "topic", "durable": True,
                       "auto_delete": False, "internal": False, "arguments": {}}],
        "bindings": [{"source": "x", "vhost": vhost, "destination": "work",
                      "destination_type": "queue", "routing_key": "a.#", "arguments": {}}]}
    (rig.folder / "definitions.json").write_text(json.dumps(export))
    rig.run({"name": "out", "from": {"channel": "orders"},
             "to": {"exchange": "x", "routing_key": "a.b"}},
            topology={"definitions_file": "definitions.json", "queues": [{"name": "more"}]})
    rig.redis.client().publish("orders", b"x")
    assert rig.rabbit.take("work", 1) == [b"x"]
    declared(rig).queue_declare("more", passive=True)


def test_mismatch_stops_only_who_needs_it(rig):
    # Does a queue that is there with other arguments (406) stop only its own bridges, is the
    # broker's reason told, and does all heal when the queue goes?
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
def test_exchange_that_cannot_be_declared(rig, topology, words):
    # Does an exchange that cannot be declared keep only its own bridge waiting, with the reason?
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


def test_passive_waits_for_the_object(rig):
    # Does a passive declaration only look, and its bridge start when somebody makes the object?
    daemon = rig.make(OUT, topology={"queues": [{"name": "work", "passive": True}]})
    daemon.start()
    daemon.wait_bridge("out", state="waiting")
    daemon.wait_log("NOT_FOUND")
    assert "work" not in rig.rabbit.queues()
    rig.rabbit.channel().queue_declare("work", arguments={"x-max-length": 77})
    daemon.wait_running()
    rig.redis.client().publish("orders", b"x")
    assert rig.rabbit.take("work", 1) == [b"x"]


def test_exchange_deleted(rig):
    # Does the loss of an exchange (404) hold up only its own bridge, and nothing get lost?
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


def test_queue_deleted_under_the_consumer(rig):
    # Is the consumer back as soon as its queue is?
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


def test_queue_unbound(rig):
    # Is what loses its way on the road returned and counted, and never called delivered?
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


def test_declared_again_after_a_reconnect(rig):
    # Is everything declared anew when the connection comes back to a broker that forgot?
    daemon = rig.run(OUT, topology={"queues": [{"name": "work", "durable": False}]})
    rig.rabbit.channel().queue_delete("work")
    rig.broker.close_connections(rig.rabbit.name)
    wait_until(lambda: "work" in rig.rabbit.queues(), "the queue is there again")
    daemon.wait_running()
    rig.redis.client().publish("orders", b"x")
    assert rig.rabbit.take("work", 1) == [b"x"]


def test_exclusive_queue(rig):
    # Can an exclusive queue be declared and consumed by the daemon's own connection?
    daemon = rig.run({"name": "in", "from": {"queue": "mine"}, "to": {"channel": "done"}},
                     topology={"queues": [{"name": "mine", "exclusive": True, "durable": False}],
                               "bindings": [{"source": "amq.fanout", "destination": "mine"}]})
    subscriber = rig.redis.subscribe("done")
    rig.rabbit.channel().basic_publish("amq.fanout", "", b"x", pika.BasicProperties())
    assert subscriber.body() == b"x"
    daemon.wait_bridge("in", delivered=1)
