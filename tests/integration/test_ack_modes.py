"""Ack modes: when a message counts as done."""

import pytest

from harness.waiting import holds_for, wait_until

WORK = {"queues": [{"name": "work"}]}
MODES = ["on-confirm", "on-publish", "no-ack"]


@pytest.mark.parametrize("mode", MODES)
def test_queue_to_channel(rig, mode):
    # Does the mode bring every message across when nothing is wrong?
    daemon = rig.run({"name": "in", "from": {"queue": "work"}, "to": {"channel": "done"},
                      "ack_mode": mode}, topology=WORK)
    subscriber = rig.redis.subscribe("done")
    channel = rig.rabbit.channel(confirm=True)
    for number in range(100):
        channel.basic_publish("", "work", str(number))
    assert [int(body) for body in subscriber.take(100)] == list(range(100))
    daemon.wait_bridge("in", delivered=100, pending=0)
    wait_until(lambda: rig.rabbit.queues()["work"] == (0, 0, 1), "all acknowledged")


@pytest.mark.parametrize("mode", MODES)
def test_channel_to_queue(rig, mode):
    # Does the mode bring every message across when nothing is wrong?
    daemon = rig.run({"name": "out", "from": {"channel": "orders"}, "to": {"queue": "work"},
                      "ack_mode": mode}, topology=WORK)
    pipeline = rig.redis.client().pipeline(transaction=False)
    for number in range(1000):
        pipeline.publish("orders", str(number))
    pipeline.execute()
    daemon.wait_bridge("out", delivered=1000, pending=0)
    assert [int(body) for body in rig.rabbit.take("work", 1000)] == list(range(1000))


def stalled_sink(rig, mode):
    """A bridge to a Redis whose answers do not come, and three messages in its queue."""
    proxy = rig.proxy(rig.redis.port)
    daemon = rig.run({"name": "in", "from": {"queue": "work"}, "to": {"channel": "done"},
                      "ack_mode": mode}, topology=WORK, observed=True,
                     redis_url=rig.redis.url(port=proxy.port))
    subscriber = rig.redis.subscribe("done")
    proxy.down.stall()
    channel = rig.rabbit.channel(confirm=True)
    for number in range(3):
        channel.basic_publish("", "work", str(number))
    assert [int(body) for body in subscriber.take(3)] == [0, 1, 2]
    return daemon, proxy


def test_on_confirm_waits_for_the_answer(rig):
    # on-confirm: is a message acknowledged only when Redis has answered?
    daemon, proxy = stalled_sink(rig, "on-confirm")
    holds_for(lambda: rig.rabbit.queues()["work"] == (0, 3, 1), "three are unacknowledged", 0.3)
    assert daemon.bridge("in")["delivered"] == 0
    proxy.heal()
    daemon.wait_bridge("in", delivered=3, pending=0)
    wait_until(lambda: rig.rabbit.queues()["work"] == (0, 0, 1), "all acknowledged")


def test_on_publish_does_not_wait(rig):
    # on-publish: is a message acknowledged as soon as it was written?
    _, proxy = stalled_sink(rig, "on-publish")
    wait_until(lambda: rig.rabbit.queues()["work"] == (0, 0, 1), "all acknowledged")
    proxy.heal()


def test_no_ack_never_owes(rig):
    # no-ack: does the broker never wait for an acknowledgement?
    _, proxy = stalled_sink(rig, "no-ack")
    assert rig.rabbit.queues()["work"] == (0, 0, 1)
    text = rig.broker.eval(f'rabbit_amqqueue:consumers_all(<<"{rig.rabbit.name}">>)')
    assert "{ack_required, false}" in text
    proxy.heal()


@pytest.mark.parametrize("mode, confirm", [("on-confirm", "true"), ("no-ack", "false")])
def test_confirms_are_asked_for(rig, mode, confirm):
    # Are publisher confirms switched on exactly where the mode needs them?
    rig.run({"name": "out", "from": {"channel": "orders"}, "to": {"queue": "work"},
             "ack_mode": mode}, topology=WORK)
    text = rig.broker.eval(
        "[C || [{vhost, V}, {confirm, C}, {consumer_count, 0}] <-"
        " rabbit_channel:info_all([vhost, confirm, consumer_count]),"
        f' V =:= <<"{rig.rabbit.name}">>]')
    assert confirm in text
    assert mode == "on-confirm" or "true" not in text


def test_on_confirm_to_amqp_waits_for_the_confirm(rig):
    # From queue to queue over two connections: is the source's message held until the sink's
    # broker has confirmed it?
    proxy = rig.proxy(rig.broker.port)
    daemon = rig.run(
        {"name": "move", "from": {"queue": "a", "connection": "rabbit"},
         "to": {"queue": "b", "connection": "second"}},
        connections={"second": {"url": rig.rabbit.url(port=proxy.port), "heartbeat": "10s",
                                "reconnect": {"min": "20ms", "max": "200ms"}}},
        topology={"connection": "rabbit", "queues": [{"name": "a"}, {"name": "b"}]})
    proxy.down.stall()
    rig.rabbit.channel(confirm=True).basic_publish("", "a", b"x")
    wait_until(lambda: rig.rabbit.ready("b") == 1, "it is in the second queue")
    holds_for(lambda: rig.rabbit.queues()["a"] == (0, 1, 1), "and unacknowledged in the first", 0.3)
    proxy.heal()
    daemon.wait_bridge("move", delivered=1, pending=0)
    assert rig.rabbit.take("b", 1) == [b"x"]


@pytest.mark.parametrize("mode", ["on-publish", "no-ack"])
def test_what_is_known_too_late_is_counted(rig, mode):
    # Is a message that nobody takes counted, and told, also where nobody waits to hear of it?
    daemon = rig.run(
        {"name": "out", "ack_mode": mode, "from": {"channel": "in"}, "to": {"queue": "nowhere"}},
        {"name": "in", "ack_mode": mode, "from": {"queue": "work"}, "to": {"channel": "nobody"}},
        topology={"queues": [{"name": "work"}]})
    rig.redis.client().publish("in", "lost")
    rig.rabbit.channel().basic_publish("", "work", b"unheard")
    out = daemon.wait_bridge("out", unroutable=1, delivered=1)
    assert "returned after it had counted as delivered" in out["last_error"]
    assert daemon.wait_bridge("in", no_subscribers=1, delivered=1)["last_error"] is None
