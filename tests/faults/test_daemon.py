"""The daemon itself: stopped, killed, signalled, and alone (D1, D3, D11, D17)."""

import os
import signal
import threading
import time

from harness.account import pause, told_sparingly
from harness.bulk import publish_all
from harness.disk import cut, spool, start_again
from harness.waiting import wait_until

WORK = {"queues": [{"name": "work"}, {"name": "back"}]}
OUT = {"name": "out", "from": {"channel": "orders"}, "to": {"queue": "work"}}
IN = {"name": "in", "from": {"queue": "back"}, "to": {"channel": "done"}}


def test_d3_stop_under_load_loses_nothing(rig):
    """N. SIGTERM while messages pour in both ways: is everything that was taken in delivered once,
    and the rest left where it was?"""
    to = {"exchange": "", "routing_key": "work", "persistent": False}
    daemon = rig.run({**OUT, "to": to, "buffer": {"messages": 500000, "memory": "512MiB"}}, IN,
                     topology=WORK, shutdown_timeout="60s")
    subscriber = rig.redis.subscribe("done")
    channel = rig.rabbit.channel(confirm=True)
    for number in range(3000):
        channel.basic_publish("", "back", str(number))
    pour = threading.Thread(target=publish_all, args=(rig.redis, "orders", range(50_000)))
    pour.start()
    daemon.wait_stats(lambda stats: stats["bridges"]["out"]["delivered"] > 1000, "messages pour")
    daemon.send_signal(signal.SIGTERM)
    daemon.wait_exit(0, timeout=90)
    pour.join()
    wait_until(lambda: rig.rabbit.queues()["back"][1:] == (0, 0), "RabbitMQ has back what is left")
    bodies = rig.rabbit.take("work", rig.rabbit.ready("work"))
    assert [int(body) for body in bodies] == list(range(len(bodies))), "a hole, or something twice"
    assert len(bodies) > 1000
    sent = [int(body) for body in subscriber.rest()]
    left = [int(body) for body in rig.rabbit.take("back", rig.rabbit.ready("back"))]
    assert sent + left == list(range(3000))


def test_d3_stop_with_the_broker_away(rig):
    """N. With messages that cannot go out, does it end within shutdown_timeout, and say what it
    lost?"""
    way = rig.proxy(rig.broker.port)
    daemon = rig.run(OUT, topology=WORK, amqp_url=rig.rabbit.url(port=way.port),
                     shutdown_timeout="1s")
    way.refuse()
    way.reset_all()
    daemon.wait_bridge("out", state="waiting")
    for number in range(10):
        rig.redis.client().publish("orders", str(number))
    daemon.wait_bridge("out", pending=10)
    began = time.monotonic()
    daemon.stop()
    assert 0.5 < time.monotonic() - began < 20
    assert "10" in daemon.log().splitlines()[-1] or "dropped" in daemon.log()


def test_d1_killed_and_started_again(rig):
    """D. kill -9 under load: does the next one go on with what the broker still holds, losing
    nothing?"""
    daemon = rig.run(IN, topology=WORK)
    subscriber = rig.redis.subscribe("done")
    channel = rig.rabbit.channel(confirm=True)
    for number in range(2000):
        channel.basic_publish("", "back", str(number))
        if number == 1000:
            daemon.kill()
    wait_until(lambda: rig.rabbit.queues()["back"][1:] == (0, 0), "the broker saw it die")
    daemon.start().wait_running()
    wait_until(lambda: rig.rabbit.queues()["back"] == (0, 0, 1), "the queue is empty")
    assert {int(body) for body in subscriber.rest()} == set(range(2000))


def test_d11_broken_pipe_signal(rig):
    """N. Are SIGPIPE, and a closed stderr, survived?"""
    daemon = rig.run(OUT, topology=WORK)
    os.kill(daemon.process.pid, signal.SIGPIPE)
    rig.redis.client().publish("orders", b"x")
    daemon.wait_bridge("out", delivered=1)


def test_d17_servers_come_later(rig):
    """N. Started before its servers, does it wait for them, in whichever order they come?"""
    late = rig.proxy(rig.broker.port)
    late.refuse()
    port = rig.redis.port
    rig.redis.kill()
    daemon = rig.make(OUT, IN, topology=WORK, observed=True, redis_url=f"redis://127.0.0.1:{port}",
                      amqp_url=rig.rabbit.url(port=late.port))
    daemon.start()
    daemon.wait_bridge("out", state="waiting")
    late.listen()
    daemon.wait_stats(lambda stats: stats["connections"]["rabbit"]["state"] == "up", "RabbitMQ is up")
    assert daemon.bridge("in")["state"] == "waiting"
    rig.redis.start()
    daemon.wait_running()
    subscriber = rig.redis.subscribe("done")
    assert rig.redis.client().publish("orders", b"x") == 1
    rig.rabbit.channel().basic_publish("", "back", b"y")
    assert rig.rabbit.take("work", 1) == [b"x"]
    assert subscriber.body() == b"y"


def test_d17_both_servers_down(rig, account, form):
    """N. With both servers away at the start and for long after, does it wait, tell so sparingly,
    keep the spool as it is, and deliver all of it in the end?"""
    seconds = form(4, 600)
    to_redis, to_rabbit = rig.proxy(rig.redis.port), rig.proxy(rig.broker.port)
    daemon = rig.run({**OUT, "from": {"channel": "in"}, "buffer": {"disk": "16MiB"}}, observed=True,
                     redis_url=rig.redis.url(port=to_redis.port),
                     amqp_url=rig.rabbit.url(port=to_rabbit.port), **spool(rig))
    cut(to_rabbit, daemon)
    publish_all(rig.redis, "in", range(300))
    daemon.wait_bridge("out", pending=300)
    daemon.stop()
    to_redis.refuse()
    account.injects(f"both servers away at the start and for {seconds} s")
    lines = len(daemon.log())
    start_again(daemon)
    pause(seconds, lambda: daemon.bridge("out")["pending"] == 300)
    told_sparingly(daemon.log()[lines:], 2 + seconds // 60)
    to_redis.listen()
    to_rabbit.listen()
    daemon.wait_running()
    daemon.wait_bridge("out", delivered=300, pending=0)
    account.judge("Redis to RabbitMQ", range(300), map(int, rig.rabbit.take("work", 300)))


def test_d11_peer_closes_while_we_write(rig, account):
    """D. When the peer resets the connection in the middle of large writes, is that an error like
    any other, without a signal, and does everything arrive?"""
    way = rig.proxy(rig.broker.port)
    daemon = rig.run(OUT, topology=WORK, amqp_url=rig.rabbit.url(port=way.port))
    account.injects("5 resets among 200 bodies of 100,000 bytes")
    client = rig.redis.client()
    for number in range(200):
        client.publish("orders", str(number).ljust(100_000))
        if number % 40 == 20:
            way.reset_all()
    daemon.wait_bridge("out", received=200, pending=0, dropped=0)
    arrived = [int(body) for body in rig.rabbit.take("work", rig.rabbit.ready("work"))]
    account.judge("Redis to RabbitMQ", range(200), arrived)
    assert daemon.stats()["connections"]["rabbit"]["reconnects"] >= 1


def test_d17_repeated_lines_are_summed_up(rig):
    """N. Does a server that stays away fill the log with no more than a line a minute?"""
    away = rig.proxy(rig.broker.port)
    away.refuse()
    daemon = rig.make(OUT, topology=WORK, amqp_url=rig.rabbit.url(port=away.port),
                      log={"level": "info"},
                      connections={"rabbit": {"reconnect": {"min": "1ms", "max": "5ms"}}})
    daemon.start()
    daemon.wait_log("refused")
    first = daemon.stats()
    wait_until(lambda: daemon.stats()["uptime_s"] > first["uptime_s"] + 1, "a second of retries")
    told = [line for line in daemon.log().splitlines() if "refused" in line]
    assert len(told) <= 2, told
    daemon.stop()
