"""A mirror: a Redis channel and an AMQP exchange become one."""

import collections
import signal
import threading

import pika
import pytest

from harness.bulk import BulkSubscriber, publish_all
from harness.waiting import wait_until

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

def _consume_all(rig, queue):
    """Everything that is in the queue now, as a count of bodies."""
    return collections.Counter(rig.rabbit.take(queue, rig.rabbit.ready(queue)))


def test_equal_bodies_from_both_sides_cross_exactly_once(rig):
    # With twenty bodies that both sides publish again and again at the same time: does each
    # subscriber get each message once, to the message?
    count, bodies = 6000, 20
    daemon = rig.run(MIRROR, topology=TOPOLOGY)
    redis = BulkSubscriber(rig.redis, "orders")
    numbers = [number * 7 % bodies for number in range(count)]
    publishing = threading.Thread(target=publish_all, args=(rig.redis, "orders", numbers))
    publishing.start()
    _publish(rig.rabbit.channel(), *(str(number).encode() for number in numbers))
    publishing.join()
    _settled(daemon, received=4 * count, delivered=2 * count, filtered=2 * count)
    each = collections.Counter({number: 2 * count // bodies for number in range(bodies)})
    assert collections.Counter(redis.take(2 * count)) == each
    wait_until(lambda: rig.rabbit.ready("audit") == 2 * count, "every message is in the queue")
    assert _consume_all(rig, "audit") == {str(number).encode(): n for number, n in each.items()}


def test_messages_for_redis_wait_in_the_durable_queue(rig):
    # Does what is published to the exchange while the gateway is away arrive when it is back?
    daemon = rig.run(MIRROR, topology=TOPOLOGY)
    daemon.stop()
    _publish(rig.rabbit.channel(confirm=True), b"one", b"two")
    redis = rig.redis.subscribe("orders")
    daemon.start().wait_running()
    assert redis.take(2) == [b"one", b"two"]
    _settled(daemon, received=4, delivered=2, filtered=2)


def test_stopped_in_the_midst_of_publishing(rig):
    # With one subscriber beside the mirror and "hold", Redis takes what was published only while
    # the daemon stops: is what the subscriber got told from what nobody got, so that it does not
    # come again after the start?
    count = 50
    rule = {**MIRROR, "on_no_subscribers": "hold"}
    daemon = rig.run(rule, topology=TOPOLOGY, observed=True)
    redis = BulkSubscriber(rig.redis, "orders")
    admin = rig.redis.client()
    admin.execute_command("CLIENT", "PAUSE", 60000, "WRITE")
    _publish(rig.rabbit.channel(), *(str(number).encode() for number in range(count)))
    daemon.wait_bridge("orders", in_flight=count)
    daemon.send_signal(signal.SIGTERM)
    daemon.wait_log('msg="stopping"')
    admin.execute_command("CLIENT", "UNPAUSE")
    daemon.wait_exit()
    daemon.start().wait_running()
    assert redis.take(count) == list(range(count))
    daemon.wait_idle()
    assert redis.rest() == []


def test_pattern(rig):
    # Does each channel of a pattern have its routing key, and each routing key its channel?
    rig.run({"name": "orders",
             "mirror": {"pattern": "orders:*", "exchange": "orders",
                        "routing_key": "{channel|dots}", "channel": "{routing_key|colons}"}},
            topology=TOPOLOGY)
    redis = rig.redis.subscribe(patterns=["orders*", "bills*"])
    rig.redis.client().publish("orders:eu:new", b"from redis")
    channel = rig.rabbit.channel(confirm=True)
    _publish(channel, b"from amqp", key="orders.us.new")
    _publish(channel, b"of no channel", key="bills.us.new")
    took = {(method.routing_key, body)
            for method, _, body in rig.rabbit.take_messages("audit", 3)}
    assert took == {("orders.eu.new", b"from redis"), ("orders.us.new", b"from amqp"),
                    ("bills.us.new", b"of no channel")}
    heard = [redis.next() for _ in range(2)]
    assert {(message["channel"], message["data"]) for message in heard} == {
        (b"orders:eu:new", b"from redis"), (b"orders:us:new", b"from amqp")}
    assert redis.rest() == []


def test_headers_and_hops(rig):
    # Are messages from Redis marked, and is what crossed another mirror left where it is?
    daemon = rig.run(MIRROR, topology=TOPOLOGY)
    redis = rig.redis.subscribe("orders")
    rig.redis.client().publish("orders", b"from redis")
    headers = rig.rabbit.take_messages("audit", 1)[0][1].headers
    assert headers == {"x-chunnel-hops": 1, "x-chunnel-origin": "gw-test",
                       "x-chunnel-bridge": "orders", "x-chunnel-channel": "orders"}
    channel = rig.rabbit.channel(confirm=True)
    for hops in (1, 2, 2**40):
        _publish(channel, b"crossed", headers={"x-chunnel-hops": hops})
    for fresh in (0, -1, "many", None):
        _publish(channel, b"fresh", headers={"x-chunnel-hops": fresh})
    _publish(channel, b"fresh", headers={"x-chunnel-origin": "gw-test"})
    assert redis.take(6) == [b"from redis"] + 5 * [b"fresh"]
    bridge = _settled(daemon, delivered=6)
    assert bridge["to_redis"]["filtered"] == 4
    assert redis.rest() == []


def test_more_hops_where_the_rule_allows_them(rig):
    # With max_hops 2: does what has crossed one mirror go to Redis, and what has crossed two not?
    daemon = rig.run({**MIRROR, "mirror": {**MIRROR["mirror"], "max_hops": 2}}, topology=TOPOLOGY)
    redis = rig.redis.subscribe("orders")
    channel = rig.rabbit.channel(confirm=True)
    _publish(channel, b"crossed two", headers={"x-chunnel-hops": 2})
    _publish(channel, b"crossed one", headers={"x-chunnel-hops": 1})
    assert redis.take(1) == [b"crossed one"]
    assert _settled(daemon, delivered=1, filtered=2)["to_redis"]["filtered"] == 1
    assert redis.rest() == []


def test_two_gateways_make_no_storm(rig):
    # Two gateways on one pair: does what either side says come to rest?
    daemons = [rig.run(MIRROR, topology=TOPOLOGY),
               rig.run(MIRROR, topology=TOPOLOGY, instance="gw-other")]
    for _ in range(50):
        rig.redis.client().publish("orders", b"x")
    # Each of the two puts it into the exchange, and neither takes it back.
    wait_until(lambda: rig.rabbit.ready("audit") == 100, "both gateways have published")
    _publish(rig.rabbit.channel(confirm=True), *(50 * [b"y"]))
    # One takes it to Redis, where the other cannot tell whose it is.
    wait_until(lambda: rig.rabbit.ready("audit") == 200, "all has come to rest")
    for daemon in daemons:
        daemon.wait_idle()
    delivered = sum(daemon.bridge("orders")["delivered"] for daemon in daemons)
    assert delivered == 100 + 50 + 50
    assert rig.rabbit.ready("audit") == 200


def _cut(rig, what):
    if what != "amqp":
        admin = rig.redis.client()
        for client in admin.client_list():
            if client["name"].startswith("chunneld"):
                admin.client_kill_filter(_id=client["id"])
    if what != "redis":
        rig.broker.close_connections(rig.rabbit.name)


@pytest.mark.parametrize("what", ["redis", "amqp", "both"])
def test_cut_connections_under_colliding_traffic(rig, what):
    # Connections cut again and again while both sides publish equal bodies: does everything from
    # AMQP reach Redis, everything that was read from Redis reach AMQP, and all come to rest?
    part, bodies, cuts = 400, 10, 4
    daemon = rig.run(MIRROR, topology=TOPOLOGY)
    redis = BulkSubscriber(rig.redis, "orders")
    numbers = [number % bodies for number in range(part)]
    for _ in range(cuts):
        channel = rig.rabbit.channel(confirm=True)
        publishing = threading.Thread(target=publish_all,
                                      args=(rig.redis, "orders", numbers))
        publishing.start()
        _publish(channel, *(str(number).encode() for number in numbers))
        publishing.join()
        _cut(rig, what)
        daemon.wait_running()
    daemon.wait_idle()
    wait_until(lambda: rig.rabbit.ready(OWN_QUEUE) == 0, "the mirror's queue is empty")
    daemon.wait_idle()
    bridge = daemon.bridge("orders")
    sent = cuts * part
    heard = collections.Counter(redis.rest())
    kept = _consume_all(rig, "audit")
    for number in range(bodies):
        assert heard[number] >= 2 * sent // bodies
    assert sum(kept.values()) >= sent + bridge["to_amqp"]["delivered"]
    if what == "amqp":
        # No message of Redis was missed, and what came twice had been sent twice.
        assert sum(heard.values()) == sent + bridge["to_redis"]["delivered"]
        assert bridge["to_amqp"]["delivered"] == sent
        for number in range(bodies):
            assert kept[str(number).encode()] >= 2 * sent // bodies
    assert bridge["to_amqp"]["dropped"] == bridge["to_redis"]["dropped"] == 0
