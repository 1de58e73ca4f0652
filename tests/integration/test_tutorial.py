"""The pages of doc/tutorial: do their scripts, run with their rule files and commands, print what
the pages say? And does an application that moves step by step lose or double nothing?"""

import ctypes
import json
import os
import pathlib
import re
import shlex
import signal
import subprocess
import sys

import pytest

from harness.daemon import Daemon, run
from harness.waiting import DEADLINE, wait_until

ROOT = pathlib.Path(__file__).resolve().parents[2]
PAGES = ROOT / "doc" / "tutorial"
RULES = sorted(str(path.relative_to(PAGES)) for path in PAGES.glob("*/*.json"))
_PR_SET_PDEATHSIG = 1


def _as_from_a_terminal():
    """In the child: CTRL+C works, and it does not outlive the test."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


class Script:
    """A script of a page as it runs."""

    def __init__(self, tutorial, number, words):
        name, *arguments = words
        self.words = words
        self._output = tutorial.rig.folder / f"{number}-{name}.txt"
        with open(self._output, "wb") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-B", "-u", str(tutorial.folder / name), *arguments],
                stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                cwd=tutorial.rig.folder, env={**os.environ, **tutorial.servers},
                preexec_fn=_as_from_a_terminal)

    def lines(self):
        return self._output.read_text().splitlines()

    def wait_lines(self, *expected):
        """Waits until it has printed just these lines."""
        wait_until(lambda: len(self.lines()) >= len(expected) or self._process.poll() is not None,
                   f"{self.words} prints {len(expected)} lines")
        assert self.lines() == list(expected)

    def wait_end(self):
        """Its output; it ends by itself."""
        assert self._process.wait(DEADLINE) == 0, self.lines()
        return self.lines()

    def interrupt(self):
        """CTRL+C; its output."""
        self._process.send_signal(signal.SIGINT)
        return self.wait_end()

    def kill(self):
        self._process.kill()
        self._process.wait(DEADLINE)


class Tutorial:
    """A page, its folder, and the servers of the scenario."""

    def __init__(self, rig, name):
        self.rig = rig
        self.page = (PAGES / f"{name}.md").read_text()
        self.folder = PAGES / name
        self.servers = {"CHUNNELD_REDIS_URL": rig.redis.url(),
                        "CHUNNELD_AMQP_URL": rig.rabbit.url()}
        self._scripts = []

    def rules(self, name="rules.json"):
        return json.loads((self.folder / name).read_text())

    def daemon(self, name="rules.json"):
        """The daemon with a rule file of the folder, running."""
        daemon = Daemon(self.rig.folder, self.rules(name), self.rig.redis, env=self.servers)
        self.rig.daemons.append(daemon)
        return daemon.start().wait_running()

    def says(self, *lines):
        """The page has these lines; they are returned."""
        for line in lines:
            assert f"    {line}\n" in self.page, f"not on the page: {line!r}"
        return lines

    def start(self, *words, said=True):
        """A script that the page starts; `said`: with these very words."""
        if said:
            self.says(f"$ python3 {_command(words)}")
        self._scripts.append(Script(self, len(self._scripts), words))
        return self._scripts[-1]

    def prints(self, words, *lines):
        """Runs a script of the page to its end; it prints these lines, as the page says."""
        self.says(*lines)
        assert self.start(*words).wait_end() == list(lines)

    def publish(self, channel, body):
        """A PUBLISH of the page by redis-cli, which reaches one subscriber."""
        self.says(f'$ redis-cli publish {channel} "{body}"', "(integer) 1")
        done = subprocess.run(["redis-cli", "-p", str(self.rig.redis.port), "publish", channel, body],
                              capture_output=True, text=True, timeout=DEADLINE)
        assert done.stdout.strip() == "1", done

    def end(self):
        for script in self._scripts:
            script.kill()


def _command(words):
    """As the pages write it: what needs quotes has double ones; plain sentences have none."""
    return " ".join(word if shlex.quote(word) == word else f'"{word}"' for word in words)


@pytest.fixture
def tutorial(rig):
    """tutorial(name): the page of that name."""
    opened = []

    def open_page(name):
        opened.append(Tutorial(rig, name))
        return opened[-1]

    yield open_page
    for one in opened:
        one.end()


# the pages themselves

@pytest.mark.parametrize("name", RULES)
def test_page_shows_its_rules(name):
    # Does the page show the rule file as it is, where it shows it?
    folder, _, file = name.partition("/")
    page = (PAGES / f"{folder}.md").read_text()
    rules = json.loads((PAGES / name).read_text())
    shown = [json.loads("{" + block + "}")
             for block in re.findall(r"```json\n(.*?)```", page, re.DOTALL)]
    if file in ("2-billing.json", "4-shipping.json"):  # on the page: what is new in the first
        fragment = re.search(r'^    "queues".*?^    \]\n', page, re.DOTALL | re.MULTILINE).group(0)
        for key, entries in json.loads("{" + fragment + "}").items():
            assert rules["topology"][key][:1] == entries
        assert {"bridges": rules["bridges"]}.items() <= shown[0].items()
    else:
        assert {"topology": rules["topology"], "bridges": rules["bridges"]} in shown


def test_examples_of_the_documents_are_valid(tmp_path):
    # Does what README and conf/ show pass --check?
    blocks = re.findall(r"```json\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    assert blocks
    paths = [Daemon.write_config(json.loads(block), tmp_path / f"{number}.json")
             for number, block in enumerate(blocks)]
    for path in [*paths, ROOT / "conf" / "chunneld.json"]:
        status, out, err = run("--check", "-c", path, env={"RABBIT_PASSWORD": "secret"})
        assert (status, err) == (0, "") and f"{path}: ok" in out


# the six tutorials

def test_hello(tutorial):
    # Does the queue keep for the receiver what was said on the channel?
    page = tutorial("1-hello")
    page.daemon()
    page.prints(["send.py"], " [x] Sent 'Hello World!'")
    page.publish("hello", "Hello again!")
    receiver = page.start("receive.py")
    receiver.wait_lines(*page.says(" [*] Waiting for messages. To exit press CTRL+C",
                                   " [x] Received Hello World!", " [x] Received Hello again!"))
    receiver.interrupt()


def test_work_queues(tutorial):
    # Do two workers share the tasks, and does the task of one that is killed go to the other?
    page = tutorial("2-work-queues")
    page.daemon()
    waiting, = page.says(" [*] Waiting for messages. To exit press CTRL+C")
    workers = [page.start("worker.py") for _ in range(2)]
    page.rig.rabbit.wait_consumer("task_queue", 2)
    page.says("$ python3 new_task.py First task.", " [x] Sent First task.")
    assert page.start("new_task.py", "First", "task.").wait_end() == [" [x] Sent First task."]
    page.publish("tasks", "Second task.")
    done = [page.says(f" [x] Received {task} task.", " [x] Done") for task in ("First", "Second")]
    wait_until(lambda: all(len(worker.lines()) >= 3 for worker in workers), "both have worked")
    assert sorted(worker.lines() for worker in workers) == sorted([waiting, *d] for d in done)
    wait_until(lambda: page.rig.rabbit.unacknowledged() == 0, "what is done is acknowledged")
    for worker in workers:
        worker.interrupt()

    first = page.start("worker.py")
    page.rig.redis.client().publish("tasks", "Long" + 600 * ".")
    wait_until(lambda: len(first.lines()) == 2, "the task is begun")
    second = page.start("worker.py")
    first.kill()
    second.wait_lines(waiting, f" [x] Received Long{600 * '.'}")
    second.kill()


def test_publish_subscribe(tutorial):
    # Does every subscriber on Redis get the line?
    page = tutorial("3-publish-subscribe")
    page.daemon()
    waiting, line = page.says(" [*] Waiting for logs. To exit press CTRL+C",
                              " [x] info: Hello World!")
    receivers = [page.start("receive_logs.py") for _ in range(2)]
    for receiver in receivers:
        receiver.wait_lines(waiting)
    page.prints(["emit_log.py"], " [x] Sent info: Hello World!")
    for receiver in receivers:
        receiver.wait_lines(waiting, line)
        receiver.interrupt()


def test_routing(tutorial):
    # Does a receiver get the severities that it bound, and do the books show where the rest went?
    page = tutorial("4-routing")
    daemon = page.daemon()
    waiting, *lines = page.says(" [*] Waiting for logs. To exit press CTRL+C",
                                " [x] error:Run. Run. Or it will explode.",
                                " [x] warning:It is getting warm.")
    receiver = page.start("receive_logs_direct.py", "warning", "error")
    receiver.wait_lines(waiting)
    wait_until(lambda: any(consumers for _, _, consumers in page.rig.rabbit.queues().values()),
               "the receiver consumes")
    page.prints(["emit_log_direct.py", "error", "Run. Run. Or it will explode."],
                " [x] Sent error:Run. Run. Or it will explode.")
    page.publish("logs.warning", "It is getting warm.")
    page.publish("logs.info", "Nothing happens.")
    page.publish("logs.debug", "x = 1")
    receiver.wait_lines(waiting, *lines)
    assert "4 `received`, 2 `delivered`, 1 `filtered`, 1 `dropped` (also counted" in page.page
    daemon.wait_bridge("direct-logs", received=4, delivered=2, filtered=1, dropped=1, unroutable=1)
    receiver.interrupt()


def test_topics(tutorial):
    # Do patterns of Redis choose among routing keys, and does what two match come twice?
    page = tutorial("5-topics")
    page.daemon()
    printed = page.says(" [*] Waiting for logs. To exit press CTRL+C",
                        " [x] logs:cron:critical The clock stopped.",
                        " [x] logs:kern:info A kernel line.")
    receiver = page.start("receive_logs_topic.py", "logs:kern:*", "logs:*:critical")
    receiver.wait_lines(printed[0])
    page.prints(["emit_log_topic.py", "cron.critical", "The clock stopped."],
                " [x] Sent cron.critical:The clock stopped.")
    page.prints(["emit_log_topic.py", "kern.info", "A kernel line."],
                " [x] Sent kern.info:A kernel line.")
    page.prints(["emit_log_topic.py", "mail.info", "Nobody asked."],
                " [x] Sent mail.info:Nobody asked.")
    receiver.wait_lines(*printed)
    page.start("emit_log_topic.py", "kern.critical", "Both.", said=False).wait_end()
    receiver.wait_lines(*printed, *(2 * [" [x] logs:kern:critical Both."]))
    receiver.interrupt()


def test_rpc(tutorial):
    # Does the client get its number from the worker, and an error when there is none?
    page = tutorial("6-rpc")
    page.daemon()
    awaiting, request = page.says(" [x] Awaiting RPC requests", " [.] fib(30)")
    server = page.start("rpc_server.py")
    server.wait_lines(awaiting)
    page.prints(["rpc_client.py", "30"], " [x] Requesting fib(30)", " [.] Got 832040")
    server.wait_lines(awaiting, request)
    server.interrupt()
    page.rig.redis.wait_subscriber("rpc.fib", 0)
    page.prints(["rpc_client.py", "30"], " [x] Requesting fib(30)",
                " [.] Got error: no worker is subscribed")


# moving an application

class Move:
    """The application of the page as it moves, and what it has sold so far."""

    def __init__(self, page):
        self.page = page
        self.sold = 0

    def start(self, *words, waits_for):
        """A program of the page, which begins with this line."""
        script = self.page.start(*words, said=words[0] != "rabbit_shop.py")
        wait_until(script.lines, f"{words} has begun")
        assert script.lines()[0] == waits_for
        return script

    def book(self, name):
        path = self.page.rig.folder / f"{name}.txt"
        lines = path.read_text().split("\n")[:-1] if path.exists() else []
        return [int(line) for line in lines]

    def goes_on(self, after):
        """Some orders more than `after` reach both books; every one up to there stands in each,
        once. The number of the last one."""
        def look():
            return min(max(self.book(name), default=0) for name in ("billing", "shipping")) \
                >= after + 100
        wait_until(look, f"orders from {after} on reach both")
        last = after + 50
        self.check(last)
        return last

    def check(self, last):
        for name in ("billing", "shipping"):
            wait_until(lambda: set(range(1, last + 1)) <= set(self.book(name)),
                       f"orders 1 to {last} stand in the book of {name}")
            book = self.book(name)
            assert len(book) == len(set(book)), f"{name} handled an order twice"

    def reload(self, daemon, rules):
        self.page.says(f"$ cp {rules} chunneld.json", "$ pkill -HUP -x chunneld")
        before = daemon.stats()["reloads"]["count"]
        daemon.config = self.page.rules(rules)
        daemon.write_config(daemon.config, daemon.config_file)
        daemon.send_signal(signal.SIGHUP)
        stats = daemon.wait_stats(lambda stats: stats["reloads"]["count"] == before + 1,
                                  "the rules are changed")
        assert stats["reloads"]["last"]["ok"]
        return stats["reloads"]["last"]

    def move(self, old, name, daemon, rules):
        """A consumer goes over to its queue. How many orders came both ways."""
        last = self.reload(daemon, rules)
        assert (last["kept"], last["added"], last["changed"], last["removed"]) == (1, 0, 0, 0)
        rabbit = self.page.rig.rabbit
        wait_until(lambda: rabbit.ready(name) >= 10, f"the queue {name!r} has begun")
        said = old.interrupt()[-1]
        assert said == f" [x] {name} handled {len(self.book(name))} orders from Redis"
        new, = self.page.says(f" [*] {name} waits for orders from RabbitMQ. To exit press CTRL+C")
        return self.start("rabbit_consumer.py", name, waits_for=new)


def _sold(line):
    return int(re.fullmatch(r" \[x\] Sold orders \d+ to (\d+) on \w+", line).group(1))


def test_moving(tutorial):
    # Orders come in all the time, and each program moves when its turn is: after each step, does
    # every order stand in both books, once?
    page = tutorial("moving")
    move = Move(page)
    billing, shipping = (
        move.start("redis_consumer.py", name, waits_for=page.says(
            f" [*] {name} waits for orders on Redis. To exit press CTRL+C")[0])
        for name in ("billing", "shipping"))
    selling, = page.says(" [*] Selling on Redis from order 1 on. To exit press CTRL+C")
    shop = move.start("redis_shop.py", "1", waits_for=selling)
    last = move.goes_on(0)

    page.says("$ cp 1-mirror.json chunneld.json", "$ chunneld -c chunneld.json")
    daemon = page.daemon("1-mirror.json")
    last = move.goes_on(max(last, *move.book("billing")))

    billing = move.move(billing, "billing", daemon, "2-billing.json")
    last = move.goes_on(max(last, *move.book("shipping")))

    sold = _sold(shop.interrupt()[-1])
    move.check(sold)
    shop = move.start(
        "rabbit_shop.py", str(sold + 1),
        waits_for=f" [*] Selling on RabbitMQ from order {sold + 1} on. To exit press CTRL+C")
    last = move.goes_on(sold)

    shipping = move.move(shipping, "shipping", daemon, "4-shipping.json")
    last = move.goes_on(max(last, *move.book("billing")))

    bridge = daemon.wait_stats(lambda stats: stats["bridges"]["orders"]["to_redis"]
                               ["no_subscribers"] > 0, "nobody listens any more")["bridges"]["orders"]
    assert bridge["dropped"] == 0
    removed = move.reload(daemon, "5-rabbitmq.json")
    assert (removed["kept"], removed["removed"]) == (0, 1)
    page.rig.redis.wait_subscriber("orders", 0)
    page.says("$ rabbitmqctl delete_queue chunnel.orders")
    page.rig.rabbit.channel().queue_delete("chunnel.orders")
    move.goes_on(max(last, *move.book("billing")))

    sold = _sold(shop.interrupt()[-1])
    move.check(sold)
    for name, consumer, overlap in (("billing", billing, 10), ("shipping", shipping, 0)):
        assert sorted(move.book(name)) == list(range(1, sold + 1))
        # What came both ways. Billing had on Redis what was waiting when it moved; shipping may
        # have left before the mirror brought it.
        said = consumer.interrupt()[-1]
        found = re.fullmatch(rf" \[x\] {name} handled (\d+) orders from RabbitMQ,"
                             r" skipped (\d+) it had before", said)
        handled, skipped = map(int, found.groups())
        assert overlap <= skipped <= sold - handled
    assert page.rig.rabbit.queues().keys() == {"billing", "shipping"}
