"""The commands of an operator who looks after the spool: list, export, purge."""

import base64
import json
import os
import subprocess

import pytest

from harness.bulk import publish_all
from harness.daemon import program, run
from harness.disk import cut, out, spool, start_again

PATTERN = {**out(), "from": {"pattern": "orders.*"}, "to": {"queue": "work"}}


def command(daemon, *words):
    return run("spool", *words, "-c", daemon.config_file)


def listed(daemon):
    """What `spool list` prints, by bridge."""
    status, printed, err = command(daemon, "list")
    assert (status, err) == (0, "")
    lines = [line.split() for line in printed.splitlines()]
    assert lines[0] == ["BRIDGE", "MESSAGES", "BYTES", "OLDEST", "RULE"]
    return {line[0]: (int(line[1]), int(line[2]), line[3], " ".join(line[4:]))
            for line in lines[1:]}


def leave(rig, bridge, publish, **more):
    """A daemon that was stopped with what `publish` brought it, the broker being away."""
    way = rig.proxy(rig.broker.port)
    daemon = rig.run(bridge, amqp_url=rig.rabbit.url(port=way.port), **spool(rig), **more)
    cut(way, daemon)
    daemon.wait_bridge("out", pending=publish())
    daemon.stop()
    return daemon, way


def test_list_export_purge(rig):
    # Does each command do its work, in order and to the last message?
    def publish():
        publish_all(rig.redis, "in", range(500))
        return 500

    daemon, way = leave(rig, out(messages=50), publish)
    (count, size, oldest, rule), = listed(daemon).values()
    assert (count, rule) == (500, "enabled") and size > 500
    assert oldest.endswith("Z")

    status, printed, err = command(daemon, "export", "out")
    assert (status, err) == (0, "")
    envelopes = [json.loads(line) for line in printed.splitlines()]
    assert [int(envelope["body"]) for envelope in envelopes] == list(range(500))
    assert len({envelope["id"] for envelope in envelopes}) == 500
    assert envelopes[0]["v"] == 1 and envelopes[0]["bridge"] == "out"
    assert envelopes[0]["source"] == {"channel": "in"} and envelopes[0]["time"] >= oldest
    assert listed(daemon)["out"][0] == 500, "an export takes nothing away"

    status, printed, err = command(daemon, "purge", "out")
    assert (status, printed, err) == (0, "out: 500 messages removed\n", "")
    assert listed(daemon) == {}
    way.listen()
    start_again(daemon)
    publish_all(rig.redis, "in", [500])
    daemon.wait_bridge("out", received=1, delivered=1)
    assert rig.rabbit.take("work", 1) == [b"500"]


def test_export_of_any_bytes(rig):
    # Are bodies that are no text printed as base64, and the names of a pattern kept?
    bodies = [b"plain", bytes(range(256)), b"", "ümlaut\n\"".encode(), b"x" * 100_000]

    def publish():
        for body in bodies:
            rig.redis.client().publish("orders.eu", body)
        return len(bodies)

    daemon, _ = leave(rig, PATTERN, publish)
    status, printed, _ = command(daemon, "export", "out")
    assert status == 0
    envelopes = [json.loads(line) for line in printed.splitlines()]
    assert [base64.b64decode(envelope["body"]) if envelope["body_encoding"] == "base64"
            else envelope["body"].encode() for envelope in envelopes] == bodies
    assert [envelope["body_encoding"] for envelope in envelopes] == [
        "utf-8", "base64", "utf-8", "utf-8", "utf-8"]
    for envelope in envelopes:
        assert envelope["source"] == {"channel": "orders.eu", "pattern": "orders.*"}


def test_while_a_daemon_runs(rig):
    # Is every command refused with 69 while a daemon has the spool, and the daemon left alone?
    daemon = rig.run(out(durability="disk"), **spool(rig))
    for words in (["list"], ["export", "out"], ["purge", "out"]):
        status, printed, err = command(daemon, *words)
        assert (status, printed) == (69, "")
        assert str(daemon.process.pid) in err and str(rig.folder / "spool") in err
    publish_all(rig.redis, "in", range(10))
    daemon.wait_bridge("out", delivered=10)


def test_bridge_gone_from_the_rules(rig):
    # Does the daemon name the command for what no rule wants, and does the command deal with it?
    def publish():
        publish_all(rig.redis, "in", range(30))
        return 30

    daemon, way = leave(rig, out(messages=10), publish)
    way.listen()
    daemon.config["bridges"][0]["name"] = "renamed"
    start_again(daemon)
    daemon.wait_log(r'level=warn bridge="?out"? .*chunnelctl spool export, purge or replay.* messages=30')
    daemon.stop()
    assert listed(daemon)["out"][0::3] == (30, "gone")
    daemon.config["bridges"].append({**out(), "enabled": False})
    daemon.config_file.write_text(json.dumps(daemon.config))
    assert listed(daemon)["out"][0::3] == (30, "disabled")
    assert command(daemon, "export", "out")[0] == 0
    assert command(daemon, "purge", "out")[:2] == (0, "out: 30 messages removed\n")
    daemon.config["bridges"].pop()
    warned = daemon.log().count("spool export")
    start_again(daemon).wait_running()
    assert daemon.log().count("spool export") == warned


def test_damage_is_told(rig):
    # Is what the disk has damaged left out, counted and answered by 74?
    def publish():
        publish_all(rig.redis, "in", range(3000), 1000)
        return 3000

    daemon, _ = leave(rig, out(), publish)
    file, = (rig.folder / "spool").glob("spool-*.db")
    data = bytearray(file.read_bytes())
    at = data.index(b"1500 ")
    data[at:at + 4] = b"9999"
    file.write_bytes(data)
    status, printed, err = command(daemon, "export", "out")
    numbers = [int(json.loads(line)["body"]) for line in printed.splitlines()]
    assert status == 74 and "1 damaged" in err
    assert numbers == [number for number in range(3000) if number != 1500]
    assert command(daemon, "purge", "out")[0] == 0


def write(folder, **more):
    path = folder / "chunneld.json"
    path.write_text(json.dumps({
        "connections": {"redis": {"url": "redis://127.0.0.1:1"},
                        "rabbit": {"url": "amqp://127.0.0.1:1"}},
        "bridges": [{"name": "out", "from": {"channel": "in"}, "to": {"queue": "work"}}], **more}))
    return path


@pytest.mark.parametrize("words", [
    ["spool"], ["spool", "list", "out"], ["spool", "export"], ["spool", "purge"],
    ["spool", "purge", "a", "b"], ["spool", "empty", "out"], ["pool", "list"],
    ["--check", "spool", "list"],
])
def test_usage(tmp_path, words):
    # Is a command that means nothing refused with 64, before the spool is looked at?
    path = write(tmp_path, spool={"directory": str(tmp_path / "spool")})
    status, printed, err = run(*words, "-c", path)
    assert (status, printed) == (64, "") and err
    assert not (tmp_path / "spool").exists()


@pytest.mark.parametrize("name", ["export", "purge"])
def test_unknown_name(rig, name):
    # Is a name that the spool does not have refused with 64, and the way to the names told?
    daemon = rig.make(out(), **spool(rig))
    daemon.config_file.write_text(json.dumps(daemon.config))
    (rig.folder / "spool").mkdir(mode=0o700)
    status, printed, err = command(daemon, name, "nobody")
    assert (status, printed) == (64, "")
    assert '"nobody"' in err and "spool list" in err


def test_no_spool(tmp_path):
    # Are a configuration without a spool and one with problems 78?
    status, _, err = run("spool", "list", "-c", write(tmp_path))
    assert status == 78 and "spool" in err
    status, _, err = run("spool", "list", "-c", write(tmp_path, spool={"directory": 7}))
    assert status == 78 and "/spool/directory" in err


def test_no_directory(tmp_path):
    # Is a directory that is not there an I/O error with its name, and not made?
    path = write(tmp_path, spool={"directory": str(tmp_path / "missing")})
    status, _, err = run("spool", "list", "-c", path)
    assert status == 74 and str(tmp_path / "missing") in err
    assert not (tmp_path / "missing").exists()


def test_output_that_cannot_be_written(rig):
    # Is an export into a full disk an I/O error, and nothing taken away?
    def publish():
        publish_all(rig.redis, "in", range(100))
        return 100

    daemon, _ = leave(rig, out(), publish)
    with open("/dev/full", "w") as full:
        done = subprocess.run([program(), "spool", "export", "out", "-c", daemon.config_file],
                              stdout=full, stderr=subprocess.PIPE, text=True, timeout=30,
                              env={**os.environ})
    assert done.returncode == 74 and done.stderr
    assert listed(daemon)["out"][0] == 100
