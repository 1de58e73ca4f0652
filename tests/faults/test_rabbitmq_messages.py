"""Messages and consumers that RabbitMQ or the sink will not have (A12 to A14, A16), and a virtual host
that goes (A11)."""

import json
import struct

import pika
import pika.exceptions
import pytest

from harness.account import told_sparingly
from harness.daemon import is_sanitized
from harness.waiting import wait_until

TOPOLOGY = {"queues": [{"name": "work"}, {"name": "back"}]}
OUT = {"name": "out", "from": {"channel": "orders"}, "to": {"queue": "work"}}
IN = {"name": "in", "from": {"queue": "back"}, "to": {"channel": "done"}}


def fill(rig, numbers, queue="back"):
    channel = rig.rabbit.channel(confirm=True)
    for number in numbers:
        channel.basic_publish("", queue, str(number))


def numbers_of(subscriber):
    return [int(body) for body in subscriber.rest()]


@pytest.mark.slow
def test_a11_vhost_deleted(rig, account):
    """D. When the virtual host is deleted under it and made again, do the bridges wait, declare
    everything anew, and deliver what came meanwhile?"""
    daemon = rig.run(OUT, IN, topology=TOPOLOGY)
    account.injects("virtual host deleted, 100 messages, virtual host made again")
    rig.rabbit.close()
    rig.rabbit.remove()
    try:
        for name in ("out", "in"):
            daemon.wait_bridge(name, state="waiting")
        for number in range(100):
            rig.redis.client().publish("orders", str(number))
        daemon.wait_bridge("out", pending=100)
        daemon.wait_log("(?i)vhost|NOT_ALLOWED|CONNECTION_FORCED")
    finally:
        rig.rabbit.create()
    daemon.wait_running(timeout=60)
    daemon.wait_bridge("out", delivered=100, pending=0)
    account.judge("Redis to RabbitMQ", range(100), map(int, rig.rabbit.take("work", 100)))


@pytest.mark.slow
def test_a11_user_limits(rig, account):
    """D. With a user who may have no connection any more, does it wait with the broker's words,
    and go on when he may?"""
    with rig.broker.user("gw3", "pw"):
        rig.rabbit.grant("gw3")
        daemon = rig.run(OUT, topology=TOPOLOGY, amqp_url=rig.rabbit.url("gw3", "pw"))
        account.injects("max-connections 0 for the user, connections closed")
        rig.broker.eval('rabbit_auth_backend_internal:set_user_limits(<<"gw3">>,'
                        ' #{<<"max-connections">> => 0}, <<"t">>)')
        rig.broker.close_connections(rig.rabbit.name)
        daemon.wait_bridge("out", state="waiting")
        daemon.wait_log("limit")
        for number in range(10):
            rig.redis.client().publish("orders", str(number))
        daemon.wait_bridge("out", pending=10)
        rig.broker.eval('rabbit_auth_backend_internal:clear_user_limits(<<"gw3">>,'
                        ' <<"max-connections">>, <<"t">>)')
        daemon.wait_bridge("out", delivered=10, pending=0)
        account.judge("Redis to RabbitMQ", range(10), map(int, rig.rabbit.take("work", 10)))
        daemon.wait_idle()
        daemon.stop()


def test_a12_consumer_timeout(rig, account, form):
    """D. When RabbitMQ closes the channel because nothing was acknowledged for too long, is that
    told, is the channel opened again, and does everything arrive?"""
    limit = form(1000, 60_000)
    way = rig.proxy(rig.redis.port)
    with rig.broker.settings(consumer_timeout=limit, channel_tick_interval=500):
        daemon = rig.run(IN, topology=TOPOLOGY, observed=True,
                         redis_url=rig.redis.url(port=way.port),
                         connections={"redis": {"connect_timeout": "120s"}})
        subscriber = rig.redis.subscribe("done")
        account.injects(f"consumer_timeout {limit} ms, Redis silent for longer")
        way.down.stall()
        fill(rig, range(50))
        daemon.wait_log("(?i)PRECONDITION_FAILED.*(timeout|timed out)", timeout=180)
    way.heal()
    daemon.wait_running(timeout=60)
    wait_until(lambda: rig.rabbit.queues()["back"] == (0, 0, 1), "the queue is empty")
    daemon.wait_idle()
    account.judge("RabbitMQ to Redis", range(50), numbers_of(subscriber))
    assert "unknown delivery tag" not in daemon.log()


def test_a13_redis_paused_over_a_full_queue(rig, account, form):
    """D. With Redis standing still over a queue full of messages, is no more taken than prefetch
    allows, and does memory stay where it was?"""
    count = form(20_000, 1_000_000)
    rig.rabbit.channel().queue_declare("back", durable=True)
    channel = rig.rabbit.channel()
    for number in range(count):
        channel.basic_publish("", "back", b"%d" % number)
    wait_until(lambda: rig.rabbit.ready("back") == count, "the queue is full", 300)
    way = rig.proxy(rig.redis.port)
    way.down.stall()
    daemon = rig.make(IN, topology=TOPOLOGY, observed=True,
                      redis_url=rig.redis.url(port=way.port))
    # The test reads what came only at the end.
    rig.redis.client().config_set("client-output-buffer-limit", "pubsub 0 0 0")
    subscriber = rig.redis.subscribe("done")
    account.injects(f"Redis silent over a queue of {count}")
    daemon.start()
    daemon.stats()
    before = daemon.peak_mib()
    way.heal()
    daemon.wait_running()
    way.down.stall()
    wait_until(lambda: rig.rabbit.queues()["back"][1] == 256, "256 unacknowledged")
    assert daemon.bridge("in")["pending"] <= 256
    way.heal()
    daemon.wait_stats(lambda stats: stats["bridges"]["in"]["delivered"] >= count
                      and stats["bridges"]["in"]["pending"] == 0, "all are sent", 600)
    account.judge("RabbitMQ to Redis", range(count), numbers_of(subscriber))
    account.say(f"resident memory at most {before:.0f} MiB before, {daemon.peak_mib():.0f} after")
    # The sanitizers' quarantine is 256 of these 300.
    assert daemon.peak_mib() < before + (300 if is_sanitized() else 16)


def test_a14_message_that_the_sink_can_never_take(rig, account):
    """N. Does a message that is too large for the broker, or has no place to go, reach the
    dead-letter queue once, without a loop, and do those behind it go on?"""
    daemon = rig.run(
        {"name": "large", "from": {"channel": "large"}, "to": {"queue": "work",
                                                               "connection": "rabbit"},
         "dead_letter": {"queue": "dead", "connection": "big"}},
        {"name": "lost", "from": {"channel": "lost"}, "to": {"queue": "{json:/q}",
                                                             "connection": "rabbit"},
         "dead_letter": {"queue": "dead", "connection": "big"}},
        connections={"rabbit": {"max_message_size": "1KiB"}, "big": {"url": rig.rabbit.url()}},
        topology={"connection": "rabbit", "queues": [{"name": "work"}, {"name": "dead"}]})
    account.injects("a body over max_message_size, a body without the value of its route")
    client = rig.redis.client()
    client.publish("large", b"x" * 2000)
    client.publish("lost", b"{}")
    client.publish("large", b"small")
    daemon.wait_bridge("large", received=2, delivered=1, dead_lettered=1, pending=0)
    daemon.wait_bridge("lost", received=1, dead_lettered=1, pending=0)
    reasons = {properties.headers["x-chunnel-reason"]
               for _, properties, _ in rig.rabbit.take_messages("dead", 2)}
    assert reasons == {"too-large", "template"}
    assert rig.rabbit.take("work", 1) == [b"small"]


@pytest.mark.parametrize("transactional", [False, True], ids=["confirms", "transactions"])
def test_a14_message_that_the_channel_is_closed_over(rig, account, alarm, transactional):
    """D. Are the messages over which RabbitMQ closes the channel found among all that were sent with
    them, refused with its words, and do the others cross in order?"""
    daemon = rig.run({**OUT, "to": {"queue": "work", "transactional": transactional,
                                    "properties": {"reply_to": "{json:/to}"}},
                      "dead_letter": {"channel": "dead"}}, topology=TOPOLOGY)
    dead = rig.redis.subscribe("dead")
    bad = [0, 150, 151, 499]
    account.injects("500 at once, of these four with a reply_to that RabbitMQ refuses")
    alarm(True)
    client = rig.redis.client()
    for number in range(500):
        to = "amq.rabbitmq.reply-to" if number in bad else "answers"
        client.publish("orders", json.dumps({"number": number, "to": to}))
    daemon.wait_bridge("out", received=500, pending=500)
    alarm(False)
    daemon.wait_bridge("out", delivered=496, dead_lettered=4, pending=0)
    good = [number for number in range(500) if number not in bad]
    arrived = rig.rabbit.take("work", rig.rabbit.ready("work"))
    account.judge("Redis to RabbitMQ", good, [json.loads(body)["number"] for body in arrived],
                  most_twice=0 if transactional else 500)
    letters = [json.loads(body) for body in dead.rest()]
    assert [json.loads(letter["body"])["number"] for letter in letters] == bad
    assert all(letter["reason"] == "refused" and "fast reply consumer" in letter["error"]
               for letter in letters)
    assert daemon.bridge("out")["state"] == "running"


def test_a14_rule_that_the_channel_is_closed_over(rig, account):
    """N. Where a constant of the rule is what RabbitMQ closes the channel over, is each message
    refused once, and do other bridges not feel it?"""
    daemon = rig.run({"name": "bad", "from": {"channel": "bad"},
                      "to": {"queue": "work", "properties": {"reply_to": "amq.rabbitmq.reply-to"}},
                      "dead_letter": {"queue": "back"}}, OUT, topology=TOPOLOGY)
    account.injects("reply_to of direct reply-to, which nobody consumes, in 20 messages")
    client = rig.redis.client()
    for number in range(20):
        client.publish("bad", str(number))
        client.publish("orders", str(number))
    daemon.wait_bridge("out", delivered=20, pending=0)
    daemon.wait_bridge("bad", dead_lettered=20, pending=0)
    account.judge("dead letters", range(20), map(int, rig.rabbit.take("back", 20)))
    account.judge("other bridge", range(20), map(int, rig.rabbit.take("work", 20)))
    told_sparingly(daemon.log(), most=1)


class _Nested(pika.BasicProperties):
    """Properties whose headers no encoder would make: one value, arrays in arrays."""

    def __init__(self, depth):
        super().__init__()
        self.depth = depth

    def encode(self):
        arrays = b""
        sizes = range(5 * (self.depth - 1), -1, -5)
        arrays = b"".join(b"A" + struct.pack(">I", size) for size in sizes)
        table = b"\x01n" + arrays
        return [struct.pack(">H", 0x2000), struct.pack(">I", len(table)), table]


@pytest.mark.parametrize("depth", [100, 26_000])
def test_a16_nested_headers(rig, account, depth):
    """N. Are headers nested as deep as a frame allows, from another publisher, counted without a
    crash, and is the queue not stuck behind them?"""
    daemon = rig.run({"name": "in", "from": {"queue": "back"}, "to": {"channel": "c.{header.kind}"}},
                     topology=TOPOLOGY)
    subscriber = rig.redis.subscribe("c.order")
    account.injects(f"headers nested {depth} deep")
    channel = rig.rabbit.channel(confirm=True)
    channel.basic_publish("", "back", b"deep", _Nested(depth))
    channel.basic_publish("", "back", b"flat", pika.BasicProperties(headers={"kind": "order"}))
    assert subscriber.body() == b"flat"
    bridge = daemon.wait_bridge("in", received=2, pending=0)
    assert (bridge["delivered"], bridge["dropped"]) == (1, 1)
