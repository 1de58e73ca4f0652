"""chunnelctl: does it show and do what it says, with exit statuses that scripts can use?"""

import fcntl
import json
import os
import pty
import re
import socket
import struct
import subprocess
import termios
import threading

import pytest

from harness.ctl import Steered, ctl, ctl_program
from harness.waiting import wait_until

WORK = {"queues": [{"name": "work"}, {"name": "back"}]}
OUT = {"name": "out", "from": {"channel": "orders"}, "to": {"queue": "work"}}
IN = {"name": "in", "from": {"queue": "back"}, "to": {"channel": "done"}}


def steer(rig, *bridges, **more):
    return Steered(rig, *(bridges or (OUT, IN)), **{"topology": WORK, **more})


@pytest.mark.parametrize("arguments", [
    (), ("frob",), ("pause",), ("drain",), ("check",), ("status", "x"), ("pause", "a", "b"),
    ("--frob",), ("--socket",), ("top", "--count", "0"), ("top", "--count", "x"), ("top", "--count=")])
def test_usage(arguments):
    # Are wrong arguments told, with a hint?
    status, out, err = ctl(*arguments)
    assert (status, out) == (64, "")
    assert err.startswith("chunnelctl: ") and "--help" in err


def test_help_and_version():
    # Are help and version there without a daemon?
    status, out, _ = ctl("--help")
    assert status == 0
    assert ctl("-h") == (0, out, "")
    for word in ("status", "stats", "top", "pause", "resume", "drain", "reload", "trace", "check",
                 "--socket"):
        assert word in out
    status, out, _ = ctl("--version")
    assert (status, bool(re.fullmatch(r"chunnelctl \d+\.\d+\.\d+\n", out))) == (0, True)


def test_no_daemon(tmp_path):
    # Is a missing daemon told with what to do, also on a file that is no socket?
    (tmp_path / "file").write_text("")
    for path in (tmp_path / "none", tmp_path / "file", tmp_path / ("x" * 200)):
        for command in (("status",), ("stats",), ("top",), ("pause", "x"), ("reload",)):
            status, out, err = ctl("--socket", path, *command)
            assert (status, out) == (69, ""), (path, command)
            assert "is the daemon running" in err
    assert ctl("status", CHUNNELCTL_SOCKET=str(tmp_path / "none"))[0] == 69


def test_no_chunneld(tmp_path):
    # Is something else that listens there told apart?
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "s"))
        listener.listen()

        def answer():
            peer = listener.accept()[0]
            peer.recv(1000)
            peer.sendall(b"220 mail.example ESMTP\r\n\r\n")
            peer.close()

        thread = threading.Thread(target=answer)
        thread.start()
        status, out, err = ctl("--socket", tmp_path / "s", "status")
        thread.join()
    assert (status, out) == (76, "") and "no chunneld" in err


def test_check(tmp_path):
    # Is a configuration checked as the daemon does it, without one?
    good = tmp_path / "good.json"
    good.write_text(json.dumps({"connections": {"r": {"url": "redis://h"}, "a": {"url": "amqp://h"}},
                                "bridges": [OUT]}))
    assert ctl("check", good) == (0, f"{good}: ok, 1 bridges\n", "")
    assert json.loads(ctl("--json", "check", good)[1]) == {"ok": True, "bridges": 1}
    bad = tmp_path / "bad.json"
    bad.write_text('{"connections": {}, "bridge": []}')
    status, out, err = ctl("check", bad)
    assert (status, out) == (78, "")
    assert re.match(re.escape(str(bad)) + r":1:\d+: /bridge: unknown key", err)


def test_status(rig):
    # Does a person see what runs, and a program the same as JSON?
    steered = steer(rig)
    steered.daemon.wait_running()
    status, out, err = steered("status")
    assert (status, err) == (0, "")
    assert "All is well." in out
    assert re.search(r"^redis +redis +up ", out, re.M)
    assert re.search(r"^out +running +channel orders → queue work +0 +0 +0", out, re.M)
    assert re.search(r"^in +running +queue back → channel done", out, re.M)
    told = json.loads(steered("status", "--json")[1])
    assert [bridge["name"] for bridge in told["bridges"]] == ["out", "in"]
    assert told["problems"] == []
    assert json.loads(steered("stats")[1])["pid"] == steered.daemon.process.pid


def test_status_of_trouble(rig):
    # Does what is wrong come first, in plain words, with its cause and remedy?
    away = rig.proxy(rig.broker.port)
    away.refuse()
    steered = steer(rig, amqp_url=rig.rabbit.url(port=away.port))
    steered.daemon.wait_stats(lambda stats: stats["connections"]["rabbit"]["last_error"], "an error")

    def told_once():
        """One cause for them all; while the connection is being made it has none."""
        status, out, _ = steered("status")
        assert status == 0
        return re.search(r"^WRONG\n  connection rabbit: \w+\n  2 bridges: waiting: out, in\n"
                         r"      [A-Z].+\.\n      \S.+\n      [A-Z].+\.\n\nCONNECTION ", out, re.M)

    wait_until(told_once, "the cause is told once")
    steered.daemon.stop()


def test_status_of_wrong_password(rig):
    # Is a wrong password told as one, with where it stands?
    steered = steer(rig, amqp_url=re.sub("guest:guest", "guest:wrong", rig.rabbit.url()))
    steered.daemon.wait_stats(lambda stats: stats["connections"]["rabbit"]["last_error"], "an error")
    out = steered("status")[1]
    assert "ACCESS_REFUSED" in out and "password_file" in out
    assert "wrong@" not in out
    steered.daemon.stop()


def test_pause_resume_drain(rig):
    # Do the words do what they say, with what is pending told?
    steered = steer(rig)
    steered.daemon.wait_running()
    status, out, err = steered("pause", "i?")
    assert (status, out) == (0, "in: paused, 0 pending\n")
    assert "a restart of the daemon forgets this" in err
    steered.daemon.wait_bridge("in", state="paused")
    assert "bridge in: paused\n      by the operator\n" in steered("status")[1]
    assert steered("resume", "in")[0] == 0
    steered.daemon.wait_running()
    status, out, _ = steered("drain", "*")
    assert (status, out) == (0, "out: drained, 0 pending\nin: drained, 0 pending\n")
    assert len(json.loads(steered("--json", "resume", "*")[1])["bridges"]) == 2
    steered.daemon.wait_running()
    status, out, err = steered("pause", "nobody")
    assert (status, out) == (66, "") and "no bridge" in err
    assert steered("pause", "")[0] == 69


def test_drain_waits(rig):
    # Does drain come back only when nothing is pending, unless it is told not to wait?
    steered = steer(rig, {**IN, "on_no_subscribers": "hold",
                            "retry": {"min": "20ms", "max": "100ms"}})
    steered.daemon.wait_running()
    rig.rabbit.channel(confirm=True).basic_publish("", "back", b"x")
    steered.daemon.wait_bridge("in", pending=1)
    assert steered("drain", "--no-wait", "in")[1] == "in: draining, 1 pending\n"
    waiting = subprocess.Popen([ctl_program(), "--socket", str(steered.socket), "drain", "in"],
                               stdout=subprocess.PIPE, text=True)
    done = rig.redis.subscribe("done")
    assert done.body() == b"x"
    assert waiting.communicate(timeout=30)[0] == "in: drained, 0 pending\n"
    steered("resume", "in")
    steered.daemon.wait_running()


def test_names_of_any_bytes(rig):
    # Does a name that no bridge can have do no harm?
    steered = steer(rig)
    steered.daemon.wait_running()
    for name in ("../reload", "a b", "%2e", "x\r\nPOST /reload HTTP/1.0\r\n\r\n", "[", "é", "*" * 500):
        assert steered("pause", name)[0] in (66, 69), name
    steered.daemon.wait_running()


def test_top_in_a_pipe(rig):
    # Does top without a terminal write plain frames and end?
    steered = steer(rig)
    steered.daemon.wait_running()
    status, out, _ = steered("top")
    assert status == 0 and "\x1b" not in out
    assert out.count("DELIVERED/s") == 2


def test_top_in_a_terminal(rig):
    # Does top draw, sort by keys, and leave the terminal as it was?
    steered = steer(rig)
    steered.daemon.wait_running()
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 100, 0, 0))
    before = termios.tcgetattr(slave)
    top = subprocess.Popen([ctl_program(), "--socket", str(steered.socket), "top"], stdin=slave,
                           stdout=slave, stderr=slave)
    seen = [b""]

    def read():
        seen[0] += os.read(master, 65536)
        return seen[0]

    wait_until(lambda: b"q quit" in read(), "a frame")
    order = re.findall(rb"^(out|in) +running", seen[0].replace(b"\r", b""), re.M)
    assert set(order) == {b"out", b"in"}
    seen[0] = b""
    os.write(master, b"n")
    wait_until(lambda: b"q quit" in read(), "a frame in another order")
    assert re.findall(rb"^(out|in) +running", seen[0].replace(b"\r", b""), re.M)[:2] == [b"in", b"out"]
    os.write(master, b"q")
    wait_until(lambda: top.poll() is not None, "the end")
    assert top.returncode == 0
    assert termios.tcgetattr(slave) == before
    wait_until(lambda: b"\x1b[?1049l" in seen[0] or b"\x1b[?1049l" in read(), "the screen is back")
    os.close(master)
    os.close(slave)
