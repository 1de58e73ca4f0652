"""A mirror: a Redis channel and an AMQP exchange become one."""

import collections

import pika
import pytest

MIRROR = {"name": "orders",
          "mirror": {"channel": "orders", "exchange": "orders", "routing_key": "orders.new"}}
TOPOLOGY = {"exchanges": [{"name": "orders", "type": "topic"}],
            "queues": [{"name": "audit"}],
            "bindings": [{"source": "orders", "destination": "audit", "routing_key": "#"}]}
OWN_QUEUE = "chunnel.orders"


def _publish(channel, *bodies, key="orders.new", headers=None):
    for body in bodies:
        channel.basic_publish("orders", key, body,
                              pika.BasicProperties(delivery_mode=2, headers=headers))


def _settled(daemon, name="orders", **expected):
    """The stats of a mirror that has nothing more to do."""
    bridge = daemon.wait_bridge(name, pending=0, **expected)
    for counter in ("received", "delivered", "filtered", "dropped", "returned", "pending"):
        assert bridge[counter] == bridge["to_amqp"][counter] + bridge["to_redis"][counter]
    return bridge


def test_each_side_sees_what_the_other_says_once(rig):
    # Does a message from either side reach every subscriber on both, once, and not come back?
    daemon = rig.run(MIRROR, topology=TOPOLOGY)
    redis = rig.redis.subscribe("orders")
    rig.redis.client().publish("orders", b"from redis")
    channel = rig.rabbit.channel(confirm=True)
    _publish(channel, b"from amqp")
    assert sorted(rig.rabbit.take("audit", 2)) == [b"from amqp", b"from redis"]
    assert sorted(redis.take(2)) == [b"from amqp", b"from redis"]
    bridge = _settled(daemon, received=4, delivered=2, filtered=2)
    assert bridge["to_amqp"]["filtered"] == bridge["to_redis"]["filtered"] == 1
    assert redis.rest() == []
    assert rig.rabbit.ready("audit") == rig.rabbit.ready(OWN_QUEUE) == 0
