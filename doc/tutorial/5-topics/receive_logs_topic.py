#!/usr/bin/env python3
"""Prints the lines of the Redis channels that match some patterns."""

import os
import sys

import redis

REDIS = os.environ.get("CHUNNELD_REDIS_URL", "redis://127.0.0.1:6379")

patterns = sys.argv[1:]
if not patterns:
    sys.exit(f"usage: {sys.argv[0]} PATTERN...")
logs = redis.Redis.from_url(REDIS).pubsub()
logs.psubscribe(*patterns)
waiting_for = len(patterns)
try:
    for message in logs.listen():
        if message["type"] == "psubscribe":
            waiting_for -= 1
            if waiting_for == 0:
                print(" [*] Waiting for logs. To exit press CTRL+C")
        else:
            print(f" [x] {message['channel'].decode()} {message['data'].decode()}")
except KeyboardInterrupt:
    pass
