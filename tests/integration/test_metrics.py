"""Metrics: do they fit Prometheus' format, the stats, and what is made for them?"""

import json
import pathlib
import re
import shutil
import subprocess

import pytest

from harness.bulk import publish_all
from harness.disk import cut, out, spool
from harness.waiting import wait_until
from harness.web import Web

ROOT = pathlib.Path(__file__).resolve().parents[2]
WORK = {"queues": [{"name": "work"}, {"name": "back"}]}
OUT = {"name": "out", "from": {"channel": "orders"}, "to": {"queue": "work"}}
IN = {"name": "in", "from": {"queue": "back"}, "to": {"channel": "done"}}
OFF = {"name": "off", "enabled": False, "from": {"channel": "x"}, "to": {"queue": "work"}}

needs_promtool = pytest.mark.skipif(not shutil.which("promtool"),
                                    reason="no promtool (Debian: prometheus)")


def running(rig, *bridges):
    """A daemon with HTTP whose bridges run, and its HTTP."""
    web = Web()
    daemon = rig.make(*bridges, topology=WORK, http={"listen": web.listen})
    daemon.start().wait_stats(lambda stats: all(bridge["state"] == "running" or name == "off"
                                                for name, bridge in stats["bridges"].items()),
                              "all bridges but the disabled one are running", 60)
    return web


def test_metrics(rig):
    # Do the metrics fit the format and the stats?
    web = running(rig, OUT, IN, OFF)
    for _ in range(20):
        rig.redis.client().publish("orders", b"12345")
    daemon = rig.daemons[0]
    stats = daemon.wait_bridge("out", delivered=20)
    metrics = web.metrics()

    def of(name, **labels):
        return metrics[name][frozenset(labels.items())]

    for outcome in ("received", "delivered", "filtered", "dropped", "dead_lettered", "returned"):
        assert of("chunnel_bridge_messages_total", bridge="out", outcome=outcome) == stats[outcome]
    assert of("chunnel_bridge_pending", bridge="out") == 0
    assert of("chunnel_bridge_bytes_total", bridge="out", direction="in") == 100
    assert of("chunnel_bridge_running", bridge="out") == 1
    assert of("chunnel_bridge_running", bridge="off") == 0
    assert of("chunnel_connection_up", connection="redis") == 1
    assert of("chunnel_build_info", version=daemon.stats()["version"], instance="gw-test") == 1
    buckets = sorted((float(dict(labels)["le"]), value)
                     for labels, value in metrics["chunnel_bridge_latency_seconds_bucket"].items()
                     if dict(labels)["bridge"] == "out")
    counts = [count for _, count in buckets]
    assert counts == sorted(counts) and counts[-1] == 20 and buckets[-1][0] == float("inf")
    assert of("chunnel_bridge_latency_seconds_count", bridge="out") == 20
    assert 0 < of("chunnel_bridge_latency_seconds_sum", bridge="out") < 20 * 30


def test_spool_and_lag(rig):
    # Is it seen what lies on the disk and for how long, and what Redis keeps for us?
    web = Web()
    way = rig.proxy(rig.broker.port)
    daemon = rig.run(out(messages=50, when_full="pause"), amqp_url=rig.rabbit.url(port=way.port),
                     http={"listen": web.listen}, **spool(rig))
    bridge, redis = frozenset({("bridge", "out")}), frozenset({("connection", "redis")})
    metrics = web.metrics()
    assert metrics["chunnel_bridge_spool_bytes"] == {bridge: 0}
    assert metrics["chunnel_bridge_spool_oldest_age_seconds"] == {bridge: 0}
    cut(way, daemon)
    publish_all(rig.redis, "in", range(500))
    daemon.wait_bridge("out", received=500)
    metrics = web.metrics()
    assert metrics["chunnel_bridge_spool_bytes"][bridge] > 400 * 32
    assert 0 < metrics["chunnel_bridge_spool_oldest_age_seconds"][bridge] < 300
    lag = wait_until(lambda: web.metrics().get("chunnel_connection_subscriber_lag_bytes"),
                     "Redis was asked what it keeps")
    assert set(lag) == {redis} and lag[redis] >= 0
    told, = web.ask("/status").json["bridges"]
    assert told["spool_bytes"] > 400 * 32 and told["spool_oldest_ms"] > 0
    way.listen()
    daemon.wait_bridge("out", timeout=60, delivered=500, pending=0)


@needs_promtool
def test_promtool(rig):
    # Does Prometheus' own tool accept the metrics?
    web = running(rig, OUT, IN, OFF)
    done = subprocess.run(["promtool", "check", "metrics"], input=web.ask("/metrics").body,
                          capture_output=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def test_many_bridges(rig):
    # Are the metrics of a thousand bridges whole, and does the loop turn on meanwhile?
    bridges = [{"name": f"bridge-{number:04}", "from": {"channel": f"orders.{number}"},
                "to": {"queue": "work"}} for number in range(1000)]
    web = running(rig, *bridges)
    metrics = web.metrics()
    assert len(metrics["chunnel_bridge_pending"]) == 1000
    assert len(metrics["chunnel_bridge_latency_seconds_bucket"]) == 1000 * 16
    assert len(web.ask("/stats").json["bridges"]) == 1000
    slow = web.connection()
    slow.request("GET", "/metrics")  # and never read
    rig.redis.client().publish("orders.7", b"x")
    rig.daemons[0].wait_bridge("bridge-0007", delivered=1)
    assert web.ask("/healthz").status == 200
    slow.close()


@needs_promtool
def test_alerts():
    # Do the alerts come when they should?
    done = subprocess.run(["promtool", "test", "rules", "alerts_test.yml"], text=True, timeout=60,
                          cwd=ROOT / "contrib/prometheus", capture_output=True)
    assert done.returncode == 0, done.stdout + done.stderr


@needs_promtool
def test_dashboard(tmp_path):
    # Are the questions of the dashboard's panels ones that Prometheus understands?
    panels = json.loads((ROOT / "contrib/grafana/chunneld.json").read_text())["panels"]
    asked = [target["expr"].replace("$__rate_interval", "1m") for panel in panels
             for target in panel["targets"]]
    rules = [{"record": f"panel:{number}", "expr": expr} for number, expr in enumerate(asked)]
    (tmp_path / "rules.yml").write_text(json.dumps({"groups": [{"name": "panels", "rules": rules}]}))
    done = subprocess.run(["promtool", "check", "rules", "rules.yml"], text=True, timeout=60,
                          cwd=tmp_path, capture_output=True)
    assert done.returncode == 0 and f"{len(asked)} rules found" in done.stdout, done.stdout + done.stderr


def test_every_alert_is_tested():
    # Has every alert a case in the tests of the alerts?
    alerts, tests = ((ROOT / "contrib/prometheus" / name).read_text()
                     for name in ("alerts.yml", "alerts_test.yml"))
    named = re.findall(r"- alert: (\w+)", alerts)
    assert len(named) > 15 and set(named) == set(re.findall(r"alertname: (\w+)", tests))
