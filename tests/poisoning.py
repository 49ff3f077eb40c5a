"""Messages that are spoilt on their way, and mended where they were set aside."""

from collections.abc import Sequence
from io import StringIO
from pathlib import Path

from django.core.management import call_command

from ecommerce.environment import SERVICES
from ecommerce.registry import engine


def cut_short(order_id: str) -> bytes:
    """Spoils the order's first event in the outbox, on its way to Kafka; the relay must stand still.

    Gives what it was.
    """
    outbox = engine("orders").database["outbox"]
    document = outbox.find_one({"messages.key": order_id})
    assert document is not None
    message = next(each for each in document["messages"] if each["key"] == order_id)
    original = bytes(message["value"])
    message["value"] = original[: len(original) // 2]
    outbox.replace_one({"_id": document["_id"]}, document)
    return original


def failed(order_id: str) -> list[str]:
    """The ids of the failed letters that `dlq list` shows of the order."""
    said = StringIO()
    call_command("dlq", "list", "--key", order_id, "--status", "FAILED", stdout=said)
    return [word for word in said.getvalue().split() if word.partition(":")[0] in SERVICES]


def mend(ids: Sequence[str], original: bytes, folder: Path) -> None:
    """Gives the letters back what their message was."""
    mended = folder / "mended.json"
    mended.write_bytes(original)
    for id in ids:
        call_command("dlq", "edit", id, "--file", str(mended), "--reason", "cut short", stdout=StringIO())
