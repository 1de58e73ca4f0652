"""Connections: logins, addresses, and bridges between two servers of one kind."""

import json

import pika
import pytest

from harness.daemon import run
from harness.waiting import wait_until

WORK = {"queues": [{"name": "work"}]}
THERE = {"name": "there", "from": {"channel": "in"}, "to": {"queue": "work"}}
BACK = {"name": "back", "from": {"queue": "work"}, "to": {"channel": "out"}}


def crosses(rig, server=None):
    server = server or rig.redis
    subscriber = server.subscribe("out")
    assert server.client().publish("in", b"x") == 1
    assert subscriber.body() == b"x"


def test_redis_over_a_unix_socket(rig):
    # Does redis+unix:// reach the server's socket?
    server = rig.new_redis("local", unix=True)
    rig.run(THERE, BACK, topology=WORK, observed=True, redis_url=f"redis+unix://{server.socket}")
    crosses(rig, server)


def test_redis_password(rig):
    # Does a password alone log in, given in the URL, in a file, and in the file over the URL?
    server = rig.new_redis("locked", "--requirepass", "s3cret/?#")
    server.password = "s3cret/?#"
    (rig.folder / "password").write_text("s3cret/?#\n")
    for url, more in ((server.url(password="s3cret%2F%3F%23"), {}),
                      (server.url(), {"password_file": str(rig.folder / "password")}),
                      (server.url(password="wrong"),
                       {"password_file": str(rig.folder / "password")})):
        daemon = rig.run(THERE, BACK, topology=WORK, observed=True, redis_url=url,
                         connections={"redis": more})
        crosses(rig, server)
        daemon.wait_idle()
        daemon.stop()


def test_redis_user(rig):
    # Does an ACL user log in?
    rig.redis.client().execute_command("ACL", "SETUSER", "gw", "on", ">pw", "+@all", "allchannels")
    rig.run(THERE, BACK, topology=WORK, redis_url=rig.redis.url(user="gw", password="pw"))
    crosses(rig)
    users = [client["user"] for client in rig.redis.client().client_list()]
    assert users.count("gw") >= 2


def test_redis_database(rig):
    # Is the database of the URL selected, and do messages cross, which know no database?
    rig.run(THERE, BACK, topology=WORK, redis_url=rig.redis.url() + "/3")
    crosses(rig)
    assert "3" in {client["db"] for client in rig.redis.client().client_list()}


def test_redis_clients_have_names(rig):
    # Can an operator tell from CLIENT LIST whose connections these are?
    rig.run(THERE, BACK, topology=WORK)
    names = [client["name"] for client in rig.redis.client().client_list()]
    assert len([name for name in names if "chunneld" in name or "gw-test" in name]) >= 2


def test_amqp_user_with_odd_signs(rig):
    # Do %-escapes in user, password and virtual host mean what they say?
    rig.broker.eval('rabbit_auth_backend_internal:add_user(<<"g@w">>, <<"p:/?#%">>, <<"test">>)')
    try:
        rig.rabbit.grant("g@w")
        daemon = rig.run(THERE, BACK, topology=WORK,
                         amqp_url=rig.rabbit.url("g%40w", "p%3A%2F%3F%23%25"))
        crosses(rig)
        daemon.wait_idle()
        daemon.stop()
    finally:
        rig.broker.eval('rabbit_auth_backend_internal:delete_user(<<"g@w">>, <<"test">>)')


def test_amqp_publishes_and_consumes_apart(rig):
    # Are publishing and consuming on separate connections, so that an alarm stops no acks?
    rig.run(THERE, BACK, topology=WORK)
    names = rig.broker.connection_names(rig.rabbit.name)
    assert len([name for name in names if "gw-test" in name or "chunneld" in name]) == 2


def test_environment_in_urls(rig):
    # Do URLs from the environment reach the servers?
    rig.run(THERE, BACK, topology=WORK, redis_url="${TEST_REDIS}",
            amqp_url="amqp://guest:guest@${TEST_HOST:-127.0.0.1}:${TEST_PORT}/test%2F"
            + rig.rabbit.name.split("/")[1],
            env={"TEST_REDIS": rig.redis.url(), "TEST_PORT": str(rig.broker.port)})
    crosses(rig)


def test_redis_to_redis(rig):
    # Do messages cross from one Redis to another?
    daemon = rig.run({"name": "copy", "from": {"pattern": "news.*", "connection": "redis"},
                      "to": {"channel": "copy.{1}", "connection": "observer"}}, observed=True)
    subscriber = rig.observer.subscribe("copy.a")
    for number in range(100):
        rig.redis.client().publish("news.a", str(number))
    assert [int(body) for body in subscriber.take(100)] == list(range(100))
    daemon.wait_bridge("copy", delivered=100, pending=0)


def test_amqp_to_amqp(rig):
    # Do messages cross from one broker connection to another, with their properties?
    daemon = rig.run({"name": "move", "from": {"queue": "a", "connection": "rabbit"},
                      "to": {"exchange": "amq.topic", "routing_key": "to.{header.where}",
                             "connection": "second"}},
                     connections={"second": {"url": rig.rabbit.url()}},
                     topology={"connection": "rabbit", "queues": [{"name": "a"}, {"name": "b"}],
                               "bindings": [{"source": "amq.topic", "destination": "b",
                                             "routing_key": "to.b"}]})
    given = {"where": "b", "n": -3, "list": [1, "two", True], "table": {"x": None}}
    rig.rabbit.channel().basic_publish("", "a", b"x", pika.BasicProperties(
        headers=given, content_type="text/plain", correlation_id="c-1", priority=4,
        reply_to="r", type="t"))
    _, properties, body = rig.rabbit.get("b")
    assert body == b"x"
    assert {name: properties.headers.get(name) for name in given} == given
    assert (properties.content_type, properties.correlation_id, properties.priority,
            properties.reply_to, properties.type) == ("text/plain", "c-1", 4, "r", "t")
    daemon.wait_bridge("move", delivered=1, pending=0)


@pytest.mark.parametrize("ends", [
    {"from": {"channel": "a"}, "to": {"channel": "b"}},
    {"from": {"queue": "a"}, "to": {"queue": "b"}},
])
def test_same_connection_both_ends(rig, tmp_path, ends):
    # Is a bridge from a connection to itself refused?
    daemon = rig.make({"name": "loop", **ends})
    path = tmp_path / "c.json"
    path.write_text(json.dumps(daemon.config))
    status, _, err = run("-c", path, "--check")
    assert status == 78
    assert "connection" in err


def test_endpoint_must_name_its_connection(rig, tmp_path):
    # With two connections of a kind, is an endpoint that names none refused?
    daemon = rig.make(THERE)
    daemon.config["connections"]["second"] = {"url": "redis://127.0.0.1:1"}
    path = tmp_path / "c.json"
    path.write_text(json.dumps(daemon.config))
    status, _, err = run("-c", path, "--check")
    assert status == 78
    assert "/bridges/0/from" in err
    assert "second" in err or "connection" in err
