"""The disk behind a buffer: overflow, what a crash leaves, what a stop keeps, and who may use it."""

import json
import threading
import time

import pytest

from harness.bulk import publish_all
from harness.daemon import run
from harness.disk import WORK, block, cut, out, spool, start_again, take_distinct
from harness.waiting import wait_until

# Overflow


def test_overflow(rig, alarm):
    # Does what finds no room in memory go to the disk and come back: all, once, in order?
    daemon = rig.run(out(memory="1MiB"), **spool(rig))
    block(rig, daemon, alarm, 1000)
    publish_all(rig.redis, "in", range(1, 20_000), 1000)
    bridge = daemon.wait_bridge("out", received=20_000)
    assert bridge["spooled"] > 10_000 and bridge["pending"] >= 19_999
    assert bridge["dropped"] == 0
    alarm(False)
    bridge = daemon.wait_bridge("out", pending=0, timeout=60)
    assert (bridge["delivered"], bridge["dropped"], bridge["spooled"]) == (20_000, 0, 0)
    bodies = rig.rabbit.take("work", 20_000)
    assert [int(body) for body in bodies] == list(range(20_000))
    assert {len(body) for body in bodies} == {1000}
    publish_all(rig.redis, "in", [20_000])
    assert rig.rabbit.take("work", 1) == [b"20000"]


def test_overflow_by_messages(rig, alarm):
    # Is `messages` a limit that leads to the disk too?
    daemon = rig.run(out(messages=100), **spool(rig))
    block(rig, daemon, alarm)
    publish_all(rig.redis, "in", range(1, 5000))
    bridge = daemon.wait_bridge("out", received=5000)
    assert bridge["buffered"] <= 100 and bridge["spooled"] >= 4899
    alarm(False)
    daemon.wait_bridge("out", pending=0, delivered=5000, dropped=0, timeout=30)
    assert [int(body) for body in rig.rabbit.take("work", 5000)] == list(range(5000))


@pytest.mark.slow
def test_overflow_while_it_drains(rig, alarm):
    # Does what comes in while the disk is read stay behind what is on it?
    daemon = rig.run(out(messages=100), **spool(rig))
    block(rig, daemon, alarm, 500)
    publish_all(rig.redis, "in", range(1, 10_000), 500)
    daemon.wait_bridge("out", received=10_000)
    pour = threading.Thread(target=publish_all,
                            args=(rig.redis, "in", range(10_000, 30_000), 500))
    alarm(False)
    pour.start()
    pour.join()
    daemon.wait_bridge("out", received=30_000, pending=0, delivered=30_000, timeout=60)
    assert [int(body) for body in rig.rabbit.take("work", 30_000)] == list(range(30_000))


def test_overflow_twice(rig, alarm):
    # After it was empty, does the disk take and give back a second time?
    daemon = rig.run(out(messages=100), **spool(rig))
    for first in (0, 3000):
        block(rig, daemon, alarm, number=first)
        publish_all(rig.redis, "in", range(first + 1, first + 3000))
        daemon.wait_stats(lambda stats: stats["bridges"]["out"]["spooled"] > 1000, "spooled")
        alarm(False)
        daemon.wait_bridge("out", received=first + 3000, pending=0, timeout=30)
    assert [int(body) for body in rig.rabbit.take("work", 6000)] == list(range(6000))


@pytest.mark.parametrize("choice", ["drop-newest", "drop-oldest"])
def test_disk_full(rig, alarm, choice):
    # At the limit of the disk too, does it keep what came first, and count what it drops?
    daemon = rig.run(out(memory="512KiB", disk="1MiB", when_full=choice), **spool(rig))
    block(rig, daemon, alarm, 1000)
    publish_all(rig.redis, "in", range(1, 10_000), 1000)
    bridge = daemon.wait_bridge("out", received=10_000)
    assert bridge["dropped"] > 7000 and 500 < bridge["spooled"] <= 1048
    assert bridge["last_error"]
    kept = 10_000 - bridge["dropped"]
    alarm(False)
    daemon.wait_bridge("out", pending=0, delivered=kept, timeout=30)
    assert [int(body) for body in rig.rabbit.take("work", kept)] == list(range(kept))
    daemon.wait_log("full")


def test_spool_full(rig, alarm):
    # Is max_size a limit for all bridges together?
    other = {**out(messages=10), "name": "other", "to": {"queue": "more"}}
    options = {**spool(rig, max_size="1MiB"), "topology": {"queues": [{"name": "work"},
                                                                     {"name": "more"}]}}
    daemon = rig.run(out(messages=10), other, **options)
    block(rig, daemon, alarm, 1000)
    publish_all(rig.redis, "in", range(1, 3000), 1000)
    daemon.wait_bridge("out", received=3000)
    bridges = daemon.wait_bridge("other", received=3000) and daemon.stats()["bridges"]
    assert 500 < bridges["out"]["spooled"] + bridges["other"]["spooled"] <= 1048
    assert bridges["out"]["dropped"] > 0 < bridges["other"]["dropped"]
    alarm(False)
    daemon.wait_idle()
    for queue, name in (("work", "out"), ("more", "other")):
        kept = 3000 - bridges[name]["dropped"]
        assert [int(body) for body in rig.rabbit.take(queue, kept)] == list(range(kept))


def test_disk_full_pauses(rig, alarm):
    # With `pause`, is the source left unread at the limit of the disk, and nothing lost?
    daemon = rig.run(out(memory="512KiB", disk="1MiB", when_full="pause"), observed=True,
                     **{**spool(rig), "topology": {"connection": "rabbit", **WORK}})
    block(rig, daemon, alarm, 1000)
    publish_all(rig.redis, "in", range(1, 10_000), 1000)
    bridge = daemon.wait_bridge("out", state="paused")
    assert 500 < bridge["spooled"] <= 1100
    alarm(False)
    daemon.wait_bridge("out", received=10_000, delivered=10_000, dropped=0, timeout=30)
    assert [int(body) for body in rig.rabbit.take("work", 10_000)] == list(range(10_000))


# Orderly stops


@pytest.mark.slow
def test_stop_while_the_disk_is_read(rig, alarm):
    # Stopped in the middle of catching up, does it go on there: nothing lost, nothing twice?
    daemon = rig.run(out(messages=200), **spool(rig))
    block(rig, daemon, alarm, 500)
    publish_all(rig.redis, "in", range(1, 60_000), 500)
    daemon.wait_bridge("out", received=60_000)
    alarm(False)
    daemon.wait_stats(lambda stats: stats["bridges"]["out"]["delivered"] > 1000, "catching up")
    daemon.stop()
    assert rig.rabbit.ready("work") < 60_000
    start_again(daemon)
    daemon.wait_idle(timeout=60)
    assert [int(body) for body in rig.rabbit.take("work", 60_000)] == list(range(60_000))
    assert rig.rabbit.ready("work") == 0


def test_stops_again_and_again(rig):
    # Over several stops and starts without a broker, does the order of arrival stay?
    way = rig.proxy(rig.broker.port)
    daemon = rig.run(out(messages=30), amqp_url=rig.rabbit.url(port=way.port), **spool(rig))
    cut(way, daemon)
    for turn in range(4):
        wait_until(lambda: rig.redis.subscribers("in") == 1, "subscribed")
        publish_all(rig.redis, "in", range(turn * 50, turn * 50 + 50))
        daemon.wait_bridge("out", received=turn * 50 + 50)
        daemon.stop()
        start_again(daemon)
    way.listen()
    daemon.wait_bridge("out", received=200, delivered=200, pending=0)
    assert [int(body) for body in rig.rabbit.take("work", 200)] == list(range(200))


def test_what_a_message_is_made_of_is_kept(rig):
    # After a stop, are body, channel, wildcards, time and annotations still those of the receipt?
    way = rig.proxy(rig.broker.port)
    daemon = rig.run({**out(), "from": {"pattern": "orders.*"},
                      "to": {"exchange": "x", "routing_key": "order.{1}"}},
                     amqp_url=rig.rabbit.url(port=way.port),
                     **{**spool(rig), "topology": {
                         "exchanges": [{"name": "x", "type": "topic"}], **WORK,
                         "bindings": [{"source": "x", "destination": "work",
                                       "routing_key": "order.eu"}]}})
    cut(way, daemon)
    bodies = [bytes(range(256)), b"", b"x" * 200_000]
    before = int(time.time())
    for body in bodies:
        rig.redis.client().publish("orders.eu", body)
    daemon.wait_bridge("out", pending=3)
    after = int(time.time())
    daemon.stop()
    wait_until(lambda: time.time() > after + 1, "the second is over")
    way.listen()
    start_again(daemon)
    messages = rig.rabbit.take_messages("work", 3)
    assert [body for _, _, body in messages] == bodies
    for method, properties, _ in messages:
        assert method.routing_key == "order.eu"
        assert before <= properties.timestamp <= after
        assert properties.headers == {
            "x-chunnel-origin": "gw-test", "x-chunnel-bridge": "out",
            "x-chunnel-channel": "orders.eu", "x-chunnel-pattern": "orders.*"}


@pytest.mark.parametrize("buffer", [{}, {"durability": "disk"}], ids=["memory", "durable"])
def test_stop_keeps_dead_letters(rig, buffer):
    # Does a dead letter that could not go out go on as one after the next start, with its reason
    # and its words, not tried as a message again?
    far = rig.proxy(rig.broker.port)
    bridge = {**out(**buffer), "to": {"exchange": "void", "routing_key": "k", "connection": "rabbit"},
              "dead_letter": {"queue": "dead", "connection": "far"}}
    options = {**spool(rig), "topology": {"connection": "rabbit", "exchanges": [{"name": "void"}],
                                          "queues": [{"name": "dead"}]}}
    daemon = rig.run(bridge, connections={"far": {"url": rig.rabbit.url(port=far.port),
                                                  "reconnect": {"min": "20ms", "max": "100ms"}}},
                     **options)
    far.refuse()
    far.reset_all()
    daemon.wait_stats(lambda stats: stats["connections"]["far"]["state"] != "up", "far is away")
    publish_all(rig.redis, "in", range(50))
    daemon.wait_bridge("out", pending=50, unroutable=50)
    daemon.stop()
    _, exported, _ = run("spool", "export", "out", "-c", daemon.config_file)
    assert {json.loads(line)["reason"] for line in exported.splitlines()} == {"unroutable"}
    far.listen()
    start_again(daemon)
    messages = rig.rabbit.take_messages("dead", 50)
    assert [int(body) for _, _, body in messages] == list(range(50))
    assert {(properties.headers["x-chunnel-reason"], properties.headers["x-chunnel-error"])
            for _, properties, _ in messages} == {
                ("unroutable", "returned by the broker: 312 NO_ROUTE")}
    bridge = daemon.wait_bridge("out", pending=0)
    assert (bridge["received"], bridge["dead_lettered"], bridge["unroutable"]) == (50, 50, 0)


@pytest.mark.parametrize("buffer", [{"durability": "disk"}, {"messages": 50}],
                         ids=["durable", "overflow"])
def test_stop_repeats_nothing_behind_a_dead_letter(rig, buffer):
    # While a dead letter cannot go out, is what was delivered after it gone from the disk?
    far = rig.proxy(rig.broker.port)
    bridge = {**out(**buffer), "from": {"pattern": "k.*"},
              "to": {"exchange": "x", "routing_key": "{1}", "connection": "rabbit"},
              "dead_letter": {"queue": "dead", "connection": "far"}}
    topology = {"connection": "rabbit", "exchanges": [{"name": "x"}],
                "queues": [{"name": "work"}, {"name": "dead"}],
                "bindings": [{"source": "x", "destination": "work", "routing_key": "good"}]}
    daemon = rig.run(bridge, connections={"far": {"url": rig.rabbit.url(port=far.port),
                                                  "reconnect": {"min": "20ms", "max": "100ms"}}},
                     **{**spool(rig), "topology": topology})
    far.refuse()
    far.reset_all()
    daemon.wait_stats(lambda stats: stats["connections"]["far"]["state"] != "up", "far is away")
    publish_all(rig.redis, "k.bad", [0])
    daemon.wait_bridge("out", unroutable=1)
    publish_all(rig.redis, "k.good", range(1, 1000))
    daemon.wait_bridge("out", delivered=999, pending=1)
    daemon.stop()
    far.listen()
    start_again(daemon)
    assert [int(body) for body in rig.rabbit.take("dead", 1)] == [0]
    bridge = daemon.wait_bridge("out", pending=0)
    assert (bridge["received"], bridge["delivered"], bridge["dead_lettered"]) == (1, 0, 1)
    assert [int(body) for body in rig.rabbit.take("work", 999)] == list(range(1, 1000))
    assert rig.rabbit.ready("work") == 0


def test_age_and_latency_count_from_the_receipt(rig):
    # Do the stats tell what is on the disk and since when, over a restart too, and does the latency
    # of a message hold the time that it lay there?
    way = rig.proxy(rig.broker.port)
    daemon = rig.run(out(messages=10), amqp_url=rig.rabbit.url(port=way.port), **spool(rig))
    assert daemon.bridge("out")["spool"] == {"bytes": 0, "oldest_s": 0}
    cut(way, daemon)
    publish_all(rig.redis, "in", range(100), 500)
    published = time.time()
    disk = daemon.wait_bridge("out", pending=100)["spool"]
    assert 90 * 500 < disk["bytes"] < 100 * 700 and disk["oldest_s"] < 60
    daemon.stop()
    start_again(daemon)

    def aged(stats):
        return stats["bridges"]["out"]["spool"]["oldest_s"] >= 1.5

    bridge = daemon.wait_stats(aged, "the oldest has an age")["bridges"]["out"]
    assert bridge["spool"]["bytes"] > 100 * 500
    assert bridge["spool"]["oldest_s"] <= time.time() - published + 60
    way.listen()
    bridge = daemon.wait_bridge("out", delivered=100, pending=0)
    assert bridge["latency_ms"]["max"] >= 1500
    daemon.wait_stats(lambda stats: stats["bridges"]["out"]["spool"] == {"bytes": 0, "oldest_s": 0},
                      "the disk is empty")


# Who may use it


@pytest.mark.parametrize("directory", ["file", "file/below", "missing/below", "/proc/spool"])
def test_directory_of_no_use(rig, directory):
    # Is a spool that cannot be opened an I/O error with words that name it, before anything starts?
    (rig.folder / "file").write_text("no directory")
    path = str(rig.folder / directory)
    daemon = rig.make(out(), spool={"directory": path}, topology=WORK)
    daemon.start()
    daemon.wait_exit(74)
    assert path in daemon.log()
    assert rig.redis.subscribers("in") == 0


def test_bridge_gone_from_the_rules(rig):
    # Are the messages of a bridge that is no longer there kept and told of, until it is back?
    way = rig.proxy(rig.broker.port)
    other = {**out(), "name": "other", "to": {"queue": "more"}}
    options = {**spool(rig), "topology": {"queues": [{"name": "work"}, {"name": "more"}]}}
    daemon = rig.run(out(), other, amqp_url=rig.rabbit.url(port=way.port), **options)
    cut(way, daemon)
    publish_all(rig.redis, "in", range(30))
    daemon.wait_bridge("out", pending=30)
    daemon.wait_bridge("other", pending=30)
    daemon.stop()
    way.listen()

    bridges, daemon.config["bridges"] = daemon.config["bridges"], daemon.config["bridges"][:1]
    start_again(daemon)
    daemon.wait_log(r'level=warn bridge="?other"? .*messages=30')
    daemon.wait_bridge("out", delivered=30, pending=0)
    daemon.stop()
    assert rig.rabbit.ready("more") == 0

    daemon.config["bridges"] = [bridges[0], {**bridges[1], "enabled": False}]
    start_again(daemon)
    wait_until(lambda: daemon.log().count("messages=30") == 2, "told of the disabled one too")
    daemon.stop()

    daemon.config["bridges"] = bridges
    start_again(daemon)
    daemon.wait_bridge("other", received=30, delivered=30, pending=0)
    assert [int(body) for body in rig.rabbit.take("more", 30)] == list(range(30))
    assert rig.rabbit.ready("work") == 30


# The configuration


def check(folder, bridge, **more):
    path = folder / "chunneld.json"
    path.write_text(json.dumps({
        "connections": {"redis": {"url": "redis://127.0.0.1:1"},
                        "rabbit": {"url": "amqp://127.0.0.1:1"}},
        "bridges": [bridge], **more}, indent=2))
    status, _, err = run("-c", path, "--check")
    return status, err.splitlines(), path


IN = {"name": "in", "from": {"queue": "work"}, "to": {"channel": "done"}}


@pytest.mark.parametrize("bridge, has_spool, pointer", [
    ({**IN, "buffer": {"disk": "1MiB"}}, True, "/bridges/0/buffer/disk"),
    (out(), False, "/bridges/0/buffer/disk"),
    (out(disk="0", durability="disk"), True, "/bridges/0/buffer/durability"),
    (out(durability="tape"), True, "/bridges/0/buffer/durability"),
    (out(disk="many"), True, "/bridges/0/buffer/disk"),
], ids=["amqp-source", "no-spool", "no-disk", "no-word", "no-size"])
def test_check_refuses(tmp_path, bridge, has_spool, pointer):
    # Is what cannot be meant refused, at its place?
    more = {"spool": {"directory": str(tmp_path / "spool")}} if has_spool else {}
    status, lines, path = check(tmp_path, bridge, **more)
    assert status == 78 and len(lines) == 1
    text = path.read_text().splitlines()
    place, words = lines[0].split(f": {pointer}: ")
    line, column = map(int, place.removeprefix(f"{path}:").split(":"))
    key = pointer.rsplit("/", 1)[1]
    assert f'"{key}"' in text[line - 1] and 0 < column <= len(text[line - 1])
    assert words


@pytest.mark.parametrize("options, pointer", [
    ({}, "/spool"), ({"directory": 7}, "/spool/directory"),
    ({"directory": "spool", "max_size": "1KiB"}, "/spool/max_size"),
    ({"directory": "spool", "max": "1MiB"}, "/spool/max"),
])
def test_check_refuses_a_spool(tmp_path, options, pointer):
    # Is a spool without a directory, or too small to be one, refused, at its place?
    status, lines, _ = check(tmp_path, IN, spool=options)
    assert status == 78 and len(lines) == 1 and f": {pointer}: " in lines[0]


def test_check_touches_no_disk(tmp_path):
    # Does --check make no directory?
    status, lines, _ = check(tmp_path, out(), spool={"directory": str(tmp_path / "spool")})
    assert (status, lines) == (0, [])
    assert not (tmp_path / "spool").exists()
