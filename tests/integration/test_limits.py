"""The memory of all bridges together: one that floods, one that is small, and a ceiling over both."""

from harness.bulk import publish_all
from harness.rig import FAST_RETRY
from harness.waiting import wait_until

MIB = 1 << 20
LIMIT = 16 * MIB
SIZE = 2000
FLOOD = 20000  # 38 MiB
STEP = 4000  # what Redis may have to hold for us stays below its limit for subscribers
WORK = {"connection": "rabbit", "queues": [{"name": "work"}, {"name": "sea"}]}
SMALL = {"name": "small", "from": {"channel": "in"}, "to": {"queue": "work"}}
# Freed memory goes back at once in builds with the sanitizers too.
ENV = {"ASAN_OPTIONS": "abort_on_error=0:exitcode=99:detect_leaks=1:quarantine_size_mb=1"}


def flood(**buffer):
    return {"name": "flood", "from": {"channel": "flood"}, "to": {"queue": "sea", "connection": "far"},
            "buffer": {"messages": 1000000, **buffer}}


def start(rig, way, *bridges, **more):
    """The flood's broker cannot be reached."""
    way.refuse()
    far = {"url": rig.rabbit.url(port=way.port), "reconnect": FAST_RETRY}
    daemon = rig.make(*bridges, topology=WORK, env=ENV, limits={"memory": "16MiB"}, observed=True,
                      connections={"far": far}, **more).start()
    daemon.wait_bridge("small", timeout=30, state="running")
    wait_until(lambda: rig.redis.subscribers("flood") == 1, "the flood is subscribed to")
    return daemon


def pour(rig, daemon):
    """The whole flood; the bridge's stats when it has been received."""
    for first in range(0, FLOOD, STEP):
        publish_all(rig.redis, "flood", range(first, first + STEP), SIZE)
        bridge = daemon.wait_bridge("flood", received=first + STEP, timeout=60)
    return bridge


def resident(daemon):
    for line in open(f"/proc/{daemon.process.pid}/status"):
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    raise AssertionError("no VmRSS")


def small_works(rig, daemon, first, count=200):
    """The small bridge carries messages meanwhile; the next number."""
    publish_all(rig.redis, "in", range(first, first + count))
    daemon.wait_bridge("small", delivered=first + count, pending=0, dropped=0, timeout=30)
    return first + count


def test_a_flood_is_dropped_and_the_small_one_goes_on(rig):
    # Does the one that floods find its buffer full at the common limit, and no other bridge?
    way = rig.proxy(rig.broker.port)
    daemon = start(rig, way, flood(), SMALL)
    done = small_works(rig, daemon, 0)
    before = resident(daemon)
    bridge = pour(rig, daemon)
    assert 10 * MIB < bridge["buffered"] * SIZE < LIMIT
    assert bridge["dropped"] == FLOOD - bridge["buffered"]
    assert "limits.memory" in bridge["last_error"]
    stats = daemon.stats()
    assert stats["memory"]["limit"] == LIMIT
    assert bridge["buffered"] * SIZE < stats["memory"]["held"] < LIMIT
    done = small_works(rig, daemon, done)
    assert resident(daemon) - before < 2 * LIMIT
    way.listen()
    daemon.wait_bridge("flood", delivered=bridge["buffered"], pending=0, timeout=30)
    # The room is back.
    publish_all(rig.redis, "flood", range(100), SIZE)
    daemon.wait_bridge("flood", delivered=bridge["buffered"] + 100, dropped=bridge["dropped"],
                       timeout=30)
    small_works(rig, daemon, done)
    daemon.wait_stats(lambda stats: stats["memory"]["held"] == 0, "nothing is held", timeout=30)


def test_a_flood_goes_to_disk_and_comes_back(rig):
    # With a spool, is nothing lost of what does not fit, and is it delivered in order?
    way = rig.proxy(rig.broker.port)
    daemon = start(rig, way, flood(disk="256MiB"), SMALL,
                   spool={"directory": str(rig.folder / "spool")})
    bridge = pour(rig, daemon)
    assert bridge["dropped"] == 0 and bridge["spooled"] > 0 and bridge["buffered"] * SIZE < LIMIT
    small_works(rig, daemon, 0)
    way.listen()
    daemon.wait_bridge("flood", delivered=FLOOD, pending=0, dropped=0, timeout=120)
    wait_until(lambda: rig.rabbit.ready("sea") == FLOOD, "all of it is in the queue", timeout=30)
    assert [int(body) for body in rig.rabbit.take("sea", FLOOD)] == list(range(FLOOD))


def test_an_amqp_source_pauses(rig):
    # Is a queue left to the broker once the limit is near, and consumed from again after it?
    count = 3000
    channel = rig.rabbit.channel()
    channel.queue_declare("deep", durable=True)
    for number in range(count):
        channel.basic_publish("", "deep", str(number).encode().ljust(10000))
    wait_until(lambda: rig.rabbit.ready("deep") == count, "the queue is full")
    deep = {"name": "flood", "from": {"queue": "deep", "prefetch": 100},
            "to": {"channel": "out", "connection": "observer"},
            "buffer": {"messages": 1000000, "memory": "64MiB"}, "on_no_subscribers": "hold"}
    other = dict(deep, name="other", to={"channel": "other", "connection": "observer"})
    daemon = rig.make(deep, other, SMALL, topology=WORK, env=ENV, limits={"memory": "2MiB"},
                      observed=True).start()
    daemon.wait_bridge("small", timeout=30, state="running")
    daemon.wait_stats(lambda stats: "paused" in (stats["bridges"]["flood"]["state"],
                                                 stats["bridges"]["other"]["state"]),
                      "one is paused", timeout=30)
    small_works(rig, daemon, 0)
    # What was under way comes all the same: at most the prefetch of both.
    assert daemon.stats()["memory"]["held"] < 2 * MIB + 2 * 100 * 11000
    subscribers = [rig.observer.subscribe("out"), rig.observer.subscribe("other")]
    daemon.wait_stats(lambda stats: stats["bridges"]["flood"]["delivered"]
                      + stats["bridges"]["other"]["delivered"] == count, "all came", timeout=60)
    found = sorted(int(body) for subscriber, name in zip(subscribers, ("flood", "other"))
                   for body in subscriber.take(daemon.bridge(name)["delivered"]))
    assert found == list(range(count))
