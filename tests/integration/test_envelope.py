"""The envelope format: does everything of a message survive both ways, and is what is no envelope
refused with the reason?"""

import base64
import datetime
import decimal
import json
import struct

import pika
import pytest

TOPOLOGY = {"queues": [{"name": name} for name in ("work", "back", "dead")]}
IN = {"name": "in", "from": {"queue": "work"}, "to": {"channel": "events"}, "format": "envelope"}
OUT = {"name": "out", "from": {"channel": "events"}, "to": {"queue": "back"},
       "format": "envelope", "dead_letter": {"queue": "dead"}}
ANNOTATIONS = ("x-chunnel-origin", "x-chunnel-bridge", "x-chunnel-channel")
TEXTS = {"content_type": "text/plain", "content_encoding": "identity", "correlation_id": "c-1",
         "reply_to": "replies", "expiration": "600000", "message_id": "m-1", "type": "event",
         "user_id": "guest", "app_id": "shop", "cluster_id": "c"}
NUMBERS = {"delivery_mode": 1, "priority": 9, "timestamp": 1700000000}
HEADERS = {
    "string": "grüß", "empty": "", "yes": True, "no": False, "none": None,
    "small": 7, "negative": -(1 << 31), "large": 1 << 40,
    "bytes": b"\x00\xff", "decimal": decimal.Decimal("12.34"),
    "time": datetime.datetime(2026, 1, 31, 12, tzinfo=datetime.timezone.utc).replace(tzinfo=None),
    "table": {"a": {"b": [1, "two", None, {"c": 1 << 40}]}}, "array": [True, [], {}],
    "!odd": {"!i8": 1},
}


def publish(rig, queue, body, properties):
    rig.rabbit.channel(confirm=True).basic_publish("", queue, body, properties)


def publish_envelope(rig, envelope):
    rig.redis.client().publish("events", json.dumps(envelope))


def own_headers(properties):
    return {name: value for name, value in properties.headers.items() if name not in ANNOTATIONS}


BODIES = {"text": b"text", "empty": b"", "utf8": "grüß".encode(), "nul": b"a\x00b",
          "bytes": bytes(range(256)), "json": b"{\"a\": 1}", "long": b"x" * 300_000}


@pytest.mark.parametrize("name", BODIES)
def test_round_trip(rig, name):
    # From a queue to Redis and back to a queue: is it the same message, with the types on the wire?
    body = BODIES[name]
    rig.run(IN, OUT, topology=TOPOLOGY)
    publish(rig, "work", body, pika.BasicProperties(headers=HEADERS, **TEXTS, **NUMBERS))
    _, came, back = rig.rabbit.get("back")
    assert back == body
    assert {name: getattr(came, name) for name in {**TEXTS, **NUMBERS}} == {**TEXTS, **NUMBERS}
    assert own_headers(came) == HEADERS


class Field(tuple):
    """A field as it stands on the wire: (type octet, octets)."""


WIDTHS = {b"t": 1, b"b": 1, b"B": 1, b"s": 2, b"u": 2, b"I": 4, b"i": 4, b"l": 8, b"f": 4, b"d": 8,
          b"D": 5, b"T": 8, b"V": 0}


def pack(kind, form, *values):
    return Field((kind, struct.pack(form, *values)))


WIRE = {
    "b": pack(b"b", ">b", -128), "B": pack(b"B", ">B", 255), "s": pack(b"s", ">h", -32768),
    "u": pack(b"u", ">H", 65535), "I": pack(b"I", ">i", 7), "I-": pack(b"I", ">i", -(1 << 31)),
    "i": pack(b"i", ">I", (1 << 32) - 1), "l": pack(b"l", ">q", 7),
    "l-": pack(b"l", ">q", -(1 << 63)), "l+": pack(b"l", ">q", (1 << 63) - 1),
    "f": pack(b"f", ">f", 0.1), "d": pack(b"d", ">d", 0.1), "d1": pack(b"d", ">d", 1.0),
    "D": pack(b"D", ">BI", 2, 1234), "D0": pack(b"D", ">BI", 0, 7), "D9": pack(b"D", ">BI", 60, 1),
    "T": pack(b"T", ">Q", 1700000000), "V": Field((b"V", b"")), "t": Field((b"t", b"\x01")),
}


def test_types_on_the_wire(rig, monkeypatch):
    # Do types that a client would never choose, and strings that are no text, come back exactly?
    encode, decode = pika.data.encode_value, pika.data.decode_value

    def encode_field(pieces, value):
        if isinstance(value, Field):
            pieces.append(value[0] + value[1])
            return 1 + len(value[1])
        return encode(pieces, value)

    def decode_field(encoded, offset):
        kind = encoded[offset:offset + 1]
        if kind not in WIDTHS:
            return decode(encoded, offset)
        end = offset + 1 + WIDTHS[kind]
        return Field((kind, encoded[offset + 1:end])), end

    text = Field((b"S", struct.pack(">I", 3) + b"\xff\x00a"))  # pika decodes it as bytes
    headers = {**WIRE, "table": {"deep": [dict(WIRE), []]}, "S": text}
    rig.run(IN, {**OUT, "annotate": False}, topology=TOPOLOGY)
    monkeypatch.setattr(pika.data, "encode_value", encode_field)
    publish(rig, "work", b"x", pika.BasicProperties(headers=headers))
    monkeypatch.setattr(pika.data, "decode_value", decode_field)
    _, properties, _ = rig.rabbit.get("back")
    assert properties.headers == {**headers, "S": b"\xff\x00a"}
    assert properties.message_id is None and properties.app_id is None


def test_what_redis_sees(rig):
    # Is what a subscriber gets an envelope with all that belongs to the message?
    subscriber = rig.redis.subscribe("events")
    rig.run(IN, topology=TOPOLOGY)
    publish(rig, "work", b"hello", pika.BasicProperties(
        headers={"n": 7, "kind": "cat", "raw": b"\xff"}, **TEXTS, **NUMBERS))
    envelope = json.loads(subscriber.body())
    assert datetime.datetime.fromisoformat(envelope.pop("time").replace("Z", "+00:00"))
    assert envelope == {
        "v": 1, "id": "m-1", "bridge": "in",
        "source": {"queue": "work", "exchange": "", "routing_key": "work", "redelivered": False},
        "properties": {**TEXTS, **NUMBERS,
                       "headers": {"n": 7, "kind": "cat", "raw": {"!bytes": "/w=="}}},
        "body": "hello", "body_encoding": "utf-8"}
    publish(rig, "work", b"\xff\x00", None)
    envelope = json.loads(subscriber.body())
    assert (envelope["body"], envelope["body_encoding"]) == ("/wA=", "base64")
    assert envelope["properties"] == {} and envelope["id"]


def test_a_body_is_enough(rig):
    # Does an envelope by hand become a message with the usual annotations?
    rig.run(OUT, topology=TOPOLOGY)
    publish_envelope(rig, {"body": "hello"})
    _, properties, body = rig.rabbit.get("back")
    assert body == b"hello"
    assert properties.app_id == "chunneld" and properties.message_id and properties.timestamp
    assert properties.delivery_mode == 2
    assert properties.headers == {"x-chunnel-origin": "gw-test", "x-chunnel-bridge": "out",
                                  "x-chunnel-channel": "events"}
    publish_envelope(rig, {"v": 1, "id": "order-7", "body": base64.b64encode(b"\xff").decode(),
                           "body_encoding": "base64", "mine": [1],
                           "properties": {"headers": {"x": 7, "y": {"!i64": 7}}}})
    _, properties, body = rig.rabbit.get("back")
    assert (properties.message_id, body) == ("order-7", b"\xff")
    assert own_headers(properties) == {"x": 7, "y": 7}


def test_the_rule_wins(rig):
    # Rule over envelope over annotation, and templates that ask for what the envelope says?
    rig.run({**OUT, "to": {"queue": "{header.queue}", "persistent": True, "properties": {
        "type": "rule", "priority": 1, "headers": {"who": "{property.app_id}", "kind": "rule"}}}},
        topology=TOPOLOGY)
    publish_envelope(rig, {"body": "x", "properties": {
        "type": "envelope", "priority": 9, "delivery_mode": 1, "app_id": "shop", "timestamp": 7,
        "headers": {"queue": "back", "kind": "envelope", "x-chunnel-origin": "forged"}}})
    _, properties, _ = rig.rabbit.get("back")
    assert (properties.type, properties.priority, properties.delivery_mode) == ("rule", 1, 2)
    assert (properties.app_id, properties.timestamp) == ("shop", 7)
    assert own_headers(properties) == {"queue": "back", "kind": "rule", "who": "shop"}
    assert properties.headers["x-chunnel-origin"] == "gw-test"


HOSTILE = [
    ("hello", "no envelope"),
    ("", "empty"),
    ("[]", "a JSON object is wanted"),
    ("{}", "\"body\" is missing"),
    ('{"body": {"a": 1}}', "/body"),
    ('{"body": "x", "body": "y"}', "stood in this object before"),
    ('{"body": "x", "v": 2}', "/v"),
    ('{"body": "_", "body_encoding": "base64"}', "no base64"),
    ('{"body": "x", "body_encoding": "gzip"}', "/body_encoding"),
    ('{"body": "x", "properties": {"priority": 256}}', "/properties/priority"),
    ('{"body": "x", "properties": {"delivery_mode": 3}}', "/properties/delivery_mode"),
    ('{"body": "x", "properties": {"expiration": "soon"}}', "/properties/expiration"),
    ('{"body": "x", "properties": {"headers": {"CC": "a"}}}', "CC"),
    ('{"body": "x", "properties": {"headers": {"x": 9223372036854775808}}}', "/headers/x"),
    ('{"body": "x", "properties": {"headers": {"x": {"!f64": "NaN"}}}}', "/headers/x"),
    ('{"body": "x", "properties": {"reply_to": "amq.rabbitmq.reply-to"}}', "/reply_to"),
    ('{"body": "x", "properties": {"headers": {"x": ' + "[" * 33 + "]" * 33 + "}}}",
     "nested over 32"),
    ('{"body": ' + "[" * 100_000, "nested deeper"),
]


@pytest.mark.parametrize("number", range(len(HOSTILE)))
def test_hostile_envelopes(rig, number):
    # Is what is no valid envelope dead-lettered as it came, with the reason, while others go on?
    text, words = HOSTILE[number]
    daemon = rig.run(OUT, topology=TOPOLOGY)
    rig.redis.client().publish("events", text)
    publish_envelope(rig, {"body": "good"})
    assert rig.rabbit.get("back")[2] == b"good"
    _, properties, body = rig.rabbit.get("dead")
    assert body == text.encode()
    assert properties.headers["x-chunnel-reason"] == "envelope"
    assert words in properties.headers["x-chunnel-error"]
    assert daemon.stats()["connections"]["rabbit"]["reconnects"] == 0
    bridge = daemon.wait_bridge("out", received=2, pending=0)
    assert (bridge["delivered"], bridge["dead_lettered"]) == (1, 1)


def test_headers_over_a_frame(rig):
    # What no frame can hold is refused before the wire, and costs no connection.
    daemon = rig.run(OUT, topology=TOPOLOGY)
    publish_envelope(rig, {"body": "x", "properties": {"headers": {"x": "y" * 200_000}}})
    publish_envelope(rig, {"body": "good"})
    assert rig.rabbit.get("back")[2] == b"good"
    bridge = daemon.wait_bridge("out", received=2, pending=0)
    assert bridge["delivered"] == 1 and bridge["dropped"] == 1
    assert daemon.stats()["connections"]["rabbit"]["reconnects"] == 0


def test_another_user_id(rig):
    # The broker would close the channel over the user id of somebody else: it stays behind.
    daemon = rig.run(OUT, topology=TOPOLOGY)
    publish_envelope(rig, {"body": "x", "properties": {"user_id": "somebody"}})
    assert rig.rabbit.get("back")[1].user_id is None
    assert daemon.stats()["connections"]["rabbit"]["reconnects"] == 0


def test_dead_letters_of_envelopes(rig):
    # Is a dead letter on Redis an envelope that can be published again?
    subscriber = rig.redis.subscribe("lost")
    rig.run({**OUT, "to": {"exchange": "void"}, "dead_letter": {"channel": "lost"}},
            topology={"exchanges": [{"name": "void"}]})
    publish_envelope(rig, {"body": "x", "properties": {"type": "event", "headers": {"n": 7}}})
    envelope = json.loads(subscriber.body())
    assert envelope["reason"] == "unroutable"
    assert (envelope["body"], envelope["properties"]) == (
        "x", {"type": "event", "headers": {"n": 7}})
    rig.redis.client().publish("events", "none")
    envelope = json.loads(subscriber.body())
    assert (envelope["reason"], envelope["body"], envelope["properties"]) == (
        "envelope", "none", {})


def test_spooled_envelopes(rig):
    # Do envelopes that waited on disk over a restart come out as they would have before?
    proxy = rig.proxy(rig.broker.port)
    options = {"amqp_url": rig.rabbit.url(port=proxy.port), "topology": TOPOLOGY,
               "spool": {"directory": str(rig.folder / "spool")}}
    bridge = {**OUT, "buffer": {"disk": "10MiB", "messages": 10}}
    daemon = rig.run(bridge, **options)
    proxy.refuse()
    proxy.reset_all()
    daemon.wait_stats(lambda stats: stats["bridges"]["out"]["state"] == "waiting",
                      "the bridge waits for the broker")
    for number in range(100):
        publish_envelope(rig, {"body": str(number), "properties": {"headers": {"n": number}}})
    daemon.wait_bridge("out", received=100)
    daemon.stop()
    proxy.listen()
    rig.run(bridge, **options)
    messages = rig.rabbit.take_messages("back", 100)
    assert [(body, properties.headers["n"]) for _, properties, body in messages] == \
        [(str(number).encode(), number) for number in range(100)]
