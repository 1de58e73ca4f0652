#!/usr/bin/env python3
"""Takes messages from the queue "hello": the receiver of RabbitMQ's first tutorial."""

import os

import pika

RABBIT = os.environ.get("CHUNNELD_AMQP_URL", "amqp://guest:guest@127.0.0.1:5672/%2F")

def on_message(ch, method, properties, body):
    print(f" [x] Received {body.decode()}")


channel = pika.BlockingConnection(pika.URLParameters(RABBIT)).channel()
channel.queue_declare(queue="hello", durable=True)
channel.basic_consume(queue="hello", on_message_callback=on_message, auto_ack=True)
print(" [*] Waiting for messages. To exit press CTRL+C")
try:
    channel.start_consuming()
except KeyboardInterrupt:
    pass
