#!/usr/bin/env python3
"""Prints the lines of some severities: the receiver of RabbitMQ's fourth tutorial."""

import os
import sys

import pika

RABBIT = os.environ.get("CHUNNELD_AMQP_URL", "amqp://guest:guest@127.0.0.1:5672/%2F")

def on_line(ch, method, properties, body):
    print(f" [x] {method.routing_key}:{body.decode()}")


severities = sys.argv[1:]
if not severities:
    sys.exit(f"usage: {sys.argv[0]} SEVERITY...")
channel = pika.BlockingConnection(pika.URLParameters(RABBIT)).channel()
channel.exchange_declare(exchange="direct_logs", exchange_type="direct", durable=True)
queue = channel.queue_declare(queue="", exclusive=True).method.queue
for severity in severities:
    channel.queue_bind(exchange="direct_logs", queue=queue, routing_key=severity)
channel.basic_consume(queue=queue, on_message_callback=on_line, auto_ack=True)
print(" [*] Waiting for logs. To exit press CTRL+C")
try:
    channel.start_consuming()
except KeyboardInterrupt:
    pass
