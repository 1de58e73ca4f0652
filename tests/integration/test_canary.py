"""A message to itself: does it tell how long the way through Redis is, and is a subscription found
that answers and yet hears nothing?"""

import re

from harness.bulk import publish_all
from harness.waiting import holds_for, wait_until
from harness.web import Web

WORK = {"queues": [{"name": "work"}]}
CHANNELS = "chunnel.canary."
# A message to a subscriber, as Redis sends it; replies and the answer to PING look otherwise.
MESSAGE = re.compile(rb"\*3\r\n\$7\r\nmessage\r\n\$\d+\r\n[^\r]*\r\n\$\d+\r\n[^\r]*\r\n")


def bridge(source=None, **options):
    return {"name": "out", "from": source or {"channel": "in"}, "to": {"queue": "work"}, **options}


def run(rig, *bridges, interval="300ms", **more):
    return rig.run(*bridges, topology=WORK, observed=True,
                   connections={"redis": {"canary": interval}}, **more)


def canary(stats):
    return stats["connections"]["redis"]["canary_ms"]


def renewals(stats):
    return stats["connections"]["redis"]["canary_renewals"]


def wait_round(daemon):
    daemon.wait_stats(canary, "a canary came back")


def wait_hears(rig, daemon):
    """Publishes until something arrives: what is published into a renewal is lost."""
    client = rig.redis.client()

    def arrives():
        client.publish("in", b"again")
        return daemon.bridge("out")["delivered"]

    wait_until(arrives, "the bridge hears again")


def test_the_round_trip_is_told(rig):
    # Is the time in the stats and metrics, for the connection that has a canary and for no other?
    web = Web()
    daemon = run(rig, bridge(), http={"listen": web.listen})
    wait_round(daemon)
    stats = daemon.stats()
    assert 0 < canary(stats)["last"] <= canary(stats)["max"]
    assert stats["connections"]["observer"]["canary_ms"] is None
    assert stats["connections"]["rabbit"]["canary_ms"] is None
    assert daemon.bridge("out")["received"] == 0
    metrics = web.metrics()
    redis = frozenset({("connection", "redis")})
    assert metrics["chunnel_canary_renewals_total"] == {redis: 0}
    assert list(metrics["chunnel_canary_seconds"]) == [redis]
    assert metrics["chunnel_canary_seconds"][redis] > 0


def test_no_bridge_carries_it(rig):
    # With a bridge from every channel there is: neither our canary nor that of another gateway?
    client = rig.redis.client()
    daemon = run(rig, bridge({"pattern": "*"}), bridge({"pattern": "chunnel.*"}, name="two"))
    wait_round(daemon)
    assert client.publish(CHANNELS + "gw-other.1", b"1") == 2
    commands = client.info("commandstats")["cmdstat_publish"]["calls"]
    wait_until(lambda: client.info("commandstats")["cmdstat_publish"]["calls"] >= commands + 3,
               "three more were published")
    publish_all(rig.redis, "in", range(1))
    daemon.wait_bridge("out", delivered=1)
    assert daemon.bridge("out")["received"] == 1
    assert daemon.bridge("two")["received"] == 0
    assert renewals(daemon.stats()) == 0


def test_a_deaf_subscription_is_renewed(rig):
    # Everything passes but messages: is that found, told and counted from the last proof of life,
    # and is all well once messages come again?
    proxy = rig.proxy(rig.redis.port)
    daemon = run(rig, bridge(), redis_url=rig.redis.url(proxy.port))
    wait_round(daemon)
    proxy.down.without = MESSAGE
    lost = rig.redis.client().publish("in", b"lost")
    assert lost == 1
    daemon.wait_stats(lambda stats: renewals(stats) >= 1, "renewed")
    proxy.down.without = None
    daemon.wait_log(r'msg="?lost"? purpose=subscribe .*deaf: the canary did not come back')
    wait_hears(rig, daemon)
    gap = daemon.bridge("out")["unsubscribed"]
    assert gap["count"] >= 1 and gap["seconds"] >= 0.3
    daemon.wait_log(r'bridge="out" msg="subscribed again .* why="?deaf')
    stats = daemon.stats()
    assert stats["connections"]["redis"]["reconnects"] >= 1
    assert "deaf" in stats["connections"]["redis"]["last_error"]


def test_a_dedicated_subscription_is_renewed_too(rig):
    # A bridge that pauses has a socket of its own: is that one heard too?
    proxy = rig.proxy(rig.redis.port)
    daemon = run(rig, bridge(buffer={"when_full": "pause"}), redis_url=rig.redis.url(proxy.port))
    wait_round(daemon)
    proxy.down.without = MESSAGE
    daemon.wait_log(r"purpose=subscribe-out .*deaf: the canary did not come back")
    proxy.down.without = None
    wait_hears(rig, daemon)


def test_redis_stands_still(rig):
    # Longer than several intervals, shorter than it takes to be given up: does nobody lose his
    # subscription, as nobody knows whether the canary was published?
    daemon = run(rig, bridge())
    wait_round(daemon)
    rig.redis.freeze()
    holds_for(lambda: renewals(daemon.stats()) == 0, "no renewal", seconds=2)
    rig.redis.thaw()
    before = rig.redis.client().info("commandstats")["cmdstat_publish"]["calls"]
    wait_until(lambda: rig.redis.client().info("commandstats")["cmdstat_publish"]["calls"] >=
               before + 2, "canaries again")
    publish_all(rig.redis, "in", range(10))
    daemon.wait_bridge("out", delivered=10)
    stats = daemon.stats()
    assert renewals(stats) == 0
    assert stats["connections"]["redis"]["reconnects"] == 0


def test_a_user_who_may_not(rig):
    # Is it told once, with what to do, and does the bridge run on?
    rig.redis.client().execute_command("ACL", "SETUSER", "plain", "on", ">secret", "~*", "&in",
                                       "+@all")
    daemon = run(rig, bridge(), redis_url=rig.redis.url(user="plain", password="secret"))
    daemon.wait_log("level=warn .*no canary, .*NOPERM")
    publish_all(rig.redis, "in", range(10))
    daemon.wait_bridge("out", delivered=10)
    holds_for(lambda: renewals(daemon.stats()) == 0 and canary(daemon.stats()) is None,
              "nobody is judged", seconds=1)
    assert daemon.log().count("no canary, ") == 1
    assert daemon.bridge("out")["unsubscribed"]["count"] == 0
