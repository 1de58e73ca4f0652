"""Start and stop: what a service manager sees, and that an orderly end loses nothing."""

import os
import re
import signal
import socket
import sys
import threading
import time

import pytest

from harness.bulk import publish_all
from harness.waiting import DEADLINE, wait_until

WORK = {"queues": [{"name": "work"}, {"name": "back"}]}
OUT = {"name": "out", "from": {"channel": "orders"}, "to": {"queue": "work"}}
IN = {"name": "in", "from": {"queue": "back"}, "to": {"channel": "done"}}


class Notify:
    """The service manager's end of NOTIFY_SOCKET."""

    def __init__(self, path):
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(path))
        self._socket.settimeout(0.2)
        self.said = []  # (monotonic time, line)
        self.env = {"NOTIFY_SOCKET": str(path)}

    def poll(self):
        try:
            while True:
                lines = self._socket.recv(4096).decode().splitlines()
                self.said += [(time.monotonic(), line) for line in lines]
                self._socket.settimeout(0)
        except (BlockingIOError, socket.timeout):
            self._socket.settimeout(0.2)

    def times(self, word):
        self.poll()
        return [when for when, line in self.said if line.startswith(word)]

    def wait(self, word, count=1, timeout=DEADLINE):
        wait_until(lambda: len(self.times(word)) >= count, f"{count} times {word}", timeout, every=0)


@pytest.fixture
def notify(rig):
    return Notify(rig.folder / "notify")


def test_notifies_systemd(rig, notify):
    # Is the service manager told when it is ready, how it is, that it lives, and that it stops?
    daemon = rig.make(OUT, IN, topology=WORK,
                      env={**notify.env, "WATCHDOG_USEC": "3000000"})
    daemon.start()
    notify.wait("READY=1")
    daemon.wait_running()
    notify.wait("STATUS=")
    notify.wait("WATCHDOG=1", count=3)
    first, _, third = notify.times("WATCHDOG=1")[:3]
    assert third - first < 2 * 3, "later than the service manager waits"
    daemon.stop()
    notify.wait("STOPPING=1")
    words = [line.split("=")[0] for _, line in notify.said]
    assert words.count("READY") == 1
    assert words.index("READY") < words.index("STOPPING")


def test_no_watchdog_unless_asked(rig, notify):
    # Without WATCHDOG_USEC, or with it for another process, are there no signs of life?
    daemon = rig.make(OUT, topology=WORK,
                      env={**notify.env, "WATCHDOG_USEC": "100000", "WATCHDOG_PID": "1"})
    daemon.start().wait_running()
    notify.wait("READY=1")
    first = daemon.stats()["uptime_s"]
    wait_until(lambda: daemon.stats()["uptime_s"] > first + 0.5, "half a second")
    assert not notify.times("WATCHDOG=1")


def early(*signals):
    """The words of a program that sends itself signals, to which nobody listens yet, and becomes
    the daemon."""
    numbers = [int(number) for number in signals]
    return [sys.executable, "-c",
            f"import os, signal, sys; signal.pthread_sigmask(signal.SIG_BLOCK, {numbers});"
            f" [os.kill(os.getpid(), number) for number in {numbers}];"
            " os.execv(sys.argv[1], sys.argv[1:])"]


def test_signals_before_it_can_listen(rig):
    # Are signals that come while it still reads its configuration obeyed when it has?
    daemon = rig.make(OUT, topology=WORK, prefix=early(signal.SIGHUP)).start()
    daemon.wait_stats(lambda stats: stats["reloads"]["count"] == 1, "it has reloaded")
    daemon.stop()
    daemon.prefix = early(signal.SIGTERM)
    daemon.start().wait_exit(0)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_stops_when_idle(rig, number):
    # Does it stop at once and cleanly, and say goodbye to its servers?
    daemon = rig.run(OUT, IN, topology=WORK, shutdown_timeout="60s")
    log_before = rig.broker.log_size()
    began = time.monotonic()
    daemon.stop(number)
    assert time.monotonic() - began < 20
    wait_until(lambda: not rig.broker.connection_names(rig.rabbit.name), "gone from RabbitMQ")
    # Connections of scenarios before may be in the log too.
    bad_end = rf"vhost: '{rig.rabbit.name}'.*\n.*client unexpectedly closed TCP connection"
    assert not re.search(bad_end, rig.broker.log_since(log_before))
    wait_until(lambda: rig.redis.subscribers("orders") == 0, "gone from Redis")


def test_unfinished_messages_go_back_to_their_queue(rig):
    # With a sink that does not answer at the end, are the broker's messages the broker's again?
    proxy = rig.proxy(rig.redis.port)
    daemon = rig.run(IN, topology=WORK, observed=True, redis_url=rig.redis.url(port=proxy.port),
                     shutdown_timeout="500ms")
    proxy.down.stall()
    channel = rig.rabbit.channel(confirm=True)
    for number in range(10):
        channel.basic_publish("", "back", str(number))
    daemon.wait_bridge("in", pending=10)
    daemon.stop()
    assert sorted(map(int, rig.rabbit.take("back", 10))) == list(range(10))


def test_second_signal_ends_at_once(rig):
    # Does a second SIGTERM not wait for anything any more?
    way = rig.proxy(rig.broker.port)
    daemon = rig.run(OUT, topology=WORK, amqp_url=rig.rabbit.url(port=way.port),
                     shutdown_timeout="60s")
    way.refuse()
    way.reset_all()
    daemon.wait_bridge("out", state="waiting")
    rig.redis.client().publish("orders", b"x")
    daemon.wait_bridge("out", pending=1)
    lines = len(daemon.log().splitlines())
    daemon.send_signal(signal.SIGTERM)
    wait_until(lambda: len(daemon.log().splitlines()) > lines and "stopping" in daemon.log(),
               "it says that it stops")
    assert daemon.is_alive()
    daemon.send_signal(signal.SIGTERM)
    daemon.process.wait(timeout=DEADLINE)
    daemon.check_log()
