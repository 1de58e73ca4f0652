"""The daemon under test: its configuration files, its process, its log and its stats."""

import ctypes
import datetime
import functools
import json
import os
import pathlib
import re
import signal
import subprocess

from .vitals import Life
from .waiting import DEADLINE, wait_until

COUNTERS = ("received", "delivered", "filtered", "dropped", "dead_lettered", "returned", "pending",
            "retried", "unroutable", "no_subscribers", "buffered", "spooled", "in_flight",
            "bytes_in", "bytes_out")
_PR_SET_PDEATHSIG = 1
_SANITIZER_WORDS = re.compile(r"(AddressSanitizer|LeakSanitizer|runtime error:|Assertion .* failed)")


def program():
    """The daemon to test, from the environment."""
    path = os.environ.get("CHUNNELD")
    if not path or not os.access(path, os.X_OK):
        raise RuntimeError("set CHUNNELD to the chunneld program to test")
    return os.path.abspath(path)


@functools.cache
def is_sanitized():
    """Whether it is built with sanitizers, which cost time and memory of their own."""
    return b"__asan_init" in pathlib.Path(program()).read_bytes()


def run(*arguments, env=None, timeout=30):
    """Runs the daemon to its end: (status, stdout, stderr)."""
    done = subprocess.run([program(), *map(str, arguments)], capture_output=True, text=True,
                          env=_environment(env), timeout=timeout)
    assert not _SANITIZER_WORDS.search(done.stderr), done.stderr
    return done.returncode, done.stdout, done.stderr


def _environment(extra):
    env = {name: value for name, value in os.environ.items() if not name.startswith("CHUNNELD_")}
    env.pop("NOTIFY_SOCKET", None)
    env.setdefault("ASAN_OPTIONS", "abort_on_error=0:exitcode=99:detect_leaks=1")
    env.setdefault("UBSAN_OPTIONS", "print_stacktrace=1:exitcode=99")
    env.update(extra or {})
    return env


def _moment(stats):
    return datetime.datetime.fromisoformat(stats["time"].replace("Z", "+00:00"))


def assert_books(stats):
    """Every message that a bridge took in is in exactly one of its books."""
    for name, bridge in stats["bridges"].items():
        for counter in COUNTERS:
            assert isinstance(bridge[counter], int) and bridge[counter] >= 0, (name, counter, bridge)
        assert bridge["received"] == (
            bridge["delivered"] + bridge["filtered"] + bridge["dropped"]
            + bridge["dead_lettered"] + bridge["returned"] + bridge["pending"]), (name, bridge)
        assert bridge["pending"] == (
            bridge["buffered"] + bridge["spooled"] + bridge["in_flight"]), (name, bridge)


class Daemon:
    def __init__(self, folder, config, observer, name="chunneld", env=None, arguments=(),
                 prefix=()):
        """`observer` is the Redis server on which the stats are published."""
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.config = config
        self.config_file = self.folder / f"{name}.json"
        self.log_file = self.folder / f"{name}.log"
        self.env = env
        self.arguments, self.prefix = arguments, prefix
        self.process = None
        self.lives = []
        self._newest = None
        self._stats = observer.subscribe(config["stats"]["channel"]) if observer else None

    @staticmethod
    def write_config(config, path):
        """Writes a configuration file; its path."""
        path = pathlib.Path(path)
        path.write_text(json.dumps(config, indent=2))
        return path

    def start(self):
        self.write_config(self.config, self.config_file)
        self._newest = None
        parent = os.getpid()

        def die_with_parent():
            ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
            if os.getppid() != parent:
                os._exit(1)

        with open(self.log_file, "ab") as log:
            self.live(subprocess.Popen(
                [*self.prefix, program(), "-c", str(self.config_file), *self.arguments],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=_environment(self.env),
                preexec_fn=die_with_parent))
        return self

    def live(self, process):
        """The daemon is `process` from now on."""
        self.process = process
        self.lives.append(Life(process.pid))

    def is_alive(self):
        return self.process is not None and self.process.poll() is None

    def log(self):
        return self.log_file.read_text(errors="replace") if self.log_file.exists() else ""

    def wait_log(self, words, timeout=DEADLINE):
        """Waits until the regular expression `words` matches in the log; the match."""
        return wait_until(lambda: re.search(words, self.log()), f"the log says {words!r}", timeout)

    def unsubscribed(self, bridge):
        """The times without a subscription that it has told of: (from, to), by the wall clock."""
        found = re.findall(rf'bridge="{re.escape(bridge)}" msg="was not subscribed" from=(\S+) to=(\S+)',
                           self.log())
        return [tuple(datetime.datetime.fromisoformat(moment.replace("Z", "+00:00")).timestamp()
                      for moment in window) for window in found]

    # stats

    def _read_stats(self, timeout=0.2):
        """Takes what was published; the newest stats so far."""
        message = self._stats.poll(timeout)
        while message is not None:
            stats = json.loads(message["data"])
            assert_books(stats)
            if self.process is not None and stats["pid"] == self.process.pid:
                self._newest = stats
                self.lives[-1].note(stats)
            message = self._stats.poll(0)
        return self._newest

    def wait_stats(self, condition, what, timeout=DEADLINE):
        """The first stats made after the call for which `condition(stats)` is true: older ones
        need not count yet what the scenario has seen."""
        begun = datetime.datetime.now(datetime.timezone.utc)

        def look():
            assert self.is_alive(), f"the daemon ended with {self.process.poll()}"
            stats = self._read_stats()
            return stats if stats and _moment(stats) >= begun and condition(stats) else None

        try:
            return wait_until(look, what, timeout, every=0)
        except AssertionError as error:
            raise AssertionError(f"{error}\nnewest stats: {json.dumps(self._newest)}") from None

    def stats(self):
        """Stats of a moment after the call."""
        return self.wait_stats(lambda stats: True, "stats are published")

    def bridge(self, name):
        return self.stats()["bridges"][name]

    def wait_bridge(self, name, timeout=DEADLINE, **expected):
        """Waits until the bridge's stats are as given: state="running", delivered=5."""
        return self.wait_stats(
            lambda stats: all(stats["bridges"][name][key] == value
                              for key, value in expected.items()),
            f"bridge {name!r} has {expected}", timeout)["bridges"][name]

    def wait_running(self, timeout=DEADLINE):
        """Waits until every enabled bridge runs."""
        self.wait_stats(lambda stats: all(bridge["state"] == "running"
                                          for bridge in stats["bridges"].values()),
                        "all bridges are running", timeout)
        return self

    def wait_idle(self, timeout=DEADLINE):
        """Waits until no bridge holds a message; the stats then."""
        return self.wait_stats(lambda stats: all(bridge["pending"] == 0
                                                 for bridge in stats["bridges"].values()),
                               "no message is pending in any bridge", timeout)

    def newest(self):
        """The newest stats that came so far, or None."""
        return self._read_stats(0) if self._stats else None

    def peak_mib(self):
        """The most memory that its processes had resident so far."""
        return max(life.peak_mib() for life in self.lives)

    def own_lag_ms(self):
        """The longest turn of its loop, the time without a processor left out."""
        return max(life.own_lag_ms() for life in self.lives)

    # the end

    def send_signal(self, number):
        self.process.send_signal(number)

    def stop(self, number=signal.SIGTERM, timeout=DEADLINE, status=0):
        """Asks it to end and expects `status`."""
        self.send_signal(number)
        self.wait_exit(status, timeout)

    def wait_exit(self, status=0, timeout=DEADLINE):
        try:
            self.process.wait(timeout=timeout)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"the daemon still runs after {timeout} s") from None
        self.check_log()
        assert self.process.returncode == status, f"exit status {self.process.returncode}"

    def last_stats(self):
        """The newest stats that a daemon now gone has published."""
        return self._read_stats(0.05)

    def check_log(self):
        found = _SANITIZER_WORDS.search(self.log())
        assert not found, f"the daemon's log says {found.group(0)!r}"

    def kill(self):
        if self.is_alive():
            self.process.kill()
            self.process.wait(timeout=DEADLINE)
