"""TLS towards both servers: what is trusted, what is not, and that it says why."""

import ssl

import pytest

from harness.certificates import Authority

WORK = {"queues": [{"name": "work"}]}
THERE = {"name": "there", "from": {"channel": "in"}, "to": {"queue": "work"}}
BACK = {"name": "back", "from": {"queue": "work"}, "to": {"channel": "out"}}


@pytest.fixture(scope="module")
def authority(session_folder):
    return Authority(session_folder / "authority")


@pytest.fixture(scope="module")
def stranger(session_folder):
    """An authority that nobody trusts."""
    return Authority(session_folder / "stranger", "stranger")


def server_context(certificate, ca=None, versions=None):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    if ca:
        context.load_verify_locations(ca)
        context.verify_mode = ssl.CERT_REQUIRED
    if versions:
        context.set_ciphers("ALL:@SECLEVEL=0")
        context.minimum_version, context.maximum_version = versions
    return context


def make(rig, context, host="127.0.0.1", **tls):
    """A daemon whose both connections go through TLS proxies."""
    redis_way = rig.proxy(rig.redis.port)
    rabbit_way = rig.proxy(rig.broker.port)
    redis_way.tls = rabbit_way.tls = context
    vhost = rig.rabbit.url().rsplit("/", 1)[1]
    return rig.make(
        THERE, BACK, topology=WORK, observed=True,
        redis_url=f"rediss://{host}:{redis_way.port}",
        amqp_url=f"amqps://guest:guest@{host}:{rabbit_way.port}/{vhost}",
        connections={name: {"tls": tls, "connect_timeout": "5s"}
                     for name in ("redis", "rabbit")})


def crosses(rig, daemon, size=1):
    daemon.start().wait_running()
    subscriber = rig.redis.subscribe("out")
    rig.redis.client().publish("in", b"x" * size)
    assert subscriber.body() == b"x" * size


def refused(daemon, words):
    daemon.start()
    for name in ("redis", "rabbit"):
        daemon.wait_stats(lambda stats, name=name: stats["connections"][name]["last_error"], name)
    stats = daemon.stats()
    for name in ("redis", "rabbit"):
        assert stats["connections"][name]["state"] != "up"
    daemon.wait_log(words)
    daemon.stop()


def test_trusted(rig, authority):
    # Does a certificate of a trusted authority, for the address in the URL, let messages through?
    daemon = make(rig, server_context(authority.sign("by-address", "IP:127.0.0.1")),
                  ca_file=str(authority.ca))
    crosses(rig, daemon, size=300_000)


def test_trusted_by_name(rig, authority):
    # Does the name of the URL count?
    daemon = make(rig, server_context(authority.sign("by-name", "DNS:localhost")),
                  host="localhost", ca_file=str(authority.ca))
    crosses(rig, daemon)


def test_server_name(rig, authority):
    # Does "server_name" stand for the URL's host?
    daemon = make(rig, server_context(authority.sign("elsewhere", "DNS:redis.example")),
                  ca_file=str(authority.ca), server_name="redis.example")
    crosses(rig, daemon)


def test_client_certificate(rig, authority):
    # Is the client certificate shown where the server wants one?
    certificate, key = authority.sign("client", "DNS:client")
    daemon = make(rig, server_context(authority.sign("strict", "IP:127.0.0.1"), ca=authority.ca),
                  ca_file=str(authority.ca), cert_file=str(certificate), key_file=str(key))
    crosses(rig, daemon)


def test_without_verification(rig, stranger):
    # Does "verify": false take any certificate?
    daemon = make(rig, server_context(stranger.sign("whoever", "DNS:whoever")), verify=False)
    crosses(rig, daemon)


def test_wrong_authority(rig, authority, stranger):
    # Is a certificate of another authority refused, in words?
    daemon = make(rig, server_context(stranger.sign("forged", "IP:127.0.0.1")),
                  ca_file=str(authority.ca))
    refused(daemon, "(?i)certificate|self.signed|issuer")


@pytest.mark.parametrize("name, alternative", [("other-name", "DNS:other.example"),
                                               ("other-address", "IP:127.0.0.2")])
def test_wrong_name(rig, authority, name, alternative):
    # Is a certificate for somebody else refused, in words?
    daemon = make(rig, server_context(authority.sign(name, alternative)), ca_file=str(authority.ca))
    refused(daemon, "(?i)mismatch|certificate|name")


def test_expired(rig, authority):
    # Is a certificate of yesterday refused, in words?
    daemon = make(rig, server_context(authority.sign("expired", "IP:127.0.0.1", days=-1)),
                  ca_file=str(authority.ca))
    refused(daemon, "(?i)expired")


def test_no_client_certificate(rig, authority):
    # Where the server wants a client certificate and there is none, does it say so?
    daemon = make(rig, server_context(authority.sign("strict-2", "IP:127.0.0.1"), ca=authority.ca),
                  ca_file=str(authority.ca))
    refused(daemon, "(?i)certificate|alert|closed")


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion")
def test_old_protocol(rig, authority):
    # Is TLS 1.1 too old?
    old = (ssl.TLSVersion.TLSv1_1, ssl.TLSVersion.TLSv1_1)
    daemon = make(rig, server_context(authority.sign("old", "IP:127.0.0.1"), versions=old),
                  ca_file=str(authority.ca))
    refused(daemon, "(?i)protocol|version|alert")


def test_no_tls_there(rig, authority):
    # Is a server that speaks no TLS refused, in words?
    daemon = make(rig, None, ca_file=str(authority.ca))
    refused(daemon, "(?i)wrong version|tls|ssl|closed")
