"""Transactions: what the broker committed is settled, and nothing else is."""

from collections import Counter

import pytest

from harness.bulk import publish_all
from harness.waiting import wait_until

TX = {"queue": "work", "transactional": True}
WORK = {"queues": [{"name": "work"}]}


def out(**more):
    return {"name": "out", "from": {"channel": "orders"}, "to": TX, **more}


def numbers(messages):
    return [int(body) for _, _, body in messages]


def test_transactions_are_asked_for(rig):
    # Is the channel transactional, and without confirms?
    rig.run(out(), topology=WORK)
    text = rig.broker.eval(
        "[{T, C} || [{vhost, V}, {transactional, T}, {confirm, C}, {consumer_count, 0}] <-"
        " rabbit_channel:info_all([vhost, transactional, confirm, consumer_count]),"
        f' V =:= <<"{rig.rabbit.name}">>]')
    assert "{true,false}" in text.replace(" ", "")
    assert "{false,true}" not in text.replace(" ", "")


def test_batches_in_order(rig):
    # Do many messages arrive in order, each once, with the books balanced?
    daemon = rig.run(out(), topology=WORK)
    publish_all(rig.redis, "orders", range(20_000))
    assert numbers(rig.rabbit.take_messages("work", 20_000)) == list(range(20_000))
    bridge = daemon.wait_bridge("out", received=20_000, delivered=20_000, pending=0)
    assert bridge["retried"] == 0


def test_one_message_is_not_kept_waiting(rig):
    # Is a single message committed at once, and does the next one follow?
    daemon = rig.run(out(), topology=WORK)
    for number in range(3):
        rig.redis.client().publish("orders", str(number))
        assert int(rig.rabbit.get("work")[2]) == number
    daemon.wait_bridge("out", delivered=3, pending=0)


def test_queue_to_exchange_of_another_broker(rig):
    # From a queue: is a message acknowledged only once it was committed?
    daemon = rig.run({"name": "in", "from": {"queue": "left", "connection": "rabbit"},
                      "to": {**TX, "connection": "second"}},
                     topology={"connection": "rabbit",
                               "queues": [{"name": "left"}, {"name": "work"}]},
                     connections={"second": {"url": rig.rabbit.url()}})
    channel = rig.rabbit.channel(confirm=True)
    for number in range(500):
        channel.basic_publish("", "left", str(number))
    assert numbers(rig.rabbit.take_messages("work", 500)) == list(range(500))
    daemon.wait_bridge("in", delivered=500, pending=0)
    wait_until(lambda: rig.rabbit.queues()["left"] == (0, 0, 1), "all acknowledged")


def test_connections_killed(rig):
    # Is nothing lost, and what comes twice known by its message_id, when the way to the broker
    # is cut again and again in the middle of transactions?
    proxy = rig.proxy(rig.rabbit.broker.port)
    daemon = rig.run(out(), topology=WORK, amqp_url=rig.rabbit.url(port=proxy.port))
    count = 0
    for _ in range(5):
        proxy.down.stall()  # commits reach the broker, and their answers nobody
        publish_all(rig.redis, "orders", range(count, count + 2_000))
        count += 2_000
        daemon.wait_bridge("out", received=count)
        wait_until(lambda: daemon.bridge("out")["in_flight"] > 0, "a transaction is under way")
        proxy.reset_all()
        proxy.heal()
        daemon.wait_bridge("out", delivered=count, pending=0)
    arrived = rig.rabbit.take_messages("work", rig.rabbit.ready("work"))
    of_number = {}
    for _, properties, body in arrived:
        of_number.setdefault(int(body), set()).add(properties.message_id)
    assert sorted(of_number) == list(range(count))
    assert all(len(ids) == 1 for ids in of_number.values())
    assert len({next(iter(ids)) for ids in of_number.values()}) == count
    # A commit whose answer was lost is repeated whole: at most a batch each time.
    assert len(arrived) - count <= 5 * 300
    firsts = list(dict.fromkeys(numbers(arrived)))
    assert firsts == list(range(count))


def test_unroutable_in_a_transaction(rig):
    # Are the messages that no queue takes told from the others of the same transactions?
    daemon = rig.run({"name": "out", "from": {"pattern": "orders.*"},
                      "to": {"queue": "{1}", "transactional": True},
                      "dead_letter": {"queue": "dead", "transactional": True}},
                     topology={"queues": [{"name": "work"}, {"name": "dead"}]})
    pipeline = rig.redis.client().pipeline(transaction=False)
    for number in range(900):
        pipeline.publish("orders.nobody" if number % 3 == 0 else "orders.work", str(number))
    pipeline.execute()
    bridge = daemon.wait_bridge("out", delivered=600, dead_lettered=300, pending=0)
    assert bridge["unroutable"] == 300
    assert numbers(rig.rabbit.take_messages("work", 600)) == [n for n in range(900) if n % 3]
    dead = rig.rabbit.take_messages("dead", 300)
    assert numbers(dead) == list(range(0, 900, 3))
    assert {properties.headers["x-chunnel-reason"] for _, properties, _ in dead} == {"unroutable"}


@pytest.mark.parametrize("attempts", [1, 2])
def test_a_queue_that_refuses(rig, attempts):
    # A queue that is full fails the whole commit: is the message to blame found, given up after
    # its attempts, and nothing else lost?
    daemon = rig.run({"name": "out", "from": {"pattern": "orders.*"},
                      "to": {"queue": "{1}", "transactional": True},
                      "retry": {"min": "20ms", "max": "50ms", "attempts": attempts},
                      "dead_letter": {"queue": "dead"}},
                     topology={"queues": [
                         {"name": "work"}, {"name": "dead"},
                         {"name": "full", "arguments": {"x-max-length": 1,
                                                        "x-overflow": "reject-publish"}}]})
    rig.redis.client().publish("orders.full", "first")
    daemon.wait_bridge("out", delivered=1, pending=0)
    pipeline = rig.redis.client().pipeline(transaction=False)
    for number in range(10):
        pipeline.publish("orders.full" if number == 5 else "orders.work", str(number))
    pipeline.execute()
    daemon.wait_bridge("out", received=11, delivered=10, dead_lettered=1, pending=0)
    _, properties, body = rig.rabbit.get("dead")
    assert (properties.headers["x-chunnel-reason"], body) == ("retries", b"5")
    assert "partial tx completion" in properties.headers["x-chunnel-error"]
    arrived = Counter(numbers(rig.rabbit.take_messages("work", rig.rabbit.ready("work"))))
    assert set(arrived) == set(range(10)) - {5}
    assert max(arrived.values()) <= 2  # in a commit that failed, and alone


def test_stop_commits(rig):
    # Is what was taken in committed before the daemon ends?
    daemon = rig.run(out(), topology=WORK)
    publish_all(rig.redis, "orders", range(5_000))
    daemon.wait_bridge("out", received=5_000)
    daemon.stop()
    assert numbers(rig.rabbit.take_messages("work", 5_000)) == list(range(5_000))


def test_blocked_broker(rig):
    # Does everything wait under an alarm, and go out in order when it is over?
    daemon = rig.run(out(), topology=WORK)
    rig.broker.set_memory_alarm(True)
    try:
        publish_all(rig.redis, "orders", range(3_000))
        daemon.wait_stats(lambda stats: stats["connections"]["rabbit"]["blocked"], "blocked")
        daemon.wait_bridge("out", received=3_000)
    finally:
        rig.broker.set_memory_alarm(False)
    daemon.wait_bridge("out", delivered=3_000, pending=0)
    assert numbers(rig.rabbit.take_messages("work", 3_000)) == list(range(3_000))
