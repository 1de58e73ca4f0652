#!/usr/bin/env python3
"""Publishes a line to a topic exchange: the emitter of RabbitMQ's fifth tutorial."""

import os
import sys

import pika

RABBIT = os.environ.get("CHUNNELD_AMQP_URL", "amqp://guest:guest@127.0.0.1:5672/%2F")

routing_key = sys.argv[1] if len(sys.argv) > 1 else "anonymous.info"
line = " ".join(sys.argv[2:]) or "Hello World!"
connection = pika.BlockingConnection(pika.URLParameters(RABBIT))
channel = connection.channel()
channel.exchange_declare(exchange="topic_logs", exchange_type="topic", durable=True)
channel.basic_publish(exchange="topic_logs", routing_key=routing_key, body=line)
print(f" [x] Sent {routing_key}:{line}")
connection.close()
