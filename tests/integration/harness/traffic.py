"""Steady numbered traffic while something breaks."""

import threading

import pika.exceptions
import redis


class _Traffic:
    """Sends numbers from 0 on until stopped; `sent` are those that the server has taken."""

    def __init__(self, pause):
        self.sent = []
        self._pause = pause
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        number = 0
        while not self._end.is_set():
            if self._send(number):
                self.sent.append(number)
            number += 1
            self._end.wait(self._pause)

    def stop(self):
        """Ends it; the numbers that were taken."""
        self._end.set()
        self._thread.join(timeout=30)
        assert not self._thread.is_alive()
        return self.sent


class RedisTraffic(_Traffic):
    """Publishes on a channel. A number counts as sent when a subscriber got it."""

    def __init__(self, server, channel, pause=0.002):
        self._server, self._channel = server, channel
        self._client = server.client()
        super().__init__(pause)

    def _send(self, number):
        try:
            return self._client.publish(self._channel, str(number)) > 0
        except (redis.exceptions.RedisError, OSError):
            return False


class QueueTraffic(_Traffic):
    """Publishes persistent messages to a queue. A number counts as sent when the broker confirmed
    it."""

    def __init__(self, vhost, queue, pause=0.002):
        self._vhost, self._queue = vhost, queue
        self._channel = None
        super().__init__(pause)

    def _send(self, number):
        try:
            if self._channel is None:
                self._channel = self._vhost.channel(confirm=True)
            self._channel.basic_publish("", self._queue, str(number),
                                        pika.BasicProperties(delivery_mode=2))
            return True
        except (pika.exceptions.AMQPError, OSError):
            self._channel = None
            return False
