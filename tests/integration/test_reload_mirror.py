"""Mirrors whose rule changes while both sides publish: does every subscriber see each message of
both sides, once, and no moment go by without a subscription?"""

import collections
import json
import threading

import pika
import pytest

from harness.bulk import BulkSubscriber, publish_all
from harness.disk import cut, spool
from harness.waiting import wait_until
from test_reload import reload, summary

BUFFER = {"messages": 500000, "memory": "512MiB"}
ENDS = {"channel": "orders", "exchange": "orders", "routing_key": "orders", "persistent": False}
PATTERN = {"pattern": "ord*", "exchange": "orders", "routing_key": "{channel|dots}",
           "channel": "{routing_key|colons}", "persistent": False}
TOPOLOGY = {"exchanges": [{"name": "orders", "type": "topic"}],
            "queues": [{"name": "audit"}],
            "bindings": [{"source": "orders", "destination": "audit", "routing_key": "#"}]}
VALUES = 50  # of bodies: both sides say the same all the time


def mirror(ends=None, **more):
    return {"name": "orders", "mirror": ends or ENDS, "buffer": BUFFER, **more}


class Traffic:
    """Equal bodies from both sides in small blocks, until told to end; how many there were of
    each."""

    def __init__(self, rig):
        self._rig = rig
        self.subscriber = BulkSubscriber(rig.redis, "orders")
        self._end = threading.Event()
        self.redis, self.amqp = 0, 0
        self.alone = 0  # messages of Redis that only the subscriber got
        self._threads = [threading.Thread(target=run) for run in (self._publish, self._publish_amqp)]
        for thread in self._threads:
            thread.start()

    def _publish(self):
        while not self._end.wait(0.005):
            reached = publish_all(self._rig.redis, "orders",
                                  [number % VALUES for number in range(self.redis, self.redis + 50)])
            self.alone += sum(count < 2 for count in reached)
            self.redis += 50

    def _publish_amqp(self):
        channel = self._rig.rabbit.channel()
        while not self._end.wait(0.005):
            for number in range(self.amqp, self.amqp + 50):
                channel.basic_publish("orders", "orders", str(number % VALUES),
                                      pika.BasicProperties(delivery_mode=1))
            self.amqp += 50

    def more(self, count=500):
        before = self.redis, self.amqp
        wait_until(lambda: self.redis >= before[0] + count and self.amqp >= before[1] + count,
                   f"{count} messages more from both sides")

    def finish(self, daemon):
        """Ends it, and looks for each message of both sides on both."""
        self._end.set()
        for thread in self._threads:
            thread.join()
        assert self.alone == 0, "published while the mirror was not subscribed"
        total = self.redis + self.amqp
        assert len(numbers := self.subscriber.take(total)) == total
        wait_until(lambda: self._rig.rabbit.ready("audit") >= total, "all is in the queue")
        books = daemon.wait_bridge("orders", pending=0, state="running")
        assert self.subscriber.rest() == [], "more than was said"
        kept = [int(body) for body in self._rig.rabbit.take("audit", self._rig.rabbit.ready("audit"))]
        sides = [number % VALUES for count in (self.redis, self.amqp) for number in range(count)]
        each = collections.Counter(sides)
        assert collections.Counter(numbers) == each
        assert collections.Counter(kept) == each
        assert books["unsubscribed"]["count"] == 0
        assert books["dropped"] == books["dead_lettered"] == 0
        return books


CHANGES = {
    # No subscription is asked for anew.
    "options": [{"retry": {"min": "1s"}}, {"on_no_subscribers": "reject"},
                {"mirror": {**ENDS, "max_hops": 2}}, {}],
    "what is sent": [{"mirror": {**ENDS, "properties": {"headers": {"a": 1}}}},
                     {"mirror": {**ENDS, "routing_key": "orders.new"}}, {}],
    "dead letters": [{"dead_letter": {"channel": "dead"}}, {}],
    # A new subscription.
    "pattern": [{"mirror": PATTERN}, {"mirror": {**PATTERN, "pattern": "o*"}}, {}],
    "pattern with hold": [{"mirror": PATTERN, "on_no_subscribers": "hold"},
                          {"mirror": ENDS, "on_no_subscribers": "hold"}, {}],
    "own socket": [{"buffer": {**BUFFER, "when_full": "pause"}},
                   {"buffer": {**BUFFER, "when_full": "pause"}, "mirror": PATTERN}, {}],
    # Another consumer.
    "prefetch": [{"mirror": {**ENDS, "prefetch": 10}}, {}],
    "binding": [{"mirror": {**ENDS, "binding_keys": ["#", "orders.*"]}}, {}],
}


@pytest.mark.parametrize("changes", CHANGES.values(), ids=CHANGES.keys())
def test_changed_under_load(rig, changes):
    # Equal bodies pour in from both sides while the rule changes: exactly once, to the message?
    daemon = rig.run(mirror(), topology=TOPOLOGY)
    traffic = Traffic(rig)
    for change in changes:
        traffic.more()
        stats = reload(daemon, {**mirror(), **change})
        assert summary(stats) == {"kept": 0, "added": 0, "changed": 1, "removed": 0}
    traffic.more()
    traffic.finish(daemon)
    assert "books closed" not in daemon.log()


def test_subscription_is_kept_where_it_is_the_same(rig):
    # A change of options alone: does the mirror ask Redis for nothing?
    daemon = rig.run(mirror(), topology=TOPOLOGY)
    before = rig.redis.client().info("commandstats")["cmdstat_subscribe"]["calls"]
    reload(daemon, mirror(retry={"min": "1s"}, on_no_subscribers="hold"))
    daemon.wait_running()
    publish_all(rig.redis, "orders", range(10))
    daemon.wait_bridge("orders", pending=0, delivered=10)
    after = rig.redis.client().info("commandstats")
    assert after["cmdstat_subscribe"]["calls"] == before
    assert "cmdstat_unsubscribe" not in after


def test_changed_connections_under_load(rig):
    # Other settings of both connections: do both ways go over to new sockets, and lose nothing?
    daemon = rig.run(mirror(), topology=TOPOLOGY, observed=True)
    rule = daemon.config["bridges"][0]
    connections = json.loads(json.dumps(daemon.config["connections"]))
    traffic = Traffic(rig)
    for number in range(3):
        traffic.more()
        connections["redis"]["max_message_size"] = f"{number + 1}MiB"
        if number == 1:
            connections["rabbit"]["heartbeat"] = "7s"
        assert summary(reload(daemon, rule, connections=connections))["changed"] == 1
    traffic.more()
    traffic.finish(daemon)


def test_many_changes_and_the_end(rig):
    # A change right behind the other, and a stop right behind that: does it end cleanly, and find
    # everything when it is back?
    daemon = rig.run(mirror(), topology=TOPOLOGY)
    subscriber = BulkSubscriber(rig.redis, "orders")
    channel = rig.rabbit.channel(confirm=True)
    for number in range(300):
        channel.basic_publish("orders", "orders", str(number))
    for number in range(6):
        reload(daemon, mirror(PATTERN if number % 2 else ENDS, retry={"min": f"{number + 1}s"}))
    daemon.stop()
    daemon.start().wait_running()
    assert sorted(set(subscriber.take(300))) == list(range(300))
    daemon.wait_idle()
    assert subscriber.rest() == []


def test_other_channel(rig):
    # The mirror goes to another channel: does the old one end where the new one begins?
    daemon = rig.run(mirror(), topology=TOPOLOGY)
    publish_all(rig.redis, "orders", range(100))
    reload(daemon, mirror({**ENDS, "channel": "bills"}))
    wait_until(lambda: rig.redis.subscribers("orders") == 0, "the old channel is left")
    assert rig.redis.subscribers("bills") == 1
    publish_all(rig.redis, "bills", range(100, 200))
    assert sorted(int(body) for body in rig.rabbit.take("audit", 200)) == list(range(200))
    subscriber = BulkSubscriber(rig.redis, "bills")
    rig.rabbit.channel(confirm=True).basic_publish("orders", "orders", b"7")
    assert subscriber.take(1) == [7]
    daemon.wait_bridge("orders", pending=0, state="running", delivered=201, filtered=201)


DISK = {"messages": 100, "disk": "64MiB"}  # all but a few go there
AGAIN = "stopped and started"
CHANGES_ON_DISK = {
    "options": [{"retry": {"min": "1s"}}, {"mirror": {**ENDS, "max_hops": 2}}, AGAIN],
    "what is sent": [{"mirror": {**ENDS, "routing_key": "orders.new"}}, {}],
    "dead letters": [{"dead_letter": {"channel": "dead"}}, {}, AGAIN],
    "pattern": [{"mirror": PATTERN}, {"mirror": {**PATTERN, "pattern": "o*"}}, AGAIN, {}],
    "own socket": [{"buffer": {**DISK, "when_full": "pause"}}, {"mirror": PATTERN}],
    "consumer": [{"mirror": {**ENDS, "prefetch": 10}}, {}],
    "connection": [{"heartbeat": "7s"}, AGAIN, {"mirror": PATTERN, "heartbeat": "8s"}],
    "room in memory": [{"buffer": {**DISK, "messages": 10}}, {"buffer": {**DISK, "messages": 2000}}],
    "durability": [{"buffer": {**DISK, "durability": "disk"}}, AGAIN, {}],
    "no disk for a while": [{"buffer": BUFFER}, {}],
    "no disk any more": [{"buffer": BUFFER, "mirror": PATTERN}],
    "no disk over a start": [{"buffer": BUFFER}, AGAIN],
}


def start_again_away(rig, daemon, buffer):
    """The broker still being away. A rule without a disk takes nothing from there: it gets one."""
    daemon.stop()
    daemon.start()
    if buffer == BUFFER:
        daemon.wait_log("has messages in the spool, but .* no disk.* messages=2000")
        reload(daemon, {**mirror(), "buffer": DISK})
    client = rig.redis.client()
    wait_until(lambda: rig.redis.subscribers("orders") + client.pubsub_numpat() == 2,
               "the mirror is subscribed beside the test")


@pytest.mark.parametrize("changes", CHANGES_ON_DISK.values(), ids=CHANGES_ON_DISK.keys())
def test_changed_while_the_disk_has_messages(rig, changes):
    # The broker is away and the spool has messages: does the mirror take them over to its new rule,
    # and over a start too, so that each arrives once and in order when the broker is back?
    way = rig.proxy(rig.broker.port)
    daemon = rig.run({**mirror(), "buffer": DISK}, amqp_url=rig.rabbit.url(port=way.port),
                     **{**spool(rig), "topology": TOPOLOGY})
    subscriber = BulkSubscriber(rig.redis, "orders")
    channel = rig.rabbit.channel(confirm=True)
    cut(way, daemon)
    sent, rule = 0, {}
    for change in [{}, *changes]:
        if change == AGAIN:
            start_again_away(rig, daemon, rule.get("buffer"))
        elif sent:
            rule = dict(change)
            connections = json.loads(json.dumps(daemon.config["connections"]))
            connections["rabbit"]["heartbeat"] = rule.pop("heartbeat", "20s")
            reload(daemon, {**mirror(), "buffer": DISK, **rule}, connections=connections)
        daemon.wait_bridge("orders", received=sent, pending=sent)
        reached = publish_all(rig.redis, "orders", range(sent, sent + 1000))
        assert min(reached) >= 2, "published while the mirror was not subscribed"
        sent += 1000
        daemon.wait_bridge("orders", received=sent, pending=sent)
        assert sent > 1000 or daemon.bridge("orders")["spooled"] >= 800
    for number in range(sent, sent + 300):
        channel.basic_publish("orders", "orders", str(number))
    way.listen()
    both = sent + 300
    books = daemon.wait_bridge("orders", pending=0, received=2 * both, timeout=60)
    assert (books["delivered"], books["filtered"]) == (both, both)
    assert books["dropped"] == books["dead_lettered"] == books["spooled"] == 0
    kept = [int(body) for body in rig.rabbit.take("audit", rig.rabbit.ready("audit"))]
    assert kept == [*range(sent, sent + 300), *range(sent)]
    assert subscriber.take(both) == list(range(both))
    assert subscriber.rest() == [], "more than was said"


def test_changed_while_the_disk_drains(rig, alarm):
    # The spool gives back what a blocked broker left there, and both sides go on: does each message
    # arrive once and in order, whatever changes in the rule meanwhile?
    daemon = rig.run({**mirror(), "buffer": DISK}, **{**spool(rig), "topology": TOPOLOGY})
    subscriber = BulkSubscriber(rig.redis, "orders")
    alarm(True)
    publish_all(rig.redis, "orders", [0])
    daemon.wait_stats(lambda stats: stats["connections"]["rabbit"]["blocked"], "blocked")
    publish_all(rig.redis, "orders", range(1, 5000))
    daemon.wait_bridge("orders", received=5000)
    assert daemon.bridge("orders")["spooled"] > 4000
    alarm(False)
    sent = 5000
    for change in ({"mirror": PATTERN}, {"buffer": {**DISK, "durability": "disk"}},
                   {"buffer": BUFFER}, {"mirror": {**PATTERN, "pattern": "o*"}}, {}):
        reload(daemon, {**mirror(), "buffer": DISK, **change})
        assert min(publish_all(rig.redis, "orders", range(sent, sent + 1000))) >= 2
        sent += 1000
    books = daemon.wait_bridge("orders", pending=0, received=2 * sent, timeout=60)
    assert (books["delivered"], books["filtered"], books["dropped"]) == (sent, sent, 0)
    kept = [int(body) for body in rig.rabbit.take("audit", rig.rabbit.ready("audit"))]
    assert kept == list(range(sent))
    assert subscriber.take(sent) == list(range(sent))
    assert subscriber.rest() == []
