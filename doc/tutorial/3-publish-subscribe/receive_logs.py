#!/usr/bin/env python3
"""Prints the lines of a Redis channel."""

import os

import redis

REDIS = os.environ.get("CHUNNELD_REDIS_URL", "redis://127.0.0.1:6379")

logs = redis.Redis.from_url(REDIS).pubsub()
logs.subscribe("logs")
try:
    for message in logs.listen():
        if message["type"] == "subscribe":
            print(" [*] Waiting for logs. To exit press CTRL+C")
        else:
            print(f" [x] {message['data'].decode()}")
except KeyboardInterrupt:
    pass
