"""The status page in a browser: is it right, quick, live and fit to be looked at?"""

import contextlib
import threading
import time

import pytest

from harness.browser import Browser
from harness.web import Web

WORK = {"queues": [{"name": "work"}, {"name": "back"}]}
OUT = {"name": "out", "from": {"channel": "orders"}, "to": {"queue": "work"}}
IN = {"name": "in", "from": {"queue": "back"}, "to": {"channel": "done"}}
SHOWN_S = 2.0
UPDATE_MS = 50.0


@pytest.fixture
def browse(rig):
    """browse(web, scenario): a browser on the page."""
    browsers = []

    def start(web, scenario):
        browsers.append(Browser(rig.folder, f"http://{web.listen}/", scenario))
        return browsers[-1]

    yield start
    for browser in browsers:
        browser.stop()


@contextlib.contextmanager
def traffic(client, channels):
    """A message on each channel several times a second."""
    over = threading.Event()

    def publish():
        while not over.wait(0.2):
            pipe = client.pipeline(transaction=False)
            for channel in channels:
                pipe.publish(channel, b"x")
            pipe.execute()

    thread = threading.Thread(target=publish)
    thread.start()
    yield
    over.set()
    thread.join()


def test_content(rig, browse):
    # Does a browser show bridges and connections, live, sorted and filtered, on any screen?
    web = Web()
    rig.run(OUT, IN, topology=WORK, http={"listen": web.listen})
    browser = browse(web, "content")
    browser.wait_word("publish")
    rig.redis.client().publish("orders", b"x")
    browser.finish()


def test_trouble(rig, browse):
    # Does a broken broker show within two seconds, by itself, and a daemon that is gone?
    away = rig.proxy(rig.broker.port)
    web = Web()
    daemon = rig.run(OUT, IN, topology=WORK, amqp_url=rig.rabbit.url(port=away.port),
                     http={"listen": web.listen})
    browser = browse(web, "trouble")
    after = []
    for _ in range(2):  # this machine may be at something else in the one or the other
        browser.wait_word("break")
        broken = time.time()
        away.refuse()
        away.reset_all()
        after.append(float(browser.next_word()) / 1000 - broken)
        browser.wait_word("heal")
        away.listen()
    browser.wait_word("stop")
    daemon.stop()
    browser.finish()
    assert min(after) < SHOWN_S, after


def test_many(rig, browse):
    # Is a page of a thousand bridges, all of them busy, drawn in full and updated smoothly?
    web = Web()
    bridges = [{"name": f"bridge-{number:04}", "from": {"channel": f"orders.{number}"},
                "to": {"queue": "work"}} for number in range(1000)]
    daemon = rig.make(*bridges, topology=WORK, http={"listen": web.listen})
    daemon.config["stats"]["interval"] = "3s"  # nobody reads them while the browser is at work
    daemon.start().wait_running(60)
    browser = browse(web, "many")
    browser.wait_word("publish")
    with traffic(rig.redis.client(), [f"orders.{number}" for number in range(1000)]):
        took = [float(browser.next_word()) for _ in ("the first rows", "all rows", "by rate")]
        browser.finish()
    print(f"updates took {took} ms")
    assert max(took) < UPDATE_MS, took
