"""What an operation of the API takes and answers, beside its view: the OpenAPI document is made of it.

What follows from the view itself (who may call it, that its body may be no JSON, that the database may be away) is
added by `openapi`.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema

from ecommerce.http.idempotency import HEADER
from ecommerce.http.pagination import DEFAULT_SIZE, LARGEST_SIZE

# Kinds of problems that an operation has beside those that follow from its view: read by `openapi`.
PROBLEMS = "_problems"

_ASCII = "^[!-~]([ -~]{0,253}[!-~])?$"


def query(name: str, description: str, schema: Mapping[str, Any]) -> OpenApiParameter:
    """A parameter in the URL."""
    return OpenApiParameter(name, dict(schema), OpenApiParameter.QUERY, description=description)


def header(name: str, description: str, schema: Mapping[str, Any], *, of: Sequence[int] = ()) -> OpenApiParameter:
    """A header of the request or, with statuses, of the answers that have them."""
    response = list(of) if of else False
    return OpenApiParameter(
        name,
        dict(schema),
        OpenApiParameter.HEADER,
        description=description,
        response=response,  # type: ignore[arg-type]
    )


PAGE = (
    query(
        "limit", "How many at most", {"type": "integer", "minimum": 1, "maximum": LARGEST_SIZE, "default": DEFAULT_SIZE}
    ),
    query("cursor", "`next` of the page before", {"type": "string", "format": "cursor"}),
)


def keyed(*statuses: int) -> list[OpenApiParameter]:
    """The headers of an operation that takes effect once for each key, whose answers have `statuses`."""
    said = "Whoever repeats a request with the same key and body gets the same answer, and it takes effect once"
    return [
        header(
            HEADER, said, {"type": "string", "pattern": _ASCII, "examples": ["019c13ec-9e7b-787c-9f85-f8a09531d12c"]}
        ),
        header("Idempotency-Replayed", "It was done before", {"type": "string", "const": "true"}, of=statuses),
    ]


def tagged(*statuses: int) -> list[OpenApiParameter]:
    """The headers of an operation whose answer need not be sent to those who have it."""
    return [
        header("If-None-Match", "`ETag` of the answer that is known", {"type": "string"}),
        header("ETag", "Another one for each other answer", {"type": "string"}, of=statuses),
    ]


def operation(
    id: str,
    summary: str,
    *,
    answers: Mapping[int, Any],
    body: Any = None,
    example: Any = None,
    parameters: Sequence[OpenApiParameter] = (),
    problems: Sequence[str] = (),
) -> Callable[[Any], Any]:
    """Describes a view's method: `answers` by status, `problems` by kind (`unknown-sku`).

    `example` is a body that is taken.
    """
    examples = [] if example is None else [OpenApiExample("Example", example, request_only=True)]

    def decorate(method: Any) -> Any:
        described = extend_schema(
            operation_id=id,
            summary=summary,
            request=body,
            responses=dict(answers),
            parameters=list(parameters),
            examples=examples,
        )(method)
        setattr(described, PROBLEMS, tuple(problems))
        return described

    return decorate
