"""The status page: does it come whole, live, and cheap, and say so when the daemon is gone?"""

import re

from harness.web import Events, Web

WORK = {"queues": [{"name": "work"}, {"name": "back"}]}
OUT = {"name": "out", "from": {"channel": "orders"}, "to": {"queue": "work"}}
IN = {"name": "in", "from": {"queue": "back"}, "to": {"channel": "done"}}


def running(rig, *bridges, **more):
    web = Web()
    rig.run(*(bridges or (OUT, IN)), topology=WORK, http={"listen": web.listen}, **more)
    return web


def test_files(rig):
    # Is the page whole, and does it want nothing from elsewhere?
    web = running(rig)
    page = web.ask("/")
    assert page.headers["Content-Type"] == "text/html; charset=utf-8"
    assert "<!doctype html>" in page.text
    for name in re.findall(r'(?:href|src)="([^"#]+)"', page.text):
        assert name.startswith("data:") or web.ask("/" + name).status == 200, name
    text = page.text + "".join(web.ask(f"/{name}").text
                               for name in ("page.css", "words.js", "page.js"))
    assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)", text)
    assert web.ask("/page.js", "POST").status == 405


def test_events(rig):
    # Do watchers get everything first, then what changed, and the bridges their samples?
    web = running(rig)
    events, other = Events(web), Events(web)
    name, first = events.next()
    assert name == "snapshot"
    assert [bridge["name"] for bridge in first["bridges"]] == ["out", "in"]
    assert first["bridges"][0]["from"] == "channel orders"
    assert first["bridges"][0]["to"] == "queue work"
    assert isinstance(first["bridges"][0]["trend"], list)
    assert first["problems"] == []
    rig.redis.client().publish("orders", b"x")
    name, update = events.wait(lambda data: data["bridges"])
    assert name == "update"
    assert [bridge["name"] for bridge in update["bridges"]] == ["out"]
    assert update["bridges"][0]["received"] == 1
    events.wait(lambda data: not data["bridges"])
    assert other.next()[0] == "snapshot"
    events.close()
    other.close()
    assert web.ask("/healthz").status == 200


def test_broken_broker_in_events(rig):
    # Is a lost broker told, with its cause?
    away = rig.proxy(rig.broker.port)
    web = running(rig, amqp_url=rig.rabbit.url(port=away.port))
    events = Events(web)
    assert events.next()[1]["problems"] == []
    away.refuse()
    rig.broker.close_connections(rig.rabbit.name)
    _, data = events.wait(lambda data: any("connection" in problem for problem in data["problems"]))
    assert {problem.get("connection") for problem in data["problems"]} >= {"rabbit"}
    events.close()
    rig.daemons[0].stop()


def test_watchers_have_a_limit(rig):
    # Is one watcher too many refused in words, while health is still told?
    web = running(rig)
    watchers = [Events(web) for _ in range(32)]
    for watcher in watchers:
        assert watcher.next()[0] == "snapshot"
    refused = web.ask("/events")
    assert (refused.status, "Too many" in refused.text) == (503, True)
    assert web.ask("/healthz").status == 200
    for watcher in watchers:
        watcher.close()
