"""What happens to messages of a queue that PUBLISH reaches nobody with: held, handed back, or
rejected. `ack`, the default, is in test_amqp_to_redis.py."""

import time

import pytest

from harness.waiting import holds_for, wait_until

WORK = {"queues": [{"name": "work"}]}
# A second is promised; a busy machine may take longer, but not as long as the longest back-off.
SOON = 8


def inwards(choice, **more):
    return {"name": "in", "from": {"queue": "work"}, "to": {"channel": "done"},
            "on_no_subscribers": choice, **more}


def fill(rig, numbers, queue="work"):
    channel = rig.rabbit.channel(confirm=True)
    for number in numbers:
        channel.basic_publish("", queue, str(number))


def take_numbers(subscriber, count):
    return [int(subscriber.body()) for _ in range(count)]


def test_hold_until_somebody_subscribes(rig):
    # Are messages kept unacknowledged while nobody listens, and do all arrive in order soon after?
    daemon = rig.run(inwards("hold"), topology=WORK)
    fill(rig, range(100))
    daemon.wait_bridge("in", pending=100, received=100)
    holds_for(lambda: rig.rabbit.queues()["work"] == (0, 100, 1), "all are unacknowledged", 1.2)
    bridge = daemon.bridge("in")
    assert (bridge["delivered"], bridge["returned"], bridge["dropped"]) == (0, 0, 0)
    assert bridge["no_subscribers"] >= 1 and bridge["last_error"]
    daemon.wait_log('msg="nobody is subscribed, holding the messages" why="PUBLISH reached nobody"')
    subscriber = rig.redis.subscribe("done")
    since = time.monotonic()
    assert take_numbers(subscriber, 100) == list(range(100))
    assert time.monotonic() - since < SOON
    bridge = daemon.wait_bridge("in", pending=0)
    assert (bridge["received"], bridge["delivered"]) == (100, 100)
    assert subscriber.rest() == [], "something came twice"
    wait_until(lambda: rig.rabbit.queues()["work"] == (0, 0, 1), "all are acknowledged")


def test_hold_sees_patterns(rig):
    # Does a PSUBSCRIBE count as somebody?
    daemon = rig.run(inwards("hold"), topology=WORK)
    fill(rig, range(50))
    daemon.wait_bridge("in", pending=50)
    subscriber = rig.redis.subscribe(patterns=["d?n*"])
    since = time.monotonic()
    assert take_numbers(subscriber, 50) == list(range(50))
    assert time.monotonic() - since < SOON
    daemon.wait_bridge("in", pending=0, delivered=50)


def test_hold_again_and_again(rig):
    # Subscribers come and go: does each message reach somebody once, in order over all of them?
    daemon = rig.run(inwards("hold"), topology=WORK)
    for number in range(3):
        fill(rig, range(number * 20, number * 20 + 20))
        daemon.wait_bridge("in", pending=20)
        subscriber = rig.redis.subscribe("done")
        assert take_numbers(subscriber, 20) == list(range(number * 20, number * 20 + 20))
        daemon.wait_bridge("in", pending=0)
        subscriber.close()
        wait_until(lambda: rig.redis.subscribers("done") == 0, "nobody is subscribed")
    bridge = daemon.bridge("in")
    assert (bridge["received"], bridge["delivered"]) == (60, 60)


def test_hold_probes_with_moderation(rig):
    # While it waits, is Redis asked some times a second and no more?
    daemon = rig.run(inwards("hold"), topology=WORK)
    fill(rig, range(200))
    daemon.wait_bridge("in", pending=200)
    before = daemon.stats()
    after = daemon.wait_stats(lambda stats: stats["uptime_s"] > before["uptime_s"] + 2, "two seconds")
    probes = (after["bridges"]["in"]["no_subscribers"] - before["bridges"]["in"]["no_subscribers"])
    assert 1 <= probes <= 5 * (after["uptime_s"] - before["uptime_s"])
    rig.redis.subscribe("done")
    daemon.wait_bridge("in", pending=0, delivered=200)


def test_hold_holds_its_own_bridge_only(rig):
    # Does a bridge beside it, on the same connections, go on as if nothing were?
    daemon = rig.run(inwards("hold"),
                     {"name": "other", "from": {"queue": "more"}, "to": {"channel": "heard"}},
                     topology={"queues": [{"name": "work"}, {"name": "more"}]})
    heard = rig.redis.subscribe("heard")
    fill(rig, range(10))
    daemon.wait_bridge("in", pending=10)
    fill(rig, range(200), "more")
    assert take_numbers(heard, 200) == list(range(200))
    daemon.wait_bridge("other", delivered=200, pending=0)
    assert daemon.bridge("in")["pending"] == 10
    done = rig.redis.subscribe("done")
    assert take_numbers(done, 10) == list(range(10))


def test_hold_respects_prefetch(rig):
    # Does it take no more than prefetch allows, and does the rest follow in order?
    daemon = rig.run({**inwards("hold"), "from": {"queue": "work", "prefetch": 10}}, topology=WORK)
    fill(rig, range(300))
    daemon.wait_bridge("in", pending=10)
    assert rig.rabbit.queues()["work"] == (290, 10, 1)
    subscriber = rig.redis.subscribe("done")
    assert take_numbers(subscriber, 300) == list(range(300))
    daemon.wait_bridge("in", pending=0, received=300, delivered=300)


def test_stop_while_holding(rig):
    # Is everything that is held in the queue again after an orderly stop, in order, and soon?
    daemon = rig.run(inwards("hold"), topology=WORK, shutdown_timeout="60s")
    fill(rig, range(50))
    daemon.wait_bridge("in", pending=50)
    began = time.monotonic()
    daemon.stop()
    assert time.monotonic() - began < 20
    wait_until(lambda: rig.rabbit.queues()["work"] == (50, 0, 0), "all are in the queue again")
    assert [int(body) for body in rig.rabbit.take("work", 50)] == list(range(50))


def test_killed_while_holding(rig):
    # kill -9 while it holds: does the next one deliver all of it, in order?
    daemon = rig.run(inwards("hold"), topology=WORK)
    fill(rig, range(50))
    daemon.wait_bridge("in", pending=50)
    daemon.kill()
    wait_until(lambda: rig.rabbit.queues()["work"] == (50, 0, 0), "the broker has them again")
    subscriber = rig.redis.subscribe("done")
    daemon.start().wait_running()
    assert take_numbers(subscriber, 50) == list(range(50))
    daemon.wait_bridge("in", pending=0, delivered=50)


def test_broker_lost_while_holding(rig):
    # The broker's connection breaks while messages are held: does each arrive, and do books balance?
    way = rig.proxy(rig.broker.port)
    daemon = rig.run(inwards("hold"), topology=WORK, amqp_url=rig.rabbit.url(port=way.port))
    fill(rig, range(50))
    daemon.wait_bridge("in", pending=50)
    way.reset_all()
    daemon.wait_stats(lambda stats: stats["connections"]["rabbit"]["reconnects"] >= 1
                      and stats["bridges"]["in"]["received"] >= 100
                      and stats["bridges"]["in"]["pending"] == 50, "taken in again, once")
    subscriber = rig.redis.subscribe("done")
    assert take_numbers(subscriber, 50) == list(range(50))
    bridge = daemon.wait_bridge("in", pending=0)
    assert (bridge["received"], bridge["delivered"], bridge["returned"]) == (100, 50, 50)
    assert subscriber.rest() == []


def test_hold_with_min_subscribers(rig):
    # With one subscriber where two are wanted, is the message held until the second one is there?
    daemon = rig.run(inwards("hold", min_subscribers=2,
                             retry={"min": "100ms", "max": "300ms"}), topology=WORK)
    first = rig.redis.subscribe("done")
    fill(rig, range(10))
    daemon.wait_bridge("in", pending=10)
    # Those sent before the first answer came have reached the one who is there too.
    wait_until(lambda: daemon.bridge("in")["in_flight"] <= 1, "answered")
    assert first.rest()[0] == b"0"
    holds_for(lambda: rig.rabbit.queues()["work"] == (0, 10, 1), "all are held", 0.7)
    # What is tried again reaches the one who is there again, but nothing overtakes it.
    assert set(first.rest()) <= {b"0"}
    second = rig.redis.subscribe("done")
    assert take_numbers(second, 10) == list(range(10))
    bridge = daemon.wait_bridge("in", pending=0)
    assert (bridge["delivered"], bridge["received"]) == (10, 10)


def test_requeue(rig):
    # Do messages go back to their queue, counted, without a storm, and arrive once somebody listens?
    daemon = rig.run(inwards("requeue", retry={"min": "100ms", "max": "500ms"}), topology=WORK)
    fill(rig, range(20))
    before = daemon.wait_stats(lambda stats: stats["bridges"]["in"]["returned"] >= 20, "handed back")
    after = daemon.wait_stats(lambda stats: stats["uptime_s"] > before["uptime_s"] + 1.5, "a while")
    rounds = (after["bridges"]["in"]["returned"] - before["bridges"]["in"]["returned"]) / 20
    assert rounds <= 10 * (after["uptime_s"] - before["uptime_s"]) + 1, "a hot loop"
    assert after["bridges"]["in"]["delivered"] == 0 == after["bridges"]["in"]["dropped"]
    subscriber = rig.redis.subscribe("done")
    found = take_numbers(subscriber, 20)
    assert sorted(found) == list(range(20))
    bridge = daemon.wait_bridge("in", pending=0, delivered=20)
    assert bridge["received"] == bridge["returned"] + 20
    assert bridge["no_subscribers"] >= 1


def test_requeue_reaches_another_consumer(rig):
    # Can somebody else have what goes back to the queue?
    rig.run(inwards("requeue", retry={"min": "50ms", "max": "100ms"}), topology=WORK)
    fill(rig, range(10))
    bodies = rig.rabbit.take("work", 10)
    assert sorted(int(body) for body in bodies) == list(range(10))
    rig.daemons[0].wait_idle()


def test_stop_while_requeueing(rig):
    # Is nothing lost by a stop in the middle of it?
    daemon = rig.run(inwards("requeue", retry={"min": "5s", "max": "10s"}), topology=WORK,
                     shutdown_timeout="2s")
    fill(rig, range(30))
    daemon.wait_bridge("in", pending=30)
    daemon.stop(timeout=5)
    assert rig.rabbit.queues()["work"] == (30, 0, 0)
    assert sorted(map(int, rig.rabbit.take("work", 30))) == list(range(30))


def rejecting(**more):
    return inwards("reject", **more), {
        "exchanges": [{"name": "refuse", "type": "fanout"}],
        "queues": [{"name": "work", "arguments": {"x-dead-letter-exchange": "refuse"}},
                   {"name": "rubbish"}],
        "bindings": [{"source": "refuse", "destination": "rubbish"}]}


def test_reject(rig):
    # Do messages arrive in the dead-letter exchange of their queue, marked by it as rejected?
    bridge, topology = rejecting()
    daemon = rig.run(bridge, topology=topology)
    fill(rig, range(20))
    messages = rig.rabbit.take_messages("rubbish", 20)
    assert [int(body) for _, _, body in messages] == list(range(20))
    assert all(properties.headers["x-death"][0]["reason"] == "rejected"
               and properties.headers["x-death"][0]["count"] == 1
               for _, properties, _ in messages)
    found = daemon.wait_bridge("in", pending=0, returned=20)
    assert (found["received"], found["delivered"], found["no_subscribers"]) == (20, 0, 20)
    assert (found["dropped"], found["dead_lettered"]) == (0, 0)
    subscriber = rig.redis.subscribe("done")
    fill(rig, [20])
    assert subscriber.body() == b"20"
    daemon.wait_bridge("in", pending=0, delivered=1)


def test_reject_with_min_subscribers(rig):
    # With one subscriber where two are wanted, is it rejected, though one has seen it?
    bridge, topology = rejecting(min_subscribers=2)
    daemon = rig.run(bridge, topology=topology)
    first = rig.redis.subscribe("done")
    fill(rig, [1])
    assert rig.rabbit.take("rubbish", 1) == [b"1"]
    assert first.body() == b"1"
    second = rig.redis.subscribe("done")
    fill(rig, [2])
    assert (first.body(), second.body()) == (b"2", b"2")
    daemon.wait_bridge("in", received=2, returned=1, delivered=1)


@pytest.mark.parametrize("choice", ["hold", "requeue", "reject"])
def test_somebody_listens(rig, choice):
    # With a subscriber all the time, is nothing held, handed back or rejected?
    daemon = rig.make(inwards(choice), topology=WORK)
    subscriber = rig.redis.subscribe("done")
    daemon.start().wait_running()
    fill(rig, range(500))
    assert take_numbers(subscriber, 500) == list(range(500))
    bridge = daemon.wait_bridge("in", pending=0, delivered=500)
    assert (bridge["received"], bridge["returned"], bridge["no_subscribers"]) == (500, 0, 0)
