"""Packets vanish or crawl, by the kernel's own means in a network namespace (N5 to N7)."""

import socket

import pytest

from harness.account import pause
from harness.bulk import publish_all
from harness.disk import spool
from harness.namespace import Namespace
from harness.traffic import QueueTraffic, RedisTraffic
from harness.waiting import wait_until

TOPOLOGY = {"queues": [{"name": "work"}, {"name": "back"}]}
OUT = {"name": "out", "from": {"channel": "orders"}, "to": {"queue": "work"}}
IN = {"name": "in", "from": {"queue": "back"}, "to": {"channel": "done"}}


@pytest.fixture
def network():
    network = Namespace()
    yield network
    network.close()


def in_network(rig, network, *bridges, **more):
    """A daemon inside, whose servers are outside, behind proxies; its stats take a way of theirs
    that nothing happens to, but for what happens to all."""
    def way(port):
        return rig.proxy(port, host=network.host).port

    daemon = rig.make(
        *bridges, prefix=network.prefix, observed=True,
        redis_url=f"redis://{network.host}:{way(rig.redis.port)}",
        amqp_url=rig.rabbit.url(port=way(rig.broker.port)).replace("127.0.0.1", network.host),
        **more)
    daemon.config["connections"]["observer"]["url"] = (
        f"redis://{network.host}:{way(rig.observer.port)}")
    return daemon.start().wait_running()


@pytest.mark.slow
@pytest.mark.parametrize("way", ["in", pytest.param("out", marks=pytest.mark.long)])
def test_n6_packets_dropped(rig, network, account, form, way):
    """W. When all packets vanish, or the answers only, are both servers given up and come back to,
    with nothing lost but what was published without a subscription?"""
    daemon = in_network(rig, network, OUT, IN, topology=TOPOLOGY,
                        connections={"redis": {"connect_timeout": "2s"},
                                     "rabbit": {"connect_timeout": "2s", "heartbeat": "2s"}})
    subscriber = rig.redis.subscribe("done")
    out, back = RedisTraffic(rig.redis, "orders"), QueueTraffic(rig.rabbit, "back")
    wait_until(lambda: len(out.sent) > 100 and len(back.sent) > 100, "traffic both ways")
    seconds = form(14, 120)
    account.injects(f"every packet that goes {way} dropped for {seconds} s")
    before = len(out.sent)
    network.drop(way)
    pause(seconds, daemon.is_alive)
    network.drop_nothing(way)
    daemon.wait_running(timeout=120)
    rig.redis.wait_subscriber("orders", timeout=120)
    resumed = len(out.sent)
    wait_until(lambda: len(out.sent) > resumed + 100, "traffic goes on")
    sent, queued = out.stop(), back.stop()
    wait_until(lambda: rig.rabbit.queues()["back"][:2] == (0, 0), "the queue is empty", 120)
    bridge = daemon.wait_idle(timeout=60)["bridges"]["out"]
    arrived = [int(body) for body in rig.rabbit.take("work", rig.rabbit.ready("work"))]
    counts = account.judge("Redis to RabbitMQ", sent, arrived, most_missing=resumed - before + 50)
    assert all(sent[max(before - 50, 0)] <= number <= sent[resumed] for number in counts.missing)
    account.judge("RabbitMQ to Redis", queued, map(int, subscriber.rest()), result="D")
    assert bridge["unsubscribed"]["count"] >= 1 and bridge["dropped"] == 0
    daemon.wait_log("nothing heard|silent|in time|timed out")


@pytest.mark.slow
def test_n7_one_megabit(rig, network, account):
    """N. Over 1 Mbit/s, does what cannot go out wait in memory and on the disk, is what finds no
    room there counted, and does the rest arrive in order?"""
    bridge = {**OUT, "buffer": {"memory": "512KiB", "disk": "1MiB"}}
    daemon = in_network(rig, network, bridge, **{**spool(rig), "topology": {
        "connection": "rabbit", **TOPOLOGY}})
    account.injects("1 Mbit/s from the daemon, 3,000 messages of 1,000 bytes")
    network.limit("1mbit")
    publish_all(rig.redis, "orders", range(3000), 1000)
    daemon.wait_bridge("out", received=3000, timeout=60)
    network.limit_nothing()
    bridge = daemon.wait_bridge("out", pending=0, timeout=60)
    assert bridge["delivered"] + bridge["dropped"] == 3000
    arrived = [int(body) for body in rig.rabbit.take("work", bridge["delivered"])]
    counts = account.judge("Redis to RabbitMQ", range(3000), arrived, result="W",
                           most_missing=bridge["dropped"])
    assert counts.twice == counts.reordered == 0 and len(counts.missing) == bridge["dropped"] > 0
    assert bridge["unsubscribed"]["count"] == 0


@pytest.mark.parametrize("server", ["redis", "rabbit"])
def test_n5_full_backlog(rig, account, server):
    """W. Is a server whose backlog is full, so that it answers no SYN, given up after
    connect_timeout, in words, and served when it has room again?"""
    full = socket.socket()
    full.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    proxy = rig.proxy(rig.redis.port if server == "redis" else rig.broker.port)
    proxy.refuse()
    full.bind(("127.0.0.1", proxy.port))
    full.listen(0)
    waiting = []
    for _ in range(4):
        client = socket.socket()
        client.setblocking(False)
        client.connect_ex(("127.0.0.1", proxy.port))
        waiting.append(client)
    account.injects("a listener with a full backlog")
    urls = ({"redis_url": rig.redis.url(port=proxy.port)} if server == "redis"
            else {"amqp_url": rig.rabbit.url(port=proxy.port)})
    daemon = rig.make(OUT, topology=TOPOLOGY, observed=True,
                      connections={server: {"connect_timeout": "2s"}}, **urls)
    daemon.start()
    daemon.wait_log("timed out connecting")
    assert daemon.stats()["connections"][server]["state"] != "up"
    for client in [full, *waiting]:
        client.close()
    proxy.listen()
    daemon.wait_running()
    rig.redis.client().publish("orders", b"1")
    assert rig.rabbit.take("work", 1) == [b"1"]
