"""HTTP for the operator: is it right for those who ask rightly, and a closed door for the rest?"""

import os
import re
import socket
import threading
import time

import pytest

from harness.daemon import COUNTERS, assert_books, run
from harness.waiting import wait_until
from harness.web import Web

WORK = {"queues": [{"name": "work"}, {"name": "back"}]}
OUT = {"name": "out", "from": {"channel": "orders"}, "to": {"queue": "work"}}
IN = {"name": "in", "from": {"queue": "back"}, "to": {"channel": "done"}}
OFF = {"name": "off", "enabled": False, "from": {"channel": "x"}, "to": {"queue": "work"}}
GET = b"GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n"


def running(rig, *bridges, **http):
    """A daemon with HTTP whose bridges run, and its HTTP."""
    web = Web()
    daemon = rig.make(*(bridges or (OUT, IN)), topology=WORK, http={"listen": web.listen, **http})
    daemon.start().wait_stats(lambda stats: all(bridge["state"] == "running" or name == "off"
                                                for name, bridge in stats["bridges"].items()),
                              "all bridges but the disabled one are running", 30)
    return web


def test_wrong_methods(rig):
    # Is whatever could change something refused, with the methods that are right?
    web = running(rig)
    for method in ("POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"):
        for path in ("/", "/stats", "/bridges/out/pause", "/reload"):
            answer = web.ask(path, method)
            assert answer.status == 405, (method, path)
            assert answer.headers["Allow"] == "GET, HEAD"
    unknown = web.raw(b"FOO /stats HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    assert re.match(rb"HTTP/1\.1 [45]\d\d ", unknown)
    assert rig.daemons[0].bridge("out")["state"] == "running"


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "localhost.evil.example",
                                  "127.0.0.1.evil.example", "", "[::2]", "10.0.0.1"])
def test_wrong_host(rig, host):
    # Does a page that a foreign name leads here get nothing?
    web = running(rig)
    for path in ("/", "/stats", "/metrics", "/healthz"):
        answer = web.ask(path, Host=host)
        assert answer.status == 421
        assert "allow_hosts" in answer.text
    assert b" 421 " in web.raw(b"GET /stats HTTP/1.0\r\n\r\n")


def test_right_hosts(rig):
    # Are the names that mean this machine, and those allowed, let in?
    web = running(rig, allow_hosts=["gw.example", "other.example:8443"])
    for host in ("localhost", "LOCALHOST:1", "127.0.0.1", "127.0.0.1:9419", "[::1]", "[::1]:80",
                 "127.9.9.9", "gw.example", "gw.example:443", "GW.example", "other.example:8443"):
        assert web.ask("/healthz", Host=host).status == 200, host


def test_token(rig):
    # With a token file, does everything but health want the token?
    rig.folder.joinpath("token").write_text("s3cret-token\n")
    web = running(rig, token_file="token")
    for path in ("/", "/stats", "/metrics", "/nothing"):
        for wrong in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": "s3cret-token"},
                      {"Authorization": "Bearer s3cret-toke"}, {"Authorization": "Bearer "},
                      {"Authorization": "Bearer s3cret-tokens"}):
            answer = web.ask(path, **wrong)
            assert answer.status == 401, (path, wrong)
            assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    assert web.ask("/stats", Authorization="Bearer s3cret-token").status == 200
    assert web.ask("/healthz").status == 200
    assert web.ask("/readyz").status == 200
    assert "s3cret" not in rig.daemons[0].log()
    assert "s3cret" not in run("--print-config", "-c", rig.daemons[0].config_file)[1]


def test_wrong_paths(rig):
    # Is a path that is no page just that, however it is written?
    web = running(rig)
    for path in ("/../etc/passwd", "/stats/../stats", "//stats", "/stats/", "/%2e%2e/stats", "/STATS",
                 "/bridges/out", "/%00", "/stats%00", "/" + "a" * 5000):
        assert web.ask(path).status == 404, path


@pytest.mark.parametrize("data", [
    b"GET /stats HTTP/1.1\r\nHost: localhost\r\nX: " + b"a" * (1 << 20) + b"\r\n\r\n",
    b"GET /" + b"a" * (1 << 20) + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"GET /stats HTTP/1.1\r\nHost: localhost\r\n" + b"X: y\r\n" * 100000 + b"\r\n",
    b"GET /stats HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\n" + b"a" * 1000000,
    b"GET /stats HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",
    b"GET /stats HTTP/9.9\r\nHost: localhost\r\n\r\n",
    b"GET stats\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" * 10 + b"\r\n\r\n",
    b"POST /reload HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"fffffffffffffff\r\n",
], ids=["header", "uri", "headers", "body", "length", "version", "line", "tls", "chunk"])
def test_bad_requests(rig, data):
    # Is what is too large or malformed refused or closed, with the daemon unharmed?
    web = running(rig)
    with socket.create_connection(("127.0.0.1", web.port), 30) as peer:
        try:
            peer.sendall(data)
            got = peer.recv(65536)
        except (ConnectionResetError, BrokenPipeError):
            got = b""
    assert got == b"" or re.match(rb"HTTP/1\.[01] [45]\d\d ", got), got[:100]
    assert web.ask("/healthz").status == 200


def test_pipelining(rig):
    # Do requests sent in one go get their answers in order?
    web = running(rig)
    got = web.raw(GET % b"/healthz" + GET % b"/nothing" + GET % b"/readyz"
                  + b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    assert re.findall(rb"HTTP/1\.1 (\d+)", got) == [b"200", b"404", b"200", b"200"]


def test_headers(rig):
    # Does every answer keep browsers from guessing, caching, framing and telling?
    web = running(rig)
    for path in ("/healthz", "/readyz", "/stats", "/metrics", "/nothing"):
        headers = web.ask(path).headers
        assert "default-src 'none'" in headers["Content-Security-Policy"]
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "no-referrer"
        assert headers["Cache-Control"] == "no-store"
        head = web.ask(path, "HEAD")
        assert head.body == b""
        assert head.headers["Content-Type"] == headers["Content-Type"]


def test_health_and_stats(rig):
    # Does readyz follow the enabled bridges, and is /stats what the channel gets?
    web = running(rig, OUT, OFF)
    assert web.ask("/healthz").text == "ok\n"
    ready = web.ask("/readyz")
    assert (ready.status, ready.json) == (
        200, {"ready": True, "enabled": 1, "running": 1, "problems": []})
    rig.redis.client().publish("orders", b"x")
    daemon = rig.daemons[0]
    published = daemon.wait_bridge("out", delivered=1)
    stats = web.ask("/stats").json
    assert_books(stats)
    assert stats.keys() == daemon.stats().keys()
    assert {key: stats["bridges"]["out"][key] for key in COUNTERS} == {
        key: published[key] for key in COUNTERS}


def test_not_ready(rig):
    # Is what is wrong told with its cause and remedy, while health stays good?
    away = rig.proxy(rig.broker.port)
    away.refuse()
    web = Web()
    rig.make(OUT, topology=WORK, amqp_url=rig.rabbit.url(port=away.port),
             http={"listen": web.listen}).start()
    daemon = rig.daemons[0]
    daemon.wait_stats(lambda stats: stats["bridges"]["out"]["last_error"], "an error")
    answer = web.ask("/readyz")
    assert answer.status == 503
    problems = {name: problem for problem in answer.json["problems"]
                for name in [problem.get("connection") or problem.get("bridge")]}
    assert answer.json["ready"] is False
    assert problems["rabbit"]["cause"] and problems["rabbit"]["remedy"]
    assert problems["out"]["state"] == "waiting"
    assert problems["out"]["cause"]
    assert web.ask("/healthz").status == 200
    daemon.stop()


def test_running_but_holding(rig):
    # Is a bridge that runs, but whose messages nobody takes, told at once with the reason?
    web = running(rig, {**IN, "on_no_subscribers": "hold",
                        "retry": {"min": "20ms", "max": "100ms"}})
    rig.rabbit.channel(confirm=True).basic_publish("", "back", b"x")

    def problems():
        answer = web.ask("/readyz")
        return answer.status == 200 and answer.json["problems"]

    problem = wait_until(problems, "a problem is told", 40)[0]
    assert (problem["bridge"], problem["state"]) == ("in", "holding")
    assert "subscribed" in problem["cause"] and "subscriber" in problem["remedy"]
    done = rig.redis.subscribe("done")
    assert done.body() == b"x"
    wait_until(lambda: web.ask("/readyz").json["problems"] == [], "all is well again", 40)


def test_thousand_slow_clients(rig):
    # Do a thousand clients that never finish their request leave bridges and other clients alone?
    web = running(rig)
    daemon = rig.daemons[0]
    before = daemon.stats()["loop_lag_ms"]["max"]
    slow = []
    try:
        for number in range(1000):
            peer = socket.socket()
            peer.setblocking(False)
            try:
                peer.connect(("127.0.0.1", web.port))
            except BlockingIOError:
                pass
            slow.append(peer)
            if number % 100 == 0:
                assert web.ask("/healthz").status == 200
        for peer in slow:
            try:
                peer.send(b"GET /stats HTTP/1.1\r\nHost: loc")
            except OSError:
                pass  # it was one too many, and closed
        client = rig.redis.client()
        for number in range(50):
            client.publish("orders", b"x")
            daemon.wait_bridge("out", delivered=number + 1)
        assert web.ask("/healthz").status == 200
        assert web.ask("/readyz").status == 200
        with open(f"/proc/{daemon.process.pid}/status", encoding="ascii") as status:
            descriptors = re.search(r"FDSize:\s+(\d+)", status.read())
        assert int(descriptors.group(1)) <= 512
        assert daemon.stats()["loop_lag_ms"]["max"] < before + 1000
    finally:
        for peer in slow:
            peer.close()


def test_slow_request_ends(rig):
    # Is a request that drips closed in the end, while one that is asked for stays?
    web = running(rig)
    with socket.create_connection(("127.0.0.1", web.port), 60) as peer:
        began = time.monotonic()
        closed = threading.Event()

        def drip():
            while not closed.wait(0.3):
                try:
                    peer.send(b"G")
                except OSError:
                    return

        thread = threading.Thread(target=drip)
        thread.start()
        try:
            got = peer.recv(100)
        except ConnectionResetError:
            got = b""
        closed.set()
        thread.join()
        assert got == b"" or b" 400 " in got
        assert 5 < time.monotonic() - began < 55


def test_many_requests(rig):
    # Are connections that come and go one after the other all served, and none kept?
    web = running(rig)
    for _ in range(500):
        assert web.ask("/healthz").status == 200
    wait_until(lambda: len(_descriptors(rig.daemons[0])) < 60, "descriptors are given back")


def _descriptors(daemon):
    return os.listdir(f"/proc/{daemon.process.pid}/fd")


def test_taken_port(rig):
    # Is a port that somebody has a reason not to start, with the remedy?
    web = Web()
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", web.port))
        holder.listen()
        daemon = rig.make(OUT, topology=WORK, http={"listen": web.listen})
        daemon.start()
        daemon.wait_exit(69)
    assert re.search(rf"port {web.port} is taken.*choose another port", daemon.log())
