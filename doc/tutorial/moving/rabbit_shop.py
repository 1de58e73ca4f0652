#!/usr/bin/env python3
"""The shop as it will be: publishes orders to an exchange until CTRL+C, and waits for the confirm of
each. The argument is the number of its first order."""

import json
import os
import signal
import sys
import threading

import pika

RABBIT = os.environ.get("CHUNNELD_AMQP_URL", "amqp://guest:guest@127.0.0.1:5672/%2F")

stop = threading.Event()
signal.signal(signal.SIGINT, lambda *_: stop.set())
connection = pika.BlockingConnection(pika.URLParameters(RABBIT))
channel = connection.channel()
channel.confirm_delivery()
number = first = int(sys.argv[1])
print(f" [*] Selling on RabbitMQ from order {first} on. To exit press CTRL+C")
while not stop.wait(0.005):
    channel.basic_publish("orders", "order.new", json.dumps({"order": number}),
                          pika.BasicProperties(delivery_mode=2), mandatory=True)
    number += 1
connection.close()
print(f" [x] Sold orders {first} to {number - 1} on RabbitMQ")
