// A bridge between Redis pub/sub and RabbitMQ with ioredis and amqplib, to compare with: what one
// would write in an afternoon by the book of both libraries, losing nothing it can help losing.
//
//   node bridge.js redis-to-amqp '{"redis": URL, "amqp": URL, "channel" | "pattern": ...,
//                                  "exchange": ..., "routing_key": ... (none: the channel)}'
//   node bridge.js amqp-to-redis '{"redis": URL, "amqp": URL, "queue": ..., "prefetch": ...,
//                                  "channel": ...}'
//
// Messages to RabbitMQ are persistent and kept until it confirms them; when the connection breaks
// those are sent again over the next one. Messages from a queue are acknowledged when Redis has
// answered their PUBLISH.
'use strict';

const amqplib = require('amqplib');
const Redis = require('ioredis');

const RECONNECT_MS = 1000;

// Calls `use(connection)` for a connection to RabbitMQ, again for each that follows a broken one.
async function keepConnected(url, use) {
  for (;;) {
    try {
      const connection = await amqplib.connect(url);
      const closed = new Promise((resolve) => connection.once('close', resolve));
      connection.on('error', (error) => console.error(`amqp: ${error.message}`));
      await use(connection);
      await closed;
    } catch (error) {
      console.error(`amqp: ${error.message}`);
    }
    await new Promise((resolve) => setTimeout(resolve, RECONNECT_MS));
  }
}

function redisToAmqp(options) {
  const unconfirmed = new Set(); // in the order in which they came
  let channel = null;

  function send(message) {
    const through = channel;
    through.publish(options.exchange, message.key, message.body, { persistent: true }, (error) => {
      if (!error) unconfirmed.delete(message);
      // Refused by the broker: once more. Of a closed channel: the next one sends it.
      else setImmediate(() => { if (through === channel) send(message); });
    });
  }

  function onMessage(name, body) {
    const message = { key: options.routing_key ?? name.toString(), body };
    unconfirmed.add(message);
    if (channel) send(message);
  }

  keepConnected(options.amqp, async (connection) => {
    const opened = await connection.createConfirmChannel();
    opened.once('close', () => { if (channel === opened) channel = null; });
    opened.on('error', (error) => console.error(`amqp: ${error.message}`));
    channel = opened;
    for (const message of unconfirmed) send(message);
  });

  const redis = new Redis(options.redis);
  redis.on('error', (error) => console.error(`redis: ${error.message}`));
  if (options.pattern) {
    redis.on('pmessageBuffer', (pattern, name, body) => onMessage(name, body));
    redis.psubscribe(options.pattern);
  } else {
    redis.on('messageBuffer', onMessage);
    redis.subscribe(options.channel);
  }
}

function amqpToRedis(options) {
  const redis = new Redis(options.redis, { enableAutoPipelining: true });
  redis.on('error', (error) => console.error(`redis: ${error.message}`));

  keepConnected(options.amqp, async (connection) => {
    const channel = await connection.createChannel();
    let open = true;
    channel.once('close', () => { open = false; });
    channel.on('error', (error) => console.error(`amqp: ${error.message}`));
    await channel.prefetch(options.prefetch);
    await channel.consume(options.queue, async (message) => {
      if (message === null) return; // the queue was deleted
      try {
        await redis.publish(options.channel, message.content);
        if (open) channel.ack(message);
      } catch (error) {
        if (open) channel.nack(message);
      }
    });
  });
}

const bridges = { 'redis-to-amqp': redisToAmqp, 'amqp-to-redis': amqpToRedis };
bridges[process.argv[2]](JSON.parse(process.argv[3]));
