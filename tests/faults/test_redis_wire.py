"""A Redis that misbehaves on the wire: what it says is checked, bounded and never guessed at."""

import pytest

from harness.peers import RedisPeer, bulk, message
from harness.waiting import DEADLINE, wait_until

WORK = {"queues": [{"name": "work"}, {"name": "back"}]}
OUT = {"name": "out", "from": {"channel": "orders"}, "to": {"queue": "work"}}
IN = {"name": "in", "from": {"queue": "back"}, "to": {"channel": "done"}}


@pytest.fixture
def peer():
    peer = RedisPeer()
    yield peer
    peer.stop()


def make(rig, peer, *bridges):
    return rig.make(*bridges, topology=WORK, observed=True,
                    redis_url=f"redis://127.0.0.1:{peer.port}")


def resident_kib(daemon):
    for line in open(f"/proc/{daemon.process.pid}/status"):
        if line.startswith("VmRSS:"):
            return int(line.split()[1])
    raise AssertionError("no VmRSS")


def test_r13_the_peer_behaves(rig, peer):
    """W. Does the scripted peer pass for a Redis as long as it behaves?"""
    daemon = make(rig, peer, OUT, IN).start().wait_running()
    peer.publish(b"orders", b"1")
    rig.rabbit.channel().basic_publish("", "back", b"2")
    assert rig.rabbit.take("work", 1) == [b"1"]
    wait_until(lambda: peer.published == [b"2"], "published")
    daemon.wait_idle()


@pytest.mark.parametrize("garbage", [
    b"hello\r\n", b"*-5\r\n", b"*3\r\n:1\r\n", b"*99999999999\r\n", b"*1000000000\r\n",
    b"$-7\r\n", b"$99999999999999999999\r\n", b"*3\r\n$7\r\nmessage\r\n$2147483647\r\n",
    b"*3\r\n$7\r\nmessage\r\n$6\r\norders\r\n$3\r\nabcdef\r\n", b"*1\r\n" * 200, b"\0" * 100,
    b"-ERR out of the blue\r\n", b"+OK\r\n", b":5\r\n", b"*0\r\n", b"*-1\r\n",
    b"*3\r\n" + bulk(b"message") + bulk(b"orders") + b"$-1\r\n",
    b"*2\r\n" + bulk(b"message") + bulk(b"orders"),
    b"*3\r\n" + bulk(b"nonsense") + bulk(b"orders") + bulk(b"x"),
    b"*3\r\n" + bulk(b"message") + b":5\r\n" + bulk(b"x"),
    b"*5\r\n" + bulk(b"pmessage") + bulk(b"a") + bulk(b"b") + bulk(b"c") + bulk(b"d"),
])
def test_r13_garbage_to_a_subscriber(rig, peer, garbage):
    """W. Does it survive whatever comes, take no message from it, and work with a peer that
    behaves?"""
    peer.after_subscribe = garbage
    daemon = make(rig, peer, OUT).start()
    peer.wait_accepted(1)
    wait_until(lambda: any(connection.subscribed for connection in peer.connections), "subscribed")
    peer.after_subscribe = b""
    for connection in list(peer.connections):
        if not connection.closed.wait(0.3):
            connection.close()
    wait_until(lambda: any(connection.subscribed and not connection.closed.is_set()
                           for connection in peer.connections), "subscribed again")
    daemon.wait_running()
    assert daemon.bridge("out")["received"] == 0
    peer.publish(b"orders", b"fine")
    assert rig.rabbit.take("work", 1) == [b"fine"]


def test_r13_endless_line(rig, peer):
    """W. Is a line without an end cut off while the memory is still small?"""
    daemon = make(rig, peer, OUT).start().wait_running()
    before = resident_kib(daemon)
    (connection,) = [found for found in peer.connections if found.subscribed]
    for _ in range(64):
        connection.send(b"+" + b"x" * (1 << 20))
        if connection.closed.is_set():
            break
    assert connection.closed.wait(DEADLINE), "64 MiB of one line were taken"
    assert resident_kib(daemon) < before + 64 * 1024
    daemon.wait_running()


def test_r13_unknown_channel(rig, peer):
    """W. Is a message of a channel that nobody subscribed to in no book?"""
    daemon = make(rig, peer, OUT).start().wait_running()
    (connection,) = [found for found in peer.connections if found.subscribed]
    connection.send(message(b"other", b"x"))
    if not connection.closed.is_set():
        peer.publish(b"orders", b"y")
    daemon.wait_running()

    def arrives():
        peer.publish(b"orders", b"z")
        return rig.rabbit.ready("work") >= 1

    wait_until(arrives, "a message of its own", every=0.2)
    daemon.wait_idle()
    assert b"x" not in rig.rabbit.take("work", rig.rabbit.ready("work"))


@pytest.mark.parametrize("answer", [
    b"+OK\r\n", b"$1\r\n1\r\n", b"*1\r\n:1\r\n", b":-1\r\n", b":x\r\n", b":99999999999999999999\r\n",
    b"!3\r\nabc\r\n",
])
def test_r13_strange_answer_to_publish(rig, peer, answer):
    """W. Is a PUBLISH that was answered by no count never taken for delivered?"""
    peer.answers[b"PUBLISH"] = answer
    daemon = make(rig, peer, IN).start().wait_running()
    rig.rabbit.channel().basic_publish("", "back", b"x")
    daemon.wait_stats(lambda stats: stats["bridges"]["in"]["received"] >= 1
                      and stats["connections"]["redis"]["last_error"], "an error")
    assert daemon.bridge("in")["delivered"] == 0
    del peer.answers[b"PUBLISH"]
    wait_until(lambda: b"x" in peer.published, "published at last")
    daemon.wait_stats(lambda stats: stats["bridges"]["in"]["delivered"] == 1, "delivered")
    daemon.wait_idle()


def test_r13_refused_publish(rig, peer):
    """W. Is a message that Redis refuses for good counted as dropped, with Redis' words, and the
    next one sent?"""
    peer.answers[b"PUBLISH"] = b"-ERR no such luck\r\n"
    daemon = make(rig, peer, IN).start().wait_running()
    rig.rabbit.channel().basic_publish("", "back", b"x")
    bridge = daemon.wait_bridge("in", received=1, dropped=1, pending=0)
    assert "no such luck" in bridge["last_error"]
    del peer.answers[b"PUBLISH"]
    rig.rabbit.channel().basic_publish("", "back", b"y")
    daemon.wait_bridge("in", delivered=1, pending=0)


@pytest.mark.parametrize("answer", [b"-NOPERM this user\r\n", b"-READONLY replica\r\n",
                                    b"-OOM too much\r\n"])
def test_r13_error_answer_to_publish(rig, peer, answer):
    """W. Is a PUBLISH that Redis refused tried again, and counted as delivered once, when it is
    taken?"""
    peer.answers[b"PUBLISH"] = answer
    daemon = make(rig, peer, IN | {"retry": {"min": "20ms", "max": "50ms"}}).start().wait_running()
    rig.rabbit.channel().basic_publish("", "back", b"x")
    daemon.wait_stats(lambda stats: stats["bridges"]["in"]["last_error"]
                      or stats["connections"]["redis"]["last_error"], "an error")
    assert daemon.bridge("in")["delivered"] == 0
    del peer.answers[b"PUBLISH"]
    daemon.wait_bridge("in", delivered=1, pending=0)



def test_r13_no_answer(rig, peer):
    """W. Is a server that answers nothing given up after connect_timeout?"""
    peer.silent = True
    daemon = make(rig, peer, OUT)
    daemon.config["connections"]["redis"]["connect_timeout"] = "1s"
    daemon.start()
    peer.wait_accepted(2)
    daemon.wait_running()
