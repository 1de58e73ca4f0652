"""Stats and events on an AMQP exchange, and events on a Redis channel."""

import json
import signal

from harness.bulk import publish_all
from harness.daemon import assert_books
from harness.waiting import wait_until

WORK = {"queues": [{"name": "work"}]}
OUT = {"name": "out", "from": {"channel": "orders"}, "to": {"queue": "work"}}
REPORTS = {"exchanges": [{"name": "chunnel", "type": "topic"}],
           "queues": [{"name": "work"}, {"name": "stats"}, {"name": "events"}],
           "bindings": [
               {"source": "chunnel", "destination": "stats", "routing_key": "stats.gw-test"},
               {"source": "chunnel", "destination": "events", "routing_key": "events.#"}]}


def next_event(subscriber, condition, seen):
    """The first event for which `condition` is true; all that came before it go to `seen`."""
    def look():
        message = subscriber.poll(0.1)
        if message is None:
            return None
        seen.append(json.loads(message["data"]))
        return seen[-1] if condition(seen[-1]) else None

    return wait_until(look, "the event comes", timeout=30)


def test_stats_on_an_exchange(rig):
    # Are the stats published to the exchange too, as the same object, with the right properties?
    stats = {"channel": "chunnel.stats", "exchange": "chunnel", "interval": "100ms"}
    daemon = rig.run(OUT, topology=REPORTS, stats=stats)
    delivered = rig.redis.client().publish("orders", b"hello")
    assert delivered == 1

    def tells_of_it():
        method, properties, body = rig.rabbit.get("stats")
        assert method.exchange == "chunnel"
        assert method.routing_key == "stats.gw-test"
        assert properties.content_type == "application/json"
        told = json.loads(body)
        assert told.keys() == daemon.stats().keys()
        assert_books(told)
        return told["bridges"]["out"]["delivered"] == 1

    wait_until(tells_of_it, "the stats on the exchange count the message", timeout=30)


def test_stats_on_an_exchange_alone(rig):
    # Is a channel needed for the stats? And does a missing exchange stop anything else?
    stats = {"exchange": "later", "routing_key": "all.{instance}", "connection": "rabbit",
             "interval": "50ms"}
    daemon = rig.make(OUT, topology=WORK)
    daemon.config["stats"] = stats
    daemon.start()
    rig.redis.wait_subscriber("orders")
    daemon.wait_log(r'report="stats" msg="waiting" why=.*later')
    wait_until(lambda: rig.redis.client().publish("orders", b"x") and rig.rabbit.get("work"),
               "messages cross all the same", timeout=30)
    channel = rig.rabbit.channel()
    channel.exchange_declare("later", "topic")
    channel.queue_declare("kept", durable=True)
    channel.queue_bind("kept", "later", "all.*")

    def tells_of_it():
        told = json.loads(rig.rabbit.get("kept")[2])
        assert told["instance"] == "gw-test"
        return told["bridges"]["out"]["received"] >= 1

    # The oldest that waited may be from before the message.
    wait_until(tells_of_it, "the stats on the exchange count the message", timeout=30)
    daemon.stop()


def test_events(rig):
    # Does each event come once, on both sides, in the words of the log, as one JSON object?
    seen = []
    events = rig.redis.subscribe("chunnel.events")
    daemon = rig.make(OUT, topology=REPORTS, events={"channel": "chunnel.events",
                                                     "exchange": "chunnel"})
    daemon.start().wait_running()
    up = next_event(events, lambda e: e["kind"] == "bridge" and e["event"] == "running", seen)
    assert up.keys() == {"v", "instance", "time", "level", "kind", "name", "event", "details",
                         "missed"}
    assert (up["v"], up["instance"], up["level"], up["name"]) == (1, "gw-test", "info", "out")
    assert up["missed"] == 0

    rig.broker.close_connections(rig.rabbit.name)
    down = next_event(events, lambda e: e["kind"] == "connection" and e["event"] == "down", seen)
    assert (down["level"], down["name"]) == ("warn", "rabbit")
    assert down["details"]["why"]
    next_event(events, lambda e: e["kind"] == "bridge" and e["event"] == "waiting", seen)
    next_event(events, lambda e: e["kind"] == "bridge" and e["event"] == "running", seen)
    log = daemon.log()
    for event in seen:
        assert f'msg="{event["event"]}"' in log

    # The exchange was away for some of them: they waited.
    kept = []

    def all_came():
        method, properties, body = rig.rabbit.get("events")
        event = json.loads(body)
        assert method.routing_key == f"events.{event['kind']}"
        assert properties.content_type == "application/json"
        kept.append(event)
        return len([e for e in kept if e["kind"] == "bridge" and e["event"] == "running"]) == 2

    wait_until(all_came, "the events come to the exchange", timeout=30)
    assert {"started", "down", "waiting"} <= {e["event"] for e in kept}
    daemon.stop()
    assert next_event(events, lambda e: e["event"] == "stopping", seen)["kind"] == "daemon"
    books = next_event(events, lambda e: e["event"] == "books closed", seen)
    assert books["details"]["received"] == 0


def test_events_of_trouble(rig, alarm):
    # Are a block, an overflow and a reload told, when they begin and when they end, though the log
    # itself is to be silent?
    seen = []
    events = rig.observer.subscribe("chunnel.events")
    daemon = rig.run({**OUT, "buffer": {"messages": 3}}, topology=WORK, observed=True,
                     events={"channel": "chunnel.events", "connection": "observer"},
                     log={"level": "error"})

    def wait_event(kind, words):
        return next_event(events, lambda e: e["kind"] == kind and words in e["event"], seen)

    alarm(True)
    publish_all(rig.redis, "orders", range(20))
    blocked = wait_event("connection", "blocked by the broker")
    assert (blocked["name"], blocked["level"]) == ("rabbit", "warn")
    daemon.wait_stats(lambda stats: stats["bridges"]["out"]["received"] == 20, "all came")
    publish_all(rig.redis, "orders", range(20))
    overflow = wait_event("bridge", "buffer is full")
    assert (overflow["name"], overflow["level"]) == ("out", "warn")
    alarm(False)
    wait_event("connection", "not blocked")
    room = wait_event("bridge", "buffer has room again")
    assert room["details"]["dropped"] > 0
    daemon.send_signal(signal.SIGHUP)
    applied = wait_event("reload", "applied")
    assert (applied["level"], applied["details"]["kept"]) == ("info", 1)
    assert "level=info" not in daemon.log()


def test_events_go_on_after_a_reload(rig):
    # Where a reload renews the reports, do those from before take nothing from the new ones?
    seen = []
    events = rig.redis.subscribe("chunnel.events")
    daemon = rig.run(OUT, topology=WORK, events={"channel": "chunnel.events"})
    daemon.config["stats"]["interval"] = "150ms"
    daemon.config_file.write_text(json.dumps(daemon.config))
    daemon.process.send_signal(signal.SIGHUP)
    daemon.wait_stats(lambda stats: stats["reloads"]["count"] == 1, "the reload is done", timeout=30)
    rig.broker.close_connections(rig.rabbit.name)
    next_event(events, lambda e: e["kind"] == "connection" and e["event"] == "down", seen)
    next_event(events, lambda e: e["kind"] == "bridge" and e["event"] == "running", seen)


def test_events_that_are_refused_make_no_storm(rig):
    # A channel that our user may not publish on: is that said, and does saying it go in no circle?
    client = rig.redis.client()
    client.execute_command("ACL", "SETUSER", "gateway", "on", ">secret", "+@all", "~*", "&orders",
                           "&chunnel.stats")
    daemon = rig.make(OUT, topology=WORK, events={"channel": "forbidden"},
                      redis_url=rig.redis.url(user="gateway", password="secret"))
    daemon.start().wait_running()
    daemon.wait_log(r'msg="the server refused to publish it" connection=redis')
    before = daemon.stats()["connections"]["redis"]["bytes_out"]
    daemon.wait_stats(lambda s: s["connections"]["redis"]["bytes_out"] > before, "stats go on")
    assert len([line for line in daemon.log().splitlines() if "refused to publish" in line]) == 1
