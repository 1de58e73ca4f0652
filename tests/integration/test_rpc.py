"""Calls across the gateway, both ways: does every asker get one answer, its own, or one error?"""

import base64
import json
import threading
import uuid

import pika
import pytest

from harness.waiting import wait_until

LONG = "60s"  # a timeout that does not come in a test
COUNTS = ("calls", "answers", "errors", "timeouts", "nobody", "overload", "lost", "gone",
          "unanswerable", "late", "duplicate", "unknown")


def to_redis(timeout=LONG, name="fib", **more):
    """AMQP asks, Redis answers."""
    return {"name": name, "rpc": {"from": {"queue": "rpc_queue"}, "to": {"channel": "rpc.fib"},
                                  "timeout": timeout, **more}}


def to_amqp(timeout=LONG, **more):
    """Redis asks, AMQP answers."""
    return {"name": "ask", "rpc": {"from": {"channel": "ask.fib"}, "to": {"queue": "rpc_queue"},
                                   "timeout": timeout, **more}}


QUEUES = {"queues": [{"name": "rpc_queue", "durable": False}]}


def run(rig, *bridges, queues=QUEUES, **more):
    return rig.run(*bridges, topology=queues, **more)


def fibonacci(n):
    before, now = 0, 1
    for _ in range(n):
        before, now = now, before + now
    return before


class Asker:
    """An AMQP client with a queue for its answers."""

    def __init__(self, rig):
        self.channel = rig.rabbit.channel()
        self.queue = self.channel.queue_declare("", exclusive=True).method.queue
        self.answers = []
        self.channel.basic_consume(self.queue, self._on_answer, auto_ack=True)

    def _on_answer(self, _channel, _method, properties, body):
        self.answers.append((properties.correlation_id, body, properties.headers or {}))

    def ask(self, correlation_id, body, reply_to=None, **properties):
        self.channel.basic_publish("", "rpc_queue", body, pika.BasicProperties(
            reply_to=reply_to or self.queue, correlation_id=correlation_id, **properties))

    def wait(self, count, timeout=60):
        def look():
            self.channel.connection.process_data_events(0.05)
            return len(self.answers) >= count
        wait_until(look, f"{count} answers have come", timeout, every=0)
        answers, self.answers = self.answers, []
        return answers

    def error(self):
        """The only answer, which is an error: (correlation id, reason)."""
        (correlation_id, body, headers), = self.wait(1)
        assert body == b"" and headers["x-chunnel-error"], headers
        return correlation_id, headers["x-chunnel-reason"]


class RedisAsker:
    """A Redis client with a channel for its answers."""

    def __init__(self, rig, channel="answers.me"):
        self.client = rig.redis.client()
        self.channel = channel
        self.subscription = rig.redis.subscribe(channel)

    def envelope(self, correlation_id, body):
        return json.dumps({"v": 1, "body": body, "properties": {
            "reply_to": self.channel, "correlation_id": correlation_id}})

    def ask(self, correlation_id, body):
        assert self.client.publish("ask.fib", self.envelope(correlation_id, body)) == 1

    def answer(self):
        return json.loads(self.subscription.body())

    def error(self):
        answer = self.answer()
        assert answer["body"] == "" and answer["error"]
        return answer["properties"]["correlation_id"], answer["reason"]


class RedisWorker:
    """Takes requests by hand: the test says what is answered, and when."""

    def __init__(self, rig):
        self.client = rig.redis.client()
        self.subscription = rig.redis.subscribe("rpc.fib")

    def take(self):
        return json.loads(self.subscription.body())

    def answer(self, request, body):
        return self.client.publish(request["properties"]["reply_to"], body)


class AmqpWorker:
    def __init__(self, rig, queue="rpc_queue"):
        self.rabbit, self.queue = rig.rabbit, queue
        self.channel = rig.rabbit.channel()

    def take(self):
        _, properties, body = self.rabbit.get(self.queue, channel=self.channel)
        return properties, body

    def answer(self, properties, body):
        self.channel.basic_publish("", properties.reply_to, body, pika.BasicProperties(
            correlation_id=properties.correlation_id))


def expect(daemon, name, **expected):
    """Waits until the calls are counted so, and all else is 0; the bridge's stats."""
    wanted = {count: expected.pop(count, 0) for count in COUNTS}
    assert not expected, expected
    return daemon.wait_stats(lambda stats: stats["bridges"][name]["rpc"] == wanted,
                             f"the calls of {name!r} are {wanted}")["bridges"][name]


# the tutorial's clients and workers, one side of each moved

class TutorialClient:
    """RabbitMQ tutorial 6, word for word but for the connection."""

    def __init__(self, channel):
        self.channel = channel
        self.callback_queue = channel.queue_declare(queue="", exclusive=True).method.queue
        self.channel.basic_consume(queue=self.callback_queue,
                                   on_message_callback=self.on_response, auto_ack=True)
        self.response = None
        self.corr_id = None

    def on_response(self, ch, method, props, body):
        if self.corr_id == props.correlation_id:
            self.response = body

    def call(self, n):
        self.response = None
        self.corr_id = str(uuid.uuid4())
        self.channel.basic_publish(
            exchange="", routing_key="rpc_queue",
            properties=pika.BasicProperties(reply_to=self.callback_queue,
                                            correlation_id=self.corr_id),
            body=str(n))
        while self.response is None:
            self.channel.connection.process_data_events(time_limit=30)
        return int(self.response)


def serve(worker, count, answer):
    """Lets a worker answer `count` requests beside the test."""
    thread = threading.Thread(target=lambda: [answer(worker.take()) for _ in range(count)],
                              daemon=True)
    thread.start()
    return thread


@pytest.mark.parametrize("answers", ["bare", "envelope"])
def test_tutorial_client(rig, answers):
    # Does the tutorial's client get its Fibonacci numbers from a worker on Redis?
    daemon = run(rig, to_redis())
    worker = RedisWorker(rig)

    def answer(request):
        assert request["v"] == 1 and request["source"]["queue"] == "rpc_queue"
        number = str(fibonacci(int(request["body"])))
        if answers == "envelope":
            number = json.dumps({"body": number, "properties": {"content_type": "text/plain"}})
        worker.answer(request, number)

    thread = serve(worker, 31, answer)
    client = TutorialClient(rig.rabbit.channel())
    assert [client.call(n) for n in range(31)] == [fibonacci(n) for n in range(31)]
    thread.join()
    bridge = expect(daemon, "fib", answers=31)
    assert bridge["delivered"] == 31 and bridge["latency_ms"]["p50"] > 0


def test_tutorial_worker(rig):
    # Does a client on Redis get its numbers from the tutorial's worker?
    daemon = run(rig, to_amqp())
    ready = threading.Event()

    def work():
        channel = rig.rabbit.channel()

        def on_request(ch, method, props, body):
            ch.basic_publish(exchange="", routing_key=props.reply_to,
                             properties=pika.BasicProperties(correlation_id=props.correlation_id),
                             body=str(fibonacci(int(body))))
            ch.basic_ack(delivery_tag=method.delivery_tag)
            if int(body) == 30:
                ch.stop_consuming()

        channel.basic_qos(prefetch_count=1)
        channel.basic_consume(queue="rpc_queue", on_message_callback=on_request)
        ready.set()
        channel.start_consuming()

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    ready.wait()
    asker = RedisAsker(rig)
    for n in range(31):
        asker.ask(str(n), str(n))
        answer = asker.answer()
        assert answer["properties"]["correlation_id"] == str(n)
        assert "reply_to" not in answer["properties"]
        assert answer["body"] == str(fibonacci(n)) and answer["bridge"] == "ask"
    thread.join()
    assert expect(daemon, "ask", answers=31)["delivered"] == 31


# what passes

def test_properties_and_bytes(rig):
    # Do bytes and properties cross in requests and in answers, and the addresses stay apart?
    run(rig, to_redis(), queues={"queues": [{"name": "rpc_queue", "durable": False}]})
    worker = RedisWorker(rig)
    asker = Asker(rig)
    asker.ask("c", b"\x00\xff", content_type="image/x", headers={"n": 1, "list": [True, None]})
    request = worker.take()
    assert base64.b64decode(request["body"]) == b"\x00\xff"
    properties = request["properties"]
    assert properties["correlation_id"] == "c" and properties["content_type"] == "image/x"
    assert properties["headers"] == {"n": {"!i32": 1}, "list": [True, None]} \
        or properties["headers"]["list"] == [True, None]
    assert properties["reply_to"].startswith("chunnel.reply.gw-test.fib:")
    worker.answer(request, json.dumps({
        "body": base64.b64encode(b"\xfe\x00").decode(), "body_encoding": "base64",
        "properties": {"correlation_id": "theirs", "reply_to": "x", "type": "t",
                       "headers": {"k": "v"}}}))
    (correlation_id, body, headers), = asker.wait(1)
    assert correlation_id == "c" and body == b"\xfe\x00" and headers["k"] == "v"
    assert headers["x-chunnel-bridge"] == "fib" and "x-chunnel-error" not in headers


def test_direct_reply_to(rig):
    # Can an AMQP client take its answers by direct reply-to?
    daemon = run(rig, to_redis())
    worker = RedisWorker(rig)
    asker = Asker(rig)
    asker.channel.basic_consume("amq.rabbitmq.reply-to", asker._on_answer, auto_ack=True)
    for i in range(3):
        asker.ask(str(i), b"x", reply_to="amq.rabbitmq.reply-to")
    for _ in range(3):
        request = worker.take()
        worker.answer(request, request["properties"]["correlation_id"] * 2)
    assert sorted((c, body) for c, body, _ in asker.wait(3)) == [
        ("0", b"00"), ("1", b"11"), ("2", b"22")]
    expect(daemon, "fib", answers=3)


def test_no_correlation_id(rig):
    # Is an answer to a request without a correlation id one without?
    run(rig, to_redis())
    worker = RedisWorker(rig)
    asker = Asker(rig)
    asker.ask(None, b"x")
    request = worker.take()
    assert "correlation_id" not in request["properties"]
    worker.answer(request, "y")
    assert asker.wait(1)[0][:2] == (None, b"y")


def test_colliding_correlation_ids(rig):
    # Do askers that use the same correlation ids get each its own answers?
    daemon = run(rig, to_redis(), {**to_amqp(), "rpc": {
        "from": {"channel": "ask.fib"}, "to": {"queue": "other"}, "timeout": LONG}},
        queues={"queues": [{"name": "rpc_queue", "durable": False}, {"name": "other"}]})
    worker = RedisWorker(rig)
    askers = [Asker(rig), Asker(rig)]
    for asker, body in zip(askers, (b"anna", b"bert")):
        asker.ask("1", body)
    for request in sorted((worker.take(), worker.take()), key=lambda r: r["body"], reverse=True):
        worker.answer(request, request["body"].upper())
    assert [asker.wait(1)[0][:2] for asker in askers] == [("1", b"ANNA"), ("1", b"BERT")]
    worker = AmqpWorker(rig, "other")
    askers = [RedisAsker(rig, "answers.anna"), RedisAsker(rig, "answers.bert")]
    for asker in askers:
        asker.ask("1", asker.channel)
    requests = sorted((worker.take(), worker.take()), key=lambda r: r[1], reverse=True)
    assert requests[0][0].correlation_id != requests[1][0].correlation_id
    for properties, body in requests:
        worker.answer(properties, body.upper())
    for asker in askers:
        answer = asker.answer()
        assert answer["properties"]["correlation_id"] == "1"
        assert answer["body"] == asker.channel.upper()
    expect(daemon, "fib", answers=2)
    expect(daemon, "ask", answers=2)


@pytest.mark.slow
def test_ten_thousand_to_redis(rig):
    # Can ten thousand calls from AMQP wait for their answers at once?
    daemon = run(rig, to_redis())
    worker = RedisWorker(rig)
    asker = Asker(rig)
    for i in range(10_000):
        asker.ask(str(i), str(i).encode())
    requests = [worker.take() for _ in range(10_000)]
    assert daemon.wait_bridge("fib", in_flight=10_000)["rpc"]["calls"] == 10_000
    pipeline = worker.client.pipeline(transaction=False)
    for request in reversed(requests):
        pipeline.publish(request["properties"]["reply_to"], "-" + request["body"])
    assert pipeline.execute() == [1] * 10_000
    answers = asker.wait(10_000)
    assert sorted((c, body) for c, body, _ in answers) \
        == sorted((str(i), b"-%d" % i) for i in range(10_000))
    expect(daemon, "fib", answers=10_000)


@pytest.mark.slow
def test_ten_thousand_to_amqp(rig):
    # And ten thousand from Redis?
    daemon = run(rig, to_amqp())
    asker = RedisAsker(rig)
    pipeline = asker.client.pipeline(transaction=False)
    for i in range(10_000):
        pipeline.publish("ask.fib", asker.envelope(str(i), str(i)))
    pipeline.execute()
    requests = rig.rabbit.take_messages("rpc_queue", 10_000)
    assert daemon.wait_bridge("ask", in_flight=10_000)["rpc"]["calls"] == 10_000
    worker = AmqpWorker(rig)
    for _, properties, body in reversed(requests):
        worker.answer(properties, b"-" + body)
    answers = [asker.answer() for _ in range(10_000)]
    assert sorted((a["properties"]["correlation_id"], a["body"]) for a in answers) \
        == sorted((str(i), f"-{i}") for i in range(10_000))
    expect(daemon, "ask", answers=10_000)


# what does not

def test_no_worker(rig):
    # Does an asker hear at once that nobody is there?
    daemon = run(rig, to_redis(), {**to_amqp(), "rpc": {
        "from": {"channel": "ask.fib"}, "to": {"queue": "nowhere"}, "timeout": LONG}})
    asker = Asker(rig)
    asker.ask("c1", b"12")
    assert asker.error() == ("c1", "no-subscribers")
    redis_asker = RedisAsker(rig)
    redis_asker.ask("c2", "12")
    assert redis_asker.error() == ("c2", "unroutable")
    bridge = expect(daemon, "fib", errors=1, nobody=1)
    assert bridge["dropped"] == 1 and "no-subscribers" in bridge["last_error"]
    assert expect(daemon, "ask", errors=1, nobody=1)["dropped"] == 1


def test_timeout_and_late(rig):
    # Does an asker hear that nobody answered in time, and no more of what comes later?
    daemon = run(rig, to_redis("300ms"), {**to_amqp(), "rpc": {
        "from": {"channel": "ask.fib"}, "to": {"queue": "other"}, "timeout": "300ms"}},
        queues={"queues": [{"name": "rpc_queue", "durable": False}, {"name": "other"}]})
    worker = RedisWorker(rig)
    asker = Asker(rig)
    asker.ask("c1", b"12")
    request = worker.take()
    assert asker.error() == ("c1", "timeout")
    worker.answer(request, "144")
    expect(daemon, "fib", errors=1, timeouts=1, late=1)
    redis_asker = RedisAsker(rig)
    redis_asker.ask("c2", "12")
    assert redis_asker.error() == ("c2", "timeout")
    # A request that nobody took in that time is not there any more.
    wait_until(lambda: rig.rabbit.ready("other") == 0, "the request has expired")
    expect(daemon, "ask", errors=1, timeouts=1)
    assert not asker.answers and redis_asker.subscription.rest() == []


def test_late_answer_to_redis(rig):
    # Is an answer by direct reply-to that comes too late kept from the asker, and counted?
    daemon = run(rig, to_amqp("300ms"))
    asker = RedisAsker(rig)
    taken = []

    def ask_and_take():
        # On a slow machine the request may expire before it is taken.
        asker.ask("c1", "12")
        method, properties, _ = worker.channel.basic_get("rpc_queue", auto_ack=True)
        if method is not None:
            taken.append(properties)
        assert asker.error() == ("c1", "timeout")
        return taken

    worker = AmqpWorker(rig)
    wait_until(ask_and_take, "a worker has taken a request in time")
    worker.answer(taken[0], b"144")
    daemon.wait_stats(lambda stats: stats["bridges"]["ask"]["rpc"]["late"] == 1,
                      "the late answer is counted")
    assert asker.subscription.rest() == []


def test_answers_in_vain(rig):
    # Are second answers, and those to nothing, counted and kept from the askers?
    daemon = run(rig, to_redis())
    worker = RedisWorker(rig)
    asker = Asker(rig)
    asker.ask("c1", b"12")
    request = worker.take()
    for body in ("144", "145"):
        worker.answer(request, body)
    worker.client.publish("chunnel.reply.gw-test.fib:nonsense", "1")
    worker.client.publish("chunnel.reply.gw-test.fib:0123456789abcdef-0123456789abcdef", "1")
    assert asker.wait(1)[0][:2] == ("c1", b"144")
    expect(daemon, "fib", answers=1, duplicate=1, unknown=2)
    assert not asker.answers
    assert "a worker answered in vain" in daemon.log()


def test_requests_without_an_address(rig):
    # Does what cannot be answered go to the dead letters, with the reason?
    dead = {"dead_letter": {"queue": "dead"}}
    daemon = run(rig, {**to_redis(), **dead}, {**to_amqp(), **dead, "rpc": {
        "from": {"channel": "ask.fib"}, "to": {"queue": "other"}, "timeout": LONG}},
        queues={"queues": [{"name": "rpc_queue", "durable": False}, {"name": "other"},
                           {"name": "dead"}]})
    RedisWorker(rig)
    rig.rabbit.channel().basic_publish("", "rpc_queue", b"to nobody")
    expect(daemon, "fib", unanswerable=1)
    client = rig.redis.client()
    client.publish("ask.fib", "no envelope")
    client.publish("ask.fib", json.dumps({"body": "no address"}))
    bridge = daemon.wait_bridge("ask", dead_lettered=2)
    assert bridge["rpc"]["unanswerable"] == 1
    reasons = {body: properties.headers["x-chunnel-reason"]
               for _, properties, body in rig.rabbit.take_messages("dead", 3)}
    assert reasons[b"to nobody"] == "refused" and reasons[b"no envelope"] == "envelope"
    assert sorted(reasons.values()) == ["envelope", "refused", "refused"]


def test_asker_gone(rig):
    # Is a request settled whose asker does not wait for the answer any more?
    daemon = run(rig, to_redis(), {**to_amqp(), "rpc": {
        "from": {"channel": "ask.fib"}, "to": {"queue": "other"}, "timeout": LONG}},
        queues={"queues": [{"name": "rpc_queue", "durable": False}, {"name": "other"}]})
    worker = RedisWorker(rig)
    asker = Asker(rig)
    asker.ask("c1", b"12")
    request = worker.take()
    asker.channel.connection.close()
    wait_until(lambda: asker.queue not in rig.rabbit.queues(), "the asker's queue is gone")
    worker.answer(request, "144")
    assert expect(daemon, "fib", gone=1)["dropped"] == 1
    worker = AmqpWorker(rig, "other")
    redis_asker = RedisAsker(rig)
    redis_asker.ask("c2", "12")
    properties, _ = worker.take()
    redis_asker.subscription.close()
    wait_until(lambda: rig.redis.subscribers(redis_asker.channel) == 0, "the asker is gone")
    worker.answer(properties, b"144")
    assert expect(daemon, "ask", gone=1)["dropped"] == 1


def test_overload(rig):
    # Is what is over the limit refused at once from Redis, and kept in its queue from AMQP?
    daemon = run(rig, to_redis(max_calls=2), {**to_amqp(), "rpc": {
        "from": {"channel": "ask.fib"}, "to": {"queue": "other"}, "timeout": LONG,
        "max_calls": 1}},
        queues={"queues": [{"name": "rpc_queue", "durable": False}, {"name": "other"}]})
    worker = RedisWorker(rig)
    asker = Asker(rig)
    for i in range(5):
        asker.ask(str(i), b"x")
    first = [worker.take(), worker.take()]
    assert daemon.wait_bridge("fib", in_flight=2)["received"] == 2
    for request in first:
        worker.answer(request, "y")
    for _ in range(3):
        worker.answer(worker.take(), "y")
    assert len(asker.wait(5)) == 5
    expect(daemon, "fib", answers=5)
    redis_asker = RedisAsker(rig)
    redis_asker.ask("c1", "1")
    redis_asker.ask("c2", "2")
    assert redis_asker.error() == ("c2", "overload")
    worker = AmqpWorker(rig, "other")
    worker.answer(worker.take()[0], b"one")
    assert redis_asker.answer()["body"] == "one"
    expect(daemon, "ask", answers=1, errors=1, overload=1)


# links that are lost in the middle of a call

def test_redis_restarts(rig):
    # Is an AMQP asker told when Redis goes away in the middle, and served when it is back?
    daemon = rig.run(to_redis("1s"), topology=QUEUES, observed=True)
    worker = RedisWorker(rig)
    asker = Asker(rig)
    asker.ask("c1", b"12")
    worker.take()
    rig.redis.kill()
    assert asker.error()[0] == "c1"
    asker.ask("c2", b"12")
    assert asker.error() == ("c2", "timeout")
    rig.redis.start()
    daemon.wait_running()
    worker = RedisWorker(rig)
    asker.ask("c3", b"12")
    worker.answer(worker.take(), "144")
    assert asker.wait(1)[0][:2] == ("c3", b"144")


def test_replies_survive_a_new_subscription(rig):
    # Does an answer arrive whose reply channel was subscribed to anew meanwhile?
    daemon = rig.run(to_redis(), topology=QUEUES, observed=True)
    worker = RedisWorker(rig)
    asker = Asker(rig)
    asker.ask("c1", b"12")
    request = worker.take()
    client = rig.redis.client()
    channel = request["properties"]["reply_to"]
    gateway, = [entry for entry in client.client_list()
                if entry["psub"] == "1"]
    client.client_kill(gateway["addr"])
    wait_until(lambda: all(entry["id"] != gateway["id"] for entry in client.client_list()),
               "the old subscription is gone")
    wait_until(lambda: client.pubsub_numpat() == 1, "there is a new subscription")
    client.publish(channel, "144")
    assert asker.wait(1)[0][:2] == ("c1", b"144")
    expect(daemon, "fib", answers=1)


def test_amqp_connections_killed(rig):
    # Is an AMQP asker answered although the gateway's connections are lost in the middle?
    daemon = run(rig, to_redis(), queues={"queues": [{"name": "rpc_queue", "durable": False},
                                                     {"name": "mine", "durable": False}]})
    worker = RedisWorker(rig)
    rig.rabbit.channel().basic_publish("", "rpc_queue", b"12", pika.BasicProperties(
        reply_to="mine", correlation_id="c1"))
    first = worker.take()
    rig.broker.close_connections(rig.rabbit.name)
    again = worker.take()  # the queue has given it once more
    assert again["source"]["redelivered"] and again["properties"]["correlation_id"] == "c1"
    assert again["properties"]["reply_to"] != first["properties"]["reply_to"]
    worker.answer(again, "144")
    _, properties, body = rig.rabbit.get("mine")
    assert (properties.correlation_id, body) == ("c1", b"144")
    worker.answer(first, "144")
    _, properties, body = rig.rabbit.get("mine")
    assert (properties.correlation_id, body) == ("c1", b"144")
    expect(daemon, "fib", answers=2)


def test_amqp_lost_under_redis_askers(rig):
    # Is a Redis asker told at once when the direct reply address is lost, and served later?
    daemon = run(rig, to_amqp())
    asker = RedisAsker(rig)
    asker.ask("c1", "12")
    AmqpWorker(rig).take()
    daemon.wait_stats(lambda stats: stats["bridges"]["ask"]["rpc"]["calls"] == 1, "it is asked")
    rig.broker.close_connections(rig.rabbit.name)
    assert asker.error() == ("c1", "lost")
    expect(daemon, "ask", errors=1, lost=1)
    asker.ask("c2", "12")  # at once: it waits for the connection
    worker = AmqpWorker(rig)
    worker.answer(worker.take()[0], b"144")
    answer = asker.answer()
    assert (answer["properties"]["correlation_id"], answer["body"]) == ("c2", "144")
    expect(daemon, "ask", answers=1, errors=1, lost=1)


def test_stop_waits(rig):
    # Does a stop wait for calls under way, and hand back those that have no time left?
    daemon = run(rig, to_redis(), queues={"queues": [{"name": "rpc_queue", "durable": False}]})
    worker = RedisWorker(rig)
    asker = Asker(rig)
    asker.ask("c1", b"12")
    request = worker.take()
    daemon.send_signal(15)
    daemon.wait_log("stopping")
    asker.ask("c2", b"13")  # nobody takes it in any more
    worker.answer(request, "144")
    assert asker.wait(1)[0][:2] == ("c1", b"144")
    daemon.wait_exit()
    assert rig.rabbit.ready("rpc_queue") == 1


def test_stop_hands_back(rig):
    # Does a request whose worker does not answer go back to its queue in the end?
    daemon = run(rig, to_redis(), shutdown_timeout="1s")
    worker = RedisWorker(rig)
    asker = Asker(rig)
    asker.ask("c1", b"12")
    worker.take()
    daemon.stop()
    wait_until(lambda: rig.rabbit.ready("rpc_queue") == 1, "the request is in its queue again")
    assert daemon.last_stats()["bridges"]["fib"]["returned"] == 1
