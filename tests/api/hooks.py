"""What Schemathesis has to know of this shop that no schema can say. Its process loads it, and nothing of Django."""

import base64
from typing import Any

import schemathesis
from hypothesis import strategies as st

SKU = "SKU-001"
_CONTROLS = {chr(code) for code in (*range(0x20), *range(0x7F, 0xA0))}
PASSWORD = "a-long-way-from-common"


def _cursor(at: Any, name: str) -> str:
    return base64.urlsafe_b64encode(f"{at.isoformat()}Z|{name}".encode()).decode().rstrip("=")


_names = st.text(st.characters(codec="utf-8", exclude_characters="|\0"), min_size=1, max_size=36)
schemathesis.openapi.format("cursor", st.builds(_cursor, st.datetimes(), _names))
schemathesis.openapi.format("since", st.from_regex(r"\A[1-9][0-9]{0,2}[smhd]\Z"))


@schemathesis.hook
def map_query(context: Any, query: Any) -> Any:
    """Waits that do not hold up the run."""
    return query | {"wait": query["wait"] % 2} if query and type(query.get("wait")) is int else query


@schemathesis.hook
def map_body(context: Any, body: Any) -> Any:
    """Goods that there are, and passwords that are not common: a valid one of each is as good as another."""
    if isinstance(body, dict):
        for item in body["items"] if isinstance(body.get("items"), list) else ():
            if isinstance(item, dict) and _is_text(item.get("sku"), 64):
                item["sku"] = SKU
        if context.operation.path.endswith("/register") and _is_text(body.get("password"), 128):
            body["password"] = PASSWORD
    return body


def _is_text(value: Any, longest: int) -> bool:
    return isinstance(value, str) and 0 < len(value.strip()) <= len(value) <= longest and not _CONTROLS & set(value)
