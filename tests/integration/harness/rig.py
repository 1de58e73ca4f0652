"""The bench on which one scenario is set up: a Redis, a virtual host of the session's RabbitMQ,
daemons, proxies. Servers are made when first asked for."""

import json
import os
import shutil

import redis

from .daemon import Daemon
from .proxy import Proxy
from .redisserver import RedisServer
from .waiting import wait_until

FAST_RETRY = {"min": "20ms", "max": "200ms"}


class Rig:
    def __init__(self, folder, broker):
        self.folder = folder
        self.broker = broker
        self.daemons = []
        self.account = None  # of a fault's scenario: harness/account.py
        self._redis_servers = []
        self._proxies = []
        self._vhost = None
        self._redis = None
        self._observer = None
        self._broker_log_start = broker.log_size()

    # servers

    @property
    def redis(self):
        """The Redis that the bridges use; started at first use."""
        if self._redis is None:
            self._redis = self.new_redis("redis")
        return self._redis

    @property
    def observer(self):
        """A second Redis that carries nothing but stats, for scenarios that hurt the first."""
        if self._observer is None:
            self._observer = self.new_redis("observer")
        return self._observer

    def new_redis(self, name, *arguments, **options):
        server = RedisServer(self.folder / name, *arguments, **options).start()
        self._redis_servers.append(server)
        return server

    @property
    def rabbit(self):
        """The test's own virtual host."""
        if self._vhost is None:
            self._vhost = self.broker.new_vhost()
        return self._vhost

    def proxy(self, port, **options):
        proxy = Proxy(port, **options)
        self._proxies.append(proxy)
        return proxy

    # the daemon

    def config(self, *bridges, redis_url=None, amqp_url=None, observed=False, **more):
        """A configuration for these bridges. `observed`: the stats go over the second Redis, and
        the bridges' endpoints name their connections."""
        connections = {
            "redis": {"url": redis_url or self.redis.url(), "reconnect": FAST_RETRY,
                      "connect_timeout": "20s"},
            "rabbit": {"url": amqp_url or self.rabbit.url(), "reconnect": FAST_RETRY,
                       "connect_timeout": "20s", "heartbeat": "20s"},
        }
        stats = {"channel": "chunnel.stats", "interval": "100ms"}
        if observed:
            connections["observer"] = {"url": self.observer.url(), "reconnect": FAST_RETRY}
            stats["connection"] = "observer"
            bridges = [_name_connections(bridge) for bridge in bridges]
        for name, extra in more.pop("connections", {}).items():
            connections.setdefault(name, {}).update(extra)
        return {"instance": "gw-test", "connections": connections, "bridges": list(bridges),
                "stats": stats, "log": {"level": "debug"}, **more}

    def make(self, *bridges, env=None, arguments=(), prefix=(), **more):
        """A daemon for these bridges, not yet started. `prefix`: the words of a program that
        becomes the daemon, before its own."""
        config = self.config(*bridges, **more)
        observer = self.observer if "connection" in config["stats"] else self.redis
        name = "chunneld" if not self.daemons else f"chunneld-{len(self.daemons) + 1}"
        daemon = Daemon(self.folder, config, observer, name, env, arguments, prefix)
        self.daemons.append(daemon)
        return daemon

    def run(self, *bridges, **more):
        """A daemon whose bridges all run."""
        return self.make(*bridges, **more).start().wait_running()

    # the end

    def check_end(self):
        """The books of every daemon that still runs balance, nothing is held back, and it stops
        cleanly; nothing in RabbitMQ waits for an acknowledgement."""
        for daemon in self.daemons:
            if daemon.is_alive():
                daemon.wait_idle()
            if self.account is not None and daemon.process is not None:
                self.account.daemon(daemon)
        if self._vhost is not None:
            wait_until(lambda: self.rabbit.unacknowledged() == 0,
                       "no message in RabbitMQ is unacknowledged")
        for daemon in self.daemons:
            if daemon.is_alive():
                daemon.stop()
            daemon.check_log()

    def logs(self):
        """(title, text) of every log of the scenario, the most telling one last."""
        yield "rabbitmq", self.broker.log_since(self._broker_log_start)
        for server in self._redis_servers:
            yield f"redis ({server.folder.name})", server.log()
        for daemon in self.daemons:
            yield f"{daemon.config_file.name}", json.dumps(daemon.config)
            yield f"{daemon.log_file.name}", daemon.log()

    def tear_down(self):
        for daemon in self.daemons:
            daemon.kill()
        for proxy in self._proxies:
            proxy.stop()
        for server in self._redis_servers:
            try:
                server.thaw()
                server.stop()
            except (redis.exceptions.RedisError, OSError):
                pass
        if self._vhost is not None:
            self._vhost.delete()
        if not os.environ.get("CHUNNELD_TEST_KEEP"):
            shutil.rmtree(self.folder, ignore_errors=True)


def _name_connections(bridge):
    if "rpc" in bridge:
        return {**bridge, "rpc": _name_connections(bridge["rpc"])}
    if "mirror" in bridge:
        return {**bridge, "mirror": {"redis_connection": "redis", "amqp_connection": "rabbit",
                                     **bridge["mirror"]}}
    bridge = {key: dict(value) if key in ("from", "to") else value
              for key, value in bridge.items()}
    redis_words = {"channel", "pattern"}
    for end in ("from", "to"):
        if "connection" not in bridge[end]:
            is_redis = redis_words & bridge[end].keys()
            bridge[end]["connection"] = "redis" if is_redis else "rabbit"
    return bridge
