#!/usr/bin/env python3
"""Does one task at a time, and acknowledges it when it is done: the worker of RabbitMQ's second
tutorial."""

import os

import pika

RABBIT = os.environ.get("CHUNNELD_AMQP_URL", "amqp://guest:guest@127.0.0.1:5672/%2F")

def on_task(ch, method, properties, body):
    print(f" [x] Received {body.decode()}")
    ch.connection.sleep(body.count(b"."))
    print(" [x] Done")
    ch.basic_ack(delivery_tag=method.delivery_tag)


channel = pika.BlockingConnection(pika.URLParameters(RABBIT)).channel()
channel.queue_declare(queue="task_queue", durable=True)
channel.basic_qos(prefetch_count=1)
channel.basic_consume(queue="task_queue", on_message_callback=on_task)
print(" [*] Waiting for messages. To exit press CTRL+C")
try:
    channel.start_consuming()
except KeyboardInterrupt:
    pass
