"""The log: lines that a person and a program can read, without secrets and without bodies."""

import fcntl
import json
import os
import re
import shlex
import signal
import subprocess

import pytest

from harness.daemon import program
from harness.waiting import wait_until

WORK = {"queues": [{"name": "work"}]}
OUT = {"name": "out", "from": {"channel": "orders"}, "to": {"queue": "work"}}
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


def logfmt(line):
    """The pairs of a line of the text format."""
    return dict(word.split("=", 1) for word in shlex.split(line))


def test_text(rig):
    # Is every line logfmt, with time, level, subject and words?
    daemon = rig.run(OUT, topology=WORK)
    daemon.stop()
    lines = daemon.log().splitlines()
    assert lines
    for line in lines:
        pairs = logfmt(line)
        assert list(pairs)[:2] == ["time", "level"], line
        assert MOMENT.fullmatch(pairs["time"])
        assert pairs["level"] in ("error", "warn", "info", "debug")
        assert pairs["msg"]


def test_json(rig):
    # In the JSON format, is every line an object with the same?
    daemon = rig.run(OUT, topology=WORK, log={"level": "debug", "format": "json"})
    daemon.stop()
    lines = daemon.log().splitlines()
    assert lines
    for line in lines:
        entry = json.loads(line)
        assert MOMENT.fullmatch(entry["time"])
        assert entry["level"] in ("error", "warn", "info", "debug")
        assert entry["msg"]


def test_guarantee_is_logged_at_start(rig):
    # Does each bridge say at the start what it guarantees?
    daemon = rig.run(OUT, {"name": "in", "from": {"queue": "work"}, "to": {"channel": "done"}},
                     topology=WORK, log={"level": "info"})
    for name in ("out", "in"):
        daemon.wait_log(rf'bridge="?{name}"?.*(at-least-once|at-most-once)')


@pytest.mark.parametrize("configured, option, shown", [
    ("info", None, {"info"}), ("warn", None, set()), ("warn", "debug", {"info", "debug"}),
    ("debug", "error", set()),
])
def test_level(rig, configured, option, shown):
    # Is no more said than the level allows, and does --log-level win over the file?
    arguments = ("--log-level", option) if option else ()
    daemon = rig.run(OUT, topology=WORK, log={"level": configured}, arguments=arguments)
    daemon.stop()
    levels = {logfmt(line)["level"] for line in daemon.log().splitlines()}
    assert shown <= levels <= shown | {"warn", "error"}


def test_full_standard_error(rig):
    # Where nobody reads what is logged, does the daemon go on, and then say how much is missing?
    daemon = rig.make(OUT, topology=WORK)
    daemon.write_config(daemon.config, daemon.config_file)
    read, write = os.pipe()
    fcntl.fcntl(write, fcntl.F_SETPIPE_SZ, 4096)
    daemon.live(subprocess.Popen([program(), "-c", str(daemon.config_file)], stderr=write))
    os.close(write)
    daemon.wait_running()
    for _ in range(4):  # more to log than the pipe holds
        before = daemon.stats()["connections"]["rabbit"]["reconnects"]
        rig.broker.close_connections(rig.rabbit.name)
        daemon.wait_stats(lambda stats, before=before:
                          stats["connections"]["rabbit"]["reconnects"] > before, "up again")
        daemon.wait_running()
    rig.redis.client().publish("orders", b"hello")
    assert rig.rabbit.get("work")[2] == b"hello"
    daemon.send_signal(signal.SIGTERM)
    with os.fdopen(read) as log:
        text = log.read()
    assert daemon.process.wait(30) == 0
    held_back = re.search(r" held_back=(\d+)$", text, re.MULTILINE)
    assert held_back and int(held_back.group(1)) > 0, text


def test_closed_standard_streams(rig, tmp_path):
    # Started with 0, 1 and 2 closed, does no socket take their place and get what belongs there?
    daemon = rig.make(OUT, topology=WORK, log={"level": "debug"})
    daemon.config_file.write_text(json.dumps(daemon.config))
    daemon.live(subprocess.Popen(
        ["sh", "-c", 'exec "$0" -c "$1" <&- >&- 2>&-', program(), str(daemon.config_file)]))
    daemon.wait_running()
    rig.redis.client().publish("orders", b"hello")
    assert rig.rabbit.get("work")[2] == b"hello"
    for number in (0, 1, 2):
        target = os.readlink(f"/proc/{daemon.process.pid}/fd/{number}")
        assert target == "/dev/null", (number, target)
