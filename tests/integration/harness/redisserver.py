"""Private Redis servers, and subscriptions to look at what the daemon publishes."""

import os
import pathlib
import signal
import subprocess

import redis

from .ports import free_port
from .waiting import DEADLINE, wait_until


class RedisServer:
    def __init__(self, folder, *arguments, unix=False):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.port = free_port()
        self.socket = self.folder / "redis.sock" if unix else None
        self.arguments = list(arguments)
        self.password = None
        self.process = None
        self._subscriptions = []

    def start(self):
        command = [
            "redis-server", "--port", str(self.port), "--bind", "127.0.0.1",
            "--save", "", "--appendonly", "no", "--dir", str(self.folder),
            "--logfile", str(self.folder / "redis.log"), "--enable-debug-command", "local",
            "--enable-protected-configs", "local",
        ]
        if self.socket:
            command += ["--unixsocket", str(self.socket), "--unixsocketperm", "777"]
        self.process = subprocess.Popen(command + self.arguments, stdin=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL, start_new_session=True)
        wait_until(self._answers, f"Redis answers on port {self.port}")
        return self

    def _answers(self):
        if self.process.poll() is not None:
            raise RuntimeError(f"redis-server ended with {self.process.returncode}:\n{self.log()}")
        try:
            return self.client().ping()
        except redis.exceptions.AuthenticationError:
            return True
        except redis.exceptions.ConnectionError:
            return False

    def url(self, port=None, user="", password=""):
        login = f"{user}:{password}@" if user or password else ""
        return f"redis://{login}127.0.0.1:{port or self.port}"

    def client(self, **options):
        return redis.Redis(port=self.port, password=self.password, socket_timeout=30, **options)

    def subscribe(self, *channels, patterns=()):
        subscription = Subscription(self, channels, patterns)
        self._subscriptions.append(subscription)
        return subscription

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(timeout=DEADLINE)

    def freeze(self):
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self):
        self.process.send_signal(signal.SIGCONT)

    def stop(self):
        for subscription in self._subscriptions:
            subscription.close()
        if self.process and self.process.poll() is None:
            self.kill()

    def subscribers(self, channel):
        return dict(self.client().pubsub_numsub(channel))[channel.encode()]

    def wait_subscriber(self, channel, count=1, timeout=DEADLINE):
        wait_until(lambda: self.subscribers(channel) == count,
                   f"{count} subscribers of channel {channel!r}", timeout)

    def log(self):
        path = self.folder / "redis.log"
        return path.read_text(errors="replace") if path.exists() else ""


class Subscription:
    """A subscriber of the test's own, confirmed when the constructor returns."""

    def __init__(self, server, channels, patterns):
        self._pubsub = server.client().pubsub()
        if channels:
            self._pubsub.subscribe(*channels)
        if patterns:
            self._pubsub.psubscribe(*patterns)
        for _ in range(len(channels) + len(patterns)):
            wait_until(lambda: self._pubsub.get_message(timeout=0.2), "subscription confirmed")

    def poll(self, timeout=0.0):
        """The next message, or None: {"channel": bytes, "data": bytes, ...}."""
        return self._pubsub.get_message(ignore_subscribe_messages=True, timeout=timeout)

    def next(self, timeout=DEADLINE):
        return wait_until(lambda: self.poll(0.2), "a message on Redis", timeout, every=0)

    def body(self, timeout=DEADLINE):
        return self.next(timeout)["data"]

    def take(self, count, timeout=60):
        """The bodies of the next `count` messages."""
        return [self.body(timeout) for _ in range(count)]

    def rest(self):
        """The bodies of everything that Redis has published so far: what stands before its answer
        to a PING."""
        bodies = []
        self._pubsub.ping("the end")
        while (message := self.next())["type"] != "pong":
            bodies.append(message["data"])
        return bodies

    def close(self):
        try:
            self._pubsub.close()
        except OSError:
            pass
