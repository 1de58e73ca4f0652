"""The network breaks: a proxy between the daemon and each server dribbles, stalls, cuts, flips."""

import pytest

from harness.account import pause
from harness.traffic import RedisTraffic
from harness.waiting import wait_until

TOPOLOGY = {"queues": [{"name": "work"}]}
THERE = {"name": "there", "from": {"channel": "in"}, "to": {"queue": "work"}}
BACK = {"name": "back", "from": {"queue": "work"}, "to": {"channel": "out"}}
PATIENT = {"redis": {"reconnect": {"min": "10ms", "max": "50ms"}},
           "rabbit": {"reconnect": {"min": "10ms", "max": "50ms"}}}
HASTY = {"redis": {"connect_timeout": "1s", **PATIENT["redis"]},
         "rabbit": {"connect_timeout": "1s", "heartbeat": "2s", **PATIENT["rabbit"]}}
SERVERS = ["redis", "rabbit"]


class Bench:
    """A round trip Redis - RabbitMQ - Redis with a proxy before one of the servers."""

    def __init__(self, rig, server, connections=HASTY):
        self.rig = rig
        self.server = server
        port = rig.redis.port if server == "redis" else rig.broker.port
        self.proxy = rig.proxy(port)
        urls = ({"redis_url": rig.redis.url(port=self.proxy.port)} if server == "redis"
                else {"amqp_url": rig.rabbit.url(port=self.proxy.port)})
        self.daemon = rig.make(THERE, BACK, topology=TOPOLOGY, observed=True,
                               connections=connections, **urls)
        # What comes again at every cut is read only at the end.
        rig.redis.client().config_set("client-output-buffer-limit", "pubsub 0 0 0")
        self.subscriber = rig.redis.subscribe("out")
        self.publisher = rig.redis.client()

    def start(self):
        self.daemon.start().wait_running()
        return self

    def works(self, first=0, count=20, timeout=30):
        """Whether `count` messages make the round trip, in order."""
        wanted = list(range(first, first + count))
        self.rig.redis.wait_subscriber("in")
        for number in wanted:
            assert self.publisher.publish("in", str(number)) == 1
        found = []
        while len(found) < count:
            number = int(self.subscriber.body(timeout))
            found += [number] if number >= first else []  # what is older may come again
        assert found == wanted
        return True

    def heals(self):
        """Waits until everything runs again, and lets messages through."""
        self.proxy.heal()
        self.daemon.wait_running(timeout=60)
        return self.works(10**9)  # more than any traffic has come to


@pytest.mark.parametrize("server", SERVERS)
def test_n1_one_byte_segments(rig, server):
    """N. Does everything work when every byte comes in a segment of its own?"""
    bench = Bench(rig, server, PATIENT)
    bench.proxy.up.segment = bench.proxy.down.segment = 1
    bench.start().works()


@pytest.mark.parametrize("server", SERVERS)
def test_n1_slow_network(rig, server):
    """N. Does a long way only delay?"""
    bench = Bench(rig, server, PATIENT)
    bench.proxy.up.delay = bench.proxy.down.delay = 0.05
    bench.start().works()
    bench.daemon.wait_idle()
    assert bench.daemon.stats()["connections"][server]["reconnects"] == 0


@pytest.mark.parametrize("server, way", [(server, way) for server in SERVERS
                                         for way in ("up", "down")])
@pytest.mark.slow
def test_n2_stalled_one_way(rig, account, form, server, way):
    """W. Is a link that is dead in one direction found by heartbeat or PING, and given up?"""
    bench = Bench(rig, server).start()
    bench.works()
    seconds = form(0, 60)
    account.injects(f"the way {way} stalls until that is noticed, and {seconds} s more")
    getattr(bench.proxy, way).stall()
    accepted = bench.proxy.accepted
    bench.proxy.wait_accepted(accepted + 1, timeout=60)
    pause(seconds, bench.daemon.is_alive)
    assert bench.heals()


@pytest.mark.parametrize("server", SERVERS)
def test_n3_reset(rig, server):
    """W. Do resets cost nothing but the time to come back?"""
    bench = Bench(rig, server, PATIENT).start()
    for _ in range(3):
        bench.proxy.reset_all()
        bench.daemon.wait_running()
    assert bench.heals()
    assert bench.daemon.stats()["connections"][server]["last_error"]


@pytest.mark.parametrize("server, way", [(server, way) for server in SERVERS
                                         for way in ("up", "down")])
def test_n3_half_close(rig, server, way):
    """W. Is an end of file from one side the end of the connection, wherever it comes?"""
    bench = Bench(rig, server)
    getattr(bench.proxy, way).half_close_at = 20 if server == "redis" else 300
    bench.daemon.start()
    bench.proxy.wait_accepted(6, timeout=30)
    assert bench.heals()


@pytest.mark.parametrize("server, way", [(server, way) for server in SERVERS
                                         for way in ("up", "down")])
def test_n3_cut_at_every_place(rig, account, form, server, way):
    """W. Does it survive a cut wherever it comes in the first messages of a session?"""
    bench = Bench(rig, server)
    bench.daemon.start()
    direction = getattr(bench.proxy, way)
    places = form(list(range(0, 64, 3)) + list(range(64, 1500, 97)), range(4096))
    traffic = RedisTraffic(rig.redis, "in")  # so that every place is reached
    for place in places:
        before, direction.cut_at = direction.spoilt, place
        wait_until(lambda: direction.spoilt > before, f"cut at {place}")
        assert bench.daemon.is_alive()
    traffic.stop()
    account.injects(f"{len(places)} cuts, one at a time, of the way {way}")
    bench.proxy.heal()
    bench.daemon.wait_idle(timeout=60)
    assert bench.heals()


@pytest.mark.parametrize("server", SERVERS)
def test_n4_flipped_byte(rig, server):
    """W. Is a byte that came wrong in the framing never read past: closed at once, with the
    reason?"""
    bench = Bench(rig, server).start()
    places = [0, 3, 5] if server == "redis" else [0, 1, 3, 4, 7, 9]
    for place in places:
        before, bench.proxy.down.flip_at = bench.proxy.down.spoilt, place
        bench.proxy.reset_all()
        wait_until(lambda: bench.proxy.down.spoilt > before, f"byte {place} flipped")
        # Given up, each time: another connection comes.
        bench.proxy.wait_accepted(bench.proxy.accepted + 1)
    assert bench.daemon.is_alive()
    assert bench.heals()


@pytest.mark.parametrize("server", SERVERS)
def test_n5_nobody_answers(rig, server):
    """W. Is a server that takes the connection and says nothing given up after connect_timeout?"""
    bench = Bench(rig, server)
    bench.proxy.down.stall()
    bench.daemon.start()
    bench.proxy.wait_accepted(6, timeout=30)
    assert bench.daemon.stats()["connections"][server]["state"] != "up"
    bench.daemon.wait_log("in time|timed out")
    assert bench.heals()


@pytest.mark.parametrize("server", SERVERS)
def test_n5_refused(rig, server):
    """W. Does a refused connection mean trying again, with the reason told?"""
    bench = Bench(rig, server)
    bench.proxy.refuse()
    bench.daemon.start()
    bench.daemon.wait_log("refused")
    bench.proxy.listen()
    bench.daemon.wait_running()
    assert bench.works()


def test_a18_confirms_never_come(rig):
    """D. When confirms stay away, is the wait ended by confirm_timeout and everything sent
    again?"""
    bench = Bench(rig, "rabbit")
    bench.daemon.config["connections"]["rabbit"].update(confirm_timeout="2s", heartbeat="30s")
    bench.start().works()
    bench.proxy.down.stall()
    for number in range(10):
        bench.publisher.publish("in", str(number))
    bench.daemon.wait_bridge("there", state="waiting")
    bench.daemon.wait_log("no confirm from the broker for 2000 ms")
    bench.proxy.heal()
    seen = set()
    wait_until(lambda: seen.update(map(int, bench.subscriber.rest())) or seen >= set(range(10)),
               "everything came across", 30)
    bench.daemon.wait_running()
    bench.daemon.wait_idle()
    assert bench.daemon.bridge("there")["dropped"] == 0


def test_n8_first_address_dead(rig):
    """N. With a list of addresses, is the next one tried when the first does not answer?"""
    dead = rig.proxy(rig.broker.port)
    dead.refuse()
    config_urls = [rig.rabbit.url(port=dead.port), rig.rabbit.url()]
    daemon = rig.make(THERE, BACK, topology=TOPOLOGY)
    del daemon.config["connections"]["rabbit"]["url"]
    daemon.config["connections"]["rabbit"]["urls"] = config_urls
    daemon.start().wait_running()
    subscriber = rig.redis.subscribe("out")
    rig.redis.client().publish("in", b"x")
    assert subscriber.body() == b"x"


def test_n8_name_that_does_not_resolve(rig):
    """N. Does a name that nobody knows keep only its own connection from working?"""
    daemon = rig.make(THERE, {"name": "lost", "from": {"channel": "in", "connection": "redis"},
                              "to": {"queue": "work", "connection": "nowhere"}}, observed=True,
                      topology={**TOPOLOGY, "connection": "rabbit"},
                      connections={"nowhere": {"url": "amqp://no-such-host.invalid:5672"}},
                      shutdown_timeout="500ms")
    daemon.start().wait_bridge("there", state="running")
    rig.redis.client().publish("in", b"x")
    assert rig.rabbit.take("work", 1) == [b"x"]
    daemon.wait_bridge("lost", state="waiting")
    daemon.wait_log("no-such-host")
    daemon.stop()
