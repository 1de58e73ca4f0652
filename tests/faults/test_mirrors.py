"""Mirrors under faults: both sides publish bodies of a thousand values at once, while connections are
cut or servers killed. Every subscriber counts by value."""

import time

import pytest

from harness.account import pause
from harness.values import (AmqpPublisher, RedisPublisher, ValueSubscriber, count_queue, lacking)
from harness.waiting import wait_until

# Room for all that is published while a broker is slow, or away.
MIRROR = {"name": "orders", "on_no_subscribers": "hold",
          "buffer": {"messages": 1_000_000, "memory": "256MiB"},
          "mirror": {"channel": "orders", "exchange": "orders", "routing_key": "orders.new"}}
TOPOLOGY = {"exchanges": [{"name": "orders", "type": "topic"}],
            "queues": [{"name": "audit"}],
            "bindings": [{"source": "orders", "destination": "audit", "routing_key": "#"}]}
OWN_QUEUE = "chunnel.orders"
VALUES = 1000
BACKLOG = 20000  # messages in the mirror at which the publishers wait
TICK = 0.2  # seconds between two looks at that
PREFETCH = 256  # as the broker gives it: what is in flight towards Redis
# What Redis has for a subscription and did not write yet, when it cuts that or is killed: what it
# took in since its last turn, from one publisher and the mirror. It was published just before the
# time that the mirror counts as without a subscription, which begins with the last byte that came.
CUT_OFF = 1000
JUST_BEFORE = 1.0  # seconds


class Traffic:
    """Both publishers and both subscribers of a mirror, and their account."""

    def __init__(self, rig, account, daemon, rate):
        self.rig, self.account, self.daemon = rig, account, daemon
        self.subscriber = ValueSubscriber(rig.redis, "orders")
        rig.redis.wait_subscriber("orders", 2)
        self.redis = RedisPublisher(rig.redis, "orders", rate, VALUES, subscriptions=2)
        self.amqp = AmqpPublisher(rig.rabbit, "orders", "orders.new", rate, VALUES)

    def _pace(self):
        """No faster than the machine can: a full buffer is another scenario's."""
        stats = self.daemon.newest()
        held = stats is not None and stats["bridges"]["orders"]["pending"] > BACKLOG
        self.redis.held = self.amqp.held = held

    def more(self, seconds):
        """Lets it go on for so long, and until both sides have had messages taken."""
        before = self.redis.taken.total(), self.amqp.taken.total()
        end = time.monotonic() + seconds

        def went_on():
            self._pace()
            pause(TICK, self.daemon.is_alive)
            return (time.monotonic() >= end and self.redis.taken.total() > before[0] + 100
                    and self.amqp.taken.total() > before[1] + 100)

        wait_until(went_on, "traffic both ways", seconds + 300)

    def stop(self):
        self.redis.stop()
        self.amqp.stop()

    def finish(self, faults, cut_off=0, subscriber_stayed=True):
        """Stops it, and looks for every message of both sides on both. `cut_off`: how many may be
        missing on Redis' account. Without the subscriber all the time, what reached only one of
        the two may have reached the other."""
        self.stop()
        self.daemon.wait_running(timeout=60)
        wait_until(lambda: self.rig.rabbit.queues()[OWN_QUEUE][:2] == (0, 0),
                   "the mirror's queue is empty", 300)
        self.daemon.wait_idle(timeout=300)
        books = self.daemon.bridge("orders")
        heard = self.subscriber.stop()
        direct, mirrored, again = count_queue(self.rig.rabbit, "audit")
        redis, amqp = self.redis, self.amqp
        self.account.say(
            f"Redis took {redis.sent()}, {redis.unheard.total()} without the mirror, AMQP"
            f" {amqp.sent()}; unknown {redis.unknown.total()} and {amqp.unknown.total()};"
            f" subscribers got {heard.total()} and {direct.total()} + {mirrored.total()}, {again}"
            " of them again")
        # On AMQP: what its own publisher said, and what the mirror took in, each exactly.
        assert lacking(amqp.taken, direct) == 0
        assert lacking(direct, amqp.taken + amqp.unknown) == 0
        crossed = books["to_amqp"]["received"] - books["to_amqp"]["filtered"]
        assert mirrored.total() == crossed
        missing = lacking(redis.taken, mirrored)
        twice = lacking(mirrored, redis.taken + redis.unheard + redis.unknown)
        # On Redis: everything of both.
        certain = redis.taken + amqp.taken
        possible = redis.unheard + redis.unknown + amqp.unknown
        unheard = lacking(certain + redis.unheard if subscriber_stayed else certain, heard)
        repeated = lacking(heard, certain + possible)
        self.account.say(f"missing {missing} on AMQP, {unheard} on Redis; twice {twice} and"
                         f" {repeated}")
        assert missing <= cut_off and unheard <= cut_off
        # And nothing is missing that was not published in the times that the mirror has told of.
        windows = self.daemon.unsubscribed("orders")
        assert len(windows) == books["unsubscribed"]["count"]
        assert all(end - begin <= books["unsubscribed"]["seconds"] + 0.1 for begin, end in windows)
        told = redis.sent_in([(begin - JUST_BEFORE, end) for begin, end in windows])
        assert lacking(redis.taken - mirrored, told) == 0
        assert lacking(redis.unheard - mirrored, told) == 0
        assert twice <= faults * 2 * PREFETCH and repeated <= faults * 2 * PREFETCH
        assert books["dropped"] == books["dead_lettered"] == 0
        return missing, twice, unheard, repeated, again


@pytest.fixture
def traffic(rig, account, form):
    begun = []

    def begin(rate, **more):
        daemon = rig.run(MIRROR, topology=TOPOLOGY, **more)
        begun.append(Traffic(rig, account, daemon, rate))
        return begun[0]

    yield begin
    for one in begun:
        one.stop()
        one.subscriber.stop()


def _cut(rig):
    admin = rig.redis.client()
    for client in admin.client_list():
        if client["name"].startswith("chunneld"):
            admin.client_kill_filter(_id=client["id"])
    rig.broker.kill_connections(rig.rabbit.name, "chunneld")


def test_m1_nothing_happens(traffic, form):
    """N. Equal bodies from both sides, again and again: does every subscriber see each message of
    both sides once, to the message?"""
    both = traffic(form(2000, 5000))
    both.more(form(3, 60))
    assert both.finish(faults=0) == (0, 0, 0, 0, 0)
    assert both.redis.unheard.total() == 0


def test_m2_connections_of_both_servers_cut(rig, traffic, form):
    """W. All connections of the daemon cut on both servers: does every subscriber see each message
    of both sides, and twice only what was in flight?"""
    cuts = form(3, 5)
    both = traffic(form(2000, 5000))
    both.more(0)
    for _ in range(cuts):
        _cut(rig)
        both.more(form(0.5, 10))
        both.daemon.wait_running(timeout=60)
    missing = both.finish(cuts, cut_off=cuts * CUT_OFF)[2]
    assert missing == 0


@pytest.mark.slow
def test_m3_redis_killed(rig, traffic, form):
    """W. Redis killed and started again: does everything of RabbitMQ's side come, and nothing run
    in circles?"""
    kills = form(1, 5)
    both = traffic(form(1000, 3000), observed=True)
    both.more(form(0.5, 5))
    for _ in range(kills):
        rig.redis.kill()
        both.daemon.wait_bridge("orders", state="waiting")
        rig.redis.start()
        both.daemon.wait_running(timeout=60)
        rig.redis.wait_subscriber("orders", 2)
        both.more(form(0.5, 5))
    both.finish(kills, cut_off=kills * CUT_OFF, subscriber_stayed=False)


@pytest.mark.slow
def test_m4_rabbitmq_killed(rig, traffic, form):
    """D. RabbitMQ killed and started again: does everything of both sides come, on both?"""
    kills = form(1, 5)
    both = traffic(form(1000, 3000))
    both.more(form(0.5, 5))
    for _ in range(kills):
        rig.broker.kill()
        both.daemon.wait_bridge("orders", state="waiting")
        rig.broker.restart()
        both.daemon.wait_running(timeout=60)
        both.more(form(0.5, 5))
    missing, _, unheard, _, _ = both.finish(kills)
    assert missing == unheard == both.redis.unheard.total() == 0
