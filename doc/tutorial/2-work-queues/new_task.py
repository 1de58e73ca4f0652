#!/usr/bin/env python3
"""Publishes a task on a Redis channel; every dot in it is a second of work."""

import os
import sys

import redis

REDIS = os.environ.get("CHUNNELD_REDIS_URL", "redis://127.0.0.1:6379")

task = " ".join(sys.argv[1:]) or "Hello World!"
redis.Redis.from_url(REDIS).publish("tasks", task)
print(f" [x] Sent {task}")
