"""The disk behind a buffer is full, fails, is slow, or was damaged while nobody looked (D6 to D8, D18)."""

import contextlib
import os
import re
import sqlite3

import pytest

from harness.bulk import publish_all
from harness.disk import WORK, block, cut, out, spool, start_again
from harness.diskfaults import injected, mounted, run_words
from harness.waiting import wait_until


def overflowing(rig, directory):
    """A daemon whose memory is small and whose disk, as far as it was told, is not."""
    return rig.run(out(memory="256KiB", disk="1GiB"), spool={"directory": str(directory)},
                   topology=WORK)


def come_through(rig, account, count):
    """Everything goes out; what was dropped is in the books, and the rest came in order."""
    daemon = rig.daemons[0]
    bridge = daemon.wait_bridge("out", received=count, pending=0, timeout=120)
    assert bridge["delivered"] + bridge["dropped"] == count
    arrived = [int(body) for body in rig.rabbit.take("work", bridge["delivered"])]
    counts = account.judge("Redis to RabbitMQ", range(count), arrived, result="W",
                           most_missing=bridge["dropped"])
    assert counts.twice == counts.reordered == 0
    publish_all(rig.redis, "in", [count])
    assert rig.rabbit.take("work", 1) == [b"%d" % count]
    return bridge


@pytest.mark.slow
@pytest.mark.parametrize("kind, count", [("tmpfs", 3000), ("ext4", 40_000)])
def test_d6_small_file_system(rig, alarm, account, kind, count):
    """N. On a file system that is full long before the limits, is that told once, is nothing lost
    that memory can hold, is the rest counted, and does it go on when there is room?"""
    with mounted(rig.folder / "small", kind) as folder:
        daemon = overflowing(rig, folder / "spool")
        block(rig, daemon, alarm, 1000)
        account.injects(f"{count} messages of 1,000 bytes to a small {kind}")
        publish_all(rig.redis, "in", range(1, count), 1000)
        daemon.wait_bridge("out", received=count, timeout=60)
        daemon.wait_log(r"level=(warn|error).*(full|space|ENOSPC)")
        alarm(False)
        come_through(rig, account, count)
        daemon.wait_idle()
        daemon.stop()


@pytest.mark.slow
def test_d6_read_only(rig, alarm, account):
    """N. When the file system becomes read-only, is that told, is nothing lost that memory can
    hold, and does it go on when it can be written again?"""
    with mounted(rig.folder / "small", "tmpfs") as folder:
        daemon = overflowing(rig, folder / "spool")
        block(rig, daemon, alarm, 1000)
        account.injects("remounted read-only, 1,000 messages, remounted read-write")
        done = run_words("mount", "-o", "remount,ro", folder)
        if done.returncode != 0:  # files stay open for writing in it
            done = run_words("mount", "-o", "remount,size=8k", folder)
        publish_all(rig.redis, "in", range(1, 1000), 1000)
        daemon.wait_bridge("out", received=1000, timeout=60)
        daemon.wait_log(r"level=(warn|error).*(read-only|readonly|full|space)")
        run_words("mount", "-o", "remount,rw,size=64m", folder)
        alarm(False)
        bridge = come_through(rig, account, 1000)
        assert bridge["dropped"] == 0
        daemon.wait_idle()
        daemon.stop()


@pytest.mark.slow
@pytest.mark.parametrize("calls, what, words", [
    ("pwrite64", "error=ENOSPC:when=1+", "full|space|trouble|disk"),
    ("pwrite64", "error=EDQUOT:when=1+", "quota|full|disk|trouble"),
    ("pwrite64", "error=EROFS:when=1+", "read-only|disk|trouble"),
    ("fdatasync,fsync", "error=EIO:when=1+", "disk I/O|I/O|sync|trouble"),
], ids=["ENOSPC", "EDQUOT", "EROFS", "EIO"])
def test_d7_failing_disk(rig, account, calls, what, words):
    """D. While writes or syncs fail, is nothing called stored that is not, is nothing lost from
    memory, and is all of it durable and delivered afterwards?"""
    daemon = rig.run(out(durability="disk"), **spool(rig))
    publish_all(rig.redis, "in", range(100))
    daemon.wait_bridge("out", delivered=100)
    account.injects(f"{calls}: {what}, 500 messages")
    with injected(daemon, calls, what):
        publish_all(rig.redis, "in", range(100, 600))
        daemon.wait_bridge("out", received=600)
        daemon.wait_log(rf"level=(warn|error).*({words})")
        bridge = daemon.bridge("out")
        account.say(f"while it failed: {bridge['delivered']} delivered, {bridge['pending']} pending")
        assert (bridge["delivered"], bridge["pending"]) == (100, 500)
    daemon.wait_bridge("out", delivered=600, pending=0, dropped=0, timeout=60)
    account.judge("Redis to RabbitMQ", range(600), map(int, rig.rabbit.take("work", 600)))


@pytest.mark.slow
def test_d7_slow_sync(rig, account, form):
    """N. Does a sync that takes seconds stop neither the loop nor another bridge?"""
    seconds = form(3, 5)
    other = {"name": "other", "from": {"channel": "in"}, "to": {"queue": "more"}}
    daemon = rig.run(out(durability="disk"), other, **{**spool(rig), "topology": {
        "queues": [{"name": "work"}, {"name": "more"}]}})
    account.injects(f"every fdatasync takes {seconds} s")
    with injected(daemon, "fdatasync,fsync", f"delay_enter={seconds}000000"):
        publish_all(rig.redis, "in", range(200))
        bridge = daemon.wait_bridge("other", delivered=200)
        assert bridge["dropped"] == 0
        daemon.wait_bridge("out", received=200, delivered=200, timeout=60)
    assert daemon.stats()["loop_lag_ms"]["max"] < seconds * 1000 - 500
    account.judge("Redis to RabbitMQ", range(200), map(int, rig.rabbit.take("work", 200)))


# Damage


def left_behind(rig, count=500):
    """A spool with so many messages that a daemon left in it."""
    way = rig.proxy(rig.broker.port)
    daemon = rig.run(out(), amqp_url=rig.rabbit.url(port=way.port), **spool(rig))
    cut(way, daemon)
    publish_all(rig.redis, "in", range(count), 100)
    daemon.wait_bridge("out", pending=count)
    daemon.stop()
    way.listen()
    files = sorted((rig.folder / "spool").glob("*.db"))
    assert files
    return daemon, files[-1]


def flip(path, at):
    with open(path, "r+b") as file:
        file.seek(at)
        byte = file.read(1)[0]
        file.seek(at)
        file.write(bytes([byte ^ 0xFF]))


@pytest.mark.parametrize("part", [0.02, 0.3, 0.6, 0.95])
@pytest.mark.parametrize("how", ["flip", "zero", "cut"])
def test_d8_damaged_spool(rig, account, how, part):
    """S. With bytes flipped, filled with zeros or cut off in the spool, does it start or refuse in
    words, and is what it gives back right and in order, and the rest told?"""
    daemon, path = left_behind(rig)
    size = path.stat().st_size
    at = int(size * part)
    account.injects(f"{how} at {at} of {size}")
    if how == "flip":
        for offset in range(0, 64, 16):
            flip(path, min(at + offset, size - 1))
    elif how == "zero":
        with open(path, "r+b") as file:
            file.seek(at)
            file.write(bytes(min(8192, size - at)))
    else:
        os.truncate(path, at)
    before = len(daemon.log())
    daemon.start()
    bridge = start_again_or_refuse(daemon)
    if bridge is None:
        account.say("refused")
        assert str(rig.folder / "spool") in daemon.log()[before:]
        return
    bridge = daemon.wait_bridge("out", pending=0, timeout=60)
    found = rig.rabbit.take("work", rig.rabbit.ready("work"))
    assert all(len(body) == 100 for body in found), "a wrong payload"
    numbers = [int(body) for body in found]
    counts = account.judge("Redis to RabbitMQ", range(500), numbers, most_missing=500)
    assert counts.twice == counts.reordered == 0 and set(numbers) <= set(range(500))
    if counts.missing:
        told = re.compile(r"level=(warn|error).*(damaged|cannot be opened|missing)")
        wait_until(lambda: told.search(daemon.log()[before:]), "the loss is told")


def start_again_or_refuse(daemon):
    """The stats of its bridge, or None when it has ended with 74 and has said why."""
    def begun():
        if daemon.process.poll() is not None:
            return "ended"
        stats = daemon.newest()
        return stats and "begun"

    if wait_until(begun, "started or refused") == "ended":
        assert daemon.process.returncode in (69, 74)
        return None
    return daemon.bridge("out")


@pytest.mark.parametrize("what", ["foreign", "text", "symlink", "folder"])
def test_d8_foreign_file(rig, account, what):
    """N. Is something else in the place of the spool refused or put aside in words, and never
    written over?"""
    daemon, path = left_behind(rig, 10)
    content = b"something else, " * 1000
    target = rig.folder / "elsewhere"
    path.unlink()
    if what == "foreign":
        with sqlite3.connect(path) as connection:
            connection.execute("create table t (x)")
        content = path.read_bytes()
    elif what == "text":
        path.write_bytes(content)
    elif what == "symlink":
        target.write_bytes(content)
        path.symlink_to(target)
    else:
        path.mkdir()
    account.injects(f"{what} in the place of the spool's file")
    before = len(daemon.log())
    daemon.start()
    started = start_again_or_refuse(daemon) is not None
    account.say("started" if started else "refused")
    said = daemon.log()[before:]
    assert path.name in said or str(rig.folder / "spool") in said
    if what == "symlink":
        assert target.read_bytes() == content
    if what in ("foreign", "text"):
        kept = [file.read_bytes() for file in (rig.folder / "spool").iterdir() if file.is_file()]
        assert content in kept


def test_d18_spool_of_a_newer_version(rig, account):
    """N. Is a spool that a newer version has written refused in words and left as it is, and read
    when it is of this version?"""
    daemon, path = left_behind(rig)
    with contextlib.closing(sqlite3.connect(path)) as connection:
        version = connection.execute("pragma user_version").fetchone()[0]
        connection.execute(f"pragma user_version = {version + 1000}")
        connection.commit()
        connection.execute("pragma wal_checkpoint(truncate)")
    account.injects(f"user_version {version + 1000} in place of {version}")
    content = path.read_bytes()
    daemon.start()
    assert start_again_or_refuse(daemon) is None
    daemon.wait_log("(?i)newer|version")
    assert path.read_bytes() == content
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute(f"pragma user_version = {version}")
        connection.commit()
    start_again(daemon)
    daemon.wait_bridge("out", delivered=500, pending=0)
    numbers = [int(body) for body in rig.rabbit.take("work", 500)]
    account.judge("Redis to RabbitMQ", range(500), numbers)
