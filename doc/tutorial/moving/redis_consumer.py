#!/usr/bin/env python3
"""A consumer as it was: subscribes to a channel and writes the number of each order into its book,
NAME.txt. At CTRL+C it unsubscribes, and handles what came before that."""

import json
import os
import signal
import sys
import threading

import redis

REDIS = os.environ.get("CHUNNELD_REDIS_URL", "redis://127.0.0.1:6379")

name = sys.argv[1]
stop = threading.Event()
signal.signal(signal.SIGINT, lambda *_: stop.set())
orders = redis.Redis.from_url(REDIS).pubsub()
orders.subscribe("orders")
handled, leaving = 0, False
with open(f"{name}.txt", "a", buffering=1) as book:
    while orders.subscribed:
        message = orders.get_message(timeout=0.1)
        if message and message["type"] == "subscribe":
            print(f" [*] {name} waits for orders on Redis. To exit press CTRL+C")
        if message and message["type"] == "message":
            print(json.loads(message["data"])["order"], file=book)
            handled += 1
        if stop.is_set() and not leaving:
            orders.unsubscribe()
            leaving = True
print(f" [x] {name} handled {handled} orders from Redis")
