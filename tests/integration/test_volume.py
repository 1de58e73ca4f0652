"""Many messages: in order, none missing, however fast they come."""

import threading

from harness.bulk import BulkSubscriber, publish_all
from harness.waiting import wait_until

QUEUE_WORK = {"queues": [{"name": "work"}]}
TO_WORK = {"exchange": "", "routing_key": "work", "persistent": False}  # or the disk is the limit
ROOM = {"messages": 500000, "memory": "512MiB"}


def test_order_of_100000(rig):
    # Do 100,000 messages go to RabbitMQ and back to Redis in the order of their publishing?
    count = 100_000
    daemon = rig.run(
        {"name": "there", "from": {"channel": "in"}, "to": TO_WORK, "buffer": ROOM},
        {"name": "back", "from": {"queue": "work", "prefetch": 2000}, "to": {"channel": "out"}},
        topology=QUEUE_WORK)
    subscriber = BulkSubscriber(rig.redis, "out")
    sender = threading.Thread(target=publish_all, args=(rig.redis, "in", range(count)))
    sender.start()
    numbers = subscriber.take(count, timeout=90)
    sender.join()
    assert numbers == list(range(count))
    for name in ("there", "back"):
        daemon.wait_bridge(name, delivered=count, pending=0)
    assert daemon.bridge("there")["unsubscribed"]["count"] == 0


def test_burst(rig):
    # Does a burst as fast as Redis takes it, faster than RabbitMQ confirms it, arrive whole?
    count = 100_000
    daemon = rig.run(
        {"name": "out", "from": {"channel": "in"}, "to": TO_WORK, "buffer": ROOM},
        topology=QUEUE_WORK)
    publish_all(rig.redis, "in", range(count), padding=100)
    bridge = daemon.wait_bridge("out", delivered=count, timeout=90)
    assert (bridge["received"], bridge["dropped"], bridge["pending"]) == (count, 0, 0)
    assert bridge["unsubscribed"]["count"] == 0
    assert daemon.stats()["connections"]["redis"]["reconnects"] == 0
    wait_until(lambda: rig.rabbit.ready("work") == count, "all of them are in the queue")


def test_many_bridges(rig):
    # Do a hundred bridges over the same connections get their own messages each?
    names = [f"b{number}" for number in range(100)]
    daemon = rig.run(
        *({"name": name, "from": {"channel": f"in.{name}"}, "to": {"queue": name}}
          for name in names),
        topology={"queues": [{"name": name} for name in names]})
    pipeline = rig.redis.client().pipeline(transaction=False)
    for number in range(10):
        for name in names:
            pipeline.publish(f"in.{name}", f"{name} {number}")
    assert set(pipeline.execute()) == {1}
    stats = daemon.wait_stats(lambda stats: all(stats["bridges"][name]["delivered"] == 10
                                                for name in names), "10 messages each")
    assert all(bridge["dropped"] == 0 for bridge in stats["bridges"].values())
    channel = rig.rabbit.channel()
    for name in names[::9]:
        bodies = [rig.rabbit.get(name, channel=channel)[2] for _ in range(10)]
        assert bodies == [f"{name} {number}".encode() for number in range(10)]
