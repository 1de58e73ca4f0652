"""What a candidate is asked to carry from where to where."""

from __future__ import annotations

import dataclasses

REDIS_TO_AMQP = "redis-to-amqp"
AMQP_TO_REDIS = "amqp-to-redis"
DIRECTIONS = (REDIS_TO_AMQP, AMQP_TO_REDIS)
EXCHANGE = "bench"
PREFETCH = 256


@dataclasses.dataclass(frozen=True)
class Route:
    """One route over the private servers. The queue is durable and bound to a durable topic
    exchange; where there are several channels the routing key is the channel's name."""

    direction: str
    redis_url: str
    amqp_url: str
    channel: str  # where there are several: what comes before .NUMBER
    queue: str
    channels: int = 0  # subscribed by one pattern; 0: the one channel

    @property
    def pattern(self) -> str:
        return f"{self.channel}.*"

    @property
    def binding_key(self) -> str:
        return f"{self.channel}.#" if self.channels else self.queue

    @property
    def source(self) -> str:
        return "redis" if self.direction == REDIS_TO_AMQP else "amqp"

    @property
    def target(self) -> str:
        return "amqp" if self.direction == REDIS_TO_AMQP else "redis"
