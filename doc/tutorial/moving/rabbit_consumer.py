#!/usr/bin/env python3
"""A consumer as it will be: takes the orders of its queue, NAME, and acknowledges each when it
stands in its book, NAME.txt. What stood there before it skips."""

import json
import os
import signal
import sys
import threading

import pika

RABBIT = os.environ.get("CHUNNELD_AMQP_URL", "amqp://guest:guest@127.0.0.1:5672/%2F")

name = sys.argv[1]
stop = threading.Event()
signal.signal(signal.SIGINT, lambda *_: stop.set())
with open(f"{name}.txt") as book:
    known = {int(line) for line in book}
connection = pika.BlockingConnection(pika.URLParameters(RABBIT))
channel = connection.channel()
channel.basic_qos(prefetch_count=100)
handled = skipped = 0
print(f" [*] {name} waits for orders from RabbitMQ. To exit press CTRL+C")
with open(f"{name}.txt", "a", buffering=1) as book:
    for method, properties, body in channel.consume(name, inactivity_timeout=0.1):
        if stop.is_set():
            break
        if method is None:
            continue
        order = json.loads(body)["order"]
        if order in known:
            skipped += 1
        else:
            print(order, file=book)
            handled += 1
        channel.basic_ack(method.delivery_tag)
connection.close()
print(f" [x] {name} handled {handled} orders from RabbitMQ, skipped {skipped} it had before")
