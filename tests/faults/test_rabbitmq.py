"""RabbitMQ breaks: killed, frozen, stopped, connections closed, rights taken away. Nothing is lost;
what comes twice was in flight."""

import pytest

from harness.account import pause
from harness.traffic import QueueTraffic, RedisTraffic
from harness.waiting import wait_until

TOPOLOGY = {"queues": [{"name": "work"}, {"name": "back"}]}
OUT = {"name": "out", "from": {"channel": "orders"}, "to": {"queue": "work"},
       "buffer": {"messages": 100000}}
IN = {"name": "in", "from": {"queue": "back"}, "to": {"channel": "done"}}
WINDOW = 20000  # more than can be in flight


@pytest.fixture
def both_ways(rig, request, account):
    """A daemon with a bridge each way, traffic on both, and a subscriber at the end of one. Its
    parameter is the heartbeat."""
    subscriber = rig.redis.subscribe("done")
    daemon = rig.run(OUT, IN, topology=TOPOLOGY,
                     connections={"rabbit": {"heartbeat": getattr(request, "param", "20s")}})
    out, back = RedisTraffic(rig.redis, "orders"), QueueTraffic(rig.rabbit, "back")
    wait_until(lambda: len(out.sent) > 100 and len(back.sent) > 100, "traffic both ways")

    def finish(duplicates=True):
        """Lets some more traffic through, stops it, and looks at what arrived where."""
        daemon.wait_running(timeout=60)
        seen = len(out.sent), len(back.sent)
        wait_until(lambda: len(out.sent) > seen[0] + 100 and len(back.sent) > seen[1] + 100,
                   "traffic both ways again", timeout=30)
        published, queued = out.stop(), back.stop()
        stats = daemon.wait_stats(
            lambda stats: all(bridge["pending"] == 0 for bridge in stats["bridges"].values())
            and stats["bridges"]["out"]["received"] == len(published)
            and stats["bridges"]["in"]["delivered"] >= len(queued), "everything is through", 30)
        arrived = [int(body) for body in rig.rabbit.take("work", rig.rabbit.ready("work"))]
        received = [int(body) for body in subscriber.rest()]
        result = "D" if duplicates else "N"
        account.judge("Redis to RabbitMQ", published, arrived, result, most_twice=WINDOW)
        account.judge("RabbitMQ to Redis", queued, received, result, most_twice=WINDOW)
        assert set(arrived) <= set(published)
        assert stats["bridges"]["out"]["dropped"] == stats["bridges"]["in"]["dropped"] == 0
        return stats

    yield daemon, finish
    out.stop()
    back.stop()


@pytest.mark.slow
def test_a1_killed_and_back(rig, both_ways):
    """D. kill -9 under traffic, and back: is everything there, what was confirmed before
    included?"""
    daemon, finish = both_ways
    rig.broker.kill()
    for name in ("out", "in"):
        daemon.wait_bridge(name, state="waiting")
    rig.broker.restart()
    stats = finish()
    assert stats["connections"]["rabbit"]["reconnects"] >= 1
    assert stats["connections"]["rabbit"]["last_error"]
    assert stats["bridges"]["out"]["unsubscribed"]["count"] == 0


@pytest.mark.slow
def test_a1_confirmed_messages_survive(rig):
    """N. Are messages that the books call delivered on the broker's disk?"""
    daemon = rig.run(OUT, topology=TOPOLOGY)
    pipeline = rig.redis.client().pipeline(transaction=False)
    for number in range(2000):
        pipeline.publish("orders", str(number))
    pipeline.execute()
    daemon.wait_bridge("out", delivered=2000)
    rig.broker.kill()
    rig.broker.restart()
    daemon.wait_running(timeout=60)
    assert [int(body) for body in rig.rabbit.take("work", 2000)] == list(range(2000))


@pytest.mark.parametrize("both_ways", ["2s"], indirect=True)
def test_a2_frozen(rig, both_ways, form):
    """D. Frozen for longer than the heartbeat allows: is it noticed, Redis served, and all well
    after?"""
    daemon, finish = both_ways
    rig.broker.freeze()
    try:
        daemon.wait_bridge("out", state="waiting", timeout=60)
        assert daemon.stats()["connections"]["redis"]["reconnects"] == 0
        pause(form(0, 30), daemon.is_alive)
    finally:
        rig.broker.thaw()
    finish()


def test_a2_frozen_for_a_moment(rig, both_ways):
    """N. Frozen for less than the heartbeat: does nothing get lost and nothing come twice?"""
    daemon, finish = both_ways
    before = daemon.bridge("out")["received"]
    rig.broker.freeze()
    try:
        daemon.wait_stats(lambda stats: stats["bridges"]["out"]["received"] > before + 200,
                          "messages wait")
    finally:
        rig.broker.thaw()
    stats = finish(duplicates=False)
    assert stats["connections"]["rabbit"]["reconnects"] == 0


def test_a3_application_stopped_and_started(rig, both_ways):
    """D. Does it come back when the broker's application was stopped and started?"""
    daemon, finish = both_ways
    rig.broker.eval("rabbit:stop()")
    try:
        daemon.wait_bridge("out", state="waiting", timeout=60)
    finally:
        rig.broker.eval("rabbit:start()")
        rig.broker.wait_ready()
    finish()


def test_a4_connections_closed_again_and_again(rig, both_ways, form):
    """D. Closed by an operator (320) again and again: are the words told, and nothing lost?"""
    daemon, finish = both_ways
    names = rig.broker.connection_names(rig.rabbit.name)
    assert any("chunneld" in name or "gw-test" in name for name in names), names
    for number in range(1, form(4, 31)):
        rig.broker.close_connections(rig.rabbit.name)
        daemon.wait_stats(lambda stats: stats["connections"]["rabbit"]["reconnects"] >= number,
                          "connected again")
        daemon.wait_running()
    daemon.wait_log("CONNECTION_FORCED")
    finish()


def test_a15_stale_tags_are_forgotten(rig):
    """D. When the connection is lost while messages wait for Redis, are they taken from the next
    one, and are the old tags never used on it (406)?"""
    proxy = rig.proxy(rig.redis.port)
    daemon = rig.run(IN, topology=TOPOLOGY, observed=True, redis_url=rig.redis.url(port=proxy.port))
    subscriber = rig.redis.subscribe("done")
    channel = rig.rabbit.channel(confirm=True)
    proxy.down.stall()
    for number in range(50):
        channel.basic_publish("", "back", str(number))
    daemon.wait_bridge("in", pending=50)
    channel.connection.close()
    rig.broker.close_connections(rig.rabbit.name)
    daemon.wait_stats(lambda stats: stats["connections"]["rabbit"]["reconnects"] >= 1
                      and stats["connections"]["rabbit"]["state"] == "up", "connected again")
    proxy.heal()
    daemon.wait_running()
    wait_until(lambda: rig.rabbit.queues()["back"] == (0, 0, 1), "the queue is empty")
    daemon.wait_idle()
    assert {int(body) for body in subscriber.rest()} == set(range(50))
    assert "unknown delivery tag" not in daemon.log()


def test_a11_permissions_taken_away(rig):
    """D. Without the right to write, does the bridge wait with the reason, lose nothing and go
    on?"""
    rig.broker.eval('rabbit_auth_backend_internal:add_user(<<"gw">>, <<"pw">>, <<"test">>)')
    try:
        rig.rabbit.grant("gw")
        daemon = rig.run(OUT, {"name": "other", "from": {"channel": "orders"},
                               "to": {"exchange": "amq.fanout", "routing_key": "",
                                      "mandatory": False}},
                         topology=TOPOLOGY, amqp_url=rig.rabbit.url("gw", "pw"))
        rig.rabbit.grant("gw", write="^amq.fanout$")
        rig.broker.close_connections(rig.rabbit.name)
        daemon.wait_bridge("other", state="running")
        rig.redis.client().publish("orders", b"1")
        daemon.wait_log("ACCESS_REFUSED")
        assert daemon.bridge("out")["pending"] == 1
        rig.rabbit.grant("gw")
        daemon.wait_bridge("out", delivered=1, pending=0, dropped=0, timeout=30)
        assert rig.rabbit.take("work", 1) == [b"1"]
        daemon.wait_idle()
        daemon.stop()
    finally:
        rig.broker.eval('rabbit_auth_backend_internal:delete_user(<<"gw">>, <<"test">>)')


def test_a11_vhost_missing_at_first(rig):
    """D. Does a virtual host that does not exist yet mean waiting, with the broker's words?"""
    daemon = rig.make(OUT, topology=TOPOLOGY,
                      amqp_url=rig.rabbit.url().replace("%2F", "%2Fmissing%2F"))
    daemon.start()
    daemon.wait_log("530|vhost.*not found|NOT_ALLOWED")
    daemon.wait_bridge("out", state="waiting")
    rig.redis.client().publish("orders", b"1")
    missing = rig.rabbit.name.replace("/", "/missing/")
    rig.broker.eval(f'rabbit_vhost:add(<<"{missing}">>, <<"guest">>)')
    try:
        rig.broker.eval(
            f'rabbit_auth_backend_internal:set_permissions(<<"guest">>, <<"{missing}">>,'
            ' <<".*">>, <<".*">>, <<".*">>, <<"guest">>)')
        daemon.wait_running(timeout=30)
        rig.redis.client().publish("orders", b"2")
        daemon.wait_stats(lambda stats: stats["bridges"]["out"]["delivered"] >= 1
                          and stats["bridges"]["out"]["pending"] == 0, "delivered")
        daemon.stop()
    finally:
        rig.broker.eval(f'rabbit_vhost:delete(<<"{missing}">>, <<"guest">>)')


def test_a21_wrong_password(rig):
    """D. Is a refused login told in words, without the password, and tried again slowly?"""
    daemon = rig.make(OUT, topology=TOPOLOGY, amqp_url=rig.rabbit.url("guest", "wr0ng-s3cret"))
    daemon.start()
    daemon.wait_log("ACCESS_REFUSED")
    connection = daemon.stats()["connections"]["rabbit"]
    assert connection["state"] != "up"
    assert "ACCESS_REFUSED" in connection["last_error"]
    assert "s3cret" not in daemon.log()
    daemon.stop()
