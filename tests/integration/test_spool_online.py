"""chunnelctl spool: what the daemon has on its disk, seen, taken out, thrown away and given to
another bridge while it runs."""

import json
import signal
import subprocess

import pytest

from harness.bulk import publish_all
from harness.daemon import run
from harness.disk import cut, spool, start_again, take_distinct, wait_on_disk
from harness.waiting import wait_until
from harness.web import Web
from test_chunnelctl import Steered, ctl_program

QUEUES = {"queues": [{"name": "work"}, {"name": "back"}]}
BACK = {"name": "back", "from": {"queue": "back"}, "to": {"channel": "done"}}


def rule(name, channel="in", **buffer):
    return {"name": name, "from": {"channel": channel}, "to": {"queue": "work"},
            "buffer": {"disk": "64MiB", **buffer}}


NEW = rule("new", "live")


def leave(rig, count, *bridges, padding=0, **more):
    """A daemon with `bridges` whose spool has `count` messages of the bridge "old", which is gone
    from the rules, and the way to the broker, which is away."""
    way = rig.proxy(rig.broker.port)
    steered = Steered(rig, rule("old"), amqp_url=rig.rabbit.url(port=way.port),
                      **{**spool(rig), "topology": QUEUES, **more})
    daemon = steered.daemon
    daemon.wait_running()
    cut(way, daemon)
    publish_all(rig.redis, "in", range(count), padding)
    daemon.wait_bridge("old", pending=count)
    daemon.stop()
    daemon.config["bridges"] = list(bridges)
    start_again(daemon)
    return steered, way


def listed(steered):
    """The bridges of `spool list`, by their names."""
    status, printed, err = steered("--json", "spool", "list")
    assert (status, err) == (0, "")
    return {bridge["name"]: bridge for bridge in json.loads(printed)["bridges"]}


def exported(steered, name):
    status, printed, err = steered("spool", "export", name)
    assert (status, err) == (0, "")
    return [json.loads(line) for line in printed.splitlines()]


def bodies(envelopes):
    return [int(envelope["body"]) for envelope in envelopes]


class Replay:
    """chunnelctl spool replay at work."""

    def __init__(self, rig, steered, *arguments):
        self._out, self._err = rig.folder / "replay.out", rig.folder / "replay.err"
        with self._out.open("w") as out, self._err.open("w") as err:
            self.process = subprocess.Popen(
                [ctl_program(), "--socket", str(steered.socket), "spool", "replay", *arguments],
                stdout=out, stderr=err, stdin=subprocess.DEVNULL)

    def err(self):
        return self._err.read_text()

    def out(self):
        return self._out.read_text()

    def end(self):
        return self.process.wait(60)


def test_list(rig):
    # Is every bridge that has something there listed, as in use or as kept and why?
    steered, way = leave(rig, 30, NEW)
    (name, bridge), = listed(steered).items()
    assert (name, bridge["messages"], bridge["in_use"], bridge["rule"]) == ("old", 30, False, "gone")
    assert bridge["bytes"] > 30 * 32 and bridge["damaged"] == 0
    assert bridge["oldest"].endswith("Z") and 0 < bridge["age_s"] < 600
    publish_all(rig.redis, "live", range(7))
    steered.daemon.wait_bridge("new", pending=7)
    steered.daemon.stop()
    steered.daemon.config["bridges"] = [NEW, {**rule("old"), "enabled": False}]
    start_again(steered.daemon)
    bridges = listed(steered)
    assert (bridges["new"]["messages"], bridges["new"]["in_use"], bridges["new"]["rule"]) == (
        7, True, "enabled")
    assert (bridges["old"]["in_use"], bridges["old"]["rule"]) == (False, "disabled")
    status, printed, err = steered("spool", "list")
    lines = [line.split() for line in printed.splitlines()]
    assert (status, err, lines[0]) == (0, "", ["BRIDGE", "MESSAGES", "SIZE", "OLDEST", "STATE"])
    assert [(line[0], line[1], " ".join(line[6:])) for line in lines[1:]] == [
        ("new", "7", "in use"), ("old", "30", "kept: disabled")]
    way.listen()
    steered.daemon.wait_bridge("new", delivered=7, pending=0)
    wait_until(lambda: list(listed(steered)) == ["old"], "what is delivered is not listed")


def test_export_is_that_of_the_command(rig):
    # Is the export the same, byte for byte, as that of chunneld spool, and takes nothing away?
    steered, _ = leave(rig, 2000, NEW, padding=300)
    status, printed, err = steered("spool", "export", "old")
    assert (status, err) == (0, "")
    assert bodies(map(json.loads, printed.splitlines())) == list(range(2000))
    assert listed(steered)["old"]["messages"] == 2000
    steered.daemon.stop()
    assert run("spool", "export", "old", "-c", steered.daemon.config_file) == (0, printed, "")


def test_export_while_messages_flow(rig):
    # Is what was there when it began exported once and in order, and nothing taken from the bridge?
    way = rig.proxy(rig.broker.port)
    steered = Steered(rig, rule("old", messages=100), amqp_url=rig.rabbit.url(port=way.port),
                      **{**spool(rig), "topology": QUEUES})
    daemon = steered.daemon
    daemon.wait_running()
    cut(way, daemon)
    publish_all(rig.redis, "in", range(10_000), 100)
    daemon.wait_bridge("old", pending=10_000)
    # Memory has the first ones, which have no record.
    numbers = bodies(exported(steered, "old"))
    assert numbers == list(range(10_000 - len(numbers), 10_000)) and len(numbers) > 9_000
    way.listen()
    number, seen = 10_000, []

    def flow():
        nonlocal number
        publish_all(rig.redis, "in", range(number, number + 2000), 100)
        number += 2000
        numbers = bodies(exported(steered, "old"))
        assert numbers == sorted(set(numbers))
        seen.append(len(numbers))
        return len(seen) >= 3 and daemon.bridge("old")["delivered"] > 5000

    wait_until(flow, "it was exported while messages flowed", timeout=60)
    daemon.wait_bridge("old", timeout=60, delivered=number, dropped=0, pending=0)
    assert take_distinct(rig, daemon) == list(range(number))
    assert steered("spool", "export", "old") == (0, "", "")


def test_purge(rig):
    # Does it throw away what is kept, and refuse what is not there or in use?
    steered, way = leave(rig, 500, rule("new", "live", durability="disk"))
    publish_all(rig.redis, "live", range(7))
    steered.daemon.wait_bridge("new", pending=7)
    status, out, err = steered("spool", "purge", "new")
    assert (status, out) == (69, "") and "in use" in err and "reload" in err
    assert steered("spool", "purge", "old") == (0, "old: 500 messages removed\n", "")
    assert list(listed(steered)) == ["new"]
    for name in ("old", "none", "../x", "*"):
        for command in ("purge", "export"):
            status, out, err = steered("spool", command, name)
            assert (status, out) == (66, "") and "chunnelctl spool list" in err, (command, name)
    wait_on_disk(steered.daemon, 0, "old")
    way.listen()
    steered.daemon.wait_bridge("new", delivered=7, received=7, dropped=0)
    assert take_distinct(rig, steered.daemon) == list(range(7))


def test_purge_of_a_disabled_bridge(rig):
    # Can what a disabled bridge has left be purged, and told as JSON?
    steered, _ = leave(rig, 50, {**rule("old"), "enabled": False})
    status, out, err = steered("--json", "spool", "purge", "old")
    assert (status, err) == (0, "")
    assert json.loads(out) == {"action": "purge", "name": "old", "messages": 50}
    assert listed(steered) == {}


@pytest.mark.parametrize("words, status", [
    ((), 64), (("frob",), 64), (("list", "x"), 64), (("export",), 64), (("purge",), 64),
    (("replay",), 64), (("export", "a", "b"), 64), (("replay", "a", "--to"), 64),
])
def test_usage(words, status):
    # Are wrong arguments told without a daemon?
    done = subprocess.run([ctl_program(), "spool", *words], capture_output=True, text=True,
                          check=False)
    assert (done.returncode, done.stdout) == (status, "") and "--help" in done.stderr


def test_replay(rig):
    # Does the other bridge send all of it, in order, under the ids that it had, with what comes
    # meanwhile behind, and are the books in balance?
    steered, way = leave(rig, 3000, NEW, padding=200)
    ids = {envelope["id"]: int(envelope["body"]) for envelope in exported(steered, "old")}
    assert steered("spool", "replay", "old", "--to", "new") == (
        0, "old: 3000 messages taken over by new\n", "")
    publish_all(rig.redis, "live", range(3000, 3010))
    steered.daemon.wait_bridge("new", received=3010, pending=3010, dropped=0)
    # Those that came last are in memory, and need no record.
    assert listed(steered)["new"]["messages"] >= 3000 and "old" not in listed(steered)
    way.listen()
    steered.daemon.wait_bridge("new", timeout=60, received=3010, delivered=3010, pending=0)
    got = [(properties.message_id, int(body)) for _, properties, body
           in rig.rabbit.take_messages("work", 3010)]
    assert [number for _, number in got] == list(range(3010))
    assert dict(got[:3000]) == ids
    assert steered("spool", "replay", "old", "--to", "new")[0] == 66


def test_replay_outlives_a_restart(rig):
    # Is what was taken over there after a restart, and only there?
    steered, way = leave(rig, 1000, NEW)
    status, out, err = steered("--json", "spool", "replay", "old", "--to", "new")
    assert (status, err) == (0, "")
    last = json.loads(out.splitlines()[-1])
    assert last == {"end": True, "replayed": 1000, "left": 0, "damaged": 0, "waiting": None,
                    "error": None}
    wait_on_disk(steered.daemon, 0, "old")
    steered.daemon.kill()
    way.listen()
    start_again(steered.daemon)
    steered.daemon.wait_bridge("new", received=1000, delivered=1000)
    assert take_distinct(rig, steered.daemon) == list(range(1000))


def test_replay_through_a_filter(rig):
    # Does the rule of the bridge that takes over decide what passes?
    steered, way = leave(rig, 300, {**NEW, "filter": {"json": "", "in": [5, 7, 299]}})
    assert steered("spool", "replay", "old", "--to", "new")[:2] == (
        0, "old: 300 messages taken over by new\n")
    way.listen()
    steered.daemon.wait_bridge("new", received=300, filtered=297, delivered=3, pending=0)
    assert take_distinct(rig, steered.daemon) == [5, 7, 299]
    assert listed(steered) == {}


def test_replay_is_refused(rig):
    # Is every target that cannot take them refused in words, with nothing changed?
    steered, _ = leave(rig, 20, NEW, BACK, {**rule("off", "x"), "enabled": False},
                       {**rule("plain", "y"), "buffer": {}})
    for target, words in (("none", "no bridge has this name"), ("off", "disabled"),
                          ("old", "no bridge has this name"),
                          ("plain", '"disk"'), ("back", "from AMQP"), ("a/b", "no bridge"),
                          ("n*", "no bridge")):
        status, out, err = steered("spool", "replay", "old", "--to", target)
        assert (status, out) == (69, "") and words in err, (target, err)
    status, out, err = steered("spool", "replay", "new", "--to", "new")
    assert (status, out) == (69, "") and "in use" in err
    status, out, err = steered("spool", "replay", "old")
    assert (status, out) == (64, "") and "--to" in err
    assert steered("spool", "replay", "none", "--to", "new")[0] == 66
    assert listed(steered)["old"]["messages"] == 20


def test_kill_in_the_middle_of_a_replay(rig):
    # After kill -9 at any moment of a replay: is every message there, the doubled ones under one id?
    steered, way = leave(rig, 20_000, NEW, padding=100)
    daemon = steered.daemon
    for at in (1, 4000, 9000):
        replay = Replay(rig, steered, "old", "--to", "new")
        daemon.wait_stats(lambda stats, at=at: stats["bridges"]["new"]["received"] > at,
                          "the replay is under way")
        daemon.kill()
        assert replay.end() in (0, 74, 76)
        start_again(daemon)
    bridges = listed(steered)
    counts = [bridges.get(name, {"messages": 0})["messages"] for name in ("old", "new")]
    assert 20_000 <= sum(counts) <= 20_000 + 3 * 500, counts
    if counts[0] > 0:
        assert steered("spool", "replay", "old", "--to", "new")[0] == 0
    way.listen()
    assert take_distinct(rig, daemon) == list(range(20_000))


def test_replay_without_room(rig):
    # Does it wait for room, end where it is when told to, and go on from there, losing nothing?
    steered, way = leave(rig, 20_000, rule("new", "live", disk="1MiB", messages=100), padding=100)
    replay = Replay(rig, steered, "old", "--to", "new")
    wait_until(lambda: "waiting: little is left" in replay.err(), "it waits")
    status, out, err = steered("spool", "replay", "old", "--to", "new")
    assert (status, out) == (69, "") and "is being replayed" in err
    assert steered("spool", "purge", "old")[0] == 69
    taken = steered.daemon.bridge("new")["received"]
    assert 5000 < taken < 10_000
    replay.process.send_signal(signal.SIGINT)
    replay.end()
    steered.daemon.wait_log('replay ended early.* messages=[0-9]+ left=[0-9]+')
    assert listed(steered)["old"]["messages"] == 20_000 - taken
    way.listen()
    assert steered("spool", "replay", "old", "--to", "new")[:2] == (
        0, f"old: {20_000 - taken} messages taken over by new\n")
    steered.daemon.wait_bridge("new", timeout=60, received=20_000, delivered=20_000, dropped=0)
    assert take_distinct(rig, steered.daemon) == list(range(20_000))


def test_replay_of_a_bridge_that_comes_back(rig):
    # Does a replay give way to the bridge itself, with every message sent by one of them?
    steered, way = leave(rig, 20_000, rule("new", "live", disk="1MiB", messages=100), padding=100)
    replay = Replay(rig, steered, "old", "--to", "new")
    wait_until(lambda: "waiting: little is left" in replay.err(), "it waits")
    daemon = steered.daemon
    daemon.config["bridges"].append(rule("old"))
    daemon.write_config(daemon.config, daemon.config_file)
    assert steered("reload")[0] == 0
    assert replay.end() == 69
    assert "in use again" in replay.err()
    way.listen()
    assert sorted(take_distinct(rig, daemon)) == list(range(20_000))


def test_stop_in_the_middle_of_a_replay(rig):
    # Does a stop end it in words, with nothing lost or doubled?
    steered, way = leave(rig, 20_000, rule("new", "live", disk="1MiB", messages=100), padding=100)
    replay = Replay(rig, steered, "old", "--to", "new")
    wait_until(lambda: "waiting: little is left" in replay.err(), "it waits")
    taken = steered.daemon.bridge("new")["received"]
    steered.daemon.stop()
    assert replay.end() in (69, 74)
    way.listen()
    start_again(steered.daemon)
    assert listed(steered)["old"]["messages"] == 20_000 - taken
    assert steered("spool", "replay", "old", "--to", "new")[0] == 0
    steered.daemon.wait_bridge("new", timeout=60, received=20_000, delivered=20_000)
    assert take_distinct(rig, steered.daemon) == list(range(20_000))


def test_hundred_thousand(rig):
    # Do 100,000 messages leave the loop free, whatever is done with them, and memory small?
    steered, _ = leave(rig, 100_000, rule("new", "live", memory="1MiB"), padding=200)
    daemon = steered.daemon
    daemon.wait_stats(lambda stats: stats["loop_lag_ms"]["max"] >= 0, "stats")
    assert listed(steered)["old"]["messages"] == 100_000
    assert bodies(exported(steered, "old")) == list(range(100_000))
    assert steered("spool", "replay", "old", "--to", "new")[:2] == (
        0, "old: 100000 messages taken over by new\n")
    daemon.wait_bridge("new", received=100_000, pending=100_000, dropped=0)
    print("loop_lag_ms", daemon.stats()["loop_lag_ms"], "peak_mib", daemon.peak_mib())
    # Alone on a machine it is under 100 ms; here others may take the processor away.
    assert daemon.stats()["loop_lag_ms"]["max"] < 1000
    daemon.stop()


def test_only_over_the_control_socket(rig):
    # Is none of it there over TCP, and what makes no sense refused over the socket?
    web = Web()
    steered, _ = leave(rig, 20, NEW, http={"listen": web.listen})
    for path in ("/spool", "/spool/old", "/spool/old/purge", "/spool/old/replay?to=new"):
        assert web.ask(path).status == 404, path
        assert web.ask(path, "POST").status == 405, path
    control = Web(steered.socket)
    for path, method, status in (
            ("/spool", "POST", 404), ("/spool/old", "POST", 404), ("/spool/old/purge", "GET", 404),
            ("/spool/", "GET", 400), ("/spool/%zz", "GET", 400), ("/spool/%00", "GET", 400),
            ("/spool/" + "a" * 1000, "GET", 400), ("/spool/old/frob", "POST", 404),
            ("/spool//purge", "POST", 400), ("/spool/old/replay?from=new", "POST", 400),
            ("/spool/old/replay?to=", "POST", 400), ("/spool/old/replay?to=new&x", "POST", 409),
            ("/spool/old/purge/x", "POST", 404), ("/spool/new/replay?to=new", "POST", 409)):
        answer = control.ask(path, method)
        assert answer.status == status, (path, method, answer.status)
        assert answer.text.strip()
    assert control.ask("/spool", "HEAD").status == 200
    assert control.ask("/spool/old", "HEAD").status == 200
    lines = control.ask("/spool/old").text.splitlines()
    assert json.loads(lines[-1]) == {"end": True, "messages": 20, "damaged": 0}
    assert len(lines) == 21
    assert listed(steered)["old"]["messages"] == 20


def test_no_spool(rig):
    # Is a daemon without a spool told apart from an empty one?
    steered = Steered(rig, BACK, topology=QUEUES)
    steered.daemon.wait_running()
    status, out, err = steered("spool", "list")
    assert (status, out) == (66, "") and "has no spool" in err


def test_damage(rig):
    # Is what the disk has damaged left out of an export, kept by a replay, and answered by 74?
    steered, way = leave(rig, 3000, NEW)
    steered.daemon.stop()
    file, = (rig.folder / "spool").glob("spool-*.db")
    data = bytearray(file.read_bytes())
    at = data.index(b"1500")
    data[at:at + 4] = b"9999"
    file.write_bytes(data)
    start_again(steered.daemon)
    status, printed, err = steered("spool", "export", "old")
    assert status == 74 and "1 damaged" in err
    assert bodies(map(json.loads, printed.splitlines())) == [
        number for number in range(3000) if number != 1500]
    status, printed, err = steered("spool", "replay", "old", "--to", "new")
    assert (status, printed) == (74, "old: 2999 messages taken over by new\n")
    assert "1 messages cannot be read, and are kept" in err
    assert steered("spool", "purge", "old") == (0, "old: 1 messages removed\n", "")
    way.listen()
    assert take_distinct(rig, steered.daemon) == [n for n in range(3000) if n != 1500]
