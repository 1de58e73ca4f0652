"""A bridge between Redis pub/sub and RabbitMQ with redis-py and pika, to compare with: what one
would write by the book of both libraries, losing nothing it can help losing.

    bridge.py redis-to-amqp '{"redis": URL, "amqp": URL, "channel" | "pattern": ...,
                              "exchange": ..., "routing_key": ... (null: the channel)}'
    bridge.py amqp-to-redis '{"redis": URL, "amqp": URL, "queue": ..., "prefetch": ...,
                              "channel": ...}'

Messages to RabbitMQ are persistent and kept until it confirms them; when the connection breaks
those are sent again over the next one. Messages from a queue go to Redis in pipelines of what has
come meanwhile, and are acknowledged when Redis has answered."""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any, Awaitable, Callable

import pika
import redis.asyncio
from pika.adapters.asyncio_connection import AsyncioConnection
from pika.channel import Channel

RECONNECT_S = 1.0
PERSISTENT = pika.BasicProperties(delivery_mode=2)


async def keep_connected(url: str, use: Callable[[Channel], Awaitable[None]]) -> None:
    """Calls `use(channel)` for a channel to RabbitMQ, again for each that follows a lost one."""
    while True:
        loop = asyncio.get_running_loop()
        opened: asyncio.Future[Channel] = loop.create_future()
        closed: asyncio.Future[None] = loop.create_future()

        def on_lost(_what: Any, reason: BaseException) -> None:
            for future in (opened, closed):
                if not future.done():
                    future.set_exception(ConnectionError(str(reason)))
                    future.exception()  # looked at, whoever awaits it

        def on_open(connection: AsyncioConnection) -> None:
            connection.channel(on_open_callback=on_channel)

        def on_channel(channel: Channel) -> None:
            channel.add_on_close_callback(on_lost)
            opened.set_result(channel)

        AsyncioConnection(pika.URLParameters(url), on_open_callback=on_open,
                          on_open_error_callback=on_lost, on_close_callback=on_lost)
        try:
            await use(await opened)
            await closed
        except ConnectionError as error:
            print(f"amqp: {error}", file=sys.stderr)
        await asyncio.sleep(RECONNECT_S)


class ToAmqp:
    """Publishes with confirms, any number of them outstanding."""

    def __init__(self, options: dict[str, Any]) -> None:
        self._options = options
        self._channel: Channel | None = None
        self._unconfirmed: dict[int, tuple[str, bytes]] = {}  # by delivery tag, in order
        self._waiting: list[tuple[str, bytes]] = []  # while there is no channel
        self._tag = 0
        self._settled = 0

    def send(self, key: str, body: bytes) -> None:
        if self._channel is None or not self._channel.is_open:
            self._waiting.append((key, body))
            return
        self._tag += 1
        self._unconfirmed[self._tag] = (key, body)
        self._channel.basic_publish(self._options["exchange"], key, body, PERSISTENT)

    async def use(self, channel: Channel) -> None:
        selected: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        channel.confirm_delivery(self._on_answer, lambda _frame: selected.set_result(None))
        await selected
        again = [*self._unconfirmed.values(), *self._waiting]
        self._unconfirmed.clear()
        self._waiting.clear()
        self._tag = self._settled = 0
        self._channel = channel
        for key, body in again:
            self.send(key, body)

    def _on_answer(self, frame: Any) -> None:
        method = frame.method
        first = self._settled + 1 if method.multiple else method.delivery_tag
        for tag in range(first, method.delivery_tag + 1):
            message = self._unconfirmed.pop(tag, None)
            if message is not None and isinstance(method, pika.spec.Basic.Nack):
                self.send(*message)
        if method.multiple:
            self._settled = method.delivery_tag


async def listen(options: dict[str, Any], send: Callable[[str, bytes], None]) -> None:
    """Subscribes and hands on what comes, until the connection breaks."""
    async with redis.asyncio.Redis.from_url(options["redis"]) as client:
        pubsub = client.pubsub(ignore_subscribe_messages=True)
        if options.get("pattern"):
            await pubsub.psubscribe(options["pattern"])
        else:
            await pubsub.subscribe(options["channel"])
        async for message in pubsub.listen():
            send(options.get("routing_key") or message["channel"].decode(), message["data"])


async def redis_to_amqp(options: dict[str, Any]) -> None:
    sink = ToAmqp(options)
    amqp = asyncio.create_task(keep_connected(options["amqp"], sink.use))
    while not amqp.done():
        try:
            await listen(options, sink.send)
        except redis.exceptions.ConnectionError as error:
            print(f"redis: {error}", file=sys.stderr)
            await asyncio.sleep(RECONNECT_S)
    await amqp


async def amqp_to_redis(options: dict[str, Any]) -> None:
    client = redis.asyncio.Redis.from_url(options["redis"])
    arrived: asyncio.Queue[tuple[Channel, int, bytes]] = asyncio.Queue()

    async def use(channel: Channel) -> None:
        channel.basic_qos(prefetch_count=options["prefetch"])
        channel.basic_consume(
            options["queue"],
            lambda through, method, _properties, body: arrived.put_nowait(
                (through, method.delivery_tag, body)))

    amqp = asyncio.create_task(keep_connected(options["amqp"], use))
    while True:
        batch = [await arrived.get()]
        while not arrived.empty():
            batch.append(arrived.get_nowait())
        pipeline = client.pipeline(transaction=False)
        for _, _, body in batch:
            pipeline.publish(options["channel"], body)
        await pipeline.execute()
        newest = {through: tag for through, tag, _ in batch}
        for through, tag in newest.items():
            if through.is_open:
                through.basic_ack(tag, multiple=True)
    await amqp


if __name__ == "__main__":
    run = {"redis-to-amqp": redis_to_amqp, "amqp-to-redis": amqp_to_redis}[sys.argv[1]]
    asyncio.run(run(json.loads(sys.argv[2])))
