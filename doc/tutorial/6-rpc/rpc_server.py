#!/usr/bin/env python3
"""Answers requests for Fibonacci numbers on Redis."""

import json
import os

import redis

REDIS = os.environ.get("CHUNNELD_REDIS_URL", "redis://127.0.0.1:6379")

def fib(n):
    before, now = 0, 1
    for _ in range(n):
        before, now = now, before + now
    return before


client = redis.Redis.from_url(REDIS)
requests = client.pubsub()
requests.subscribe("rpc.fib")
try:
    for message in requests.listen():
        if message["type"] == "subscribe":
            print(" [x] Awaiting RPC requests")
            continue
        request = json.loads(message["data"])
        n = int(request["body"])
        print(f" [.] fib({n})")
        client.publish(request["properties"]["reply_to"], fib(n))
except KeyboardInterrupt:
    pass
