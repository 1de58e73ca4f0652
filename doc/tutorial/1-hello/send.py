#!/usr/bin/env python3
"""Says hello on a Redis channel."""

import os

import redis

REDIS = os.environ.get("CHUNNELD_REDIS_URL", "redis://127.0.0.1:6379")

redis.Redis.from_url(REDIS).publish("hello", "Hello World!")
print(" [x] Sent 'Hello World!'")
