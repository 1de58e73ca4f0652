"""The control socket: does it steer the bridges, keep what was said, and let in only whom it should?"""

import json
import os
import re
import socket
import stat

import pytest

from harness.waiting import holds_for, wait_until
from harness.web import Web

WORK = {"queues": [{"name": "work"}, {"name": "back"}]}
OUT = {"name": "out", "from": {"channel": "orders"}, "to": {"queue": "work"}}
IN = {"name": "in", "from": {"queue": "back"}, "to": {"channel": "done"}}


def make(rig, *bridges, **more):
    control = {"socket": str(rig.folder / "control.sock"), **more.pop("control", {})}
    return rig.make(*(bridges or (OUT, IN)), topology=WORK, control=control, **more)


def send(rig, body):
    rig.rabbit.channel(confirm=True).basic_publish("", "back", body)


def running(rig, *bridges, **more):
    """A daemon with a control socket whose bridges run, and that socket."""
    daemon = make(rig, *bridges, **more)
    daemon.start().wait_running()
    return daemon, Web(rig.folder / "control.sock")


@pytest.mark.parametrize("path, status", [
    ("/bridges/none/pause", 404), ("/bridges/x*/pause", 404), ("/bridges//pause", 400),
    ("/bridges/out/explode", 404), ("/bridges/out", 404), ("/bridges/%zz/pause", 400),
    ("/bridges/%00/pause", 400), ("/bridges/" + "a" * 1000 + "/pause", 400), ("/nothing", 404),
    ("/stats", 405), ("/bridges/../out/pause", 404),
], ids=range(11))
def test_wrong_requests(rig, path, status):
    # Is what cannot be done refused in words, with nothing changed?
    daemon, control = running(rig)
    answer = control.ask(path, "POST")
    assert answer.status == status
    assert answer.text.strip()
    assert {bridge["state"] for bridge in daemon.stats()["bridges"].values()} == {"running"}


def test_wrong_methods(rig):
    # Does reading a path that changes something change nothing?
    daemon, control = running(rig)
    assert control.ask("/bridges/out/pause").status == 404
    assert control.ask("/bridges/out/pause", "DELETE").status == 405
    assert control.ask("/bridges/out/pause", "HEAD").status == 404
    assert daemon.bridge("out")["state"] == "running"


def test_reads_as_over_tcp(rig):
    # Are health, stats and metrics there too, whatever the host?
    daemon, control = running(rig)
    for path in ("/healthz", "/readyz", "/stats", "/metrics", "/status"):
        assert control.ask(path, Host="whatever.example").status == 200
    assert control.ask("/stats").json["pid"] == daemon.process.pid


def test_mode_and_end(rig):
    # Is the socket open to owner and group alone, and gone with the daemon?
    daemon, control = running(rig)
    assert stat.S_IMODE(os.stat(control.path).st_mode) == 0o660
    daemon.stop()
    assert not os.path.exists(control.path)


def test_pause_and_resume_amqp(rig):
    # Does a paused bridge leave messages in their queue, and go on with them when resumed?
    daemon, control = running(rig)
    done = rig.redis.subscribe("done")
    answer = control.ask("/bridges/in/pause", "POST").json
    assert answer["action"] == "pause"
    assert [bridge["name"] for bridge in answer["bridges"]] == ["in"]
    assert answer["bridges"][0]["operator"] == "paused"
    daemon.wait_bridge("in", state="paused")
    assert control.ask("/readyz").status == 503
    send(rig, b"later")
    holds_for(lambda: done.poll() is None, "nothing comes while it is paused", seconds=0.5)
    assert daemon.bridge("out")["state"] == "running"
    assert control.ask("/bridges/in/resume", "POST").status == 200
    assert done.body() == b"later"
    daemon.wait_bridge("in", state="running", delivered=1)
    assert control.ask("/readyz").status == 200


def test_globs(rig):
    # Does a glob take all that it matches, encoded or not?
    daemon, control = running(rig)
    assert len(control.ask("/bridges/*/pause", "POST").json["bridges"]) == 2
    daemon.wait_stats(lambda stats: all(bridge["state"] == "paused"
                                        for bridge in stats["bridges"].values()), "all paused")
    assert [bridge["name"] for bridge in
            control.ask("/bridges/%6Fu%3F/resume", "POST").json["bridges"]] == ["out"]
    daemon.wait_bridge("out", state="running")
    assert daemon.bridge("in")["state"] == "paused"
    control.ask("/bridges/in/resume", "POST")
    daemon.wait_running()


def test_drain(rig):
    # Does a drained bridge finish what it has, and then stay paused, visibly?
    daemon, control = running(rig, {**IN, "on_no_subscribers": "hold",
                                    "retry": {"min": "20ms", "max": "100ms"}})
    for number in range(5):
        send(rig, b"%d" % number)
    daemon.wait_bridge("in", received=5, pending=5)
    answer = control.ask("/bridges/in/drain", "POST").json
    assert answer["bridges"][0]["operator"] == "draining"
    done = rig.redis.subscribe("done")
    assert [done.body() for _ in range(5)] == [b"0", b"1", b"2", b"3", b"4"]
    daemon.wait_bridge("in", pending=0, state="paused")
    shown = control.ask("/status").json["bridges"][0]
    assert (shown["operator"], shown["state"]) == ("drained", "paused")
    send(rig, b"more")
    holds_for(lambda: done.poll() is None, "nothing more comes", seconds=0.3)
    control.ask("/bridges/in/resume", "POST")
    assert done.body() == b"more"


def test_pause_survives_restart(rig):
    # Is a pause kept beside the spool, over a clean stop and a kill, until it is taken back?
    spool = {"spool": {"directory": str(rig.folder / "spool")}}
    daemon, control = running(rig, **spool)
    assert control.ask("/bridges/in/pause", "POST").json["survives_restart"] is True
    daemon.stop()
    assert json.loads((rig.folder / "spool/paused.json").read_text())["paused"] == ["in"]
    send(rig, b"kept")
    done = rig.redis.subscribe("done")
    for end in (daemon.stop, daemon.kill):
        daemon.start().wait_bridge("out", timeout=30, state="running")
        assert daemon.bridge("in")["state"] == "paused"
        holds_for(lambda: done.poll() is None, "nothing comes", seconds=0.3)
        end()
    daemon.start().wait_bridge("out", timeout=30, state="running")
    control.ask("/bridges/in/resume", "POST")
    assert done.body() == b"kept"
    daemon.stop()
    daemon.start().wait_running()


def test_pause_without_a_place(rig):
    # Without a place to keep it, is that said?
    daemon, control = running(rig)
    assert control.ask("/bridges/in/pause", "POST").json["survives_restart"] is False
    assert "pauses_kept_in=memory" in daemon.log()
    daemon.stop()
    daemon.start().wait_running()


@pytest.mark.parametrize("content", ["", "[]", "{", '{"paused": 5}', '{"paused": [5, "", "x"]}',
                                     "\0" * 100], ids=range(6))
def test_damaged_state_file(rig, content):
    # Does a damaged list of pauses keep nobody from starting?
    (rig.folder / "state.json").write_text(content)
    daemon, control = running(rig, control={"state_file": str(rig.folder / "state.json")})
    assert control.ask("/bridges/in/pause", "POST").json["survives_restart"] is True
    control.ask("/bridges/in/resume", "POST")
    daemon.wait_running()


def test_stale_socket(rig):
    # Is what a killed daemon left behind no obstacle?
    daemon, control = running(rig)
    daemon.kill()
    assert os.path.exists(control.path)
    daemon.start().wait_running()
    assert control.ask("/healthz").status == 200


def test_second_daemon(rig):
    # Is a second daemon on the same socket refused, and the first one left alone?
    daemon, control = running(rig)
    second = make(rig)
    second.start().wait_exit(69)
    assert re.search("control.socket.*another daemon has", second.log())
    assert control.ask("/stats").json["pid"] == daemon.process.pid


def test_no_place_for_socket(rig):
    # Is a path where no socket can be a reason not to start, with the remedy?
    (rig.folder / "file").write_text("")
    for path, words in ((rig.folder / "nowhere/control.sock", "directory must be there"),
                        (rig.folder / "file", "is no socket")):
        daemon = rig.make(OUT, topology=WORK, control={"socket": str(path)})
        daemon.start().wait_exit(69)
        assert re.search(words, daemon.log())
    daemon = rig.make(OUT, topology=WORK, control={"socket": str(rig.folder / "c"),
                                                   "group": "no-such-group"})
    daemon.start().wait_exit(69)
    assert "groupadd" in daemon.log()


def test_slow_clients(rig):
    # Do clients that say nothing keep nobody out?
    daemon, control = running(rig)
    silent = []
    for _ in range(200):
        peer = socket.socket(socket.AF_UNIX)
        peer.connect(str(control.path))
        silent.append(peer)
    wait_until(lambda: control.ask("/healthz").status == 200, "an answer")
    assert control.ask("/bridges/out/pause", "POST").status == 200
    control.ask("/bridges/out/resume", "POST")
    daemon.wait_running()
    for peer in silent:
        peer.close()
