"""Daemons with a spool: their configuration, what stands on the disk, and what arrives after it."""

import shutil
import tempfile

from .bulk import publish_all
from .daemon import run
from .waiting import wait_until

WORK = {"queues": [{"name": "work"}]}


def out(**buffer):
    return {"name": "out", "from": {"channel": "in"}, "to": {"queue": "work"},
            "buffer": {"disk": "64MiB", **buffer}}


def spool(rig, **more):
    return {"spool": {"directory": str(rig.folder / "spool"), **more}, "topology": WORK}


def block(rig, daemon, alarm, size=0, number=0):
    """The alarm is on, and the daemon has been told so, which takes a first publish."""
    alarm(True)
    publish_all(rig.redis, "in", [number], size)
    daemon.wait_stats(lambda stats: stats["connections"]["rabbit"]["blocked"], "blocked")


def cut(way, daemon):
    """The broker is away."""
    way.refuse()
    way.reset_all()
    daemon.wait_stats(lambda stats: stats["connections"]["rabbit"]["state"] != "up", "away")


def start_again(daemon):
    """Its stats are those of the new process then."""
    daemon.start()
    daemon.stats()
    return daemon


def kill(rig, daemon):
    """kill -9, and RabbitMQ has taken all that the daemon had sent."""
    daemon.kill()
    rig.broker.set_memory_alarm(False)
    wait_until(lambda: not rig.broker.connection_names(rig.rabbit.name), "the broker saw it die")


def take_distinct(rig, daemon, queue="work"):
    """The numbers in the queue once the daemon has nothing left, without repetitions, which must
    bear the same message_id and body."""
    daemon.wait_idle(timeout=60)
    count = rig.rabbit.ready(queue)
    by_id, numbers = {}, []
    for _, properties, body in rig.rabbit.take_messages(queue, count):
        number = int(body)
        if by_id.setdefault(properties.message_id, number) != number:
            raise AssertionError(f"one message_id for {number} and another")
        numbers.append(number)
    numbers = list(dict.fromkeys(numbers))
    assert len(by_id) == len(numbers), "a repetition has a message_id of its own"
    return numbers


def on_disk(daemon, bridge="out"):
    """How many messages of a bridge would be there if the daemon were killed now, looked up in a
    copy of the spool; -1 while the copy is of no use, having been made in the middle of a change."""
    directory = daemon.config["spool"]["directory"]
    with tempfile.TemporaryDirectory(dir=daemon.folder) as copy:
        try:
            shutil.copytree(directory, f"{copy}/spool")
        except shutil.Error:
            return -1
        config = daemon.write_config({**daemon.config, "spool": {"directory": f"{copy}/spool"}},
                                     f"{copy}/copy.json")
        status, listed, _ = run("spool", "list", "-c", config)
    if status != 0:
        return -1
    found = [int(line.split()[1]) for line in listed.splitlines() if line.split()[0] == bridge]
    return found[0] if found else 0


def wait_on_disk(daemon, count, bridge="out"):
    """Waits until so many messages are on the disk: the time of a group commit has passed."""
    wait_until(lambda: on_disk(daemon, bridge) == count, f"{count} messages are on the disk",
               every=0.1)
