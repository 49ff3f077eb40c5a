"""What is known of a customer in plain text, in the forms in which it might lie somewhere. Kept in memory alone."""

import base64
import json
import math
import re
from collections.abc import Iterable
from typing import NamedTuple
from urllib.parse import quote, quote_plus

SHORTEST = 4  # bytes: anything shorter is found everywhere


class Personal(NamedTuple):
    """The personal data of one order. `texts` tell who it is one by one, `place` (city, postal code) only together."""

    texts: tuple[str, ...]
    place: tuple[str, str]


class Known:
    """Looks for what is known in records: documents, messages, lines.

    A user name may be a common word ("status"), so what mentions it says little: it is counted apart, as a whole word.
    """

    def __init__(self, personal: Iterable[Personal], *, email: str = "", username: str = "") -> None:
        texts: set[str] = {email} - {""}
        places: set[tuple[str, str]] = set()
        for each in personal:
            texts.update(each.texts)
            places.add(each.place)
        long_enough = {text for text in texts if len(text.encode()) >= SHORTEST}
        self.searched = len(long_enough) + len(places)
        self.too_short = len(texts) - len(long_enough)
        self._texts = [form for text in long_enough for form in forms(text)]
        self._places = [([*forms(city)], [*forms(code)]) for city, code in places]
        self._word = (
            re.compile(rb"(?<![\w.@+-])" + re.escape(username.encode()) + rb"(?![\w.@+-])") if username else None
        )

    def is_in(self, record: bytes) -> bool:
        """Whether anything known is in this record."""
        return any(text in record for text in self._texts) or any(
            _any(city, record) and _any(code, record) for city, code in self._places
        )

    def mentioned_in(self, record: bytes) -> bool:
        """Whether the user name is in this record, as a word."""
        return self._word is not None and self._word.search(record) is not None


def forms(text: str) -> set[bytes]:
    """A text as UTF-8, as JSON escapes it, in a URL, and inside of base64, wherever it begins there."""
    data = text.encode()
    found = {data, json.dumps(text)[1:-1].encode(), quote(text, safe="").encode(), quote_plus(text).encode()}
    for offset in range(3) if len(data) >= SHORTEST else ():
        # The first and the last character may hold bits of a neighbour.
        start, end = math.ceil(offset * 8 / 6), (offset + len(data)) * 8 // 6
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            found.add(encode(bytes(offset) + data)[start:end])
    return found


def _any(forms: Iterable[bytes], record: bytes) -> bool:
    return any(form in record for form in forms)
