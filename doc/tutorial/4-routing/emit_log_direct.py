#!/usr/bin/env python3
"""Publishes a line on the Redis channel of its severity."""

import os
import sys

import redis

REDIS = os.environ.get("CHUNNELD_REDIS_URL", "redis://127.0.0.1:6379")

severity = sys.argv[1] if len(sys.argv) > 1 else "info"
line = " ".join(sys.argv[2:]) or "Hello World!"
redis.Redis.from_url(REDIS).publish(f"logs.{severity}", line)
print(f" [x] Sent {severity}:{line}")
