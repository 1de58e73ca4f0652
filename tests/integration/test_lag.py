"""What Redis keeps for a subscriber that does not read: is it seen, and told before Redis acts?"""

import re

import pytest

from harness.bulk import publish_all
from harness.waiting import holds_for, wait_until

WORK = {"queues": [{"name": "work"}]}
SIZE = 1000
MIB = 1 << 20


@pytest.fixture
def alarm(rig):
    """Sets and clears the broker's memory alarm, and clears it at the end in any case."""
    yield rig.broker.set_memory_alarm
    rig.broker.set_memory_alarm(False)


def out():
    """It does not read any more once its buffer is full."""
    return {"name": "out", "from": {"channel": "in"}, "to": {"queue": "work"},
            "buffer": {"messages": 100, "when_full": "pause"}}


def stop_reading(rig, daemon, alarm):
    alarm(True)
    publish_all(rig.redis, "in", range(1))
    daemon.wait_stats(lambda stats: stats["connections"]["rabbit"]["blocked"], "blocked")


def lag(stats):
    return stats["connections"]["redis"]["subscriber_lag_bytes"]


def kept(rig):
    """What Redis itself says that it keeps for the bridge; None: it has cut it off."""
    for client in rig.redis.client().client_list("pubsub"):
        if client["name"].endswith(":subscribe-out"):
            return int(client["omem"])
    return None


def pour(rig, number, until):
    """Publishes from `number` on until that is so; the number behind the last."""
    def step():
        nonlocal number
        publish_all(rig.redis, "in", range(number, number + 500), SIZE)
        number += 500
        return until()

    wait_until(step, "enough was published", timeout=60)
    return number


def test_the_lag_is_seen_and_told(rig, alarm):
    # Is the lag shown while it lasts, is the log warned of it once, and told when it is over?
    daemon = rig.run(out(), topology=WORK)
    daemon.wait_stats(lambda stats: lag(stats) == 0, "no lag")
    stop_reading(rig, daemon, alarm)
    # Beyond what sockets hold, and three quarters of the 8 MB that Redis bears for a minute.
    number = pour(rig, 1, lambda: kept(rig) >= 7 * MIB)
    daemon.wait_stats(lambda stats: lag(stats) >= 6 * MIB, "the lag is shown")
    daemon.wait_log("level=warn connection=\"redis\" msg=\"the server keeps more and more")
    # With the limits that the server has.
    assert re.search("lag_bytes=[0-9]+ limit_bytes=33554432 soft_limit_bytes=8388608", daemon.log())
    alarm(False)
    daemon.wait_bridge("out", timeout=60, delivered=number, pending=0, dropped=0)
    daemon.wait_stats(lambda stats: lag(stats) == 0, "no lag any more")
    daemon.wait_log("caught up with the server")
    assert daemon.log().count("the server keeps more and more") == 1


def test_the_lag_is_told_before_the_subscriber_is_cut(rig, alarm):
    # With a limit of 4 MB: does the warning come before Redis ends the subscription?
    rig.redis.client().config_set("client-output-buffer-limit", f"pubsub {4 * MIB} 0 0")
    daemon = rig.run(out(), topology=WORK)
    stop_reading(rig, daemon, alarm)
    number = pour(rig, 1, lambda: kept(rig) >= 3 * MIB)
    daemon.wait_log("the server keeps more and more")
    assert f"limit_bytes={4 * MIB}" in daemon.log()
    assert 'msg="lost"' not in daemon.log()
    pour(rig, number, lambda: kept(rig) is None)
    alarm(False)
    daemon.wait_log("purpose=subscribe-out .*closed by the peer", timeout=30)
    daemon.wait_bridge("out", timeout=30, state="running", pending=0)
    assert daemon.bridge("out")["unsubscribed"]["count"] == 1
    log = daemon.log()
    assert log.index("the server keeps more and more") < log.index('msg="lost"')


def test_a_user_who_may_not_ask(rig):
    # Is it said once that the lag cannot be seen, and is the lag then unknown?
    client = rig.redis.client()
    client.execute_command("ACL", "SETUSER", "plain", "on", ">secret", "~*", "&*", "+@all",
                           "-client|list", "-config")
    url = f"redis://plain:secret@127.0.0.1:{rig.redis.port}"
    daemon = rig.run(out(), topology=WORK, redis_url=url)
    publish_all(rig.redis, "in", range(10))
    daemon.wait_bridge("out", delivered=10)
    daemon.wait_log("level=info .*allow the user to run CLIENT LIST")
    calls = wait_until(lambda: refusals(client), "it was refused")
    publish_all(rig.redis, "in", range(10))
    holds_for(lambda: refusals(client) == calls, "it does not ask again", seconds=2.5)
    assert lag(daemon.stats()) is None
    assert daemon.log().count("allow the user to run CLIENT LIST") == 1


def refusals(client):
    """How often anybody was refused CLIENT LIST."""
    return sum(int(entry["count"]) for entry in client.acl_log()
               if entry["object"] == "client|list")
