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
