"""What the daemon is told, and what it tells: nonsense, secrets, circles (D12, D13, D15)."""

import json
import os

import pytest

from harness.daemon import run

MINIMAL = {
    "connections": {"redis": {"url": "redis://127.0.0.1:1"}, "rabbit": {"url": "amqp://127.0.0.1:1"}},
    "bridges": [{"name": "out", "from": {"channel": "orders"}, "to": {"queue": "work"}}],
}
WORK = {"queues": [{"name": "work"}]}
OUT = MINIMAL["bridges"][0]


def write(folder, config):
    path = folder / "chunneld.json"
    path.write_bytes(config if isinstance(config, bytes) else json.dumps(config).encode())
    return path


@pytest.mark.parametrize("content", [
    b"", b"   \n", b"{", b"[]", b"null", b'{"bridges": []} x', b'{"bridges": [], "bridges": []}',
    b'{"instance": "a\x00b"}', b'{"instance": "\xff\xfe"}', b'{"instance": "a\nb"}',
    b'{"a": ' + b"[" * 1001 + b"]" * 1001 + b"}", b'// comment\n{"bridges": []}',
    b'{"bridges": [],}', b"\xff\xfe{\x00}\x00", b'{"instance": "' + b"x" * 10_000_000 + b'"}',
    b'{"connections": [], "bridges": {}}',
], ids=["empty", "blank", "open", "array", "null", "trailing", "duplicate", "nul", "utf8", "control",
        "deep", "comment", "comma", "utf16", "10-mb", "wrong-type"])
@pytest.mark.parametrize("option", [["--check"], []], ids=["check", "start"])
def test_d12_no_configuration_at_all(tmp_path, content, option):
    """N. Is a file that is no configuration refused with 78 and its place, also at a real start?"""
    path = write(tmp_path, content)
    status, out, err = run("-c", path, *option)
    assert (status, out) == (78, "")
    assert str(path) in err


def test_d12_file_that_cannot_be_read(tmp_path):
    """N. Are a missing file, a folder and a pipe configuration errors that name the file, without a
    wait?"""
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "missing.json", tmp_path, tmp_path / "pipe"):
        status, out, err = run("-c", path, "--check")
        assert (status, out) == (78, "")
        assert str(path) in err


def test_d13_secrets_are_not_printed(tmp_path):
    """N. Do neither --print-config nor --check show a password, wherever it was given?"""
    secret = "hunter2-s3cret"
    (tmp_path / "password").write_text(secret + "\n")
    config = {**MINIMAL, "connections": {
        "redis": {"url": f"redis://user:{secret}@127.0.0.1:1"},
        "rabbit": {"url": "amqp://user@127.0.0.1:1", "password_file": str(tmp_path / "password")},
        "other": {"url": "amqp://x:${SECRET}@127.0.0.1:1"},
    }, "bridges": [
        {"name": "out", "from": {"channel": "a"}, "to": {"queue": "q", "connection": "rabbit"}}]}
    path = write(tmp_path, config)
    status, out, err = run("-c", path, "--print-config", env={"SECRET": secret})
    assert status == 0, err
    assert secret not in out + err
    assert "***" in json.loads(out)["connections"]["redis"]["url"]

    config["connections"]["redis"]["url"] += "/not-a-number"
    status, out, err = run("-c", write(tmp_path, config), "--check", env={"SECRET": secret})
    assert status == 78
    assert secret not in out + err


def test_d13_no_secrets_and_no_bodies(rig):
    """N. Whatever goes wrong, is neither a password nor a body in the log, the stats or the
    arguments?"""
    rig.redis.client().execute_command("ACL", "SETUSER", "gw", "on", ">pass-r3dis", "+@all",
                                       "allchannels")
    rig.broker.eval('rabbit_auth_backend_internal:add_user(<<"gw2">>, <<"pass-r4bbit">>, <<"t">>)')
    try:
        rig.rabbit.grant("gw2")
        daemon = rig.run(OUT, {"name": "void", "from": {"channel": "orders"},
                               "to": {"exchange": "amq.direct", "routing_key": "{json:/x}"}},
                         topology=WORK,
                         redis_url=rig.redis.url(user="gw", password="pass-r3dis"),
                         amqp_url=rig.rabbit.url("gw2", "pass-r4bbit"))
        for body in ("b0dy", '{"x": "b0dy"}'):
            rig.redis.client().publish("orders", body)
        daemon.wait_bridge("void", received=2, pending=0)
        rig.broker.close_connections(rig.rabbit.name)
        rig.redis.client().execute_command("CLIENT", "KILL", "USER", "gw")
        daemon.wait_stats(lambda stats: all(connection["reconnects"] >= 1 for connection
                                            in stats["connections"].values()), "reconnected")
        daemon.wait_running()
        arguments = open(f"/proc/{daemon.process.pid}/cmdline", "rb").read().decode()
        seen = daemon.log() + json.dumps(daemon.stats()) + arguments
        for secret in ("pass-r3dis", "pass-r4bbit"):
            assert secret not in seen
        assert "b0dy" not in daemon.log()
        daemon.wait_idle()
        daemon.stop()
    finally:
        rig.broker.eval('rabbit_auth_backend_internal:delete_user(<<"gw2">>, <<"test">>)')


def test_d15_bridges_that_feed_each_other(tmp_path):
    """N. Are two bridges that would send the same message round for ever refused by --check, with
    both names?"""
    path = write(tmp_path, {**MINIMAL, "bridges": [
        {"name": "there", "from": {"channel": "a"}, "to": {"queue": "work"}},
        {"name": "back", "from": {"queue": "work"}, "to": {"channel": "a"}}]})
    for option in (["--check"], []):
        status, _, err = run("-c", path, *option)
        assert status == 78
        assert "there" in err and "back" in err
