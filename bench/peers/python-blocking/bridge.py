"""A bridge between Redis pub/sub and RabbitMQ as the documentation of redis-py and pika has it, to
compare with: one message at a time, each confirmed or acknowledged before the next.

    bridge.py redis-to-amqp '{"redis": URL, "amqp": URL, "channel" | "pattern": ...,
                              "exchange": ..., "routing_key": ... (null: the channel)}'
    bridge.py amqp-to-redis '{"redis": URL, "amqp": URL, "queue": ..., "prefetch": ...,
                              "channel": ...}'

pika: "Using Delivery Confirmations with the BlockingConnection", "Ensuring message delivery with
the mandatory flag" and, for what happens when the connection breaks, "Using the Blocking Connection
with connection recovery with multiple hosts". redis-py: listen() of "Publish / Subscribe"; it
subscribes again by itself, and its parser is the one in Python that comes with it."""

from __future__ import annotations

import json
import sys
import time
from typing import Any

import pika
import redis
from pika.adapters.blocking_connection import BlockingChannel
from pika.exceptions import AMQPChannelError, AMQPConnectionError, NackError, UnroutableError

RECONNECT_S = 1.0
PERSISTENT = pika.BasicProperties(delivery_mode=pika.DeliveryMode.Persistent)


class Publisher:
    """Publishes one message at a time; it keeps it until RabbitMQ has confirmed it."""

    def __init__(self, url: str, exchange: str) -> None:
        self._url = url
        self._exchange = exchange
        self._channel: BlockingChannel | None = None

    def publish(self, key: str, body: bytes) -> None:
        while not self._is_confirmed(key, body):
            time.sleep(RECONNECT_S)

    def _is_confirmed(self, key: str, body: bytes) -> bool:
        """One try; after a lost connection the next one makes another."""
        try:
            if self._channel is None:
                self._channel = self._connect()
            self._channel.basic_publish(self._exchange, key, body, PERSISTENT, mandatory=True)
        except UnroutableError:
            print(f"amqp: returned, no queue for {key}", file=sys.stderr)
        except NackError:
            return False
        except (AMQPConnectionError, AMQPChannelError) as error:
            print(f"amqp: {error!r}", file=sys.stderr)
            self._channel = None
            return False
        return True

    def _connect(self) -> BlockingChannel:
        channel = pika.BlockingConnection(pika.URLParameters(self._url)).channel()
        channel.confirm_delivery()
        return channel


def redis_to_amqp(options: dict[str, Any]) -> None:
    publisher = Publisher(options["amqp"], options["exchange"])
    pubsub = redis.Redis.from_url(options["redis"]).pubsub(ignore_subscribe_messages=True)
    if options.get("pattern"):
        pubsub.psubscribe(options["pattern"])
    else:
        pubsub.subscribe(options["channel"])
    for message in pubsub.listen():
        publisher.publish(options.get("routing_key") or message["channel"].decode(),
                          message["data"])


def consume(options: dict[str, Any], client: redis.Redis) -> None:
    """Hands on what the queue has, until a connection breaks."""

    def on_message(channel: BlockingChannel, method: pika.spec.Basic.Deliver,
                   _properties: pika.BasicProperties, body: bytes) -> None:
        client.publish(options["channel"], body)
        channel.basic_ack(method.delivery_tag)

    with pika.BlockingConnection(pika.URLParameters(options["amqp"])) as connection:
        channel = connection.channel()
        channel.basic_qos(prefetch_count=options["prefetch"])
        channel.basic_consume(options["queue"], on_message)
        channel.start_consuming()


def amqp_to_redis(options: dict[str, Any]) -> None:
    client = redis.Redis.from_url(options["redis"])
    while True:
        try:
            consume(options, client)
        except (AMQPConnectionError, AMQPChannelError, redis.ConnectionError) as error:
            print(f"{error!r}", file=sys.stderr)
        time.sleep(RECONNECT_S)


if __name__ == "__main__":
    run = {"redis-to-amqp": redis_to_amqp, "amqp-to-redis": amqp_to_redis}[sys.argv[1]]
    run(json.loads(sys.argv[2]))
