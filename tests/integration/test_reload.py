"""SIGHUP: what did not change goes on without a gap, what changed goes over to its new rule without
losing or doubling a message, what is new starts, what is gone drains, and what is wrong changes
nothing."""

import json
import signal
import threading

import pytest

from harness.bulk import BulkSubscriber, publish_all
from harness.waiting import wait_until

QUEUES = {"queues": [{"name": "work"}, {"name": "other"}, {"name": "back"}]}
BUFFER = {"messages": 500000, "memory": "512MiB"}


def sink(queue):
    return {"exchange": "", "routing_key": queue, "persistent": False}


OUT = {"name": "out", "from": {"channel": "orders"}, "to": sink("work"), "buffer": BUFFER}
IN = {"name": "in", "from": {"queue": "back"}, "to": {"channel": "done"}}


def reload(daemon, *bridges, ok=True, **more):
    """Another configuration, and SIGHUP; the stats after it."""
    before = daemon.stats()["reloads"]
    daemon.config["bridges"] = list(bridges)
    daemon.config.update(more)
    daemon.config_file.write_text(json.dumps(daemon.config, indent=2))
    daemon.send_signal(signal.SIGHUP)
    key = "count" if ok else "failed"
    stats = daemon.wait_stats(lambda stats: stats["reloads"][key] == before[key] + 1,
                              f"reloads: one more {key}")
    assert stats["reloads"]["last"]["ok"] is ok
    return stats


def summary(stats):
    last = stats["reloads"]["last"]
    return {key: last[key] for key in ("kept", "added", "changed", "removed")}


class Pour:
    """Numbered messages on a channel, in blocks, until told to end."""

    def __init__(self, rig, channel):
        self._server, self._channel = rig.redis, channel
        self._end = threading.Event()
        self.sent = 0
        self.lost = 0
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self):
        while not self._end.wait(0.005):
            reached = publish_all(self._server, self._channel, range(self.sent, self.sent + 50))
            self.lost += reached.count(0)
            self.sent += 50

    def wait(self, count):
        wait_until(lambda: self.sent >= count, f"{count} messages were sent")

    def wait_more(self, count=500):
        self.wait(self.sent + count)

    def end(self):
        self._end.set()
        self._thread.join()
        assert self.lost == 0, "published to nobody"
        return self.sent


def take(rig, queue):
    return [int(body) for body in rig.rabbit.take(queue, rig.rabbit.ready(queue))]


def test_unchanged_bridges_do_not_notice(rig):
    # While another bridge is added, changed and removed: is nothing lost, doubled or out of order?
    daemon = rig.run(OUT, IN, topology=QUEUES)
    ups = daemon.log().count('msg="up"')
    pour = Pour(rig, "orders")
    pour.wait(1000)
    more = {"name": "more", "from": {"channel": "more"}, "to": sink("other")}
    stats = reload(daemon, OUT, IN, more)
    assert summary(stats) == {"kept": 2, "added": 1, "changed": 0, "removed": 0}
    pour.wait_more()
    stats = reload(daemon, OUT, IN, {**more, "from": {"channel": "most"}})
    assert summary(stats) == {"kept": 2, "added": 0, "changed": 1, "removed": 0}
    pour.wait_more()
    stats = reload(daemon, OUT, IN)
    assert summary(stats) == {"kept": 2, "added": 0, "changed": 0, "removed": 1}
    daemon.wait_stats(lambda stats: "more" not in stats["bridges"], "the bridge is gone")
    pour.wait_more()
    count = pour.end()
    daemon.wait_bridge("out", delivered=count)
    assert take(rig, "work") == list(range(count))
    assert daemon.log().count('msg="up"') == ups, "something connected again"
    assert stats["connections"]["redis"]["reconnects"] == 0


CHANGES = {
    "sink": [{"to": sink("other")}, {"to": sink("work")}],
    "more channels": [{"from": {"channel": ["orders", "more"]}}, {"from": {"channel": "orders"}}],
    "pattern": [{"from": {"pattern": "ord*"}}, {"from": {"channel": "orders"}},
                {"from": {"pattern": "o*"}}],
    "own socket": [{"buffer": {**BUFFER, "when_full": "drop-oldest"}}, {"retry": {"min": "1s"}}],
    "both": [{"from": {"pattern": "ord*"}, "to": sink("other")}, {}],
    "ack mode": [{"ack_mode": "on-publish"}, {}],
}


@pytest.mark.parametrize("changes", CHANGES.values(), ids=CHANGES.keys())
def test_changed_from_redis_under_load(rig, changes):
    # A rule changes while messages pour in: is each delivered once, in order, by one rule or the
    # other, and do the books go on?
    daemon = rig.run(OUT, topology=QUEUES)
    pour = Pour(rig, "orders")
    for change in changes:
        pour.wait_more()
        stats = reload(daemon, {**OUT, **change})
        assert summary(stats) == {"kept": 0, "added": 0, "changed": 1, "removed": 0}
    pour.wait_more()
    count = pour.end()
    stats = daemon.wait_bridge("out", delivered=count, pending=0, state="running")
    assert stats["received"] == count
    assert stats["unsubscribed"]["count"] == 0
    work, other = take(rig, "work"), take(rig, "other")
    assert work == sorted(work) and other == sorted(other)
    assert sorted(work + other) == list(range(count))


def test_changed_with_a_socket_of_its_own(rig):
    # when_full "pause" reads from a socket of its own: does that one stay, too?
    rule = {**OUT, "buffer": {**BUFFER, "when_full": "pause"}}
    daemon = rig.run(rule, topology=QUEUES)
    pour = Pour(rig, "orders")
    for change in ({"to": sink("other")}, {"from": {"channel": ["orders", "x"]}},
                   {"from": {"pattern": "ord*"}}, {}):
        pour.wait_more()
        reload(daemon, {**rule, **change})
    pour.wait_more()
    count = pour.end()
    daemon.wait_bridge("out", delivered=count, pending=0)
    assert sorted(take(rig, "work") + take(rig, "other")) == list(range(count))


def move_buffer(number, _connections, rule):
    return {**rule, "buffer": {**BUFFER, "when_full": "drop-newest" if number % 2 else "pause"}}


def move_connection(number, connections, rule):
    connections["redis"]["connect_timeout"] = f"{number + 6}s"
    return rule


def move_both(number, connections, rule):
    move_connection(number, connections, rule)
    name = {"channel": "orders"} if number % 2 else {"pattern": "ord*"}
    return {**rule, "from": {**name, "connection": "redis"}}


@pytest.mark.parametrize("move", [move_buffer, move_connection, move_both])
def test_moved_to_another_socket_under_load(rig, move):
    # The source goes over to another socket again and again while messages pour in: is each
    # delivered once, in order?
    daemon = rig.run(OUT, topology=QUEUES, observed=True)
    connections = json.loads(json.dumps(daemon.config["connections"]))
    rule = daemon.config["bridges"][0]
    redis = rig.redis.client()
    pour = Pour(rig, "orders")
    for number in range(10):
        pour.wait_more(200)
        stats = reload(daemon, move(number, connections, rule), connections=connections)
        assert summary(stats)["changed"] == 1
        wait_until(lambda: rig.redis.subscribers("orders") + redis.pubsub_numpat() == 1,
                   "the old socket is gone")
    pour.wait_more()
    count = pour.end()
    stats = daemon.wait_bridge("out", delivered=count, pending=0, state="running")
    assert stats["received"] == count
    assert take(rig, "work") == list(range(count))
    assert "without a marker" not in daemon.log()


def test_moved_where_no_marker_may_be_published(rig):
    # A user without the gateway's own channels: does the source go over all the same, and is told
    # what that may cost?
    rig.redis.client().execute_command("ACL", "SETUSER", "plain", "on", "nopass", "+@all",
                                       "resetchannels", "&orders")
    daemon = rig.run(OUT, topology=QUEUES, observed=True,
                     redis_url=rig.redis.url(user="plain", password="x"))
    rule = daemon.config["bridges"][0]
    reload(daemon, {**rule, "buffer": {**BUFFER, "when_full": "pause"}})
    daemon.wait_log("goes over to another socket without a marker")
    rig.redis.wait_subscriber("orders", 1)
    publish_all(rig.redis, "orders", range(100))
    daemon.wait_bridge("out", delivered=100, pending=0, state="running")


IN_CHANGES = {
    "sink": [{"retry": {"min": "1s"}}, {"on_no_subscribers": "hold"}],
    "prefetch": [{"from": {"queue": "back", "prefetch": 10}}, {}],
    "exclusive": [{"from": {"queue": "back", "exclusive": True}},
                  {"from": {"queue": "back", "exclusive": True, "prefetch": 5}}, {}],
}


@pytest.mark.parametrize("changes", IN_CHANGES.values(), ids=IN_CHANGES.keys())
def test_changed_from_a_queue_under_load(rig, changes):
    # Likewise where the source is a queue.
    daemon = rig.run(IN, topology=QUEUES)
    subscriber = BulkSubscriber(rig.redis, "done")
    channel = rig.rabbit.channel(confirm=True)
    sent = 0
    for change in [*changes, None]:
        for number in range(sent, sent + 1000):
            channel.basic_publish("", "back", str(number))
        sent += 1000
        if change is not None:
            stats = reload(daemon, {**IN, **change})
            assert summary(stats)["changed"] == 1
    assert subscriber.take(sent) == list(range(sent))
    stats = daemon.wait_bridge("in", pending=0, state="running")
    assert stats["delivered"] == sent


def test_wrong_configuration_changes_nothing(rig):
    # Is every problem in the log, with its place, and does all go on as before?
    daemon = rig.run(OUT, topology=QUEUES)
    pour = Pour(rig, "orders")
    pour.wait(1000)
    bad = {**OUT, "to": {"queue": "work", "nonsense": 1}, "bufer": {}}
    stats = reload(daemon, bad, {**IN, "from": {}}, ok=False)
    assert "3 problems" in stats["reloads"]["last"]["error"]
    log = daemon.log()
    for words in ("nonsense", "bufer", "/bridges/1/from"):
        assert words in log
    assert f"{daemon.config_file}:" in log
    daemon.config_file.write_text("{ this is no JSON")
    daemon.send_signal(signal.SIGHUP)
    daemon.wait_stats(lambda stats: stats["reloads"]["failed"] == 2, "refused again")
    daemon.config_file.unlink()
    daemon.send_signal(signal.SIGHUP)
    daemon.wait_stats(lambda stats: stats["reloads"]["failed"] == 3, "and again")
    pour.wait_more()
    count = pour.end()
    daemon.wait_bridge("out", delivered=count)
    assert take(rig, "work") == list(range(count))
    stats = reload(daemon, OUT)
    assert summary(stats) == {"kept": 1, "added": 0, "changed": 0, "removed": 0}


def test_removed_bridge_drains(rig):
    # Does what a removed bridge has taken in still go out?
    proxy = rig.proxy(rig.broker.port)
    daemon = rig.run(OUT, topology=QUEUES, amqp_url=rig.rabbit.url(port=proxy.port))
    proxy.down.stall()
    publish_all(rig.redis, "orders", range(100))
    daemon.wait_bridge("out", received=100)
    stats = reload(daemon)
    assert summary(stats) == {"kept": 0, "added": 0, "changed": 0, "removed": 1}
    assert stats["bridges"]["out"]["pending"] > 0
    wait_until(lambda: rig.redis.subscribers("orders") == 0, "unsubscribed")
    proxy.down.heal()
    daemon.wait_stats(lambda stats: not stats["bridges"], "the bridge is gone")
    assert take(rig, "work") == list(range(100))


def test_removed_bridge_has_no_more_than_its_time(rig):
    # With a sink that does not answer: is it gone after shutdown_timeout, and that told?
    proxy = rig.proxy(rig.broker.port)
    daemon = rig.run(OUT, topology=QUEUES, amqp_url=rig.rabbit.url(port=proxy.port),
                     shutdown_timeout="500ms")
    proxy.down.stall()
    publish_all(rig.redis, "orders", range(10))
    daemon.wait_bridge("out", received=10)
    reload(daemon)
    daemon.wait_stats(lambda stats: not stats["bridges"], "the bridge is gone")
    daemon.wait_log('"out".*books closed.*dropped=10|books closed.*"?out"?.*dropped=10')
    proxy.down.heal()


def test_removed_and_added_again(rig):
    # Removed and, before it has drained, added again: does the new one follow the old one?
    proxy = rig.proxy(rig.broker.port)
    daemon = rig.run(OUT, topology=QUEUES, amqp_url=rig.rabbit.url(port=proxy.port))
    proxy.down.stall()
    publish_all(rig.redis, "orders", range(10))
    daemon.wait_bridge("out", received=10)
    reload(daemon)
    stats = reload(daemon, OUT)
    assert summary(stats)["removed"] == 0
    proxy.down.heal()
    daemon.wait_bridge("out", state="running", received=0)
    publish_all(rig.redis, "orders", range(10, 20))
    daemon.wait_bridge("out", delivered=10)
    assert take(rig, "work") == list(range(20))


def test_enabled_and_disabled(rig):
    # Is a bridge that is disabled stopped, and one that is enabled started?
    daemon = rig.run(OUT, IN, topology=QUEUES)
    stats = reload(daemon, {**OUT, "enabled": False}, IN)
    assert summary(stats) == {"kept": 1, "added": 0, "changed": 0, "removed": 1}
    daemon.wait_bridge("out", state="stopped", received=0)
    wait_until(lambda: rig.redis.subscribers("orders") == 0, "unsubscribed")
    stats = reload(daemon, OUT, IN)
    assert summary(stats) == {"kept": 1, "added": 1, "changed": 0, "removed": 0}
    daemon.wait_running()
    publish_all(rig.redis, "orders", range(10))
    daemon.wait_bridge("out", delivered=10)


def test_other_direction(rig):
    # The same name for something else altogether: does the old one drain, and the new one run?
    daemon = rig.run(OUT, topology=QUEUES)
    publish_all(rig.redis, "orders", range(100))
    stats = reload(daemon, {**IN, "name": "out"})
    assert summary(stats)["changed"] == 1
    daemon.wait_running()
    subscriber = BulkSubscriber(rig.redis, "done")
    channel = rig.rabbit.channel(confirm=True)
    for number in range(100):
        channel.basic_publish("", "back", str(number))
    assert subscriber.take(100) == list(range(100))
    assert take(rig, "work") == list(range(100))


def test_connection_changed(rig):
    # A connection with other settings: is it made anew with all that uses it, without losing
    # anything, and does the old one go?
    daemon = rig.run(OUT, topology=QUEUES, observed=True)
    pour = Pour(rig, "orders")
    pour.wait(1000)
    connections = json.loads(json.dumps(daemon.config["connections"]))
    connections["rabbit"]["heartbeat"] = "7s"
    stats = reload(daemon, *daemon.config["bridges"], connections=connections)
    assert summary(stats)["changed"] == 1
    daemon.wait_log('connection="?rabbit"? msg="?removed')
    pour.wait_more()
    count = pour.end()
    daemon.wait_bridge("out", delivered=count)
    assert take(rig, "work") == list(range(count))
    connections["rabbit"]["heartbeat"] = "8s"
    connections["redis"]["max_message_size"] = "1MiB"
    stats = reload(daemon, *daemon.config["bridges"], connections=connections)
    daemon.wait_bridge("out", state="running")
    wait_until(lambda: rig.redis.subscribers("orders") == 1, "the old socket is gone")
    publish_all(rig.redis, "orders", range(5))
    daemon.wait_bridge("out", delivered=count + 5)


def test_topology_changed(rig):
    # A queue that a new bridge consumes from is in the topology as of now: is it there in time?
    daemon = rig.run(OUT, topology=QUEUES)
    topology = {"queues": [*QUEUES["queues"], {"name": "fresh"}]}
    reload(daemon, OUT, {**IN, "from": {"queue": "fresh"}}, topology=topology)
    daemon.wait_running()
    assert "NOT_FOUND" not in daemon.log()
    rig.rabbit.channel(confirm=True).basic_publish("", "fresh", b"x")
    daemon.wait_bridge("in", delivered=1)


def test_spool_goes_over(rig):
    # Messages that are on the disk when the rule changes: do they go out by the new one, in order?
    proxy = rig.proxy(rig.broker.port)
    spool = {"directory": str(rig.folder / "spool")}
    rule = {**OUT, "buffer": {"messages": 10, "memory": "1MiB", "disk": "10MiB"}}
    daemon = rig.run(rule, topology=QUEUES, spool=spool,
                     amqp_url=rig.rabbit.url(port=proxy.port))
    proxy.refuse()
    proxy.reset_all()
    daemon.wait_bridge("out", state="waiting")
    publish_all(rig.redis, "orders", range(1000))
    daemon.wait_bridge("out", received=1000)
    stats = reload(daemon, {**rule, "to": sink("other"),
                            "buffer": {**rule["buffer"], "disk": "20MiB"}})
    assert stats["bridges"]["out"]["spooled"] > 0
    publish_all(rig.redis, "orders", range(1000, 1100))
    stats = reload(daemon, {**rule, "to": sink("other"), "buffer": {"messages": 2000}})
    publish_all(rig.redis, "orders", range(1100, 1200))
    proxy.listen()
    daemon.wait_bridge("out", delivered=1200, pending=0)
    reload(daemon, {**rule, "to": sink("other")})
    publish_all(rig.redis, "orders", range(1200, 1300))
    daemon.wait_bridge("out", delivered=1300, pending=0)
    assert take(rig, "other") == list(range(1300))


def test_what_needs_a_restart_is_told(rig):
    # Is another instance name, or spool, told and left, and the rest applied?
    daemon = rig.run(OUT, topology=QUEUES)
    stats = reload(daemon, OUT, IN, instance="other", log={"level": "warn"},
                   spool={"directory": str(rig.folder / "spool")},
                   stats={"channel": "chunnel.stats", "interval": "50ms"})
    assert stats["instance"] == "gw-test"
    assert summary(stats)["added"] == 1
    log = daemon.log()
    assert "needs a restart" in log
    assert 'key=instance' in log and "key=spool" in log
    daemon.wait_running()
    assert "key=log" not in log


def test_many_signals_and_the_end(rig):
    # SIGHUPs in a row, and SIGTERM right behind: does it end cleanly, with nothing lost?
    daemon = rig.run(OUT, topology=QUEUES)
    publish_all(rig.redis, "orders", range(1000))
    for number in range(20):
        daemon.config["bridges"] = [{**OUT, "to": sink("work" if number % 2 else "other")}]
        daemon.config_file.write_text(json.dumps(daemon.config))
        daemon.send_signal(signal.SIGHUP)
    daemon.stop()
    assert sorted(take(rig, "work") + take(rig, "other")) == list(range(1000))
