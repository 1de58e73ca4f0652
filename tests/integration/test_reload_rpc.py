"""Bridges of calls whose rule changes while calls are under way: is each one answered, once?"""

import threading

import pika
import pytest

from harness.waiting import wait_until
from test_reload import reload, summary
from test_rpc import (AmqpWorker, Asker, LONG, RedisAsker, RedisWorker, run, to_amqp,
                      to_redis)


def test_answered_across_a_change_to_redis(rig):
    # Asked under the old rule, answered under the new one; and new calls do not wait for the old.
    daemon = run(rig, to_redis())
    asker, worker = Asker(rig), RedisWorker(rig)
    for number in range(20):
        asker.ask(f"c{number}", str(number))
    requests = [worker.take() for _ in range(20)]
    stats = reload(daemon, to_redis(timeout="50s", max_calls=77))
    assert summary(stats) == {"kept": 0, "added": 0, "changed": 1, "removed": 0}
    asker.ask("new", "new")
    request = worker.take()
    assert worker.answer(request, "fresh") >= 1
    assert asker.wait(1)[0][:2] == ("new", b"fresh")
    for request in requests:
        worker.answer(request, request["body"])
    assert sorted(answer[:2] for answer in asker.wait(20)) == sorted(
        (f"c{number}", str(number).encode()) for number in range(20))
    calls = daemon.wait_stats(lambda stats: stats["bridges"]["fib"]["rpc"]["answers"] == 21,
                              "all are answered")["bridges"]["fib"]
    assert (calls["rpc"]["calls"], calls["rpc"]["errors"], calls["rpc"]["unknown"]) == (0, 0, 0)
    assert calls["delivered"] == calls["received"] == 21
    assert calls["unsubscribed"]["count"] == 0


def test_answered_across_a_change_to_amqp(rig):
    # Likewise with a worker on AMQP, whose answers come by direct reply-to.
    daemon = run(rig, to_amqp())
    asker, worker = RedisAsker(rig), AmqpWorker(rig)
    for number in range(20):
        asker.ask(f"c{number}", str(number))
    requests = [worker.take() for _ in range(20)]
    stats = reload(daemon, to_amqp(timeout="50s"))
    assert summary(stats)["changed"] == 1
    asker.ask("new", "new")
    requests.append(worker.take())
    for properties, body in requests:
        worker.answer(properties, body)
    answers = [asker.answer() for _ in range(21)]
    assert {(answer["properties"]["correlation_id"], answer["body"]) for answer in answers} == {
        *((f"c{number}", str(number)) for number in range(20)), ("new", "new")}
    books = daemon.wait_bridge("ask", delivered=21, pending=0)
    assert books["unsubscribed"]["count"] == 0
    assert (books["rpc"]["answers"], books["rpc"]["errors"]) == (21, 0)


def test_late_and_second_answers_are_counted_once(rig):
    # Both sinks hear what workers say: is an answer too many counted by one of them?
    daemon = run(rig, to_redis())
    asker, worker = Asker(rig), RedisWorker(rig)
    asker.ask("one", "1")
    asker.ask("two", "2")
    requests = [worker.take(), worker.take()]
    reload(daemon, to_redis(timeout="50s"))
    worker.answer(requests[0], "a")
    worker.answer(requests[0], "b")
    worker.client.publish(requests[0]["properties"]["reply_to"][:-16] + 16 * "f", "c")
    assert asker.wait(1)[0][:2] == ("one", b"a")
    daemon.wait_stats(lambda stats: (stats["bridges"]["fib"]["rpc"]["duplicate"],
                                     stats["bridges"]["fib"]["rpc"]["unknown"]) == (1, 1),
                      "each is counted once")
    worker.answer(requests[1], "d")
    assert asker.wait(1)[0][:2] == ("two", b"d")


def test_old_calls_end_in_their_own_time(rig):
    # Nobody answers: does the asker get its error after the old timeout, whatever the new one, and
    # shutdown_timeout, say?
    daemon = run(rig, to_redis(timeout="2s"), shutdown_timeout="100ms")
    asker, worker = Asker(rig), RedisWorker(rig)
    asker.ask("old", "1")
    worker.take()
    reload(daemon, to_redis(timeout=LONG))
    assert asker.error() == ("old", "timeout")
    assert worker.subscription.rest() == [], "asked twice"
    daemon.wait_bridge("fib", pending=0, state="running", received=1)


class Calls:
    """Asks, from a thread, until told to end; each call by a number."""

    def __init__(self, ask):
        self.count, self.unheard = 0, 0
        self._ask, self._end = ask, threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self):
        while not self._end.wait(0.002):
            for _ in range(5):
                self.unheard += self._ask(self.count) == 0
                self.count += 1

    def more(self, count=200):
        before = self.count
        wait_until(lambda: self.count >= before + count, f"{count} calls more")

    def end(self):
        self._end.set()
        self._thread.join()
        assert self.unheard == 0, "asked while nobody was subscribed"
        return self.count


CHANGES = {
    "options": [{"max_calls": 9000}, {"timeout": "50s"}, {}],
    "channels": [{"from": {"channel": ["ask.fib", "ask.more"]}}, {"from": {"pattern": "ask.f*"}}, {}],
}


@pytest.mark.parametrize("changes", CHANGES.values(), ids=CHANGES.keys())
def test_changed_under_load(rig, changes):
    # Calls from Redis under way all the time, answered at once: does each get one answer?
    daemon = run(rig, to_amqp())
    asker = RedisAsker(rig)
    rig.redis.wait_subscriber("ask.fib", 1)
    worker = rig.rabbit.channel()

    def on_request(channel, _method, properties, body):
        channel.basic_publish("", properties.reply_to, body, pika.BasicProperties(
            correlation_id=properties.correlation_id))

    worker.basic_consume("rpc_queue", on_request, auto_ack=True)
    ended = threading.Event()
    serving = threading.Thread(target=_serve, args=(worker.connection, ended))
    serving.start()
    calls = Calls(lambda number: asker.client.publish("ask.fib",
                                                      asker.envelope(str(number), str(number))))
    try:
        for change in changes:
            calls.more()
            stats = reload(daemon, to_amqp(**{"timeout": LONG, **change}))
            assert summary(stats)["changed"] == 1
        calls.more()
        count = calls.end()
        answers = [asker.answer() for _ in range(count)]
    finally:
        calls.end()
        ended.set()
        serving.join()
    assert sorted(int(answer["properties"]["correlation_id"]) for answer in answers) == list(
        range(count))
    assert all(answer["body"] == answer["properties"]["correlation_id"] for answer in answers)
    books = daemon.wait_bridge("ask", received=count, delivered=count, pending=0)
    assert books["unsubscribed"]["count"] == 0
    assert asker.subscription.rest() == []


def _serve(connection, ended):
    while not ended.is_set():
        connection.process_data_events(0.05)
