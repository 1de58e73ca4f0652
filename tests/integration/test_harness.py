"""The bench itself: a proxy or a helper that did not do what it says would make the scenarios pass
for the wrong reason."""

import socket
import ssl

import pytest
import redis

from harness.certificates import Authority
from harness.daemon import COUNTERS, assert_books
from harness.waiting import wait_until


def through(proxy, **options):
    return redis.Redis(port=proxy.port, socket_timeout=30, **options)


def test_proxy_passes_bytes_one_by_one(rig):
    # Is what comes out of the proxy in one-byte segments the same as what went in?
    proxy = rig.proxy(rig.redis.port)
    proxy.up.segment = proxy.down.segment = 1
    client = through(proxy)
    client.set("key", bytes(range(256)))
    assert client.get("key") == bytes(range(256))


def test_proxy_stalls_one_way_and_heals(rig):
    # Does a stalled way hold back the answer, and let it through when healed?
    proxy = rig.proxy(rig.redis.port)
    client = rig.redis.client()
    stalled = redis.Redis(port=proxy.port, socket_timeout=0.3)
    assert stalled.ping()
    proxy.down.stall()
    with pytest.raises(redis.exceptions.TimeoutError):
        stalled.execute_command("SET", "key", "there")
    wait_until(lambda: client.get("key") == b"there", "the command passed the other way")
    proxy.heal()
    assert through(proxy).get("key") == b"there"


@pytest.mark.parametrize("fault, ends", [("cut_at", ConnectionResetError), ("half_close_at", None)])
def test_proxy_cuts_at_byte(rig, fault, ends):
    # Does exactly the wished number of bytes pass before the end, and is it the wished end?
    proxy = rig.proxy(rig.redis.port)
    setattr(proxy.down, fault, 12)
    with socket.create_connection(("127.0.0.1", proxy.port), timeout=30) as client:
        client.sendall(b"*2\r\n$4\r\nECHO\r\n$26\r\nabcdefghijklmnopqrstuvwxyz\r\n")
        came = b""
        try:
            while data := client.recv(100):
                came += data
            reason = None
        except OSError as error:
            reason = type(error)
    # A reset may overtake the bytes before it.
    assert came == b"$26\r\nabcdefg" or (ends and b"$26\r\nabcdefg".startswith(came))
    assert reason is ends


def test_proxy_flips_a_byte(rig):
    # Does the flipped byte arrive flipped, and only that one?
    proxy = rig.proxy(rig.redis.port)
    client = through(proxy, single_connection_client=True)
    request = b"*3\r\n$3\r\nSET\r\n$3\r\nkey\r\n$3\r\nabc\r\n"
    proxy.up.flip_at = request.index(b"abc") + 1
    client.set("key", "abc")
    assert rig.redis.client().get("key") == b"a" + bytes([ord("b") ^ 0xFF]) + b"c"


def test_proxy_resets_and_refuses(rig):
    # Do open connections break and new ones fail until the proxy listens again?
    proxy = rig.proxy(rig.redis.port)
    client = through(proxy, single_connection_client=True)
    assert client.ping()
    proxy.refuse()
    proxy.reset_all()
    with pytest.raises(redis.exceptions.ConnectionError):
        for _ in range(2):
            client.ping()
    proxy.listen()
    assert through(proxy).ping()


def test_broker_reports_unacknowledged(rig):
    # Are messages that a consumer holds counted as unacknowledged?
    channel = rig.rabbit.channel()
    channel.queue_declare("held")
    for _ in range(3):
        channel.basic_publish("", "held", b"body")
    held = rig.rabbit.channel()
    wait_until(lambda: rig.rabbit.ready("held") == 3, "three messages are ready")
    method, _, _ = held.basic_get("held")
    wait_until(lambda: rig.rabbit.queues()["held"] == (2, 1, 0), "two ready, one unacknowledged")
    held.basic_ack(method.delivery_tag)
    assert rig.rabbit.take("held", 2) == [b"body", b"body"]


def test_books_out_of_balance_are_found():
    # Does assert_books see a message that is in no book?
    bridge = dict.fromkeys(COUNTERS, 0)
    assert_books({"bridges": {"b": bridge}})
    with pytest.raises(AssertionError):
        assert_books({"bridges": {"b": dict(bridge, received=1)}})
    with pytest.raises(AssertionError):
        assert_books({"bridges": {"b": dict(bridge, received=1, pending=1)}})


def test_proxy_speaks_tls(rig, session_folder):
    # Does a client that checks the certificate get through the proxy's TLS, with large bodies?
    authority = Authority(session_folder / "harness-authority")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*authority.sign("proxy", "IP:127.0.0.1"))
    proxy = rig.proxy(rig.redis.port)
    proxy.tls = context
    client = through(proxy, ssl=True, ssl_ca_certs=str(authority.ca))
    value = bytes(range(256)) * 20000
    client.set("key", value)
    assert client.get("key") == value
