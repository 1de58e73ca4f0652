"""A RabbitMQ that misbehaves on the wire, or behaves in ways that the real one seldom shows: confirms
in any order, returns, frames of every wrong shape."""

import struct

import pika.spec as spec
import pytest

from harness.peers import AmqpPeer, delivery, frame, method
from harness.waiting import holds_for, wait_until

OUT = {"name": "out", "from": {"channel": "orders"}, "to": {"queue": "work"},
       "retry": {"min": "10ms", "max": "20ms"}}
IN = {"name": "in", "from": {"queue": "back"}, "to": {"channel": "done"}}


@pytest.fixture
def peer():
    peer = AmqpPeer()
    yield peer
    peer.stop()


@pytest.fixture
def scripted(rig, peer):
    """Makes a daemon whose broker is the scripted peer."""

    def make(*bridges, **rabbit):
        return rig.make(*bridges, amqp_url=f"amqp://guest:guest@127.0.0.1:{peer.port}/",
                        connections={"rabbit": {"heartbeat": "30s", **rabbit}})

    yield make


def publish(rig, count, first=0):
    pipeline = rig.redis.client().pipeline(transaction=False)
    for number in range(first, first + count):
        pipeline.publish("orders", str(number))
    pipeline.execute()


def collect(peer, count):
    """Makes the peer hold its confirms back: the publishes, (connection, channel, tag, body) each."""
    held = []
    peer.on_publish = lambda *publish: held.append(publish)

    def take():
        wait_until(lambda: len(held) >= count, f"{count} publishes")
        return held

    return take


def test_a19_the_peer_behaves(rig, peer, scripted):
    """D. Does the scripted peer pass for a RabbitMQ as long as it behaves?"""
    daemon = scripted(OUT).start().wait_running()
    publish(rig, 100)
    daemon.wait_bridge("out", delivered=100, pending=0)
    assert [int(body) for body in peer.published] == list(range(100))


def test_a19_one_confirm_for_all(rig, peer, scripted):
    """D. Does one multiple ack settle everything up to its tag, and nothing beyond?"""
    daemon = scripted(OUT).start().wait_running()
    take = collect(peer, 100)
    publish(rig, 100)
    connection, channel, _, _ = take()[0]
    connection.ack(channel, 60, multiple=True)
    daemon.wait_bridge("out", delivered=60, in_flight=40)
    connection.ack(channel, 100, multiple=True)
    daemon.wait_bridge("out", delivered=100, pending=0)


def test_a19_confirms_out_of_order(rig, peer, scripted):
    """D. Are single acks counted whatever their order, and multiple ones after them only the
    rest?"""
    daemon = scripted(OUT).start().wait_running()
    take = collect(peer, 50)
    publish(rig, 50)
    connection, channel, _, _ = take()[0]
    for tag in range(50, 30, -1):
        connection.ack(channel, tag)
    daemon.wait_bridge("out", delivered=20, in_flight=30)
    for tag in (7, 3, 5):
        connection.ack(channel, tag)
    connection.ack(channel, 10, multiple=True)
    daemon.wait_bridge("out", delivered=30, in_flight=20)
    connection.ack(channel, 50, multiple=True)
    daemon.wait_bridge("out", delivered=50, pending=0)


def test_a19_nacks_are_sent_again(rig, peer, scripted):
    """D. Are nacked messages, single and multiple, mixed with acks, sent again until they are
    acked?"""
    daemon = scripted(OUT).start().wait_running()
    take = collect(peer, 20)
    publish(rig, 20)
    connection, channel, _, _ = take()[0]
    peer.on_publish = lambda connection, channel, tag, body: connection.ack(channel, tag)
    connection.nack(channel, 3)
    connection.ack(channel, 5, multiple=True)
    connection.nack(channel, 10, multiple=True)
    connection.ack(channel, 20, multiple=True)
    bridge = daemon.wait_bridge("out", delivered=20, pending=0)
    assert (bridge["retried"], bridge["dropped"]) == (6, 0)
    assert sorted(int(body) for body in peer.published[20:]) == [2, 5, 6, 7, 8, 9]


@pytest.mark.parametrize("tag, multiple", [(0, False), (6, False), (6, True), (1 << 63, True),
                                           ((1 << 64) - 1, False)])
def test_a19_confirm_of_nothing(rig, peer, scripted, tag, multiple):
    """D. Is a confirm for what was never published a protocol error, and everything sent again?"""
    daemon = scripted(OUT).start().wait_running()
    take = collect(peer, 5)
    publish(rig, 5)
    connection, channel, _, _ = take()[0]
    peer.on_publish = lambda connection, channel, tag, body: connection.ack(channel, tag)
    connection.ack(channel, tag, multiple=multiple)
    daemon.wait_bridge("out", delivered=5, pending=0, dropped=0)
    assert len(peer.published) == 10
    assert daemon.stats()["connections"]["rabbit"]["last_error"] or "tag" in daemon.log()


def test_a19_confirmed_twice(rig, peer, scripted):
    """D. Does a second ack of the same tag break no book?"""
    daemon = scripted(OUT).start().wait_running()
    take = collect(peer, 5)
    publish(rig, 5)
    connection, channel, _, _ = take()[0]
    peer.on_publish = lambda connection, channel, tag, body: connection.ack(channel, tag)
    connection.ack(channel, 2)
    connection.ack(channel, 2)
    connection.ack(channel, 5, multiple=True)
    daemon.wait_stats(lambda stats: stats["bridges"]["out"]["delivered"] == 5
                      and stats["bridges"]["out"]["pending"] == 0, "all are delivered")


def test_a19_returned_before_the_ack(rig, peer, scripted):
    """D. Is basic.return matched to its own message among others with the same route?"""
    daemon = scripted(OUT).start().wait_running()

    def on_publish(connection, channel, tag, body):
        if tag % 2:
            connection.send(method(channel, spec.Basic.Return(312, "NO_ROUTE", "", "work"))
                            + frame(2, channel, struct.pack(">HHQH", 60, 0, len(body), 0))
                            + frame(3, channel, body))
        connection.ack(channel, tag)

    peer.on_publish = on_publish
    publish(rig, 100)
    bridge = daemon.wait_bridge("out", received=100, pending=0)
    assert (bridge["delivered"], bridge["unroutable"], bridge["dropped"]) == (50, 50, 50)


def test_a18_window_is_limited(rig, peer, scripted):
    """D. When confirms stay away, is there an end to what is in flight?"""
    daemon = scripted(OUT).start().wait_running()
    collect(peer, 1)
    publish(rig, 90000)
    bridge = daemon.wait_bridge("out", received=90000)
    assert 0 < bridge["in_flight"] <= 65536
    holds_for(lambda: daemon.bridge("out")["in_flight"] <= 65536, "the window holds", 0.3)
    daemon.kill()


def test_a5_connection_blocked(rig, peer, scripted):
    """D. Are connection.blocked and unblocked shown, whenever they come?"""
    daemon = scripted(OUT).start().wait_running()
    for connection in peer.connections:
        connection.send(method(0, spec.Connection.Blocked("low on memory")))
    daemon.wait_stats(lambda stats: stats["connections"]["rabbit"]["blocked"], "blocked")
    for connection in peer.connections:
        connection.send(method(0, spec.Connection.Unblocked()))
    daemon.wait_stats(lambda stats: not stats["connections"]["rabbit"]["blocked"], "unblocked")
    publish(rig, 1)
    daemon.wait_bridge("out", delivered=1)


@pytest.mark.parametrize("question", [spec.Connection.Open, spec.Channel.Open, spec.Confirm.Select])
@pytest.mark.parametrize("garbage", [
    b"\0" * 8, b"AMQP\0\0\x09\x01", frame(1, 0, b""), frame(1, 0, b"\0"), frame(9, 0, b"abcd"),
    frame(1, 1, b"\0\x14\0\x0b", end=b"\xcd"), frame(1, 0, b"", size=1 << 31),
    frame(1, 0, b"", size=(1 << 32) - 1), frame(1, 7777, b"\0\x14\0\x0b\0\0\0\0"),
    frame(1, 1, b"\xff\xff\xff\xff"), frame(3, 1, b"body out of the blue"),
    frame(2, 1, struct.pack(">HHQH", 60, 0, 1, 0)),
    delivery(1, 1, b"unasked"), method(1, spec.Basic.Deliver("nobody", 1, False, "", "k")),
    frame(8, 1, b""), frame(8, 0, b"junk"),
    frame(1, 0, b"\0\x0a\0\x1e" + b"\xff" * 20),
])
def test_a17_garbage(rig, peer, scripted, question, garbage):
    """D. Does it survive wrong frames in every state, and work with a peer that behaves?"""
    peer.after[question] = garbage
    daemon = scripted(OUT, connect_timeout="1s").start()
    wait_until(lambda: peer.accepted >= 1, "connected")
    wait_until(lambda: peer.accepted >= 2 or is_running(daemon), "given up, or none the worse")
    peer.after.clear()
    for connection in list(peer.connections):
        connection.close()
    daemon.wait_running()
    publish(rig, 1)
    daemon.wait_bridge("out", delivered=1, pending=0)


def is_running(daemon):
    return daemon.stats()["bridges"]["out"]["state"] == "running"


@pytest.mark.parametrize("header", [
    struct.pack(">HHQH", 60, 0, 1 << 63, 0), struct.pack(">HHQH", 60, 0, (1 << 64) - 1, 0),
    struct.pack(">HHQH", 60, 0, 10, 0xFFFF), struct.pack(">HHQH", 60, 0, 10, 1),
    struct.pack(">HHQH", 10, 0, 10, 0), struct.pack(">HHQHB", 60, 0, 10, 0x8000, 200),
    struct.pack(">HHQHI", 60, 0, 10, 0x2000, 0xFFFFFFFF), b"", b"\0" * 11,
    struct.pack(">HHQHI", 60, 0, 10, 0x2000, 130 * 1000)
    + b"".join(b"\x01aF" + struct.pack(">I", 130 * 1000 - 7 * (depth + 1))
               for depth in range(18000))[:130 * 1000],
], ids=["2^63", "2^64-1", "flags", "more-flags", "class", "short-text", "short-table", "empty",
        "cut", "nested"])
def test_a17_wrong_content_header(rig, peer, scripted, header):
    """D. Is a content header that cannot be true found out, with bounded memory and no crash?"""
    daemon = scripted(IN, connect_timeout="1s").start().wait_running()
    consuming = [connection for connection in peer.connections if connection.consumers]
    (channel, tag), = consuming[0].consumers.items()
    accepted = peer.accepted
    consuming[0].send(method(channel, spec.Basic.Deliver(tag, 1, False, "", "back"))
                      + frame(2, channel, header) + frame(3, channel, b"0123456789"))
    wait_until(lambda: peer.accepted > accepted or daemon.bridge("in")["received"] == 1,
               "given up, or taken as what it is")
    assert daemon.is_alive()
    daemon.wait_running()
    daemon.wait_idle()


def test_a17_many_small_body_frames(rig, peer, scripted):
    """D. Is a body in frames of one byte put together, without memory out of proportion?"""
    subscriber = rig.redis.subscribe("done")
    daemon = scripted(IN).start().wait_running()
    consuming = [connection for connection in peer.connections if connection.consumers]
    (channel, tag), = consuming[0].consumers.items()
    body = bytes(index % 251 for index in range(30000))
    consuming[0].send(method(channel, spec.Basic.Deliver(tag, 1, False, "", "back"))
                      + frame(2, channel, struct.pack(">HHQH", 60, 0, len(body), 0))
                      + b"".join(frame(3, channel, body[i:i + 1]) for i in range(len(body))))
    assert subscriber.body() == body
    daemon.wait_bridge("in", delivered=1)


def test_a17_more_body_than_announced(rig, peer, scripted):
    """D. Is a body longer than its header said a reason to hang up?"""
    daemon = scripted(IN).start().wait_running()
    consuming = [connection for connection in peer.connections if connection.consumers]
    (channel, tag), = consuming[0].consumers.items()
    accepted = peer.accepted
    consuming[0].send(delivery(channel, 1, b"0123456789", size=5, consumer=tag))
    peer.wait_accepted(accepted + 1)
    daemon.wait_running()
    assert daemon.bridge("in")["delivered"] == 0


@pytest.mark.parametrize("tune, works", [
    ({"frame_max": 0}, True), ({"channel_max": 0}, True), ({"heartbeat": 0}, True),
    ({"frame_max": 4096}, True), ({"frame_max": 1 << 31}, True), ({"heartbeat": 65535}, True),
    ({"channel_max": 1}, None), ({"frame_max": 100}, False), ({"frame_max": 8}, False),
])
def test_a17_tuning(rig, peer, scripted, tune, works):
    """D. Does it get along with every limit that a broker may set, and refuse those that it may
    not?"""
    peer.tune.update(tune)
    daemon = scripted(OUT, connect_timeout="1s").start()
    if works is False:
        peer.wait_accepted(3)
        assert daemon.stats()["connections"]["rabbit"]["state"] != "up"
        assert daemon.stats()["connections"]["rabbit"]["last_error"]
        peer.tune.update({"frame_max": 131072})
    if works is not None:
        daemon.wait_running()
        rig.redis.client().publish("orders", b"x" * 10000)
        daemon.wait_bridge("out", delivered=1)
        assert peer.published == [b"x" * 10000]
    assert daemon.is_alive()


@pytest.mark.slow
def test_a17_no_answer(rig, peer, scripted):
    """D. Is a broker that stops answering in the middle of the login given up?"""
    peer.silent = spec.Connection.Open
    daemon = scripted(OUT, connect_timeout="2s").start()
    peer.wait_accepted(2)
    daemon.wait_running()


def test_a17_close_with_words(rig, peer, scripted):
    """D. Are the broker's words of farewell told?"""
    peer.instead[spec.Connection.Open] = method(
        0, spec.Connection.Close(530, "NOT_ALLOWED - the words of farewell", 10, 40))
    daemon = scripted(OUT).start()
    daemon.wait_log("the words of farewell")
    peer.instead.clear()
    daemon.wait_running()


def test_a17_channel_closed_again_and_again(rig, peer, scripted):
    """D. Is a channel that is closed for an error opened again, with a pause, and nothing lost?"""
    daemon = scripted(OUT).start().wait_running()

    def close(connection, channel, tag, body):
        connection.send(method(channel, spec.Channel.Close(504, "CHANNEL_ERROR - again", 60, 40)))

    peer.on_publish = close
    publish(rig, 1)
    wait_until(lambda: len(peer.published) >= 3, "tried again")
    peer.on_publish = lambda connection, channel, tag, body: connection.ack(channel, tag)
    daemon.wait_bridge("out", delivered=1, pending=0)
    daemon.wait_log("CHANNEL_ERROR - again")
