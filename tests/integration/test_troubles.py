"""What goes wrong in practice: do chunnelctl status, top and the page's events tell it first, with the
cause and the remedy in words?"""

import json
import re

import pytest

from harness.bulk import publish_all
from harness.ctl import Steered
from harness.disk import cut, spool
from harness.waiting import wait_until
from harness.web import Events, Web

TOPOLOGY = {"connection": "good", "queues": [{"name": "work"}, {"name": "back"}, {"name": "other"}]}
FINE = {"name": "fine", "from": {"queue": "other", "connection": "good"}, "to": {"channel": "done"}}
TO_WORK = {"queue": "work", "connection": "rabbit"}
OUT = {"name": "out", "from": {"channel": "orders"}, "to": TO_WORK}


class Bed:
    """A daemon that is steered and watched, with a bridge that is fine before the one that is not."""

    def __init__(self, rig, alarm):
        self.rig, self.alarm = rig, alarm
        self.web = Web()
        self.steered = self.daemon = None

    def start(self, bridge, amqp_url=None, redis_url=None, **more):
        connections = {"good": {"url": self.rig.rabbit.url()}}
        self.steered = Steered(self.rig, FINE, bridge, observed=True, amqp_url=amqp_url,
                               redis_url=redis_url, connections=connections,
                               http={"listen": self.web.listen}, **{"topology": TOPOLOGY, **more})
        self.daemon = self.steered.daemon
        return self.daemon

    def publish(self, count=1, size=0, channel="orders"):
        publish_all(self.rig.redis, channel, range(count), size)


def wrong_password(bed):
    bed.start(OUT, amqp_url=bed.rig.rabbit.url(password="wrong"))


def wrong_vhost(bed):
    url = bed.rig.rabbit.url()
    bed.start(OUT, amqp_url=url[:url.rindex("/")] + "/nowhere")


def missing_exchange(bed):
    """Known before there is a message."""
    bed.start({**OUT, "to": {"exchange": "nowhere", "connection": "rabbit"}})


def missing_queue(bed):
    bed.start({"name": "out", "from": {"queue": "nowhere", "connection": "rabbit"},
               "to": {"channel": "there"}})


def forbidden_channel(bed):
    bed.rig.redis.client().execute_command(
        "ACL", "SETUSER", "gw", "on", ">secret", "resetchannels", "&done", "+@all")
    bed.start(OUT, redis_url=bed.rig.redis.url(user="gw", password="secret"))


def blocked_broker(bed):
    bed.start(OUT).wait_running()
    bed.alarm(True)
    bed.publish()
    bed.daemon.wait_stats(lambda stats: stats["connections"]["rabbit"]["blocked"], "blocked")


def nobody_subscribed(bed):
    bed.start({"name": "out", "from": {"queue": "back", "connection": "good"},
               "to": {"channel": "nobody"}, "on_no_subscribers": "hold"}).wait_running()
    bed.rig.rabbit.channel(confirm=True).basic_publish("", "back", b"x")
    bed.daemon.wait_bridge("out", pending=1)


def full_spool(bed):
    way = bed.rig.proxy(bed.rig.broker.port)
    daemon = bed.start({**OUT, "buffer": {"messages": 10, "disk": "64MiB"}},
                       amqp_url=bed.rig.rabbit.url(port=way.port),
                       **{**spool(bed.rig, max_size="1MiB"), "topology": TOPOLOGY}).wait_running()
    cut(way, daemon)
    bed.publish(300, 10000)
    daemon.wait_stats(lambda stats: stats["bridges"]["out"]["dropped"] > 0, "messages are dropped")


TROUBLES = [  # what happened, as what it is shown, its words, what to do
    (wrong_password, "waiting", "ACCESS_REFUSED - Login was refused", "Check user and password"),
    (wrong_vhost, "waiting", "vhost nowhere not found", "rabbitmqctl add_vhost"),
    (missing_exchange, "waiting", "no exchange 'nowhere'", "Declare the exchange under topology"),
    (missing_queue, "waiting", "no queue 'nowhere'", "Declare the queue under topology"),
    (forbidden_channel, "waiting", 'channel "orders": NOPERM', "ACL SETUSER USER &CHANNEL"),
    (blocked_broker, "blocked", "blocked by the broker: low on memory", "rabbitmqctl status"),
    (nobody_subscribed, "holding", "nobody is subscribed", "Start a subscriber"),
    (full_spool, "full", "buffer and spool are full", "raise spool.max_size"),
]


def assert_first(text, state, cause, remedy):
    """The cause and the remedy come before all else, and the broken bridge before the one that is
    fine."""
    head, table = text.split("\nBRIDGE ")
    head = head.split("\nCONNECTION ")[0]
    told = re.search(rf"^  (?:\S.*\n  )*bridge out: {state}\n((?:      \S.*\n)+)", head, re.M)
    assert told and cause in told[1] and remedy in told[1], text
    rows = table.splitlines()[1:]
    assert re.match(rf"out +{state} .*{re.escape(cause)}", rows[0]), text
    assert re.match(r"fine +running ", rows[1]), text


@pytest.mark.parametrize("trouble, state, cause, remedy", TROUBLES,
                         ids=[trouble[0].__name__ for trouble in TROUBLES])
def test_trouble(rig, alarm, trouble, state, cause, remedy):
    # Is it told first, with its cause and remedy, by status, by top, and by what the page shows?
    bed = Bed(rig, alarm)
    trouble(bed)

    def is_told():
        """By all of them at once, as what goes up and down is not always seen at the same time."""
        status, top = bed.steered("status")[1], bed.steered("top", "--count", "1")[1]
        return (status, top) if all(re.search(rf"^out +{state} .*{re.escape(cause)}", text, re.M)
                                    and re.search("^fine +running ", text, re.M)
                                    for text in (status, top)) else None

    for text in wait_until(is_told, f"bridge out is shown as {state}"):
        assert_first(text, state, cause, remedy)
    events = Events(bed.web)
    seen = {}

    def is_seen():
        told = events.next()[1]
        seen.update({bridge["name"]: bridge for bridge in told["bridges"]})
        return next((problem for problem in told["problems"]
                     if problem.get("bridge") == "out" and problem["state"] == state
                     and problem["cause"] and seen["fine"]["trouble"] is None), None)

    problem = wait_until(is_seen, "the page tells of it")
    assert cause in problem["cause"] and remedy in problem["remedy"]
    assert seen["out"]["trouble"] == state
    events.close()
    alarm(False)
    bed.daemon.kill()


def test_a_missing_exchange_that_comes(rig):
    # Is it known before there is a message, told once as an event and by /readyz, and over as soon
    # as the exchange is there? Nothing is to be declared, so our user may not.
    web = Web()
    events = rig.observer.subscribe("chunnel.events")
    with rig.broker.user("writer", "secret"):
        rig.rabbit.grant("writer", configure="", write="^later$", read="")
        daemon = rig.make({"name": "out", "from": {"channel": "orders"},
                           "to": {"exchange": "later", "routing_key": ""}}, observed=True,
                          amqp_url=rig.rabbit.url(user="writer", password="secret"),
                          events={"channel": "chunnel.events", "connection": "observer"},
                          http={"listen": web.listen})
        daemon.start()
        seen = []

        def told(event, words):
            def look():
                message = events.poll(0.1)
                if message is not None:
                    seen.append(json.loads(message["data"]))
                return any(e["kind"] == "bridge" and e["event"] == event
                           and words in e["details"].get("why", "") for e in seen)
            wait_until(look, f"the event {event} comes", timeout=30)

        told("waiting", "no exchange 'later'")
        ready = web.ask("/readyz")
        problem = next(one for one in ready.json["problems"] if one.get("bridge") == "out")
        assert ready.status == 503
        assert "no exchange 'later'" in problem["cause"]
        assert problem["meaning"] == "The broker has no such exchange."
        assert "Declare the exchange" in problem["remedy"]
        assert daemon.bridge("out")["received"] == 0
        publish_all(rig.redis, "orders", range(3))
        channel = rig.rabbit.channel()
        channel.exchange_declare("later", "fanout")
        channel.queue_declare("kept")
        channel.queue_bind("kept", "later")
        told("running", "")
        assert web.ask("/readyz").status == 200
        rig.redis.client().publish("orders", b"3")
        wait_until(lambda: daemon.bridge("out")["pending"] == 0, "all is sent")
        assert len([e for e in seen if "later" in e["details"].get("why", "")]) == 1
        assert len([line for line in daemon.log().splitlines()
                    if "no exchange" in line and "level=debug" not in line]) == 1
        daemon.stop()
