"""A private RabbitMQ for the session, and in it one virtual host a test."""

import contextlib
import os
import pathlib
import re
import signal
import socket
import subprocess
import time
import urllib.parse

import pika

from .ports import free_port
from .waiting import DEADLINE, wait_until

SCRIPT = pathlib.Path(__file__).resolve().parents[3] / "contrib" / "private-rabbitmq"
ERL_CALL = "/usr/lib/erlang/bin/erl_call"
_CONNECT_TRIES = 5


def _can_connect(port):
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


class Broker:
    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.port = free_port(3)
        self.node = f"chunnel{self.port}@localhost"
        self.process = None
        self._vhosts = 0

    # life and death

    def start(self):
        """Begins to start; wait_ready() when it must be there."""
        self.process = subprocess.Popen(
            [str(SCRIPT), str(self.folder), str(self.port)],
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )

    def wait_ready(self, timeout=90):
        def ready():
            if self.process.poll() is not None:
                raise RuntimeError(f"RabbitMQ did not start:\n{self.log_since(0)}")
            return _can_connect(self.port) and self._is_running()

        wait_until(ready, f"RabbitMQ takes connections on port {self.port}", timeout, every=0.05)

    def _is_running(self):
        try:
            return "true" in self.eval("rabbit:is_running()")
        except (RuntimeError, OSError):
            return False

    def restart(self):
        self.start()
        self.wait_ready()

    def _beam_pid(self):
        return int((self.folder / "beam.pid").read_text())

    def kill(self):
        """kill -9 of the Erlang machine."""
        os.kill(self._beam_pid(), signal.SIGKILL)
        self.process.wait(timeout=DEADLINE)

    def freeze(self):
        os.kill(self._beam_pid(), signal.SIGSTOP)

    def thaw(self):
        os.kill(self._beam_pid(), signal.SIGCONT)

    def stop(self):
        if self.process is None or self.process.poll() is not None:
            return
        try:
            # What it holds is of no use to anybody any more: no orderly shutdown.
            self.kill()
        except (OSError, ValueError, subprocess.TimeoutExpired):
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait(timeout=DEADLINE)

    # the operator's tools

    def eval(self, expression):
        """Evaluates an Erlang expression in the broker; its value as text. Takes milliseconds."""
        for _ in range(_CONNECT_TRIES - 1):
            try:
                return self._eval(expression)
            except ConnectionError:  # a busy machine: nothing was evaluated
                time.sleep(0.2)
        return self._eval(expression)

    def _eval(self, expression):
        cookie = (self.folder / ".erlang.cookie").read_text()
        env = dict(os.environ, ERL_EPMD_PORT=str(self.port + 2), HOME=str(self.folder))
        done = subprocess.run(
            [ERL_CALL, "-sname", self.node, "-c", cookie, "-e"],
            input=expression + ".\n",
            capture_output=True, text=True, env=env, timeout=30,
        )
        answer = done.stdout.strip()
        if "failed to connect" in done.stderr:
            raise ConnectionError(f"{expression}: {done.stderr}")
        if done.returncode != 0 or not answer.startswith("{ok,"):
            raise RuntimeError(f"{expression}: {answer} {done.stderr}")
        return answer[len("{ok,"):-1].strip()

    def ctl(self, *arguments):
        """rabbitmqctl; half a second a call."""
        done = subprocess.run(
            ["sh", "-c", '. "$0/env"; exec rabbitmqctl -q "$@"', str(self.folder), *arguments],
            capture_output=True, text=True, timeout=60,
        )
        if done.returncode != 0:
            raise RuntimeError(f"rabbitmqctl {' '.join(arguments)}: {done.stdout}{done.stderr}")
        return done.stdout

    def set_memory_alarm(self, on):
        """The memory alarm stops every publishing connection; returns once it is set or cleared."""
        self.eval(f"vm_memory_monitor:set_vm_memory_high_watermark({'0.00001' if on else '0.4'})")
        wait_until(lambda: (self.eval("rabbit_alarm:get_alarms()") != "[]") == on,
                   f"memory alarm {'on' if on else 'off'}")

    def set_disk_alarm(self, on):
        """The same for the disk alarm, which is looked for every few seconds."""
        self.eval(f"rabbit_disk_monitor:set_disk_free_limit({10 ** 15 if on else 50_000_000})")
        wait_until(lambda: (self.eval("rabbit_alarm:get_alarms()") != "[]") == on,
                   f"disk alarm {'on' if on else 'off'}", 60)

    @contextlib.contextmanager
    def settings(self, **values):
        """Other values of settings of the broker's application, for what begins meanwhile."""
        before = {name: self.eval(f"application:get_env(rabbit, {name})") for name in values}
        for name, value in values.items():
            self.eval(f"application:set_env(rabbit, {name}, {value})")
        try:
            yield
        finally:
            for name, value in before.items():
                known = re.fullmatch(r"\{ok,\s*(.*)\}", value)
                self.eval(f"application:set_env(rabbit, {name}, {known.group(1)})" if known
                          else f"application:unset_env(rabbit, {name})")

    @contextlib.contextmanager
    def user(self, name, password):
        """A user that is there for as long as it takes."""
        self.eval(f'rabbit_auth_backend_internal:add_user(<<"{name}">>, <<"{password}">>, <<"t">>)')
        try:
            yield
        finally:
            self.eval(f'rabbit_auth_backend_internal:delete_user(<<"{name}">>, <<"t">>)')

    def connection_names(self, vhost):
        """What the clients of a virtual host call themselves."""
        text = self.eval(
            "[binary_to_list(proplists:get_value(<<\"connection_name\">>,"
            " [{K, V} || {K, _, V} <- P], <<\"?\">>))"
            " || [{vhost, V0}, {client_properties, P}] <-"
            " rabbit_networking:connection_info_all([vhost, client_properties]),"
            f" V0 =:= <<\"{vhost}\">>]")
        return re.findall(r'"(.*?)"', text)

    def close_connections(self, vhost):
        """As an operator who closes every connection of a virtual host (320)."""
        self.eval(
            "[rabbit_networking:close_connection(P, \"closed by a test\")"
            " || [{pid, P}, {vhost, V}] <- rabbit_networking:connection_info_all([pid, vhost]),"
            f" V =:= <<\"{vhost}\">>]")

    def kill_connections(self, vhost, product):
        """Cuts the connections of a product without a word: kills the processes that serve them."""
        self.eval(
            "[exit(P, kill) || [{pid, P}, {vhost, V}, {client_properties, C}] <-"
            " rabbit_networking:connection_info_all([pid, vhost, client_properties]),"
            f" V =:= <<\"{vhost}\">>, is_list(C), lists:keyfind(<<\"product\">>, 1, C) =:="
            f" {{<<\"product\">>, longstr, <<\"{product}\">>}}]")

    def _log(self):
        return self.folder / "log" / f"{self.node}.log"

    def log_size(self):
        return self._log().stat().st_size

    def log_since(self, size):
        """What its log got after it was `size` bytes long."""
        if not self._log().exists():
            return (self.folder / "log" / "console.log").read_text(errors="replace")
        return self._log().read_bytes()[size:].decode(errors="replace")

    def new_vhost(self):
        self._vhosts += 1
        return Vhost(self, f"test/{self._vhosts}")


class Vhost:
    """A virtual host of one test, with clients of its own. Its name needs %-escapes in a URL."""

    def __init__(self, broker, name):
        self.broker = broker
        self.name = name
        self._connections = []
        self.create()

    def url(self, user="guest", password="guest", port=None):
        vhost = urllib.parse.quote(self.name, safe="")
        return f"amqp://{user}:{password}@127.0.0.1:{port or self.broker.port}/{vhost}"

    def grant(self, user, configure=".*", write=".*", read=".*"):
        self.broker.eval(
            f'rabbit_auth_backend_internal:set_permissions(<<"{user}">>, <<"{self.name}">>,'
            f' <<"{configure}">>, <<"{write}">>, <<"{read}">>, <<"guest">>)')

    def channel(self, confirm=False):
        """A channel on a connection of its own, so that an error on it disturbs nobody."""
        connection = pika.BlockingConnection(pika.URLParameters(self.url()))
        self._connections.append(connection)
        channel = connection.channel()
        if confirm:
            channel.confirm_delivery()
        return channel

    def queues(self):
        """{name: (ready, unacknowledged, consumers)} of its queues."""
        text = self.broker.eval(
            "[[binary_to_list(element(4, proplists:get_value(name, I)))"
            " | [proplists:get_value(K, I, 0) ||"
            " K <- [messages_ready, messages_unacknowledged, consumers]]] ||"
            f" I <- rabbit_amqqueue:info_all(<<\"{self.name}\">>,"
            " [name, messages_ready, messages_unacknowledged, consumers])]")
        found = re.findall(r'\["([^"]*)",\s*(\d+),\s*(\d+),\s*(\d+)\]', text)
        return {name: tuple(map(int, numbers)) for name, *numbers in found}

    def ready(self, queue):
        return self.queues().get(queue, (0, 0, 0))[0]

    def unacknowledged(self):
        return sum(unacked for _, unacked, _ in self.queues().values())

    def wait_consumer(self, queue, count=1, timeout=DEADLINE):
        wait_until(lambda: self.queues().get(queue, (0, 0, 0))[2] == count,
                   f"{count} consumers on queue {queue!r}", timeout)

    def get(self, queue, timeout=DEADLINE, channel=None):
        """The next message of a queue: (method, properties, body)."""
        own = channel or self.channel()
        try:
            return wait_until(lambda: _get(own, queue), f"a message in queue {queue!r}", timeout)
        finally:
            if channel is None:
                own.connection.close()

    def take(self, queue, count, timeout=60):
        """The bodies of the next `count` messages of a queue, consumed in bulk."""
        return [body for _, _, body in self.take_messages(queue, count, timeout)]

    def take_messages(self, queue, count, timeout=60):
        channel = self.channel()
        channel.basic_qos(prefetch_count=1000)
        taken = []
        acknowledged = 0
        deadline = time.monotonic() + timeout
        while len(taken) < count:
            if time.monotonic() > deadline:
                raise AssertionError(f"only {len(taken)} of {count} messages in queue {queue!r}")
            method, properties, body = next(channel.consume(queue, inactivity_timeout=0.2))
            if method is None:
                continue
            taken.append((method, properties, body))
            if len(taken) == count or len(taken) - acknowledged == 500:
                channel.basic_ack(method.delivery_tag, multiple=True)
                acknowledged = len(taken)
        channel.cancel()
        channel.connection.close()
        return taken

    def close(self):
        for connection in self._connections:
            try:
                connection.close()
            except Exception:  # closed by the scenario, or its broker was killed
                pass

    def remove(self):
        """Deletes it, with all that is in it, under whoever uses it."""
        self.broker.eval(f'rabbit_vhost:delete(<<"{self.name}">>, <<"guest">>)')

    def create(self):
        self.broker.eval(f'rabbit_vhost:add(<<"{self.name}">>, <<"guest">>)')
        self.grant("guest")

    def delete(self):
        self.close()
        self.remove()


def _get(channel, queue):
    method, properties, body = channel.basic_get(queue, auto_ack=True)
    return (method, properties, body) if method else None
