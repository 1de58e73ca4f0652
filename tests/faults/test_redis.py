"""Redis breaks: killed, frozen, cut off, forbidding. Nothing that was taken in is lost, and what was
published while nobody was subscribed is told as time without a subscription."""

import os
import signal
import time

import pytest

from harness.account import pause, told_sparingly
from harness.bulk import publish_all
from harness.traffic import QueueTraffic, RedisTraffic
from harness.waiting import wait_until

WORK = {"queues": [{"name": "work"}]}
OUT = {"name": "out", "from": {"channel": "orders"}, "to": {"queue": "work"}}
IN = {"name": "in", "from": {"queue": "work"}, "to": {"channel": "done"}}
SILENT_S = 9  # Redis may say nothing for two times 5 s; of these, what no measurement leaves in doubt


def arrived(rig, daemon, queue="work"):
    """The numbers in the queue, once no bridge holds any."""
    daemon.wait_idle()
    wait_until(lambda: rig.rabbit.ready(queue) >= daemon.bridge("out")["delivered"],
               "the queue shows what was delivered")
    return [int(body) for body in rig.rabbit.take(queue, rig.rabbit.ready(queue))]


def test_r1_killed_and_back(rig, account):
    """W. Killed under traffic and started again: is every channel and pattern subscribed again, the
    gap counted, and nothing missing but what was published without a subscriber?"""
    daemon = rig.run(OUT, {"name": "more", "from": {"pattern": ["p.*", "q.*"]},
                           "to": {"queue": "more"}},
                     topology={"queues": [{"name": "work"}, {"name": "more"}]}, observed=True)
    traffic = RedisTraffic(rig.redis, "orders")
    wait_until(lambda: len(traffic.sent) > 100, "traffic")
    rig.redis.kill()
    account.injects("kill -9 of Redis under traffic, back when the loss was noticed")
    daemon.wait_bridge("out", state="waiting")
    last_before = traffic.sent[-1]
    rig.redis.start()
    daemon.wait_running()
    resumed = len(traffic.sent)
    wait_until(lambda: len(traffic.sent) > resumed + 100, "traffic goes on")
    sent = traffic.stop()
    numbers = arrived(rig, daemon)
    # The last number before the kill may have died inside Redis, behind its answer.
    counts = account.judge("Redis to RabbitMQ", sent, numbers, most_missing=1, most_twice=0)
    assert set(counts.missing) <= {last_before} and counts.reordered == 0
    for channel in ("p.1", "q.1"):
        assert rig.redis.client().publish(channel, b"x") == 1
    daemon.wait_bridge("more", delivered=2)
    gap = daemon.bridge("out")["unsubscribed"]
    assert gap["count"] >= 1 and gap["seconds"] > 0
    daemon.wait_log(r'bridge="out" msg="subscribed again .* from=\S+ to=\S+ why=')
    assert daemon.stats()["connections"]["redis"]["reconnects"] >= 1
    assert daemon.stats()["connections"]["redis"]["last_error"]


def test_r1_sink_killed_and_back(rig):
    """D. Killed while messages from RabbitMQ go out: is every one sent when it is back, or
    again?"""
    daemon = rig.run(IN, topology=WORK, observed=True)
    traffic = QueueTraffic(rig.rabbit, "work")
    wait_until(lambda: len(traffic.sent) > 100, "traffic")
    rig.redis.kill()
    daemon.wait_bridge("in", state="waiting")
    seen = len(traffic.sent)
    wait_until(lambda: len(traffic.sent) > seen + 300, "a queue builds up")
    rig.redis.start()
    daemon.wait_running()
    sent = traffic.stop()
    bridge = daemon.wait_stats(lambda stats: stats["bridges"]["in"]["pending"] == 0
                               and stats["bridges"]["in"]["delivered"] >= len(sent),
                               "all are sent")["bridges"]["in"]
    assert bridge["dropped"] == 0
    wait_until(lambda: rig.rabbit.queues()["work"][:2] == (0, 0), "the queue is empty")


def test_r7_sink_connection_lost(rig, account):
    """D. When the way to Redis breaks again and again, does every message reach the subscriber, and
    only those twice that were on their way?"""
    proxy = rig.proxy(rig.redis.port)
    daemon = rig.run(IN, topology=WORK, observed=True, redis_url=rig.redis.url(port=proxy.port))
    subscriber = rig.redis.subscribe("done")
    traffic = QueueTraffic(rig.rabbit, "work")
    for _ in range(5):
        seen = len(traffic.sent)
        wait_until(lambda: len(traffic.sent) > seen + 100, "traffic")
        proxy.reset_all()
        daemon.wait_running()
    sent = traffic.stop()
    daemon.wait_stats(lambda stats: stats["bridges"]["in"]["delivered"] >= len(sent)
                      and stats["bridges"]["in"]["pending"] == 0, "all are sent")
    account.injects("5 resets of the publishing connection")
    account.judge("RabbitMQ to Redis", sent, map(int, subscriber.rest()), most_twice=5 * 256)


def test_r2_frozen_for_a_moment(rig, account):
    """N. Frozen for less than the time-out: does nothing get lost, nothing come twice, and the
    connection stay?"""
    daemon = rig.run(OUT, IN | {"from": {"queue": "back"}},
                     topology={"queues": [{"name": "work"}, {"name": "back"}]}, observed=True)
    subscriber = rig.redis.subscribe("done")
    traffic = QueueTraffic(rig.rabbit, "back")
    publisher = RedisTraffic(rig.redis, "orders")
    wait_until(lambda: len(traffic.sent) > 50 and len(publisher.sent) > 50, "traffic both ways")
    rig.redis.freeze()
    daemon.wait_stats(lambda stats: stats["bridges"]["in"]["pending"] > 100, "messages wait")
    rig.redis.thaw()
    sent, published = traffic.stop(), publisher.stop()
    account.injects("SIGSTOP of Redis for less than its time-out")
    account.judge("RabbitMQ to Redis", sent, map(int, subscriber.take(len(sent))))
    account.judge("Redis to RabbitMQ", published, arrived(rig, daemon))
    assert daemon.stats()["connections"]["redis"]["reconnects"] == 0


@pytest.mark.slow
def test_r2_frozen_for_long(rig, account, form):
    """W. Frozen for longer than the time-out: is that noticed, the other server served, and the
    subscription made again?"""
    daemon = rig.run(OUT, topology=WORK, observed=True,
                     connections={"redis": {"connect_timeout": "1s"}})
    rig.redis.freeze()
    seconds = form(0, 60)
    account.injects(f"SIGSTOP of Redis until that is noticed, and {seconds} s more")
    daemon.wait_bridge("out", state="waiting", timeout=60)
    pause(seconds, daemon.is_alive)
    told_sparingly(daemon.log(), 3)
    assert daemon.stats()["connections"]["rabbit"]["state"] == "up"
    assert daemon.stats()["connections"]["rabbit"]["reconnects"] == 0
    rig.redis.thaw()
    daemon.wait_running(timeout=30)
    # Only now does Redis notice that the connections of before are gone.
    rig.redis.wait_subscriber("orders")
    rig.redis.client().publish("orders", b"7")
    assert arrived(rig, daemon) == [7]
    assert daemon.bridge("out")["unsubscribed"]["count"] >= 1


def test_r3_busy(rig, account, form):
    """N. Does a Redis that is busy for a second cost nothing?"""
    daemon = rig.run(OUT, topology=WORK, observed=True)
    seconds = form(1, 9)
    account.injects(f"DEBUG SLEEP {seconds}")
    rig.redis.client().execute_command("DEBUG", "SLEEP", seconds)
    for number in range(10):
        rig.redis.client().publish("orders", str(number))
    daemon.wait_bridge("out", delivered=10)
    assert arrived(rig, daemon) == list(range(10))
    assert daemon.stats()["connections"]["redis"]["reconnects"] == 0


@pytest.mark.slow
def test_r4_loading(rig, account, form):
    """N. While Redis reloads its data, does the connection stay, and everything arrive once? On a
    machine where that takes longer than Redis may be silent, it is as R2."""
    daemon = rig.run(OUT, IN | {"from": {"queue": "back"}},
                     topology={"queues": [{"name": "work"}, {"name": "back"}]}, observed=True)
    subscriber = rig.redis.subscribe("done")
    traffic = QueueTraffic(rig.rabbit, "back")
    publisher = RedisTraffic(rig.redis, "orders")
    parts = form(3, 20)
    client = rig.redis.client()
    client.connection_pool.connection_kwargs["socket_timeout"] = 120
    for part in range(parts):  # Redis does nothing else meanwhile: some at a time
        client.execute_command("DEBUG", "POPULATE", 100_000, f"part{part}")
    began = time.monotonic()
    client.execute_command("DEBUG", "RELOAD")
    took = time.monotonic() - began
    account.injects(f"DEBUG RELOAD of {parts * 100_000} keys, which took {took:.1f} s")
    in_time = took < SILENT_S
    seen = len(publisher.sent), len(traffic.sent)
    wait_until(lambda: len(publisher.sent) > seen[0] + 50 and len(traffic.sent) > seen[1] + 50,
               "traffic goes on")
    queued, sent = traffic.stop(), publisher.stop()
    wait_until(lambda: rig.rabbit.queues()["back"][:2] == (0, 0), "the queue is empty")
    account.judge("RabbitMQ to Redis", queued, map(int, subscriber.rest()),
                  result="N" if in_time else "D")
    account.judge("Redis to RabbitMQ", sent, arrived(rig, daemon), result="N" if in_time else "W",
                  most_missing=len(sent))
    assert daemon.stats()["connections"]["redis"]["reconnects"] == 0 or not in_time


def test_r5_failing_to_save(rig):
    """N. Do -MISCONF answers and a reload of its data leave the connection alone?"""
    client = rig.redis.client()
    daemon = rig.run(OUT, IN | {"from": {"queue": "back"}},
                     topology={"queues": [{"name": "work"}, {"name": "back"}]}, observed=True)
    subscriber = rig.redis.subscribe("done")
    client.config_set("save", "1 1")
    client.config_set("dir", "/proc")
    client.set("key", "value")
    wait_until(lambda: client.info("persistence")["rdb_last_bgsave_status"] == "err",
               "saving fails")
    channel = rig.rabbit.channel()
    for number in range(10):
        client.publish("orders", str(number))
        channel.basic_publish("", "back", str(number))
    assert [int(body) for body in subscriber.take(10)] == list(range(10))
    daemon.wait_bridge("out", delivered=10)
    assert arrived(rig, daemon) == list(range(10))
    assert daemon.stats()["connections"]["redis"]["reconnects"] == 0


def test_r6_out_of_memory(rig):
    """N. Does a Redis that takes no more data still carry messages?"""
    rig.redis.client().config_set("maxmemory", "1mb")
    daemon = rig.run(OUT, IN | {"from": {"queue": "back"}},
                     topology={"queues": [{"name": "work"}, {"name": "back"}]}, observed=True)
    subscriber = rig.redis.subscribe("done")
    rig.redis.client().publish("orders", b"1")
    rig.rabbit.channel().basic_publish("", "back", b"2")
    assert subscriber.body() == b"2"
    daemon.wait_bridge("out", delivered=1)
    daemon.wait_bridge("in", delivered=1)


def test_r7_subscribers_killed_in_a_loop(rig, account, form):
    """W. Killed by the operator again and again: is everything that found a subscriber
    delivered?"""
    daemon = rig.run(OUT, topology=WORK, observed=True)
    traffic = RedisTraffic(rig.redis, "orders")
    times = form(5, 50)
    account.injects(f"{times} times CLIENT KILL TYPE pubsub")
    for _ in range(times):
        seen = len(traffic.sent)
        wait_until(lambda: len(traffic.sent) > seen + 50, "traffic")
        rig.redis.client().execute_command("CLIENT", "KILL", "TYPE", "pubsub")
        wait_until(lambda: rig.redis.subscribers("orders") == 1, "subscribed again")
    sent = traffic.stop()
    numbers = arrived(rig, daemon)
    # What was being written to the subscriber at the moment of a kill goes with it.
    account.judge("Redis to RabbitMQ", sent, numbers, most_missing=2 * times, most_twice=0)
    assert daemon.bridge("out")["unsubscribed"]["count"] >= times


@pytest.mark.slow
def test_r8_output_buffer_limit(rig, account):
    """W. Cut off by Redis for being too slow, does it say so, count the time without a
    subscription, and lose no more than Redis had kept for it?"""
    rig.redis.client().config_set("client-output-buffer-limit", "pubsub 1mb 0 0")
    daemon = rig.run(OUT, topology=WORK, observed=True)
    account.injects("output limit 1 MB, SIGSTOP of the daemon, 20 MB published")
    began = time.monotonic()
    os.kill(daemon.process.pid, signal.SIGSTOP)
    try:
        reached = publish_all(rig.redis, "orders", range(20_000), 1000)
        wait_until(lambda: rig.redis.subscribers("orders") == 0, "Redis has cut it off")
    finally:
        os.kill(daemon.process.pid, signal.SIGCONT)
        account.stopped_s = time.monotonic() - began
    rig.redis.wait_subscriber("orders")
    daemon.wait_running()
    publish_all(rig.redis, "orders", range(20_000, 20_100))
    sent = [number for number, count in enumerate(reached) if count] + list(range(20_000, 20_100))
    numbers = arrived(rig, daemon)
    counts = account.judge("Redis to RabbitMQ", sent, numbers, most_missing=len(sent))
    first = counts.missing[0] if counts.missing else 20_000
    assert numbers == list(range(first)) + list(range(20_000, 20_100)), "a hole elsewhere"
    assert counts.twice == counts.reordered == 0
    gap = daemon.bridge("out")["unsubscribed"]
    assert gap["count"] == 1 and gap["seconds"] > 0
    daemon.wait_log(r"level=warn connection=\"?redis.*(closed|reset|end)")


def test_r9_one_channel_forbidden(rig):
    """W. Does a channel that the ACL forbids keep only its own bridge waiting, until it is
    allowed?"""
    client = rig.redis.client()
    client.execute_command("ACL", "SETUSER", "gateway", "on", ">s3cret", "+@all", "&stats*", "&open",
                           "~*", "&chunnel.stats")
    daemon = rig.make({"name": "open", "from": {"channel": "open"}, "to": {"queue": "work"}},
                      {"name": "closed", "from": {"channel": "closed"}, "to": {"queue": "work"}},
                      topology=WORK, redis_url=rig.redis.url(user="gateway", password="s3cret"))
    daemon.start().wait_bridge("open", state="running")
    daemon.wait_bridge("closed", state="waiting")
    daemon.wait_log("NOPERM")
    client.publish("open", b"x")
    daemon.wait_bridge("open", delivered=1)
    client.execute_command("ACL", "SETUSER", "gateway", "&closed")
    daemon.wait_running(timeout=30)
    assert client.publish("closed", b"y") == 1
    assert rig.rabbit.take("work", 2) == [b"x", b"y"]
    assert "s3cret" not in daemon.log()


def test_r10_password_changed(rig):
    """W. Does it wait while its password is wrong, without telling it, and go on when it is
    right?"""
    client = rig.redis.client()
    client.execute_command("ACL", "SETUSER", "gateway", "on", ">0ld-s3cret", "+@all", "allchannels")
    daemon = rig.run(OUT, topology=WORK, observed=True,
                     redis_url=rig.redis.url(user="gateway", password="0ld-s3cret"))
    client.execute_command("ACL", "SETUSER", "gateway", "resetpass", ">new")
    client.execute_command("CLIENT", "KILL", "USER", "gateway")
    daemon.wait_log("WRONGPASS")
    daemon.wait_bridge("out", state="waiting")
    client.execute_command("ACL", "SETUSER", "gateway", "resetpass", ">0ld-s3cret")
    daemon.wait_running(timeout=30)
    client.publish("orders", b"1")
    assert arrived(rig, daemon) == [1]
    assert "s3cret" not in daemon.log()


def test_r11_replica_is_no_sink(rig):
    """D. Is a PUBLISH to a replica, which reaches nobody else, never taken for delivered?"""
    master = rig.new_redis("master")
    daemon = rig.run(IN, topology=WORK, observed=True)
    client = rig.redis.client()
    client.replicaof("127.0.0.1", master.port)
    wait_until(lambda: client.info("replication")["role"] == "slave", "it is a replica")
    client.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
    daemon.wait_bridge("in", state="waiting", timeout=30)
    rig.rabbit.channel().basic_publish("", "work", b"x")
    subscriber = rig.redis.subscribe("done")
    client.replicaof("NO", "ONE")
    daemon.wait_running(timeout=30)
    assert subscriber.body() == b"x"
    daemon.wait_bridge("in", delivered=1)


def test_r10_too_many_clients(rig):
    """W. Does a refusal for too many clients heal by itself?"""
    daemon = rig.run(OUT, topology=WORK, observed=True)
    client = rig.redis.client(single_connection_client=True)
    client.ping()
    client.config_set("maxclients", 1)
    client.execute_command("CLIENT", "KILL", "TYPE", "pubsub")
    daemon.wait_bridge("out", state="waiting")
    daemon.wait_log("max number of clients")
    client.config_set("maxclients", 1000)
    daemon.wait_running(timeout=30)
    assert client.publish("orders", b"5") == 1
    assert arrived(rig, daemon) == [5]


def test_r3_client_pause(rig):
    """N. Does CLIENT PAUSE only delay what goes to Redis?"""
    daemon = rig.run(IN, topology=WORK, observed=True)
    subscriber = rig.redis.subscribe("done")
    rig.redis.client().execute_command("CLIENT", "PAUSE", "1000", "WRITE")
    rig.rabbit.channel().basic_publish("", "work", b"x")
    assert subscriber.body() == b"x"
    daemon.wait_bridge("in", delivered=1, pending=0)
    assert daemon.stats()["connections"]["redis"]["reconnects"] == 0


def test_r12_channel_and_pattern_overlap(rig):
    """N. Does each bridge get exactly the copies that its own rule says, however the rules
    overlap?"""
    rig.run({"name": "one", "from": {"channel": "a.b"}, "to": {"queue": "one"}},
            {"name": "two", "from": {"pattern": "a.*"}, "to": {"queue": "two"}},
            {"name": "three", "from": {"pattern": ["a.*", "*.b"]}, "to": {"queue": "three"}},
            {"name": "four", "from": {"channel": ["a.b", "a.c"]}, "to": {"queue": "four"}},
            topology={"queues": [{"name": name} for name in ("one", "two", "three", "four")]})
    for number in range(20):
        rig.redis.client().publish("a.b", str(number))
    daemon = rig.daemons[0]
    expected = {"one": 20, "two": 20, "three": 40, "four": 20}
    for name, count in expected.items():
        daemon.wait_bridge(name, delivered=count)
    for name, count in expected.items():
        bodies = [int(body) for body in rig.rabbit.take(name, count)]
        assert bodies == sorted(list(range(20)) * (count // 20))
    stats = daemon.stats()["bridges"]
    assert {name: stats[name]["received"] for name in expected} == expected
