#!/usr/bin/env python3
"""Asks for a Fibonacci number at a queue: the client of RabbitMQ's sixth tutorial, which also looks
whether the answer is an error."""

import os
import sys
import uuid

import pika

RABBIT = os.environ.get("CHUNNELD_AMQP_URL", "amqp://guest:guest@127.0.0.1:5672/%2F")

class Client:
    def __init__(self):
        self.connection = pika.BlockingConnection(pika.URLParameters(RABBIT))
        self.channel = self.connection.channel()
        self.answers = self.channel.queue_declare(queue="", exclusive=True).method.queue
        self.channel.basic_consume(queue=self.answers, on_message_callback=self.on_answer,
                                   auto_ack=True)

    def on_answer(self, ch, method, properties, body):
        if properties.correlation_id == self.correlation_id:
            error = (properties.headers or {}).get("x-chunnel-error")
            self.answer = f"error: {error}" if error else body.decode()

    def call(self, n):
        self.answer, self.correlation_id = None, str(uuid.uuid4())
        self.channel.basic_publish(
            exchange="", routing_key="rpc_queue", body=str(n),
            properties=pika.BasicProperties(reply_to=self.answers,
                                            correlation_id=self.correlation_id))
        while self.answer is None:
            self.connection.process_data_events(time_limit=1)
        return self.answer


n = int(sys.argv[1]) if len(sys.argv) > 1 else 30
print(f" [x] Requesting fib({n})")
print(f" [.] Got {Client().call(n)}")
