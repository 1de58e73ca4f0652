#!/usr/bin/env python3
"""Publishes a line to a fanout exchange: the emitter of RabbitMQ's third tutorial."""

import os
import sys

import pika

RABBIT = os.environ.get("CHUNNELD_AMQP_URL", "amqp://guest:guest@127.0.0.1:5672/%2F")

line = " ".join(sys.argv[1:]) or "info: Hello World!"
connection = pika.BlockingConnection(pika.URLParameters(RABBIT))
channel = connection.channel()
channel.exchange_declare(exchange="logs", exchange_type="fanout", durable=True)
channel.basic_publish(exchange="logs", routing_key="", body=line)
print(f" [x] Sent {line}")
connection.close()
