"""From a message on Kafka to an input of the engine, without trusting a byte of it."""

import hashlib
from typing import cast

from confluent_kafka import Message

from ecommerce import identity
from ecommerce.inputs import Headers, Input, Source
from ecommerce.messages import Envelope, Event, Undecodable, decode, event_type_of
from ecommerce.service import Service


def read(service: Service, message: Message) -> Input | None:
    """The input that `message` is for `service`, or None for a type that it does not take.

    Bytes that are no event give an input with an `error`: it will be set aside, and nothing stops.
    """
    source = Source(
        topic=message.topic() or "",
        partition=message.partition() or 0,
        offset=message.offset() or 0,
        key=message.key(),
        headers=cast(Headers, message.headers() or ()),
    )
    return read_bytes(service, message.value() or b"", source)


def read_bytes(service: Service, data: bytes, source: Source) -> Input | None:
    """As `read`, for bytes that are at hand already."""
    try:
        envelope = _envelope(service, data, source)
    except Undecodable as error:
        return Input(id=_derived_id(source, data), key=_key(source), data=data, source=source, error=error)
    if envelope is None:
        return None
    return Input(id=envelope.event_id, key=envelope.payload.key, data=data, envelope=envelope, source=source)


def _envelope(service: Service, data: bytes, source: Source) -> Envelope[Event] | None:
    # The header first: it spares the decoding of what this service does not take.
    header = source.header("event-type")
    event_type = event_type_of(data) if header is None else header.decode(errors="replace")
    kind = service.kinds.get(event_type)
    if kind is None or kind not in service.taker or not issubclass(kind, Event):
        return None
    if kind.topic != source.topic:
        raise Undecodable(f"{event_type} belongs on {kind.topic}, not on {source.topic}")
    envelope = decode(data, kind)
    if not envelope.payload.key or ":" in envelope.event_id:
        raise Undecodable(f"{event_type}: empty key or malformed eventId")
    if source.key is not None and source.key != envelope.payload.key.encode():
        raise Undecodable(f"{event_type}: the message's key is not the payload's {kind.key_field}")
    return envelope


def _key(source: Source) -> str:
    try:
        return (source.key or b"").decode()
    except UnicodeDecodeError:
        return ""


def _derived_id(source: Source, data: bytes) -> str:
    # The bytes take part: in a topic that was made anew, the same place holds another message.
    digest = hashlib.blake2b(data, digest_size=16).hexdigest()
    return identity.derived_id("position", source.topic, str(source.partition), str(source.offset), digest)
