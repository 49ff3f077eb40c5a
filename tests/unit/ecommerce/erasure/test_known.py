"""What is looked for is found in every form that programs give it, and nothing else is."""

import base64
import json
from collections.abc import Callable
from urllib.parse import quote, urlencode

import pytest

from ecommerce.erasure.known import Known, Personal

NAME = "Zoë Ångström"
KNOWN = Known([Personal((NAME, "17 Nettle Wharf", "abc"), ("York", "Y1"))], email="zoe@a.example", username="zoe")
FORMS: dict[str, Callable[[str], bytes]] = {
    "as it is": lambda text: text.encode(),
    "JSON": lambda text: json.dumps({"name": text}).encode(),
    "a URL's path": lambda text: quote(text).encode(),
    "a form": lambda text: urlencode({"name": text}).encode(),
}


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS.keys())
@pytest.mark.parametrize("text", [NAME, "17 Nettle Wharf", "zoe@a.example"])
def test_a_text_is_found_in_every_form(form: Callable[[str], bytes], text: str) -> None:
    assert KNOWN.is_in(b"before " + form(text) + b" after")
    assert not KNOWN.is_in(b"before " + form(text[:-1]) + b" after")


@pytest.mark.parametrize("encode", [base64.b64encode, base64.urlsafe_b64encode])
@pytest.mark.parametrize("before", range(6))
@pytest.mark.parametrize("after", range(3))
def test_a_text_is_found_inside_of_base64_wherever_it_begins(
    encode: Callable[[bytes], bytes], before: int, after: int
) -> None:
    assert KNOWN.is_in(encode(b"?" * before + NAME.encode() + b"?" * after))


def test_city_and_postal_code_tell_who_it_is_only_together() -> None:
    assert KNOWN.is_in(b'{"postalCode": "Y1", "city": "York"}')
    assert not KNOWN.is_in(b"York")
    assert not KNOWN.is_in(b"Y1")


def test_what_is_too_short_to_look_for_is_counted() -> None:
    assert (KNOWN.searched, KNOWN.too_short) == (4, 1)
    assert not KNOWN.is_in(b"abc")


@pytest.mark.parametrize("record", [b"zoe", b'"user": "zoe"', b"\x04\x00\x00\x00zoe\x00"])
def test_a_user_name_is_counted_as_a_whole_word(record: bytes) -> None:
    assert KNOWN.mentioned_in(record)
    assert not KNOWN.is_in(record)


@pytest.mark.parametrize("record", [b"zoey", b"a-zoe", b"zoe@b.example", b"Zoe"])
def test_a_part_of_a_word_is_no_mention(record: bytes) -> None:
    assert not KNOWN.mentioned_in(record)
