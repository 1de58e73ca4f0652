"""chunnelctl trace and reload: do they show what crosses a bridge, and what became of new rules?"""

import json
import signal
import subprocess

import pytest

from harness.bulk import publish_all
from harness.waiting import wait_until
from harness.web import Web
from harness.ctl import ctl_program
from test_chunnelctl import IN, OUT, steer
from test_mirror import MIRROR, TOPOLOGY

OFF = {"name": "off", "enabled": False, "from": {"channel": "x"}, "to": {"queue": "work"}}


class Trace:
    """chunnelctl trace at work, from the moment on that the daemon shows messages."""

    def __init__(self, rig, steered, *arguments):
        self._out, self._err = rig.folder / "trace.out", rig.folder / "trace.err"
        with self._out.open("w") as out, self._err.open("w") as err:
            self._process = subprocess.Popen(
                [ctl_program(), "--socket", str(steered.socket), *arguments], stdout=out,
                stderr=err, stdin=subprocess.DEVNULL)
        wait_until(lambda: "tracing" in self.err() + self.out() or self._process.poll() is not None,
                   "it has begun")

    def out(self):
        return self._out.read_text()

    def err(self):
        return self._err.read_text()

    def json(self):
        """What came after the first line, whole lines only."""
        return [json.loads(line) for line in self.out().split("\n")[1:-1]]

    def end(self):
        """Its exit status, once it ends by itself."""
        return self._process.wait(60)

    def interrupt(self):
        self._process.send_signal(signal.SIGINT)
        return self.end()


@pytest.fixture
def steered(rig):
    web = Web()
    made = steer(rig, OUT, IN, OFF, http={"listen": web.listen})
    made.web = web
    made.daemon.wait_stats(lambda stats: all(stats["bridges"][name]["state"] == "running"
                                             for name in ("out", "in")), "both run", 60)
    return made


def test_wrong(steered):
    # Is what cannot be traced told, with an exit status for each?
    assert steered("trace")[0] == 64
    for limit in ("0", "x", "-1", ""):
        assert steered("--limit", limit, "trace", "out")[0] == 64
    status, out, err = steered("trace", "nobody")
    assert (status, out) == (66, "") and "no bridge has this name" in err
    status, out, err = steered("trace", "off")
    assert (status, out) == (69, "") and "disabled" in err


def test_not_over_tcp(steered):
    # Are bodies to be seen over the control socket alone?
    assert steered.web.ask("/bridges/out/trace").status == 404
    assert steered.web.ask("/bridges/out/trace?limit=1").status == 404


def test_lines(rig, steered):
    # Does each message have a line, with where from, where to, and what is printable of it?
    trace = Trace(rig, steered, "--limit", "2", "trace", "out")
    rig.redis.client().publish("orders", b"hello \x1b[31m\xff")
    rig.redis.client().publish("orders", b"x" * 1000)
    assert trace.end() == 0
    first, second = trace.out().splitlines()
    assert "channel orders → queue work  delivered  " in first
    assert first.endswith(" 12 bytes  hello \\x1b[31m\\xff")
    assert second.endswith(" 1000 bytes  " + "x" * 64)
    steered.daemon.wait_bridge("out", delivered=2)
    assert "hello" not in steered.daemon.log() and "xxx" not in steered.daemon.log()


def test_json(rig, steered):
    # Is the other way shown too, and as JSON where that is wanted?
    trace = Trace(rig, steered, "--json", "--limit", "1", "trace", "in")
    rig.rabbit.channel().basic_publish("", "back", b"body")
    assert trace.end() == 0
    line, = trace.json()
    assert line["from"] == {"queue": "back", "exchange": "", "routing_key": "back"}
    assert line["to"] == {"channel": "done"}
    assert (line["outcome"], line["bytes"], line["body"]) == ("delivered", 4, "body")
    assert line["ms"] >= 0 and line["time"].endswith("Z")


def test_rate(rig, steered):
    # Is what crosses faster than can be read counted, to the last message, and does Ctrl-C end it?
    trace = Trace(rig, steered, "--json", "--limit", "1000000", "trace", "out")
    publish_all(rig.redis, "orders", range(5000))

    def seen():
        lines = trace.json()
        return sum(line.get("left_out", 1) for line in lines) == 5000 and lines

    lines = wait_until(seen, "all were shown or counted", timeout=60)
    assert sum("left_out" in line for line in lines) > 0
    assert trace.interrupt() == -signal.SIGINT
    publish_all(rig.redis, "orders", range(5000, 5100))
    steered.daemon.wait_bridge("out", delivered=5100, pending=0)


def test_both_ways_of_a_mirror(rig):
    # Is a message seen as it crosses, and its echo where that ends?
    steered = steer(rig, MIRROR, topology=TOPOLOGY)
    steered.daemon.wait_running(60)
    trace = Trace(rig, steered, "--json", "--limit", "2", "trace", "orders")
    rig.redis.client().publish("orders", b"once")
    assert trace.end() == 0
    lines = {line["outcome"]: line for line in trace.json()}
    assert set(lines) == {"delivered", "filtered"}
    assert lines["delivered"]["from"] == {"channel": "orders"}
    assert lines["filtered"]["from"]["exchange"] == "orders"
    assert {line["body"] for line in lines.values()} == {"once"}


def configure(steered, *bridges, **more):
    config = steered.daemon.config
    config["bridges"] = list(bridges)
    config.update(more)
    steered.daemon.config_file.write_text(json.dumps(config, indent=2))


def test_reload(rig, steered):
    # Is the outcome of a reload told, and what needs a restart?
    configure(steered, {**OUT, "from": {"channel": "others"}}, {**IN, "name": "new"}, OFF)
    assert steered("reload") == (0, "applied: 1 kept, 1 added, 1 changed, 1 removed\n", "")
    rig.redis.client().publish("others", b"x")
    steered.daemon.wait_bridge("out", delivered=1)
    configure(steered, OUT, http={"listen": Web().listen})
    status, out, err = steered("--json", "reload")
    told = json.loads(out)
    assert (status, err, told["ok"], told["problems"]) == (0, "", True, [])
    assert any(key.startswith("http") for key in told["needs_restart"]), told


def test_reload_refused(steered):
    # Is each problem of a wrong configuration told with its place, and is nothing changed?
    configure(steered, {**OUT, "frob": 1}, {**IN, "from": {}})
    status, out, err = steered("reload")
    lines = err.splitlines()
    assert (status, out) == (78, "")
    assert len(lines) == 3, lines
    file = str(steered.daemon.config_file)
    assert all(line.startswith(file + ":") and ": /bridges/" in line for line in lines[:2])
    assert lines[2].startswith("chunnelctl: ") and "2 problems" in lines[2]
    status, out, _ = steered("--json", "reload")
    told = json.loads(out)
    assert (status, told["ok"], len(told["problems"])) == (78, False, 2)
    assert set(steered.daemon.stats()["bridges"]) == {"out", "in", "off"}


def test_trace_of_a_bridge_that_goes(rig, steered):
    # Does a trace end with the bridge?
    trace = Trace(rig, steered, "trace", "in")
    configure(steered, OUT, OFF)
    assert steered("reload")[0] == 0
    assert trace.end() == 0
    assert "gone" in trace.err() and trace.out() == ""
