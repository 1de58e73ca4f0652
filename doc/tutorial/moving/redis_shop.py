#!/usr/bin/env python3
"""The shop as it was: publishes orders on a Redis channel until CTRL+C. The argument is the number
of its first order."""

import json
import os
import signal
import sys
import threading

import redis

REDIS = os.environ.get("CHUNNELD_REDIS_URL", "redis://127.0.0.1:6379")

stop = threading.Event()
signal.signal(signal.SIGINT, lambda *_: stop.set())
client = redis.Redis.from_url(REDIS)
number = first = int(sys.argv[1])
print(f" [*] Selling on Redis from order {first} on. To exit press CTRL+C")
while not stop.wait(0.005):
    client.publish("orders", json.dumps({"order": number}))
    number += 1
print(f" [x] Sold orders {first} to {number - 1} on Redis")
