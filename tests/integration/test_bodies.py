"""Bodies: any bytes, any size up to the limit, both ways."""

import json
import random

import pytest

QUEUE_WORK = {"queues": [{"name": "work"}]}
MIB = 1 << 20
# The broker's frames hold 131,072 octets, 8 of them its own.
FRAME = 131072 - 8

THERE = {"name": "there", "from": {"channel": "in"}, "to": {"queue": "work"}}
BACK = {"name": "back", "from": {"queue": "work"}, "to": {"channel": "out"}}


def round_trip(rig, bodies, **more):
    rig.run(THERE, BACK, topology=QUEUE_WORK, **more)
    subscriber = rig.redis.subscribe("out")
    for body in bodies:
        rig.redis.client().publish("in", body)
        assert subscriber.body(timeout=30) == body, f"a body of {len(body)} bytes"
    rig.daemons[0].wait_bridge("back", delivered=len(bodies), pending=0)


def test_every_byte(rig):
    # Does every value of a byte cross both ways unchanged, alone and among others?
    every = bytes(range(256))
    round_trip(rig, [bytes([value]) for value in every]
               + [every, every[::-1], b"\0" * 100, b"\r\n", b"a\r\nb\0c\r\n", b"$5\r\nhello\r\n",
                  b"*3\r\n$7\r\nmessage\r\n", b"\xce", b"\x01\x00\x01\x00\x00\x00\x00\xce"])


def test_empty_body(rig):
    # Is a message without a body a message?
    round_trip(rig, [b"", b"", b"x", b""])


def test_sizes_around_the_frame(rig):
    # Is a body put together right where it just fits a frame, just does not, and needs many?
    noise = random.Random(1)
    sizes = [FRAME - 1, FRAME, FRAME + 1, 2 * FRAME - 1, 2 * FRAME, 2 * FRAME + 1, 4095, 4096, 4097,
             16383, 16384, 16385, 65535, 65536, 65537, MIB]
    round_trip(rig, [noise.randbytes(size) for size in sizes])


def test_the_largest_body(rig):
    # Does a body of exactly the limit cross, and do those over it cost nothing but themselves?
    daemon = rig.run(THERE, BACK, topology=QUEUE_WORK)
    subscriber = rig.redis.subscribe("out")
    publisher = rig.redis.client()
    largest = random.Random(2).randbytes(16 * MIB)
    publisher.publish("in", largest)
    assert subscriber.body(timeout=60) == largest
    publisher.publish("in", largest + b"!")
    publisher.publish("in", b"after")
    assert subscriber.body() == b"after"
    bridge = daemon.wait_bridge("there", received=3, pending=0)
    assert (bridge["delivered"], bridge["dropped"]) == (2, 1)

    rig.rabbit.channel().basic_publish("", "work", largest + b"!")
    rig.rabbit.channel().basic_publish("", "work", b"after that")
    assert subscriber.body(timeout=30) == b"after that"
    bridge = daemon.wait_bridge("back", received=4, pending=0)
    assert (bridge["delivered"], bridge["dropped"]) == (3, 1)
    assert bridge["last_error"]
    connections = daemon.stats()["connections"]
    assert [connection["reconnects"] for connection in connections.values()] == [0, 0]


@pytest.mark.parametrize("side", ["redis", "rabbit"])
def test_own_limit(rig, side):
    # Does max_message_size of a connection hold for what is sent over it?
    daemon = rig.run(THERE, BACK, topology=QUEUE_WORK,
                     connections={side: {"max_message_size": "4KiB"}})
    subscriber = rig.redis.subscribe("out")
    for size in (4096, 4097, 10):
        rig.redis.client().publish("in", b"x" * size)
    assert [len(body) for body in subscriber.take(2)] == [4096, 10]
    limited = "back" if side == "redis" else "there"
    daemon.wait_bridge(limited, received=3, dropped=1, delivered=2, pending=0)


def test_received_over_the_limit(rig):
    # Is max_message_size of a source's connection about what is sent over it, not what comes, and
    # does what the sink may not send reach the dead letter sink whole?
    daemon = rig.run(
        BACK,
        {"name": "small", "from": {"queue": "tight"},
         "to": {"channel": "out", "connection": "tight"},
         "dead_letter": {"channel": "dead", "connection": "redis"}},
        topology={"queues": [{"name": "work"}, {"name": "tight"}]},
        connections={"rabbit": {"max_message_size": "1KiB"},
                     "tight": {"url": rig.redis.url(), "max_message_size": "1KiB"}},
        observed=True)
    subscriber = rig.redis.subscribe("out")
    letters = rig.redis.subscribe("dead")
    for queue in ("work", "tight"):
        rig.rabbit.channel().basic_publish("", queue, b"x" * 5000)
    assert subscriber.body() == b"x" * 5000
    letter = json.loads(letters.body())
    assert (letter["reason"], letter["body"]) == ("too-large", "x" * 5000)
    daemon.wait_bridge("back", delivered=1, bytes_in=5000)
    daemon.wait_bridge("small", dead_lettered=1)


def test_byte_counters(rig):
    # Do the byte counters of a bridge count bodies?
    daemon = rig.run(THERE, topology=QUEUE_WORK)
    for size in (0, 10, 1000):
        rig.redis.client().publish("in", b"x" * size)
    bridge = daemon.wait_bridge("there", delivered=3)
    assert (bridge["bytes_in"], bridge["bytes_out"]) == (1010, 1010)


def test_too_large_from_redis_keeps_the_subscription(rig):
    # Is a message from Redis that the broker may not get refused and counted, and no more than that?
    daemon = rig.run({"name": "out", "from": {"channel": "c"}, "to": {"queue": "work"}},
                     topology={"queues": [{"name": "work"}]},
                     connections={"redis": {"max_message_size": "4KiB"},
                                  "rabbit": {"max_message_size": "64KiB"}})
    client = rig.redis.client()
    for body in (b"a", b"x" * 20_000_000, b"y" * 100_000, b"z" * 50_000):
        assert client.publish("c", body) == 1
    bridge = daemon.wait_bridge("out", received=4, pending=0)
    assert (bridge["delivered"], bridge["dropped"]) == (2, 2)
    assert "max_message_size" in bridge["last_error"]
    assert bridge["unsubscribed"]["count"] == 0
    assert [len(body) for body in rig.rabbit.take("work", 2)] == [1, 50_000]
