"""The stats channel: exactly the promised keys, and numbers that mean something."""

import datetime
import re
import time

from harness.daemon import assert_books, run
from harness.ports import free_port
from harness.waiting import holds_for, wait_until

WORK = {"queues": [{"name": "work"}]}
OUT = {"name": "out", "from": {"channel": "orders"}, "to": {"queue": "work"}}
IN = {"name": "in", "from": {"queue": "work"}, "to": {"channel": "done"}}

TOP = {"v", "instance", "version", "time", "uptime_s", "pid", "loop_lag_ms", "memory",
       "reloads", "connections", "bridges"}
CONNECTION = {"kind", "state", "reconnects", "since", "last_error", "bytes_in", "bytes_out",
              "blocked", "subscriber_lag_bytes", "canary_ms", "canary_renewals"}
BRIDGE = {"state", "received", "delivered", "filtered", "dropped", "dead_lettered", "returned",
          "pending", "retried", "unroutable", "no_subscribers", "buffered", "spooled", "in_flight",
          "bytes_in", "bytes_out", "last_error", "unsubscribed", "spool", "latency_ms"}
STATES = {"running", "waiting", "paused", "stopped", "failed"}
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")


def check_shape(stats):
    assert stats.keys() == TOP
    assert stats["loop_lag_ms"].keys() == {"last", "max"}
    assert stats["memory"].keys() == {"held", "limit"}
    assert 0 < stats["loop_lag_ms"]["last"] <= stats["loop_lag_ms"]["max"]
    for connection in stats["connections"].values():
        assert connection.keys() == CONNECTION
        assert isinstance(connection["blocked"], bool)
        assert connection["last_error"] is None or isinstance(connection["last_error"], str)
    for bridge in stats["bridges"].values():
        assert bridge.keys() == BRIDGE
        assert bridge["state"] in STATES
        assert bridge["unsubscribed"].keys() == {"count", "seconds"}
        assert bridge["spool"].keys() == {"bytes", "oldest_s"}
        assert bridge["latency_ms"].keys() == {"p50", "p99", "p999", "max"}
        assert bridge["last_error"] is None or isinstance(bridge["last_error"], str)
    assert_books(stats)


def test_since_when_it_is_down(rig):
    # Is what is told the time since which a server cannot be used, and not that of the last try?
    away = free_port()
    daemon = rig.make(OUT, IN, observed=True, amqp_url=f"amqp://127.0.0.1:{away}",
                      redis_url=f"redis://127.0.0.1:{away}")
    daemon.start()

    def since(stats):
        return [stats["connections"][name]["since"] for name in ("redis", "rabbit")]

    first = since(daemon.wait_stats(lambda stats: all(since(stats)), "both are tried"))

    def tries(name):
        return [line for line in daemon.log().splitlines() if f'connection="{name}"' in line
                and 'msg="state"' in line and "new=connecting" in line]

    wait_until(lambda: all(len(tries(name)) > 3 for name in ("redis", "rabbit")), "more tries")
    assert since(daemon.newest()) == first


def test_shape(rig):
    # Do the stats have exactly the keys that they should, before and after traffic?
    daemon = rig.run(OUT, IN, topology=WORK)
    stats = daemon.stats()
    check_shape(stats)
    assert stats["v"] == 1
    assert stats["instance"] == "gw-test"
    assert stats["version"] == run("--version")[1].split()[1]
    assert stats["pid"] == daemon.process.pid
    assert MOMENT.fullmatch(stats["time"])
    told = datetime.datetime.fromisoformat(stats["time"].replace("Z", "+00:00")).timestamp()
    assert abs(told - time.time()) < 60
    assert stats["connections"].keys() == {"redis", "rabbit"}
    assert stats["connections"]["redis"]["kind"] == "redis"
    assert stats["connections"]["rabbit"]["kind"] == "amqp"
    for connection in stats["connections"].values():
        assert (connection["state"], connection["reconnects"]) == ("up", 0)
        assert connection["last_error"] is None
        assert MOMENT.fullmatch(connection["since"])
        assert connection["bytes_in"] > 0 and connection["bytes_out"] > 0
    for bridge in stats["bridges"].values():
        numbers = {key: value for key, value in bridge.items() if isinstance(value, int)}
        assert set(numbers.values()) == {0}
        assert bridge["last_error"] is None

    rig.redis.client().publish("orders", b"x")
    daemon.wait_bridge("in", delivered=1)
    check_shape(daemon.stats())


def test_shape_with_servers_down(rig):
    # Is the shape the same, and the reason told, while a server is away?
    away = rig.proxy(rig.broker.port)
    away.refuse()
    daemon = rig.make(OUT, topology=WORK, amqp_url=rig.rabbit.url(port=away.port))
    daemon.start()
    stats = daemon.wait_stats(lambda stats: stats["connections"]["rabbit"]["last_error"], "an error")
    check_shape(stats)
    assert stats["connections"]["rabbit"]["state"] != "up"
    assert stats["bridges"]["out"]["state"] == "waiting"
    daemon.stop()


def test_latency(rig):
    # Are latencies measured, ordered, and of a plausible size?
    daemon = rig.run(OUT, topology=WORK)
    for _ in range(200):
        rig.redis.client().publish("orders", b"x")
    latency = daemon.wait_bridge("out", delivered=200)["latency_ms"]
    assert 0 < latency["p50"] <= latency["p99"] <= latency["p999"] <= latency["max"] < 30000


def test_interval_and_uptime(rig):
    # Do stats come at the interval, with an uptime that goes up?
    daemon = rig.run(OUT, topology=WORK)
    began = time.monotonic()
    rig.redis.subscribe("chunnel.stats").take(10)
    took = time.monotonic() - began
    assert 0.7 <= took <= 20, "ten intervals of 100 ms"
    first, second = daemon.stats(), daemon.stats()
    assert first["uptime_s"] < second["uptime_s"]


def test_no_stats_unless_asked(rig):
    # Without "stats", is nothing published?
    daemon = rig.make(OUT, topology=WORK)
    del daemon.config["stats"]
    everything = rig.redis.subscribe(patterns=["*"])
    daemon.start()
    wait_until(lambda: rig.redis.subscribers("orders") == 1, "subscribed")
    holds_for(lambda: everything.poll() is None, "nothing is published", seconds=0.5)
    rig.rabbit.wait_consumer("work", 0)
    daemon.stop()


def test_subscription_gaps(rig):
    # Is the time without a subscription counted and measured, from the loss to the next one?
    daemon = rig.run(OUT, topology=WORK, observed=True)
    assert daemon.bridge("out")["unsubscribed"] == {"count": 0, "seconds": 0}
    rig.redis.kill()
    daemon.wait_stats(lambda stats: stats["bridges"]["out"]["unsubscribed"]["count"] == 1
                      and stats["bridges"]["out"]["unsubscribed"]["seconds"] >= 0.3,
                      "a gap that grows while it lasts")
    rig.redis.start()
    daemon.wait_running()
    seconds = daemon.bridge("out")["unsubscribed"]["seconds"]
    assert daemon.bridge("out")["unsubscribed"] == {"count": 1, "seconds": seconds}
    daemon.wait_log("unsubscribed|without a subscription|not subscribed")


def test_stats_to_another_redis(rig):
    # With several Redis connections, do the stats go to the one that is named?
    rig.run(OUT, topology=WORK, observed=True)
    here = rig.redis.subscribe("chunnel.stats")
    there = rig.observer.subscribe("chunnel.stats")
    assert there.body()
    assert here.poll() is None
